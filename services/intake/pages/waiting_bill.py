"""The bill, and paying it."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from services.domain.fees import LineState, TransferKind, TransferState
from services.intake import fees, payments
from services.intake.fees_shown import PaymentGiven, TransferShown
from services.intake.pages.waiting import case_of
from services.intake.pages.waiting_forms import AtDesk, Desk, Once
from services.runtime.web.problems import Problem

router = APIRouter(include_in_schema=False)
LINE_STATES: Mapping[LineState, tuple[str, str]] = {
    LineState.TO_ASSESS: ("待部门核定", "quiet"),
    LineState.DUE: ("待缴", "warn"),
    LineState.NOTHING_DUE: ("无需缴纳", "quiet"),
    LineState.EXEMPT: ("已减免", "good"),
    LineState.PAYING: ("缴款处理中", "quiet"),
    LineState.PAID: ("已缴", "good"),
    LineState.REFUNDING: ("退款处理中", "quiet"),
    LineState.REFUNDED: ("已退款", "good"),
}
TRANSFER_STATES: Mapping[TransferState, tuple[str, str]] = {
    TransferState.BEGUN: ("处理中", "quiet"),
    TransferState.CONFIRMED: ("已到账", "good"),
    TransferState.FAILED: ("未成功", "bad"),
}
TRANSFER_KINDS: Mapping[TransferKind, str] = {
    TransferKind.PAYMENT: "缴款",
    TransferKind.REFUND: "退款",
}
OFF_TO_PAY = ("https://", "http://")


@router.get("/applications/{application}/bill")
async def bill(desk: AtDesk) -> Response:
    """The one bill: every line with its document, what is due, what was paid, and the receipts."""
    return await _bill(desk)


@router.post("/applications/{application}/bill/payments")
async def pay(desk: AtDesk, asked: Once) -> Response:
    """Pay the lines that were chosen; where the payer goes on elsewhere, lead him there."""
    form = await desk.request.form()
    lines = tuple(one for one in form.getlist("line") if isinstance(one, str))
    try:
        given = PaymentGiven(lines=lines or None)
        taken = await payments.pay(desk.parts, desk.who, asked, desk.number, given)
    except Problem as problem:
        return await _bill(desk, problem)
    except ValueError:
        return await _bill(desk)
    begun = TransferShown.model_validate_json(bytes(taken.body))
    shown = await fees.bill(desk.parts, desk.who, desk.number)
    transfer = next((one for one in shown.transfers if one.id == begun.id), begun)
    response = RedirectResponse(f"{desk.path}/bill", status_code=303)
    paid = transfer.state is TransferState.CONFIRMED
    message = "缴款成功，回单见下方" if paid else "缴款单已生成，请按下方提示完成缴款"
    desk.site.flash(desk.request, response, message)
    return response


async def _bill(desk: Desk, problem: Problem | None = None) -> Response:
    case = await case_of(desk.parts, desk.who, desk.number)
    found = await fees.bill(desk.parts, desk.who, desk.number)
    names = {one.standard: one.name for one in found.lines}
    items = {part.item: part.item_name for step in case.plan.steps for part in step.parts}
    return desk.site.page(
        desk.request,
        "intake/waiting_bill.html",
        status=problem.kind.status if problem else 200,
        session=desk.session,
        case=case,
        bill=found,
        due=[one for one in found.lines if one.state is LineState.DUE],
        names=names,
        items=items,
        line_states=LINE_STATES,
        transfer_states=TRANSFER_STATES,
        transfer_kinds=TRANSFER_KINDS,
        pay_at={one.id: one.pay_at for one in found.transfers if _leads_off(one)},
        told=desk.site.told(desk.request, problem) if problem else None,
    )


def _leads_off(transfer: TransferShown) -> bool:
    """Whether the payer goes on at an address of the payment system; only a web address is one."""
    under_way = transfer.state is TransferState.BEGUN
    return under_way and (transfer.pay_at or "").startswith(OFF_TO_PAY)

"""Paying a bill and paying back: begun in our books first, settled with the payment system after.

The order is ours and has our number, so that an answer that was lost can be asked for again: first
the lines are held for a transfer and that is committed, then the payment system is asked, and what
it says is recorded. What is still under way is asked about again and again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import structlog
from starlette.responses import Response

from services.domain.fees import (
    TOO_MUCH,
    LineState,
    Settlement,
    Standing,
    TransferKind,
    TransferState,
)
from services.intake import fees_problems as problems
from services.intake import fees_store as store
from services.intake import letters, links, repaying
from services.intake.fees import anothers_ledger, locked_ledger
from services.intake.fees_shown import PaymentGiven, RefundGiven, TransferShown
from services.intake.letters import LetterKind
from services.intake.parts import Parts
from services.intake.payment import Order, PaymentAdapter, Word
from services.intake.problems import WITHDRAWN
from services.intake.texts import digest_of
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.loops import Body, Pulse, pause
from services.runtime.messages import new_event_id
from services.runtime.web.idempotency import Asked, Slot, once
from services.runtime.web.problems import INVALID, Fault, Problem, Words

__all__ = ["asking", "pay", "refund", "settle_begun"]

AT_ONCE = 50
"""So many transfers are asked about in one turn."""
_log = structlog.get_logger(__name__)


async def pay(
    parts: Parts, who: Principal, asked: Asked, number: str, given: PaymentGiven
) -> Response:
    """Begin to pay lines of one's own bill; the payment system's word follows on the bill.

    Raises Problem 404 for another's application, 409 for lines that are not due or when it was
    withdrawn, 503 without a payment system.
    """
    adapter = _adapter(parts)
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        ledger = await locked_ledger(parts, conn, who, number, who.ref)
        if ledger.row["withdrawn_at"] is not None:
            raise Problem(WITHDRAWN)
        lines = _payable(ledger.standings, given.lines)
        begun = _Begun(parts, conn, who, number)
        transfer = await begun.transfer(slot, adapter, TransferKind.PAYMENT, lines)
    await _settle_quietly(parts, adapter, transfer)
    return begun.answer


async def refund(
    parts: Parts, who: Principal, asked: Asked, number: str, standard: str, given: RefundGiven
) -> Response:
    """Begin to pay back a line that was charged against the law (行政许可法 75).

    Raises Problem 404 for what is not on the bill, 409 when it was not paid, 503 without a payment
    system.
    """
    adapter = _adapter(parts)
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        ledger = await anothers_ledger(parts, conn, who, number)
        found = ledger.standing(standard)
        if found.state is not LineState.PAID:
            raise Problem(problems.NOT_PAID, extra={"state": found.state})
        paid = await _payment_of(conn, number, standard, adapter)
        begun = _Begun(parts, conn, who, number)
        why: dict[str, UUID | str] = {"refund_of": paid.transfer, **given.model_dump()}
        again = [found.model_copy(update={"amount": paid.amount, "remitted": Decimal(0)})]
        transfer = await begun.transfer(slot, adapter, TransferKind.REFUND, again, **why)
        now = parts.clock.now()
        await repaying.tell(conn, number, found.line, again[0].payable, transfer, now)
        await letters.write_one(conn, number, LetterKind.REFUND, now)
    await _settle_quietly(parts, adapter, transfer)
    return begun.answer


def _adapter(parts: Parts) -> PaymentAdapter:
    if parts.payment is None:
        raise Problem(problems.NO_PAYMENT)
    return parts.payment


def _payable(standings: Sequence[Standing], named: Sequence[str] | None) -> list[Standing]:
    """Return the lines to pay: those named, or all that are due. Raises Problem 409."""
    due = {one.line.standard: one for one in standings if one.state is LineState.DUE}
    wanted = list(due) if named is None else list(dict.fromkeys(named))
    states = {one.line.standard: one.state.value for one in standings}
    refused = {one: states.get(one, "not_billed") for one in wanted if one not in due}
    if refused or not wanted:
        raise Problem(problems.NOT_DUE, extra={"lines": refused})
    if sum(due[one].payable for one in wanted) >= TOO_MUCH:
        raise Problem(INVALID, errors=[Fault("#/lines", _TOO_MUCH)])
    return [due[one] for one in wanted]


_TOO_MUCH = Words(
    "一次缴款须小于一万亿元，请分项缴纳",
    "One payment is below 10^12 yuan: pay the lines one by one",
)


async def _payment_of(
    conn: Connection, number: str, standard: str, adapter: PaymentAdapter
) -> Settlement:
    """Return how a paid line was paid. Raises Problem 409 when another adapter took the money."""
    settlements = await store.settlements_of(conn, number)
    [found] = (
        one for one in settlements if (one.line, one.kind) == (standard, TransferKind.PAYMENT)
    )
    transfers = {one["id"]: one for one in await store.transfers_of(conn, number)}
    if transfers[found.transfer]["adapter"] != adapter.name:
        raise Problem(problems.PAID_ELSEWHERE)
    return found


class _Begun:
    """A transfer that is being begun, in the request's transaction."""

    answer: Response

    def __init__(self, parts: Parts, conn: Connection, who: Principal, number: str) -> None:
        self._parts, self._conn, self._who, self._number = parts, conn, who, number

    async def transfer(
        self,
        slot: Slot,
        adapter: PaymentAdapter,
        kind: TransferKind,
        lines: Sequence[Standing],
        **why: UUID | str,
    ) -> UUID:
        """Hold the lines, record it, and keep the answer of the request."""
        # Ordered by real time: in business time two orders may be of one instant.
        transfer, now = new_event_id(), self._parts.clock.now()
        await store.add_transfer(
            self._conn,
            transfer=transfer,
            number=self._number,
            kind=kind,
            lines=lines,
            at=now,
            by=self._who.ref,
            adapter=adapter.name,
            sandbox=adapter.sandbox,
            **why,
        )
        names = [one.line.standard for one in lines]
        amount = sum((one.payable for one in lines), start=Decimal(0))
        facts = {"transfer": str(transfer), "lines": names, "amount": str(amount)}
        told = {"adapter": adapter.name} | _told(why)
        act = f"fee.{kind}_begun"
        await audit.leaf(self._conn, act, self._number, self._who.ref, facts | told, at=now)
        rows = await store.transfers_of(self._conn, self._number)
        shown = next(
            TransferShown.model_validate(dict(one)) for one in rows if one["id"] == transfer
        )
        self.answer = slot.keep(
            Response(
                shown.model_dump_json(),
                status_code=202,
                media_type="application/json",
                headers={"location": links.of_bill(self._number)["self"]},
            )
        )
        return transfer


def _told(why: Mapping[str, UUID | str]) -> dict[str, str]:
    """Return what the log of acts has of a refund: what it is of; what was written, by digest."""
    texts = {name: value for name, value in why.items() if isinstance(value, str)}
    told = {name: str(value) for name, value in why.items() if name not in texts}
    return told | ({"texts_sha256": digest_of(texts)} if texts else {})


class Round(NamedTuple):
    """How many transfers were asked about, and about how many the payment system said nothing."""

    asked: int
    failed: int


async def settle_begun(parts: Parts, turned: Callable[[], None] = lambda: None) -> Round:
    """Ask about transfers under way, those not asked about for the longest time first.

    `turned` is called after each: a payment system that is slow to answer is no loop that hangs.
    """
    adapter = parts.payment
    if adapter is None:
        return Round(asked=0, failed=0)
    async with parts.pool.acquire() as conn:
        begun = await store.list_begun(conn, adapter.name, AT_ONCE)
    failed = 0
    for transfer in begun:
        failed += not await _settle_quietly(parts, adapter, transfer)
        turned()
    return Round(asked=len(begun), failed=failed)


def asking(parts: Parts, seconds: float) -> Body:
    """Return the loop that asks. What stays unanswered is an alarm in the heartbeat's detail.

    It is no reason to start the process again, nor to answer no more applications.
    """

    async def body(pulse: Pulse, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                found = await settle_begun(parts, pulse.turn)
                pulse.progress()
                pulse.detail = f"not_settled={found.failed}" if found.failed else None
            except Exception as error:
                pulse.failed(error)
                _log.warning("turn failed", loop=pulse.name, exc_info=True)
            await pause(stop, seconds)

    return body


async def _settle_quietly(parts: Parts, adapter: PaymentAdapter, transfer: UUID) -> bool:
    """Settle; a payment system that fails is told of in the log, and asked again by the loop.

    Nothing is lost by that: the transfer stays begun, and its lines are held for it. Returns
    whether it answered.
    """
    try:
        await _settle(parts, adapter, transfer)
    except Exception as error:
        _log.warning("payment not settled", transfer=str(transfer), error=type(error).__name__)
        return False
    return True


async def _settle(parts: Parts, adapter: PaymentAdapter, transfer: UUID) -> None:
    async with parts.pool.acquire() as conn:
        row = await store.ask_transfer(conn, transfer, adapter.name)
    if row is None:
        return
    order = Order(
        number=row["id"],
        kind=TransferKind(row["kind"]),
        application=row["application"],
        lines=tuple(row["lines"]),
        amount=row["amount"],
        refund_of=row["refund_of"],
    )
    async with asyncio.timeout(parts.payment_timeout):
        word = await adapter.settle(order)
    async with parts.pool.acquire() as conn, conn.transaction():
        await _record(parts, conn, transfer, word)


async def _record(parts: Parts, conn: Connection, transfer: UUID, word: Word) -> None:
    if word.state is TransferState.BEGUN:
        await store.note_transfer(conn, transfer, reference=word.reference, pay_at=word.pay_at)
        return
    now = parts.clock.now()
    row = await store.end_transfer(conn, transfer, word.state, word.reference, now)
    if row is None:
        return
    if word.state is TransferState.FAILED:
        await store.release(conn, transfer)
    facts = {
        "transfer": str(transfer),
        "lines": list(row["lines"]),
        "amount": str(row["amount"]),
        "adapter": row["adapter"],
        "reference": row["reference"],
    }
    act = f"fee.{row['kind']}_{word.state}"
    await audit.leaf(conn, act, row["application"], None, facts, at=now)

"""The one bill of an application: read, assessed, remitted, paid, paid back; and nothing else."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from services.contracts.acceptance import AcceptanceProgress
from services.contracts.events import ApplicationProgressed
from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceState,
    ApplicationStatus,
)
from services.domain.fees import TransferState
from services.intake.payment import Order, PaymentError, Sandbox, Word
from services.intake.payments import asking, settle_begun
from services.orchestrator.settings import TemporalSettings
from services.runtime.loops import Pulse
from services.verification.fees import fees as verified
from services.verification.folders import Folder, queries
from services.verification.sources import Sources
from services.verification.world import read
from tests.conftest import Databases
from tests.integration.fees_desk import (
    DOCUMENT,
    DRAINS,
    LICENCE,
    OPERATOR,
    SIGN,
    Desk,
    Till,
    edition,
    open_desk,
)
from tests.integration.intake_kit import (
    CATALOGUE,
    INVESTOR,
    NOW,
    STRANGER,
    SUPERVISOR,
    officer,
    once,
    problem,
)
from tests.integration.messaging import until


@pytest_asyncio.fixture
async def desk(databases: Databases, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(databases, tmp_path) as found:
        yield found


async def test_one_bill_by_published_standards_of_the_day_of_acceptance(desk: Desk) -> None:
    """ALL 58-59: every line cites its document, nothing else is on it."""
    bill = await desk.bill()
    assert (bill["accepted_on"], bill["catalogue_version"]) == ("2026-03-02", "2026.1")
    assert await desk.lines() == {
        SIGN: ("due", "180.00"),
        DRAINS: ("to_assess", None),
        LICENCE: ("to_assess", None),
    }
    by_code = {one["standard"]: one for one in bill["lines"]}
    assert by_code[DRAINS]["document"]["law"] == "城镇排水与污水处理条例"
    assert "费率见主管部门文件" in by_code[DRAINS]["note"]
    assert by_code[SIGN]["departments"] == ["city-appearance"]
    assert bill["sums"]["due"] == "180.00"
    assert bill["sums"]["to_assess"] == 2
    # To look at a bill leaves nothing behind.
    assert await desk.acts() == []


async def test_a_bill_is_its_applicants_and_the_centres_own(desk: Desk) -> None:
    problem(await desk.intake.get(desk.path(), STRANGER), 404, "not-found")
    problem(await desk.intake.get(desk.path(), officer("city-appearance")), 403, "forbidden")
    assert (await desk.bill(OPERATOR))["number"] == desk.number
    assert (await desk.bill(SUPERVISOR))["number"] == desk.number
    problem(await desk.pay(who=STRANGER), 404, "not-found")
    problem(await desk.pay(who=OPERATOR), 403, "forbidden")
    body = {"document": DOCUMENT, "rate": "1"}
    for who in (INVESTOR, SUPERVISOR, officer("city-appearance")):
        for rest in ("assessments", "exemption", "refund"):
            given = body if rest == "assessments" else {"reason": "x", "document": "y"}
            problem(await desk.post(f"/lines/{LICENCE}/{rest}", given, who), 403, "forbidden")


async def test_what_is_due_is_paid_once(desk: Desk) -> None:
    answer = await desk.pay()
    assert answer.status_code == 202, answer.text
    assert (answer.json()["lines"], answer.json()["amount"]) == ([SIGN], "180.00")
    bill = await desk.bill()
    assert bill["sums"]["paid"] == "180.00"
    [transfer] = bill["transfers"]
    assert (transfer["state"], transfer["sandbox"]) == ("confirmed", False)
    assert [order.amount for order in desk.till.asked] == [Decimal("180.00")]
    found = problem(await desk.pay(SIGN), 409, "fee-not-due")
    assert found["lines"] == {SIGN: "paid"}
    problem(await desk.pay(), 409, "fee-not-due")
    assert await desk.acts() == ["bill.drawn_up", "fee.payment_begun", "fee.payment_confirmed"]
    assert len(desk.till.asked) == 1


async def test_one_key_is_one_payment(desk: Desk) -> None:
    key = once()
    first, second = [
        await desk.intake.client.post(desk.path("/payments"), json={}, headers={**INVESTOR, **key})
        for _ in range(2)
    ]
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert len((await desk.bill())["transfers"]) == 1


async def test_of_many_payments_at_once_one_begins(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.pay() for _ in range(6)))
    assert sorted(one.status_code for one in answers) == [202] + [409] * 5
    assert (await desk.bill())["sums"]["paid"] == "180.00"
    assert len(desk.till.asked) == 1


async def test_an_open_line_is_paid_only_after_its_assessment(desk: Desk) -> None:
    found = problem(await desk.pay(SIGN, DRAINS), 409, "fee-not-due")
    assert found["lines"] == {DRAINS: "to_assess"}
    assert desk.till.asked == []
    problem(await desk.assess(DRAINS, rate="3"), 422, "invalid")
    wrong = problem(await desk.assess(DRAINS), 422, "invalid")
    assert {one["pointer"] for one in wrong["errors"]} == {"#/rate", "#/quantity"}
    problem(await desk.assess(SIGN, rate="1", quantity="1"), 409, "not-to-assess")
    first = await desk.assess(DRAINS, rate="3", quantity="100")
    assert first.status_code == 201, first.text
    assert (first.json()["state"], first.json()["amount"]) == ("due", "300.00")
    assert first.json()["assessed_by"] == DOCUMENT
    # A slip is put right until it is paid.
    await desk.assess(DRAINS, rate="3", quantity="10")
    await desk.assess(LICENCE, rate="10")
    assert (await desk.pay()).json()["amount"] == "220.00"
    assert {state for state, _ in (await desk.lines()).values()} == {"paid"}
    problem(await desk.assess(DRAINS, rate="4", quantity="10"), 409, "not-to-assess")
    [leaf] = [one for one in await desk.intake.acts() if one["facts"].get("amount") == "30.00"]
    assert leaf["act"] == "fee.assessed"
    assert leaf["actor"]
    assert DOCUMENT not in str(leaf)


@pytest.mark.parametrize(
    "given", [{"rate": "0"}, {"rate": "-1"}, {"rate": "1e400"}, {"rate": "NaN"}, {"document": ""}]
)
async def test_an_assessment_must_make_sense(desk: Desk, given: dict[str, str]) -> None:
    answer = await desk.assess(LICENCE, **{"rate": "1", **given})
    problem(answer, 422, "invalid")


async def test_nothing_else_can_be_billed(desk: Desk) -> None:
    """ALL 59: what is not published is not charged, by whomever."""
    for answer in (
        await desk.assess("service-fee", rate="100"),
        await desk.exempt("service-fee"),
        await desk.refund("service-fee"),
    ):
        assert "行政许可法 58" in problem(answer, 404, "not-found")["detail"]
    found = problem(await desk.pay("service-fee"), 409, "fee-not-due")
    assert found["lines"] == {"service-fee": "not_billed"}


async def test_a_line_is_remitted_with_its_reason(desk: Desk) -> None:
    problem(await desk.post(f"/lines/{SIGN}/exemption", {"reason": "x"}, OPERATOR), 422, "invalid")
    answer = await desk.exempt(SIGN)
    assert answer.status_code == 201, answer.text
    assert answer.json()["exempted_because"] == "小微企业免征"
    assert (await desk.bill())["sums"]["exempt"] == "180.00"
    problem(await desk.exempt(SIGN), 409, "not-to-exempt")
    problem(await desk.pay(), 409, "fee-not-due")
    assert await desk.acts() == ["bill.drawn_up", "fee.exempted"]


async def test_an_unlawful_line_is_paid_back(desk: Desk) -> None:
    """ALL 75."""
    problem(await desk.refund(SIGN), 409, "fee-not-paid")
    await desk.pay()
    answer = await desk.refund(SIGN)
    assert answer.status_code == 202, answer.text
    paid, back = desk.till.asked
    assert (back.refund_of, back.amount, back.lines) == (paid.number, paid.amount, (SIGN,))
    bill = await desk.bill()
    assert [one["state"] for one in bill["lines"] if one["standard"] == SIGN] == ["refunded"]
    assert (bill["sums"]["paid"], bill["sums"]["refunded"]) == ("0.00", "180.00")
    assert bill["transfers"][1]["reason"] == "无法定依据"
    problem(await desk.refund(SIGN), 409, "fee-not-paid")
    problem(await desk.pay(SIGN), 409, "fee-not-due")
    assert (await desk.acts())[-2:] == ["fee.refund_begun", "fee.refund_confirmed"]


async def test_what_the_payment_system_does_not_answer_is_asked_again(desk: Desk) -> None:
    desk.till.word = PaymentError("away")
    assert (await desk.pay()).status_code == 202
    assert (await desk.lines())[SIGN] == ("paying", "180.00")
    problem(await desk.exempt(SIGN), 409, "not-to-exempt")
    desk.till.word = Word(state=TransferState.BEGUN, pay_at="https://pay.example/1", reference="B7")
    assert (await settle_begun(desk.intake.parts)).asked == 1
    [transfer] = (await desk.bill())["transfers"]
    assert (transfer["pay_at"], transfer["state"]) == ("https://pay.example/1", "begun")
    desk.till.word = Word(state=TransferState.CONFIRMED)
    assert (await settle_begun(desk.intake.parts)).asked == 1
    assert (await settle_begun(desk.intake.parts)).asked == 0
    [transfer] = (await desk.bill())["transfers"]
    assert (transfer["reference"], transfer["state"]) == ("B7", "confirmed")
    assert len({order.number for order in desk.till.asked}) == 1
    assert await desk.acts() == ["bill.drawn_up", "fee.payment_begun", "fee.payment_confirmed"]


async def test_the_word_of_the_payment_system_is_recorded_once(desk: Desk) -> None:
    """The request, the loop, and the loop of another process may all hear it."""
    all_asked = asyncio.Barrier(4)

    class Together(Till):
        async def settle(self, order: Order) -> Word:
            await all_asked.wait()
            return Word(state=TransferState.CONFIRMED)

    desk.till.word = PaymentError("away")
    await desk.pay()
    desk.connect(Together())
    await asyncio.gather(*(settle_begun(desk.intake.parts) for _ in range(4)))
    assert (await desk.acts()).count("fee.payment_confirmed") == 1


async def test_a_slow_payment_system_holds_nobody_up(desk: Desk) -> None:
    class Slow(Till):
        async def settle(self, order: Order) -> Word:
            await asyncio.Event().wait()
            raise AssertionError

    desk.connect(Slow())
    desk.intake.parts = replace(desk.intake.parts, payment_timeout=0.05)
    desk.intake.app.state.parts = desk.intake.parts
    assert (await desk.pay()).status_code == 202
    assert (await desk.lines())[SIGN][0] == "paying"


async def test_a_payment_that_failed_can_be_begun_again(desk: Desk) -> None:
    desk.till.word = Word(state=TransferState.FAILED)
    await desk.pay()
    assert (await desk.lines())[SIGN][0] == "due"
    desk.till.word = Word(state=TransferState.CONFIRMED)
    await desk.pay()
    assert (await desk.lines())[SIGN][0] == "paid"
    states = [one["state"] for one in (await desk.bill())["transfers"]]
    assert sorted(states) == ["confirmed", "failed"]


async def test_a_refund_that_failed_leaves_the_line_paid(desk: Desk) -> None:
    await desk.pay()
    desk.till.word = Word(state=TransferState.FAILED)
    await desk.refund(SIGN)
    assert (await desk.lines())[SIGN][0] == "paid"


async def test_without_a_payment_system_a_bill_is_shown_and_not_paid(desk: Desk) -> None:
    desk.connect(None)
    assert (await desk.bill())["can_be_paid"] is False
    problem(await desk.pay(), 503, "no-payment-system")
    assert (await settle_begun(desk.intake.parts)).asked == 0


async def test_what_went_through_the_sandbox_is_marked_and_stays_there(desk: Desk) -> None:
    desk.connect(Sandbox())
    await desk.pay()
    [transfer] = (await desk.bill())["transfers"]
    assert transfer["sandbox"] is True
    desk.connect(desk.till)
    problem(await desk.refund(SIGN), 409, "fee-paid-elsewhere")


async def test_after_a_withdrawal_nothing_is_paid(desk: Desk) -> None:
    await desk.intake.client.post(
        f"/v1/applications/{desk.number}/withdrawal", headers={**INVESTOR, **once()}
    )
    problem(await desk.pay(), 409, "already-withdrawn")
    assert (await desk.bill())["can_be_paid"] is False


async def test_a_bill_that_was_drawn_up_never_changes(desk: Desk, tmp_path: Path) -> None:
    await desk.exempt(LICENCE)
    shutil.rmtree(tmp_path / "shelf/2026.1")
    edition(tmp_path / "shelf/2026.1", "2026.1", date(2026, 1, 1), "99")
    desk.shelve(tmp_path / "shelf")
    assert (await desk.lines())[SIGN] == ("due", "180.00")
    for change in ("UPDATE bill SET lines = '[]'", "DELETE FROM fee_act"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await desk.intake.pool.execute(change)


async def accepted_on(desk: Desk, state: AcceptanceState, day: date | None) -> None:
    """Let the orchestrator's word about the acceptance arrive."""
    told = AcceptanceProgress(
        state=state,
        round=1,
        accepted_on=day,
        kind=None if day is None else AcceptanceKind.EXPLICIT,
    )
    event = ApplicationProgressed(
        application=desk.number,
        status=ApplicationStatus.IN_PROGRESS,
        at=NOW + timedelta(days=4),
        acceptance=told,
    )
    assert not (await desk.intake.told(event)).dead


async def test_departments_that_accept_later_are_paid_by_the_later_standard(
    desk: Desk, tmp_path: Path
) -> None:
    """The standard in force on the day of acceptance, not of the submission."""
    for place, (version, since, rate) in enumerate(
        [("2026.1", date(2026, 1, 1), "30"), ("2026.2", date(2026, 3, 5), "20")]
    ):
        until = "" if place else "effective_to: '2026-03-04'\n"
        edition(tmp_path / f"later/{place}", version, since, rate)
        head = tmp_path / f"later/{place}/county.yaml"
        head.write_text(f"{head.read_text()}{until}acceptance: by_departments\n")
    desk.shelve(tmp_path / "later")
    assert (await desk.intake.approve("2026.2")).status_code == 201
    desk.number = await desk.intake.accepted()
    await accepted_on(desk, AcceptanceState.EXAMINING, None)
    assert (await desk.bill())["lines"] == []
    assert (await desk.bill())["accepted_on"] is None
    problem(await desk.pay(), 409, "not-accepted-yet")
    problem(await desk.exempt(SIGN), 409, "not-accepted-yet")
    await accepted_on(desk, AcceptanceState.ACCEPTED, date(2026, 3, 6))
    bill = await desk.bill()
    assert (bill["accepted_on"], bill["catalogue_version"]) == ("2026-03-06", "2026.2")
    assert (await desk.lines())[SIGN] == ("due", "120.00")
    assert (await desk.pay(SIGN)).json()["amount"] == "120.00"


async def test_a_payment_system_that_fails_is_an_alarm_and_hangs_nothing(desk: Desk) -> None:
    desk.till.word = ConnectionError("no answer")
    await desk.pay(SIGN)
    pulse, stop = Pulse("payments"), asyncio.Event()
    loop = asyncio.create_task(asking(desk.intake.parts, 0.01)(pulse, stop))

    async def alarmed() -> bool:
        return pulse.detail == "not_settled=1"

    async def calm() -> bool:
        return pulse.detail is None

    await until(alarmed, "an alarm")
    desk.till.word = Word(state=TransferState.CONFIRMED)
    await until(calm, "the alarm is over")
    assert (await desk.lines())[SIGN][0] == "paid"
    stop.set()
    await loop


async def test_the_database_pays_no_line_twice(desk: Desk) -> None:
    """Whatever the code above it does."""
    await desk.pay()
    transfer: UUID = await desk.intake.pool.fetchval("SELECT id FROM fee_transfer")
    again = (
        "INSERT INTO fee_settlement (application, line, kind, transfer, amount)"
        " VALUES ($1, $2, 'payment', $3, 1)"
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await desk.intake.pool.execute(again, desk.number, SIGN, transfer)


Rows = dict[str, list[dict[str, Any]]]


async def rows_of(desk: Desk) -> Rows:
    """Return what the verification reads about fees, to be tampered with."""
    return {
        name: [
            dict(row) async for row in getattr(queries, name)(desk.intake.pool, application=None)
        ]
        for name in ("bill", "fee_act", "fee_transfer", "fee_settlement", "audit_leaf")
    }


def found_by_verification(desk: Desk, rows: Rows, folder: Path) -> list[str]:
    """Verify this application's fees, by the county's files in a folder."""
    sources = Sources(
        dsns={},
        verifiers={},
        catalogue=folder,
        calendar=CATALOGUE.calendar_folder,
        temporal=TemporalSettings(),
    )
    case = Folder(number=desk.number, intake=rows, orchestrator={}, departments={}, moving=False)
    return [one.message for one in verified(case, read(sources))]


async def everything(desk: Desk) -> None:
    """Assess, pay, pay back and remit; fail once, and leave one payment under way."""
    desk.till.word = Word(state=TransferState.FAILED)
    await desk.pay(SIGN)
    desk.till.word = Word(state=TransferState.CONFIRMED)
    await desk.pay(SIGN)
    await desk.refund(SIGN)
    await desk.assess(DRAINS, rate="3", quantity="100")
    await desk.assess(DRAINS, rate="0.005", quantity="3")
    await desk.exempt(LICENCE)
    await desk.exempt(DRAINS, share="0.5")
    desk.till.word = Word(state=TransferState.BEGUN)
    await desk.pay(DRAINS)


async def test_a_lawful_bill_is_clean_and_a_changed_one_is_not(desk: Desk, tmp_path: Path) -> None:
    await everything(desk)
    states = {code: state for code, (state, _) in (await desk.lines()).items()}
    assert states == {SIGN: "refunded", DRAINS: "paying", LICENCE: "exempt"}
    assert (await desk.lines())[DRAINS][1] == "0.02"
    rows = await rows_of(desk)
    assert found_by_verification(desk, rows, tmp_path / "shelf") == []
    shared = [dict(one) for one in rows["fee_act"]]
    rows["fee_act"][-1]["share"] = Decimal("0.9")
    found = found_by_verification(desk, rows, tmp_path / "shelf")
    assert "assessments and exemptions are not those of the log of acts" in found
    assert f"{DRAINS} is paid, but was remitted" in found
    rows["fee_act"] = [one | {"reason": "另一理由"} for one in shared]
    [found_text] = found_by_verification(desk, rows, tmp_path / "shelf")
    assert found_text == "assessments and exemptions are not those of the log of acts"
    rows["fee_act"] = shared
    rows["fee_act"][1]["amount"] = Decimal(9)
    rows["fee_settlement"] += [rows["fee_settlement"][0] | {"line": "service-fee"}] * 2
    found = found_by_verification(desk, rows, tmp_path / "shelf")
    assert f"payment of {DRAINS} is 0.01, due 4.50" in found
    assert "assessments and exemptions are not those of the log of acts" in found
    assert "service-fee is paid, but not billed" in found


async def test_a_rate_that_is_not_the_published_one_is_found(desk: Desk, tmp_path: Path) -> None:
    await desk.pay()
    edition(tmp_path / "other/2026.1", "2026.1", date(2026, 1, 1), "29")
    rows = await rows_of(desk)
    [found] = found_by_verification(desk, rows, tmp_path / "other")
    assert found.startswith(f"{SIGN} is billed at 30")
    edition(tmp_path / "gone/2027.1", "2027.1", date(2027, 1, 1), "29")
    assert found_by_verification(desk, rows, tmp_path / "gone") == []

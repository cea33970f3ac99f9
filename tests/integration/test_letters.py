"""Letters to investors: written with what they tell of, once, in both languages; and sent."""

import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio

from services.contracts.acceptance import NoticeLine
from services.contracts.clocks import ClockNotice, ClockResumed, Days
from services.contracts.events import (
    AcceptanceProgress,
    ApplicationProgressed,
    Concluded,
    FollowUpTold,
    PapersAwaited,
    RectificationAsked,
    Result,
    SessionProgress,
    TaskProgress,
)
from services.contracts.later import PapersLapseDue
from services.contracts.limits import CaseExtended
from services.contracts.sessions import AppointmentSettled
from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceState,
    ApplicationStatus,
    AppointmentOutcome,
    Approver,
    Conclusion,
    DateChange,
    FindingKind,
    FollowUpState,
    Outcome,
    Part,
    PauseKind,
    Role,
    SessionState,
    TaskState,
)
from services.intake.letters import LetterKind
from services.intake.letters_carriers import Channel, Files, Parcel, carrier_of
from services.intake.letters_sending import Sending, send_unsent
from services.intake.letters_settings import LetterSettings
from services.intake.payment import Sandbox
from tests.conftest import Databases
from tests.integration.intake_kit import (
    COMPANY,
    INVESTOR,
    NOW,
    STRANGER,
    Intake,
    bearer,
    once,
    prepare,
    problem,
    running,
)
from tests.integration.signing_in import browser

PHONE, EMAIL = "0375-5550177", "office@applicant.example"
STEP, ITEM = "restaurant-opening", "FOOD-PERMIT"
OPERATOR = bearer("operator", Role.OPERATOR)
DAY = timedelta(days=1)
LATER = NOW + DAY


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=4) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


def told(number: str, **what: Any) -> ApplicationProgressed:
    return ApplicationProgressed(
        **{"application": number, "status": ApplicationStatus.IN_PROGRESS, "at": LATER} | what
    )


def result(outcome: Outcome) -> Result:
    return Result(
        item=ITEM,
        department="market-supervision",
        outcome=outcome,
        number="食 1" if outcome is Outcome.GRANTED else None,
        reasons=() if outcome is Outcome.GRANTED else ("选址不符",),
        remedies=() if outcome is Outcome.GRANTED else ("复议",),
        decided_at=LATER,
        released_at=LATER,
    )


def session(state: SessionState) -> SessionProgress:
    return SessionProgress(
        step=STEP,
        session=1,
        lead="fire-rescue",
        state=state,
        starts_at=LATER,
        ends_at=LATER + timedelta(hours=2),
    )


async def letters(intake: Intake, who: dict[str, str] = INVESTOR, **query: Any) -> dict[str, Any]:
    answer = await intake.client.get("/v1/letters", params=query, headers=who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def kinds(intake: Intake) -> list[str]:
    """Every kind of letter, oldest first."""
    return [one["kind"] for one in reversed((await letters(intake, limit=100))["items"])]


async def test_a_submission_writes_its_letter_once(intake: Intake) -> None:
    body, key = intake.submission(), once()
    for _ in range(2):
        answer = await intake.client.post(
            "/v1/applications", json=body, headers={**INVESTOR, **key}
        )
        assert answer.status_code == 201, answer.text
    found = await letters(intake)
    assert [one["kind"] for one in found["items"]] == ["bill", "received"]
    assert found["unread"] == 2
    assert answer.json()["number"] in found["items"][0]["href"]
    assert "承诺最迟" in found["items"][1]["text"]["zh"]
    assert "will be decided by" in found["items"][1]["text"]["en"]


async def test_what_is_told_is_written_once_and_with_it(intake: Intake) -> None:
    number = await intake.accepted()
    raw = intake._raw(told(number, results=(result(Outcome.GRANTED),)))
    for _ in range(2):
        await intake.inbox.take(intake.pool, [raw])
    assert (await kinds(intake)).count("granted") == 1
    # Even where the inbox has forgotten the event, the letter knows it.
    await intake.pool.execute("DELETE FROM inbox")
    await intake.pool.execute("DELETE FROM stream_position")
    await intake.pool.execute("DELETE FROM result")
    await intake.inbox.take(intake.pool, [raw])
    assert (await kinds(intake)).count("granted") == 1


async def test_a_promise_that_is_told_again_has_not_moved(intake: Intake) -> None:
    number = await intake.accepted()
    promised = (await intake.get(f"/v1/applications/{number}")).json()["promised_at"]
    await intake.told(told(number, promised_at=promised))
    assert "date_changed" not in await kinds(intake)
    await intake.told(told(number, promised_at=LATER))
    assert "date_changed" in await kinds(intake)


async def test_a_promise_that_returns_within_one_batch_is_told_as_returned(intake: Intake) -> None:
    number = await intake.accepted()
    [row] = await intake.pool.fetch("SELECT promised_at FROM application")
    first = row["promised_at"]
    days = (first, first + DAY, first, first)
    taken = await intake.inbox.take(
        intake.pool, [intake._raw(told(number, promised_at=one)) for one in days]
    )
    assert not taken.dead
    rows = await intake.pool.fetch(
        "SELECT facts FROM letter WHERE kind = 'date_changed' ORDER BY id"
    )
    said = [datetime.fromisoformat(orjson.loads(row["facts"])["promised_at"]) for row in rows]
    assert said == [first + DAY, first]


async def test_nothing_is_written_about_what_was_not_applied(intake: Intake) -> None:
    taken = await intake.told(told("QX20260302-999999-1", results=(result(Outcome.GRANTED),)))
    assert taken.dead
    assert await intake.pool.fetchval("SELECT count(*) FROM letter") == 0


@pytest.mark.parametrize("state", [TaskState.OPEN, TaskState.DECIDED])
async def test_a_clock_of_what_was_decided_does_not_run_again(
    intake: Intake, state: TaskState
) -> None:
    number = await intake.accepted()
    task = f"{number}/{ITEM}/market-supervision/1"
    ended = TaskProgress(
        task=task,
        step=STEP,
        item=ITEM,
        department="market-supervision",
        part=Part.DECIDE,
        round=1,
        state=state,
    )
    over = ClockResumed(task=task, notice="停1号", until=LATER.date(), at=LATER)
    await intake.told(told(number, tasks=(ended,), resumed=(over,), promised_at=LATER))
    decided = state is TaskState.DECIDED
    assert ("clock_resumed" in await kinds(intake)) is not decided
    assert ("date_changed" in await kinds(intake)) is decided, "the promise has moved all the same"


def settled(outcome: AppointmentOutcome) -> SessionProgress:
    what = AppointmentSettled(offer=1, outcome=outcome)
    return session(SessionState.CONVENED).model_copy(update={"settled": what})


async def test_every_kind_has_its_words(intake: Intake) -> None:
    number = await intake.accepted()
    line = NoticeLine(
        department="fire-rescue", subject="material/floor-plan", kind=FindingKind.MISSING, text="缺"
    )
    notice = AcceptanceProgress(
        state=AcceptanceState.SUPPLEMENTING, round=1, notice=(line,), outstanding=(line.subject,)
    )
    accepted = AcceptanceProgress(
        state=AcceptanceState.ACCEPTED,
        round=1,
        kind=AcceptanceKind.EXPLICIT,
        accepted_on=LATER.date(),
        promised_days=9,
    )
    pause = ClockNotice(
        task=f"{number}/{ITEM}/market-supervision/1",
        why=DateChange.PAUSED,
        notice="停1号",
        article="行政许可法 45",
        reason="检验",
        kind=PauseKind.TESTING,
        until=LATER.date(),
        at=LATER,
    )
    sooner = ClockResumed(task=pause.task, notice=pause.notice, until=LATER.date() - DAY, at=LATER)
    longer = CaseExtended(
        days=Days(value=15),
        approver=Approver.GOVERNMENT_HEAD,
        approval="延1号",
        article="行政许可法 42(2)",
        reason="情况复杂",
        due_at=LATER,
        at=LATER,
    )
    ended = Concluded(
        conclusion=Conclusion.PARTLY_GRANTED,
        at=LATER,
        used_working_days=9,
        promised_working_days=9,
        in_time=True,
    )
    rectify = RectificationAsked(step=STEP, round=1, items=(ITEM,), until=LATER)
    papers = PapersAwaited(
        step=STEP, items=(ITEM,), materials=("late-paper",), since=LATER.date(), until=LATER
    )
    renewed = result(Outcome.GRANTED).model_copy(
        update={"item": "DRAINAGE", "outcome": Outcome.DEEMED_RENEWED}
    )
    await intake.told(told(number, sessions=(session(SessionState.CONVENED),)))
    await intake.pool.execute(
        "INSERT INTO appointment_answer VALUES ($1, 'fire-rescue', 1, 1, $2, $3, '', $2)",
        *(number, LATER, LATER + DAY),
    )
    taken = await intake.told(
        told(number, acceptance=notice),
        told(number, acceptance=accepted, promised_at=LATER),
        told(number, clocks=(pause,), promised_at=LATER),
        told(number, resumed=(sooner,), promised_at=LATER),
        told(number, extended=longer),
        told(number, promised_at=LATER),
        told(number, promised_at=LATER + timedelta(days=1)),
        told(number, promised_at=LATER + timedelta(days=1)),
        told(number, rectification=rectify),
        told(number, papers=(papers,)),
        told(number, sessions=(settled(AppointmentOutcome.CONFIRMED),)),
        told(number, sessions=(settled(AppointmentOutcome.MOVED),)),
        told(number, sessions=(settled(AppointmentOutcome.GONE),)),
        told(number, sessions=(settled(AppointmentOutcome.VOID),)),
        told(number, sessions=(session(SessionState.HELD),)),
        told(number, sessions=(session(SessionState.CANCELLED),)),
        told(number, results=(result(Outcome.GRANTED),)),
        told(number, results=(result(Outcome.REFUSED).model_copy(update={"item": "FIRE-CHECK"}),)),
        told(number, results=(renewed,)),
        PapersLapseDue(
            application=number, step=STEP, materials=("late-paper",), due_at=LATER + DAY
        ),
        told(number, concluded=ended, status=ApplicationStatus.CONCLUDED),
    )
    assert not taken.dead
    rated = {"department": "market-supervision", "grade": "dissatisfied"}
    answer = await intake.client.post(
        f"/v1/applications/{number}/ratings", json=rated, headers={**INVESTOR, **once()}
    )
    assert answer.status_code == 201, answer.text
    follow_up = FollowUpTold(
        application=number,
        department="market-supervision",
        state=FollowUpState.OPEN,
        due_at=LATER,
        told_at=LATER,
    )
    await intake.told(follow_up)
    found = (await letters(intake, limit=100))["items"]
    of_the_bill = {LetterKind.BILL_CHANGED, LetterKind.REFUND}
    assert {one["kind"] for one in found} == set(LetterKind) - of_the_bill
    assert [one["kind"] for one in found].count("session") == 1
    assert [one["kind"] for one in found].count("date_changed") == 1
    for one in found:
        for language in ("zh", "en"):
            words = one["title"][language] + one["text"][language]
            assert one["title"][language]
            assert one["text"][language], one
            assert "{" not in words
            assert "None" not in words
        assert one["title"]["zh"] != one["title"]["en"]


async def test_what_operators_do_about_a_bill_is_told(intake: Intake) -> None:
    intake.parts = intake.app.state.parts = replace(intake.parts, payment=Sandbox())
    bill = f"/v1/applications/{await intake.accepted()}/bill"
    fee = (await intake.get(bill)).json()["lines"][0]["standard"]
    why = {"reason": "依据文件", "document": "财综〔2026〕1号"}
    for who, act, body in (
        (OPERATOR, f"lines/{fee}/exemption", {"share": "0.5", **why}),
        (INVESTOR, "payments", {}),
        (OPERATOR, f"lines/{fee}/refund", why),
    ):
        answer = await intake.client.post(f"{bill}/{act}", json=body, headers={**who, **once()})
        assert answer.is_success, answer.text
    assert (await kinds(intake))[2:] == ["bill_changed", "refund"]
    for one in (await letters(intake))["items"][:2]:
        assert one["href"].endswith("/bill")


async def test_no_words_of_anybody_are_in_a_letter(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(told(number, results=(result(Outcome.REFUSED),)))
    rows = await intake.pool.fetch("SELECT to_jsonb(letter)::text AS body FROM letter")
    said = " ".join(row["body"] for row in rows)
    assert "选址不符" not in said
    assert COMPANY not in said


async def test_one_reads_ones_own_page_by_page(intake: Intake) -> None:
    numbers = [await intake.accepted() for _ in range(3)]
    seen, after = [], None
    while True:
        page = await letters(intake, limit=2, **({"after": after} if after else {}))
        seen += [one["id"] for one in page["items"]]
        if (after := page.get("next")) is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == 2 * len(numbers)
    assert (await letters(intake, STRANGER))["items"] == []
    problem(await intake.get("/v1/letters?after=nonsense"), 400, "bad-cursor")


async def test_the_inbox_marks_what_was_opened(intake: Intake) -> None:
    number = await intake.accepted()
    newest = (await letters(intake))["items"][0]
    mine, other = browser(intake.app, INVESTOR), browser(intake.app, STRANGER)
    page = await intake.client.get("/inbox", headers=mine.headers)
    assert page.status_code == 200
    assert "2 封未读" in page.text
    stolen = await intake.client.post(
        f"/inbox/{newest['id']}", data=other.form(), headers=other.headers
    )
    assert stolen.status_code == 404
    forged = await intake.client.post(
        f"/inbox/{newest['id']}", data={"once": "1" * 32}, headers=mine.headers
    )
    assert forged.status_code == 403
    assert (await letters(intake))["unread"] == 2
    gone = await intake.client.post(
        f"/inbox/{newest['id']}", data=mine.form(), headers=mine.headers
    )
    assert gone.status_code == 303
    assert gone.headers["location"] == f"/applications/{number}/bill"
    assert [one["kind"] for one in (await letters(intake, unread=True))["items"]] == ["received"]
    await intake.client.post(
        "/inbox", data=mine.form("2" * 32, up_to=str(newest["id"])), headers=mine.headers
    )
    assert (await letters(intake))["unread"] == 0


class Broken:
    """A gateway that is down."""

    channels = frozenset({Channel.SMS})

    def __init__(self) -> None:
        self.asked = 0

    async def carry(self, parcel: Parcel) -> None:
        self.asked += 1
        message = f"cannot reach {parcel.address}"
        raise ConnectionError(message)

    async def close(self) -> None:
        """Nothing is open."""


def sending(intake: Intake, folder: Path, **changes: Any) -> Sending:
    settings = LetterSettings(adapter="file", folder=folder, again_after=0.001)
    carrier = carrier_of(settings)
    assert isinstance(carrier, Files)
    found = Sending(
        parts=intake.parts, carrier=carrier, settings=settings, base="https://centre.example"
    )
    return replace(found, **changes)


async def applied(intake: Intake, **contact: str) -> str:
    applicant = {**intake.submission()["applicant"], "phone": PHONE, **contact}
    return await intake.accepted(applicant=applicant)


async def test_letters_are_sent_once_to_a_private_file(intake: Intake, tmp_path: Path) -> None:
    number = await applied(intake, email=EMAIL)
    folder = tmp_path / "letters"
    outgoing = sending(intake, folder)
    for _ in range(2):
        assert await send_unsent(outgoing) == 0
        await intake.pool.execute("UPDATE letter_sending SET next_attempt_at = now()")
    for channel, address in ((Channel.SMS, PHONE), (Channel.EMAIL, EMAIL)):
        (file,) = folder.glob(f"{channel}-*.jsonl")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        parcels = [orjson.loads(line) for line in file.read_bytes().splitlines()]
        assert [one["address"] for one in parcels] == [address, address]
        assert len({one["number"] for one in parcels}) == 2
        assert f"https://centre.example/applications/{number}" in parcels[0]["text"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_without_an_address_nothing_is_sent_and_nothing_tried_again(
    intake: Intake, tmp_path: Path
) -> None:
    await applied(intake)
    outgoing = sending(intake, tmp_path / "letters")
    assert await send_unsent(outgoing) == 0
    assert not list((tmp_path / "letters").glob("email-*"))
    open_ = await intake.pool.fetchval("SELECT count(*) FROM letter_sending WHERE ended_at IS NULL")
    assert open_ == 0


async def test_what_could_not_be_sent_is_tried_again_and_named_nowhere(
    intake: Intake, tmp_path: Path, capsys: Any
) -> None:
    await applied(intake)
    broken = Broken()
    down = sending(intake, tmp_path / "letters", carrier=broken)
    assert await send_unsent(down) == 2
    await intake.pool.execute("UPDATE letter_sending SET next_attempt_at = now()")
    assert await send_unsent(down) == 2
    assert broken.asked == 4
    assert PHONE not in "".join(capsys.readouterr())
    await intake.pool.execute("UPDATE letter_sending SET next_attempt_at = now()")
    assert await send_unsent(sending(intake, tmp_path / "letters")) == 0
    (file,) = (tmp_path / "letters").glob("sms-*.jsonl")
    assert len(file.read_bytes().splitlines()) == 2


async def test_an_old_letter_is_not_sent_any_more(intake: Intake, tmp_path: Path) -> None:
    await applied(intake)
    await intake.pool.execute("UPDATE letter SET written_at = now() - interval '4 days'")
    await send_unsent(sending(intake, tmp_path / "letters"))
    assert not (tmp_path / "letters").exists()

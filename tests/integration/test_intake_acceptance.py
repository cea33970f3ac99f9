"""Acceptance as the investor sees it (行政许可法 32): one notice, its answer, the receipts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest_asyncio

from services.contracts.acceptance import NoticeLine
from services.contracts.events import (
    AcceptanceProgress,
    ApplicationProgressed,
    ApplicationSupplemented,
)
from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceState,
    ApplicationStatus,
    FindingKind,
)
from tests import examined_county
from tests.conftest import Databases
from tests.integration.intake_kit import (
    INVESTOR,
    NOW,
    STRANGER,
    Intake,
    officer,
    once,
    prepare,
    problem,
    running,
)

BRIGADE, MARKET = "fire-rescue", "market-supervision"
PLAN, RULES = "material/floor-plan", "material/food-safety-rules"
CONDITION = "condition/FIRE-CHECK/1"
CERTIFICATES = "health-certificates"
DAY = timedelta(days=1)
UNTIL = datetime(2026, 3, 9, 9, 0, tzinfo=NOW.tzinfo)


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        found.parts = found.app.state.parts = replace(found.parts, shelf=examined_county.shelf())
        yield found


def told(number: str, **acceptance: Any) -> ApplicationProgressed:
    state = acceptance["state"]
    status = {
        AcceptanceState.EXAMINING: ApplicationStatus.RECEIVED,
        AcceptanceState.SUPPLEMENTING: ApplicationStatus.SUPPLEMENTING,
        AcceptanceState.ACCEPTED: ApplicationStatus.IN_PROGRESS,
    }[state]
    rest = {k: acceptance.pop(k) for k in ("promised_at", "at") if k in acceptance}
    return ApplicationProgressed(
        application=number,
        status=status,
        acceptance=AcceptanceProgress(**({"round": 1} | acceptance)),
        **({"at": NOW} | rest),
    )


def examining(number: str) -> ApplicationProgressed:
    return told(number, state=AcceptanceState.EXAMINING, examining=(BRIGADE, MARKET), until=UNTIL)


def noticed(number: str, *subjects: str) -> ApplicationProgressed:
    lines = tuple(
        NoticeLine(department=BRIGADE, subject=one, kind=FindingKind.DEFECTIVE, text="请更正")
        for one in subjects
    )
    return told(
        number,
        state=AcceptanceState.SUPPLEMENTING,
        notice=lines,
        outstanding=subjects,
        silent=(MARKET,),
        at=NOW + 3 * DAY,
    )


async def shown(intake: Intake, number: str) -> dict[str, Any]:
    answer = await intake.get(f"/v1/applications/{number}/acceptance")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def hand_in(intake: Intake, number: str, **given: Any) -> httpx2.Response:
    return await intake.client.post(
        f"/v1/applications/{number}/supplements", json=given, headers={**INVESTOR, **once()}
    )


def paper(material: str) -> dict[str, str]:
    return {"material": material, "reference": "原件 9"}


async def supplemented(intake: Intake) -> list[ApplicationSupplemented]:
    found = [one for one in await intake.outbox() if one["type"] == ApplicationSupplemented.TYPE]
    return [ApplicationSupplemented.model_validate(one["data"]) for one in found]


async def test_the_receipt_says_that_it_is_being_examined_and_until_when(intake: Intake) -> None:
    answer = await intake.submit()
    receipt = answer.json()
    assert receipt["accepted"] is None
    assert receipt["examined"]["notice_by"] == "2026-03-09"
    assert receipt["examined"]["departments"] == [
        "city-appearance",
        "fire-rescue",
        "market-supervision",
    ]
    again = (await intake.get(f"/v1/applications/{receipt['number']}")).json()["receipt"]
    assert again == receipt
    before = await shown(intake, receipt["number"])
    assert (before["state"], before["status"], before["receipts"]) == ("examining", "received", [])


async def test_an_incomplete_one_is_taken_in_when_the_investor_says_so(intake: Intake) -> None:
    asked = intake.asked()
    given = [{"material": one.id, "reference": "原件"} for one in asked[1:]]
    problem(await intake.submit(materials=given), 422, "incomplete")
    answer = await intake.submit(materials=given, incomplete=True)
    assert answer.status_code == 201, answer.text
    assert answer.json()["examined"]["missing"] == [asked[0].id]


async def test_the_notice_names_everything_and_who_asks(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(examining(number), noticed(number, PLAN, CONDITION))
    found = await shown(intake, number)
    assert (found["state"], found["until"]) == ("supplementing", None)
    [notice] = found["notices"]
    assert [line["subject"] for line in notice["lines"]] == [PLAN, CONDITION]
    assert notice["lines"][0]["name"]["zh"] == "场所平面图"
    assert notice["lines"][1]["name"]["en"].startswith("Ways of escape")
    states = {one["department"]: one["state"] for one in found["examiners"]}
    assert states == {BRIGADE: "asked", MARKET: "silent"}
    [receipt] = found["receipts"]
    assert (receipt["outcome"], receipt["basis"]) == ("incomplete", "行政许可法 32(4)")
    assert receipt["dated"] == "2026-03-05"


async def test_a_limit_that_was_told_holds_until_it_ends(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(examining(number))
    answered = told(number, state=AcceptanceState.EXAMINING, answered=(BRIGADE,))
    await intake.told(answered)
    found = await shown(intake, number)
    assert found["until"] == "2026-03-09T09:00:00Z"
    assert {one["state"] for one in found["examiners"]} == {"asked", "answered"}


async def test_it_is_answered_piece_by_piece(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(examining(number), noticed(number, PLAN, CONDITION))
    first = await hand_in(intake, number, round=1, materials=[paper("floor-plan")])
    assert (first.status_code, first.json()["outstanding"]) == (202, [CONDITION])
    statement = {"subject": CONDITION, "statement": "已按标准整改"}
    second = await hand_in(intake, number, round=1, statements=[statement])
    assert second.json()["outstanding"] == []
    one, two = await supplemented(intake)
    assert (one.subjects, [m.material for m in one.materials]) == ((PLAN,), ["floor-plan"])
    assert (two.subjects, two.materials, two.round) == ((CONDITION,), (), 1)
    lines = (await shown(intake, number))["notices"][0]["lines"]
    assert [line["supplied"] for line in lines] == [True, True]
    acts = [one["act"] for one in await intake.acts()]
    assert acts.count("application.supplemented") == 2


async def test_nothing_else_is_taken(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(examining(number))
    problem(
        await hand_in(intake, number, round=1, materials=[paper("floor-plan")]),
        409,
        "nothing-to-supplement",
    )
    await intake.told(noticed(number, PLAN))
    stranger = await hand_in(
        intake, number, round=1, materials=[paper("floor-plan"), paper("sign-design")]
    )
    assert [e["pointer"] for e in problem(stranger, 422, "incomplete")["errors"]] == [
        "#/materials/1/material"
    ]
    problem(await hand_in(intake, number, round=2, complete=True), 409, "nothing-to-supplement")
    assert (await hand_in(intake, number, round=1)).status_code == 422
    answer = await intake.client.post(
        f"/v1/applications/{number}/supplements",
        json={"round": 1, "complete": True},
        headers={**STRANGER, **once()},
    )
    problem(answer, 404, "not-found")
    assert (await intake.get(f"/v1/applications/{number}/acceptance", STRANGER)).status_code == 404
    assert await supplemented(intake) == []


async def test_a_paper_is_corrected_on_the_spot_while_they_look(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(examining(number))
    answer = await hand_in(intake, number, round=0, materials=[paper("floor-plan")])
    assert answer.status_code == 202, answer.text
    [receipt] = (await shown(intake, number))["receipts"]
    assert (receipt["outcome"], receipt["basis"]) == ("fixed_on_the_spot", "行政许可法 32(3)")
    assert [one.round for one in await supplemented(intake)] == [0]
    intake.clock.advance(4 * DAY)
    late = await hand_in(intake, number, round=0, materials=[paper("floor-plan")])
    problem(late, 409, "correction-closed")


async def test_the_acceptance_is_told_with_its_promise_and_a_receipt(intake: Intake) -> None:
    number = await intake.accepted()
    promised = datetime(2026, 3, 20, 9, 0, tzinfo=NOW.tzinfo)
    await intake.told(
        examining(number),
        told(
            number,
            state=AcceptanceState.ACCEPTED,
            kind=AcceptanceKind.DEEMED,
            accepted_on=date(2026, 3, 2),
            silent=(MARKET,),
            promised_days=14,
            promised_at=promised,
            at=UNTIL + timedelta(seconds=1),
        ),
    )
    found = await shown(intake, number)
    assert (found["state"], found["kind"], found["accepted_on"]) == (
        "accepted",
        "deemed",
        "2026-03-02",
    )
    [receipt] = found["receipts"]
    assert (receipt["outcome"], receipt["basis"]) == ("accepted", "行政许可法 32(4)")
    assert receipt["told"]["silent"] == [MARKET]
    progress = (await intake.get(f"/v1/applications/{number}/progress")).json()
    assert (progress["promised_on"], progress["promised_working_days"]) == ("2026-03-20", 14)


async def test_a_silence_that_was_none_is_struck_out_and_the_acceptance_stands(
    intake: Intake,
) -> None:
    number = await intake.accepted()
    accepted = {
        "state": AcceptanceState.ACCEPTED,
        "kind": AcceptanceKind.DEEMED,
        "accepted_on": date(2026, 3, 2),
        "silent": (MARKET,),
        "promised_days": 14,
    }
    await intake.told(examining(number), told(number, **accepted))
    await intake.told(told(number, state=AcceptanceState.ACCEPTED, in_time=(MARKET,)))
    found = await shown(intake, number)
    assert {one["department"]: one["state"] for one in found["examiners"]}[MARKET] == "answered"
    assert (found["kind"], found["accepted_on"]) == ("deemed", "2026-03-02")
    assert len(found["receipts"]) == 1


async def test_a_notice_that_is_answered_already_is_shown_as_that_of_its_round(
    intake: Intake,
) -> None:
    """A correction that was on its way answered it at the moment at which it went out."""
    number = await intake.accepted()
    line = NoticeLine(
        department=BRIGADE, subject=PLAN, kind=FindingKind.DEFECTIVE, text="请加盖公章"
    )
    again = {"round": 2, "notice_round": 1, "notice": (line,), "examining": (BRIGADE,)}
    await intake.told(
        examining(number), told(number, state=AcceptanceState.EXAMINING, until=UNTIL, **again)
    )
    found = await shown(intake, number)
    assert (found["state"], found["round"]) == ("examining", 2)
    assert [one["round"] for one in found["notices"]] == [1]
    assert found["receipts"][0]["told"]["round"] == 1


async def test_a_paper_that_may_follow_comes_within_its_term(intake: Intake) -> None:
    """Ten working days from the acceptance (容缺受理); after that it is not taken any more."""
    number = await intake.accepted()
    await intake.told(
        examining(number),
        told(
            number,
            state=AcceptanceState.ACCEPTED,
            kind=AcceptanceKind.EXPLICIT,
            accepted_on=date(2026, 3, 4),
            promised_days=14,
        ),
    )
    [following] = (await shown(intake, number))["following"]
    assert (following["material"], following["until"], following["handed_in"]) == (
        CERTIFICATES,
        "2026-03-18",
        False,
    )
    intake.clock.advance(14 * DAY)
    answer = await hand_in(intake, number, round=0, materials=[paper(CERTIFICATES)])
    assert answer.status_code == 202, answer.text
    assert (await shown(intake, number))["following"][0]["handed_in"] is True
    intake.clock.advance(4 * DAY)
    late = await hand_in(intake, number, round=0, materials=[paper(CERTIFICATES)])
    problem(late, 422, "incomplete")


async def test_who_examines_may_read_the_papers(intake: Intake) -> None:
    number = await intake.accepted()
    path = f"/v1/applications/{number}/dossier"
    assert (await intake.get(path, officer(BRIGADE))).status_code == 404
    await intake.told(examining(number))
    assert (await intake.get(path, officer(BRIGADE))).status_code == 200
    assert (await intake.get(path, officer("food-health"))).status_code == 404


async def test_what_was_handed_in_later_is_in_the_dossier(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(examining(number), noticed(number, PLAN, CONDITION))
    statement = {"subject": CONDITION, "statement": "已按标准整改"}
    await hand_in(intake, number, round=1, materials=[paper("floor-plan")], statements=[statement])
    dossier = (await intake.get(f"/v1/applications/{number}/dossier", officer(BRIGADE))).json()
    assert [(one["subject"], one["statement"]) for one in dossier["supplements"]] == [
        (PLAN, None),
        (CONDITION, "已按标准整改"),
    ]
    newest = [one for one in dossier["materials"] if one["material"] == "floor-plan"][-1]
    assert (newest["round"], newest["reference"]) == (1, "原件 9")

"""Papers that come later, and results of the same project, at intake: on the shipped catalogue."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from services.contracts.events import (
    ApplicationProgressed,
    ApplicationSubmitted,
    ApplicationSupplemented,
    PapersAwaited,
    Result,
    StepProgress,
    TaskProgress,
)
from services.contracts.vocabulary import (
    ApplicationStatus,
    Outcome,
    Part,
    Role,
    StepState,
    TaskState,
)
from services.runtime.catalogue_shelf import Shelf
from services.runtime.settings import CatalogueSettings
from tests.integration.conftest import Databases
from tests.integration.intake_kit import (
    COMPANY,
    INVESTOR,
    NOW,
    PERSON,
    STRANGER,
    SUPERVISOR,
    Intake,
    bearer,
    officer,
    once,
    prepare,
    problem,
    running,
)

pytestmark = pytest.mark.asyncio
PROJECT = "2603-410402-04-01-654321"
DRAWINGS, MEASURES = "construction-drawings", "safety-measures"
REVIEW = "joint-drawing-review"
DAY = timedelta(days=1)
AGENT = "110105194912310038"


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        shelf = Shelf(
            CatalogueSettings(
                folder=Path("deploy/catalogue"), calendar_folder=Path("deploy/calendar")
            )
        )
        found.parts = found.app.state.parts = replace(found.parts, shelf=shelf)
        yield found


async def preview(
    intake: Intake, who: Mapping[str, str] | None = None, **changes: Any
) -> dict[str, Any]:
    example = intake.parts.catalogue().scenario_by_code["plant"].example
    question = {"scenario": "plant", "answers": dict(example), **changes}
    answer = await intake.client.post("/v1/plans", json=question, headers=dict(who or {}))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def papers_of(plan: dict[str, Any]) -> list[dict[str, str]]:
    """What is handed in with the application: nothing that comes later, or may follow."""
    return [
        {"material": one["id"], "reference": f"原件 {one['id']}"}
        for one in plan["materials"]
        if one["asked"] and "later" not in one and one["may_follow"] is None
    ]


async def submit(
    intake: Intake, plan: dict[str, Any], who: Mapping[str, str] = INVESTOR, **changes: Any
) -> httpx2.Response:
    example = intake.parts.catalogue().scenario_by_code["plant"].example
    project = {"name": "搬迁工业厂房", "address": "创业路 8 号", "code": PROJECT}
    company = {"name": "示例公司", "kind": "company", "id_number": COMPANY, "phone": "0375-5550100"}
    body = {
        "project": project,
        "scenario": "plant",
        "answers": dict(example),
        "applicant": company,
        "materials": papers_of(plan),
        **changes,
    }
    return await intake.client.post("/v1/applications", json=body, headers={**who, **once()})


async def accepted(intake: Intake, **changes: Any) -> str:
    answer = await submit(intake, await preview(intake), **changes)
    assert answer.status_code == 201, answer.text
    number: str = answer.json()["number"]
    return number


def progressed(number: str, **told: Any) -> ApplicationProgressed:
    given = {"application": number, "status": ApplicationStatus.IN_PROGRESS, "at": NOW} | told
    return ApplicationProgressed(**given)


def awaiting(
    number: str, *materials: str, until: datetime | None = None, **rest: Any
) -> ApplicationProgressed:
    one = PapersAwaited(
        step=REVIEW,
        items=("DRAW-REVIEW",),
        materials=materials,
        since=NOW.date(),
        until=until,
        **rest,
    )
    return progressed(number, papers=(one,))


def granted(item: str, number: str, at: datetime = NOW) -> Result:
    return Result(
        item=item,
        department="planning",
        outcome=Outcome.GRANTED,
        number=number,
        decided_at=at,
        released_at=at,
    )


async def hand_in(intake: Intake, number: str, *materials: str, **rest: Any) -> httpx2.Response:
    given = {"round": 0, "materials": [{"material": m, "reference": "图纸 3"} for m in materials]}
    return await intake.client.post(
        f"/v1/applications/{number}/supplements", json=given | rest, headers={**INVESTOR, **once()}
    )


async def papers(intake: Intake, number: str) -> dict[str, Any]:
    answer = await intake.get(f"/v1/applications/{number}/papers")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def state_of(shown: dict[str, Any], material: str) -> str:
    found: str = next(p["state"] for p in shown["papers"] if p["material"] == material)
    return found


async def test_an_application_is_complete_without_the_papers_that_come_later(
    intake: Intake,
) -> None:
    plan = await preview(intake)
    later = {one["id"]: one["later"] for one in plan["materials"] if "later" in one}
    assert {DRAWINGS, MEASURES} <= later.keys()
    assert later[DRAWINGS]["steps"] == [REVIEW]
    assert later[DRAWINGS]["needed_on"] > plan["start"]
    step = next(one for one in plan["steps"] if one["code"] == REVIEW)
    assert (DRAWINGS in step["papers"], step["conditional"]) == (True, True)
    number = await accepted(intake)
    shown = await papers(intake, number)
    assert {one["material"] for one in shown["papers"]} == later.keys()
    assert {one["state"] for one in shown["papers"]} == {"later"}
    assert shown["awaited"] == []
    [submitted] = [m for m in await intake.outbox() if m["type"] == ApplicationSubmitted.TYPE]
    assert not later.keys() & {one["material"] for one in submitted["data"]["materials"]}
    problem(await intake.get(f"/v1/applications/{number}/papers", STRANGER), 404, "not-found")


async def test_what_is_awaited_is_shown_and_taken_in_one_transaction(intake: Intake) -> None:
    number = await accepted(intake)
    await intake.told(awaiting(number, "drawing-institute-report", DRAWINGS))
    progress = (await intake.get(f"/v1/applications/{number}/progress")).json()
    assert progress["waiting_for_applicant"] is True
    [one] = progress["awaited"]
    assert (one["step"], one["since"], one["until"]) == (REVIEW, "2026-03-02", None)
    assert one["name"]["zh"]
    assert state_of(await papers(intake, number), DRAWINGS) == "awaited"
    answer = await hand_in(intake, number, DRAWINGS)
    assert answer.status_code == 202, answer.text
    [event] = [m for m in await intake.outbox() if m["type"] == ApplicationSupplemented.TYPE]
    assert event["data"]["subjects"] == [f"material/{DRAWINGS}"]
    assert event["data"]["round"] == 0
    [act] = [one for one in await intake.acts() if one["act"] == "application.supplemented"]
    assert "图纸 3" not in str(act), "what a reference says stays here"
    shown = await papers(intake, number)
    assert state_of(shown, DRAWINGS) == "handed_in"
    assert [one["materials"] for one in shown["awaited"]] == [["drawing-institute-report"]]
    await hand_in(intake, number, "drawing-institute-report")
    progress = (await intake.get(f"/v1/applications/{number}/progress")).json()
    assert (progress["awaited"], progress["waiting_for_applicant"]) == ([], False)


async def test_papers_may_come_early_and_be_corrected_until_their_step_begins(
    intake: Intake,
) -> None:
    number = await accepted(intake)
    for _ in range(2):
        assert (await hand_in(intake, number, DRAWINGS)).status_code == 202
    await intake.told(progressed(number, steps=(StepProgress(step=REVIEW, state=StepState.OPEN),)))
    refused = problem(await hand_in(intake, number, DRAWINGS), 422, "incomplete")
    assert [one["pointer"] for one in refused["errors"]] == ["#/materials/0/material"]
    assert (await hand_in(intake, number, MEASURES)).status_code == 202, "of a step to come"
    shown = await papers(intake, number)
    assert state_of(shown, "shelter-drawings") == "not_needed"
    mixed = await hand_in(intake, number, "emergency-plan", "land-grant-contract")
    assert [one["pointer"] for one in problem(mixed, 422, "incomplete")["errors"]] == [
        "#/materials/1/material"
    ]


async def test_after_its_term_a_paper_is_not_taken(intake: Intake) -> None:
    number = await accepted(intake)
    report = "drawing-institute-report"
    await intake.told(awaiting(number, DRAWINGS, report, until=NOW + DAY))
    intake.clock.move_to(NOW + DAY)
    assert (await hand_in(intake, number, DRAWINGS)).status_code == 202
    intake.clock.move_to(NOW + DAY + timedelta(seconds=1))
    problem(await hand_in(intake, number, report), 422, "incomplete")


async def test_each_paper_is_taken_until_its_own_term_is_over(intake: Intake) -> None:
    number, first = await accepted(intake), NOW + DAY
    report, shelter = "drawing-institute-report", "shelter-drawings"
    untils = {DRAWINGS: first, report: NOW + 3 * DAY}
    told = awaiting(number, DRAWINGS, report, shelter, until=first, untils=untils)
    await intake.told(told)
    [shown] = (await papers(intake, number))["awaited"]
    assert {name: datetime.fromisoformat(at) for name, at in shown["untils"].items()} == untils
    intake.clock.move_to(first + timedelta(seconds=1))
    problem(await hand_in(intake, number, DRAWINGS), 422, "incomplete")
    assert (await hand_in(intake, number, report)).status_code == 202
    assert report not in (await papers(intake, number))["awaited"][0]["untils"]
    intake.clock.move_to(NOW + 30 * DAY)
    assert (await hand_in(intake, number, shelter)).status_code == 202, "it has no term"


async def test_results_of_the_project_are_held_without_being_named(intake: Intake) -> None:
    first = await accepted(intake)
    results = (granted("ENT-FILING", "备 1"), granted("DESIGN-REVIEW", "方 2"))
    await intake.told(progressed(first, results=results))
    plan = await preview(intake, INVESTOR, project=PROJECT)
    verdicts = {one["item"]: one["verdict"] for one in plan["verdicts"]}
    assert (verdicts["ENT-FILING"], verdicts["DESIGN-REVIEW"]) == ("held", "held")
    certificate = next(one for one in plan["materials"] if one["id"] == "filing-certificate")
    assert (certificate["asked"], certificate["already_there"]) == (False, "held")
    drawings = next(one for one in plan["materials"] if one["id"] == DRAWINGS)
    assert "later" not in drawings, "the scheme is approved: the drawings are there by now"
    again = await submit(intake, plan)
    assert again.status_code == 201, again.text
    told = [m for m in await intake.outbox() if m["type"] == ApplicationSubmitted.TYPE]
    assert told[-1]["data"]["held"] == {"DESIGN-REVIEW": "方 2", "ENT-FILING": "备 1"}
    assert told[-1]["data"]["project_code"] == PROJECT
    assert told[-1]["data"]["plan_digest"] == again.json()["plan_digest"]
    number = again.json()["number"]
    await intake.told(progressed(number, tasks=(_task(number),)))
    for who in (officer("natural-resources"), SUPERVISOR):
        dossier = (await intake.get(f"/v1/applications/{number}/dossier", who)).json()
        assert [(one["item"], one["number"]) for one in dossier["held"]] == [
            ("DESIGN-REVIEW", "方 2"),
            ("ENT-FILING", "备 1"),
        ]
        assert dossier["held"][1]["materials"] == ["filing-certificate"]
        assert dossier["held"][1]["document"]["zh"]


def _task(number: str) -> TaskProgress:
    return TaskProgress(
        task=f"{number}/BUILD-PLAN/natural-resources/1",
        step="BUILD-PLAN",
        item="BUILD-PLAN",
        department="natural-resources",
        part=Part.DECIDE,
        round=1,
        state=TaskState.OPEN,
        issued_at=NOW,
    )


async def test_what_is_applied_for_anew_is_planned_though_it_is_held(intake: Intake) -> None:
    first = await accepted(intake)
    await intake.told(progressed(first, results=(granted("DESIGN-REVIEW", "方 2"),)))
    plan = await preview(intake, INVESTOR, project=PROJECT, anew=["DESIGN-REVIEW"])
    verdicts = {one["item"]: one["verdict"] for one in plan["verdicts"]}
    assert verdicts["DESIGN-REVIEW"] == "applies"
    again = await submit(intake, plan, anew=["DESIGN-REVIEW"])
    assert again.status_code == 201, again.text
    told = [m for m in await intake.outbox() if m["type"] == ApplicationSubmitted.TYPE]
    assert told[-1]["data"]["held"] == {}


async def _held(intake: Intake, who: Mapping[str, str] = INVESTOR, **changes: Any) -> list[str]:
    """The results that a further application of the project rests on."""
    plan = await preview(intake)
    papers = [one for one in plan["materials"] if one["asked"] and one["may_follow"] is None]
    materials = [{"material": one["id"], "reference": "原件"} for one in papers]
    answer = await submit(intake, plan, who, materials=materials, **changes)
    if answer.status_code == 422:  # what a held result stands for is not asked for
        places = (one["pointer"].split("/") for one in answer.json()["errors"])
        wrong = {int(place[2]) for place in places}
        left = [one for place, one in enumerate(materials) if place not in wrong]
        answer = await submit(intake, plan, who, materials=left, **changes)
    assert answer.status_code == 201, answer.text
    told = [m for m in await intake.outbox() if m["type"] == ApplicationSubmitted.TYPE]
    return sorted(told[-1]["data"]["held"])


async def test_only_the_applicant_and_his_agent_build_on_what_the_project_was_granted(
    intake: Intake,
) -> None:
    person = {"name": "赵一", "kind": "person", "id_number": PERSON, "phone": "0375-5550100"}
    company = {"name": "厂", "kind": "company", "id_number": COMPANY, "phone": "0375-5550100"}
    first = await accepted(intake, applicant=person)
    await intake.told(progressed(first, results=(granted("DESIGN-REVIEW", "方 2"),)))
    assert await _held(intake) == ["DESIGN-REVIEW"]
    assert await _held(intake, STRANGER, applicant=company) == []
    assert await _held(intake, STRANGER, applicant=person) == [], "a name alone opens nothing"
    himself = bearer("another-login", Role.INVESTOR, number=PERSON)
    assert await _held(intake, himself, applicant=person) == ["DESIGN-REVIEW"]
    paper = (await intake.upload(who=STRANGER)).json()["id"]
    agent = {"name": "钱二", "id_number": AGENT, "phone": "13800000000", "authorisation": paper}
    named = await _held(intake, STRANGER, applicant=person, agent=agent)
    assert named == [], "whoever only names an agent is none"
    himself = bearer("stranger", Role.INVESTOR, number=AGENT)
    assert await _held(intake, himself, applicant=person, agent=agent) == ["DESIGN-REVIEW"]
    strangers = await preview(intake, STRANGER, project=PROJECT)
    assert strangers["held"] == {}
    body = {"scenario": "plant", "answers": {}, "project": PROJECT}
    problem(await intake.client.post("/v1/plans", json=body), 401, "unauthenticated")


async def test_what_is_no_longer_valid_or_was_annulled_is_asked_for_again(intake: Intake) -> None:
    old = datetime(2015, 3, 2, tzinfo=UTC)
    first = await accepted(intake)
    results = (
        granted("ENT-FILING", "备 1"),
        granted("DESIGN-REVIEW", "方 2"),
        granted("ENT-APPROVAL", "核 3", at=old),
        Result(
            item="ENERGY",
            department="development-reform",
            outcome=Outcome.REFUSED,
            reasons=("能耗超标",),
            remedies=("可以申请行政复议",),
            decided_at=NOW,
            released_at=NOW,
        ),
    )
    await intake.told(progressed(first, results=results))
    assert intake.parts.catalogue().item_by_code["ENT-APPROVAL"].result.valid_years == 2
    assert await _held(intake) == ["DESIGN-REVIEW", "ENT-FILING"]
    await intake.pool.execute(
        """INSERT INTO remedy (id, application, item, kind, authority, reference, filed_on,
            noted_by, noted_at, outcome, ended_on, ended_by, ended_at)
        VALUES (gen_random_uuid(), $1, 'DESIGN-REVIEW', 'review', '市政府', '复 1', '2026-03-02',
            'x', now(), 'annulled', '2026-03-02', 'x', now())""",
        first,
    )
    assert await _held(intake) == ["ENT-FILING"]
    claimed = await submit(intake, await preview(intake), held={"DESIGN-REVIEW": "方 2"})
    pointers = [one["pointer"] for one in problem(claimed, 422, "incomplete")["errors"]]
    assert "#/held/DESIGN-REVIEW" in pointers

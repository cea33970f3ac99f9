"""What the orchestrator tells is what investors and departments see; what they do about it."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest_asyncio

from services.contracts.events import (
    ApplicationProgressed,
    Concluded,
    DeadlineSignal,
    Due,
    RectificationAsked,
    Result,
    StepProgress,
    TaskProgress,
)
from services.contracts.vocabulary import (
    ApplicationStatus,
    Conclusion,
    Outcome,
    Part,
    Role,
    Signal,
    StepState,
    TaskState,
)
from services.intake import acts, dossier
from tests.conftest import Databases
from tests.integration.intake_kit import (
    COMPANY,
    HASHER,
    INVESTOR,
    ISSUER,
    NOW,
    PDF,
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

JOINT = "opening-inspection"
UNTIL = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


def task(
    number: str, department: str, state: TaskState, item: str = "FIRE-CHECK", **rest: Any
) -> TaskProgress:
    return TaskProgress(
        task=f"{number}/{item}/{department}/1",
        step=JOINT,
        item=item,
        department=department,
        part=Part.DECIDE,
        round=1,
        state=state,
        **rest,
    )


def issued(number: str, department: str, item: str = "FIRE-CHECK") -> TaskProgress:
    due = Due(
        promised_on=date(2026, 3, 5),
        promised_at=datetime(2026, 3, 5, 9, 0, tzinfo=UTC),
        statutory_on=date(2026, 3, 16),
        statutory_at=datetime(2026, 3, 16, 9, 0, tzinfo=UTC),
        provisional=False,
    )
    return task(number, department, TaskState.OPEN, item, issued_at=NOW, due=due)


def told(number: str, **rest: Any) -> ApplicationProgressed:
    return ApplicationProgressed(
        application=number, **({"status": ApplicationStatus.IN_PROGRESS, "at": NOW} | rest)
    )


def asked_to_rectify(number: str, round_: int = 1) -> ApplicationProgressed:
    return told(
        number,
        status=ApplicationStatus.RECTIFYING,
        steps=(StepProgress(step=JOINT, state=StepState.RECTIFYING),),
        rectification=RectificationAsked(
            step=JOINT, round=round_, items=("FIRE-CHECK",), reasons=("通道过窄",), until=UNTIL
        ),
    )


async def progress(intake: Intake, number: str) -> dict[str, Any]:
    answer = await intake.get(f"/v1/applications/{number}/progress")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_before_anything_is_told_every_step_waits(intake: Intake) -> None:
    number = await intake.accepted()
    shown = await progress(intake, number)
    assert shown["status"] == "received"
    assert [one["step"] for one in shown["steps"]] == [one.code for one in intake.plan.steps]
    assert {one["state"] for one in shown["steps"]} == {"waiting"}
    assert (shown["tasks"], shown["held_by"], shown["rectification"]) == ([], [], None)


async def test_who_holds_it_and_since_when_is_shown(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(
        told(
            number,
            tasks=(issued(number, "fire-rescue"), issued(number, "city-appearance", "SIGNBOARD")),
            steps=(StepProgress(step=JOINT, state=StepState.OPEN),),
        )
    )
    intake.clock.advance(timedelta(days=3))
    shown = await progress(intake, number)
    assert (shown["used_working_days"], shown["promised_working_days"]) == (
        3,
        intake.plan.promised_days,
    )
    assert [one["department"] for one in shown["held_by"]] == ["city-appearance", "fire-rescue"]
    assert shown["held_by"][0]["due_on"] == "2026-03-05"
    assert shown["tasks"][0]["item_name"]["zh"]
    before = (await intake.get(f"/v1/applications/{number}")).headers["etag"]
    await intake.told(
        told(
            number,
            tasks=(
                task(
                    number,
                    "fire-rescue",
                    TaskState.DECIDED,
                    outcome=Outcome.GRANTED,
                    decided_at=NOW,
                ),
            ),
        )
    )
    shown = await progress(intake, number)
    [done] = [one for one in shown["tasks"] if one["department"] == "fire-rescue"]
    assert (done["state"], done["outcome"], done["promised_on"]) == (
        "decided",
        "granted",
        "2026-03-05",
    )
    assert done["issued_at"] == "2026-03-02T01:30:00Z"
    assert [one["department"] for one in shown["held_by"]] == ["city-appearance"]
    after = (await intake.get(f"/v1/applications/{number}")).headers["etag"]
    assert after != before


async def test_events_of_one_batch_leave_the_last_word(intake: Intake) -> None:
    one, two = await intake.accepted(), await intake.accepted()
    signal = DeadlineSignal(task=None, signal=Signal.WARNING, at=NOW)
    late = DeadlineSignal(task=None, signal=Signal.WARNING, at=NOW + timedelta(hours=1))
    taken = await intake.told(
        told(one, tasks=(issued(one, "fire-rescue"),), promised_at=UNTIL, provisional=True),
        told(two, tasks=(issued(two, "fire-rescue"),)),
        told(one, signals=(signal,)),
        told(
            one,
            lifted=(late,),
            tasks=(task(one, "fire-rescue", TaskState.DECIDED, outcome=Outcome.REFUSED),),
        ),
    )
    assert (taken.applied, taken.dead, taken.parked) == (4, 0, 0)
    shown = await progress(intake, one)
    assert shown["tasks"][0]["state"] == "decided"
    assert shown["tasks"][0]["issued_at"] is not None
    assert (shown["promised_at"], shown["provisional"]) == ("2026-03-12T09:00:00Z", True)
    [found] = shown["signals"]
    assert (found["at"], found["lifted_at"]) == ("2026-03-02T01:30:00Z", "2026-03-02T02:30:00Z")
    assert (await progress(intake, two))["provisional"] is False


async def test_a_signal_that_comes_again_after_being_lifted_stands_again(intake: Intake) -> None:
    number = await intake.accepted()
    signal = DeadlineSignal(task=None, signal=Signal.PROMISE_PASSED, at=NOW)
    await intake.told(told(number, signals=(signal,)))
    await intake.told(told(number, lifted=(signal,)))
    again = DeadlineSignal(task=None, signal=Signal.PROMISE_PASSED, at=UNTIL)
    await intake.told(told(number, signals=(again,)))
    [found] = (await progress(intake, number))["signals"]
    assert (found["at"], found["lifted_at"]) == ("2026-03-12T09:00:00Z", None)


def result(item: str, outcome: Outcome, number: str | None = None) -> Result:
    refused = outcome is Outcome.REFUSED
    return Result(
        item=item,
        department="fire-rescue",
        outcome=outcome,
        number=number,
        reasons=("通道过窄", "无喷淋") if refused else (),
        remedies=("可申请行政复议",) if refused else (),
        decided_at=NOW,
        released_at=NOW,
    )


async def test_results_are_seen_together_with_reasons_and_remedies(intake: Intake) -> None:
    number = await intake.accepted()
    released = (
        result("FIRE-CHECK", Outcome.REFUSED),
        result("SIGNBOARD", Outcome.GRANTED, "牌字 1 号"),
    )
    end = Concluded(
        conclusion=Conclusion.PARTLY_GRANTED,
        at=NOW,
        used_working_days=4,
        promised_working_days=7,
        in_time=True,
    )
    await intake.told(
        told(number, status=ApplicationStatus.CONCLUDED, results=released, concluded=end)
    )
    found = (await intake.get(f"/v1/applications/{number}/results")).json()
    assert found["conclusion"] == "partly_granted"
    refused, granted = found["items"]
    assert refused["reasons"] == ["通道过窄", "无喷淋"]
    assert refused["remedies"] == ["可申请行政复议"]
    assert (granted["number"], granted["reasons"]) == ("牌字 1 号", [])
    assert granted["document"]["zh"]
    shown = await progress(intake, number)
    assert (shown["used_working_days"], shown["in_time"], shown["conclusion"]) == (
        4,
        True,
        "partly_granted",
    )


async def test_a_granted_result_is_never_asked_for_again(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(told(number, results=(result("BUSINESS-LICENCE", Outcome.GRANTED, "营 7"),)))
    held = {"BUSINESS-LICENCE": "营 7"}
    preview = await intake.client.post(
        "/v1/plans",
        json={"scenario": "restaurant", "answers": intake.submission()["answers"], "held": held},
    )
    asked = [one for one in preview.json()["materials"] if one["asked"] and not one["may_follow"]]
    materials = [{"material": one["id"], "reference": "原件"} for one in asked]
    accepted = await intake.submit(held=held, materials=materials)
    assert accepted.status_code == 201, accepted.text
    elsewhere = {"name": "别处", "address": "别处", "code": "OTHER-1"}
    strangers = await intake.submit(STRANGER, held=held, materials=materials, project=elsewhere)
    problem(strangers, 422, "incomplete")
    same_project = await intake.submit(STRANGER, held=held, materials=materials)
    assert same_project.status_code == 201, same_project.text


async def test_progress_of_an_application_never_received_is_a_dead_letter(intake: Intake) -> None:
    number = await intake.accepted()
    taken = await intake.told(told("QX20260302-999999-9"), told(number))
    assert (taken.applied, taken.dead) == (1, 1)
    assert (await progress(intake, number))["status"] == "in_progress"


async def rectify(
    intake: Intake, number: str, materials: list[dict[str, Any]], **changes: Any
) -> httpx2.Response:
    body = {"step": JOINT, "round": 1, "materials": materials} | changes
    return await intake.client.post(
        f"/v1/applications/{number}/rectifications", json=body, headers={**INVESTOR, **once()}
    )


async def test_a_notice_is_answered_once_within_its_term(intake: Intake) -> None:
    number = await intake.accepted()
    upload = await intake.uploaded()
    papers = [{"material": "evacuation-plan", "upload": upload}]
    problem(await rectify(intake, number, papers), 409, "nothing-to-rectify")
    await intake.told(asked_to_rectify(number))
    shown = await progress(intake, number)
    assert shown["waiting_for_applicant"] is True
    assert shown["rectification"]["reasons"] == ["通道过窄"]
    body = problem(await rectify(intake, number, papers, round=2), 409, "nothing-to-rectify")
    assert body["waiting"] == [{"step": JOINT, "round": 1}]
    problem(await rectify(intake, number, papers, step="OTHER"), 409, "nothing-to-rectify")
    wrong = [{"material": "fit-out-drawings", "upload": upload}]
    problem(await rectify(intake, number, wrong), 422, "incomplete")
    stranger = await intake.client.post(
        f"/v1/applications/{number}/rectifications",
        json={"step": JOINT, "round": 1, "materials": papers},
        headers={**STRANGER, **once()},
    )
    problem(stranger, 404, "not-found")

    answer = await rectify(intake, number, papers)
    assert answer.status_code == 202, answer.text
    last = (await intake.outbox())[-1]
    assert (last["type"], last["seq"]) == ("lianshen.application.rectified.v1", 2)
    assert (last["data"]["step"], last["data"]["round"]) == (JOINT, 1)
    [paper] = last["data"]["materials"]
    assert (paper["material"], len(paper["sha256"])) == ("evacuation-plan", 64)
    assert (await intake.acts())[-1]["act"] == acts.RECTIFIED
    problem(await rectify(intake, number, papers), 409, "nothing-to-rectify")
    assert (await progress(intake, number))["rectification"] is None


async def test_after_its_term_a_notice_cannot_be_answered(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(asked_to_rectify(number))
    intake.clock.move_to(UNTIL)
    papers = [{"material": "evacuation-plan", "reference": "原件"}]
    problem(await rectify(intake, number, papers), 409, "rectification-term-passed")
    assert (await progress(intake, number))["rectification"] is None
    assert len(await intake.outbox()) == 1


async def test_a_notice_whose_step_went_on_cannot_be_answered(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(asked_to_rectify(number))
    await intake.told(told(number, steps=(StepProgress(step=JOINT, state=StepState.DONE),)))
    papers = [{"material": "evacuation-plan", "reference": "原件"}]
    problem(await rectify(intake, number, papers), 409, "nothing-to-rectify")


async def withdraw(intake: Intake, number: str) -> httpx2.Response:
    return await intake.client.post(
        f"/v1/applications/{number}/withdrawal", headers={**INVESTOR, **once()}
    )


async def test_an_application_is_withdrawn_once(intake: Intake) -> None:
    number = await intake.accepted()
    await intake.told(asked_to_rectify(number))
    answer = await withdraw(intake, number)
    assert answer.status_code == 202, answer.text
    assert (await intake.outbox())[-1]["type"] == "lianshen.application.withdrawn.v1"
    assert (await intake.acts())[-1]["act"] == acts.WITHDRAWN
    shown = (await intake.get(f"/v1/applications/{number}")).json()
    assert (shown["withdrawal_asked"], shown["status"]) == (True, "rectifying")
    problem(await withdraw(intake, number), 409, "already-withdrawn")
    papers = [{"material": "evacuation-plan", "reference": "原件"}]
    problem(await rectify(intake, number, papers), 409, "already-withdrawn")
    assert len(await intake.outbox()) == 2


async def test_what_is_concluded_cannot_be_withdrawn(intake: Intake) -> None:
    number = await intake.accepted()
    end = Concluded(
        conclusion=Conclusion.GRANTED,
        at=NOW,
        used_working_days=1,
        promised_working_days=7,
        in_time=True,
    )
    await intake.told(told(number, status=ApplicationStatus.CONCLUDED, concluded=end))
    body = problem(await withdraw(intake, number), 409, "concluded")
    assert body["conclusion"] == "granted"


async def test_a_dossier_is_open_to_departments_that_take_part_and_every_look_is_recorded(
    intake: Intake,
) -> None:
    upload = await intake.uploaded()
    agent = {"name": "代理人", "id_number": "E12345678", "phone": "13800000000"}
    number = await intake.accepted(
        agent={**agent, "authorisation": upload},
        materials=[{"material": one.id, "upload": upload} for one in intake.asked()],
    )
    path = f"/v1/applications/{number}/dossier"
    fire = officer("fire-rescue")
    problem(await intake.get(path, fire), 404, "not-found")
    cancelled = task(number, "food-health", TaskState.CANCELLED, issued_at=NOW)
    await intake.told(told(number, tasks=(issued(number, "fire-rescue"), cancelled)))
    for who in (officer("food-health"), officer("elsewhere"), bearer("nowhere", Role.OFFICER)):
        problem(await intake.get(path, who), 404, "not-found")
    problem(await intake.get(path), 403, "forbidden")
    problem(await intake.client.get(path), 401, "unauthenticated")

    shown = (await intake.get(path, fire)).json()
    assert shown["applicant"]["id_number"] == COMPANY
    assert shown["agent"]["name"] == "代理人"
    file = shown["materials"][0]["file"]
    for href in (file["href"], shown["agent"]["authorisation"]["href"]):
        answer = await intake.get(href, fire)
        assert answer.content == PDF
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        problem(await intake.get(href, officer("elsewhere")), 404, "not-found")
    assert (await intake.get(path, SUPERVISOR)).status_code == 200
    looks = [one for one in await intake.acts() if one["act"].startswith("dossier")]
    assert [one["act"] for one in looks] == [
        dossier.READ,
        dossier.FILE_READ,
        dossier.FILE_READ,
        dossier.READ,
    ]
    assert {one["application"] for one in looks} == {number}
    assert looks[0]["actor"] == HASHER.ref(f"{ISSUER}\nofficer-fire-rescue")


async def test_the_newest_file_of_a_material_is_given_and_older_ones_by_their_hash(
    intake: Intake,
) -> None:
    old = await intake.uploaded()
    newer = PDF + b"\n%%EOF\n"
    new = await intake.uploaded(newer, "new.pdf")
    number = await intake.accepted(
        materials=[{"material": one.id, "upload": old} for one in intake.asked()]
    )
    await intake.told(asked_to_rectify(number))
    answered = await rectify(intake, number, [{"material": "evacuation-plan", "upload": new}])
    assert answered.status_code == 202
    papers = (await intake.get(f"/v1/applications/{number}/dossier", SUPERVISOR)).json()
    given = [one for one in papers["materials"] if one["material"] == "evacuation-plan"]
    assert [(one["step"], one["round"]) for one in given] == [(None, None), (JOINT, 1)]
    plain = f"/v1/applications/{number}/materials/evacuation-plan/file"
    assert (await intake.get(plain, SUPERVISOR)).content == newer
    assert (await intake.get(given[0]["file"]["href"], SUPERVISOR)).content == PDF
    missing = f"/v1/applications/{number}/materials/unheard-of/file"
    problem(await intake.get(missing, SUPERVISOR), 404, "not-found")

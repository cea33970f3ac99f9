"""Looking at the papers (行政许可法 32(4)): once, completely, only what the catalogue asks."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from fastapi.routing import APIRoute

from services.contracts.acceptance import ExaminationRedated
from services.contracts.events import (
    ExaminationAsked,
    ExaminationClosed,
    ExaminationDone,
    MaterialRef,
)
from services.contracts.vocabulary import DateChange
from services.departments import examination_api
from services.departments.consumer import Tasks
from services.departments.examination import UnknownExaminationError
from tests import examined_county
from tests.integration.departments_parts import (
    CHIEF,
    INVESTOR,
    NOW,
    OFFICER,
    OPERATOR,
    SUPERVISOR,
    Desk,
    code_of,
    number,
    received,
    ref,
    token,
)

BRIGADE = "fire-rescue"
FIREMAN = token("fireman", BRIGADE, "officer") | {"accept-language": "en"}
FIRE_CHIEF = token("fire-chief", BRIGADE, "chief_representative")
UNTIL = NOW + timedelta(days=4)
PLAN, EVACUATION = "material/floor-plan", "material/evacuation-plan"
CONDITION = "condition/FIRE-CHECK/1"


def asked(application: str | None = None, look: int = 1, **fields: Any) -> ExaminationAsked:
    """The fire brigade is asked about a restaurant whose evacuation plan was not handed in."""
    application = application or number()
    given: dict[str, Any] = {
        "department": BRIGADE,
        "round": 1,
        "items": ("FIRE-CHECK",),
        "project_code": "P-2026-0001",
        "scenario": "restaurant",
        "facts": {"seats": 80},
        "catalogue_version": "2026.1",
        "applicant_refs": (ref("investor-1"),),
        "materials": (MaterialRef(material="floor-plan", sha256="0" * 64),),
        "subjects": (PLAN, EVACUATION),
        "asked_at": NOW,
        "until": UNTIL,
    } | fields
    name = f"{application}/examination/{given['department']}/{look}"
    return ExaminationAsked(application=application, task=name, **given)


def closed(one: ExaminationAsked, *, silent: bool = True) -> ExaminationClosed:
    return ExaminationClosed(
        application=one.application,
        task=one.task,
        department=one.department,
        silent=silent,
        reason="no answer came in time",
        closed_at=UNTIL,
    )


def lack(subject: str, kind: str = "missing", text: str = "请提交") -> dict[str, str]:
    return {"subject": subject, "kind": kind, "text": text}


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.app.include_router(examination_api.router)
    desk.app.state.shelf = examined_county.shelf()
    return desk


async def put(desk: Desk, *events: Any) -> list[int]:
    async with desk.pool.acquire() as conn, conn.transaction():
        await Tasks(desk.clock, desk.app.state.shelf)(conn, [received(event) for event in events])
        rows = await conn.fetch(
            "SELECT id FROM examination WHERE task = ANY ($1) ORDER BY id",
            [event.task for event in events if isinstance(event, ExaminationAsked)],
        )
    return [row["id"] for row in rows]


async def say(desk: Desk, id_: int, *findings: Any, who: Any = FIREMAN, **rest: Any) -> Any:
    return await desk.post(
        f"/examinations/{id_}/findings", who, {"findings": list(findings)}, **rest
    )


async def told(desk: Desk) -> list[ExaminationDone]:
    rows = await desk.rows("SELECT payload FROM outbox ORDER BY id")
    found = [orjson.loads(row["payload"]) for row in rows]
    return [ExaminationDone.model_validate(one["data"]) for one in found]


async def test_it_is_on_the_queue_with_everything_that_may_be_named(desk: Desk) -> None:
    later, sooner = asked(until=UNTIL + timedelta(days=1)), asked()
    _, id_ = await put(desk, later, sooner)
    listed = (await desk.get("/examinations", FIREMAN)).json()["items"]
    assert [one["application"] for one in listed] == [sooner.application, later.application]
    answer = await desk.get(f"/examinations/{id_}", FIREMAN)
    shown = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert [one["subject"] for one in shown["nameable"]] == [PLAN, EVACUATION, CONDITION]
    assert shown["nameable"][1]["name"]["zh"] == "灭火和应急疏散预案"
    assert (shown["findings"], shown["state"]) == (None, "open")


async def test_nothing_missing_is_said_with_an_empty_list(desk: Desk) -> None:
    one = asked(materials=())
    [id_] = await put(desk, one)
    answer = await say(desk, id_)
    assert answer.json()["complete"] is True
    [done] = await told(desk)
    assert (done.task, done.findings, done.actor_role) == (one.task, (), "officer")
    leaves = await desk.rows("SELECT act, body FROM audit_leaf")
    assert [row["act"] for row in leaves] == ["examination.done"]
    assert (await desk.get("/examinations", FIREMAN)).json()["items"] == []


async def test_everything_that_is_missing_is_said_at_once(desk: Desk) -> None:
    [id_] = await put(desk, asked())
    found = [lack(EVACUATION), lack(PLAN, "defective"), lack(CONDITION, "defective")]
    assert code_of(await say(desk, id_, *found, who=FIRE_CHIEF)) == "ok"
    [done] = await told(desk)
    assert [one.subject for one in done.findings] == [EVACUATION, PLAN, CONDITION]
    shown = (await desk.get(f"/examinations/{id_}", SUPERVISOR)).json()
    assert [one["subject"] for one in shown["findings"]] == [EVACUATION, PLAN, CONDITION]
    body = await desk.value("SELECT body FROM audit_leaf")
    assert "请提交" not in str(body), "what is written by hand is proven by its hash"
    again = await say(desk, id_, lack(PLAN, "defective"), version=2)
    assert (again.status_code, code_of(again)) == (409, "examination-over")


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (lack("material/tax-certificate"), "31"),
        (lack("material/sign-design"), "31"),
        (lack("condition/FIRE-CHECK/2"), "31"),
        (lack("condition/SIGNBOARD/1"), "31"),
        (lack(PLAN), "handed in"),
        (lack(EVACUATION, "defective"), "not handed in"),
    ],
)
async def test_only_what_the_catalogue_asks_may_be_named(
    desk: Desk, finding: dict[str, str], why: str
) -> None:
    [id_] = await put(desk, asked())
    answer = await say(desk, id_, lack(CONDITION, "defective"), finding)
    assert (answer.status_code, code_of(answer)) == (422, "finding-refused")
    [error] = answer.json()["errors"]
    assert error["pointer"] == "#/findings/1/subject"
    assert why in str(error)
    assert await desk.value("SELECT state FROM examination") == "open"
    assert await told(desk) == []


async def test_a_second_notice_names_only_what_was_not_supplied_of_the_first(desk: Desk) -> None:
    first = asked()
    second = asked(first.application, 2, round=2, subjects=(EVACUATION,))
    _, id_ = await put(desk, first, second)
    shown = (await desk.get(f"/examinations/{id_}", FIREMAN)).json()
    assert [one["subject"] for one in shown["nameable"]] == [EVACUATION]
    for stranger in (lack(PLAN, "defective"), lack(CONDITION, "defective")):
        answer = await say(desk, id_, stranger)
        assert code_of(answer) == "finding-refused"
        assert "first notice" in str(answer.json()["errors"])
    twice = [lack(EVACUATION), lack(EVACUATION)]
    assert code_of(await say(desk, id_, *twice)) == "finding-refused"
    leaves = [orjson.loads(row["body"]) for row in await desk.rows("SELECT body FROM audit_leaf")]
    tried = [(one["act"], one["facts"]["subjects"], one["facts"]["round"]) for one in leaves]
    assert tried == [("examination.refused", [PLAN], 2), ("examination.refused", [CONDITION], 2)]
    assert leaves[0]["application"] == first.application
    assert await told(desk) == []
    assert code_of(await say(desk, id_, lack(EVACUATION))) == "ok"


async def test_silence_is_recorded_and_an_answer_after_it_is_none(desk: Desk) -> None:
    one = asked()
    [id_] = await put(desk, one)
    await put(desk, closed(one))
    answer = await say(desk, id_, version=2)
    assert (answer.status_code, code_of(answer)) == (409, "examination-over")
    assert answer.json()["state"] == "silent"
    assert [row["act"] for row in await desk.rows("SELECT act FROM audit_leaf")] == [
        "examination.silent"
    ]
    [listed] = (await desk.get("/examinations", FIREMAN, state="silent")).json()["items"]
    assert listed["application"] == one.application


async def test_an_answer_that_was_committed_first_stands(desk: Desk) -> None:
    one = asked()
    [id_] = await put(desk, one)
    assert code_of(await say(desk, id_, lack(EVACUATION))) == "ok"
    await put(desk, closed(one))
    assert await desk.value("SELECT state FROM examination") == "done"
    acts = await desk.rows("SELECT act FROM audit_leaf")
    assert [row["act"] for row in acts] == ["examination.done"]


async def test_of_an_answer_and_a_silence_exactly_one_is_recorded(desk: Desk) -> None:
    for _ in range(20):
        one = asked()
        [id_] = await put(desk, one)
        answer, _closed = await asyncio.gather(say(desk, id_), put(desk, closed(one)))
        acts = await desk.rows("SELECT act FROM audit_leaf WHERE application = $1", one.application)
        expected = "examination.done" if answer.is_success else "examination.silent"
        assert [row["act"] for row in acts] == [expected]


async def test_a_withdrawn_one_is_closed_without_blame(desk: Desk) -> None:
    one = asked()
    await put(desk, one)
    await put(desk, closed(one, silent=False))
    assert await desk.value("SELECT state FROM examination") == "closed"
    assert await desk.value("SELECT count(*) FROM audit_leaf") == 0


async def test_what_was_never_asked_cannot_be_closed(desk: Desk) -> None:
    with pytest.raises(UnknownExaminationError):
        await put(desk, closed(asked()))


async def test_one_key_is_one_answer(desk: Desk) -> None:
    [id_] = await put(desk, asked())
    first = await say(desk, id_, lack(EVACUATION), key="one-and-the-same")
    second = await say(desk, id_, lack(EVACUATION), key="one-and-the-same")
    assert first.json() == second.json()
    assert len(await told(desk)) == 1


async def test_who_may(desk: Desk) -> None:
    [id_] = await put(desk, asked())
    own = token("investor-1", BRIGADE, "officer")
    assert code_of(await say(desk, id_, who=own)) == "own-application"
    for stranger in (OFFICER, CHIEF):
        assert code_of(await say(desk, id_, who=stranger)) == "not-found"
        assert code_of(await desk.get(f"/examinations/{id_}", stranger)) == "not-found"
    for nobody in (INVESTOR, OPERATOR, SUPERVISOR):
        assert code_of(await say(desk, id_, who=nobody)) == "forbidden"
    assert code_of(await say(desk, id_, version=7)) == "version-mismatch"
    listed = await desk.get("/examinations", SUPERVISOR, department=BRIGADE)
    assert len(listed.json()["items"]) == 1
    assert code_of(await desk.get("/examinations", SUPERVISOR)) == "department-required"
    assert await told(desk) == []


def test_every_route_is_looked_at() -> None:
    paths = {route.path for route in examination_api.router.routes if isinstance(route, APIRoute)}
    assert paths == {
        "/v1/examinations",
        "/v1/examinations/{id}",
        "/v1/examinations/{id}/findings",
    }


def redated(one: ExaminationAsked, until: datetime) -> ExaminationRedated:
    return ExaminationRedated(
        application=one.application,
        task=one.task,
        department=one.department,
        until=until,
        why=DateChange.CALENDAR,
        redated_at=NOW + timedelta(hours=1),
    )


async def test_a_notice_of_the_calendar_moves_the_time_of_what_is_open(desk: Desk) -> None:
    later, one = UNTIL + timedelta(days=1), asked()
    done, gone = asked(), asked()
    id_, done_id, _ = await put(desk, one, done, gone)
    await say(desk, done_id)
    await put(desk, redated(one, later), redated(done, later), redated(gone, later), closed(gone))
    shown = (await desk.get(f"/examinations/{id_}", FIREMAN)).json()
    assert datetime.fromisoformat(shown["until"]) == later
    [move] = shown["moves"]
    assert datetime.fromisoformat(move["before"]) == UNTIL
    assert (datetime.fromisoformat(move["after"]), move["why"]) == (later, "calendar")
    assert shown["version"] == 2
    listed = (await desk.get("/examinations", FIREMAN)).json()["items"]
    assert [datetime.fromisoformat(row["until"]) for row in listed] == [later]
    over = (await desk.get(f"/examinations/{done_id}", FIREMAN)).json()
    assert (datetime.fromisoformat(over["until"]), over["moves"]) == (UNTIL, [])
    await put(desk, redated(one, later))
    again = (await desk.get(f"/examinations/{id_}", FIREMAN)).json()
    assert len(again["moves"]) == 1, "what was not moved is no move"
    with pytest.raises(UnknownExaminationError):
        await put(desk, redated(asked(), later))

"""What somebody may do to a clock on: a written authorisation, and an approver who is a person."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from fastapi.routing import APIRoute

from services.departments import extending_api
from services.verification.authority import authority
from services.verification.days import Days
from services.verification.folders import Folder, queries
from services.verification.world import World
from tests.integration.departments_parts import (
    CHIEF,
    HEAD,
    INVESTOR,
    OFFICER,
    OPERATOR,
    SUPERVISOR,
    Desk,
    code_of,
    consult,
    issued,
    ref,
    shelf,
    token,
)

MORE = {"days": 10, "approver": "department_head", "reason": "方案复杂，需进一步论证"}
YES = {"answer": "approved", "document": "规延〔2026〕7号"}
FIRE_HEAD = token("head-2", "fire", "department_head")
PAUSE = {
    "kind": "expert_review",
    "until": "2026-03-20",
    "notice": "消审评告〔2026〕4号",
    "reason": "采用新技术，须组织专家评审",
}
REVIEW = "FIRE-DESIGN"


def extendable(approver: str) -> tuple[str, int]:
    """An item whose limit the approver may extend once, and by how much."""
    for item in shelf().version("2026.1").items:
        rule = item.statutory.extension if item.statutory else None
        if rule and (rule.approver, rule.times) == (approver, 1):
            return item.code, rule.limit.value
    raise LookupError(approver)


ITEM = extendable("department_head")[0]


def _rules(code: str) -> list[str]:
    """The procedures whose time is not counted for an item."""
    item = shelf().version("2026.1").item_by_code[code]
    return [rule.procedure.value for rule in (item.statutory.uncounted if item.statutory else ())]


def _both() -> str:
    """An item whose clock can be stopped, and whose limit the head of the department extends."""
    for item in shelf().version("2026.1").items:
        rule = item.statutory.extension if item.statutory else None
        by_head = rule and (rule.approver, rule.limit.value) == ("department_head", 10)
        if by_head and _rules(item.code):
            return item.code
    raise LookupError


ITEM_OF_BOTH = _both()


async def paper(desk: Desk, **fields: Any) -> int:
    """Give the chief an authorisation."""
    given = {
        "representative": "chief-1",
        "substitute": "officer-1",
        "powers": ["decide"],
        "valid_until": "2026-12-31",
        "document": "规授〔2026〕1号",
    }
    answer = await desk.post("/authorisations", HEAD, given | fields)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def ask(desk: Desk, task: int, who: dict[str, str] = CHIEF, **more: Any) -> Any:
    version = more.pop("version", 1)
    return await desk.post(f"/tasks/{task}/extension-proposals", who, MORE | more, version=version)


async def reply(desk: Desk, proposal: int, who: dict[str, str] = HEAD, **more: Any) -> Any:
    return await desk.post(f"/extension-proposals/{proposal}/answer", who, YES | more)


async def test_a_clock_is_stopped_on_a_written_authorisation(desk: Desk) -> None:
    await desk.require()
    first, second = await desk.put(issued(item=REVIEW), issued(item=REVIEW))
    for who in (OFFICER, CHIEF):
        refused = await desk.post(f"/tasks/{first}/pauses", who, PAUSE)
        assert code_of(refused) == "not-authorised"
    given = await paper(desk)
    refused = await desk.post(f"/tasks/{first}/pauses", OFFICER, PAUSE)
    assert code_of(refused) == "not-authorised", "a substitute, and nobody is absent"
    assert code_of(await desk.post(f"/tasks/{first}/pauses", CHIEF, PAUSE)) == "ok"
    await desk.post("/absences", CHIEF, {})
    assert code_of(await desk.post(f"/tasks/{second}/pauses", OFFICER, PAUSE)) == "ok"
    ended = await desk.post(f"/tasks/{second}/pauses/1/end", OFFICER, version=2)
    assert code_of(ended) == "ok"
    rows = await desk.rows(
        "SELECT authorisation_id FROM task_pause UNION ALL SELECT authorisation_id FROM pause_end"
    )
    assert [row["authorisation_id"] for row in rows] == [given] * 3
    leaves = await desk.rows("SELECT body FROM audit_leaf WHERE act = 'task.paused'")
    assert [orjson.loads(one["body"])["facts"]["authorisation"] for one in leaves] == [given] * 2


async def test_an_authorisation_for_other_items_stops_no_clock(desk: Desk) -> None:
    await desk.require()
    items = shelf().version("2026.1").items
    department = next(item.department for item in items if item.code == REVIEW)
    other = next(i.code for i in items if i.department == department and i.code != REVIEW)
    head = token("head-9", department, "department_head")
    chief = token("chief-1", department, "chief_representative")
    [task] = await desk.put(issued(item=REVIEW, department=department))
    given = {
        "representative": "chief-1",
        "powers": ["decide"],
        "valid_until": "2026-12-31",
        "document": "x",
    }
    for item, expected in ((other, "not-authorised"), (REVIEW, "ok")):
        assert code_of(await desk.post("/authorisations", head, given | {"items": [item]})) == "ok"
        assert code_of(await desk.post(f"/tasks/{task}/pauses", chief, PAUSE)) == expected


async def test_an_authorisation_that_was_revoked_stops_nothing(desk: Desk) -> None:
    await desk.require()
    given = await paper(desk)
    [task] = await desk.put(issued(item=REVIEW))
    assert code_of(await desk.post(f"/tasks/{task}/pauses", CHIEF, PAUSE)) == "ok"
    await desk.post(f"/authorisations/{given}/revocation", HEAD, {"reason": "岗位调整"})
    refused = await desk.post(f"/tasks/{task}/pauses/1/end", CHIEF, version=2)
    assert code_of(refused) == "not-authorised"


async def test_the_chiefs_word_for_an_approval_is_not_enough_where_papers_are(desk: Desk) -> None:
    await desk.require()
    await paper(desk)
    [task] = await desk.put(issued(item=ITEM))
    body = MORE | {"approval": "规延〔2026〕7号"}
    assert code_of(await desk.post(f"/tasks/{task}/extensions", CHIEF, body)) == (
        "extension-unapproved"
    )
    assert await desk.value("SELECT count(*) FROM task_extension") == 0


async def test_what_is_proposed_is_longer_when_the_head_has_approved_it(desk: Desk) -> None:
    await desk.require()
    given = await paper(desk)
    task = issued(item=ITEM)
    [id_] = await desk.put(task)
    asked = await ask(desk, id_)
    assert asked.status_code == 201, asked.text
    assert (asked.json()["approver"], asked.headers["etag"]) == ("department_head", '"2"')
    assert asked.json()["due_at"] == "2026-03-04T09:00:00Z", "two working days, as of 报批"
    assert await desk.value("SELECT count(*) FROM outbox") == 0, "nothing is longer yet"
    answered = await reply(desk, asked.json()["id"])
    assert (answered.json()["extension"], answered.headers["etag"]) == (1, '"4"')
    payload = await desk.value("SELECT payload FROM outbox")
    event = orjson.loads(payload)["data"]
    assert (event["approver"], event["approval"]) == ("department_head", YES["document"])
    assert (event["actor_ref"], event["actor_role"]) == (ref("head-1"), "department_head")
    assert (event["days"]["value"], event["reason"]) == (10, MORE["reason"])
    [row] = await desk.rows("SELECT proposal_id, actor_ref FROM task_extension")
    assert tuple(row) == (asked.json()["id"], ref("head-1"))
    assert await desk.value("SELECT authorisation_id FROM extension_proposal") == given
    acts = [row["kind"] for row in await desk.rows("SELECT kind FROM act ORDER BY id")]
    assert acts == ["asked_extension", "answered_extension", "extended"]
    leaves = await desk.rows("SELECT act, body FROM audit_leaf WHERE application IS NOT NULL")
    assert [row["act"] for row in leaves] == [
        "extension.proposed",
        "extension.answered",
        "task.extended",
    ]
    assert MORE["reason"] not in leaves[0]["body"]
    again = await ask(desk, id_, version=4)
    assert code_of(again) == "extension-invalid", "once"


async def test_a_proposal_that_is_refused_lengthens_nothing_and_may_come_again(desk: Desk) -> None:
    [task] = await desk.put(issued(item=ITEM))
    first = (await ask(desk, task)).json()["id"]
    assert code_of(await ask(desk, task, version=2)) == "extension-proposed"
    no = await reply(desk, first, answer="refused", document="规延否〔2026〕7号")
    assert (no.json()["answer"], no.json()["extension"]) == ("refused", None)
    assert await desk.value("SELECT count(*) FROM task_extension") == 0
    assert code_of(await reply(desk, first)) == "extension-answered"
    second = await ask(desk, task, version=3)
    assert code_of(second) == "ok"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.rows("UPDATE extension_proposal SET answer = 'approved' WHERE id = $1", first)


@pytest.mark.parametrize("approver", ["approving_body", "principal"])
async def test_what_the_department_may_not_approve_itself_comes_back_with_a_document(
    desk: Desk, approver: str
) -> None:
    item, days = extendable(approver)
    [task] = await desk.put(issued(item=item))
    wrong = await ask(desk, task)
    assert "#/approver" in [one["pointer"] for one in wrong.json()["errors"]]
    asked = (await ask(desk, task, approver=approver, days=days)).json()
    answered = await reply(desk, asked["id"], document="市府批复〔2026〕17号")
    assert answered.json()["extension"] == 1
    [row] = await desk.rows("SELECT approver, approval FROM task_extension")
    assert tuple(row) == (approver, "市府批复〔2026〕17号")


async def test_nobody_approves_what_he_proposed_or_what_is_his_own(desk: Desk) -> None:
    both = token("chief-5", "planning", "chief_representative", "department_head")
    [task, other] = await desk.put(issued(item=ITEM), issued(item=ITEM))
    mine = (await ask(desk, task, both)).json()["id"]
    assert code_of(await reply(desk, mine, both)) == "another-person-required"
    assert code_of(await reply(desk, mine, FIRE_HEAD)) == "not-found"
    applicant = token("investor-1", "planning", "department_head", "chief_representative")
    assert code_of(await ask(desk, other, applicant)) == "own-application"
    theirs = (await ask(desk, other)).json()["id"]
    assert code_of(await reply(desk, theirs, applicant)) == "own-application"


async def test_a_limit_that_has_run_out_is_not_approved_to_be_longer(desk: Desk) -> None:
    [task, opinion] = await desk.put(issued(item=ITEM), consult(item=ITEM))
    assert code_of(await ask(desk, opinion)) == "wrong-part"
    desk.clock.move_to(datetime(2026, 3, 30, 1, tzinfo=UTC))
    asked = (await ask(desk, task)).json()
    assert asked["due_at"] == "2026-03-30T09:00:00Z", "never later than the limit itself"
    desk.clock.advance(timedelta(days=1))
    assert code_of(await reply(desk, asked["id"])) == "limit-over"
    open_ = await desk.get("/extension-proposals", HEAD, state="open")
    assert [one["id"] for one in open_.json()["items"]] == [asked["id"]]
    assert code_of(await reply(desk, asked["id"], answer="refused")) == "ok"
    open_ = await desk.get("/extension-proposals", HEAD, state="open")
    assert open_.json()["items"] == []


async def test_proposals_are_listed_soonest_due_first_page_by_page(desk: Desk) -> None:
    tasks = await desk.put(issued(item=ITEM), issued(item=ITEM), issued(item=ITEM))
    ids = [(await ask(desk, task)).json()["id"] for task in tasks]
    page = (
        await desk.get("/extension-proposals", SUPERVISOR, department="planning", limit=2)
    ).json()
    assert [one["id"] for one in page["items"]] == ids[:2]
    rest = await desk.get("/extension-proposals", CHIEF, after=page["next"], limit=2)
    assert [one["id"] for one in rest.json()["items"]] == ids[2:]
    one = (await desk.get("/extension-proposals", HEAD, task=tasks[1])).json()["items"]
    assert [(found["id"], found["reason"]) for found in one] == [(ids[1], MORE["reason"])]


async def test_special_handling_of_what_is_only_asked_about(desk: Desk) -> None:
    """A consultation goes before the others as well, by whoever has that power."""
    await desk.require()
    [task] = await desk.put(consult(item=REVIEW))
    path, body = f"/tasks/{task}/special-handling", {"reason": "省重点项目"}
    assert code_of(await desk.post(path, CHIEF, body)) == "not-authorised"
    await paper(desk, powers=["decide"])
    assert code_of(await desk.post(path, CHIEF, body)) == "not-authorised"
    given = await paper(desk, powers=["special"])
    assert code_of(await desk.post(path, CHIEF, body)) == "ok"
    leaf = await desk.value("SELECT body FROM audit_leaf WHERE act = 'task.special'")
    assert orjson.loads(leaf)["facts"]["authorisation"] == given


async def test_an_authorisation_may_name_what_the_department_is_asked_about(desk: Desk) -> None:
    asked = next(
        (item.code, unit.department)
        for item in shelf().version("2026.1").items
        for unit in item.consulted
        if unit.department not in (item.department, *item.co_deciders)
    )
    head = token("head-9", asked[1], "department_head")
    given = {
        "representative": "chief-9",
        "powers": ["special"],
        "valid_until": "2026-12-31",
        "document": "x",
    }
    answer = await desk.post("/authorisations", head, given | {"items": [asked[0]]})
    assert answer.status_code == 201, answer.text
    wrong = await desk.post("/authorisations", head, given | {"items": ["NOTHING"]})
    assert [one["pointer"] for one in wrong.json()["errors"]] == ["#/items/0"]


# What a verification says to it

SABOTAGES = {
    "pause 1: no authorisation": "UPDATE task_pause SET authorisation_id = NULL",
    "end of a pause 1: no authorisation": "UPDATE pause_end SET authorisation_id = NULL",
    "pause 1: it rests on an authorisation for other items": (
        "UPDATE authorisation SET items = '{OTHER}'"
    ),
    "pause 1: it rests on an authorisation of somebody else": (
        "UPDATE authorisation SET representative_ref = 'x'"
    ),
    "extension 1: its approver was never asked": "UPDATE task_extension SET proposal_id = NULL",
    "extension 1: it was not approved": "UPDATE extension_proposal SET answer = 'refused'",
    "extension 1: whoever proposed it has approved it": (
        "ALTER TABLE extension_proposal DROP CONSTRAINT extension_proposal_is_answered_by_another;"
        "UPDATE extension_proposal SET answered_by = asked_by"
    ),
    "extension 1: it is not what was proposed": "UPDATE extension_proposal SET days = days - 1",
    "extension 1: it names another document": "UPDATE extension_proposal SET document = 'other'",
    "extension 1: proposed without an authorisation": (
        "UPDATE extension_proposal SET authorisation_id = NULL"
    ),
    "extension 1: approved by a chief_representative": (
        "UPDATE task_extension SET actor_role = 'chief_representative'"
    ),
    "answered_extension by a officer": (
        "UPDATE act SET actor_role = 'officer' WHERE kind = 'answered_extension'"
    ),
}


async def found_by_verification(desk: Desk, number: str) -> list[str]:
    tables = {"task": "departments_task", "outcome": "outcome", "act": "act"}
    async with desk.pool.acquire() as conn:
        rows = {
            name: [row async for row in getattr(queries, query)(conn, application=number)]
            for name, query in (tables | {"clock_act": "clock_act"}).items()
        }
    empty: dict[str, list[Any]] = {"application": []}
    folder = Folder(number=number, intake=empty, orchestrator=empty, departments=rows, moving=False)
    days = Days(Path("deploy/calendar"))
    world = World(days=days, calendar_version="2026", own=frozenset())
    assert len(rows["clock_act"]) == 3
    return [finding.message for finding in authority(folder, world)]


@pytest.mark.parametrize("message", SABOTAGES)
async def test_a_verification_finds_what_was_changed(desk: Desk, message: str) -> None:
    await desk.require()
    await paper(desk)
    task = issued(item=ITEM_OF_BOTH)
    [id_] = await desk.put(task)
    kind = next(iter(_rules(ITEM_OF_BOTH)))
    assert code_of(await desk.post(f"/tasks/{id_}/pauses", CHIEF, PAUSE | {"kind": kind})) == "ok"
    assert code_of(await desk.post(f"/tasks/{id_}/pauses/1/end", CHIEF, version=2)) == "ok"
    asked = await ask(desk, id_, version=3)
    assert code_of(await reply(desk, asked.json()["id"])) == "ok"
    assert await found_by_verification(desk, task.application) == []
    for table in ("task_pause", "pause_end", "task_extension", "extension_proposal", "act"):
        await desk.rows(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    await desk.rows("ALTER TABLE authorisation DISABLE TRIGGER USER")
    async with desk.pool.acquire() as conn:
        await conn.execute(SABOTAGES[message])
    found = await found_by_verification(desk, task.application)
    assert any(message in one for one in found), found


# Who reaches what

PEOPLE = {
    "nobody": {},
    "investor": INVESTOR,
    "operator": OPERATOR,
    "supervisor": SUPERVISOR,
    "officer": OFFICER,
    "chief": CHIEF,
    "head": HEAD,
}
NOBODY = dict.fromkeys(PEOPLE, "forbidden") | {"nobody": "unauthenticated"}
MATRIX: dict[tuple[str, str], tuple[Any, dict[str, str]]] = {
    ("POST", "/v1/tasks/{id}/extension-proposals"): (
        MORE,
        NOBODY | {"officer": "representative-required", "chief": "ok"},
    ),
    ("GET", "/v1/extension-proposals"): (
        None,
        NOBODY
        | {"officer": "ok", "chief": "ok", "head": "ok", "supervisor": "department-required"},
    ),
    ("POST", "/v1/extension-proposals/{id}/answer"): (YES, NOBODY | {"head": "ok"}),
}


def test_the_matrix_has_every_route() -> None:
    routes = {
        (method, route.path)
        for route in extending_api.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert routes == set(MATRIX)


@pytest.mark.parametrize(("method", "path"), MATRIX)
async def test_who_reaches_what_is_of_planning(desk: Desk, method: str, path: str) -> None:
    body, expected = MATRIX[method, path]
    found = {}
    for name, who in PEOPLE.items():
        [task] = await desk.put(issued(item=ITEM))
        number = task if "/tasks/" in path else (await ask(desk, task)).json()["id"]
        place = path.removeprefix("/v1").replace("{id}", str(number))
        answer = await (desk.get(place, who) if method == "GET" else desk.post(place, who, body))
        found[name] = code_of(answer)
    assert found == expected

"""报批, visits on the spot, reassignment and special handling: the acts around a decision."""

from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from fastapi.routing import APIRoute

from services.contracts.vocabulary import Authority
from services.departments import assigning_api, authority_api
from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    FIRE_CHIEF,
    HEAD,
    INVESTOR,
    OFFICER,
    OPERATOR,
    REFUSAL,
    SUPERVISOR,
    Desk,
    code_of,
    consult,
    issued,
    ref,
    token,
)

GRANT = {"outcome": "granted"}
UP = {"proposal": "granted", "opinion": "符合条件，建议批准"}
BACK = {"answer": "granted", "document": "局批〔2026〕9号"}
SEEN = {"visited_on": "2026-03-02", "with": ["officer-2"], "findings": "现场与图纸一致"}
FIRE_HEAD = token("head-2", "fire", "department_head")


async def high(desk: Desk, level: Authority = Authority.DEPARTMENT_HEAD, **fields: Any) -> int:
    """A task that the representative may not decide alone."""
    [id_] = await desk.put(issued(authority=level, **fields))
    return id_


async def up(desk: Desk, task: int, who: dict[str, str] = CHIEF, **fields: Any) -> Any:
    return await desk.post(f"/tasks/{task}/approval-above", who, UP | fields)


async def back(desk: Desk, above: int, who: dict[str, str] = HEAD, **fields: Any) -> Any:
    return await desk.post(f"/approvals-above/{above}/answer", who, BACK | fields)


async def test_what_went_up_is_decided_as_it_came_back(desk: Desk) -> None:
    task = await high(desk)
    asked = await up(desk, task)
    assert asked.status_code == 201, asked.text
    assert (asked.json()["level"], asked.headers["etag"]) == ("department_head", '"2"')
    pending = await desk.post(f"/tasks/{task}/decision", CHIEF, GRANT, version=2)
    assert code_of(pending) == "approval-above-pending"
    assert pending.json()["due_at"] == asked.json()["due_at"]
    answered = await back(desk, asked.json()["id"])
    assert (answered.status_code, answered.headers["etag"]) == (200, '"3"')
    other = await desk.post(f"/tasks/{task}/decision", CHIEF, REFUSAL, version=3)
    assert (code_of(other), other.json()["answer"]) == ("approval-above-differs", "granted")
    doubled = {**GRANT, "decided_above": "another"}
    fault = await desk.post(f"/tasks/{task}/decision", CHIEF, doubled, version=3)
    assert [one["pointer"] for one in fault.json()["errors"]] == ["#/decided_above"]
    assert code_of(await desk.post(f"/tasks/{task}/decision", CHIEF, GRANT, version=3)) == "ok"
    ended = (await desk.get(f"/tasks/{task}", CHIEF)).json()["ended"]
    assert ended["decided_above"] == BACK["document"]
    assert (ended["basis"], ended["above_id"]) == ("department_head", asked.json()["id"])
    history = (await desk.get(f"/tasks/{task}/history", CHIEF)).json()["items"]
    assert [(one["kind"], one["actor_role"]) for one in history] == [
        ("asked_above", "chief_representative"),
        ("answered_above", "department_head"),
        ("decision", "chief_representative"),
    ]


@pytest.mark.parametrize("level", [Authority.HIGHER_LEVEL, Authority.GOVERNMENT_HEAD])
async def test_what_a_higher_authority_decides_ends_its_first_review(
    desk: Desk, level: Authority
) -> None:
    asked = (await up(desk, await high(desk, level))).json()
    rows = await desk.rows("SELECT topic, payload FROM outbox")
    if level is not Authority.HIGHER_LEVEL:
        assert rows == []  # the same authority decides: nothing was reviewed first
        return
    [row] = rows
    assert row["topic"] == "lianshen.decisions.planning.v1"
    said = orjson.loads(row["payload"])
    assert said["type"] == "lianshen.task.sent_up.v1"
    assert (said["data"]["task"], said["data"]["level"]) == (asked["task"], "higher_level")
    assert UP["opinion"] not in str(row["payload"])


async def test_acts_of_going_up_are_recorded_without_their_texts(desk: Desk) -> None:
    asked = (await up(desk, await high(desk))).json()
    await back(desk, asked["id"])
    rows = await desk.rows("SELECT act, application, body FROM audit_leaf ORDER BY id")
    assert [row["act"] for row in rows] == ["above.asked", "above.answered"]
    for row in rows:
        facts = orjson.loads(row["body"])["facts"]
        assert (facts["approval_above"], facts["task"]) == (asked["id"], asked["task"])
        assert row["application"] == asked["task"].split("/")[0]
        assert UP["opinion"] not in row["body"]
        assert BACK["document"] not in row["body"]


async def test_by_the_role_alone_the_decision_from_above_may_still_be_named(desk: Desk) -> None:
    """As a county does that handles 报批 on paper."""
    task = await high(desk, Authority.GOVERNMENT_HEAD)
    body = {**GRANT, "decided_above": "市府批复〔2026〕17号"}
    assert code_of(await desk.decide(task, body)) == "ok"


async def test_where_authorisations_are_required_the_paper_alone_is_not_enough(desk: Desk) -> None:
    await desk.require()
    paper = {
        "representative": "chief-1",
        "powers": ["decide"],
        "valid_from": "2026-03-02",
        "valid_until": "2026-12-31",
        "document": "x",
    }
    number = (await desk.post("/authorisations", HEAD, paper)).json()["id"]
    task = await high(desk, Authority.HIGHER_LEVEL)
    body = {**GRANT, "decided_above": "省批〔2026〕1号"}
    refused = await desk.decide(task, body)
    assert (code_of(refused), refused.json()["level"]) == (
        "approval-above-required",
        "higher_level",
    )
    asked = (await up(desk, task)).json()
    await back(desk, asked["id"])
    ended = await desk.post(f"/tasks/{task}/decision", CHIEF, GRANT, version=3)
    assert code_of(ended) == "ok"
    rows = await desk.rows("SELECT authorisation_id, basis FROM outcome")
    assert [tuple(row) for row in rows] == [(number, "higher_level")]
    assert await desk.value("SELECT authorisation_id FROM approval_above") == number


async def test_one_who_may_only_review_first_decides_as_the_head_answered(desk: Desk) -> None:
    await desk.require()
    paper = {
        "representative": "chief-1",
        "powers": ["pre_review"],
        "valid_from": "2026-03-02",
        "valid_until": "2026-12-31",
        "document": "x",
    }
    await desk.post("/authorisations", HEAD, paper)
    [task] = await desk.put(issued())
    asked = (await up(desk, task, proposal="refused")).json()
    await back(desk, asked["id"], answer="refused")
    ended = await desk.post(f"/tasks/{task}/decision", CHIEF, REFUSAL, version=3)
    assert code_of(ended) == "ok"
    assert await desk.value("SELECT basis FROM outcome") == "department_head"


async def test_it_goes_up_when_it_has_to_and_once(desk: Desk) -> None:
    [plain, opinion] = await desk.put(issued(), consult())
    assert code_of(await up(desk, plain)) == "approval-above-needless"
    assert code_of(await up(desk, opinion)) == "wrong-part"
    task = await high(desk)
    assert code_of(await up(desk, task, OFFICER)) == "representative-required"
    assert code_of(await up(desk, task, proposal="no_objection")) == "invalid"
    assert code_of(await up(desk, task)) == "ok"
    again = await desk.post(f"/tasks/{task}/approval-above", CHIEF, UP, version=2)
    assert code_of(again) == "approval-above-asked"
    stale = await desk.post(f"/tasks/{await high(desk)}/approval-above", CHIEF, UP, version=9)
    assert code_of(stale) == "version-mismatch"


async def test_it_is_answered_by_another_of_the_department_and_once(desk: Desk) -> None:
    both = token("chief-5", "planning", "chief_representative", "department_head")
    mine = (await up(desk, await high(desk), both)).json()["id"]
    assert code_of(await back(desk, mine, both)) == "another-person-required"
    assert code_of(await back(desk, mine, FIRE_HEAD)) == "not-found"
    assert code_of(await back(desk, mine, answer="objection")) == "invalid"
    assert code_of(await back(desk, mine)) == "ok"
    assert code_of(await back(desk, mine, answer="refused")) == "approval-above-answered"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.rows("UPDATE approval_above SET answer = 'refused'")
    applicant = token("investor-1", "planning", "department_head")
    second = (await up(desk, await high(desk))).json()["id"]
    assert code_of(await back(desk, second, applicant)) == "own-application"


async def test_its_clock_ends_with_the_step_and_never_after_the_promise(desk: Desk) -> None:
    """Asked on Monday, 2 working days; the promise is Thursday, close of business."""
    first = (await up(desk, await high(desk))).json()
    assert first["due_at"] == "2026-03-04T09:00:00Z"
    desk.clock.advance(timedelta(days=2))
    second = (await up(desk, await high(desk))).json()
    assert second["due_at"] == "2026-03-05T09:00:00Z"

    async def ids(**params: Any) -> list[int]:
        answer = await desk.get("/approvals-above", HEAD, **params)
        return [one["id"] for one in answer.json()["items"]]

    assert await ids() == [first["id"], second["id"]]
    assert await ids(state="overdue") == []
    desk.clock.advance(timedelta(hours=8))
    assert await ids(state="overdue") == [first["id"]]
    await back(desk, first["id"])
    assert await ids(state="overdue") == [first["id"]]
    assert await ids(state="open") == [second["id"]]
    page = (await desk.get("/approvals-above", HEAD, limit=1)).json()
    assert await ids(after=page["next"]) == [second["id"]]
    assert await ids(task=page["items"][0]["task_id"]) == [first["id"]]


async def test_what_was_seen_counts_when_two_have_signed(desk: Desk) -> None:
    [task] = await desk.put(issued())
    answer = await desk.post(f"/tasks/{task}/site-visits", OFFICER, SEEN)
    assert answer.status_code == 201, answer.text
    visit = answer.json()
    assert (visit["signed"], visit["counts"]) == (1, False)
    refused = await desk.post(f"/tasks/{task}/decision", CHIEF, GRANT, version=2)
    assert (code_of(refused), refused.json()["site_visit"]) == ("site-visit-unsigned", visit["id"])
    signature = f"/site-visits/{visit['id']}/signature"
    assert code_of(await desk.post(signature, CHIEF)) == "not-named"
    assert code_of(await desk.post(signature, FIRE_CHIEF)) == "not-found"
    assert (await desk.post(signature, OFFICER)).json()["signed"] == 1
    signed = (await desk.post(signature, COLLEAGUE)).json()
    assert (signed["signed"], signed["counts"]) == (2, True)
    assert code_of(await desk.post(f"/tasks/{task}/decision", CHIEF, GRANT, version=2)) == "ok"
    [shown] = (await desk.get(f"/tasks/{task}/site-visits", SUPERVISOR)).json()["items"]
    people = [ref("officer-1"), ref("officer-2")]
    assert (shown["officers"], sorted(shown["signed_by"])) == (people, sorted(people))
    acts = [row["act"] for row in await desk.rows("SELECT act FROM audit_leaf ORDER BY id")]
    assert acts == ["site_visit.recorded", "site_visit.signed", "task.decision"]


async def test_the_last_record_counts_and_an_opinion_waits_for_it_too(desk: Desk) -> None:
    [task] = await desk.put(consult())
    body = {"outcome": "no_objection"}
    first = await desk.post(f"/tasks/{task}/site-visits", OFFICER, SEEN)
    other = SEEN | {"with": ["chief-1", "officer-2"]}
    second = await desk.post(f"/tasks/{task}/site-visits", OFFICER, other)
    await desk.post(f"/site-visits/{first.json()['id']}/signature", COLLEAGUE)
    waiting = await desk.post(f"/tasks/{task}/opinion", OFFICER, body, version=3)
    assert code_of(waiting) == "site-visit-unsigned"
    await desk.post(f"/site-visits/{second.json()['id']}/signature", CHIEF)
    ended = await desk.post(f"/tasks/{task}/opinion", OFFICER, body, version=3)
    assert code_of(ended) == "ok"
    missing = await desk.get("/tasks/999/site-visits", OFFICER)
    assert code_of(missing) == "not-found"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"with": []}, "#/with"),
        ({"with": ["officer-1"]}, "#/with"),
        ({"visited_on": "2026-03-03"}, "#/visited_on"),
        ({"findings": " "}, "#/findings"),
        ({"with": ["investor-1"]}, None),
    ],
)
async def test_a_record_names_two_officers_who_are_no_applicants(
    desk: Desk, fields: dict[str, Any], expected: str | None
) -> None:
    [task] = await desk.put(issued())
    answer = await desk.post(f"/tasks/{task}/site-visits", OFFICER, SEEN | fields)
    if expected is None:
        assert code_of(answer) == "own-application"
    else:
        assert [error["pointer"] for error in answer.json()["errors"]] == [expected]
    assert await desk.value("SELECT count(*) FROM site_visit") == 0


async def test_who_leads_gives_a_task_into_other_hands(desk: Desk) -> None:
    [task] = await desk.put(issued())
    assert code_of(await desk.post(f"/tasks/{task}/claim", OFFICER)) == "ok"
    body = {"to": "officer-2", "reason": "外出培训"}
    path = f"/tasks/{task}/reassignment"
    assert code_of(await desk.post(path, COLLEAGUE, body, version=2)) == "forbidden"
    assert code_of(await desk.post(path, HEAD, body, version=1)) == "version-mismatch"
    own = await desk.post(path, HEAD, body | {"to": "investor-1"}, version=2)
    assert code_of(own) == "own-application"
    given = await desk.post(path, HEAD, body, version=2)
    assert given.json()["claimed_by"] == ref("officer-2")
    assert code_of(await desk.post(f"/tasks/{task}/release", OFFICER, version=3)) == "claimed"
    last = (await desk.get(f"/tasks/{task}/history", CHIEF)).json()["items"][-1]
    assert (last["kind"], last["note"], last["actor_role"]) == (
        "reassigned",
        "外出培训",
        "department_head",
    )
    await desk.post("/absences", HEAD, {"person": "officer-1"})
    gone = await desk.post(path, CHIEF, body | {"to": "officer-1"}, version=3)
    assert code_of(gone) == "colleague-absent"


async def test_what_an_absent_officer_has_in_hand_holds_nobody_up(desk: Desk) -> None:
    [task, opinion] = await desk.put(issued(), consult())
    for id_ in (task, opinion):
        assert code_of(await desk.post(f"/tasks/{id_}/claim", OFFICER)) == "ok"
        taken = await desk.post(f"/tasks/{id_}/claim", COLLEAGUE, version=2)
        assert code_of(taken) == "claimed"
    await desk.post("/absences", OFFICER, {"until": "2026-03-02T04:00:00Z"})
    body = {"outcome": "no_objection"}
    assert code_of(await desk.post(f"/tasks/{opinion}/opinion", COLLEAGUE, body, version=2)) == "ok"
    taken = await desk.post(f"/tasks/{task}/claim", COLLEAGUE, version=2)
    assert taken.json()["claimed_by"] == ref("officer-2")
    desk.clock.advance(timedelta(hours=2))
    assert code_of(await desk.post(f"/tasks/{task}/claim", OFFICER, version=3)) == "claimed"


async def test_a_task_is_put_before_the_others_by_who_has_the_power(desk: Desk) -> None:
    [task, _] = await desk.put(issued(), issued())
    path, body = f"/tasks/{task}/special-handling", {"reason": "省重点项目"}
    assert code_of(await desk.post(path, OFFICER, body)) == "representative-required"
    assert code_of(await desk.post(path, CHIEF, body)) == "ok"
    assert code_of(await desk.post(path, CHIEF, body)) == "ok"
    listed = (await desk.get("/tasks", OFFICER, special=True)).json()["items"]
    assert [one["id"] for one in listed] == [task]
    assert await desk.value("SELECT count(*) FROM act WHERE kind = 'special'") == 1
    await desk.require()
    [other] = await desk.put(issued())
    path = f"/tasks/{other}/special-handling"
    assert code_of(await desk.post(path, CHIEF, body)) == "not-authorised"
    for powers, expected in ((["decide"], "not-authorised"), (["special"], "ok")):
        paper = {
            "representative": "chief-1",
            "powers": powers,
            "valid_until": "2026-12-31",
            "document": "x",
        }
        await desk.post("/authorisations", HEAD, paper)
        assert code_of(await desk.post(path, CHIEF, body)) == expected


# Who reaches what

STRAY = token("officer-9", None, "officer")
PEOPLE = {
    "nobody": {},
    "investor": INVESTOR,
    "operator": OPERATOR,
    "supervisor": SUPERVISOR,
    "stray": STRAY,
    "officer": OFFICER,
    "chief": CHIEF,
    "head": HEAD,
}
NOBODY = dict.fromkeys(PEOPLE, "forbidden") | {"nobody": "unauthenticated"}
STAFF = NOBODY | {"stray": "no-department", "officer": "ok", "chief": "ok"}
READ = STAFF | {"head": "ok"}
LIST = READ | {"supervisor": "department-required"}
LEAD = NOBODY | {"chief": "ok", "head": "ok"}
PAPER = {
    "representative": "chief-1",
    "powers": ["decide"],
    "valid_from": "2026-03-02",
    "valid_until": "2026-12-31",
    "document": "x",
}
WHY = {"reason": "x"}
MATRIX: dict[tuple[str, str], tuple[Any, dict[str, str]]] = {
    ("POST", "/v1/authorisations"): (PAPER, NOBODY | {"head": "ok"}),
    ("GET", "/v1/authorisations"): (None, LIST),
    ("POST", "/v1/authorisations/{id}/revocation"): (WHY, NOBODY | {"head": "ok"}),
    ("POST", "/v1/absences"): ({}, READ),
    ("GET", "/v1/absences"): (None, LIST),
    ("POST", "/v1/absences/{id}/end"): (
        None,
        READ | {"officer": "another-person-required"},
    ),
    ("POST", "/v1/tasks/{id}/approval-above"): (
        UP,
        STAFF | {"officer": "representative-required"},
    ),
    ("GET", "/v1/approvals-above"): (None, LIST),
    ("POST", "/v1/approvals-above/{id}/answer"): (BACK, NOBODY | {"head": "ok"}),
    ("POST", "/v1/tasks/{id}/reassignment"): ({"to": "officer-2", "reason": "x"}, LEAD),
    ("POST", "/v1/tasks/{id}/special-handling"): (
        WHY,
        STAFF | {"officer": "representative-required"},
    ),
    ("POST", "/v1/tasks/{id}/site-visits"): (SEEN, STAFF),
    ("GET", "/v1/tasks/{id}/site-visits"): (None, READ | {"supervisor": "ok"}),
    ("POST", "/v1/site-visits/{id}/signature"): (None, STAFF | {"chief": "not-named"}),
}


def test_the_matrix_has_every_route() -> None:
    routes = {
        (method, route.path)
        for router in (assigning_api.router, authority_api.router)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert routes == set(MATRIX)


async def thing(desk: Desk, path: str) -> int:
    """Make what the path is about, in planning; return its number."""
    task = await high(desk)
    if "/authorisations/" in path:
        answer = await desk.post("/authorisations", HEAD, PAPER)
    elif "/absences/" in path:
        answer = await desk.post("/absences", CHIEF, {})
    elif "/approvals-above/" in path:
        answer = await up(desk, task)
    elif "/site-visits/" in path:
        answer = await desk.post(f"/tasks/{task}/site-visits", OFFICER, SEEN)
    else:
        return task
    return int(answer.json()["id"])


async def ask(desk: Desk, method: str, path: str, who: dict[str, str], body: Any) -> Any:
    path = path.removeprefix("/v1")
    return await (desk.get(path, who) if method == "GET" else desk.post(path, who, body))


@pytest.mark.parametrize(("method", "path"), MATRIX)
async def test_who_reaches_what_is_of_planning(desk: Desk, method: str, path: str) -> None:
    body, expected = MATRIX[method, path]
    found = {}
    for name, who in PEOPLE.items():
        number = await thing(desk, path)
        answer = await ask(desk, method, path.replace("{id}", str(number)), who, body)
        found[name] = code_of(answer)
    assert found == expected


@pytest.mark.parametrize(("method", "path"), [pair for pair in MATRIX if "{id}" in pair[1]])
async def test_what_is_of_another_department_is_not_there(
    desk: Desk, method: str, path: str
) -> None:
    number = await thing(desk, path)
    everything = ("officer", "chief_representative", "department_head")
    stranger = token("stranger", "fire", *everything)
    body = MATRIX[method, path][0]
    other = await ask(desk, method, path.replace("{id}", str(number)), stranger, body)
    missing = await ask(desk, method, path.replace("{id}", "999"), stranger, body)
    assert (other.status_code, code_of(other)) == (404, "not-found")
    assert {**other.json(), "instance": ""} == {**missing.json(), "instance": ""}


async def test_every_operation_is_documented_with_its_errors(desk: Desk) -> None:
    document = desk.app.openapi()
    for method, path in MATRIX:
        operation = document["paths"][path][method.lower()]
        assert operation["description"]
        assert {"401", "403", "500", "503"} <= set(operation["responses"])

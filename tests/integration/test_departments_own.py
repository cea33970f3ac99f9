"""Nobody acts on an application of his own: every act, every role, however he is known to it.

The acts are the service's routes. Each is done by somebody who has nothing to do with the
application, and by its applicant or agent in the same role: what the first may, the second may not.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, TypeAlias

import pytest
from fastapi.routing import APIRoute

from services.contracts.events import ExaminationAsked
from services.contracts.vocabulary import Authority
from services.departments import (
    api,
    assigning_api,
    authority_api,
    clocks_api,
    examination_api,
    extending_api,
    sessions_api,
)
from services.departments.consumer import Tasks
from tests import examined_county
from tests.integration.departments_parts import (
    DUE,
    HASHER,
    NOW,
    Desk,
    code_of,
    consult,
    issued,
    number,
    received,
    ref,
    shelf,
    token,
)
from tests.integration.sessions_kit import LEAD, Inspection, at, enlist, inspection

IDENTITY = "11010519491231002X"
ROLES = {
    "officer": ("officer",),
    "chief": ("chief_representative",),
    "head": ("department_head",),
    "everything": ("officer", "chief_representative", "department_head"),
}
KNOWN = ("by account", "by identity number")
GRANT = {"outcome": "granted"}
MORE = {"days": 10, "approver": "department_head", "reason": "x"}
PAUSE = {"kind": "expert_review", "until": "2026-03-20", "notice": "告〔2026〕4号", "reason": "x"}
SEEN = {"visited_on": "2026-03-02", "with": ["officer-2"], "findings": "x"}
CLERK = token("clerk", "planning", "officer", "chief_representative")
_people = count(1)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who asks, and whether he has applied."""

    headers: Mapping[str, str]
    refs: tuple[str, ...]
    subject: str


def person(department: str, roles: tuple[str, ...], known: str | None) -> Person:
    """Somebody of a department. `known`: how the application names him; None: it does not."""
    subject = f"person-{next(_people)}"
    claims = {"id_number": IDENTITY} if known == "by identity number" else {}
    refs = {
        "by account": (ref(subject),),
        "by identity number": (HASHER.ref(IDENTITY),),
        None: (ref("investor-1"),),
    }[known]
    return Person(headers=token(subject, department, *roles, **claims), refs=refs, subject=subject)


Act: TypeAlias = Callable[[Desk, Person], Awaitable[Any]]


async def task(desk: Desk, who: Person, **fields: Any) -> int:
    [id_] = await desk.put(issued(applicant_refs=who.refs, **fields))
    return id_


def on_task(what: str, body: Any = None, **fields: Any) -> Act:
    """An act on a task of planning."""

    async def act(desk: Desk, who: Person) -> Any:
        id_ = await task(desk, who, **fields)
        return await desk.post(f"/tasks/{id_}/{what}", who.headers, body)

    return act


async def release(desk: Desk, who: Person) -> Any:
    id_ = await task(desk, who)
    await desk.post(f"/tasks/{id_}/claim", CLERK)
    return await desk.post(f"/tasks/{id_}/release", who.headers, version=2)


async def opinion(desk: Desk, who: Person) -> Any:
    [id_] = await desk.put(consult(applicant_refs=who.refs))
    return await desk.post(f"/tasks/{id_}/opinion", who.headers, {"outcome": "no_objection"})


async def decisions(desk: Desk, who: Person) -> Any:
    id_ = await task(desk, who)
    answer = await desk.post("/tasks/decisions", who.headers, {"entries": [{"id": id_, **GRANT}]})
    return answer if not answer.is_success else _first(answer.json()["results"])


@dataclass(frozen=True)
class _Verdict:
    """One result of several, in the shape of an answer."""

    is_success: bool
    body: dict[str, Any]
    headers: Mapping[str, str]
    text: str = ""

    def json(self) -> dict[str, Any]:
        return self.body


def _first(results: list[dict[str, Any]]) -> _Verdict:
    problem = results[0].get("problem")
    kind = {"content-type": "application/problem+json"}
    return _Verdict(problem is None, problem or results[0], kind)


async def sign_visit(desk: Desk, who: Person) -> Any:
    """The record was made when nobody knew yet that one of those who were there had applied."""
    id_ = await task(desk, who)
    with_ = {**SEEN, "with": [who.subject]}
    await desk.pool.execute("UPDATE task SET applicant_refs = '{}' WHERE id = $1", id_)
    visit = await desk.post(f"/tasks/{id_}/site-visits", CLERK, with_)
    await desk.pool.execute(
        "UPDATE task SET applicant_refs = $2 WHERE id = $1", id_, list(who.refs)
    )
    return await desk.post(f"/site-visits/{visit.json()['id']}/signature", who.headers)


async def answer_above(desk: Desk, who: Person) -> Any:
    id_ = await task(desk, who, authority=Authority.DEPARTMENT_HEAD)
    up = {"proposal": "granted", "opinion": "x"}
    asked = await desk.post(f"/tasks/{id_}/approval-above", CLERK, up)
    said = {"answer": "granted", "document": "x"}
    return await desk.post(f"/approvals-above/{asked.json()['id']}/answer", who.headers, said)


async def end_pause(desk: Desk, who: Person) -> Any:
    id_ = await task(desk, who, item="FIRE-DESIGN")
    assert code_of(await desk.post(f"/tasks/{id_}/pauses", CLERK, PAUSE)) == "ok"
    return await desk.post(f"/tasks/{id_}/pauses/1/end", who.headers, version=2)


async def answer_extension(desk: Desk, who: Person) -> Any:
    id_ = await task(desk, who, item=_extendable())
    asked = await desk.post(f"/tasks/{id_}/extension-proposals", CLERK, MORE)
    said = {"answer": "approved", "document": "x"}
    return await desk.post(f"/extension-proposals/{asked.json()['id']}/answer", who.headers, said)


def _extendable() -> str:
    for item in shelf().version("2026.1").items:
        rule = item.statutory.extension if item.statutory else None
        if rule and (rule.approver, rule.limit.value) == ("department_head", 10):
            return item.code
    raise LookupError


async def find(desk: Desk, who: Person) -> Any:
    """An examination of the papers."""
    application = number()
    asked = ExaminationAsked(
        application=application,
        task=f"{application}/examination/planning/1",
        department="planning",
        round=1,
        items=("FIRE-CHECK",),
        project_code="P-1",
        scenario="restaurant",
        facts={"seats": 80},
        catalogue_version="2026.1",
        applicant_refs=who.refs,
        materials=(),
        subjects=("material/floor-plan",),
        asked_at=NOW,
        until=DUE.promised_at,
    )
    async with desk.pool.acquire() as conn, conn.transaction():
        await Tasks(desk.clock, desk.app.state.shelf)(conn, [received(asked)])
        id_ = await conn.fetchval("SELECT id FROM examination WHERE task = $1", asked.task)
    desk.app.state.shelf = examined_county.shelf()
    answer = await desk.post(f"/examinations/{id_}/findings", who.headers, {"findings": []})
    desk.app.state.shelf = shelf()
    return answer


# Joint sessions: the lead department's people


async def joint(desk: Desk, who: Person) -> tuple[Inspection, dict[str, Any]]:
    """An inspection at a time of its own, of an application that names the person."""
    found = await inspection(desk, due=DUE.model_copy(update=_LATER))
    await desk.pool.execute(
        "UPDATE task SET applicant_refs = $2 WHERE application = $1",
        found.application,
        list(who.refs),
    )
    taken = await desk.value("SELECT count(*) FROM session")
    day, hour = _TIMES[taken]
    return found, {"starts_at": at(hour, day), "ends_at": at(hour + 2, day)}


_TIMES = [(day, hour) for day in (3, 4, 5, 6, 9, 10, 11) for hour in (10, 14)]
_LATER = {"promised_at": datetime.fromisoformat(at(17, 30))}


async def begun(desk: Desk, who: Person) -> Inspection:
    """A session that others convened and that has begun."""
    found, times = await joint(desk, who)
    assert (await found.convene(**times)).status_code == 201
    desk.clock.move_to(datetime.fromisoformat(times["starts_at"]))
    return found


async def convene(desk: Desk, who: Person) -> Any:
    found, times = await joint(desk, who)
    return await found.convene(who.headers, **times)


async def propose(desk: Desk, who: Person) -> Any:
    found, _ = await joint(desk, who)
    wanted = {"sessions": [{"application": found.application, "step": found.issued[0].step}]}
    return await desk.post("/sessions/proposals", who.headers, wanted, version=None)


def on_session(what: str, body: Any) -> Act:
    async def act(desk: Desk, who: Person) -> Any:
        found = await begun(desk, who)
        if what in ("record", "signature", "signatures"):
            await found.attend()
        if what in ("signature", "signatures"):
            await found.record()
        return await found.act(what, body(found, who), who.headers)

    return act


def _signature(found: Inspection, _who: Person) -> Any:
    return {"sha256": found.sha256, "entries": [found.entry(LEAD)]}


def _signatures(found: Inspection, who: Person) -> Any:
    bearer = who.headers["authorization"].removeprefix("Bearer ")
    signed = {"token": bearer, "entries": [found.entry(LEAD)]}
    return {"sha256": found.sha256, "signatures": [signed]}


def _substitute(_found: Inspection, _who: Person) -> Any:
    return {"officer": _STAFF[2], "instead_of": _STAFF[0]}


_STAFF = [ref(f"{LEAD}-{n}") for n in (1, 2, 3)]
RECORD = {"minutes": "x", "findings": {LEAD: "x", "traffic-police": "y"}}
PLANNING: dict[tuple[str, str], Act] = {
    ("POST", "/v1/tasks/decisions"): decisions,
    ("POST", "/v1/tasks/{id}/claim"): on_task("claim"),
    ("POST", "/v1/tasks/{id}/release"): release,
    ("POST", "/v1/tasks/{id}/notes"): on_task("notes", {"text": "x"}),
    ("POST", "/v1/tasks/{id}/opinion"): opinion,
    ("POST", "/v1/tasks/{id}/decision"): on_task("decision", GRANT),
    ("POST", "/v1/tasks/{id}/reassignment"): on_task(
        "reassignment", {"to": "officer-2", "reason": "x"}
    ),
    ("POST", "/v1/tasks/{id}/special-handling"): on_task("special-handling", {"reason": "x"}),
    ("POST", "/v1/tasks/{id}/site-visits"): on_task("site-visits", SEEN),
    ("POST", "/v1/site-visits/{id}/signature"): sign_visit,
    ("POST", "/v1/tasks/{id}/approval-above"): on_task(
        "approval-above",
        {"proposal": "granted", "opinion": "x"},
        authority=Authority.DEPARTMENT_HEAD,
    ),
    ("POST", "/v1/approvals-above/{id}/answer"): answer_above,
    ("POST", "/v1/tasks/{id}/pauses"): on_task("pauses", PAUSE, item="FIRE-DESIGN"),
    ("POST", "/v1/tasks/{id}/pauses/{number}/end"): end_pause,
    ("POST", "/v1/tasks/{id}/extensions"): on_task(
        "extensions", MORE | {"approval": "x"}, item=_extendable()
    ),
    ("POST", "/v1/tasks/{id}/extension-proposals"): on_task(
        "extension-proposals", MORE, item=_extendable()
    ),
    ("POST", "/v1/extension-proposals/{id}/answer"): answer_extension,
    ("POST", "/v1/examinations/{id}/findings"): find,
}
SESSIONS: dict[tuple[str, str], Act] = {
    ("POST", "/v1/sessions"): convene,
    ("POST", "/v1/sessions/proposals"): propose,
    ("POST", "/v1/sessions/{id}/cancellation"): on_session(
        "cancellation", lambda *_: {"reason": "x"}
    ),
    ("POST", "/v1/sessions/{id}/substitutes"): on_session("substitutes", _substitute),
    ("POST", "/v1/sessions/{id}/attendance"): on_session("attendance", lambda *_: {"present": []}),
    ("POST", "/v1/sessions/{id}/record"): on_session("record", lambda *_: RECORD),
    ("POST", "/v1/sessions/{id}/signature"): on_session("signature", _signature),
    ("POST", "/v1/sessions/{id}/signatures"): on_session("signatures", _signatures),
}
OF_NO_APPLICATION = {
    ("POST", "/v1/authorisations"),
    ("POST", "/v1/authorisations/{id}/revocation"),
    ("POST", "/v1/absences"),
    ("POST", "/v1/absences/{id}/end"),
    ("PUT", "/v1/officers/{officer}"),
    ("DELETE", "/v1/officers/{officer}"),
    ("POST", "/v1/officers/{officer}/engagements"),
    ("DELETE", "/v1/officers/{officer}/engagements/{engagement}"),
}
ROUTERS = (
    *(api.router, api.operations, assigning_api.router, authority_api.router),
    *(clocks_api.router, examination_api.router, extending_api.router),
    *(sessions_api.router, sessions_api.officers),
)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.app.include_router(examination_api.router)
    return desk


def test_every_act_is_looked_at() -> None:
    routes = {
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in (route.methods or set()) - {"GET"}
    }
    assert routes == PLANNING.keys() | SESSIONS.keys() | OF_NO_APPLICATION


async def _look(desk: Desk, act: Act, department: str) -> dict[tuple[str, str], str]:
    """Return what a stranger may do by his role, and what becomes of it on one's own."""
    found = {}
    for role, roles in ROLES.items():
        stranger = code_of(await act(desk, person(department, roles, None)))
        for known in KNOWN:
            own = code_of(await act(desk, person(department, roles, known)))
            if stranger == "ok":
                assert own == "own-application", (role, known)
            else:
                assert own in (stranger, "own-application"), (role, known)
            found[role, known] = own
    return found


@pytest.mark.parametrize(("method", "path"), PLANNING)
async def test_on_ones_own_application_nobody_acts(desk: Desk, method: str, path: str) -> None:
    found = await _look(desk, PLANNING[method, path], "planning")
    assert "own-application" in found.values(), "somebody may do it to others' applications"


@pytest.mark.parametrize(("method", "path"), SESSIONS)
async def test_on_ones_own_application_nobody_meets(desk: Desk, method: str, path: str) -> None:
    await enlist(desk)
    found = await _look(desk, SESSIONS[method, path], LEAD)
    assert "own-application" in found.values(), "somebody may do it to others' applications"

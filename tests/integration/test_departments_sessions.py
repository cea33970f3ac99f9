"""Joint sessions: proposed, convened, held, recorded, signed; N decisions of one session."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from services.departments import sessions_api
from services.verification.days import Days
from services.verification.folders import Folder, queries
from services.verification.sessions import sessions
from services.verification.world import World
from tests.integration.departments_parts import (
    DUE,
    INVESTOR,
    OPERATOR,
    SUPERVISOR,
    Desk,
    cancelled,
    code_of,
    lapse_due,
    ref,
    token,
)
from tests.integration.sessions_kit import (
    ATTENDEES,
    CHIEFS,
    CLERK,
    DEPARTMENTS,
    GRANT,
    LEAD,
    OBJECTION,
    POLICE,
    STAFF,
    STEP,
    WATER,
    Inspection,
    absent_from,
    at,
    enlist,
    inspection,
    leaves,
    refs,
    session_told,
)

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest_asyncio.fixture
async def joint(desk: Desk) -> Inspection:
    """An inspection all of whose people are on the rosters."""
    await enlist(desk)
    return await inspection(desk)


async def propose(desk: Desk, *found: Inspection, **fields: Any) -> dict[str, Any]:
    wanted = [{"application": one.application, "step": STEP, **fields} for one in found]
    answer = await desk.post("/sessions/proposals", CLERK, {"sessions": wanted})
    assert answer.status_code == 200, answer.text
    assert answer.json()["proven"]
    return dict(answer.json())


async def told(desk: Desk) -> int:
    query = "SELECT count(*) FROM outbox WHERE type = 'lianshen.task.decided.v1'"
    return int(await desk.value(query))


# From the proposal to the decisions


async def test_from_a_proposal_to_the_decisions_of_one_session(
    desk: Desk, joint: Inspection
) -> None:
    proposed = (await propose(desk, joint, minutes=120, travel_minutes=30))["sessions"][0]
    time = proposed["proposed"]
    # Now is 11:00, notice is two hours, the way half an hour.
    assert time["starts_at"] == "2026-03-02T05:00:00Z"
    assert {d: len(who) for d, who in time["attendees"].items()} == {LEAD: 2, POLICE: 2, WATER: 1}
    assert proposed["others"][0]["starts_at"] == time["starts_at"]
    assert (await joint.convene(**time)).status_code == 201
    invited = (await desk.get("/sessions", CHIEFS[WATER])).json()["items"]
    assert [one["id"] for one in invited] == [joint.session]
    desk.clock.move_to(datetime.fromisoformat(time["starts_at"]))
    assert (await joint.attend()).status_code == 200
    assert (await joint.record()).status_code == 200
    for department in DEPARTMENTS:
        assert (await joint.sign(department)).status_code == 200
    whole = await joint.read()
    assert {one["outcome"] for one in whole["tasks"]} == {"granted", "no_objection"}
    assert all(one["signed_at"] for one in whole["members"])
    assert await told(desk) == 3
    assert await session_told(desk) == [("convened", []), ("held", []), ("recorded", [])]
    assert await leaves(desk, "task.decision") == 2
    assert await leaves(desk, "session.signed") == 3
    history = (await desk.get(f"/tasks/{joint.ids[LEAD]}/history", CLERK)).json()["items"]
    assert [one["kind"] for one in history] == ["session", "session", "decision"]


async def test_what_is_proposed_can_be_convened_though_a_clock_ends_within_the_notice(
    desk: Desk, joint: Inspection
) -> None:
    ends = datetime.fromisoformat((await propose(desk, joint))["sessions"][0]["until"])
    desk.clock.move_to(ends - timedelta(hours=2, minutes=30))
    late = (await propose(desk, joint, minutes=60, travel_minutes=30))["sessions"][0]
    assert datetime.fromisoformat(late["proposed"]["starts_at"]) > ends
    convened = await joint.convene(**late["proposed"])
    assert convened.status_code == 201, convened.text


async def test_all_members_sign_together_or_none(desk: Desk, joint: Inspection) -> None:
    await joint.hold()
    bad = joint.entry(POLICE, outcome="refused")
    refused = await joint.sign_together(**{POLICE: bad})
    assert (refused.status_code, code_of(refused)) == (422, "decision-incomplete")
    assert refused.json()["task"] == joint.ids[POLICE]
    assert await desk.value("SELECT count(*) FROM outcome") == 0
    assert await told(desk) == 0
    answer = await joint.sign_together()
    assert len(answer.json()["ended"]) == 3
    rows = await desk.rows("SELECT DISTINCT xmin::text FROM outcome")
    assert len(rows) == 1, "one transaction"
    again = await joint.sign_together()
    assert code_of(again) == "session-signed"


async def test_each_signs_with_a_token_of_its_own(desk: Desk, joint: Inspection) -> None:
    await joint.hold()
    entries = [joint.entry(POLICE)]
    good = CHIEFS[POLICE]["authorization"].removeprefix("Bearer ")
    officer = next(iter(STAFF[POLICE].values()))["authorization"].removeprefix("Bearer ")
    for bearer, code in (
        (good[:-3] + "xxx", "unauthenticated"),
        (officer, "representative-required"),
        (INVESTOR["authorization"].removeprefix("Bearer "), "no-department"),
    ):
        body = {
            "sha256": joint.sha256,
            "signatures": [{"token": bearer, "entries": entries}],
        }
        answer = await joint.act("signatures", body)
        assert code_of(answer) == code
        assert bearer not in answer.text
    twice = [{"token": good, "entries": entries}] * 2
    answer = await joint.act("signatures", {"sha256": joint.sha256, "signatures": twice})
    assert code_of(answer) == "department-twice"
    assert await desk.value("SELECT count(*) FROM outcome") == 0


async def test_only_the_stored_record_is_signed(desk: Desk, joint: Inspection) -> None:
    await joint.hold()
    assert code_of(await joint.sign(POLICE, sha256="0" * 64)) == "record-mismatch"
    other = {"id": joint.ids[LEAD], **GRANT}
    for entries in ([other], [joint.entry(POLICE), other]):
        assert code_of(await joint.sign(POLICE, entries=entries)) == "signature-incomplete"
    assert code_of(await joint.sign(POLICE)) == "ok"
    assert code_of(await joint.sign(POLICE)) == "session-signed"


async def test_a_round_is_timed_together(desk: Desk, joint: Inspection) -> None:
    """Two sessions want the same officers: the second waits for the first and for the ways."""
    second = await inspection(desk)
    found = await propose(desk, joint, second, minutes=120, travel_minutes=30)
    times = sorted(one["proposed"]["starts_at"] for one in found["sessions"])
    assert times == ["2026-03-02T05:00:00Z", "2026-03-03T01:30:00Z"]


# Who can be sent


async def test_who_is_not_free_is_not_proposed(desk: Desk, joint: Inspection) -> None:
    first, second = list(STAFF[WATER].values())[:2]
    body = {"kind": "training", "starts_at": at(9), "ends_at": at(17)}
    for who in (first, second):
        assert (await desk.post("/officers/me/engagements", who, body)).status_code == 201
    wanted = {"not_before": at(9)}
    third = refs(WATER, 3)
    assert (await propose(desk, joint, **wanted))["sessions"][0]["proposed"]["attendees"][
        WATER
    ] == third
    since = datetime.fromisoformat(at(9))
    await desk.rows(
        "INSERT INTO absence (department, person_ref, since, until, recorded_by, recorded_at)"
        " VALUES ($1, $2, $3, $4, $2, $3)",
        *(WATER, third[0], since, since + timedelta(hours=4)),
    )
    found = (await propose(desk, joint, **wanted))["sessions"][0]["proposed"]
    assert found["starts_at"] == "2026-03-03T05:00:00Z"
    roster = (await desk.get("/officers", first)).json()["officers"]
    kinds = [one["kind"] for officer in roster for one in officer["taken"]]
    assert sorted(kinds) == ["absence", "training", "training"]


async def test_the_applicant_is_never_sent(desk: Desk) -> None:
    await enlist(desk)
    joint = await inspection(desk, applicant_refs=tuple(refs(WATER, 1)))
    found = (await propose(desk, joint))["sessions"][0]["proposed"]["attendees"]
    assert refs(WATER, 1)[0] not in found[WATER]
    answer = await joint.convene()
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"#/attendees/{WATER}"]
    assert code_of(await joint.convene(attendees={**ATTENDEES, WATER: refs(WATER, 2)})) == "ok"
    first = next(iter(STAFF[WATER].values()))
    body = {"officer": refs(WATER, 1)[0], "instead_of": refs(WATER, 2)[0]}
    assert code_of(await joint.act("substitutes", body, first)) == "own-application"
    assert code_of(await joint.act("substitutes", body, CHIEFS[WATER])) == "own-application"


async def test_what_stands_in_the_way_is_told(desk: Desk) -> None:
    await enlist(desk, LEAD, POLICE)
    joint = await inspection(desk)
    found = (await propose(desk, joint))["sessions"][0]
    assert found["proposed"] is None
    [obstacle] = found["obstacles"]
    assert (obstacle["kind"], obstacle["department"]) == ("too_few_officers", WATER)


async def test_a_session_lies_inside_the_shortest_clock(desk: Desk) -> None:
    await enlist(desk)
    joint = await inspection(desk)
    await desk.rows(
        "UPDATE task SET promised_at = $1 WHERE application = $2 AND department = $3",
        *(datetime.fromisoformat(at(15, day=2)), joint.application, WATER),
    )
    found = (await propose(desk, joint, minutes=120))["sessions"][0]
    assert found["until"] == "2026-03-02T07:00:00Z"
    assert found["proposed"]["starts_at"] == "2026-03-02T05:00:00Z"
    wrong = (await joint.convene()).json()["errors"]
    assert [one["pointer"] for one in wrong] == [f"#/attendees/{WATER}"]


async def test_a_late_member_is_met_as_soon_as_can_be(desk: Desk, joint: Inspection) -> None:
    """The promise is over: the statutory limit binds; when that is over, none does."""
    desk.clock.move_to(DUE.promised_at + timedelta(days=1))
    found = (await propose(desk, joint))["sessions"][0]
    assert (found["late"], found["until"]) == (False, "2026-03-30T09:00:00Z")
    desk.clock.move_to(datetime.fromisoformat(at(10, day=31)))
    found = (await propose(desk, joint))["sessions"][0]
    assert found["late"]
    assert found["proposed"]["starts_at"] == "2026-03-31T04:00:00Z"


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"starts_at": at(9), "ends_at": at(11)}, ["#/starts_at"]),
        (
            {"starts_at": at(10, 7), "ends_at": at(12, 7)},  # a Saturday, when the clocks are over
            [*(f"#/attendees/{d}" for d in sorted(DEPARTMENTS)), "#/starts_at"],
        ),
        ({"starts_at": at(9, 2), "ends_at": at(10, 2)}, ["#/starts_at"]),
        ({"attendees": {**ATTENDEES, POLICE: refs(POLICE, 1)}}, [f"#/attendees/{POLICE}"]),
        ({"attendees": {**ATTENDEES, POLICE: refs(WATER, 2, 3)}}, [f"#/attendees/{POLICE}"]),
        ({"attendees": {**ATTENDEES, "health": refs(WATER, 2)}}, ["#/attendees/health"]),
        (
            {"starts_at": at(10, 6), "ends_at": at(12, 6)},
            [f"#/attendees/{d}" for d in sorted(DEPARTMENTS)],
        ),
    ],
)
async def test_a_session_that_breaks_a_rule_is_not_convened(
    joint: Inspection, changes: dict[str, Any], pointers: list[str]
) -> None:
    answer = await joint.convene(**changes)
    assert code_of(answer) == "session-placement"
    assert sorted({one["pointer"] for one in answer.json()["errors"]}) == pointers


async def test_nobody_is_sent_to_two_places_at_once(desk: Desk) -> None:
    await enlist(desk)
    both = [await inspection(desk) for _ in range(2)]
    answers = await asyncio.gather(*(one.convene() for one in both))
    assert sorted(code_of(one) for one in answers) == ["ok", "session-placement"]
    assert await desk.value("SELECT count(*) FROM session") == 1
    [late] = [one for one in both if not one.session]
    assert code_of(await late.convene(starts_at=at(13), ends_at=at(15))) == "ok"


async def test_a_step_has_one_session_at_a_time(desk: Desk, joint: Inspection) -> None:
    assert code_of(await joint.convene()) == "ok"
    again = await joint.convene(starts_at=at(14), ends_at=at(16))
    assert code_of(again) == "session-exists"
    assert code_of(await joint.act("cancellation", {"reason": "暴雨"})) == "ok"
    assert code_of(await joint.convene()) == "ok", "its officers are free again"


# Holding it


async def test_an_absent_member_sends_a_substitute(desk: Desk, joint: Inspection) -> None:
    await joint.convene()
    assert code_of(await joint.attend()) == "session-not-begun"
    desk.clock.move_to(datetime.fromisoformat(at(10)))
    [gone, there] = refs(POLICE, 1, 2)
    assert code_of(await joint.attend(gone)) == "ok"
    assert await absent_from(joint) == [POLICE]
    [third] = refs(POLICE, 3)
    change = {"officer": third, "instead_of": gone}
    assert code_of(await joint.act("substitutes", change)) == "not-sent", "another department's"
    stranger = {"officer": ref("nobody"), "instead_of": gone}
    chief = CHIEFS[POLICE]
    assert code_of(await joint.act("substitutes", stranger, chief)) == "not-on-roster"
    taken = {"officer": there, "instead_of": gone}
    assert code_of(await joint.act("substitutes", taken, chief)) == "officer-taken"
    assert code_of(await joint.act("substitutes", change, chief)) == "ok"
    assert code_of(await joint.record()) == "session-state", "attendance is taken again"
    assert code_of(await joint.attest(POLICE)) == "ok"
    assert await absent_from(joint) == []
    assert await leaves(desk, "session.substituted") == 1
    assert await session_told(desk) == [
        *(("convened", []), ("held", [POLICE]), ("convened", []), ("held", []))
    ]


async def test_a_department_that_verified_with_one_officer_cannot_sign(
    desk: Desk, joint: Inspection
) -> None:
    await joint.convene()
    desk.clock.move_to(datetime.fromisoformat(at(10)))
    await joint.attend(refs(POLICE, 1)[0])
    missing = await joint.act("record", {"minutes": "x", "findings": {}})
    assert [one["pointer"] for one in missing.json()["errors"]] == [f"#/findings/{LEAD}"]
    assert code_of(await joint.record()) == "ok"
    assert code_of(await joint.sign(POLICE)) == "member-absent"
    assert code_of(await joint.sign(LEAD)) == "ok"


async def test_a_silent_member_lapses_as_ever(desk: Desk, joint: Inspection) -> None:
    await joint.hold()
    desk.clock.move_to(DUE.promised_at + timedelta(hours=1))
    silent = joint.issued[2]
    await desk.put(lapse_due(silent))
    assert code_of(await joint.sign(WATER)) == "nothing-to-sign"
    whole = await joint.read()
    [task] = [one for one in whole["tasks"] if one["department"] == WATER]
    assert (task["state"], task["outcome"]) == ("lapsed", "deemed_no_objection")
    assert code_of(await joint.sign(LEAD)) == "ok"


async def test_a_signature_and_a_lapse_exclude_each_other(desk: Desk, joint: Inspection) -> None:
    await joint.hold()
    desk.clock.move_to(DUE.promised_at + timedelta(hours=1))
    signed, _ = await asyncio.gather(joint.sign(WATER), desk.put(lapse_due(joint.issued[2])))
    outcomes = await desk.rows("SELECT kind FROM outcome")
    assert len(outcomes) == 1
    assert (outcomes[0]["kind"] == "opinion") == (code_of(signed) == "ok")


async def test_only_who_objected_meets_again(desk: Desk, joint: Inspection) -> None:
    await joint.hold()
    answer = await joint.sign(WATER, entries=[{"id": joint.ids[WATER], **OBJECTION}])
    assert code_of(answer) == "ok"
    for department in (LEAD, POLICE):
        assert code_of(await joint.sign(department)) == "ok"
    again = [
        one.model_copy(update={"round": 2, "task": one.task[:-1] + "2"})
        for one in joint.issued
        if one.department in (WATER, LEAD)
    ]
    await desk.put(*again)
    wanted = (await propose(desk, joint))["sessions"][0]["proposed"]["attendees"]
    assert sorted(wanted) == [LEAD, WATER]


async def test_a_record_is_written_once(desk: Desk, joint: Inspection) -> None:
    await joint.hold()
    assert code_of(await joint.record()) == "session-state"
    assert code_of(await joint.act("cancellation", {"reason": "x"})) == "session-state"
    for change in ("UPDATE session_record SET minutes = 'y'", "DELETE FROM session_signature"):
        with pytest.raises(Exception, match=r"INSERT-only|insert|change"):
            await desk.rows(change)


async def test_an_act_on_what_one_has_not_read_is_refused(joint: Inspection) -> None:
    await joint.convene()
    joint.version = 7
    assert code_of(await joint.act("cancellation", {"reason": "x"})) == "version-mismatch"


async def test_a_cancelled_application_ends_its_session(desk: Desk, joint: Inspection) -> None:
    await joint.hold()
    await desk.put(*(cancelled(one) for one in joint.issued))
    assert code_of(await joint.sign(LEAD)) == "nothing-to-sign"
    assert code_of(await joint.convene()) == "not-found"


# Who may

ROSTER = {"kind": "duty", "starts_at": at(9), "ends_at": at(10)}
PEOPLE = {
    "nobody": {},
    "investor": INVESTOR,
    "operator": OPERATOR,
    "supervisor": SUPERVISOR,
    "stray": token("stray", None, "officer"),
    "stranger": token("stranger", "health", "chief_representative"),
    "member": CHIEFS[WATER],
    "lead": CLERK,
}
OUT = {"nobody": "unauthenticated", "investor": "forbidden", "operator": "forbidden"}
ACT = OUT | {"supervisor": "forbidden", "stray": "no-department"}
LEADS = ACT | {"stranger": "not-found", "member": "lead-required", "lead": "ok"}
ANY = OUT | {"supervisor": "ok", "stray": "no-department", "stranger": "not-found"}
MEMBERS = ACT | {"stranger": "not-found", "member": "ok", "lead": "ok"}
OWN = ACT | {"stranger": "ok", "member": "ok", "lead": "ok"}
QUEUE = OUT | {"supervisor": "department-required", "stray": "no-department"}
MATRIX: dict[tuple[str, str], tuple[Any, dict[str, str]]] = {
    ("GET", "/v1/officers"): (None, QUEUE | {"stranger": "ok", "member": "ok", "lead": "ok"}),
    ("PUT", "/v1/officers/{officer}"): (None, OWN),
    ("DELETE", "/v1/officers/{officer}"): (None, OWN),
    ("POST", "/v1/officers/{officer}/engagements"): (ROSTER, OWN),
    ("DELETE", "/v1/officers/{officer}/engagements/{engagement}"): (None, OWN),
    ("GET", "/v1/sessions"): (None, QUEUE | {"stranger": "ok", "member": "ok", "lead": "ok"}),
    ("GET", "/v1/sessions/{id}"): (None, ANY | {"member": "ok", "lead": "ok"}),
    ("POST", "/v1/sessions"): (None, LEADS),
    ("POST", "/v1/sessions/proposals"): (None, LEADS),
    ("POST", "/v1/sessions/{id}/cancellation"): ({"reason": "x"}, LEADS),
    ("POST", "/v1/sessions/{id}/attendance"): ({"present": []}, MEMBERS),
    ("POST", "/v1/sessions/{id}/record"): ({"minutes": "x", "findings": {}}, LEADS),
    ("POST", "/v1/sessions/{id}/substitutes"): (
        {"officer": refs(WATER, 2)[0], "instead_of": refs(WATER, 1)[0]},
        MEMBERS | {"lead": "not-sent"},
    ),
    ("POST", "/v1/sessions/{id}/signature"): (None, MEMBERS | {"lead": "representative-required"}),
    ("POST", "/v1/sessions/{id}/signatures"): (None, MEMBERS),
}


def test_the_matrix_has_every_route() -> None:
    routes = {
        (method, route.path)
        for router in (sessions_api.router, sessions_api.officers)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert routes == set(MATRIX)


@pytest.mark.parametrize(("method", "path"), MATRIX)
async def test_who_may(desk: Desk, method: str, path: str) -> None:
    body, expected = MATRIX[method, path]
    await enlist(desk)
    stranger = PEOPLE["stranger"]
    assert (await desk.client.put("/v1/officers/me", headers=stranger)).status_code == 200
    found = {}
    for day, (name, who) in zip(WORKING_DAYS, PEOPLE.items(), strict=True):
        joint = await inspection(desk, due=DUE.model_copy(update=_LATER))
        given = body
        if "{id}" in path or path == "/v1/sessions":
            signer = LEAD if name == "lead" else WATER
            given = await _bring(joint, path, body, day, signer)
        if path.endswith("proposals"):
            given = {"sessions": [{"application": joint.application, "step": STEP}]}
        where = path.replace("{id}", str(joint.session)).replace("{officer}", "me")
        if "{engagement}" in path:
            made = await desk.post("/officers/me/engagements", who, ROSTER)
            where = where.replace("{engagement}", str(made.json().get("id", 1)))
        headers = {
            **who,
            "idempotency-key": f"matrix-key-{day}-{name}",
            "if-match": f'"{joint.version}"',
        }
        answer = await desk.client.request(method, where, headers=headers, json=given)
        found[name] = code_of(answer)
    assert found == expected


WORKING_DAYS = (3, 4, 5, 6, 9, 10, 11, 12)
_LATER = {"promised_at": datetime.fromisoformat(at(17, 30))}


async def _bring(joint: Inspection, path: str, body: Any, day: int, signer: str) -> Any:
    """Bring a session to where the route acts on it; return the body."""
    times = {"starts_at": at(10, day), "ends_at": at(12, day)}
    if path == "/v1/sessions":
        return {
            "application": joint.application,
            "step": STEP,
            "place": "x",
            "attendees": ATTENDEES,
            **times,
        }
    assert (await joint.convene(**times)).status_code == 201
    if path.endswith(("cancellation", "substitutes")) or "/{id}/" not in path:
        return body
    joint.desk.clock.move_to(datetime.fromisoformat(times["starts_at"]))
    if path.endswith("attendance"):
        return body
    assert (await joint.attend()).status_code == 200
    if path.endswith("record"):
        return body | {"findings": {LEAD: "x", POLICE: "y"}}
    await joint.record()
    entries = [joint.entry(WATER)]
    bearer = CHIEFS[WATER]["authorization"].removeprefix("Bearer ")
    if path.endswith("signatures"):
        return {"sha256": joint.sha256, "signatures": [{"token": bearer, "entries": entries}]}
    return {"sha256": joint.sha256, "entries": [joint.entry(signer)]}


async def test_only_the_chief_speaks_for_an_officer(desk: Desk) -> None:
    await enlist(desk)
    officer, chief = refs(WATER, 1)[0], CHIEFS[WATER]
    colleague = list(STAFF[WATER].values())[1]
    path = f"/officers/{officer}/engagements"
    assert code_of(await desk.post(path, colleague, ROSTER)) == "forbidden"
    assert code_of(await desk.post(path, CHIEFS[POLICE], ROSTER)) == "not-on-roster"
    assert code_of(await desk.post(path, chief, ROSTER)) == "ok"
    taken = await desk.client.put(f"/v1/officers/{officer}", headers=CHIEFS[POLICE])
    assert code_of(taken) == "on-another-roster"
    struck = await desk.client.delete(f"/v1/officers/{officer}", headers=chief)
    assert struck.status_code == 204
    moved = await desk.client.put(f"/v1/officers/{officer}", headers=CHIEFS[POLICE])
    assert moved.status_code == 200


async def test_a_step_that_is_not_joint_has_no_session(desk: Desk) -> None:
    await enlist(desk)
    joint = await inspection(desk, group=None, lead=None)
    assert code_of(await joint.convene()) == "not-joint"


# What a verification says to it

SABOTAGES = {
    "what was signed is not the record": "UPDATE session_record SET minutes = '未踏勘'",
    "it signed with 1 of its officers present": (
        "UPDATE session_seat SET present = false WHERE officer_ref = "
        "(SELECT min(officer_ref) FROM session_seat WHERE department = 'traffic-police')"
    ),
    "was ended by another than who signed": "UPDATE outcome SET actor_ref = repeat('0', 64)",
    "which has no outcome": "DELETE FROM outcome",
    "its signature is not recorded": "DELETE FROM audit_leaf WHERE act = 'session.signed'",
    "it did not say itself who came": "DELETE FROM audit_leaf WHERE act = 'session.attended'",
}


async def found_by_verification(desk: Desk, number: str) -> list[str]:
    tables = {"session_signature": "session_signature", "outcome": "outcome"}
    async with desk.pool.acquire() as conn:
        rows = {
            name: [row async for row in getattr(queries, query)(conn, application=number)]
            for name, query in (tables | {"audit_leaf": "audit_leaf"}).items()
        }
    folder = Folder(number=number, intake={}, orchestrator={}, departments=rows, moving=False)
    world = World(days=Days(DEPLOY / "calendar"), calendar_version="2026", own=frozenset())
    assert len(rows["session_signature"]) == 3
    return [finding.message for finding in sessions(folder, world)]


@pytest.mark.parametrize("message", SABOTAGES)
async def test_a_verification_finds_what_was_changed(
    desk: Desk, joint: Inspection, message: str
) -> None:
    await joint.hold()
    assert code_of(await joint.sign_together()) == "ok"
    assert await found_by_verification(desk, joint.application) == []
    for table in ("session_record", "outcome", "audit_leaf", "audit_order"):
        await desk.rows(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    await desk.rows(SABOTAGES[message])
    found = await found_by_verification(desk, joint.application)
    assert any(message in one for one in found), found

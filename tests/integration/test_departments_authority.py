"""Written authorisations: who may decide, from when to when, and who stands in for whom."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts.vocabulary import Outcome, Role
from services.departments import authorisations, authority, deciding
from services.departments import authority_store as store
from services.departments.authority import Rule
from services.departments.authority_store import Act, Grant
from services.departments.deciding import Ended, Entry
from services.runtime.auth import Principal
from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    HASHER,
    HEAD,
    NOW,
    OFFICER,
    SUPERVISOR,
    Desk,
    code_of,
    consult,
    issued,
    ref,
    token,
)

GRANT = {"outcome": "granted"}
TODAY, LAST = "2026-03-02", "2027-03-01"
PAPER = {
    "representative": "chief-1",
    "substitute": "officer-1",
    "powers": ["decide"],
    "valid_from": TODAY,
    "valid_until": LAST,
    "document": "授〔2026〕1号",
}
FIRE_HEAD = token("head-2", "fire", "department_head")


@pytest_asyncio.fixture
async def desk(desk: Desk) -> Desk:
    """A desk at which authorisations are required."""
    await desk.require()
    return desk


async def paper(desk: Desk, who: dict[str, str] = HEAD, **fields: Any) -> int:
    """Give an authorisation; return its number."""
    answer = await desk.post("/authorisations", who, PAPER | fields)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def away(desk: Desk, person: str | None = "chief-1", who: Any = HEAD, **fields: Any) -> int:
    """Record an absence; return its number."""
    answer = await desk.post("/absences", who, {"person": person} | fields)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def decided(desk: Desk, who: dict[str, str] = CHIEF, **fields: Any) -> str:
    """Decide a fresh task; return `ok` or the problem's code."""
    [id_] = await desk.put(issued(**fields))
    return code_of(await desk.decide(id_, GRANT, who))


async def test_the_role_alone_is_not_enough_and_the_decision_names_its_authorisation(
    desk: Desk,
) -> None:
    [id_] = await desk.put(issued())
    refused = await desk.decide(id_, GRANT)
    assert (code_of(refused), refused.json()["item"]) == ("not-authorised", "A-PERMIT")
    number = await paper(desk)
    assert code_of(await desk.decide(id_, GRANT)) == "ok"
    [row] = await desk.rows("SELECT authorisation_id, actor_role, basis FROM outcome")
    assert tuple(row) == (number, "chief_representative", "representative")
    [leaf] = await desk.rows("SELECT body FROM audit_leaf WHERE act = 'task.decision'")
    assert orjson.loads(leaf["body"])["facts"]["authorisation"] == number
    shown = (await desk.get(f"/tasks/{id_}", CHIEF)).json()["ended"]
    assert (shown["authorisation_id"], shown["above_id"]) == (number, None)


async def test_an_authorisation_covers_its_items_and_its_department_alone(desk: Desk) -> None:
    [item] = [
        one.code
        for catalogue in desk.app.state.shelf.catalogues
        for one in catalogue.items
        if one.department == "housing-construction"
    ][:1]
    head = token("head-3", "housing-construction", "department_head")
    chief = token("chief-1", "housing-construction", "chief_representative")
    await paper(desk, head, items=[item])
    assert await decided(desk, chief, department="housing-construction", item=item) == "ok"
    other = await decided(desk, chief, department="housing-construction", item="A-PERMIT")
    assert other == "not-authorised"
    assert await decided(desk, item=item) == "not-authorised"


async def test_an_authorisation_holds_on_the_days_of_its_term(desk: Desk) -> None:
    await paper(desk, valid_from="2026-03-03", valid_until="2026-03-04")
    local = {"before": "02T15:59", "first": "02T16:00", "last": "04T15:59", "after": "04T16:00"}
    found = {}
    for name, at in local.items():
        desk.clock.move_to(datetime.fromisoformat(f"2026-03-{at}:00Z"))
        found[name] = await decided(desk)
    assert found == {
        "before": "not-authorised",
        "first": "ok",
        "last": "ok",
        "after": "not-authorised",
    }


async def test_a_revocation_is_over_every_later_decision(desk: Desk) -> None:
    number = await paper(desk)
    assert await decided(desk) == "ok"
    body = {"reason": "岗位调整"}
    revoked = await desk.post(f"/authorisations/{number}/revocation", HEAD, body)
    assert revoked.json()["revocation"] == "岗位调整"
    assert await decided(desk) == "not-authorised"
    again = await desk.post(f"/authorisations/{number}/revocation", HEAD, body)
    assert code_of(again) == "authorisation-revoked"
    foreign = await desk.post(f"/authorisations/{number}/revocation", FIRE_HEAD, body)
    assert code_of(foreign) == "not-found"
    acts = [row["act"] for row in await desk.rows("SELECT act FROM audit_leaf ORDER BY id")]
    assert acts.count("authorisation.granted") == acts.count("authorisation.revoked") == 1
    assert await desk.value("SELECT count(*) FROM outcome WHERE authorisation_id IS NULL") == 0


async def test_the_substitute_stands_in_while_the_representative_is_absent(desk: Desk) -> None:
    number = await paper(desk)
    assert await decided(desk, OFFICER) == "not-authorised"
    later = (desk.clock.now() + timedelta(hours=1)).isoformat()
    absence = await away(desk, since=later)
    assert await decided(desk, OFFICER) == "not-authorised"
    desk.clock.advance(timedelta(hours=1))
    assert await decided(desk, OFFICER) == "ok"
    assert await decided(desk, COLLEAGUE) == "not-authorised"
    desk.clock.advance(timedelta(minutes=1))
    ended = await desk.post(f"/absences/{absence}/end", CHIEF)
    assert ended.json()["ended_by"] == ref("chief-1")
    assert await decided(desk, OFFICER) == "not-authorised"
    assert await decided(desk, CHIEF) == "ok"
    rows = await desk.rows("SELECT authorisation_id, actor_role FROM outcome ORDER BY task_id")
    assert [tuple(row) for row in rows] == [
        (number, "officer"),
        (number, "chief_representative"),
    ]


async def test_the_substitute_is_not_held_up_by_what_a_colleague_has_in_hand(desk: Desk) -> None:
    await paper(desk)
    await away(desk)
    [id_] = await desk.put(issued())
    assert code_of(await desk.post(f"/tasks/{id_}/claim", COLLEAGUE)) == "ok"
    ended = await desk.post(f"/tasks/{id_}/decision", OFFICER, GRANT, version=2)
    assert code_of(ended) == "ok"


async def test_an_officer_named_as_representative_still_needs_the_role(desk: Desk) -> None:
    await paper(desk, representative="officer-2", substitute=None)
    assert await decided(desk, COLLEAGUE) == "not-authorised"


async def test_one_who_may_only_review_sends_it_up(desk: Desk) -> None:
    await paper(desk, powers=["pre_review"])
    [id_] = await desk.put(issued())
    refused = await desk.decide(id_, GRANT)
    assert code_of(refused) == "approval-above-required"
    assert refused.json()["level"] == "department_head"
    await paper(desk, powers=["decide"])
    assert code_of(await desk.decide(id_, GRANT)) == "ok"


async def test_the_power_for_special_handling_decides_nothing(desk: Desk) -> None:
    await paper(desk, powers=["special"])
    assert await decided(desk) == "not-authorised"


async def test_opinions_need_no_authorisation(desk: Desk) -> None:
    [id_] = await desk.put(consult())
    answer = await desk.post(f"/tasks/{id_}/opinion", OFFICER, {"outcome": "no_objection"})
    assert code_of(answer) == "ok"


async def test_a_batch_is_judged_entry_by_entry(desk: Desk) -> None:
    ids = await desk.put(issued(), issued(item="B-PERMIT"), consult())
    await desk.rows(
        "INSERT INTO authorisation (department, representative_ref, items, powers, valid_from,"
        " valid_until, document, granted_by, granted_role, granted_at) VALUES ('planning', $1,"
        " '{B-PERMIT}', '{decide}', '2026-01-01', '2026-12-31', 'x', 'h', 'department_head', $2)",
        ref("chief-1"),
        NOW,
    )
    entries = [{"id": id_, **GRANT} for id_ in ids[:2]]
    entries.append({"id": ids[2], "outcome": "no_objection"})
    answer = await desk.post("/tasks/decisions", CHIEF, {"entries": entries}, version=None)
    found = [one.get("problem", {}).get("type", "ok") for one in answer.json()["results"]]
    assert found == ["urn:lianshen:problem:not-authorised", "ok", "ok"]


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"valid_from": "2026-03-01"}, ["#/valid_from"]),
        ({"valid_until": "2026-03-01"}, ["#/valid_until"]),
        ({"substitute": "chief-1"}, ["#/substitute"]),
        ({"items": ["NO-SUCH-ITEM"]}, ["#/items/0"]),
        ({"powers": []}, ["#/powers"]),
        ({"powers": ["everything"]}, ["#/powers/0", "#/powers"]),
    ],
)
async def test_an_authorisation_that_cannot_be_is_refused(
    desk: Desk, fields: dict[str, Any], pointers: list[str]
) -> None:
    answer = await desk.post("/authorisations", HEAD, PAPER | fields)
    assert code_of(answer) == "invalid"
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert await desk.value("SELECT count(*) FROM authorisation") == 0


async def test_nobody_authorises_himself(desk: Desk) -> None:
    both = token("chief-1", "planning", "department_head", "chief_representative")
    for body in (PAPER, PAPER | {"representative": "chief-9", "substitute": "chief-1"}):
        answer = await desk.post("/authorisations", both, body)
        assert code_of(answer) == "another-person-required"


async def test_what_was_signed_is_not_changed_even_by_its_owner(desk: Desk) -> None:
    number = await paper(desk)
    absence = await away(desk)
    for change in (
        "UPDATE authorisation SET valid_until = '2030-01-01'",
        "UPDATE authorisation SET powers = '{decide,special}', revoked_at = now(),"
        " revoked_by = 'x', revocation = 'x'",
        "DELETE FROM authorisation",
        "UPDATE absence SET since = since - interval '1 day'",
        "DELETE FROM absence",
        "UPDATE authority_rule SET rule = 'role'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await desk.rows(change)
    await desk.post(f"/authorisations/{number}/revocation", HEAD, {"reason": "x"})
    await desk.post(f"/absences/{absence}/end", HEAD)
    for change in (
        "UPDATE authorisation SET revoked_at = NULL, revoked_by = NULL, revocation = NULL",
        "UPDATE absence SET ended_at = NULL, ended_by = NULL",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await desk.rows(change)


async def test_authorisations_are_listed_to_their_department_and_the_supervisor(desk: Desk) -> None:
    first = await paper(desk)
    second = await paper(desk, representative="chief-8", substitute=None, powers=["special"])
    await paper(desk, FIRE_HEAD)
    await desk.post(f"/authorisations/{first}/revocation", HEAD, {"reason": "x"})

    async def ids(who: dict[str, str], **params: Any) -> list[int]:
        answer = await desk.get("/authorisations", who, **params)
        return [one["id"] for one in answer.json()["items"]]

    assert await ids(OFFICER) == [first, second]
    assert await ids(OFFICER, whose="me") == [first]
    assert await ids(HEAD, state="in_force") == [second]
    assert await ids(SUPERVISOR, department="planning") == [first, second]
    page = (await desk.get("/authorisations", OFFICER, limit=1)).json()
    rest = await desk.get("/authorisations", OFFICER, limit=1, after=page["next"])
    assert [one["id"] for one in rest.json()["items"]] == [second]
    assert code_of(await desk.get("/authorisations", OFFICER, department="fire")) == "not-found"


async def test_an_absence_is_recorded_by_oneself_or_by_who_leads(desk: Desk) -> None:
    assert await away(desk, None, OFFICER)
    assert await away(desk, "officer-2", CHIEF)
    other = await desk.post("/absences", OFFICER, {"person": "officer-2"})
    assert code_of(other) == "another-person-required"
    listed = (await desk.get("/absences", HEAD)).json()["items"]
    assert [one["person_ref"] for one in listed] == [ref("officer-1"), ref("officer-2")]
    foreign = await desk.post(f"/absences/{listed[0]['id']}/end", FIRE_HEAD)
    assert code_of(foreign) == "not-found"
    other = await desk.post(f"/absences/{listed[1]['id']}/end", OFFICER)
    assert code_of(other) == "another-person-required"
    assert code_of(await desk.post(f"/absences/{listed[0]['id']}/end", OFFICER)) == "ok"
    again = await desk.post(f"/absences/{listed[0]['id']}/end", OFFICER)
    assert code_of(again) == "absence-over"
    assert len((await desk.get("/absences", HEAD)).json()["items"]) == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"since": "2026-03-02T02:59:59Z"}, "#/since"),
        ({"until": "2026-03-02T03:00:00Z"}, "#/until"),
    ],
)
async def test_an_absence_is_never_backdated(
    desk: Desk, fields: dict[str, str], pointer: str
) -> None:
    answer = await desk.post("/absences", OFFICER, fields)
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_the_rule_is_recorded_when_it_changes(desk: Desk) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        assert not await authority.adopt(conn, desk.clock, Rule.REQUIRED)
        assert await authority.adopt(conn, desk.clock, Rule.ROLE)
    assert await decided(desk) == "ok"
    rules = [row["rule"] for row in await desk.rows("SELECT rule FROM authority_rule ORDER BY id")]
    assert rules == ["required", "role"]
    leaves = await desk.value("SELECT count(*) FROM audit_leaf WHERE act = 'authority.rule'")
    assert leaves == 2


def somebody(subject: str, *roles: Role) -> Principal:
    return Principal(
        subject=subject,
        ref=ref(subject),
        roles=frozenset(roles),
        department="planning",
        client="window",
    )


CHIEF_1 = somebody("chief-1", Role.CHIEF_REPRESENTATIVE)
HEAD_1 = somebody("head-1", Role.DEPARTMENT_HEAD)


async def test_a_revocation_waits_for_the_decision_under_way(desk: Desk) -> None:
    number = await paper(desk)
    [id_] = await desk.put(issued())
    async with desk.pool.acquire() as deciding_, desk.pool.acquire() as revoking:
        with ExitStack() as spans:
            transaction = deciding_.transaction()
            await transaction.start()
            [ended] = await deciding.decide(
                deciding_,
                clock=desk.clock,
                who=CHIEF_1,
                entries=[Entry(id=id_, outcome=Outcome.GRANTED)],
                spans=spans,
            )
            assert isinstance(ended, Ended)

            async def revoke() -> datetime:
                async with revoking.transaction():
                    row = await authorisations.revoke(
                        revoking, clock=desk.clock, who=HEAD_1, id_=number, reason="x"
                    )
                at: datetime = row["revoked_at"]
                return at

            waiting = asyncio.create_task(revoke())
            assert not (await asyncio.wait((waiting,), timeout=0.3))[0]
            desk.clock.advance(timedelta(minutes=1))
            await transaction.commit()
            assert await waiting > ended.decided_at


async def test_a_decision_waits_for_the_revocation_under_way_and_is_refused(desk: Desk) -> None:
    number = await paper(desk)
    [id_] = await desk.put(issued())
    async with desk.pool.acquire() as revoking:
        transaction = revoking.transaction()
        await transaction.start()
        await authorisations.revoke(revoking, clock=desk.clock, who=HEAD_1, id_=number, reason="x")
        waiting = asyncio.create_task(desk.decide(id_, GRANT))
        assert not (await asyncio.wait((waiting,), timeout=0.3))[0]
        await transaction.commit()
        assert code_of(await waiting) == "not-authorised"


async def test_nobody_acts_on_an_application_whose_agent_he_is(desk: Desk) -> None:
    """The agent is known by the identity number; the token may carry it."""
    number = " 11010519491231002x"
    [id_] = await desk.put(
        consult(applicant_refs=(ref("investor-1"), HASHER.ref("11010519491231002X")))
    )
    agent = token("officer-7", "planning", "officer", id_number=number)
    body = {"outcome": "no_objection"}
    assert code_of(await desk.post(f"/tasks/{id_}/claim", agent)) == "own-application"
    assert code_of(await desk.post(f"/tasks/{id_}/opinion", agent, body)) == "own-application"
    assert code_of(await desk.post(f"/tasks/{id_}/opinion", OFFICER, body)) == "ok"


PEOPLE = ("a", "b", "c")
DAY0 = date(2026, 3, 2)
DAYS = st.integers(0, 3).map(lambda n: DAY0 + timedelta(days=n))
INSTANTS = st.integers(0, 4 * 24).map(
    lambda hours: datetime(2026, 3, 1, 16, tzinfo=UTC) + timedelta(hours=hours)
)
PAPERS = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE), st.sampled_from((*PEOPLE, None)), DAYS, DAYS, st.booleans()
    ).filter(lambda one: one[0] != one[1] and one[2] <= one[3]),
    max_size=4,
)
ABSENCES = st.lists(
    st.tuples(st.sampled_from(PEOPLE), INSTANTS, INSTANTS | st.none()).filter(
        lambda one: one[2] is None or one[1] < one[2]
    ),
    max_size=3,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(papers=PAPERS, absences=ABSENCES, person=st.sampled_from(PEOPLE), at=INSTANTS)
async def test_what_somebody_may_rest_on_equals_a_plain_reckoning(
    desk: Desk, papers: list[Any], absences: list[Any], person: str, at: datetime
) -> None:
    act = Act(actor="head", role=Role.DEPARTMENT_HEAD, at=datetime(2026, 2, 1, tzinfo=UTC))
    day = (at + timedelta(hours=8)).date()
    gone = {who for who, since, until in absences if since <= at and (until is None or at < until)}
    expected: set[int] = set()
    async with desk.pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        for representative, substitute, first, last, revoked in papers:
            grant = Grant(
                department="planning",
                representative=representative,
                substitute=substitute,
                items=None,
                powers=("decide",),
                valid_from=first,
                valid_until=last,
                document="x",
            )
            id_ = await store.grant_authorisation(conn, grant, act)
            if revoked:
                await store.revoke_authorisation(conn, id_, actor="h", at=act.at, reason="x")
            stands_in = person == substitute and representative in gone
            if not revoked and first <= day <= last and (person == representative or stands_in):
                expected.add(id_)
        for who, since, until in absences:
            await store.record_absence(
                conn, "planning", who, since=since, until=until, actor="h", at=act.at
            )
        found = await store.authorisations_of(conn, person, "planning", at=at, on_day=day)
        other = await store.authorisations_of(conn, person, "fire", at=at, on_day=day)
        await transaction.rollback()
    assert {row["id"] for row in found} == expected
    assert other == []

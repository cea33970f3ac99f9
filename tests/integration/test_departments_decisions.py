"""Decisions, opinions and lapses: who may, when, and what excludes what."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from services.contracts.events import TaskIssued
from services.contracts.vocabulary import Authority, Outcome, Part, TaskState
from services.departments import store
from services.departments.consumer import Tasks
from services.departments.lapsing import LapseRefusedError
from services.departments.store import Ending
from services.runtime import telemetry
from tests.conftest import Databases
from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    DUE,
    FIRE_CHIEF,
    NOW,
    OFFICER,
    REFUSAL,
    TRACE,
    Desk,
    cancelled,
    code_of,
    consult,
    issued,
    lapse_due,
    number,
    open_desk,
    received,
    ref,
)

GRANT = {"outcome": "granted"}


async def told(desk: Desk) -> list[dict[str, Any]]:
    """What is in the outbox: the events' envelopes, in order."""
    rows = await desk.rows("SELECT topic, payload, traceparent FROM outbox ORDER BY id")
    return [
        {"topic": row["topic"], "header": row["traceparent"], **orjson.loads(row["payload"])}
        for row in rows
    ]


async def test_a_grant_is_stored_told_and_recorded_at_once(desk: Desk) -> None:
    task = issued()
    [id_] = await desk.put(task)
    answer = await desk.decide(id_, {**GRANT, "conditions": ["开工前交底"]})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["result_number"] == f"A-PERMIT-{task.application}-planning-1"
    assert body["version"] == 2
    assert answer.headers["etag"] == '"2"'
    [event] = await told(desk)
    assert event["topic"] == "lianshen.decisions.planning.v1"
    assert event["type"] == "lianshen.task.decided.v1"
    assert event["data"] | {"decided_at": None} == {
        "application": task.application,
        "task": task.task,
        "department": "planning",
        "outcome": "granted",
        "result_number": body["result_number"],
        "conditions": ["开工前交底"],
        "reasons": [],
        "remedies": [],
        "actor_ref": ref("chief-1"),
        "actor_role": "chief_representative",
        "decided_at": None,
    }
    [leaf] = await desk.rows("SELECT act, application, body FROM audit_leaf")
    assert (leaf["act"], leaf["application"]) == ("task.decision", task.application)
    assert "开工前交底" not in leaf["body"]
    shown = (await desk.get(f"/tasks/{id_}", CHIEF)).json()
    assert shown["state"] == "decided"
    assert shown["ended"]["basis"] == "representative"
    assert shown["ended"]["conditions"] == ["开工前交底"]
    history = (await desk.get(f"/tasks/{id_}/history", CHIEF)).json()["items"]
    assert [(act["kind"], act["actor_ref"]) for act in history] == [("decision", ref("chief-1"))]


async def test_two_departments_grant_one_item_with_a_number_each(desk: Desk) -> None:
    application = number()
    ids = await desk.put(
        issued(application=application), issued(application=application, department="fire")
    )
    answers = [await desk.decide(ids[0], GRANT), await desk.decide(ids[1], GRANT, FIRE_CHIEF)]
    numbers = {answer.json()["result_number"] for answer in answers}
    assert len(numbers) == 2, [answer.text for answer in answers]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"outcome": "refused"}, ["#/reasons", "#/remedies"]),
        ({"outcome": "refused", "reasons": ["r"]}, ["#/remedies"]),
        ({"outcome": "refused", "remedies": ["r"]}, ["#/reasons"]),
        ({**REFUSAL, "conditions": ["c"]}, ["#/conditions"]),
        ({"outcome": "granted", "remedies": ["r"]}, ["#/remedies"]),
        ({"outcome": "granted", "decided_above": "x"}, ["#/decided_above"]),
        ({"outcome": "refused", "reasons": ["  "], "remedies": ["r"]}, ["#/reasons/0"]),
    ],
)
async def test_a_decision_must_be_complete(
    desk: Desk, body: dict[str, Any], pointers: list[str]
) -> None:
    [id_] = await desk.put(issued())
    answer = await desk.decide(id_, body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers
    assert await desk.value("SELECT count(*) FROM outcome") == 0
    assert await desk.value("SELECT state FROM task") == "open"


@pytest.mark.parametrize(
    ("outcome", "fields"),
    [
        (Outcome.REFUSED, {}),
        (Outcome.REFUSED, {"reasons": ("r",)}),
        (Outcome.REFUSED, {"remedies": ("r",)}),
        (Outcome.REFUSED, {"reasons": (" \n",), "remedies": ("r",)}),
        (Outcome.GRANTED, {"number": None}),
        (Outcome.NO_OBJECTION, {"kind": "decision"}),
        (Outcome.GRANTED, {"number": "n", "role": None}),
    ],
)
async def test_the_database_refuses_what_the_law_does_not_know(
    desk: Desk, outcome: Outcome, fields: dict[str, Any]
) -> None:
    [id_] = await desk.put(issued())
    given: dict[str, Any] = {
        "id": id_,
        "kind": "decision",
        "outcome": outcome,
        "basis": "representative",
        "at": NOW,
        "state": TaskState.DECIDED,
        "role": "chief_representative",
    }
    async with desk.pool.acquire() as conn:
        with pytest.raises(asyncpg.CheckViolationError):
            await store.end_tasks(conn, [Ending(**(given | fields))], "a" * 32)
    complete = {"outcome": Outcome.REFUSED, "reasons": ("r",), "remedies": ("r",)}
    async with desk.pool.acquire() as conn:
        assert await store.end_tasks(conn, [Ending(**(given | complete))], "a" * 32) == {id_: 2}


async def test_outcomes_and_acts_are_never_changed(desk: Desk) -> None:
    [id_] = await desk.put(issued())
    await desk.decide(id_, GRANT)
    for statement in (
        "UPDATE outcome SET outcome = 'refused'",
        "DELETE FROM outcome",
        "DELETE FROM act",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await desk.rows(statement)


async def test_only_the_representative_decides_but_any_officer_gives_an_opinion(
    desk: Desk,
) -> None:
    deciding, consulted = await desk.put(issued(), consult(item="B-OPINION"))
    refused = await desk.decide(deciding, GRANT, OFFICER)
    assert (refused.status_code, code_of(refused)) == (403, "representative-required")
    answer = await desk.post(f"/tasks/{consulted}/opinion", OFFICER, {"outcome": "no_objection"})
    assert answer.status_code == 200
    assert answer.json()["result_number"] is None
    [row] = await desk.rows("SELECT actor_role, basis, department FROM outcome")
    assert dict(row) == {"actor_role": "officer", "basis": "consulted", "department": "planning"}


async def test_an_objection_needs_reasons(desk: Desk) -> None:
    [id_] = await desk.put(consult())
    bare = await desk.post(f"/tasks/{id_}/opinion", OFFICER, {"outcome": "objection"})
    assert code_of(bare) == "decision-incomplete"
    body = {"outcome": "objection", "reasons": ["消防通道不足"]}
    assert (await desk.post(f"/tasks/{id_}/opinion", OFFICER, body)).status_code == 200


async def test_the_outcome_must_suit_the_part(desk: Desk) -> None:
    deciding, consulted = await desk.put(issued(), consult(item="B-OPINION"))
    opinion = await desk.post(f"/tasks/{deciding}/opinion", CHIEF, {"outcome": "no_objection"})
    assert (opinion.status_code, code_of(opinion)) == (409, "wrong-part")
    assert code_of(await desk.decide(consulted, GRANT)) == "wrong-part"


@pytest.mark.parametrize("authority", [a for a in Authority if a is not Authority.REPRESENTATIVE])
async def test_a_decision_taken_above_is_recorded_as_such(desk: Desk, authority: Authority) -> None:
    [id_] = await desk.put(issued(authority=authority))
    assert code_of(await desk.decide(id_, GRANT)) == "decision-incomplete"
    answer = await desk.decide(id_, {**GRANT, "decided_above": "县政府批复〔2026〕12号"})
    assert answer.status_code == 200
    [row] = await desk.rows("SELECT basis, decided_above FROM outcome")
    assert dict(row) == {"basis": authority, "decided_above": "县政府批复〔2026〕12号"}


async def test_nobody_acts_on_an_application_of_his_own(desk: Desk) -> None:
    mine = (ref("investor-1"), ref("chief-1"))
    deciding, consulted = await desk.put(
        issued(applicant_refs=mine), consult(item="B-OPINION", applicant_refs=mine)
    )
    answers = [
        await desk.decide(deciding, GRANT),
        await desk.post(f"/tasks/{consulted}/opinion", CHIEF, {"outcome": "no_objection"}),
        await desk.post(f"/tasks/{deciding}/claim", CHIEF),
        await desk.post(f"/tasks/{deciding}/release", CHIEF),
        await desk.post(f"/tasks/{deciding}/notes", CHIEF, {"text": "x"}),
    ]
    assert {(a.status_code, code_of(a)) for a in answers} == {(403, "own-application")}
    batch = await desk.post("/tasks/decisions", CHIEF, {"entries": [{"id": deciding, **GRANT}]})
    [result] = batch.json()["results"]
    assert result["problem"]["type"].endswith("own-application")
    assert await desk.value("SELECT count(*) FROM outcome") == 0


async def test_of_two_decisions_at_once_exactly_one_wins(desk: Desk) -> None:
    ids = await desk.put(*(issued() for _ in range(20)))
    for id_ in ids:
        answers = await asyncio.gather(
            desk.decide(id_, GRANT), desk.decide(id_, REFUSAL), desk.decide(id_, GRANT)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
        [lost] = {code_of(answer) for answer in answers if not answer.is_success}
        assert lost == "task-ended"
    assert await desk.value("SELECT count(*) FROM outcome") == len(ids)
    assert len(await told(desk)) == len(ids)


async def test_of_a_decision_and_a_lapse_exactly_one_wins(desk: Desk) -> None:
    desk.clock.move_to(DUE.promised_at)
    tasks = [consult() for _ in range(200)]
    ids = await desk.put(*tasks)
    won = {"lapsed": 0, "decided": 0}
    for place, (task, id_) in enumerate(zip(tasks, ids, strict=True)):

        async def opine(id_: int = id_, late: int = place % 4) -> int:
            for _ in range(late * 8):  # the lapse has a shorter way: give it a handicap or not
                await asyncio.sleep(0)
            body = {"outcome": "no_objection"}
            return (await desk.post(f"/tasks/{id_}/opinion", OFFICER, body)).status_code

        async def lapse(task: TaskIssued = task, late: int = place % 7) -> None:
            await asyncio.sleep(late * 0.001)
            await desk.put(lapse_due(task))

        status, _ = await asyncio.gather(opine(), lapse())
        [row] = await desk.rows(
            "SELECT t.state, o.kind FROM task AS t JOIN outcome AS o ON o.task_id = t.id"
            " WHERE t.id = $1",
            id_,
        )
        won[row["state"]] += 1
        assert dict(row) == (
            {"state": "decided", "kind": "opinion"}
            if status == 200
            else {"state": "lapsed", "kind": "lapse"}
        )
    events = await told(desk)
    assert len(events) == len(tasks) == len({event["data"]["task"] for event in events})
    assert min(won.values()) > 0, f"one side always won: {won}"


async def test_a_lapse_is_told_and_recorded(desk: Desk) -> None:
    task = consult()
    [id_] = await desk.put(task)
    desk.clock.move_to(DUE.promised_at + timedelta(minutes=1))
    await desk.put(lapse_due(task))
    [event] = await told(desk)
    assert event["type"] == "lianshen.task.lapsed.v1"
    assert event["data"]["lapsed_at"] == "2026-03-05T09:01:00Z"
    assert event["traceparent"] == event["header"] == TRACE
    shown = (await desk.get(f"/tasks/{id_}", OFFICER)).json()
    assert shown["state"] == "lapsed"
    assert shown["ended"]["outcome"] == "deemed_no_objection"
    assert shown["ended"]["actor_ref"] is None
    assert await desk.value("SELECT act FROM audit_leaf") == "task.lapsed"


@pytest.mark.parametrize("early", [False, True])
async def test_a_task_that_may_not_lapse_does_not(desk: Desk, early: bool) -> None:
    task = consult() if early else issued()
    await desk.put(task)
    event = lapse_due(task, due_at=DUE.promised_at - timedelta(hours=early))
    with pytest.raises(LapseRefusedError):
        await desk.put(event)
    assert await desk.value("SELECT state FROM task") == "open"


async def test_a_cancelled_task_cannot_be_decided(desk: Desk) -> None:
    task = issued()
    [id_] = await desk.put(task)
    await desk.put(cancelled(task))
    answer = await desk.decide(id_, GRANT)
    assert (answer.status_code, answer.json()["state"]) == (409, "cancelled")
    history = (await desk.get(f"/tasks/{id_}/history", CHIEF)).json()["items"]
    assert [(act["kind"], act["note"]) for act in history] == [
        ("cancelled", "the application was withdrawn")
    ]


async def test_a_decision_committed_before_the_cancellation_stays(desk: Desk) -> None:
    task = issued()
    [id_] = await desk.put(task)
    await desk.decide(id_, GRANT)
    await desk.put(cancelled(task))
    assert await desk.value("SELECT state FROM task") == "decided"
    assert [event["type"] for event in await told(desk)] == ["lianshen.task.decided.v1"]


async def test_a_repeated_decision_gets_the_first_answer(desk: Desk) -> None:
    [id_] = await desk.put(issued())
    path = f"/tasks/{id_}/decision"
    first = await desk.post(path, CHIEF, GRANT, key="the-same-key")
    second = await desk.post(path, CHIEF, GRANT, key="the-same-key")
    assert second.content == first.content
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["etag"] == first.headers["etag"]
    other = await desk.post(path, CHIEF, REFUSAL, key="the-same-key")
    assert code_of(other) == "idempotency-key-reused"
    assert len(await told(desk)) == 1


async def test_a_decision_refers_to_the_version_that_was_read(desk: Desk) -> None:
    [id_] = await desk.put(issued())
    path = f"/tasks/{id_}/decision"
    assert code_of(await desk.post(path, CHIEF, GRANT, version=None)) == "version-required"
    stale = await desk.post(path, CHIEF, GRANT, version=7)
    assert (stale.status_code, stale.headers["etag"]) == (412, '"1"')
    assert (await desk.post(path, CHIEF, GRANT, version=1)).status_code == 200


async def test_an_opinion_on_a_colleagues_task_is_refused_but_the_representative_may(
    desk: Desk,
) -> None:
    [id_] = await desk.put(consult())
    await desk.post(f"/tasks/{id_}/claim", OFFICER)
    path, body = f"/tasks/{id_}/opinion", {"outcome": "no_objection"}
    assert code_of(await desk.post(path, COLLEAGUE, body, version=2)) == "claimed"
    assert (await desk.post(path, CHIEF, body, version=2)).status_code == 200


async def test_every_entry_of_a_batch_stands_by_itself(desk: Desk) -> None:
    task = issued(item="C-CANCELLED")
    good, opinion, above, gone, foreign = await desk.put(
        issued(),
        consult(item="B-OPINION"),
        issued(authority=Authority.DEPARTMENT_HEAD),
        task,
        issued(department="fire"),
    )
    await desk.put(cancelled(task))
    entries = [
        {"id": good, **GRANT, "version": 1},
        {"id": opinion, "outcome": "no_objection"},
        {"id": above, **GRANT},
        {"id": gone, **GRANT},
        {"id": foreign, **GRANT},
        {"id": good, **REFUSAL},
        {"id": opinion, "outcome": "no_objection", "version": 9},
        {"id": 2**62, **GRANT},
    ]
    answer = await desk.post("/tasks/decisions", CHIEF, {"entries": entries}, key="batch-key-1")
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [one["id"] for one in results] == [one["id"] for one in entries]
    assert [one["ended"]["outcome"] for one in results[:2]] == ["granted", "no_objection"]
    codes = [one["problem"]["type"].rsplit(":")[-1] for one in results[2:]]
    assert codes == [
        *("decision-incomplete", "task-ended", "not-found", "task-ended", "task-ended"),
        "not-found",
    ]
    assert len(await told(desk)) == 2
    again = await desk.post("/tasks/decisions", CHIEF, {"entries": entries}, key="batch-key-1")
    assert again.content == answer.content


async def test_a_batch_takes_as_many_statements_as_a_single_decision(desk: Desk) -> None:
    seen: list[str] = []

    async def statements(size: int) -> int:
        ids = await desk.put(*(issued() for _ in range(size)))
        seen.clear()
        entries = [{"id": id_, **GRANT} for id_ in ids]
        answer = await desk.post("/tasks/decisions", CHIEF, {"entries": entries})
        assert all("ended" in one for one in answer.json()["results"])
        return len(seen)

    async with asyncpg.create_pool(desk.url, min_size=1, max_size=1) as pool:
        desk.app.state.pool = pool
        async with pool.acquire() as conn:
            conn.add_query_logger(lambda record: seen.append(record.query))
        await statements(1)  # a new connection asks the database about its types
        assert 5 < await statements(1) == await statements(100) < 16


OUTCOMES = st.sampled_from(
    [
        *(GRANT, REFUSAL, {"outcome": "refused"}, {**GRANT, "decided_above": "批复"}),
        *({"outcome": "no_objection"}, {"outcome": "objection", "reasons": ["r"]}),
        {"outcome": "objection"},
    ]
)
TASKS = st.sampled_from(["decide", "above", "consult", "own", "cancelled", "held"])


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(cases=st.lists(st.tuples(TASKS, OUTCOMES), min_size=1, max_size=8), chief=st.booleans())
def test_a_batch_does_what_its_entries_one_by_one_do(
    batch_loop: "Loop", cases: list[tuple[str, dict[str, Any]]], chief: bool
) -> None:
    batch_loop.run(_same_as_singles(batch_loop.desk, cases, chief=chief))


class Loop:
    """Runs coroutines of hypothesis' synchronous examples on the fixture's loop."""

    def __init__(self, runner: asyncio.Runner, desk: Desk) -> None:
        self._runner = runner
        self.desk = desk

    def run(self, work: Any) -> Any:
        return self._runner.run(work)


@pytest.fixture
def batch_loop(postgres: Any, _templates: set[str]) -> Any:
    with asyncio.Runner() as runner:
        databases = Databases(server=postgres, templates=_templates)
        context = open_desk(databases)
        desk = runner.run(context.__aenter__())
        yield Loop(runner, desk)
        runner.run(context.__aexit__(None, None, None))
        for name in databases.made:
            runner.run(postgres.drop_database(name))


async def _prepared(desk: Desk, kinds: list[str]) -> list[int]:
    own = (ref("officer-1"), ref("chief-1"))
    tasks = [
        consult()
        if kind in ("consult", "held")
        else issued(
            authority=Authority.GOVERNMENT_HEAD if kind == "above" else Authority.REPRESENTATIVE,
            applicant_refs=own if kind == "own" else (),
        )
        for kind in kinds
    ]
    ids = await desk.put(*tasks)
    for kind, task, id_ in zip(kinds, tasks, ids, strict=True):
        if kind == "cancelled":
            await desk.put(cancelled(task))
        elif kind == "held":
            assert (await desk.post(f"/tasks/{id_}/claim", COLLEAGUE)).status_code == 200
    return ids


async def _same_as_singles(
    desk: Desk, cases: list[tuple[str, dict[str, Any]]], *, chief: bool
) -> None:
    who = CHIEF if chief else OFFICER
    kinds = [kind for kind, _ in cases]
    alone, together = [await _prepared(desk, kinds) for _ in range(2)]
    singly = []
    for id_, (_, body) in zip(alone, cases, strict=True):
        is_decision = body["outcome"] in ("granted", "refused")
        path = f"/tasks/{id_}/{'decision' if is_decision else 'opinion'}"
        version = await desk.value("SELECT version FROM task WHERE id = $1", id_)
        singly.append(code_of(await desk.post(path, who, body, version=version)))
    entries = [{"id": id_, **body} for id_, (_, body) in zip(together, cases, strict=True)]
    answer = await desk.post("/tasks/decisions", who, {"entries": entries})
    jointly = [
        one["problem"]["type"].rsplit(":")[-1] if "problem" in one else "ok"
        for one in answer.json()["results"]
    ]
    assert jointly == singly
    query = """
        SELECT t.state, t.version, o.outcome, o.reasons, o.remedies, o.basis, o.actor_ref,
            o.actor_role, o.decided_above
        FROM task AS t LEFT JOIN outcome AS o ON o.task_id = t.id
        WHERE t.id = ANY ($1) ORDER BY t.id
    """
    assert await desk.rows(query, alone) == await desk.rows(query, together)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.install(provider)
    return exporter


async def test_a_decision_belongs_to_its_applications_trace_and_links_to_its_request(
    desk: Desk, spans: InMemorySpanExporter
) -> None:
    other = TRACE.replace("4bf9", "5c0a").replace("00f0", "11f1")
    first, second = issued(), issued()
    ids = await desk.put(first)
    async with desk.pool.acquire() as conn:
        await Tasks(desk.clock, desk.app.state.shelf)(conn, [received(second, traceparent=other)])
    ids.append(await desk.value("SELECT id FROM task WHERE task = $1", second.task))
    spans.clear()
    await desk.post("/tasks/decisions", CHIEF, {"entries": [{"id": i, **GRANT} for i in ids]})
    finished = spans.get_finished_spans()
    [request] = [one for one in finished if one.name == "POST /v1/tasks/decisions"]
    decided = {
        str((one.attributes or {})["lianshen.application"]): one
        for one in finished
        if one.name == "task.decide"
    }
    sent = {event["subject"]: event["traceparent"] for event in await told(desk)}
    for task, parent in ((first, TRACE), (second, other)):
        span = decided[task.application]
        assert span.parent is not None
        assert traceparent(span.parent) == parent
        assert [link.context.span_id for link in span.links] == [request.context.span_id]
        assert sent[task.application] == traceparent(span.context)


def traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


async def test_another_departments_task_is_not_there(desk: Desk) -> None:
    [id_] = await desk.put(issued())
    answer = await desk.decide(id_, GRANT, FIRE_CHIEF)
    assert (answer.status_code, code_of(answer)) == (404, "not-found")
    assert await desk.value("SELECT count(*) FROM outcome") == 0


async def test_parts_are_told_apart(desk: Desk) -> None:
    await desk.put(issued(), consult(item="B-OPINION"))
    listed = (await desk.get("/tasks", CHIEF, part="consult")).json()["items"]
    assert [one["part"] for one in listed] == [Part.CONSULT]

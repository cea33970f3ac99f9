"""`lianshen verify`: clean over a stack that has seen everything, red for every sabotage.

One small stack runs applications of all kinds; then its services are stopped, and every sabotage is
done to copies of its databases.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from services.cli import build
from services.contracts.vocabulary import Service
from services.runtime.embedded.stack import Stack
from services.verification import Report, Sources, SourcesError, verify
from services.verification.report import (
    AUDIT,
    AUTHORITY,
    CONSERVATION,
    DATES,
    DECISIONS,
    KEYS,
    LAPSES,
    LIVENESS,
    MESSAGES,
    TASKS,
)
from services.verification.sources import of_stack
from tests.faults.driver import (
    SCENARIO,
    County,
    Person,
    Task,
    county,
    favourable,
    objection,
    refused,
    restaurant,
    until,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
I, O, D = Service.INTAKE, Service.ORCHESTRATOR, Service.DEPARTMENTS  # noqa: E741  short table below


@dataclass
class Kinds:
    """One application of every kind; the last two still go on."""

    granted: str
    refused: str
    rectified: str
    silent: str
    withdrawn: str
    open: str
    held: str

    def verdict(self, task: Task) -> dict[str, Any] | None:
        """What the officers do, by the kind of application."""
        number, item = task["application"], task["item"]
        if number in (self.open, self.held, self.withdrawn) and item != "BUSINESS-LICENCE":
            return None
        if number == self.refused and item == "BUSINESS-LICENCE":
            return refused(task)
        if number == self.silent and task["part"] == "consult":
            return None
        if number == self.rectified and task["part"] == "consult" and task["round"] == 1:
            return objection(task)
        return favourable(task)


async def answer_notice(at: County, number: str) -> None:
    """Wait for the notice of an application and put right what it names."""

    async def asked() -> bool:
        shown = await at.investor.get(f"/v1/applications/{number}/progress")
        return shown["rectification"] is not None

    await until(asked, 60, "a notice of the objection")
    notice = (await at.investor.get(f"/v1/applications/{number}/progress"))["rectification"]
    plan = await at.investor.get(f"/v1/applications/{number}/plan")
    used = [
        one["id"] for one in plan["materials"]
        if one["asked"] and notice["step"] in one["used_by_steps"]
    ]
    body = {
        "step": notice["step"],
        "round": notice["round"],
        "materials": [{"material": used[0], "reference": "改正后"}],
    }
    await at.investor.post(f"/v1/applications/{number}/rectifications", body)


async def play(at: County) -> Kinds:
    """Let one application of every kind take its course."""
    kinds = Kinds(*await at.submit(7))
    operator = Person(at.stack.urls["orchestrator"], at.stack.tokens("operator"))
    await operator.post(f"/v1/applications/{kinds.held}/hold", {"reason": "核对地块"})
    await operator.http.aclose()
    async with at.at_work(kinds.verdict):
        await answer_notice(at, kinds.rectified)

        async def half_done() -> bool:
            shown = await at.investor.get(f"/v1/applications/{kinds.withdrawn}/results")
            return bool(shown["items"])

        await until(half_done, 60, "a result of the application to withdraw")
        await at.investor.post(f"/v1/applications/{kinds.withdrawn}/withdrawal")
        ending = [kinds.granted, kinds.refused, kinds.rectified, kinds.silent, kinds.withdrawn]
        found = await at.all_concluded(ending, 120)
    assert found == dict(
        zip(ending, ["granted", "partly_granted", "granted", "granted", "withdrawn"], strict=True)
    )
    return kinds


@dataclass
class Scene:
    """What was played, and copies of the databases as it left them."""

    stack: Stack
    kinds: Kinds
    sources: Sources
    live: Report
    copies: int = 0

    @asynccontextmanager
    async def sabotaged(self, service: Service, sql: str) -> AsyncIterator[Sources]:
        """Yield sources in which one database is a copy with `sql` done to it, by the superuser."""
        self.copies += 1
        name = f"sabotaged_{self.copies}"
        dsn = await clone(self.stack, f"kept_{service}", name)
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(sql)
        finally:
            await connection.close()
        yield replace(self.sources, dsns={**self.sources.dsns, service: dsn})
        await self.stack.postgres.drop_database(name)


async def clone(stack: Stack, template: str, name: str) -> str:
    """Copy a database; return the copy's address for the superuser."""
    connection = await asyncpg.connect(stack.postgres.url("postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    await connection.close()
    return stack.postgres.url(name)


AGED = """
    UPDATE outbox SET created_at = created_at - interval '1 hour';
    UPDATE inbox SET received_at = received_at - interval '1 hour',
        delivered_at = delivered_at - interval '1 hour';
    UPDATE heartbeat SET at = now() + interval '1 hour', progress_at = now() + interval '1 hour';
"""


async def keep(stack: Stack, service: Service) -> str:
    """Copy a service's database, aged by an hour: nothing in it is in flight any more."""

    async def unused() -> bool:
        connection = await asyncpg.connect(stack.postgres.url("postgres"))
        try:
            used = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
            return await connection.fetchval(used, service) == 0
        finally:
            await connection.close()

    await until(unused, 20, f"no session in the database of {service}")
    dsn = await clone(stack, service, f"kept_{service}")
    connection = await asyncpg.connect(dsn)
    await connection.execute(AGED)
    await connection.close()
    return dsn


async def rest(stack: Stack) -> None:
    """Stop the services with nothing under way: without Temporal no deadline speaks any more."""
    await stack.kill("temporal")

    async def arrived() -> bool:
        report = await verify(stack.data)
        return [finding.subject for finding in report.findings] == ["temporal"]

    await until(arrived, 30, "everything arrived")
    for service in Service:
        await stack.kill(service)
    await stack.restart("temporal")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """The play, verified alive, and kept."""
    stack = restaurant(tmp_path_factory.mktemp("verify"), seconds_per_working_day=1.0)
    async with stack, county(stack, SCENARIO) as at:
        kinds = await play(at)
        live = await verify(stack.data, settle=30)
        sources = of_stack(stack.data)
        await rest(stack)
        kept = {service: await keep(stack, service) for service in Service}
        yield Scene(stack=stack, kinds=kinds, sources=replace(sources, dsns=kept), live=live)


def lines(report: Report) -> str:
    return "\n".join(f"{one.invariant} {one}" for one in report.findings)


async def test_a_healthy_stack_is_clean(scene: Scene) -> None:
    assert scene.live.clean, lines(scene.live)
    assert not scene.live.in_flight
    assert not scene.live.dead_letters
    assert not scene.live.notes
    assert scene.live.counted["applications"] == 7
    assert scene.live.counted["tasks"] > 25


async def test_the_copies_are_clean(scene: Scene) -> None:
    report = await verify(scene.sources)
    assert not report.findings, lines(report)


async def test_the_play_has_every_kind_of_ending(scene: Scene) -> None:
    """Else a sabotage below would have nothing to sabotage."""
    connection = await asyncpg.connect(scene.sources.dsns[D])
    found = {row["outcome"] for row in await connection.fetch("SELECT outcome FROM outcome")}
    await connection.close()
    expected = {"granted", "refused", "no_objection", "objection", "deemed_no_objection"}
    assert found == expected


SABOTAGES: Sequence[tuple[str, Service, str, int]] = [
    # 1 conservation
    ("an application vanishes from intake", I, "DELETE FROM application WHERE number = '{granted}'",
     CONSERVATION),
    ("an application vanishes from the orchestrator", O,
     "DELETE FROM application WHERE number = '{granted}'", CONSERVATION),
    ("a conclusion is not shown", I,
     "UPDATE application SET status = 'in_progress', conclusion = NULL, concluded_at = NULL "
     "WHERE number = '{granted}'", CONSERVATION),
    ("two states at once", O,
     "UPDATE application SET status = 'withdrawn' WHERE number = '{granted}'", CONSERVATION),
    ("a refusal is concluded as a grant", O,
     "UPDATE application SET conclusion = 'granted' WHERE number = '{refused}'", CONSERVATION),
    ("concluded with an open task", O,
     "UPDATE task SET state = 'open', outcome = NULL, ended_at = NULL, ref = NULL WHERE task = "
     "(SELECT max(task) FROM task WHERE application = '{granted}')", CONSERVATION),
    ("a ready step is not begun", O,
     "DELETE FROM step WHERE application = '{open}' AND step = 'FIT-OUT-DRAINS'", CONSERVATION),
    ("another plan than the one shown", I,
     "UPDATE application SET plan_digest = repeat('0', 64) WHERE number = '{open}'", CONSERVATION),
    # 2 tasks
    ("a task is lost on its way", D,
     "DELETE FROM task WHERE application = '{open}' AND item = 'FIT-OUT-DRAINS'", TASKS),
    ("a task nobody issued", D,
     "INSERT INTO task (task, application, project_code, step, item, department, part, round, "
     "authority, silence, applicant_refs, issued_at, promised_on, promised_at, provisional) "
     "SELECT application || '/X/' || department || '/1', application, project_code, step, 'X', "
     "department, part, 1, authority, silence, applicant_refs, issued_at, promised_on, "
     "promised_at, provisional FROM task WHERE application = '{open}' LIMIT 1", TASKS),
    ("a task twice", O,
     "ALTER TABLE task DROP CONSTRAINT task_application_item_department_round_key; "
     "INSERT INTO task SELECT task || '0', application, step, item, department, part, round, "
     "state, outcome, issued_at, promised_on, promised_at, statutory_on, statutory_at, "
     "provisional, ended_at, ref FROM task WHERE application = '{granted}'", TASKS),
    ("a task that is open for one only", D,
     "UPDATE task SET state = 'cancelled', ended_at = now() WHERE application = '{open}' "
     "AND state = 'open'", TASKS),
    ("a task is shown as decided", I,
     "UPDATE task_progress SET state = 'decided', outcome = 'granted' "
     "WHERE application = '{open}' AND state = 'open'", TASKS),
    ("a step is shown as done", I,
     "UPDATE step_progress SET state = 'done' WHERE application = '{open}'", TASKS),
    ("a task begins before its prerequisite", O,
     "UPDATE task SET issued_at = issued_at - interval '30 days' "
     "WHERE application = '{granted}' AND item = 'FOOD-PERMIT'", TASKS),
    # 3 decisions
    ("a result is not shown", I, "DELETE FROM result WHERE application = '{granted}'", DECISIONS),
    ("a refusal is shown as a grant", I,
     "UPDATE result SET outcome = 'granted' WHERE outcome = 'refused'", DECISIONS),
    ("another document number", I, "UPDATE result SET number = number || '0'", DECISIONS),
    ("reasons are left out", I, "UPDATE result SET reasons = '{}'", DECISIONS),
    ("an outcome is changed afterwards", D,
     "UPDATE outcome SET outcome = 'no_objection' WHERE outcome = 'objection'", DECISIONS),
    ("an outcome is deleted", D,
     "DELETE FROM outcome WHERE result_number LIKE 'FOOD-PERMIT-%{granted}%'", DECISIONS),
    ("an act is not recorded", D,
     "DELETE FROM audit_leaf WHERE id = (SELECT min(id) FROM audit_leaf "
     "WHERE act = 'task.decision')", DECISIONS),
    ("a decision is not told", D,
     "DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox)", DECISIONS),
    ("a decision is told twice", D,
     "INSERT INTO outbox (event_id, topic, application, seq, type, payload, awaiting, state, "
     "created_at) SELECT gen_random_uuid(), topic, application, seq + 1000, type, payload, "
     "awaiting, state, created_at FROM outbox WHERE type LIKE '%decided%' LIMIT 1", DECISIONS),
    ("a decision is not applied", O,
     "UPDATE task SET ref = NULL, state = 'open', outcome = NULL, ended_at = NULL "
     "WHERE application = '{open}' AND item = 'BUSINESS-LICENCE'", DECISIONS),
    ("a decision never came", O,
     "DELETE FROM inbox WHERE type LIKE '%decided%' AND application = '{granted}'", DECISIONS),
    ("a turn is torn out of the journal", O,
     "DELETE FROM journal WHERE application = '{granted}' AND turn = 2", DECISIONS),
    ("a journal is rewritten", O,
     "UPDATE journal SET commands = commands - 0 WHERE application = '{granted}' AND turn = 2",
     DECISIONS),
    ("a result is released twice", O,
     "UPDATE journal SET commands = commands || commands WHERE application = '{granted}'",
     DECISIONS),
    ("a submission is not recorded", I,
     "DELETE FROM audit_leaf WHERE application = '{open}'", DECISIONS),
    # 4 lapses
    ("a task is decided and lapsed", D,
     "ALTER TABLE outcome DROP CONSTRAINT outcome_pkey CASCADE; "
     "INSERT INTO outcome (task_id, kind, outcome, conditions, reasons, remedies, actor_ref, "
     "actor_role, department, basis, at) SELECT task_id, 'opinion', 'no_objection', conditions, "
     "reasons, remedies, 'abcdefabcdefabcd', 'officer', department, 'consulted', at FROM outcome "
     "WHERE kind = 'lapse'", LAPSES),
    ("a lapse before its time", D,
     "UPDATE outcome SET at = at - interval '20 days' WHERE kind = 'lapse'", LAPSES),
    ("a decided task is marked as lapsed", D,
     "UPDATE task SET state = 'lapsed' WHERE application = '{granted}'", LAPSES),
    ("a second act ends a task", D,
     "INSERT INTO act (task_id, kind, at) SELECT task_id, 'lapse', at FROM act "
     "WHERE kind = 'decision' LIMIT 1", LAPSES),
    # 5 authority
    ("an officer decides", D,
     "UPDATE outcome SET actor_role = 'officer' WHERE kind = 'decision'", AUTHORITY),
    ("an applicant decides on his own", D,
     "UPDATE outcome AS o SET actor_ref = t.applicant_refs[1] FROM task AS t "
     "WHERE t.id = o.task_id AND o.kind = 'opinion'", AUTHORITY),
    ("another department decides", D,
     "UPDATE outcome SET department = 'fire-rescue' WHERE department = 'city-appearance'",
     AUTHORITY),
    ("a basis nobody gave", D, "UPDATE outcome SET basis = 'government_head'", AUTHORITY),
    ("an applicant takes a task in hand", D,
     "INSERT INTO act (task_id, kind, actor_ref, actor_role, at) SELECT id, 'claimed', "
     "applicant_refs[1], 'officer', issued_at FROM task LIMIT 1", AUTHORITY),
    ("a lower authority than the plan asks", D,
     "UPDATE task SET authority = 'department_head'", AUTHORITY),
    ("a refusal without remedies", D,
     "ALTER TABLE outcome DROP CONSTRAINT outcome_refusal_is_complete; "
     "UPDATE outcome SET remedies = '[]' WHERE outcome = 'refused'", AUTHORITY),
    # 6 messages
    ("a number is skipped on sending", O,
     "UPDATE outbox SET seq = seq + 1 WHERE id = (SELECT max(id) FROM outbox)", MESSAGES),
    ("a number is skipped on applying", I,
     "UPDATE inbox SET seq = seq + 5 WHERE arrival = (SELECT max(arrival) FROM inbox)", MESSAGES),
    ("two are applied out of order", I,
     "UPDATE inbox SET arrival = arrival + 100000 WHERE application = '{granted}' AND seq = 1",
     MESSAGES),
    ("a receipted message is gone", I,
     "DELETE FROM inbox WHERE application = '{granted}' AND seq = 2", MESSAGES),
    ("a message is altered on its way", O,
     "UPDATE inbox SET payload = payload || ' '::bytea WHERE application = '{granted}'", MESSAGES),
    ("a message nobody sent", D,
     "INSERT INTO inbox (event_id, topic, source, application, seq, type, payload, received_at, "
     "state, delivered_at) SELECT gen_random_uuid(), topic, source, application, seq + 1000, "
     "type, payload, received_at, 'parked', delivered_at FROM inbox LIMIT 1", MESSAGES),
    ("a position runs ahead", D, "UPDATE stream_position SET last = last + 1", MESSAGES),
    ("a workflow is given a message that never came", O,
     "UPDATE inbox SET event_id = gen_random_uuid() WHERE type LIKE '%submitted%'", MESSAGES),
    # 7 audit
    ("a record is rewritten", D,
     "UPDATE audit_leaf SET body = replace(body, 'refused', 'granted') "
     "WHERE body LIKE '%refused%'", AUDIT),
    ("a record is removed", I,
     "DELETE FROM audit_leaf WHERE id = (SELECT min(id) FROM audit_leaf)", AUDIT),
    ("a signature is forged", O,
     "UPDATE audit_checkpoint SET note = replace(note, 'lianshen', 'lianshem')", AUDIT),
    # 8 dates
    ("a promise is put off by a day", O,
     "UPDATE task SET promised_on = promised_on + 1 WHERE application = '{open}'", DATES),
    ("an opinion is due on the last day", O,
     "UPDATE task AS c SET promised_on = d.promised_on, promised_at = d.promised_at FROM task AS d "
     "WHERE c.part = 'consult' AND d.application = c.application AND d.step = c.step "
     "AND d.round = c.round AND d.part = 'decide'", DATES),
    ("a statutory day too many", O,
     "UPDATE task SET statutory_on = statutory_on + 1 WHERE application = '{granted}'", DATES),
    ("rectification does not stop the limit", O,
     "UPDATE task AS b SET promised_on = a.promised_on, promised_at = a.promised_at FROM task AS a "
     "WHERE b.application = '{rectified}' AND b.round = 2 AND a.application = b.application "
     "AND a.item = b.item AND a.department = b.department AND a.round = 1", DATES),
    ("a department has another date", D,
     "UPDATE task SET promised_at = promised_at + interval '1 day'", DATES),
    ("the investor is shown another date", I,
     "UPDATE task_progress SET promised_on = promised_on - 1", DATES),
    ("the whole is promised later", O,
     "UPDATE application SET promised_at = promised_at + interval '1 day' "
     "WHERE number = '{open}'", DATES),
    ("the days used are made fewer", O,
     "UPDATE application SET used_working_days = used_working_days - 1 "
     "WHERE number = '{silent}'", DATES),
    ("a date is not marked provisional", O, "UPDATE task SET provisional = true", DATES),
    ("a deadline spoke of a task in time", O,
     "INSERT INTO deadline_signal (application, task, signal, at) SELECT application, task, "
     "'statute_passed', ended_at FROM task WHERE application = '{granted}' "
     "AND item = 'FIT-OUT-DRAINS'", DATES),
    ("a passed promise was not told", O, "DELETE FROM deadline_signal", DATES),
    ("a notice is shown with a longer term", I,
     "UPDATE rectification SET until = until + interval '1 day'", DATES),
    # 9 keys
    ("an application without a key", I,
     "DELETE FROM idempotency WHERE headers LIKE '%/{open}\"%'", KEYS),
    ("a key that made another's application", I, "UPDATE idempotency SET owner = 'x'", KEYS),
    ("two keys with one application", I,
     "INSERT INTO idempotency SELECT owner, key || '-2', request, status, headers, body, "
     "created_at FROM idempotency WHERE headers LIKE '%/{open}\"%'", KEYS),
    # 10 liveness
    ("a message nobody receipts", O,
     "UPDATE outbox SET state = 'sent', awaiting = '{{intake}}' "
     "WHERE id = (SELECT max(id) FROM outbox)", LIVENESS),
    ("a message is not handed on", O,
     "UPDATE inbox SET delivered_at = NULL WHERE application = '{open}'", LIVENESS),
    ("a message is parked", I,
     "UPDATE inbox SET state = 'parked' WHERE arrival = (SELECT max(arrival) FROM inbox)",
     LIVENESS),
    ("a loop is silent", O,
     "UPDATE heartbeat SET progress_at = now() - interval '2 minutes' "
     "WHERE loop = 'orchestrator.deliverer'", LIVENESS),
    ("a loop has never run", D, "DELETE FROM heartbeat WHERE loop = 'departments.relay'", LIVENESS),
]


@pytest.mark.parametrize(
    ("service", "sql", "invariant"),
    [pytest.param(*rest, id=name.replace(" ", "-")) for name, *rest in SABOTAGES],
)
async def test_a_sabotage_is_found(
    scene: Scene, service: Service, sql: str, invariant: int
) -> None:
    filled = sql
    for kind, number in vars(scene.kinds).items():
        filled = filled.replace(f"{{{kind}}}", number)
    filled = filled.replace("{{", "{").replace("}}", "}")
    async with scene.sabotaged(service, filled) as sources:
        report = await verify(sources)
    assert report.of(invariant), f"not found; found was:\n{lines(report)}"
    assert not report.clean


async def test_what_moves_is_in_flight_until_it_lasts(scene: Scene) -> None:
    lost = "DELETE FROM result WHERE application = '{0}'; UPDATE inbox SET received_at = now()"
    async with scene.sabotaged(I, lost.format(scene.kinds.granted)) as sources:
        once = await verify(sources)
        assert once.clean
        assert once.in_flight
        began = time.monotonic()
        settled = await verify(sources, settle=1.2)
        assert time.monotonic() - began >= 1.2
        assert settled.of(DECISIONS)
        assert settled.looks > 1


async def test_a_dead_letter_is_reported_and_explains_what_waits_behind_it(scene: Scene) -> None:
    parked = """
        UPDATE inbox SET state = 'parked' WHERE arrival = (SELECT max(arrival) FROM inbox);
        INSERT INTO dead_letter (topic, raw, digest, source, application, seq, error_class,
            error_message)
        SELECT topic, payload, sha256(payload), source, application, seq, 'ValueError', 'broken'
        FROM inbox WHERE arrival = (SELECT max(arrival) FROM inbox)
    """
    async with scene.sabotaged(I, parked) as sources:
        report = await verify(sources)
    assert not report.of(LIVENESS)
    assert len(report.dead_letters) == 1
    assert "ValueError: broken" in report.dead_letters[0]


async def test_one_application_alone(scene: Scene) -> None:
    lost = f"DELETE FROM result WHERE application = '{scene.kinds.granted}'"
    async with scene.sabotaged(I, lost) as sources:
        other = await verify(sources, application=scene.kinds.silent)
        itself = await verify(sources, application=scene.kinds.granted)
    assert other.clean, lines(other)
    assert other.counted["applications"] == 1
    assert itself.of(DECISIONS)


async def test_another_calendar_is_noted_not_guessed(scene: Scene, tmp_path: Path) -> None:
    for file in scene.sources.calendar.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        (tmp_path / file.name).write_text(text.replace("closes: \"17:00\"", "closes: \"18:00\""))
    report = await verify(replace(scene.sources, calendar=tmp_path))
    assert not report.of(DATES)
    assert any("calendar" in note for note in report.notes)


async def test_a_log_without_a_key_is_noted(scene: Scene) -> None:
    report = await verify(replace(scene.sources, verifiers={}))
    assert report.clean, lines(report)
    assert len(report.notes) == 3


async def test_a_store_that_cannot_be_read_is_no_verdict(scene: Scene) -> None:
    gone = {**scene.sources.dsns, I: scene.stack.postgres.url("nowhere")}
    with pytest.raises(SourcesError, match="intake"):
        await verify(replace(scene.sources, dsns=gone))


async def test_the_command_prints_a_line_for_each_invariant_and_exits_with_1_when_one_is_violated(
    scene: Scene,
) -> None:
    keys = [f"--key={file}" for file in await key_files(scene)]
    async with scene.sabotaged(I, "DELETE FROM result") as sabotaged:
        healthy = await command(scene.sources, *keys)
        broken = await command(sabotaged, *keys)
        plain = await command(sabotaged, "--json", *keys)
    assert healthy[0] == 0, healthy[1]
    assert healthy[1].count("ok") >= 10
    assert broken[0] == 1
    assert "violated" in broken[1]
    assert "more" in broken[1]
    assert plain[0] == 1
    found = json.loads(plain[1])
    assert found["clean"] is False
    assert [one["number"] for one in found["invariants"]] == list(range(1, 11))
    assert found["invariants"][DECISIONS - 1]["violations"]


async def key_files(scene: Scene) -> list[Path]:
    files = []
    for service, verifier in scene.sources.verifiers.items():
        files.append(scene.stack.data / f"{service}.key")
        files[-1].write_text(f"{verifier}\n")
    return files


async def command(sources: Sources, *arguments: str) -> tuple[int, str]:
    """Run the command in a thread of its own, with the stores in the environment."""
    env = {f"LIANSHEN_VERIFY_{service.upper()}_DSN": sources.dsns[service] for service in Service}
    env |= {
        "LIANSHEN_TEMPORAL__ADDRESS": sources.temporal.address,
        "LIANSHEN_CATALOGUE__FOLDER": str(sources.catalogue),
        "LIANSHEN_CATALOGUE__CALENDAR_FOLDER": str(sources.calendar),
    }
    result = await asyncio.to_thread(
        CliRunner().invoke, build(), ["verify", *arguments], env=env
    )
    return result.exit_code, result.output


async def test_the_command_says_when_no_stack_runs(tmp_path: Path) -> None:
    result = await asyncio.to_thread(
        CliRunner().invoke, build(), ["verify", "--data", str(tmp_path)]
    )
    assert result.exit_code == 2
    assert "No stack is running" in result.output


async def test_a_lost_workflow_is_found_and_so_is_temporal_itself(scene: Scene) -> None:
    """The last test here: it ends what the others need."""
    from temporalio.client import Client

    client = await Client.connect(scene.sources.temporal.address)
    await client.get_workflow_handle(f"application/{scene.kinds.open}").terminate("sabotage")

    async def found() -> bool:
        report = await verify(scene.sources)
        return any(scene.kinds.open == finding.subject for finding in report.of(CONSERVATION))

    await until(found, 30, "the lost workflow")
    await scene.stack.kill("temporal")
    report = await verify(scene.sources)
    assert any(finding.subject == "temporal" for finding in report.of(LIVENESS))

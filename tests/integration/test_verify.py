"""`lianshen verify`: clean over a stack that has seen everything, red for every sabotage.

One small stack runs applications of all kinds; then its services are stopped, and every sabotage is
done to copies of its databases.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import yaml
from typer.testing import CliRunner

from services.cli import build
from services.contracts.topics import tasks_topic
from services.contracts.vocabulary import Service
from services.demonstration.authorisations import authorise
from services.runtime import calendar_files, clock
from services.runtime.embedded.stack import Stack
from services.verification import Report, Sources, SourcesError, verify
from services.verification.report import (
    CONSERVATION,
    DATES,
    DECISIONS,
    INVARIANTS,
    LIVENESS,
)
from services.verification.sources import of_stack, verifiers_of
from tests.faults.driver import (
    MONDAY,
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

CITY, MARKET, FOOD = "city-appearance", "market-supervision", "food-health"
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


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
    """Put right what a notice names; not on the day its step started, on which no limit runs."""

    path = f"/v1/applications/{number}"

    async def notice() -> Any:
        return (await at.investor.get(f"{path}/progress"))["rectification"]

    async def asked() -> bool:
        return await notice() is not None

    await until(asked, 60, "a notice of the objection")
    page = await at.windows[FOOD].get("/v1/tasks", state="decided", limit=100)
    [issued] = [one["issued_at"] for one in page["items"] if one["application"] == number]

    async def later() -> bool:
        return in_working_days(at, 0, issued) < in_working_days(at, 0)

    await until(later, 60, "a day after that on which the step started")
    asks, plan = await notice(), await at.investor.get(f"{path}/plan")
    used = (one for one in plan["materials"] if one["asked"])
    material = next(one["id"] for one in used if asks["step"] in one["used_by_steps"])
    given = {"materials": [{"material": material, "reference": "改正后"}]}
    body = {"step": asks["step"], "round": asks["round"]} | given
    await at.investor.post(f"{path}/rectifications", body)


async def withdraw_overtaken(at: County, number: str) -> None:
    """Withdraw an application; a department that cannot know of it yet decides all the same."""
    task = next(one for one in await at.open_tasks(CITY) if one["application"] == number)
    connection = await asyncpg.connect(at.stack.postgres.url(Service.DEPARTMENTS))
    async with connection.transaction():
        # Nothing about this application can be received in the meantime.
        stream = "SELECT 1 FROM stream_position WHERE application = $1 AND topic = $2 FOR UPDATE"
        await connection.execute(stream, number, tasks_topic(CITY))
        await at.investor.post(f"/v1/applications/{number}/withdrawal")
        assert await at.all_concluded([number], 30)
        entry = {"id": task["id"], **favourable(task)}
        answer = await at.windows[CITY].post("/v1/tasks/decisions", {"entries": [entry]})
        assert answer["results"][0]["ended"]["outcome"] == "granted"
    await connection.close()


async def task_of(at: County, department: str, number: str) -> Task:
    """Wait until an application is on a department's queue; return its task."""
    found: list[Task] = []

    async def there() -> bool:
        found[:] = [t for t in await at.open_tasks(department) if t["application"] == number]
        return bool(found)

    await until(there, 60, f"a task of {department}")
    return found[0]


@asynccontextmanager
async def person(at: County, client: str) -> AsyncIterator[Person]:
    found = Person(at.stack.urls["departments"], at.stack.tokens(client))
    yield found
    await found.http.aclose()


async def go_up(at: County, number: str) -> None:
    """A representative who may only review first: the head answers, and authorises him fully."""
    async with person(at, f"head-{MARKET}") as head:
        paper = {
            "representative": f"chief-{MARKET}",
            "powers": ["pre_review"],
            "valid_until": "2027-03-01",
            "document": "演示授权书",
        }
        number_of_paper = (await head.post("/v1/authorisations", paper))["id"]
        task, chief = await task_of(at, MARKET, number), at.windows[MARKET]
        asked = {"proposal": "granted", "opinion": "建议批准"}
        path = f"/v1/tasks/{task['id']}/approval-above"
        above = await chief.post(path, asked, version=task["version"])
        answer = {"answer": "granted", "document": "局批〔2026〕1号"}
        await head.post(f"/v1/approvals-above/{above['id']}/answer", answer)
        await end_alone(chief, task)
        reason = {"reason": "授权范围调整"}
        await head.post(f"/v1/authorisations/{number_of_paper}/revocation", reason)


async def stand_in(at: County, number: str) -> None:
    """Two officers visit the place; then one is away, and the other decides in his place."""
    async with person(at, f"officer-{CITY}") as officer:
        task, chief = await task_of(at, CITY, number), at.windows[CITY]
        seen = {"visited_on": "2026-03-02", "with": [f"chief-{CITY}"], "findings": "与图纸一致"}
        visit = await officer.post(f"/v1/tasks/{task['id']}/site-visits", seen)
        await chief.post(f"/v1/site-visits/{visit['id']}/signature")
        absence = await chief.post("/v1/absences", {})
        await end_alone(officer, task)
        await chief.post(f"/v1/absences/{absence['id']}/end")


def in_working_days(at: County, days: int, since: str | None = None) -> str:
    """Return the day so many working days from an instant; from now, on the stack's clock."""
    assert at.stack.clock_file is not None
    calendar = calendar_files.load(Path("deploy/calendar"))
    now = clock.read(at.stack.clock_file, calendar).now()
    today = calendar.local_date(datetime.fromisoformat(since) if since else now)
    return calendar.add_working_days(today, days).isoformat()


async def stop_clock(at: County, number: str) -> None:
    """A department stops its clock with notice, and its head extends the limit of the law."""
    task, chief = await task_of(at, CITY, number), at.windows[CITY]
    path = f"/v1/tasks/{task['id']}"
    until_on = in_working_days(at, 4)  # days pass in a second here
    notice = {"kind": "inspection", "until": until_on, "notice": "市容检告〔2026〕1号"}
    paused = await chief.post(
        f"{path}/pauses", notice | {"reason": "现场检验"}, version=task["version"]
    )
    task = await redated(at, number, paused["version"])
    more = {"days": 10, "approver": "department_head", "reason": "情况复杂"}
    asked = await chief.post(f"{path}/extension-proposals", more, version=task["version"])
    async with person(at, f"head-{CITY}") as head:
        answer = {"answer": "approved", "document": "市容延〔2026〕2号"}
        extended = await head.post(f"/v1/extension-proposals/{asked['id']}/answer", answer)
    await redated(at, number, extended["version"])

    async def shown() -> bool:
        told = await at.investor.get(f"/v1/applications/{number}/clocks")
        return len(told["items"]) == 2

    await until(shown, 60, "both notices")


async def redated(at: County, number: str, version: int) -> Task:
    """Wait until the moved dates have come back to the queue; return the task with them."""
    found: list[Task] = []

    async def there() -> bool:
        found[:] = [await task_of(at, CITY, number)]
        return bool(found[0]["version"] > version)

    await until(there, 60, "the moved dates")
    return found[0]


async def end_alone(who: Person, task: Task) -> None:
    entry = {"id": task["id"], "outcome": "granted"}
    answer = await who.post("/v1/tasks/decisions", {"entries": [entry]})
    assert answer["results"][0].get("ended"), answer


async def sign_papers(at: County) -> None:
    """Give every representative an authorisation, where none is in force."""
    stack = at.stack
    await authorise(
        stack.urls["departments"], stack.departments, tokens=stack.tokens, today=MONDAY.date()
    )


async def settle_bills(at: County, kinds: Kinds) -> None:
    """One bill is paid, one paid and paid back, one remitted."""
    bill = "/v1/applications/{}/bill"
    for number in (kinds.granted, kinds.rectified):
        await at.investor.post(f"{bill.format(number)}/payments", {})
    operator = Person(at.stack.urls["intake"], at.stack.tokens("operator"))
    why = {"reason": "演练", "document": "演练文书"}
    for number, act in ((kinds.rectified, "refund"), (kinds.silent, "exemption")):
        await operator.post(f"{bill.format(number)}/lines/sign-space-fee/{act}", why)
    await operator.http.aclose()


async def play(at: County) -> Kinds:
    """Let one application of every kind take its course."""
    kinds = Kinds(*await at.submit(7))
    await settle_bills(at, kinds)
    await go_up(at, kinds.granted)
    await sign_papers(at)
    await stand_in(at, kinds.granted)
    await stop_clock(at, kinds.open)
    operator = Person(at.stack.urls["orchestrator"], at.stack.tokens("operator"))

    async def known() -> bool:
        page = await operator.get(f"/v1/applications?q={kinds.held}")
        return bool(page["items"])

    await until(known, 60, "the orchestrator has received it")
    await operator.post(f"/v1/applications/{kinds.held}/hold", {"reason": "核对地块"})
    await operator.http.aclose()
    async with at.at_work(kinds.verdict):
        await answer_notice(at, kinds.rectified)

        async def half_done() -> bool:
            shown = await at.investor.get(f"/v1/applications/{kinds.withdrawn}/results")
            return bool(shown["items"])

        await until(half_done, 60, "a result of the application to withdraw")
        await withdraw_overtaken(at, kinds.withdrawn)
        ending = [kinds.granted, kinds.refused, kinds.rectified, kinds.silent, kinds.withdrawn]
        found = await at.all_concluded(ending, 120)
    assert found == dict(
        zip(ending, ["granted", "partly_granted", "granted", "granted", "withdrawn"], strict=True)
    )
    await rate(at, kinds.granted)
    for number in (kinds.granted, kinds.refused):
        await hand_out(at, number)
    return kinds


async def rate(at: County, number: str) -> None:
    """The investor rates a department badly: it answers, and the supervision closes it."""
    path = f"/v1/applications/{number}/ratings"
    bad = {"department": MARKET, "grade": "very_dissatisfied", "comment": "来回跑了三次"}
    await at.investor.post(path, bad)
    await at.investor.post(path, {"department": CITY, "grade": "satisfied"})

    async def shown(state: str) -> bool:
        found = (await at.investor.get(path))["items"]
        return any(one["follow_up"] and one["follow_up"]["state"] == state for one in found)

    await until(lambda: shown("open"), 60, "a follow-up of the bad rating")
    acts = {f"chief-{MARKET}": "answers", "supervisor": "closures"}
    for client, act in acts.items():
        who = Person(at.stack.urls["orchestrator"], at.stack.tokens(client))
        [found] = (await who.get("/v1/supervision/follow-ups"))["items"]
        text = {"text": "今后一次告知全部要求"}
        await who.post(f"/v1/supervision/follow-ups/{found['id']}/{act}", text)
        await who.http.aclose()
    await until(lambda: shown("closed"), 60, "the end of the follow-up")


async def hand_out(at: County, number: str) -> None:
    """Let the investor fetch every document there is."""
    listed = await at.investor.get(f"/v1/applications/{number}/documents")
    assert len(listed["items"]) > 2
    for one in listed["items"]:
        signed = await at.stack.tokens("investor").headers()
        answer = await at.investor.http.get(one["href"], headers=signed)
        assert answer.content.startswith(b"%PDF"), answer.text


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
    stack = restaurant(
        tmp_path_factory.mktemp("verify"),
        seconds_per_working_day=1.0,
        environment={"LIANSHEN_AUTHORISATIONS": "required"},
    )
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
    connection = await asyncpg.connect(scene.sources.dsns[Service.DEPARTMENTS])
    found = {row["outcome"] for row in await connection.fetch("SELECT outcome FROM outcome")}
    await connection.close()
    expected = {"granted", "refused", "no_objection", "objection", "deemed_no_objection"}
    assert found == expected


SABOTAGES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("sabotages.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda one: one["what"].replace(" ", "-"))
async def test_a_sabotage_is_found(scene: Scene, sabotage: dict[str, Any]) -> None:
    sql = sabotage["sql"]
    for kind, number in vars(scene.kinds).items():
        sql = sql.replace(f"{{{kind}}}", number)
    async with scene.sabotaged(Service(sabotage["store"]), sql) as sources:
        report = await verify(sources)
    found = [str(finding) for finding in report.of(sabotage["invariant"])]
    assert any(sabotage["says"] in one for one in found), lines(report)
    assert not report.clean


async def test_every_invariant_is_sabotaged() -> None:
    assert {one["invariant"] for one in SABOTAGES} == set(INVARIANTS)


async def test_what_moves_is_in_flight_until_it_lasts(scene: Scene) -> None:
    lost = "DELETE FROM result WHERE application = '{0}'; UPDATE inbox SET received_at = now()"
    async with scene.sabotaged(Service.INTAKE, lost.format(scene.kinds.rectified)) as sources:
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
    async with scene.sabotaged(Service.INTAKE, parked) as sources:
        report = await verify(sources)
    assert not report.of(LIVENESS)
    assert len(report.dead_letters) == 1
    assert "ValueError: broken" in report.dead_letters[0]


async def test_one_application_alone(scene: Scene) -> None:
    lost = f"DELETE FROM result WHERE application = '{scene.kinds.granted}'"
    async with scene.sabotaged(Service.INTAKE, lost) as sources:
        other = await verify(sources, application=scene.kinds.silent)
        itself = await verify(sources, application=scene.kinds.granted)
    assert other.clean, lines(other)
    assert other.counted["applications"] == 1
    assert itself.of(DECISIONS)


async def test_another_calendar_is_not_guessed_at(scene: Scene, tmp_path: Path) -> None:
    for file in scene.sources.calendar.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        (tmp_path / file.name).write_text(text.replace('closes: "17:00"', 'closes: "18:00"'))
    report = await verify(replace(scene.sources, calendar=tmp_path))
    assert report.clean, "the orchestrator has kept the calendar that was reckoned by"
    async with scene.sabotaged(Service.ORCHESTRATOR, "DELETE FROM calendar") as sources:
        report = await verify(replace(sources, calendar=tmp_path))
    assert not report.of(DATES)
    assert any("calendar" in note for note in report.notes)


async def test_a_log_without_a_key_is_noted(scene: Scene) -> None:
    report = await verify(replace(scene.sources, verifiers={}))
    assert report.clean, lines(report)
    assert len(report.notes) == 3


async def test_a_store_that_cannot_be_read_is_no_verdict(scene: Scene) -> None:
    gone = {**scene.sources.dsns, Service.INTAKE: scene.stack.postgres.url("nowhere")}
    with pytest.raises(SourcesError, match="intake"):
        await verify(replace(scene.sources, dsns=gone))


async def test_the_command_prints_a_line_for_each_invariant_and_exits_with_1_when_one_is_violated(
    scene: Scene,
) -> None:
    keys = [f"--key={file}" for file in await key_files(scene)]
    async with scene.sabotaged(Service.INTAKE, "DELETE FROM result") as sabotaged:
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
    assert [one["number"] for one in found["invariants"]] == list(INVARIANTS)
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
    result = await asyncio.to_thread(CliRunner().invoke, build(), ["verify", *arguments], env=env)
    return result.exit_code, result.output


async def test_the_command_says_what_it_was_not_given() -> None:
    arguments = ["verify", "--intake-dsn", "postgresql://nobody@127.0.0.1:1/intake"]
    result = await asyncio.to_thread(CliRunner().invoke, build(), arguments)
    assert result.exit_code == 2
    assert "The database of orchestrator, departments is not given." in result.output


async def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("not a key\n")
    with pytest.raises(SourcesError, match="no verifier key"):
        verifiers_of([tmp_path / "key"])


async def test_a_broken_calendar_is_no_verdict(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "2026.yaml").write_text("year: [")
    with pytest.raises(SourcesError, match="cannot be read"):
        await verify(replace(scene.sources, calendar=tmp_path))


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

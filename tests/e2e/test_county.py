"""Another county, a whole stack, and everything that can happen to an application there."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.commands import trace
from services.demonstration import investor
from services.demonstration.caller import Caller, RefusedError
from services.demonstration.officers import favourable
from services.runtime.telemetry import SpanName
from services.verification import verify
from tests.e2e import canary
from tests.e2e.town import Task, Town, open_town, refusal, silent, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
LICENCE, DRAINS = "BUSINESS-LICENCE", "FIT-OUT-DRAINS"
FIRE, FOOD, SIGN = "FIRE-CHECK", "FOOD-PERMIT", "SIGNBOARD"
JOINT = "opening-inspection"
JOINTLY = {FIRE, FOOD, SIGN}
MARKET, CITY, BRIGADE, HEALTH = (
    "market-supervision",
    "city-appearance",
    "fire-rescue",
    "food-health",
)


def is_opinion(task: Task) -> bool:
    return bool(task["part"] == "consult")


def objects_once(task: Task) -> dict[str, Any]:
    """The brigade refuses and the health office objects, until it is put right."""
    if task["round"] == 1 and task["item"] == FIRE:
        return refusal("疏散宽度不足")
    if task["round"] == 1 and is_opinion(task):
        return {"outcome": "objection", "reasons": ["缺通风图"]}
    return favourable(task)


def refuses_drains(task: Task) -> dict[str, Any]:
    return refusal("未设隔油池") if task["item"] == DRAINS else favourable(task)


def keeps_silent(task: Task) -> dict[str, Any] | None:
    """The health office never gives its opinion."""
    return None if is_opinion(task) else favourable(task)


@dataclass(kw_only=True)
class Cast:
    """Applications that are under way together; each test looks at the end of one."""

    plain: str
    rectified: str
    refused: str
    lapsed: str
    seen: dict[str, list[frozenset[str]]] = field(default_factory=dict)
    """What the investor saw of the results, look by look."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    data = tmp_path_factory.mktemp("county")
    async with open_town(data, Path("tests/fixtures/restaurant"), "restaurant") as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(town: Town) -> AsyncIterator[Cast]:
    file = {"file": (canary.FILE_NAME, investor.BLANK_PDF, "application/pdf")}
    authorisation = (await town.investor.post("/v1/uploads", files=file)).json()["id"]
    personal = {
        "project": canary.PROJECT,
        "applicant": canary.APPLICANT,
        "agent": canary.AGENT | {"authorisation": authorisation},
    }
    cast = Cast(
        plain=await town.submit(**personal),
        rectified=await town.submit(objects_once, **personal),
        refused=await town.submit(refuses_drains, **personal),
        lapsed=await town.submit(keeps_silent, **personal),
    )
    busy = [
        asyncio.create_task(put_right(town, cast.rectified)),
        *(asyncio.create_task(watch(town, cast, one)) for one in (cast.plain, cast.rectified)),
    ]
    yield cast
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)


async def put_right(town: Town, number: str) -> None:
    """Be the investor who answers the notice when it comes."""
    plan = await town.investor.get(f"/v1/applications/{number}/plan")

    async def answered() -> bool:
        return await investor.answer_notice(town.investor, await town.progress(number), plan)

    await until(answered, f"a notice of {number}")


async def watch(town: Town, cast: Cast, number: str) -> None:
    """Look at the results again and again."""
    looks = cast.seen.setdefault(number, [])
    while True:
        looks.append(frozenset(await town.results(number)))
        await asyncio.sleep(0.03)


async def test_another_county_runs_through_the_same_code(town: Town, cast: Cast) -> None:
    progress = await town.concluded(cast.plain)
    assert progress["conclusion"] == "granted"
    assert progress["in_time"] is True
    assert progress["promised_working_days"] == 8
    results = await town.results(cast.plain)
    assert set(results) == {LICENCE, DRAINS, *JOINTLY}
    assert all(one["outcome"] == "granted" and one["number"] for one in results.values())


async def test_results_of_a_merged_step_come_out_together(town: Town, cast: Cast) -> None:
    for number in (cast.plain, cast.rectified):
        await town.concluded(number)
        await until(lambda n=number: last_seen(cast, n), "the results were seen")
        looks = cast.seen[number]
        assert {seen & JOINTLY for seen in looks} == {frozenset(), frozenset(JOINTLY)}
        assert any(LICENCE in seen and not seen & JOINTLY for seen in looks)


async def last_seen(cast: Cast, number: str) -> bool:
    return len(cast.seen[number][-1]) == 5


async def test_an_objection_is_put_right_by_those_who_objected_only(town: Town, cast: Cast) -> None:
    progress = await town.concluded(cast.rectified)
    assert progress["conclusion"] == "granted"
    [notice] = progress["notices"]
    assert (notice["step"], notice["round"]) == (JOINT, 1)
    assert set(notice["items"]) == {FIRE, FOOD}
    assert set(notice["reasons"]) == {"疏散宽度不足", "缺通风图"}
    assert notice["answered_at"] is not None
    rounds = {(one["item"], one["department"]): one["round"] for one in progress["tasks"]}
    again = {key for key, round_ in rounds.items() if round_ == 2}
    assert again == {(FIRE, BRIGADE), (FOOD, HEALTH)}
    assert progress["waiting_for_applicant"] is False


async def test_a_refusal_stops_what_depends_on_it_and_nothing_else(town: Town, cast: Cast) -> None:
    progress = await town.concluded(cast.refused)
    assert progress["conclusion"] == "partly_granted"
    results = await town.results(cast.refused)
    assert {item: one["outcome"] for item, one in results.items()} == {
        LICENCE: "granted",
        DRAINS: "refused",
        FOOD: "granted",
        SIGN: "granted",
    }
    assert results[DRAINS]["reasons"] == ["未设隔油池"]
    assert results[DRAINS]["remedies"]
    states = {one["item"]: one["state"] for one in progress["tasks"] if one["part"] == "decide"}
    assert states[FIRE] == "cancelled"
    for state in ("open", "decided", "cancelled"):
        assert await town.queue(BRIGADE, cast.refused, state) == [], "nobody had asked the brigade"


async def test_silence_counts_as_no_objection_and_the_step_goes_on_in_time(
    town: Town, cast: Cast
) -> None:
    progress = await town.concluded(cast.lapsed)
    assert progress["conclusion"] == "granted"
    assert progress["in_time"] is True
    [opinion] = [one for one in progress["tasks"] if one["part"] == "consult"]
    assert (opinion["state"], opinion["outcome"]) == ("lapsed", "deemed_no_objection")
    decided, due = (datetime.fromisoformat(opinion[name]) for name in ("decided_at", "promised_at"))
    assert due < decided, "it had its full time"
    joint = next(one for one in progress["steps"] if one["step"] == JOINT)
    assert joint["state"] == "done"
    promised = [one["promised_at"] for one in progress["tasks"] if one["item"] == FIRE]
    released = (await town.results(cast.lapsed))[FIRE]["released_at"]
    assert datetime.fromisoformat(released) <= datetime.fromisoformat(promised[0])
    [lapsed] = await town.queue(HEALTH, cast.lapsed, "lapsed")
    assert lapsed["outcome"] == "deemed_no_objection"


async def test_a_withdrawal_takes_open_tasks_off_the_queues(town: Town) -> None:
    number = await town.submit(silent)

    async def queued(state: str) -> bool:
        queues = [await town.queue(code, number, state) for code in (MARKET, CITY)]
        return all(queues)

    await until(lambda: queued("open"), "tasks in both queues")
    await town.investor.post(f"/v1/applications/{number}/withdrawal")
    await until(lambda: queued("cancelled"), "both tasks cancelled")
    progress = await town.until(
        number, lambda found: found["status"] == "withdrawn", "the withdrawal is shown"
    )
    assert progress["conclusion"] == "withdrawn"
    assert {one["state"] for one in progress["tasks"]} == {"cancelled"}
    for code in (MARKET, CITY):
        assert await town.queue(code, number, "open") == []
    with pytest.raises(RefusedError) as refused:
        await town.investor.post(f"/v1/applications/{number}/withdrawal")
    assert refused.value.status == 409


async def test_a_hold_keeps_the_next_step_back_until_it_is_lifted(town: Town) -> None:
    number = await town.submit()
    await town.operator.post(f"/v1/applications/{number}/hold", {"reason": "核实材料"})
    before = {LICENCE, DRAINS}

    async def held_at_the_joint_step() -> bool:
        graph = await town.operated(number)
        done = {one["step"] for one in graph["steps"] if one["state"] == "done"}
        return bool(graph["status"] == "held" and done == before)

    await until(held_at_the_joint_step, "the first two steps are done")
    day_later = town.clock.now() + timedelta(days=1)

    async def day_over() -> bool:
        assert await held_at_the_joint_step()
        return town.clock.now() > day_later

    await until(day_over, "a day of nothing", look=0.2)
    shown = await town.until(number, lambda found: found["status"] == "held", "the hold is shown")
    assert shown["conclusion"] is None

    await town.operator.post(f"/v1/applications/{number}/resume", {"reason": "已核实"})
    assert (await town.concluded(number))["conclusion"] == "granted"
    acts = (await town.operated(number))["acts"]
    assert [one["act"] for one in acts] == ["hold", "resume"]
    found = await whole_trace(town, number)
    operated = [one for one in found.spans if one.name == SpanName.OPERATE]
    assert len(operated) == 2
    assert_linked(town, found, operated, "POST /v1/applications/{number}/")


async def whole_trace(town: Town, number: str) -> trace.Trace:
    """The trace of an application that is over, once every process has written its spans."""
    found: trace.Trace | None = None

    async def complete() -> bool:
        nonlocal found
        with suppress(trace.TraceNotFoundError):
            found = trace.load(town.stack.data, number)
        return found is not None and not found.orphans and shown_at_the_end(found)

    await until(complete, f"{number}: the trace without orphans", seconds=20)
    assert found is not None
    return found


def shown_at_the_end(found: trace.Trace) -> bool:
    """Whether intake has taken in what the last turn said.

    By their kinship, not by their times: intake may hear of a turn before the span of that turn,
    which waits for its place in the event loop, has ended.
    """
    turns = [one for one in found.spans if one.name == SpanName.CARRY_OUT]
    taken = [one for one in found.spans if one.service == "intake" and one.kind == "consumer"]
    heard = {one.parent for one in taken} | {span for one in taken for _, span in one.links}
    return bool(turns) and max(turns, key=lambda one: one.start).span in heard


def assert_linked(town: Town, found: trace.Trace, effects: list[trace.Span], request: str) -> None:
    """Every effect of a human act links to the request that had it, in a trace of its own."""
    for effect in effects:
        [(other, _)] = effect.links
        assert other in found.acts
        act = trace.load(town.stack.data, other)
        assert [one.name.startswith(request) for one in act.roots] == [True]
        assert act.roots[0].kind == "server"


async def test_one_trace_from_the_request_to_the_last_result(town: Town, cast: Cast) -> None:
    progress = await town.concluded(cast.rectified)
    found = await whole_trace(town, cast.rectified)

    assert [(one.service, one.name) for one in found.roots] == [("intake", "POST /v1/applications")]
    assert found.orphans == ()
    assert {service for service, _ in found.processes} == {
        "intake",
        "orchestrator",
        "departments",
    }
    assert len(found.processes) == 3
    decided = [one for one in found.spans if one.name == SpanName.DECIDE]
    tasks = await town.operated(cast.rectified)
    acted = [one for step in tasks["steps"] for one in step["tasks"] if one["state"] == "decided"]
    assert len(decided) == len(acted) == 8, "six tasks, and two once more"
    assert_linked(town, found, decided, "POST /v1/tasks/{id}/")
    submits = [one for one in found.spans if one.name == SpanName.SUBMIT]
    first, rectification = sorted(submits, key=lambda one: one.start)
    assert first.parent == found.roots[0].span
    request = "POST /v1/applications/{application}/rectifications"
    assert_linked(town, found, [rectification], request)
    assert progress["conclusion"] == "granted"


async def test_personal_data_stays_with_intake(town: Town, cast: Cast) -> None:
    for number in (cast.plain, cast.rectified, cast.refused, cast.lapsed):
        await town.concluded(number)
    dossier = f"/v1/applications/{cast.plain}/dossier"
    tokens = town.stack.tokens(f"officer-{MARKET}")
    async with Caller(town.stack.urls["intake"], tokens) as officer:
        read = str(await officer.get(dossier)).encode()
    assert set(canary.found_in(read)) >= {canary.COMPANY_NAME, canary.PERSON_ID}, "they may read it"
    await provoke(town)
    await written(town, cast.plain)

    stack = town.stack
    for name in ("orchestrator", "departments"):
        dsn = stack.environment(name)["LIANSHEN_DATABASE__DSN"]
        assert await canary.in_database(dsn) == {}, name
    intake = await canary.in_database(stack.environment("intake")["LIANSHEN_DATABASE__DSN"])
    assert intake, "the search finds what is there"
    messages = {"outbox", "inbox", "dead_letter", "audit_leaf", "audit_order", "stream_position"}
    assert not messages & set(intake)

    records = await canary.records(stack.environment("intake")["LIANSHEN_KAFKA__BOOTSTRAP"])
    assert len(records) > 50
    content = b"\n".join(records)
    assert cast.plain.encode() in content
    assert canary.found_in(content) == []

    kept = await canary.histories(stack.temporal.address, stack.temporal.namespace)
    assert f"application/{cast.plain}" in kept
    for workflow, history in kept.items():
        assert workflow.removeprefix("application/").encode() in history
        assert canary.found_in(history) == [], workflow

    for folder in ("logs", "spans"):
        assert any((stack.data / folder).iterdir())
        assert canary.in_files(stack.data / folder) == {}


async def written(town: Town, number: str) -> None:
    """Wait until the services have written down what they did so far."""
    now = time.time_ns()
    folder = town.stack.data / "spans"
    await town.progress(number)
    await town.operated(number)

    async def all_written() -> bool:
        lasts = [file.read_bytes().splitlines()[-1] for file in folder.glob("*.jsonl")]
        return len(lasts) == 3 and all(json.loads(last)["start"] > now for last in lasts)

    await until(all_written, "every service has written its spans", 20)


async def provoke(town: Town) -> None:
    """Ask for errors with the canary in every place, and look at what comes back."""
    broken = {
        "project": canary.PROJECT | {"code": canary.ADDRESS},
        "applicant": canary.APPLICANT | {"id_number": canary.COMPANY_ID[:-1] + "Q"},
        "agent": canary.AGENT | {"phone": canary.PERSON_NAME},
        "scenario": "restaurant",
        "answers": {},
        "materials": [{"material": "floor-plan", "reference": canary.ADDRESS}],
    }
    wrong = [
        ("/v1/applications", broken),
        ("/v1/applications", broken | {"project": canary.PROJECT, "agent": canary.AGENT}),
        ("/v1/plans", {"scenario": "restaurant", "answers": {"area_m2": canary.PERSON_NAME}}),
        ("/v1/uploads", {"file": canary.PERSON_NAME}),
    ]
    for path, body in wrong:
        with pytest.raises(RefusedError) as refused:
            await town.investor.post(path, body)
        assert 400 <= refused.value.status < 500
        assert canary.found_in(str(refused.value.problem).encode()) == [], path
    officer = town.windows[MARKET].officer
    for caller, path, query in (
        (officer, "/v1/tasks", {"after": canary.PERSON_NAME}),
        (town.operator, "/v1/applications", {"status": canary.PERSON_NAME}),
        (town.investor, f"/v1/applications/{canary.PERSON_NAME}", {}),
    ):
        with pytest.raises(RefusedError) as refused:
            await caller.get(path, **query)
        assert canary.found_in(str(refused.value.problem).encode()) == [], path
    with pytest.raises(RefusedError):  # the answer names the member that it does not know
        await town.investor.post("/v1/applications", broken | {canary.PERSON_NAME: 1})


async def test_everything_agrees_in_the_end(town: Town, cast: Cast) -> None:
    for number in (cast.plain, cast.rectified, cast.refused, cast.lapsed):
        await town.concluded(number)
    report = await verify(town.stack.data, settle=20)
    assert report.findings == []
    assert report.dead_letters == []
    assert report.counted["applications"] >= 4

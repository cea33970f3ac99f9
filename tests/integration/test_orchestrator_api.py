"""The operator API: who may, what is shown, deadlines day by day, hold and resume."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.contracts.vocabulary import Outcome, Service
from services.domain.case import ClockReached, Held, Rectified, Resumed, Withdrawn
from services.runtime.embedded.temporal import Temporal
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import (
    BRIGADE,
    CHIEF,
    CITY,
    DRAINS,
    FIRE,
    FOOD,
    HASHER,
    HEALTH,
    HOUR,
    INVESTOR,
    ISSUER,
    JOINT,
    LICENCE,
    MARKET,
    OFFICER,
    OPERATOR,
    SIGN,
    START,
    SUPERVISOR,
    Api,
    Engine,
    Kit,
    Story,
    engine,
    problem_of,
    serving,
    submitted,
    task,
)

NOWHERE = "NX20260302-999999-9"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPANNED = f"00-{TRACE}-00f067aa0ba902b7-01"
READING = (
    "/applications",
    "/applications/{number}",
    "/applications/{number}/journal",
    "/applications/{number}/deadlines/{item}/{department}/1",
)
ACTING = ("/applications/{number}/hold", "/applications/{number}/resume")


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def running(kit: Kit, temporal: Temporal) -> Engine:
    return await engine(kit, temporal.address)


@pytest_asyncio.fixture
async def api(kit: Kit, running: Engine) -> AsyncIterator[Api]:
    async with serving(kit, running, trace_url="https://traces.example/{trace}") as found:
        yield found


def at(day: int, hour: int = 2) -> datetime:
    """An instant in March."""
    return datetime(2026, 3, day, hour, tzinfo=UTC)


async def underway(kit: Kit, **changes: Any) -> Story:
    """An application with its first two tasks out."""
    story = await kit.story(submitted(**changes) if changes else None)
    await kit.writer.carry_out(story.accepted())
    return story


async def inspected(kit: Kit) -> Story:
    """An application whose joint step began on Monday, 9 March."""
    story = await underway(kit)
    await kit.writer.carry_out(story.next(story.decide(LICENCE, at=at(3))))
    await kit.writer.carry_out(story.next(story.decide(DRAINS, at=at(9))))
    return story


async def rectified(kit: Kit) -> Story:
    """An application whose joint step was objected to on 10 March and put right on the 12th."""
    story = await inspected(kit)
    await kit.writer.carry_out(
        story.next(
            story.decide(FOOD, at=at(10)),
            story.decide(SIGN, at=at(10)),
            story.decide(FOOD, Outcome.NO_OBJECTION, department=HEALTH, at=at(10)),
            story.decide(FIRE, Outcome.REFUSED, at=at(10)),
        )
    )
    await kit.writer.carry_out(story.next(Rectified(at=at(12), step=JOINT, round=1)))
    return story


def number_of(story: Story) -> str:
    return story.case.route.application


def filled(path: str, number: str) -> str:
    return path.format(number=number, item=LICENCE, department=MARKET)


async def test_who_may_read_and_who_may_act(kit: Kit, api: Api) -> None:
    number = number_of(await underway(kit))
    for path in READING:
        for who in (OPERATOR, SUPERVISOR):
            assert problem_of(await api.get(filled(path, number), who)) == "ok", path
        for who in (INVESTOR, OFFICER, CHIEF):
            assert problem_of(await api.get(filled(path, number), who)) == "forbidden", path
        assert (await api.get(filled(path, number), None)).status_code == 401, path
    for path in ACTING:
        for who in (SUPERVISOR, INVESTOR, OFFICER, CHIEF):
            assert problem_of(await api.post(filled(path, number), who)) == "forbidden", path
        assert (await api.post(filled(path, number), None)).status_code == 401, path
    assert await kit.value("SELECT count(*) FROM operator_act") == 0
    assert problem_of(await api.post(filled(ACTING[0], number), OPERATOR)) == "ok"


async def test_what_is_not_there(kit: Kit, api: Api) -> None:
    number = number_of(await underway(kit))
    paths = (
        f"/applications/{NOWHERE}",
        f"/applications/{NOWHERE}/journal",
        f"/applications/{NOWHERE}/deadlines/{LICENCE}/{MARKET}/1",
        f"/applications/{number}/deadlines/{LICENCE}/{MARKET}/2",
        f"/applications/{number}/deadlines/{FIRE}/{BRIGADE}/1",
        f"/applications/{number}/deadlines/{LICENCE}/{CITY}/1",
    )
    for path in paths:
        assert problem_of(await api.get(path)) == "not-found", path
    for path in ACTING:
        assert problem_of(await api.post(filled(path, NOWHERE))) == "not-found", path


async def test_every_application_is_on_exactly_one_page(kit: Kit, api: Api) -> None:
    stories = [await kit.story() for _ in range(7)]
    numbers = {number_of(story) for story in stories}
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = (await api.get("/applications", limit=3, **after)).json()
        found += [one["number"] for one in page["items"]]
        if not page["next"]:
            break
        after = {"after": page["next"]}
    assert len(found) == 7
    assert set(found) == numbers


async def test_pages_are_in_the_order_of_the_promise(kit: Kit, api: Api) -> None:
    last, first, middle = [number_of(await kit.story()) for _ in range(3)]
    for number, day in ((first, 10), (middle, 11), (last, 12)):
        await kit.pool.execute(
            "UPDATE application SET promised_at = $2 WHERE number = $1", number, at(day)
        )
    page = (await api.get("/applications")).json()
    assert [one["number"] for one in page["items"]] == [first, middle, last]
    assert page["next"] is None


async def test_filters(kit: Kit, api: Api) -> None:
    waiting = number_of(await kit.story())
    other = number_of(await underway(kit, project_code="Q-77"))
    late = await underway(kit)
    await kit.writer.carry_out(
        late.next(ClockReached(at=late.case.promised_at + timedelta(seconds=1)))
    )
    gone = await underway(kit)
    await kit.writer.carry_out(gone.next(Withdrawn(at=START + HOUR)))

    async def listed(**query: Any) -> set[str]:
        answer = await api.get("/applications", **query)
        assert answer.status_code == 200, answer.text
        return {one["number"] for one in answer.json()["items"]}

    everything = {waiting, other, number_of(late), number_of(gone)}
    assert await listed() == everything
    assert await listed(status="received") == {waiting}
    assert await listed(status="withdrawn") == {number_of(gone)}
    assert await listed(project_code="Q-77") == {other}
    assert await listed(late="true") == {number_of(late)}
    assert await listed(late="false") == everything - {number_of(late)}
    assert await listed(q="Q-") == {other}
    assert await listed(q=waiting) == {waiting}
    assert await listed(q="NX2026") == everything
    assert await listed(q="%") == set(), "what means something to LIKE means nothing here"
    assert await listed(q="_X2026") == set()
    assert await listed(status="received", q="Q-") == set()


@pytest.mark.parametrize(
    "query",
    [{"after": "nonsense"}, {"after": "WzFd"}, {"status": "lost"}, {"limit": 0}, {"limit": 101}],
)
async def test_a_question_that_makes_no_sense(api: Api, query: dict[str, Any]) -> None:
    assert (await api.get("/applications", **query)).status_code in {400, 422}


async def test_the_graph_of_an_application(kit: Kit, api: Api) -> None:
    story = await inspected(kit)
    await kit.writer.carry_out(story.next(ClockReached(at=at(11, 10))))
    graph = (await api.get(f"/applications/{number_of(story)}")).json()

    assert graph["status"] == "in_progress"
    assert graph["promised_working_days"] == 8
    assert graph["facts"]["seats"] == 80
    steps = {one["step"]: one for one in graph["steps"]}
    assert {name: one["state"] for name, one in steps.items()} == {
        LICENCE: "done",
        DRAINS: "done",
        JOINT: "open",
    }
    assert steps[JOINT]["after"] == [LICENCE, DRAINS]
    assert steps[LICENCE]["after"] == []
    assert steps[JOINT]["group"] == JOINT
    assert {(one["item"], one["department"], one["part"]) for one in steps[JOINT]["tasks"]} == {
        (FIRE, BRIGADE, "decide"),
        (FOOD, MARKET, "decide"),
        (FOOD, HEALTH, "consult"),
        (SIGN, CITY, "decide"),
    }
    assert {one["item"]: one["outcome"] for one in graph["results"]} == {
        LICENCE: "granted",
        DRAINS: "granted",
    }
    assert (task(number_of(story), FOOD, HEALTH), "promise_passed") in {
        (one["task"], one["signal"]) for one in graph["signals"]
    }


async def test_a_step_that_has_not_begun_waits(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    graph = (await api.get(f"/applications/{number_of(story)}")).json()
    joint = next(one for one in graph["steps"] if one["step"] == JOINT)
    assert (joint["state"], joint["tasks"]) == ("waiting", [])


async def test_links_lead_to_the_trace_and_to_temporal(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    await kit.pool.execute("UPDATE application SET traceparent = $1", SPANNED)
    running.settings = running.settings.model_copy(update={"ui_url": "https://temporal.example"})
    async with serving(kit, running, trace_url="https://traces.example/{trace}") as api:
        links = (await api.get(f"/applications/{number}")).json()["links"]
    assert links == {
        "trace": f"https://traces.example/{TRACE}",
        "trace_id": TRACE,
        "workflow": f"https://temporal.example/namespaces/default/workflows/application%2F{number}",
        "workflow_id": f"application/{number}",
    }


async def test_without_a_viewer_there_is_no_link(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with serving(kit, running) as api:
        links = (await api.get(f"/applications/{number}")).json()["links"]
    assert links["trace"] is None
    assert links["workflow"] is None
    assert links["workflow_id"] == f"application/{number}"


async def test_the_journal_is_complete_page_by_page(kit: Kit, api: Api) -> None:
    story = await rectified(kit)
    turns: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        path = f"/applications/{number_of(story)}/journal"
        page = (await api.get(path, limit=2, **after)).json()
        turns += page["items"]
        if not page["next"]:
            break
        after = {"after": page["next"]}
    assert [one["turn"] for one in turns] == [1, 2, 3, 4, 5]
    assert [[event["type"] for event in one["events"]] for one in turns] == [
        ["Accepted"],
        ["Decided"],
        ["Decided"],
        ["Decided"] * 4,
        ["Rectified"],
    ]
    assert "AskRectification" in {one["type"] for one in turns[3]["commands"]}


async def deadline(
    api: Api, story: Story, item: str, department: str, round_: int = 1, kind: str = "promised"
) -> dict[str, Any]:
    path = f"/applications/{number_of(story)}/deadlines/{item}/{department}/{round_}"
    answer = await api.get(path, kind=kind)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_promise_explained(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    found = await deadline(api, story, DRAINS, CITY)
    assert (found["start_on"], found["due_on"]) == ("2026-03-02", "2026-03-09")
    assert (found["days"], found["unit"]) == (5, "working_day")
    lines = {one["day"]: one for one in found["lines"]}
    assert list(lines) == [f"2026-03-{day:02d}" for day in range(2, 10)]
    counted = [day for day, one in lines.items() if one["counted"]]
    assert counted == ["2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-09"]
    assert lines["2026-03-02"]["article"] == "民法典 201"
    assert lines["2026-03-07"]["article"] == "行政许可法 82"
    assert [one["number"] for one in found["lines"] if one["counted"]] == [1, 2, 3, 4, 5]


async def test_a_statute_explained(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    found = await deadline(api, story, DRAINS, CITY, kind="statutory")
    assert found["days"] == 20
    assert found["due_on"] == "2026-03-30"
    assert found["article"] == "行政许可法 42(1)"


async def test_an_opinion_is_due_the_day_before_the_step(kit: Kit, api: Api) -> None:
    story = await inspected(kit)
    opinion = await deadline(api, story, FOOD, HEALTH)
    whole = await deadline(api, story, FOOD, MARKET)
    assert whole["due_on"] == "2026-03-12"
    assert opinion["due_on"] == "2026-03-11"
    path = f"/applications/{number_of(story)}/deadlines/{FOOD}/{HEALTH}/1"
    answer = await api.get(path, kind="statutory")
    assert problem_of(answer) == "not-found", "an opinion has no statute of its own"


async def test_days_of_rectification_are_not_counted(kit: Kit, api: Api) -> None:
    story = await rectified(kit)
    found = await deadline(api, story, FIRE, BRIGADE, 2)
    lines = {one["day"]: one for one in found["lines"]}
    for day in ("2026-03-10", "2026-03-11", "2026-03-12"):
        assert lines[day]["counted"] is False
        assert "整改" in lines[day]["reason_zh"]
        assert lines[day]["article"] == "邻县餐饮开业一件事办事指南"
    assert found["start_on"] == "2026-03-09"
    assert found["due_on"] == "2026-03-17", "13, 16 and 17 March"


async def test_an_explanation_ends_on_the_tasks_own_dates(kit: Kit, api: Api) -> None:
    """Of every task, of every round, whatever has happened to its step since."""
    story = await rectified(kit)
    rows = await kit.rows("SELECT * FROM task")
    assert len(rows) == 7
    for row in rows:
        key = (row["item"], row["department"], row["round"])
        found = await deadline(api, story, *key)
        assert found["due_on"] == row["promised_on"].isoformat(), key
        if row["statutory_on"]:
            found = await deadline(api, story, *key, kind="statutory")
            assert found["due_on"] == row["statutory_on"].isoformat(), key


async def test_hold_and_resume_reach_the_workflow(kit: Kit, running: Engine, api: Api) -> None:
    number = await kit.received()
    path = f"/applications/{number}"

    async def shows(status: str) -> bool:
        return bool((await api.get(path)).json()["status"] == status)

    async with running.working():
        await running.deliver()
        await until(lambda: shows("in_progress"), "the first turn")
        answer = await api.post(f"{path}/hold")
        assert answer.status_code == 202
        assert answer.json()["act"] == "hold"
        assert running.deliverer.wake.is_set()
        await running.deliver()
        await until(lambda: shows("held"), "the hold")
        assert (await api.post(f"{path}/resume")).status_code == 202
        await running.deliver()
        await until(lambda: shows("in_progress"), "the end of the hold")

    acts = (await api.get(path)).json()["acts"]
    assert [(one["act"], one["reason"]) for one in acts] == [
        ("hold", "核实材料"),
        ("resume", "核实材料"),
    ]
    assert {one["actor_ref"] for one in acts} == {HASHER.ref(f"{ISSUER}\noperator")}
    leaves = await kit.rows("SELECT act FROM audit_leaf ORDER BY id")
    assert [row["act"] for row in leaves if row["act"] != "turn"] == [
        "operator.hold",
        "operator.resume",
    ]


async def test_a_repeated_hold_is_one_hold(kit: Kit, api: Api) -> None:
    number = number_of(await underway(kit))
    answers = [await api.post(f"/applications/{number}/hold", key="the-same-key") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert [answer.status_code for answer in answers] == [202, 202]
    assert await kit.value("SELECT count(*) FROM operator_act") == 1
    other = await api.post(
        f"/applications/{number}/hold", key="the-same-key", body={"reason": "别的理由"}
    )
    assert problem_of(other) == "idempotency-key-reused"


async def test_an_application_that_is_over_cannot_be_held(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    await kit.writer.carry_out(story.next(Withdrawn(at=START + HOUR)))
    for path in ACTING:
        assert problem_of(await api.post(filled(path, number_of(story)))) == "conflict"
    assert await kit.value("SELECT count(*) FROM operator_act") == 0
    assert await kit.value("SELECT count(*) FROM inbox WHERE source = 'operator'") == 0


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"why": "because"}])
async def test_an_act_needs_its_reason(kit: Kit, api: Api, body: dict[str, str]) -> None:
    number = number_of(await underway(kit))
    answer = await api.post(f"/applications/{number}/hold", body=body)
    assert problem_of(answer) == "invalid"


async def test_a_hold_keeps_the_next_step_back_and_a_resume_issues_it(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    await kit.writer.carry_out(story.next(Held(at=START + HOUR)))
    await kit.writer.carry_out(
        story.next(story.decide(LICENCE, at=at(3)), story.decide(DRAINS, at=at(3)))
    )
    graph = (await api.get(f"/applications/{number_of(story)}")).json()
    assert graph["status"] == "held"
    assert next(one for one in graph["steps"] if one["step"] == JOINT)["state"] == "waiting"
    await kit.writer.carry_out(story.next(Resumed(at=at(5))))
    graph = (await api.get(f"/applications/{number_of(story)}")).json()
    assert next(one for one in graph["steps"] if one["step"] == JOINT)["state"] == "open"
    found = await deadline(api, story, FIRE, BRIGADE)
    assert found["start_on"] == date(2026, 3, 5).isoformat()

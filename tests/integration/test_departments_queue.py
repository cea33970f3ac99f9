"""The queues: what arrives, what is shown, in pages, and how fast."""

from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from services.contracts.events import Receipt
from services.departments.consumer import Tasks, UnknownTaskError, WrongQueueError
from services.departments.sweeper import lapse_sweeper
from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    DUE,
    NOW,
    OFFICER,
    OPERATOR,
    TRACE,
    Desk,
    cancelled,
    code_of,
    consult,
    issued,
    lapse_due,
    number,
    received,
    ref,
)


def due_in(days: int) -> Any:
    return DUE.model_copy(
        update={
            "promised_on": DUE.promised_on + timedelta(days=days),
            "promised_at": DUE.promised_at + timedelta(days=days),
        }
    )


async def listed(desk: Desk, **params: Any) -> list[int]:
    answer = await desk.get("/tasks", OFFICER, **params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_a_task_is_shown_with_everything_it_is_about(desk: Desk) -> None:
    task = issued(
        participants=("fire", "planning"),
        materials=({"material": "site-plan", "sha256": "a" * 64},),
    )
    [id_] = await desk.put(task)
    answer = await desk.get(f"/tasks/{id_}", OFFICER)
    shown = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert shown["task"] == task.task
    assert shown["facts"] == task.facts
    assert shown["materials"] == [{"material": "site-plan", "sha256": "a" * 64}]
    assert shown["participants"] == ["fire", "planning"]
    assert shown["due"] == orjson.loads(DUE.model_dump_json())
    assert shown["ended"] is None
    assert await desk.value("SELECT traceparent FROM task") == TRACE
    [item] = (await desk.get("/tasks", OFFICER)).json()["items"]
    assert item.items() <= shown.items()


async def test_any_number_of_tasks_takes_the_same_statements(desk: Desk) -> None:
    async def statements(size: int) -> int:
        tasks = [consult() for _ in range(size)]
        others = [issued() for _ in range(size)]
        seen: list[str] = []
        async with desk.pool.acquire() as conn:
            for batch in (
                [*tasks, *others],
                [*map(lapse_due, tasks), *map(cancelled, others)],
            ):
                await conn.execute("SELECT 1")
                with conn.query_logger(lambda record: seen.append(record.query)):
                    await Tasks(desk.clock, desk.app.state.shelf)(
                        conn, [received(event) for event in batch]
                    )
        return len(seen)

    async with asyncpg.create_pool(desk.url, min_size=1, max_size=1) as pool:
        desk.pool = pool
        await statements(1)  # a new connection asks the database about its types
        assert 3 < await statements(1) == await statements(50) < 12


async def test_a_message_on_another_departments_topic_is_refused(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        with pytest.raises(WrongQueueError):
            await Tasks(desk.clock, desk.app.state.shelf)(
                conn, [received(issued(), topic="lianshen.tasks.fire.v1")]
            )
        receipt = Receipt(consumer="x", event_ids=(received(issued()).event_id,))
        forged = received(issued())
        with pytest.raises(WrongQueueError):
            await Tasks(desk.clock, desk.app.state.shelf)(
                conn, [type(forged)(envelope=forged.envelope, event=receipt, topic=forged.topic)]
            )
    assert await desk.value("SELECT count(*) FROM task") == 0


@pytest.mark.parametrize("follow", [cancelled, lapse_due])
async def test_an_unknown_task_is_an_error_and_nothing_is_applied(desk: Desk, follow: Any) -> None:
    with pytest.raises(UnknownTaskError):
        await desk.put(issued(), follow(consult()))
    assert await desk.value("SELECT count(*) FROM task") == 0


async def test_a_task_is_issued_once_and_its_name_says_what_it_is(desk: Desk) -> None:
    task = issued()
    await desk.put(task)
    with pytest.raises(asyncpg.UniqueViolationError):
        await desk.put(task)
    with pytest.raises(asyncpg.CheckViolationError):
        await desk.put(issued().model_copy(update={"task": f"{number()}/A-PERMIT/planning/1"}))


async def test_a_task_that_lapses_and_is_cancelled_in_one_batch_has_lapsed(desk: Desk) -> None:
    task = consult()
    await desk.put(task)
    await desk.put(lapse_due(task), cancelled(task))
    assert await desk.value("SELECT state FROM task") == "lapsed"


async def test_filters_and_orders(desk: Desk) -> None:
    late = issued(due=due_in(4), issued_at=NOW, project_code="Q-7")
    soon = consult(item="B-OPINION", due=due_in(1), issued_at=NOW + timedelta(hours=1))
    done = issued()
    a, b, c = await desk.put(late, soon, done)
    await desk.decide(c, {"outcome": "granted"})
    await desk.post(f"/tasks/{a}/claim", OFFICER)
    assert await listed(desk) == [b, a]
    assert await listed(desk, sort="issued") == [a, b]
    assert await listed(desk, state="decided") == [c]
    assert await listed(desk, item="B-OPINION") == [b]
    assert await listed(desk, part="decide") == [a]
    assert await listed(desk, claimed_by="me") == [a]
    assert await listed(desk, claimed_by="none") == [b]
    assert await listed(desk, due_before=str(DUE.promised_on + timedelta(days=4))) == [b]
    assert await listed(desk, q="Q-") == [a]
    assert await listed(desk, q=soon.application) == [b]
    assert await listed(desk, q=soon.application[:10]) == [b, a]
    assert await listed(desk, q="ZZ") == []
    assert code_of(await desk.get("/tasks", OFFICER, q="100%")) == "invalid"
    assert code_of(await desk.get("/tasks", OFFICER, item="A\x00")) == "invalid"
    assert code_of(await desk.get("/tasks", OFFICER, state="waiting")) == "invalid"
    assert code_of(await desk.get("/tasks", OFFICER, limit=101)) == "invalid"
    assert code_of(await desk.get("/tasks", OFFICER, after="nonsense")) == "bad-cursor"


async def test_a_cursor_belongs_to_its_order(desk: Desk) -> None:
    await desk.put(issued(), issued())
    cursor = (await desk.get("/tasks", OFFICER, limit=1)).json()["next"]
    answer = await desk.get("/tasks", OFFICER, after=cursor, sort="issued")
    assert code_of(answer) == "bad-cursor"


async def test_counts_say_what_is_open(desk: Desk) -> None:
    overdue = issued(due=due_in(-10))
    mine, *_ = await desk.put(
        overdue, issued(), consult(item="B-OPINION"), issued(department="fire")
    )
    await desk.post(f"/tasks/{mine}/claim", OFFICER)
    counts = (await desk.get("/tasks/counts", OFFICER)).json()
    assert counts["items"][0] == {
        "item": "A-PERMIT",
        "part": "decide",
        "open": 2,
        "unclaimed": 1,
        "mine": 1,
        "overdue": 1,
    }
    assert {name: counts[name] for name in ("department", "open", "unclaimed", "mine")} == {
        "department": "planning",
        "open": 3,
        "unclaimed": 2,
        "mine": 1,
    }


@pytest.mark.parametrize("sort", ["due", "issued"])
async def test_pages_show_every_task_once_while_others_arrive(desk: Desk, sort: str) -> None:
    expected = await desk.put(*(issued(due=due_in(n % 3)) for n in range(40)))
    seen: list[int] = []
    cursor: str | None = None
    while True:
        params = {"sort": sort, "limit": 7} | ({"after": cursor} if cursor else {})
        page = (await desk.get("/tasks", OFFICER, **params)).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page.get("next")
        if cursor is None:
            break
        await desk.put(*(issued(due=due_in(n)) for n in range(3)))
    assert len(seen) == len(set(seen))
    assert set(expected) <= set(seen)


async def test_claiming_holding_and_releasing(desk: Desk) -> None:
    [id_] = await desk.put(issued())
    claim, release = f"/tasks/{id_}/claim", f"/tasks/{id_}/release"
    assert code_of(await desk.post(claim, OFFICER, version=None)) == "version-required"
    assert code_of(await desk.post(claim, OFFICER, version=5)) == "version-mismatch"
    taken = await desk.post(claim, OFFICER)
    assert (taken.json()["claimed_by"], taken.headers["etag"]) == (ref("officer-1"), '"2"')
    again = await desk.post(claim, OFFICER)  # a double click
    assert (again.status_code, again.headers["etag"]) == (200, '"2"')
    other = await desk.post(claim, COLLEAGUE, version=2)
    assert (other.status_code, code_of(other)) == (409, "claimed")
    assert other.json()["claimed_at"] == taken.json()["claimed_at"]
    assert other.json()["claimed_by"] == ref("officer-1")
    assert "officer-1" not in other.text
    assert code_of(await desk.post(release, COLLEAGUE, version=2)) == "claimed"
    assert (await desk.post(release, CHIEF, version=2)).json()["claimed_by"] is None
    assert (await desk.post(release, OFFICER, version=2)).status_code == 200
    acts = await desk.rows("SELECT kind, actor_role FROM act ORDER BY id")
    assert [tuple(act) for act in acts] == [
        ("claimed", "officer"),
        ("released", "chief_representative"),
    ]
    leaves = await desk.rows("SELECT act FROM audit_leaf ORDER BY id")
    assert [leaf["act"] for leaf in leaves] == ["task.claimed", "task.released"]


async def test_notes_stay_in_the_history_and_out_of_the_audit_log(desk: Desk) -> None:
    [id_] = await desk.put(issued())
    text = "已电话联系 13800000000"
    path = f"/tasks/{id_}/notes"
    first = await desk.post(path, OFFICER, {"text": text}, key="note-key-1")
    assert first.status_code == 201
    repeated = await desk.post(path, OFFICER, {"text": text}, key="note-key-1")
    assert repeated.content == first.content
    await desk.decide(id_, {"outcome": "granted"})
    assert code_of(await desk.post(path, OFFICER, {"text": "a\x00b"})) == "invalid"
    assert (await desk.post(path, COLLEAGUE, {"text": "事后补记"})).status_code == 201
    first_page = (await desk.get(f"/tasks/{id_}/history", CHIEF, limit=2)).json()
    assert [act["note"] for act in first_page["items"]] == [text, None]
    rest = await desk.get(f"/tasks/{id_}/history", CHIEF, after=first_page["next"])
    assert [act["kind"] for act in rest.json()["items"]] == ["noted"]
    for body in await desk.rows("SELECT body FROM audit_leaf"):
        assert "13800000000" not in body["body"]


async def test_the_sweeper_alarms_about_silence_that_nobody_asked_about(desk: Desk) -> None:
    asked, silent, deciding = consult(), consult(item="B-OPINION"), issued()
    await desk.put(asked, silent, deciding)
    seconds = 0.0
    sweeper = lapse_sweeper(desk.pool, desk.clock, grace=60, real=lambda: seconds)
    assert await sweeper.sweep() == 0
    desk.clock.move_to(DUE.promised_at + timedelta(minutes=1))
    assert await sweeper.sweep() == 0  # late, but within the grace
    await desk.put(lapse_due(asked))
    seconds = 61.0
    assert await sweeper.sweep() == 1
    answer = await desk.get("/operations/silent-tasks", OPERATOR)
    assert [one["task"] for one in answer.json()["items"]] == [silent.task]
    assert await desk.value("SELECT state FROM task WHERE task = $1", silent.task) == "open"
    await desk.put(lapse_due(silent))
    assert await sweeper.sweep() == 0

"""Pauses with notice, extensions, moved dates; and the race between a decision and a lapse."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from services.contracts.events import TaskIssued, TaskRedated
from services.contracts.vocabulary import DateChange
from services.runtime.catalogue_shelf import Shelf
from services.runtime.settings import CatalogueSettings
from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    DUE,
    FIRE_CHIEF,
    INVESTOR,
    NOW,
    OFFICER,
    OPERATOR,
    SUPERVISOR,
    Desk,
    code_of,
    consult,
    issued,
    lapse_due,
    ref,
    token,
)

REVIEW = "FIRE-DESIGN"
"""Expert review, twenty working days at most; no extension."""
SHELF = Shelf(
    CatalogueSettings(folder=Path("deploy/catalogue"), calendar_folder=Path("deploy/calendar"))
)
PAUSE = {
    "kind": "expert_review",
    "until": "2026-03-20",
    "notice": "消审评告〔2026〕4号",
    "reason": "采用新技术，须组织专家评审",
}
EXTENSION = {
    "days": 10,
    "approver": "department_head",
    "approval": "规延〔2026〕7号",
    "reason": "方案复杂，需进一步论证",
}


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.app.state.shelf = SHELF
    return desk


def extendable() -> str:
    """An item whose limit a law lets the head of the department extend once, by ten days."""
    for item in SHELF.version("2026.1").items:
        rule = item.statutory.extension if item.statutory else None
        if rule and (rule.approver, rule.limit.value, rule.times) == ("department_head", 10, 1):
            return item.code
    raise LookupError


async def told(desk: Desk) -> list[dict[str, Any]]:
    rows = await desk.rows("SELECT type, payload FROM outbox ORDER BY id")
    return [{"type": row["type"], **orjson.loads(row["payload"])["data"]} for row in rows]


def redated(task: TaskIssued, promised_on: date, **changes: Any) -> TaskRedated:
    due = DUE.model_copy(
        update={
            "promised_on": promised_on,
            "promised_at": datetime(
                promised_on.year, promised_on.month, promised_on.day, 9, tzinfo=UTC
            ),
        }
    )
    given: dict[str, Any] = {"due": due, "why": DateChange.PAUSED, "redated_at": NOW}
    return TaskRedated(
        application=task.application,
        task=task.task,
        department=task.department,
        **(given | changes),
    )


async def test_a_pause_is_stored_told_and_recorded_at_once(desk: Desk) -> None:
    task = issued(item=REVIEW)
    [id_] = await desk.put(task)
    answer = await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE)
    assert answer.status_code == 201, answer.text
    assert answer.json() | {"at": None} == {
        "id": id_,
        "task": task.task,
        "number": 1,
        "at": None,
        "version": 2,
    }
    assert answer.headers["etag"] == '"2"'
    [event] = await told(desk)
    assert event["type"] == "lianshen.task.paused.v1"
    assert (event["pause"], event["kind"], event["until"]) == (1, "expert_review", "2026-03-20")
    assert (event["notice"], event["cap"]) == (
        PAUSE["notice"],
        {"value": 20, "unit": "working_day"},
    )
    assert event["article"] == "建设工程消防设计审查验收管理暂行规定"
    [leaf] = await desk.rows("SELECT act, application, body FROM audit_leaf")
    assert (leaf["act"], leaf["application"]) == ("task.paused", task.application)
    assert ref("officer-1") in str(leaf["body"])
    [act] = await desk.rows("SELECT kind, note FROM act")
    assert tuple(act) == ("paused", PAUSE["notice"])
    view = (await desk.get(f"/tasks/{id_}/clock", SUPERVISOR)).json()
    assert view["pauses"][0]["reason"] == PAUSE["reason"]
    assert view["pauses"][0]["from_on"] == "2026-03-02"
    assert view["extensions"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"notice": None}, "#/notice"),
        ({"kind": "hearing"}, "#/kind"),
        ({"until": "2026-03-01"}, "#/until"),
        ({"until": "2026-03-28"}, "#/until"),
    ],
    ids=["no notice", "a procedure the catalogue does not list", "over already", "beyond the cap"],
)
async def test_the_clock_runs_on(desk: Desk, change: dict[str, Any], pointer: str) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    answer = await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE | change)
    assert code_of(answer) == "pause-invalid"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert await told(desk) == []
    assert await desk.value("SELECT count(*) FROM task_pause") == 0


async def test_all_that_is_wrong_is_said_at_once(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    body = {"kind": "auction", "until": "2026-01-01", "reason": "拍卖"}
    answer = await desk.post(f"/tasks/{id_}/pauses", OFFICER, body)
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/kind",
        "#/notice",
        "#/until",
    }


async def test_the_cap_holds_for_all_pauses_of_a_kind_together(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    first = PAUSE | {"until": "2026-03-13"}
    assert code_of(await desk.post(f"/tasks/{id_}/pauses", OFFICER, first)) == "ok"
    desk.clock.move_to(datetime(2026, 3, 16, 1, tzinfo=UTC))
    # ten of twenty working days are used: 16 to 27 March are the other ten
    late = PAUSE | {"until": "2026-03-28"}
    answer = await desk.post(f"/tasks/{id_}/pauses", OFFICER, late, version=2)
    assert code_of(answer) == "pause-invalid"
    within = PAUSE | {"until": "2026-03-27"}
    assert code_of(await desk.post(f"/tasks/{id_}/pauses", OFFICER, within, version=2)) == "ok"
    assert (await told(desk))[-1]["cap"] == {"value": 10, "unit": "working_day"}


async def test_a_pause_is_ended_once_and_by_its_number(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE)
    assert code_of(await desk.post(f"/tasks/{id_}/pauses/2/end", OFFICER, version=2)) == (
        "task-not-paused"
    )
    assert code_of(await desk.post(f"/tasks/{id_}/pauses/1/end", OFFICER, version=2)) == "ok"
    again = await desk.post(f"/tasks/{id_}/pauses/1/end", OFFICER, version=3)
    assert code_of(again) == "task-not-paused"
    events = await told(desk)
    assert [event["type"] for event in events] == [
        "lianshen.task.paused.v1",
        "lianshen.task.pause_ended.v1",
    ]
    view = (await desk.get(f"/tasks/{id_}/clock", OFFICER)).json()
    assert view["pauses"][0]["ended_on"] == "2026-03-02"


async def test_nobody_decides_while_the_clock_stands(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE)
    grant = {"outcome": "granted"}
    answer = await desk.post(f"/tasks/{id_}/decision", CHIEF, grant, version=2)
    assert code_of(answer) == "task-paused"
    assert answer.json()["until"] == "2026-03-20"
    await desk.post(f"/tasks/{id_}/pauses/1/end", OFFICER, version=2)
    assert code_of(await desk.post(f"/tasks/{id_}/decision", CHIEF, grant, version=3)) == "ok"


async def test_after_the_day_of_its_notice_a_pause_holds_nobody_up(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE)
    desk.clock.move_to(datetime(2026, 3, 23, 1, tzinfo=UTC))
    answer = await desk.post(f"/tasks/{id_}/decision", CHIEF, {"outcome": "granted"}, version=2)
    assert code_of(answer) == "ok"


async def test_one_pause_at_a_time(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE)
    answer = await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE, version=2)
    assert code_of(answer) == "task-paused"


async def test_what_is_over_is_neither_stopped_nor_extended(desk: Desk) -> None:
    item = extendable()
    [review, plan] = await desk.put(issued(item=REVIEW), issued(item=item))
    desk.clock.move_to(datetime(2026, 3, 30, 9, 1, tzinfo=UTC))
    late = PAUSE | {"until": "2026-04-10"}
    assert code_of(await desk.post(f"/tasks/{review}/pauses", OFFICER, late)) == "limit-over"
    answer = await desk.post(f"/tasks/{plan}/extensions", CHIEF, EXTENSION)
    assert code_of(answer) == "limit-over"


async def test_an_opinion_has_no_limit_that_could_be_stopped(desk: Desk) -> None:
    [id_] = await desk.put(consult(item=REVIEW))
    assert code_of(await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE)) == "wrong-part"


async def test_who_may_stop_a_clock(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    own = token("investor-1", "planning", "officer")
    assert code_of(await desk.post(f"/tasks/{id_}/pauses", own, PAUSE)) == "own-application"
    assert code_of(await desk.post(f"/tasks/{id_}/pauses", FIRE_CHIEF, PAUSE)) == "not-found"
    await desk.post(f"/tasks/{id_}/claim", COLLEAGUE)
    answer = await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE, version=2)
    assert code_of(answer) == "claimed"
    stale = await desk.post(f"/tasks/{id_}/pauses", CHIEF, PAUSE, version=1)
    assert stale.status_code == 412
    assert code_of(await desk.post(f"/tasks/{id_}/pauses", CHIEF, PAUSE, version=2)) == "ok"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tasks/{id}/clock"),
        ("POST", "/tasks/{id}/pauses"),
        ("POST", "/tasks/{id}/pauses/1/end"),
        ("POST", "/tasks/{id}/extensions"),
    ],
)
async def test_a_clock_is_its_departments_alone(desk: Desk, method: str, path: str) -> None:
    [id_] = await desk.put(issued(item=extendable()))
    path = path.format(id=id_)
    body = {"pauses": PAUSE, "extensions": EXTENSION}.get(path.rpartition("/")[2])

    async def ask(who: dict[str, str]) -> int:
        answer = await (desk.get(path, who) if method == "GET" else desk.post(path, who, body))
        return answer.status_code

    assert await ask({}) == 401
    assert await ask(INVESTOR) == await ask(OPERATOR) == 403
    assert await ask(FIRE_CHIEF) == 404
    assert await ask(SUPERVISOR) == (200 if method == "GET" else 403)


async def test_a_repeated_pause_gets_the_first_answer(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    first = await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE, key="twice-twice")
    second = await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE, key="twice-twice")
    assert first.json() == second.json()
    assert await desk.value("SELECT count(*) FROM task_pause") == 1


async def test_an_extension_is_stored_told_and_recorded_at_once(desk: Desk) -> None:
    task = issued(item=extendable())
    [id_] = await desk.put(task)
    assert code_of(await desk.post(f"/tasks/{id_}/extensions", OFFICER, EXTENSION)) == (
        "representative-required"
    )
    answer = await desk.post(f"/tasks/{id_}/extensions", CHIEF, EXTENSION)
    assert answer.status_code == 201, answer.text
    [event] = await told(desk)
    assert event["type"] == "lianshen.task.extended.v1"
    assert event["days"] == {"value": 10, "unit": "working_day"}
    assert (event["approver"], event["approval"]) == ("department_head", EXTENSION["approval"])
    assert event["article"] == "行政许可法 42(1)"
    assert await desk.value("SELECT act FROM audit_leaf") == "task.extended"
    again = await desk.post(f"/tasks/{id_}/extensions", CHIEF, EXTENSION, version=2)
    assert code_of(again) == "extension-invalid"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"days": 11}, "#/days"), ({"approver": "government_head"}, "#/approver")],
)
async def test_an_extension_is_what_the_catalogue_lists(
    desk: Desk, change: dict[str, Any], pointer: str
) -> None:
    [id_] = await desk.put(issued(item=extendable()))
    answer = await desk.post(f"/tasks/{id_}/extensions", CHIEF, EXTENSION | change)
    assert code_of(answer) == "extension-invalid"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_what_no_law_lets_be_extended_is_not(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    answer = await desk.post(f"/tasks/{id_}/extensions", CHIEF, EXTENSION)
    assert code_of(answer) == "extension-invalid"


async def test_pauses_and_extensions_are_never_changed(desk: Desk) -> None:
    [id_] = await desk.put(issued(item=REVIEW))
    await desk.post(f"/tasks/{id_}/pauses", OFFICER, PAUSE)
    await desk.post(f"/tasks/{id_}/pauses/1/end", OFFICER, version=2)
    for statement in (
        "UPDATE task_pause SET until_on = until_on + 1",
        "DELETE FROM pause_end",
        "TRUNCATE task_extension",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await desk.value(statement)


# Dates that come back


async def test_moved_dates_are_taken_over(desk: Desk) -> None:
    task = issued(item=REVIEW)
    [id_] = await desk.put(task)
    await desk.put(redated(task, date(2026, 3, 25)))
    view = (await desk.get(f"/tasks/{id_}", OFFICER)).json()
    assert (view["due"]["promised_on"], view["version"]) == ("2026-03-25", 2)
    history = (await desk.get(f"/tasks/{id_}/history", OFFICER)).json()["items"]
    assert [(act["kind"], act["note"]) for act in history] == [("redated", "paused")]


async def test_dates_of_what_has_ended_stay(desk: Desk) -> None:
    task = issued(item=REVIEW)
    [id_] = await desk.put(task)
    await desk.decide(id_, {"outcome": "granted"})
    await desk.put(redated(task, date(2026, 3, 25)))
    view = (await desk.get(f"/tasks/{id_}", OFFICER)).json()
    assert view["due"]["promised_on"] == DUE.promised_on.isoformat()


async def test_a_moved_date_and_the_question_about_silence_of_one_batch(desk: Desk) -> None:
    """A pause that ends early brings the end forward; the question that follows is lawful."""
    task = consult(item=REVIEW)
    [id_] = await desk.put(task)
    earlier = redated(task, date(2026, 3, 4), why=DateChange.PAUSE_ENDED)
    await desk.put(earlier, lapse_due(task, due_at=earlier.due.promised_at))
    assert await desk.value("SELECT state FROM task WHERE id = $1", id_) == "lapsed"


# Decided or lapsed

RACES = 1_000


async def test_a_thousand_races_between_a_decision_and_a_lapse(desk: Desk) -> None:
    """The instant of the commit decides, in the department's Postgres: exactly one wins each."""
    desk.clock.move_to(DUE.promised_at)
    tasks = [consult() for _ in range(RACES)]
    ids = await desk.put(*tasks)
    answers: list[int] = []

    async def opine(id_: int, late: int) -> None:
        await asyncio.sleep(late * 0.0005)
        answer = await desk.post(f"/tasks/{id_}/opinion", OFFICER, {"outcome": "no_objection"})
        answers.append(answer.status_code)

    async def lapse(task: TaskIssued, late: int) -> None:
        await asyncio.sleep(late * 0.0005)
        await desk.put(lapse_due(task))

    pairs = list(enumerate(zip(tasks, ids, strict=True)))
    for start in range(0, RACES, 4):
        racing = pairs[start : start + 4]
        await asyncio.gather(
            *(opine(id_, place % 5) for place, (_, id_) in racing),
            *(lapse(task, place % 13) for place, (task, _) in racing),
        )
    rows = await desk.rows(
        "SELECT t.state, o.kind, count(*) OVER (PARTITION BY t.id) AS outcomes"
        " FROM task AS t JOIN outcome AS o ON o.task_id = t.id"
    )
    assert len(rows) == RACES
    assert {row["outcomes"] for row in rows} == {1}
    pairs_seen = {(row["state"], row["kind"]) for row in rows}
    assert pairs_seen == {("decided", "opinion"), ("lapsed", "lapse")}, "one side always won"
    decided = sum(row["state"] == "decided" for row in rows)
    assert (answers.count(200), answers.count(409)) == (decided, RACES - decided)
    events = await told(desk)
    assert len(events) == RACES == len({event["task"] for event in events})
    lapses = [event for event in events if event["type"] == "lianshen.task.lapsed.v1"]
    assert len(lapses) == RACES - decided
    acts = await desk.value("SELECT count(*) FROM act WHERE kind IN ('opinion', 'lapse')")
    assert acts == RACES


# Over the rounds of an item


async def second_round(desk: Desk, first: TaskIssued, item: str) -> int:
    """The department looks at its item again, after something was put right."""
    again = issued(item=item, application=first.application, round_=2)
    [id_] = await desk.put(again)
    return id_


async def test_the_limit_is_extended_once_for_the_item_whatever_the_round(desk: Desk) -> None:
    item = extendable()
    task = issued(item=item)
    [id_] = await desk.put(task)
    assert code_of(await desk.post(f"/tasks/{id_}/extensions", CHIEF, EXTENSION)) == "ok"
    again = await second_round(desk, task, item)
    answer = await desk.post(f"/tasks/{again}/extensions", CHIEF, EXTENSION)
    assert code_of(answer) == "extension-invalid"
    assert [one["pointer"] for one in answer.json()["errors"]] == ["#/days"]
    other = await desk.put(issued(item=item))
    assert code_of(await desk.post(f"/tasks/{other[0]}/extensions", CHIEF, EXTENSION)) == "ok"
    assert {one["extension"] for one in await told(desk)} == {1}


async def test_the_cap_of_a_pause_holds_over_all_rounds_as_far_as_each_lasted(desk: Desk) -> None:
    task = issued(item=REVIEW)
    [id_] = await desk.put(task)
    first = PAUSE | {"until": "2026-03-13"}
    assert code_of(await desk.post(f"/tasks/{id_}/pauses", OFFICER, first)) == "ok"
    desk.clock.move_to(datetime(2026, 3, 6, 1, tzinfo=UTC))
    assert code_of(await desk.post(f"/tasks/{id_}/pauses/1/end", OFFICER, version=2)) == "ok"
    refusal = {"outcome": "refused", "reasons": ["不合格"], "remedies": ["可申请行政复议"]}
    assert code_of(await desk.post(f"/tasks/{id_}/decision", CHIEF, refusal, version=3)) == "ok"
    again = await second_round(desk, task, REVIEW)
    desk.clock.move_to(datetime(2026, 3, 16, 1, tzinfo=UTC))
    # 2 to 6 March used five of twenty working days: 16 March to 3 April are the other fifteen
    late = PAUSE | {"until": "2026-04-04"}
    answer = await desk.post(f"/tasks/{again}/pauses", OFFICER, late)
    assert code_of(answer) == "pause-invalid"
    within = PAUSE | {"until": "2026-04-03"}
    assert code_of(await desk.post(f"/tasks/{again}/pauses", OFFICER, within)) == "ok"
    # each round counts its own pauses from one, as the core does
    paused = [one for one in await told(desk) if one["type"] == "lianshen.task.paused.v1"]
    assert [(one["pause"], one["cap"]["value"]) for one in paused] == [(1, 20), (1, 15)]
    assert code_of(await desk.post(f"/tasks/{again}/pauses/1/end", OFFICER, version=2)) == "ok"

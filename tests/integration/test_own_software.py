"""Departments with software of their own: a Kafka client, the AsyncAPI document, no more."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.contracts.vocabulary import Service
from services.runtime.embedded.service import ServiceSpec
from services.runtime.embedded.stack import Stack
from tests.conftest import type_of_broker
from tests.faults.driver import IMPATIENT, MONDAY, RESTAURANT, County, Person, county, until
from tests.integration.own_software import DECIDED, ISSUED, LAPSE_DUE, Message, OwnSoftware

pytestmark = pytest.mark.timeout(420)

FIRE, HEALTH, MARKET = "fire-rescue", "food-health", "market-supervision"
OWN = (FIRE, HEALTH)


@asynccontextmanager
async def own_county(data: Path) -> AsyncIterator[tuple[County, Stack]]:
    """The restaurant's county, whole, in which two departments have software of their own."""
    folder = data / "catalogue"
    shutil.copytree(RESTAURANT, folder)
    departments = folder / "2026.1" / "departments.yaml"
    text = departments.read_text(encoding="utf-8")
    for code in OWN:
        assert f"code: {code}," in text
        text = text.replace(f"code: {code},", f"code: {code}, system: own,")
    departments.write_text(text, encoding="utf-8")
    stack = Stack(
        data / "stack",
        services=[ServiceSpec.of(service) for service in Service],
        departments=[MARKET, FIRE, "city-appearance", HEALTH],
        seconds_per_working_day=2.0,
        broker="apache" if type_of_broker == "apache" else "embedded",
        viewer=False,
        environment=IMPATIENT,
        catalogue_folder=folder,
        first_instant=MONDAY,
    )
    async with stack, county(stack, "restaurant") as people:
        yield people, stack


async def fetch(stack: Stack, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
    """Read a service's database."""
    dsn = stack.environment(service)["LIANSHEN_DATABASE__DSN"]
    connection = await asyncpg.connect(dsn)
    try:
        found: list[asyncpg.Record] = await connection.fetch(sql, *values)
        return found
    finally:
        await connection.close()


def forgeries(fire: OwnSoftware, number: str) -> dict[str, tuple[str, bytes]]:
    """What nobody must get away with: by the error it ends as, its topic and the record."""

    def forged(type_: str, department: str, **over: Any) -> bytes:
        task = over.pop("task", f"{number}/BUSINESS-LICENCE/{department}/1")
        data = {
            "application": task.split("/")[0],
            "task": task,
            "department": department,
            "outcome": "refused",
            "reasons": ["伪造"],
            "remedies": ["伪造"],
            "actor_ref": "66" * 16,
            "actor_role": "chief_representative",
            "decided_at": over.pop("decided_at", "2026-03-02T01:00:00Z"),
        }
        return json.dumps(fire.message(type_, data, seq=1, **over)).encode()

    other, never = "NX20260302-999999-0", "NX20260302-999998-0"
    mine, theirs = fire.decisions, f"lianshen.decisions.{MARKET}.v1"
    return {
        # somebody else's name on one's own topic
        "ForeignError: other source": (mine, forged(DECIDED, FIRE, source=f"department/{MARKET}")),
        "ForeignError: a service's name": (mine, forged(DECIDED, FIRE, source="intake")),
        # one's own name on somebody else's topic
        "ForeignError: other topic": (theirs, forged(DECIDED, MARKET)),
        # another department's task
        "WrongEventError: department": (
            mine,
            forged(DECIDED, MARKET, task=f"{other}/BUSINESS-LICENCE/{MARKET}/1"),
        ),
        "WrongEventError: task": (
            mine,
            forged(DECIDED, FIRE, task=f"{other}/BUSINESS-LICENCE/{MARKET}/1"),
        ),
        # the name of software that a department does not have
        "ForeignSourceError": (
            theirs,
            forged(DECIDED, MARKET, source=f"department/{MARKET}"),
        ),
        # a task that was never issued
        "UnknownTaskError": (
            mine,
            forged(DECIDED, FIRE, task=f"{never}/FIRE-CHECK/{FIRE}/1"),
        ),
        "UnreadableError": (mine, b"\x00 no event"),
    }


async def test_departments_take_part_with_a_kafka_client_alone(tmp_path: Path) -> None:
    async with own_county(tmp_path) as (people, stack):
        fire = OwnSoftware(FIRE, stack.broker.bootstrap)
        health = OwnSoftware(HEALTH, stack.broker.bootstrap, silent=True)
        operator = Person(stack.urls["orchestrator"], stack.tokens("operator"))
        [number] = await people.submit()
        await until(lambda: issued(people), 60, "the first tasks are in the queues")

        attempts = forgeries(fire, number)
        for topic, value in attempts.values():
            fire.send(number, value, topic)
        assert fire.producer.flush(20) == 0

        async def all_buried() -> bool:
            return len(await dead_letters(operator)) >= len(attempts)

        await until(all_buried, 60, "every forgery is a dead letter")
        letters = await dead_letters(operator)
        expected = Counter(name.split(":")[0] for name in attempts)
        assert Counter(one["error_class"] for one in letters) == expected

        with fire.running(), health.running():
            async with people.at_work():
                concluded = await people.all_concluded([number], seconds=120)
            assert concluded == {number: "granted"}, (fire.heard, health.heard, fire.faults)
            await until(lambda: told(fire, health), 60, "every event of theirs is receipted")
            await until(lambda: closed(stack), 60, "every event for them is receipted by them")

        assert fire.heard_types() == {ISSUED: 1}
        assert health.heard_types() == {ISSUED: 1, LAPSE_DUE: 1}
        assert len(fire.receipted) == 1
        assert len(health.receipted) == 1
        # Said twice at least, applied once; nothing of it became a dead letter.
        assert await dead_letters(operator) == letters
        ended = await fetch(
            stack,
            "orchestrator",
            "SELECT department, outcome FROM task WHERE department = ANY($1) ORDER BY 1",
            list(OWN),
        )
        assert [tuple(row) for row in ended] == [
            (FIRE, "granted"),
            (HEALTH, "deemed_no_objection"),
        ]
        # The queues know nothing of their tasks, the investor everything.
        in_queues = await fetch(stack, "departments", "SELECT DISTINCT department FROM task")
        assert not {row["department"] for row in in_queues} & set(OWN)
        results = await people.investor.get(f"/v1/applications/{number}/results")
        [check] = [one for one in results["items"] if one["item"] == "FIRE-CHECK"]
        assert check["outcome"] == "granted"
        assert check["number"].startswith("消〔2026〕")

        # A decision from the future is refused too: it would carry the case's time away with it.
        task = fire.heard[0]["data"]["task"]
        await late_word(fire, number, task)
        await until(lambda: buried_as(operator, "NotYetError"), 60, "the future is refused")
        await operator.http.aclose()


async def late_word(fire: OwnSoftware, number: str, task: str) -> None:
    """Decide again, in a year that is still to come."""
    data = {
        "application": number,
        "task": task,
        "department": FIRE,
        "outcome": "granted",
        "actor_ref": "5f" * 16,
        "actor_role": "chief_representative",
        "decided_at": "9999-01-01T00:00:00Z",
    }
    fire.send(number, json.dumps(fire.message(DECIDED, data)).encode())
    assert await asyncio.to_thread(fire.producer.flush, 20) == 0


async def issued(people: County) -> bool:
    """Whether the first tasks are in the queues."""
    return bool(await people.open_tasks(MARKET))


async def dead_letters(operator: Person) -> list[Message]:
    """The orchestrator's open dead letters."""
    page = await operator.get("/v1/operations/dead-letters", limit=100)
    found: list[Message] = page["items"]
    return found


async def buried_as(operator: Person, error: str) -> bool:
    """Whether a dead letter has this reason."""
    return error in {one["error_class"] for one in await dead_letters(operator)}


async def told(*software: OwnSoftware) -> bool:
    """Whether everything that departments said was receipted on their task topics."""
    return all(one.receipted and not one.unreceipted for one in software)


async def closed(stack: Stack) -> bool:
    """Whether the orchestrator no longer waits for receipts of the departments."""
    topics = [f"lianshen.tasks.{code}.v1" for code in OWN]
    rows = await fetch(
        stack, "orchestrator", "SELECT state FROM outbox WHERE topic = ANY($1)", topics
    )
    return bool(rows) and {row["state"] for row in rows} == {"closed"}

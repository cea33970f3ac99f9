"""The inbox on a real Postgres, without a broker: once, in order, and nothing lost."""

import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
import pytest_asyncio

from services.contracts.topics import tasks_topic
from services.contracts.vocabulary import Service
from services.runtime import dead_letters
from services.runtime.db import Connection, Pool, UnavailableError
from services.runtime.dead_letters import LetterNotFoundError, ReplayFailedError
from services.runtime.inbox import Inbox, Taken
from services.runtime.messages import Raw, Received, new_event_id
from tests.integration.conftest import OpenPool
from tests.integration.messaging import effect, effects, number, states, wire

TOPIC = tasks_topic("fire")
ACTOR = "a" * 32


@pytest_asyncio.fixture
async def pool(open_service_pool: OpenPool) -> Pool:
    return await open_service_pool(Service.DEPARTMENTS)


class Failing:
    """Applies everything but what it is told to refuse."""

    def __init__(self, *refused: tuple[str, int]) -> None:
        self.refused = set(refused)
        self.calls = 0

    async def __call__(self, conn: Connection, received: Sequence[Received]) -> None:
        self.calls += 1
        await effect(conn, received)
        for one in received:
            if (one.application, one.seq) in self.refused:
                raise ValueError("secret value of the message")


def changed(raw: Raw, **fields: Any) -> Raw:
    document = json.loads(raw.value) | fields
    return Raw(topic=raw.topic, value=json.dumps(document).encode(), key=raw.key)


async def test_an_event_is_applied_once_however_often_it_comes(pool: Pool) -> None:
    inbox = Inbox(handler=effect)
    event = wire(TOPIC, number(1), 1)
    first = await inbox.take(pool, [event, event])
    second = await inbox.take(pool, [event])
    assert await effects(pool) == {number(1): [1]}
    assert (first.applied, second.applied) == (1, 0)
    assert len(second.received["orchestrator"]) == 1, "a duplicate is receipted again"


async def test_events_of_one_stream_wait_for_the_missing_one(pool: Pool) -> None:
    inbox = Inbox(handler=effect)
    one, two, three, four = (wire(TOPIC, number(1), seq) for seq in (1, 2, 3, 4))
    early = await inbox.take(pool, [four, two])
    assert await effects(pool) == {}
    assert early.parked == 2
    assert len(early.received["orchestrator"]) == 2, "parked is received: it is safely here"
    await inbox.take(pool, [one])
    assert await effects(pool) == {number(1): [1, 2]}
    await inbox.take(pool, [three, wire(TOPIC, number(1), 5)])
    assert await effects(pool) == {number(1): [1, 2, 3, 4, 5]}
    rows = await pool.fetch("SELECT seq, state FROM inbox ORDER BY arrival")
    assert [(row["seq"], row["state"]) for row in rows] == [(n, "applied") for n in range(1, 6)]


async def test_any_mixture_of_duplicates_and_disorder_gives_each_once_in_order(pool: Pool) -> None:
    chance = random.Random(20260302)
    events = [wire(TOPIC, number(a), seq) for a in range(1, 21) for seq in range(1, 11)]
    stream = events + chance.sample(events, 60)
    chance.shuffle(stream)
    inbox = Inbox(handler=effect)
    while stream:
        size = chance.randint(1, 40)
        await inbox.take(pool, stream[:size])
        stream = stream[size:]
    assert await effects(pool) == {number(a): list(range(1, 11)) for a in range(1, 21)}


async def test_two_members_that_hold_the_same_partition_apply_nothing_twice(pool: Pool) -> None:
    events = [wire(TOPIC, number(a), seq) for a in range(1, 6) for seq in range(1, 21)]
    inbox = Inbox(handler=effect)

    async def member(seed: int) -> None:
        chance = random.Random(seed)
        mine = list(events)
        chance.shuffle(mine)
        for start in range(0, len(mine), 7):
            await inbox.take(pool, mine[start : start + 7])

    await asyncio.gather(*(member(seed) for seed in range(4)))
    assert await effects(pool) == {number(a): list(range(1, 21)) for a in range(1, 6)}


def poisons() -> dict[str, tuple[Raw, bool]]:
    """Messages that cannot be applied, and whether they hold their application's stream."""
    good = wire(TOPIC, number(1), 1)
    document = json.loads(good.value)
    data = document["data"]
    return {
        "not json": (Raw(topic=TOPIC, value=b"\xff\xfe{"), False),
        "empty": (Raw(topic=TOPIC, value=b""), False),
        "a list": (Raw(topic=TOPIC, value=b"[1]"), False),
        "deep nesting": (Raw(topic=TOPIC, value=b"[" * 100_000), False),
        "no id": (changed(good, id=None), False),
        "unknown specversion": (changed(good, specversion="0.3"), False),
        "no subject": (changed(good, subject=None), False),
        "subject is no number": (changed(good, subject="a\u0000b"), False),
        "seq zero": (changed(good, seq=0), False),
        "seq beyond bigint": (changed(good, seq=2**70), False),
        "naive time": (changed(good, time="yesterday"), False),
        "forged source": (changed(good, source="intake"), False),
        "source of another department": (changed(good, source="department/water"), False),
        "broken traceparent": (changed(good, traceparent="00-xyz"), False),
        "foreign topic": (Raw(topic="somebody.else", value=good.value), False),
        "receipt by somebody else": (
            changed(
                good,
                type="lianshen.message.received.v1",
                data={"consumer": "intake", "event_ids": [str(new_event_id())]},
            ),
            False,
        ),
        "empty receipt": (
            changed(
                good,
                type="lianshen.message.received.v1",
                data={"consumer": "orchestrator", "event_ids": []},
            ),
            False,
        ),
        "unknown type": (changed(good, type="lianshen.task.vanished.v1"), True),
        "type of another topic": (changed(good, type="lianshen.task.decided.v1"), True),
        "missing field": (changed(good, data={**data, "due": None}), True),
        "wrong enum": (changed(good, data={**data, "part": "dance"}), True),
        "another application inside": (
            changed(good, data={**data, "application": number(2)}),
            True,
        ),
        "data of a person in a wrong field": (changed(good, data={**data, "round": "李雷"}), True),
    }


@pytest.mark.parametrize("kind", poisons())
async def test_poison_is_kept_and_holds_back_its_own_stream_only(pool: Pool, kind: str) -> None:
    poison, holds = poisons()[kind]
    inbox = Inbox(handler=effect)
    taken = await inbox.take(
        pool,
        [
            wire(TOPIC, number(9), 1),
            poison,
            wire(TOPIC, number(1), 2),
            wire(TOPIC, number(9), 2),
        ],
    )
    assert await effects(pool) == {number(9): [1, 2]}
    assert (taken.applied, taken.parked, taken.dead) == (2, 1, 1)
    async with pool.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    assert "李雷" not in letter.error_message
    assert letter.error_message
    assert (letter.event_id is not None) is holds
    receipted = sum(len(ids) for ids in taken.received.values())
    assert receipted == (4 if holds else 3)


async def test_poison_that_comes_again_and_again_is_kept_once(pool: Pool) -> None:
    inbox = Inbox(handler=effect)
    for _ in range(5):
        await inbox.take(
            pool, [Raw(topic=TOPIC, value=b"poison"), Raw(topic=TOPIC, value=b"poison")]
        )
    async with pool.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    assert letter.attempts == 5


async def test_an_event_the_handler_refuses_is_put_aside_alone(pool: Pool) -> None:
    handler = Failing((number(1), 2))
    inbox = Inbox(handler=handler, attempts=3)
    events = [wire(TOPIC, number(a), seq) for seq in (1, 2, 3) for a in (1, 2)]
    taken = await inbox.take(pool, events)
    assert await effects(pool) == {number(1): [1], number(2): [1, 2, 3]}
    assert (taken.applied, taken.parked, taken.dead) == (4, 1, 1)
    async with pool.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    assert (letter.application, letter.seq, letter.error_class) == (number(1), 2, "ValueError")
    assert "secret" not in letter.error_message
    assert handler.calls == 1 + 4 + 3, "the batch, the four good ones, three tries of the bad one"


async def test_a_refused_event_is_applied_by_replay_with_all_that_waited(pool: Pool) -> None:
    handler = Failing((number(1), 2))
    inbox = Inbox(handler=handler, attempts=1)
    await inbox.take(pool, [wire(TOPIC, number(1), seq) for seq in (1, 2, 3, 4)])
    async with pool.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    with pytest.raises(ReplayFailedError):
        await dead_letters.replay(pool, inbox, letter.id, actor_ref=ACTOR)
    assert await effects(pool) == {number(1): [1]}
    assert await states(pool, "dead_letter") == {"open": 1}
    handler.refused.clear()
    await dead_letters.replay(pool, inbox, letter.id, actor_ref=ACTOR)
    assert await effects(pool) == {number(1): [1, 2, 3, 4]}
    async with pool.acquire() as conn:
        (resolved,) = await dead_letters.page(conn, state="replayed")
    assert (resolved.resolved_by, resolved.attempts) == (ACTOR, 2)
    with pytest.raises(LetterNotFoundError):
        await dead_letters.replay(pool, inbox, letter.id, actor_ref=ACTOR)
    assert await effects(pool) == {number(1): [1, 2, 3, 4]}


async def test_replay_stops_at_the_next_event_that_is_refused(pool: Pool) -> None:
    handler = Failing((number(1), 1), (number(1), 3))
    inbox = Inbox(handler=handler, attempts=1)
    await inbox.take(pool, [wire(TOPIC, number(1), seq) for seq in (1, 2, 3, 4)])
    async with pool.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    handler.refused.discard((number(1), 1))
    await dead_letters.replay(pool, inbox, letter.id, actor_ref=ACTOR)
    assert await effects(pool) == {number(1): [1, 2]}
    async with pool.acquire() as conn:
        (following,) = await dead_letters.page(conn)
    assert following.seq == 3


async def test_a_discarded_event_lets_its_stream_go_on_without_it(pool: Pool) -> None:
    inbox = Inbox(handler=Failing((number(1), 2)), attempts=1)
    await inbox.take(pool, [wire(TOPIC, number(1), seq) for seq in (1, 2, 3)])
    async with pool.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    await dead_letters.discard(pool, inbox, letter.id, actor_ref=ACTOR)
    await inbox.take(pool, [wire(TOPIC, number(1), 4)])
    assert await effects(pool) == {number(1): [1, 3, 4]}


async def test_an_event_discarded_before_its_turn_is_stepped_over_later(pool: Pool) -> None:
    inbox = Inbox(handler=effect)
    broken = changed(wire(TOPIC, number(1), 2), data={})
    await inbox.take(pool, [broken, wire(TOPIC, number(1), 3)])
    async with pool.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    await dead_letters.discard(pool, inbox, letter.id, actor_ref=ACTOR)
    assert await effects(pool) == {}
    await inbox.take(pool, [wire(TOPIC, number(1), 1)])
    assert await effects(pool) == {number(1): [1, 3]}


async def test_an_unreadable_message_cannot_be_replayed_but_discarded(pool: Pool) -> None:
    inbox = Inbox(handler=effect)
    await inbox.take(pool, [Raw(topic=TOPIC, value=b"poison")])
    async with pool.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    with pytest.raises(ReplayFailedError, match="UnreadableError"):
        await dead_letters.replay(pool, inbox, letter.id, actor_ref=ACTOR)
    await dead_letters.discard(pool, inbox, letter.id, actor_ref=ACTOR)
    assert await states(pool, "dead_letter") == {"discarded": 1}


async def test_a_number_used_twice_is_refused(pool: Pool) -> None:
    inbox = Inbox(handler=effect)
    await inbox.take(pool, [wire(TOPIC, number(1), 1), wire(TOPIC, number(1), 1)])
    await inbox.take(pool, [wire(TOPIC, number(1), 1)])
    assert await effects(pool) == {number(1): [1]}
    assert await states(pool, "dead_letter") == {"open": 2}
    assert await states(pool, "inbox") == {"applied": 1, "dead": 2}


async def test_a_database_that_goes_away_costs_nothing_but_a_repetition(pool: Pool) -> None:
    kill = True

    async def handler(conn: Connection, received: Sequence[Received]) -> None:
        await effect(conn, received)
        if kill:
            pid = await conn.fetchval("SELECT pg_backend_pid()")
            await pool.execute("SELECT pg_terminate_backend($1)", pid)
            await conn.execute("SELECT 1")

    inbox = Inbox(handler=handler)
    events = [wire(TOPIC, number(1), seq) for seq in (1, 2)]
    with pytest.raises(UnavailableError):
        await inbox.take(pool, events)
    assert await states(pool, "dead_letter") == {}
    kill = False
    await inbox.take(pool, events)
    assert await effects(pool) == {number(1): [1, 2]}


async def test_an_effect_that_fails_at_the_commit_is_put_aside(pool: Pool) -> None:
    await pool.execute("ALTER TABLE effect ADD UNIQUE (application) DEFERRABLE INITIALLY DEFERRED")
    inbox = Inbox(handler=effect)
    taken = await inbox.take(pool, [wire(TOPIC, number(1), seq) for seq in (1, 2)])
    assert await effects(pool) == {number(1): [1]}
    assert (taken.applied, taken.dead) == (1, 1)
    assert len(taken.received["orchestrator"]) == 2
    async with pool.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    assert (letter.seq, letter.error_class) == (2, "UniqueViolationError")


async def test_deferred_events_wait_for_the_deliverer_in_the_order_of_their_turn(
    pool: Pool,
) -> None:
    inbox = Inbox(handler=effect, deferred=True)
    three, two, one = (wire(TOPIC, number(1), seq) for seq in (3, 2, 1))
    await inbox.take(pool, [three, two])
    query = (
        "SELECT seq FROM inbox WHERE delivered_at IS NULL AND state = 'applied' ORDER BY arrival"
    )
    assert await pool.fetch(query) == []
    await inbox.take(pool, [one])
    assert [row["seq"] for row in await pool.fetch(query)] == [1, 2, 3]


async def test_without_the_guard_a_duplicate_is_applied_twice(pool: Pool) -> None:
    """Shows that the test above can fail: the inbox is what makes it pass."""
    inbox = Inbox(handler=effect, dedup=False)
    event = wire(TOPIC, number(1), 1)
    await inbox.take(pool, [event])
    await inbox.take(pool, [event])
    assert await effects(pool) == {number(1): [1, 1]}


async def test_a_failed_transaction_leaves_nothing_behind(pool: Pool) -> None:
    inbox = Inbox(handler=effect)
    await pool.execute("ALTER TABLE effect ADD CHECK (seq < 3)")
    taken: Taken = await inbox.take(pool, [wire(TOPIC, number(1), seq) for seq in (1, 2, 3)])
    assert taken.applied == 2
    last = await pool.fetchval("SELECT last FROM stream_position")
    assert last == 2

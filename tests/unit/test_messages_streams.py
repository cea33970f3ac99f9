"""Whose turn it is, by property: against a model that simply sorts."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.messages import Raw
from services.runtime.streams import Item, Stream, arrange

A = Stream("A", "topic", "source")
B = Stream("B", "topic", "source")


def item(stream: Stream, seq: int, *, waited: bool = False) -> Item:
    return Item(
        event_id=uuid4(),
        stream=stream,
        seq=seq,
        type="t",
        raw=Raw(topic=stream.topic, value=b""),
        waited=waited,
    )


def test_what_is_contiguous_is_ready_in_order_of_number() -> None:
    two, one, four = item(A, 2), item(A, 1), item(A, 4)
    found = arrange({A: 0}, [], [two, one, four])
    assert (found.ready, found.parked, found.stale) == ([one, two], [four], [])


def test_streams_do_not_wait_for_each_other() -> None:
    missing, there = item(A, 2), item(B, 1)
    found = arrange({A: 0, B: 0}, [], [missing, there])
    assert (found.ready, found.parked) == ([there], [missing])


def test_what_waited_is_not_parked_anew() -> None:
    waiting, fresh = item(A, 3, waited=True), item(A, 5)
    found = arrange({A: 1}, [waiting], [fresh])
    assert (found.ready, found.parked) == ([], [fresh])


def test_a_number_used_before_or_twice_is_stale() -> None:
    old, first, second = item(A, 3), item(A, 5), item(A, 5)
    found = arrange({A: 3}, [], [old, first, second])
    assert (found.parked, found.stale) == ([first], [old, second])


@given(
    last=st.integers(0, 5),
    waiting=st.sets(st.integers(1, 12)),
    fresh=st.lists(st.integers(1, 12)),
)
def test_every_event_ends_in_exactly_one_place(
    last: int, waiting: set[int], fresh: list[int]
) -> None:
    waited = [item(A, seq, waited=True) for seq in sorted(waiting) if seq > last + 1]
    new = [item(A, seq) for seq in fresh]
    found = arrange({A: last}, waited, new)

    held = {one.event_id for one in waited}
    placed = [one.event_id for one in (*found.ready, *found.parked, *found.stale)]
    assert len(placed) == len(set(placed))
    assert {one.event_id for one in new} <= set(placed) <= held | {one.event_id for one in new}

    numbers = {one.seq for one in (*waited, *new)}
    reached = last
    while reached + 1 in numbers:
        reached += 1
    assert [one.seq for one in found.ready] == list(range(last + 1, reached + 1))
    assert all(one.seq > reached for one in found.parked)

"""A token bucket for each client: never more than its rate allows, and bounded memory."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.web.rates import Buckets, Rate, client_at


class Watch:
    """Real time, turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_client_has_its_burst_and_then_its_rate() -> None:
    watch = Watch()
    buckets = Buckets(Rate(per_second=2, burst=3), watch)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.take("b") == 0
    watch.now += 0.5
    assert [buckets.take("a") for _ in range(2)] == [0, 1]
    watch.now += 3600
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 1]


def test_it_is_told_how_long_to_wait_and_that_is_enough() -> None:
    watch = Watch()
    buckets = Buckets(Rate(per_second=0.25, burst=1), watch)
    assert buckets.take("a") == 0
    wait = buckets.take("a")
    assert wait == 4
    watch.now += wait
    assert buckets.take("a") == 0


def test_who_was_not_heard_of_for_the_longest_is_forgotten_first() -> None:
    buckets = Buckets(Rate(per_second=1, burst=1, clients=2), Watch())
    assert [buckets.take(one) for one in "aba"] == [0, 0, 1]
    assert buckets.take("c") == 0
    assert len(buckets) == 2
    assert [buckets.take(one) for one in "ab"] == [1, 0]


@given(
    steps=st.lists(st.integers(0, 4000), max_size=200),
    burst=st.integers(1, 5),
    rate=st.sampled_from([1, 2, 4]),
)
def test_in_no_stretch_of_time_more_than_burst_and_rate(
    steps: list[int], burst: int, rate: int
) -> None:
    watch = Watch()
    buckets = Buckets(Rate(per_second=rate, burst=burst), watch)
    taken: list[Fraction] = []
    for step in steps:
        watch.now += step / 1024
        if buckets.take("a") == 0:
            taken.append(Fraction(watch.now))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            stretch = taken[last] - taken[first]
            assert last - first + 1 <= burst + rate * stretch


@pytest.mark.parametrize(
    ("address", "name", "is_loopback"),
    [
        ("203.0.113.7", "203.0.113.7", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::/64", True),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", False),
        ("fe80::1%eth0", "fe80::/64", False),
        ("::ffff:203.0.113.7", "203.0.113.7", False),
        ("", "", True),
        ("testclient", "testclient", True),
    ],
)
def test_a_network_is_one_client_and_this_machine_is_known(
    address: str, name: str, is_loopback: bool
) -> None:
    found = client_at(address)
    assert (found.name, found.is_loopback) == (name, is_loopback)

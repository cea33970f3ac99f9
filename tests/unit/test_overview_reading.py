"""However many look at the overview: it is looked up once a second; time alone moves little."""

import asyncio
from itertools import pairwise

import pytest

from services.orchestrator.pages.overview import FRESH_S, Overview, Queue, Reading, passed


def overview(age: float) -> Overview:
    queue = Queue(topic="t", kind="to_send", number=1, again=0, age=passed(age))
    return Overview(
        counts=(),
        in_hand=(),
        queues=(queue,),
        pulses=(),
        cards={},
        dead=0,
        risks=None,
        more=False,
        risky=(),
    )


class Looks:
    """Counts how often it was looked; the first look may fail."""

    def __init__(self, *, fails: bool = False) -> None:
        self.number, self.fails, self.second = 0, fails, 0.0

    async def __call__(self) -> Overview:
        self.number += 1
        await asyncio.sleep(0)
        if self.fails and self.number == 1:
            raise ConnectionError
        return overview(0)

    def reading(self) -> Reading:
        return Reading(self, real=lambda: self.second)


async def test_all_streams_look_at_one_reading() -> None:
    looks = Looks()
    reading = looks.reading()
    first, *others = await asyncio.gather(*(reading.now() for _ in range(50)))
    assert all(one is first for one in others)
    looks.second = FRESH_S / 2
    assert await reading.now() is first
    assert looks.number == 1
    looks.second = FRESH_S
    assert await reading.now() is not first
    assert looks.number == 2


async def test_a_look_that_fails_is_nobody_elses() -> None:
    looks = Looks(fails=True)
    reading = looks.reading()
    found = await asyncio.gather(reading.now(), reading.now(), return_exceptions=True)
    assert [type(one) for one in found] == [ConnectionError, Overview]


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(-3, 0), (59.9, 0), (60, 60), (299, 120), (3599, 1800), (3600, 3600), (7300, 7200)],
)
def test_an_age_is_the_last_that_was_passed(seconds: float, age: int) -> None:
    assert passed(seconds) == age


def test_in_an_hour_time_alone_moves_the_page_seven_times() -> None:
    shown = [repr(overview(second)) for second in range(3601)]
    assert sum(one != another for one, another in pairwise(shown)) == 7

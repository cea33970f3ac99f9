"""Figures for a monitoring system: the text that Prometheus reads."""

import re
from datetime import UTC, datetime, timedelta

from services.runtime.heartbeats import Backlog, Beat
from services.runtime.web.metrics import metrics, text

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
LINE = re.compile(r'^[a-z_]+(\{([a-z]+="([^"\\\n]|\\[\\"n])*",?)*\})? [-+0-9.e]+$')


def shown(loop: str = "relay") -> list[str]:
    beat = Beat(loop=loop, at=NOW - timedelta(seconds=2), progress_at=NOW - timedelta(seconds=70))
    found = metrics(
        backlog=Backlog(pending=3, unreceipted=0, parked=1, undelivered=0, dead=2),
        oldest={"outbox": 12.5, "inbox": 0.0},
        beats=[("host-1", beat)],
        now=NOW,
        requests={"2xx": 7, "5xx": 1},
    )
    return text(found).split("\n")


def test_what_waits_and_for_how_long_who_lives_and_what_was_answered() -> None:
    found = shown()
    for line in (
        'lianshen_backlog_rows{state="pending"} 3',
        'lianshen_backlog_rows{state="dead"} 2',
        'lianshen_queue_age_seconds{queue="outbox"} 12.5',
        'lianshen_loop_seen_age_seconds{loop="relay",instance="host-1"} 2',
        'lianshen_loop_progress_age_seconds{loop="relay",instance="host-1"} 70',
        'lianshen_requests_total{status="5xx"} 1',
        "# TYPE lianshen_requests_total counter",
    ):
        assert line in found


def test_every_line_is_a_value_or_a_comment_and_the_last_one_ends() -> None:
    *lines, last = shown('a"b\\c\nd')
    assert last == ""
    assert [one for one in lines if not one.startswith("# ") and not LINE.match(one)] == []
    assert any(r'loop="a\"b\\c\nd"' in one for one in lines)

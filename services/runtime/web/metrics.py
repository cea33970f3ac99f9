"""What a monitoring system reads: figures of one process and its database, as Prometheus text.

Exposition format 0.0.4. Gauges are read when asked for; nothing is kept for them but the number of
requests by class of status. Labels are names of ours and never anything of a case.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from services.runtime import heartbeats
from services.runtime.db import Connection, beside, load
from services.runtime.heartbeats import Backlog, Beat

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_queries = load(beside(heartbeats.__file__))


class Metric(NamedTuple):
    """One metric: its values by the labels they are told apart by."""

    name: str
    kind: str
    says: str
    values: tuple[tuple[Mapping[str, str], float], ...]


async def read(conn: Connection, requests: Mapping[str, int]) -> str:
    """Return everything there is to know now. `requests` are counts by class of status."""
    row = await _queries.waiting_since(conn)
    return text(
        metrics(
            backlog=await heartbeats.backlog(conn),
            oldest={"outbox": row["outbox"], "inbox": row["inbox"]},
            beats=await heartbeats.read(conn),
            now=row["now"],
            requests=requests,
        )
    )


def metrics(
    *,
    backlog: Backlog,
    oldest: Mapping[str, float],
    beats: Iterable[tuple[str, Beat]],
    now: datetime,
    requests: Mapping[str, int],
) -> Iterator[Metric]:
    """Yield the metrics. `oldest` are ages in seconds by queue, 0 when nothing waits."""
    waiting = tuple(({"state": name}, float(rows)) for name, rows in asdict(backlog).items())
    yield Metric("lianshen_backlog_rows", "gauge", "Messages that wait, by what for.", waiting)
    ages = tuple(({"queue": name}, age) for name, age in oldest.items())
    yield Metric("lianshen_queue_age_seconds", "gauge", "Age of the oldest that waits.", ages)
    loops = [({"loop": beat.loop, "instance": instance}, beat) for instance, beat in beats]
    seen = tuple((of, (now - beat.at).total_seconds()) for of, beat in loops)
    yield Metric("lianshen_loop_seen_age_seconds", "gauge", "Since a loop last turned.", seen)
    moved = tuple((of, (now - beat.progress_at).total_seconds()) for of, beat in loops)
    yield Metric("lianshen_loop_progress_age_seconds", "gauge", "Since it last achieved.", moved)
    answered = tuple(({"status": name}, float(count)) for name, count in requests.items())
    yield Metric("lianshen_requests_total", "counter", "Requests answered by this one.", answered)


def text(found: Iterable[Metric]) -> str:
    """Return metrics as text; the values of each in the order of their labels."""
    lines = []
    for one in found:
        lines += [f"# HELP {one.name} {one.says}", f"# TYPE {one.name} {one.kind}"]
        lines += sorted(f"{one.name}{{{_labels(of)}}} {value:g}" for of, value in one.values)
    return "\n".join([*lines, ""])


def _labels(of: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in of.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

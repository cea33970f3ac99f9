"""Invariant 6: messages of one stream in their order, each once, none lost, none made up."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from services.contracts.topics import APPLICATIONS, PROGRESS
from services.contracts.vocabulary import Service
from services.verification.folders import Folder, Row, Rows
from services.verification.report import MESSAGES, Finding
from services.verification.world import Finder, World

TASKS_PREFIX, DECISIONS_PREFIX = "lianshen.tasks.", "lianshen.decisions."
OPERATOR = "operator"
SETTLED = ("applied", "discarded")


def messages(folder: Folder, world: World) -> Iterator[Finding]:
    """6: numbers without gap and in order, in the outboxes, the inboxes and the workflow."""
    find = Finder(invariant=MESSAGES, number=folder.number, moving=folder.moving)
    for service in Service:
        store = folder.store(service)
        last = {(row["topic"], row["source"]): row["last"] for row in store["stream_position"]}
        yield from _sent_in_order(find, service, store, last)
        yield from _applied_in_order(find, service, store, last)
        yield from _arrived(find, folder, service, world)
        yield from _sent_by_somebody(find, folder, service)
    yield from _driven_in_order(find, folder)


def _streams(rows: Sequence[Row]) -> dict[tuple[str, str | None], list[Row]]:
    found: dict[tuple[str, str | None], list[Row]] = {}
    for row in rows:
        found.setdefault((row["topic"], row.get("source")), []).append(row)
    return found


def _sent_in_order(
    find: Finder, service: Service, store: Rows, last: dict[tuple[str, str], int]
) -> Iterator[Finding]:
    for (topic, _), rows in _streams(store["outbox"]).items():
        seqs = [row["seq"] for row in rows]
        if seqs != list(range(1, len(seqs) + 1)) or last.get((topic, service)) != len(seqs):
            yield find.within(f"{service} has sent {_brief(seqs)} on {topic}")


def _applied_in_order(
    find: Finder, service: Service, store: Rows, last: dict[tuple[str, str], int]
) -> Iterator[Finding]:
    rows = [row for row in store["inbox"] if row["source"] != OPERATOR]
    for (topic, source), stream in _streams(rows).items():
        settled = sorted(row["seq"] for row in stream if row["state"] in SETTLED)
        reached = last.get((topic, str(source)), 0)
        below = [seq for seq in settled if seq <= reached]
        if below != list(range(1, reached + 1)):
            yield find.within(
                f"{service} has applied {_brief(settled)} of {source} on {topic}, up to {reached}"
            )
        if any(row["state"] == "applied" and row["seq"] > reached for row in stream):
            yield find.within(f"{service} has applied beyond {reached} of {source} on {topic}")
        applied = [row["seq"] for row in stream if row["state"] == "applied"]
        if applied != sorted(applied):
            yield find.within(f"{service} has applied {_brief(applied)} out of order on {topic}")


def _brief(seqs: Sequence[int]) -> str:
    shown = ", ".join(map(str, seqs[:12]))
    return f"[{shown}, ...]" if len(seqs) > 12 else f"[{shown}]"  # noqa: PLR2004  see line above


def _consumer(topic: str, world: World) -> Service | None:
    """Return who reads a topic; None: a department's own software."""
    if topic == APPLICATIONS.name or topic.startswith(DECISIONS_PREFIX):
        return Service.ORCHESTRATOR
    if topic == PROGRESS.name:
        return Service.INTAKE
    department = topic.removeprefix(TASKS_PREFIX).rpartition(".")[0]
    return None if department in world.own else Service.DEPARTMENTS


def _arrived(find: Finder, folder: Folder, service: Service, world: World) -> Iterator[Finding]:
    """What was sent is in its reader's inbox, byte for byte."""
    inboxes = {one: {row["event_id"]: row for row in folder.store(one)["inbox"]} for one in Service}
    for row in folder.store(service)["outbox"]:
        reader = _consumer(row["topic"], world)
        if reader is None:
            continue
        there = inboxes[reader].get(row["event_id"])
        what = f"{row['topic']} {row['seq']} of {service}"
        if there is None and row["state"] == "closed":
            yield find.across(f"{what} is receipted, but {reader} does not have it")
        elif there is None:
            yield find.across(f"{what} has not reached {reader}")
        elif there["digest"] != row["digest"] or there["seq"] != row["seq"]:
            yield find.within(f"{what} is not what {reader} has")


def _sent_by_somebody(find: Finder, folder: Folder, service: Service) -> Iterator[Finding]:
    """What is in an inbox was sent by whom it names."""
    sent = {one: {row["event_id"] for row in folder.store(one)["outbox"]} for one in Service}
    for row in folder.store(service)["inbox"]:
        if row["source"] in sent and row["event_id"] not in sent[Service(row["source"])]:
            yield find.across(
                f"{service} has {row['topic']} {row['seq']}, which {row['source']} never sent"
            )


def _driven_in_order(find: Finder, folder: Folder) -> Iterator[Finding]:
    """The workflow was given every stream's messages in the order of their numbers."""
    known = {str(row["event_id"]): row for row in folder.orchestrator["inbox"]}
    reached: dict[Any, int] = {}
    given = set()
    for turn in folder.orchestrator["journal"]:
        for event in orjson.loads(turn["events"]):
            ref = event.get("ref") or ""
            row = known.get(ref)
            if not ref or ref in given or (row is not None and row["source"] == OPERATOR):
                continue
            given.add(ref)
            if row is None:
                yield find.within(f"turn {turn['turn']} applied a message that never came: {ref}")
                continue
            stream = (row["topic"], row["source"])
            if row["seq"] < reached.get(stream, 0):
                yield find.within(f"turn {turn['turn']} applied {stream} out of order")
            reached[stream] = row["seq"]

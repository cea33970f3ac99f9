"""One look at all stores, and as many as it takes until what is in flight has arrived."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import orjson

from services.contracts.vocabulary import Service
from services.orchestrator.workflows import TemporalAwayError, running_applications
from services.runtime.db import Connection
from services.verification import stores
from services.verification import world as worlds
from services.verification.acceptance import acceptance
from services.verification.answers import answers
from services.verification.authority import authority
from services.verification.conservation import conservation, tasks
from services.verification.dates import dates
from services.verification.days import Days
from services.verification.decisions import decisions, lapses
from services.verification.documents import documents
from services.verification.editions import approvals, editions
from services.verification.fees import fees
from services.verification.folders import Folder, folders, queries
from services.verification.later import later
from services.verification.measures import measures
from services.verification.messages import messages
from services.verification.ratings import ratings
from services.verification.rectification import rectification
from services.verification.renewals import renewals
from services.verification.report import LIVENESS, Finding, Report
from services.verification.sessions import sessions
from services.verification.sources import Sources, SourcesError, of_stack
from services.verification.supervision import supervision
from services.verification.world import World

CHECKS: tuple[Callable[[Folder, World], Iterator[Finding]], ...] = (
    conservation,
    tasks,
    decisions,
    lapses,
    renewals,
    rectification,
    authority,
    sessions,
    editions,
    documents,
    fees,
    messages,
    dates,
    acceptance,
    later,
    supervision,
    ratings,
    measures,
)
LOOK_AGAIN_S = 0.5
_CONNECT_S = 10.0


async def verify(
    where: Path | Sources, *, settle: float = 0.0, application: str | None = None
) -> Report:
    """Check all invariants over all stores, reading only.

    Args:
        where: the data folder of a running stack, or the stores themselves.
        settle: look again for up to so many seconds while anything is in flight; what every look
            has found by then is a violation. 0: look once, and leave what is in flight alone.
        application: only this one, and the stores as a whole.

    Raises:
        SourcesError: a store cannot be read.
    """
    sources = of_stack(where) if isinstance(where, Path) else where
    began = time.monotonic()
    report = await _look(sources, application)
    lasting = report.in_flight
    looks = 1
    while report.in_flight and time.monotonic() < began + settle:
        await asyncio.sleep(LOOK_AGAIN_S)
        report = await _look(sources, application)
        known = {finding.identity for finding in report.in_flight}
        lasting = [finding for finding in lasting if finding.identity in known]
        looks += 1
    if settle:
        report.settle(lasting)
    report.looks, report.seconds = looks, time.monotonic() - began
    return report


async def _look(sources: Sources, application: str | None) -> Report:
    world = worlds.read(sources)
    report = Report()
    try:
        world.running = await running_applications(sources.temporal)
    except TemporalAwayError as error:
        report.findings.append(
            Finding(invariant=LIVENESS, subject="temporal", message=f"does not answer: {error}")
        )
    async with _snapshots(sources) as connections:
        now = {one: await queries.begin(conn) for one, conn in connections.items()}
        async for row in queries.calendars(connections[Service.ORCHESTRATOR]):
            world.kept[row["version"]] = Days.of_content(orjson.loads(row["content"]))
        async for folder in folders(connections, now, application):
            _count(report, folder)
            for check in CHECKS:
                report.findings += check(folder, world)
        await _look_at_stores(sources, connections, world, report)
    report.notes += (
        f"dates under calendar {version}, which is not the one in {sources.calendar}"
        for version in sorted(world.unknown_calendars)
    )
    return report


async def _look_at_stores(
    sources: Sources, connections: dict[Service, Connection], world: World, report: Report
) -> None:
    async for finding in stores.papers(connections[Service.DEPARTMENTS]):
        report.findings.append(finding)
    async for finding in answers(connections[Service.INTAKE], world):
        report.findings.append(finding)
    async for finding in approvals(connections[Service.INTAKE]):
        report.findings.append(finding)
    async for finding in stores.keys(connections[Service.INTAKE]):
        report.findings.append(finding)
    for service, conn in connections.items():
        verifier = sources.verifiers.get(service)
        async for finding in stores.audit(conn, service, verifier, report):
            report.findings.append(finding)
        sealed = verifier is not None
        async for finding in stores.liveness(conn, service, report, sealed=sealed):
            report.findings.append(finding)


def _count(report: Report, folder: Folder) -> None:
    report.counted["applications"] += 1
    report.counted["tasks"] += len(folder.orchestrator["task"])
    report.counted["outcomes"] += len(folder.departments["outcome"])
    report.counted["messages"] += sum(len(folder.store(one)["outbox"]) for one in Service)


@asynccontextmanager
async def _snapshots(sources: Sources) -> AsyncIterator[dict[Service, Connection]]:
    """Open one snapshot of every store; nothing is locked and nothing can be written."""
    async with AsyncExitStack() as opened:
        connections: dict[Service, Connection] = {}
        for service, dsn in sources.dsns.items():
            try:
                conn = await asyncpg.connect(
                    dsn,
                    timeout=_CONNECT_S,
                    server_settings={"application_name": "lianshen-verify", "timezone": "UTC"},
                )
            except (OSError, asyncpg.PostgresError) as error:
                raise SourcesError(
                    f"The database of {service} cannot be opened ({type(error).__name__})."
                ) from error
            opened.push_async_callback(conn.close)
            await opened.enter_async_context(
                conn.transaction(isolation="repeatable_read", readonly=True)
            )
            connections[service] = conn
        yield connections

"""Invariants 7, 9 and 10, and the papers of 5, which are about a store as a whole."""

from collections.abc import AsyncIterator

from services.contracts.vocabulary import Service
from services.runtime import audit_check
from services.runtime.db import Connection
from services.runtime.notes import Verifier
from services.verification.folders import YOUNG_S, queries
from services.verification.report import AUDIT, AUTHORITY, KEYS, LIVENESS, Finding, Report

KEYS_CHECKED_DAYS = 6
"""Keys are forgotten after a week."""
LOOPS = {
    Service.INTAKE: ("consumer", "relay"),
    Service.ORCHESTRATOR: ("consumer", "deliverer", "relay", "sweeper"),
    Service.DEPARTMENTS: ("consumer", "relay", "sweeper"),
}
"""What every service must have; where its log is signed, also a sealer."""


async def audit(
    conn: Connection, service: Service, verifier: Verifier | None, report: Report
) -> AsyncIterator[Finding]:
    """7: the log, recomputed from its first leaf, matches every signed checkpoint."""
    if verifier is None:
        report.notes.append(f"the log of {service}: give its verifier key with --key")
        return
    found = await audit_check.verify(conn, verifier)
    report.counted["audit leaves"] += found.leaves
    report.counted["audit leaves not yet sealed"] += found.unsealed
    for message in found.findings:
        yield Finding(invariant=AUDIT, subject=f"log of {service}", message=message)


async def papers(conn: Connection) -> AsyncIterator[Finding]:
    """5: authorisations and absences are what their acts recorded, begun and ended once each."""
    async for row in queries.papers(conn):
        yield Finding(
            invariant=AUTHORITY,
            subject=f"{row['paper']} {row['id']}",
            message=f"begun {row['begun']} times and ended {row['ended']} times by the log of acts",
        )


async def keys(conn: Connection) -> AsyncIterator[Finding]:
    """9: every answer of intake names its owner's application; every application has one key."""
    async for row in queries.keys_without_application(conn):
        yield Finding(
            invariant=KEYS,
            subject=row["location"],
            message="it was answered to a key, but its owner has no such application",
        )
    async for row in queries.applications_by_keys(conn, days=KEYS_CHECKED_DAYS):
        yield Finding(
            invariant=KEYS, subject=row["application"], message=f"{row['keys']} keys made it"
        )


async def liveness(
    conn: Connection, service: Service, report: Report, *, sealed: bool
) -> AsyncIterator[Finding]:
    """10: no message stays where it is for a minute, no loop is silent for one."""
    async for row in queries.unclosed(conn, young=YOUNG_S):
        yield _stuck(
            f"{row['application']} {row['topic']} {row['seq']}",
            f"{row['state']} in the outbox of {service} after {row['attempts']} attempts",
            young=row["is_young"],
        )
    async for row in queries.waiting(conn, young=YOUNG_S):
        if not row["explained"]:
            waits = "parked" if row["state"] == "parked" else "not handed on"
            yield _stuck(
                f"{row['application']} {row['topic']} {row['seq']}",
                f"{waits} in the inbox of {service}",
                young=row["is_young"],
            )
    alive = {row["loop"]: row["alive"] async for row in queries.loops(conn, young=YOUNG_S)}
    needed = (*LOOPS[service], "sealer") if sealed else LOOPS[service]
    for name in {f"{service}.{loop}" for loop in needed} | alive.keys():
        if not alive.get(name, False):
            message = "silent for a minute" if name in alive else "has never run"
            yield Finding(invariant=LIVENESS, subject=name, message=message)
    async for row in queries.dead_letters(conn):
        report.dead_letters.append(
            f"{service} {row['id']}: {row['type']} {row['seq']} of {row['source']} about "
            f"{row['application']}: {row['error_class']}: {row['error_message']}"
        )


def _stuck(subject: str, message: str, *, young: bool) -> Finding:
    return Finding(invariant=LIVENESS, subject=subject, message=message, in_flight=young)

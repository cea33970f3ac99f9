"""What the orchestrator tells of acceptances, as tables: where they stand, notices, receipts.

Statements are spent on applications that departments examine only.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from services.contracts.events import AcceptanceProgress, ApplicationProgressed
from services.contracts.vocabulary import AcceptanceOutcome, AcceptanceState
from services.domain.calendar import ZONE
from services.intake import supplement_store as store
from services.runtime.db import Connection

_ACCEPTANCE = (
    *("applications", "states", "rounds", "untils", "outstandings", "kinds", "accepted_ons"),
    "ats",
)


async def project(conn: Connection, events: Sequence[ApplicationProgressed]) -> None:
    """Write what events tell of acceptances, in their order."""
    told = [(event, event.acceptance) for event in events if event.acceptance is not None]
    if not told:
        return
    rows: dict[str, Sequence[Any]] = {}
    for event, one in told:
        if one.state is AcceptanceState.ACCEPTED and one.accepted_on is None:
            continue  # an acceptance is told with its day, once; this is about departments alone
        rows[event.application] = _row(event, one, rows.get(event.application))
    if rows:
        await store.project_acceptances(conn, _columns(_ACCEPTANCE, list(rows.values())))
    if examiners := dict(_examiners(told)):
        looks = [(*key, state) for key, state in examiners.items()]
        await store.project_examiners(
            conn, _columns(("applications", "departments", "states"), looks)
        )
    if notices := [_notice(event, one) for event, one in told if one.notice]:
        names = ("applications", "rounds", "lines", "sent_ats")
        await store.add_notices(conn, _columns(names, notices))
    promised = {e.application: one.promised_days for e, one in told if one.promised_days}
    if promised:
        await store.promise_anew(
            conn, _columns(("applications", "promised_days"), list(promised.items()))
        )
    for event, one in told:
        await _receipts(conn, event, one)


def _row(
    event: ApplicationProgressed, one: AcceptanceProgress, before: Sequence[Any] | None
) -> Sequence[Any]:
    """One application's row; a limit that was told holds until another is, or none runs."""
    until = one.until
    if until is None and before is not None and one.state is AcceptanceState.EXAMINING:
        until = before[_ACCEPTANCE.index("untils")]
    return (
        event.application,
        one.state,
        one.round,
        until,
        orjson.dumps(one.outstanding).decode(),
        one.kind,
        one.accepted_on,
        event.at,
    )


def _examiners(
    told: Sequence[tuple[ApplicationProgressed, AcceptanceProgress]],
) -> Iterator[tuple[tuple[str, str], str]]:
    """Later states of one department replace earlier ones."""
    for event, one in told:
        for state, departments in (
            ("silent", one.silent),
            ("answered", one.in_time),
            ("asked", one.examining),
            ("answered", one.answered),
        ):
            for department in departments:
                yield (event.application, department), state


def _notice(event: ApplicationProgressed, one: AcceptanceProgress) -> Sequence[Any]:
    lines = [line.model_dump(mode="json") for line in one.notice]
    round_ = one.notice_round or one.round
    return (event.application, round_, orjson.dumps(lines).decode(), event.at)


async def _receipts(
    conn: Connection, event: ApplicationProgressed, one: AcceptanceProgress
) -> None:
    """Notice and acceptance are given in writing, with their date (32)."""
    if one.notice:
        await store.add_receipt(
            conn,
            application=event.application,
            outcome=AcceptanceOutcome.INCOMPLETE,
            dated=event.at.astimezone(ZONE).date(),
            at=event.at,
            told={
                "round": one.notice_round or one.round,
                "lines": [line.model_dump(mode="json") for line in one.notice],
            },
        )
    if one.accepted_on is not None:
        promised = None if event.promised_at is None else event.promised_at.isoformat()
        await store.add_receipt(
            conn,
            application=event.application,
            outcome=AcceptanceOutcome.ACCEPTED,
            dated=event.at.astimezone(ZONE).date(),
            at=event.at,
            told={
                "kind": one.kind,
                "accepted_on": one.accepted_on.isoformat(),
                "silent": list(one.silent),
                "promised_at": promised,
                "promised_days": one.promised_days,
            },
        )


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}

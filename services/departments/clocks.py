"""Pausing and extending: what a department does to the clock of a task.

Only what the catalogue version of the case lists for the item, and only in writing: a pause
without a written notice stops nothing (行政许可法 45), an extension without its approver's decision
lengthens nothing (行政许可法 42). The dates that follow are derived elsewhere and come back as a
message.

Each act runs in the caller's transaction: effect, message, history and audit leaf together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.contracts.clocks import Days
from services.contracts.events import Event, TaskExtended, TaskPaused, TaskPauseEnded, TaskRedated
from services.contracts.topics import DECISIONS, decisions_topic
from services.contracts.vocabulary import Approver, Part, PauseKind, Role, Service, TaskState
from services.departments import clocks_store, handling
from services.departments.authority import Grounds, forbid_held, mandate, on_clock
from services.departments.clocks_store import Actor, NewExtension, NewPause
from services.departments.problems import (
    EXTENSION_INVALID,
    EXTENSION_UNAPPROVED,
    LIMIT_OVER,
    NOT_PAUSED,
    PAUSE_INVALID,
    PAUSED,
    REPRESENTATIVE_REQUIRED,
    WRONG_PART,
)
from services.departments.store import Row
from services.domain import clock_rules
from services.domain.calendar import ZONE, WorkingCalendar
from services.domain.catalogue import Extension, Item, Limit, Uncounted
from services.domain.limits import LONGEST_PAUSE, Pause, day_of_act
from services.runtime import audit, outbox
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Outgoing
from services.runtime.telemetry import Attribute, SpanName, current_traceparent, span
from services.runtime.web.etag import Expected
from services.runtime.web.problems import Fault, Problem, Words


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseAsked:
    """A pause as somebody wants it. `notice` None: nothing was told in writing."""

    kind: PauseKind
    until: date
    notice: str | None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtensionAsked:
    """An extension as somebody wants it; `approval` is the approver's written decision."""

    days: int
    approver: Approver
    approval: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """What became of a task's clock: the number of the pause or extension, and the version."""

    id: int
    task: str
    number: int
    at: datetime
    version: int


class Clocks:
    """The acts, with what they need of the county: clock, calendar, catalogues."""

    def __init__(self, clock: Clock, shelf: Shelf) -> None:
        """Keep the business clock and the shelf."""
        self._clock = clock
        self._shelf = shelf

    async def pause(
        self, conn: Connection, who: Principal, task: int, asked: PauseAsked, expected: Expected
    ) -> Changed:
        """Stop a task's clock, from today until the day that the written notice names.

        Raises:
            Problem: 404, 403 own application, 409 (ended, another part, held by another officer,
                paused, limit over), 412, 422 `pause-invalid`: the clock runs on.
        """
        row, clock, own = await self.locked(conn, who, task, expected)
        at, calendar = self._clock.now(), self._shelf.calendar
        day = day_of_act(at, calendar)
        forbid_paused(row["state"], clock["paused_until"], day)
        _forbid_over(clock, day)
        rule = clock_rules.uncounted(self._item(row, clock), asked.kind)
        before = await clocks_store.item_pauses(conn, task)
        cap = cap_left(rule, asked.kind, before, calendar)
        faults = _pause_faults(rule, asked, cap, day, calendar)
        if faults or rule is None or asked.notice is None:
            raise Problem(PAUSE_INVALID, errors=faults)
        made = NewPause(
            number=clock["pauses"] + 1,
            kind=asked.kind,
            from_on=day,
            until_on=asked.until,
            cap=None if cap is None else (cap.value, cap.unit),
            notice=asked.notice,
            article=clock_rules.citation(rule.basis),
            reason=asked.reason,
        )
        by = Actor(ref=who.ref, role=own.role, at=at, authorisation=own.authorisation)
        version = await clocks_store.add_pause(conn, task, made, by)
        event = TaskPaused(
            **_about(row, by),
            pause=made.number,
            kind=made.kind,
            until=made.until_on,
            cap=None if cap is None else Days(value=cap.value, unit=cap.unit),
            notice=made.notice,
            article=made.article,
            reason=made.reason,
            paused_at=at,
        )
        facts = {"pause": made.number, "kind": made.kind, "until": made.until_on.isoformat()}
        await _tell(conn, row, event, by, "task.paused", facts | {"notice": made.notice})
        return _changed(row, made.number, at, version)

    async def end_pause(
        self, conn: Connection, who: Principal, task: int, number: int, expected: Expected
    ) -> Changed:
        """End a pause before its day: today is still not counted, tomorrow is.

        Raises:
            Problem: 404, 403 own application, 409 (ended, held, not paused so), 412.
        """
        row, clock, own = await self.locked(conn, who, task, expected)
        at = self._clock.now()
        day = day_of_act(at, self._shelf.calendar)
        until = clock["paused_until"]
        if until is None or until < day or clock["pauses"] != number:
            raise Problem(NOT_PAUSED)
        by = Actor(ref=who.ref, role=own.role, at=at, authorisation=own.authorisation)
        version = await clocks_store.end_pause(conn, task, number, day, by)
        event = TaskPauseEnded(**_about(row, by), pause=number, ended_at=at)
        await _tell(conn, row, event, by, "task.pause_ended", {"pause": number})
        return _changed(row, number, at, version)

    async def extend(
        self, conn: Connection, who: Principal, task: int, asked: ExtensionAsked, expected: Expected
    ) -> Changed:
        """Record that the approver whom the catalogue names has extended the statutory limit.

        Where written authorisations are required the chief's word for it is not enough: see
        `extending`.

        Raises:
            Problem: 404, 403 (own application, not the chief representative), 409 (ended, another
                part, limit over, the approver has to answer himself), 412, 422
                `extension-invalid`.
        """
        row, clock, own = await self.locked(conn, who, task, expected)
        if own.authorisation is not None:
            raise Problem(EXTENSION_UNAPPROVED)
        if not who.has(Role.CHIEF_REPRESENTATIVE):
            raise Problem(REPRESENTATIVE_REQUIRED)
        by = Actor(ref=who.ref, role=Role.CHIEF_REPRESENTATIVE, at=self._clock.now())
        return await self.lengthen(conn, row, clock, asked, by)

    def lawful(
        self, row: Row, clock: Row, days: int, approver: Approver, at: datetime
    ) -> Extension:
        """Return the rule that lets a limit be extended so. Raises Problem 409 limit over, 422."""
        _forbid_over(clock, day_of_act(at, self._shelf.calendar))
        rule = clock_rules.extension(self._item(row, clock))
        faults = _extension_faults(rule, days, approver, clock["extended"])
        if faults or rule is None:
            raise Problem(EXTENSION_INVALID, errors=faults)
        return rule

    async def lengthen(
        self,
        conn: Connection,
        row: Row,
        clock: Row,
        asked: ExtensionAsked,
        by: Actor,
        proposal: int | None = None,
    ) -> Changed:
        """Store and tell an extension of a task (locked), once more looked at. Raises as above."""
        rule = self.lawful(row, clock, asked.days, asked.approver, by.at)
        made = NewExtension(
            number=clock["extensions"] + 1,
            days=asked.days,
            unit=rule.limit.unit,
            approver=asked.approver,
            approval=asked.approval,
            article=clock_rules.citation(rule.basis),
            reason=asked.reason,
            proposal=proposal,
        )
        version = await clocks_store.add_extension(conn, row["id"], made, by)
        event = TaskExtended(
            **_about(row, by),
            extension=made.number,
            days=Days(value=made.days, unit=made.unit),
            approver=made.approver,
            approval=made.approval,
            article=made.article,
            reason=made.reason,
            extended_at=by.at,
        )
        facts = {"extension": made.number, "days": made.days, "approver": made.approver}
        await _tell(conn, row, event, by, "task.extended", facts | {"approval": made.approval})
        return _changed(row, made.number, by.at, version)

    async def locked(
        self, conn: Connection, who: Principal, task: int, expected: Expected
    ) -> tuple[Row, Row, Grounds]:
        """Return a task to decide, its clock, and what the principal acts on; locked.

        Raises:
            Problem: 404, 403 (own application, no authorisation), 409 (ended, another part, held by
                another officer), 412.
        """
        row = await handling.locked(conn, who, task)
        if row["part"] != Part.DECIDE:
            raise Problem(WRONG_PART, extra={"part": row["part"]})
        found = await mandate(conn, who, row["department"], [row], self._clock.now())
        if not who.has(Role.CHIEF_REPRESENTATIVE):
            forbid_held(row, who, found.absent)
        own = on_clock(row, who, found)
        expected.check(row["version"])
        return row, await clocks_store.clock_of(conn, task), own

    def _item(self, row: Row, clock: Row) -> Item:
        return self._shelf.version(clock["catalogue_version"]).item_by_code[row["item"]]


def forbid_paused(state: str, paused_until: date | None, day: date) -> None:
    """Raise Problem 409 when the clock of an open task is stopped on a day."""
    if state == TaskState.OPEN and paused_until is not None and paused_until >= day:
        raise Problem(PAUSED, extra={"until": paused_until.isoformat()})


def forbid_deciding_paused(row: Row | None, now: datetime) -> None:
    """Raise Problem 409 when somebody would decide while the clock stands: end the pause first."""
    if row is not None:
        forbid_paused(row["state"], row["paused_until"], now.astimezone(ZONE).date())


async def redate(conn: Connection, moved: Sequence[TaskRedated], rows: dict[str, Row]) -> None:
    """Take over the dates of tasks that are still open; of several about one the last counts."""
    open_ = {event.task: event for event in moved if rows[event.task]["state"] == TaskState.OPEN}
    if open_:
        found = sorted((rows[name]["id"], event) for name, event in open_.items())
        await clocks_store.redate_tasks(conn, found)


def _forbid_over(clock: Row, day: date) -> None:
    if clock["statutory_on"] is not None and day > clock["statutory_on"]:
        raise Problem(LIMIT_OVER, extra={"statutory_on": clock["statutory_on"].isoformat()})


def cap_left(
    rule: Uncounted | None, kind: PauseKind, before: Sequence[Row], calendar: WorkingCalendar
) -> Limit | None:
    """Return what earlier pauses of the item have left of a rule's cap; None: no cap."""
    if rule is None or rule.cap is None:
        return None
    used = [
        Pause(
            kind=kind,
            from_on=row["from_on"],
            until_on=max(row["until_on"], row["from_on"]),
            cap=None,
            notice=row["notice"],
            article=row["article"],
        )
        for row in before
        if row["kind"] == kind
    ]
    left = clock_rules.days_left(rule.cap, used, calendar)
    return Limit(value=left, unit=rule.cap.unit)


def _pause_faults(
    rule: Uncounted | None,
    asked: PauseAsked,
    cap: Limit | None,
    day: date,
    calendar: WorkingCalendar,
) -> list[Fault]:
    """Return all that is wrong, at once."""
    found = []
    if rule is None:
        words = Words(
            "目录未将该程序列为不计入时限",
            "The catalogue does not list this procedure as uncounted",
        )
        found.append(Fault("#/kind", words))
    if asked.notice is None:
        words = Words(
            "未书面告知所需时间的，期限继续计算（行政许可法第四十五条）",
            "Without a written notice of the time needed the clock runs on (行政许可法 45)",
        )
        found.append(Fault("#/notice", words))
    if asked.until < day:
        words = Words("截止日已过", f"The last day lies before {day}")
        found.append(Fault("#/until", words))
        return found
    last = day + LONGEST_PAUSE
    if cap is not None:
        last = clock_rules.last_day(cap.value, cap.unit, day, calendar)
    if asked.until > last:
        words = Words(f"超过上限，最迟至{last}", f"It is capped: {last} at the latest")
        found.append(Fault("#/until", words))
    return found


def _extension_faults(
    rule: Extension | None, days: int, approver: Approver, times: int
) -> list[Fault]:
    """Return all that is wrong, at once."""
    if rule is None:
        words = Words("该事项的期限不得延长", "No law lets the limit of this item be extended")
        return [Fault("#/days", words)]
    found = []
    if times >= rule.times:
        words = Words(f"只能延长{rule.times}次", f"It can be extended {rule.times} time(s)")
        found.append(Fault("#/days", words))
    if days > rule.limit.value:
        most = rule.limit.value
        found.append(Fault("#/days", Words(f"最多延长{most}日", f"{most} days at most")))
    if approver != rule.approver:
        words = Words(f"须由{rule.approver}批准", f"It takes the approval of the {rule.approver}")
        found.append(Fault("#/approver", words))
    return found


def _about(row: Row, by: Actor) -> dict[str, Any]:
    return {
        "application": row["application"],
        "task": row["task"],
        "department": row["department"],
        "actor_ref": by.ref,
        "actor_role": by.role,
    }


async def _tell(
    conn: Connection, row: Row, event: Event, by: Actor, act: str, facts: dict[str, Any]
) -> None:
    """Tell the orchestrator, in the application's trace, and leave the record."""
    number, request = row["application"], current_traceparent()
    with span(
        SpanName.CLOCK,
        traceparent=row["traceparent"] or request,
        links=[request],
        attributes={Attribute.APPLICATION: number, Attribute.DEPARTMENT: row["department"]},
    ):
        told = Outgoing(
            topic=decisions_topic(row["department"]),
            application=number,
            event=event,
            at=by.at,
            consumers=DECISIONS.consumers,
            traceparent=current_traceparent(),
        )
        await outbox.add(conn, Service.DEPARTMENTS, [told])
    facts |= {"task": row["task"], "department": row["department"], "role": by.role}
    if by.authorisation is not None:
        facts["authorisation"] = by.authorisation
    await audit.leaf(conn, act, number, by.ref, facts, at=by.at)


def _changed(row: Row, number: int, at: datetime, version: int) -> Changed:
    return Changed(id=row["id"], task=row["task"], number=number, at=at, version=version)

"""Absences: recorded in advance or at once, by oneself or by whoever leads the department.

While somebody is absent the substitute in his authorisation stands in, and what he has in hand
holds nobody up: no case waits for one person. Whom he names to take it up gets no authority by
that.
"""

from datetime import date, datetime, timedelta
from typing import Any

from services.contracts.vocabulary import Role
from services.departments import authority_store as store
from services.departments.problems import ABSENCE_OVER, ABSENT, ANOTHER_PERSON
from services.departments.scope import acting_role, department_of, leading_role
from services.departments.store import Row
from services.domain.calendar import ONE_DAY, WorkingCalendar
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.problems import INVALID, NOT_FOUND, Fault, Problem, Words

_BACKDATED = Fault("#/since", Words("缺勤不得倒签", "An absence is not recorded for the past"))
_TERM = Fault("#/until", Words("结束时间早于开始时间", "It ends before it has begun"))
_HIMSELF = Fault("#/substitute", Words("替补须为另一人", "The substitute is another person"))
LONGEST = timedelta(days=366)
_LATER = Words(
    "最多登记到一年以内；更久的请不填，即到另行通知",
    "Not more than a year from now; leave the last day empty for until further notice",
)
_IDLE = Fault("#/until", Words("这几天都不是工作日，无须登记", "None of these is a working day"))


async def record(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    person: str,
    substitute: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Row:
    """Record that somebody of one's department is absent, from now on unless `since` says later.

    `substitute`: who is to take up what he has in hand.

    Raises:
        Problem: 403: another's absence is recorded by who leads the department; 422: the times, or
            he would be his own substitute; 409: the substitute is absent himself when it begins.
    """
    department = department_of(who)
    role = _role(who, person)
    await store.guard(conn, department, alone=True)
    at = clock.now()
    begins = since or at
    faults = [
        fault
        for is_wrong, fault in (
            (begins < at, _BACKDATED),
            (until is not None and until <= begins, _TERM),
            (substitute == person, _HIMSELF),
        )
        if is_wrong
    ]
    if faults:
        raise Problem(INVALID, errors=faults)
    if substitute and await store.absent(conn, [substitute], department, at=begins):
        raise Problem(ABSENT)
    id_ = await store.record_absence(
        conn,
        department,
        person,
        substitute=substitute,
        since=begins,
        until=until,
        actor=who.ref,
        at=at,
    )
    facts = {"absence": id_, "person": person, "since": begins, "until": until, "role": role}
    if substitute is not None:
        facts["substitute"] = substitute
    await _leaf(conn, "absence.recorded", who, at, facts)
    return await _row(conn, id_, department)


async def end(conn: Connection, *, clock: Clock, who: Principal, id_: int) -> Row:
    """End an absence: somebody is back.

    Raises:
        Problem: 404; 403: another's; 409: it is over.
    """
    department = department_of(who)
    await store.guard(conn, department, alone=True)
    row = await _row(conn, id_, department)
    role = _role(who, row["person_ref"])
    at = clock.now()
    if row["ended_at"] is not None or (row["until"] is not None and row["until"] <= at):
        raise Problem(ABSENCE_OVER)
    await store.end_absence(conn, id_, actor=who.ref, at=at)
    await _leaf(conn, "absence.ended", who, at, {"absence": id_, "role": role})
    return await _row(conn, id_, department)


def term(
    calendar: WorkingCalendar, now: datetime, first: date | None, last: date | None
) -> tuple[datetime | None, datetime | None]:
    """Return from when until when somebody is absent on days, both of which count.

    That is from the opening of the first working day to the opening of the working day after the
    last one. No first day is now (None), whatever the hour; no last day is until further notice
    (None).

    Raises:
        Problem: 422: days that are over, in the wrong order, too far away, or all free.
    """
    today = calendar.local_date(now)
    begins, ends = first or today, last
    faults = [] if begins >= today else [_BACKDATED]
    faults += [
        Fault(pointer, _LATER)
        for pointer, day in (("#/since", begins), ("#/until", ends))
        if day is not None and day > today + LONGEST
    ]
    if not faults and ends is not None and ends < begins:
        faults = [_TERM]
    elif not faults and ends and not calendar.working_days_between(begins - ONE_DAY, ends):
        faults = [_IDLE]
    if faults:
        raise Problem(INVALID, errors=faults)
    since = None if first is None else calendar.opening_of(calendar.next_working_day(first))
    back = None if ends is None else calendar.opening_of(calendar.next_working_day(ends + ONE_DAY))
    return None if since is None or since <= now else since, back


def working_days(calendar: WorkingCalendar, since: datetime, until: datetime) -> int:
    """Return on how many working days somebody is absent, wholly or for a part of them."""
    first, last = calendar.local_date(since), calendar.local_date(until)
    after = first if since >= calendar.close_of(first) else first - ONE_DAY
    return calendar.working_days_between(
        after, last - ONE_DAY if until <= calendar.opening_of(last) else last
    )


def _role(who: Principal, person: str) -> Role:
    """Return the role in which somebody speaks of a person's absence. Raises Problem 403."""
    leads = who.has(Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD)
    if not leads and person != who.ref:
        raise Problem(ANOTHER_PERSON)
    return leading_role(who) if leads else acting_role(who)


async def _row(conn: Connection, id_: int, department: str) -> Row:
    row = await store.read_absence(conn, id_, department)
    if row is None:
        raise Problem(NOT_FOUND)
    return row


async def _leaf(
    conn: Connection, name: str, who: Principal, at: datetime, facts: dict[str, Any]
) -> None:
    await audit.leaf(conn, name, None, who.ref, facts, at=at)

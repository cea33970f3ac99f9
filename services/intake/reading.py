"""What an investor may read of applications of his own."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from services.contracts.vocabulary import ApplicationStatus, StepState, TaskState
from services.domain.catalogue import Catalogue, Name
from services.domain.plan import Plan
from services.domain.remedies import standing
from services.intake import documents_store, links, store
from services.intake.later import awaited_of
from services.intake.parts import Parts
from services.intake.shown import (
    Application,
    ApplicationPage,
    ApplicationRow,
    Holder,
    NoticeShown,
    PlanSummary,
    Progress,
    Results,
    ResultShown,
    SignalShown,
    StepShown,
    TaskShown,
)
from services.intake.shown_later import AwaitedShown
from services.intake.store import Row, Shown
from services.intake.submission import receipt_of
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.web import pages
from services.runtime.web.problems import NOT_FOUND, Problem

NEWEST = (datetime(9999, 12, 31, tzinfo=UTC), "")


async def list_own(parts: Parts, who: Principal, limit: int, after: str | None) -> ApplicationPage:
    """Return one page, newest first. Raises Problem 400 for a cursor that is none."""
    before = pages.decode(after, pages.instant, str) if after else NEWEST
    async with parts.pool.acquire() as conn:
        rows = await store.list_own(
            conn, owner=who.ref, before=(before[0], before[1]), limit=limit + 1
        )
    shown, following = pages.split(
        rows, limit, lambda row: pages.encode(row["submitted_at"], row["number"])
    )
    items = [ApplicationRow(**_row(parts, row)) for row in shown]
    return ApplicationPage(items=items, next=following)


def _row(parts: Parts, row: Row) -> dict[str, Any]:
    return {
        **{
            key: row[key]
            for key in (
                "number",
                "project_code",
                "project_name",
                "scenario",
                "status",
                "submitted_at",
                "promised_at",
                "provisional",
                "conclusion",
                "concluded_at",
                "in_time",
            )
        },
        "promised_on": parts.shelf.calendar.local_date(row["promised_at"]),
        "withdrawal_asked": row["withdrawn_at"] is not None,
    }


async def read(parts: Parts, who: Principal, number: str) -> tuple[int, Application]:
    """Return an application with its version."""
    async with parts.pool.acquire() as conn:
        row = await store.get_own(conn, number, who.ref)
        if row is None:
            raise Problem(NOT_FOUND)
        plan = await parts.plans.get(conn, row["plan_digest"])
    shown = Application(
        **_row(parts, row),
        project_address=row["project_address"],
        answers=orjson.loads(row["answers"]),
        held=orjson.loads(row["held"]),
        plan=_summary(plan),
        receipt=receipt_of(row, plan, _catalogue(parts, row["catalogue_version"])),
        used_working_days=row["used_working_days"],
        links=links.of_application(number),
    )
    return row["version"], shown


def _summary(plan: Plan) -> PlanSummary:
    shares = [part for step in plan.steps for part in step.parts]
    return PlanSummary(
        digest=plan.digest,
        catalogue_version=plan.catalogue_version,
        calendar_version=plan.calendar_version,
        steps=len(plan.steps),
        items=tuple(sorted({part.item for part in shares})),
        departments=tuple(sorted({part.department for part in shares})),
        critical_path=plan.critical_path,
        totals=plan.totals,
    )


async def plan_bytes(parts: Parts, who: Principal, number: str) -> tuple[str, bytes]:
    """Return the digest and the bytes of the plan an application was received under."""
    async with parts.pool.acquire() as conn:
        found = await store.get_own_plan(conn, number, who.ref)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


async def progress(parts: Parts, who: Principal, number: str) -> Progress:
    """Return where an application stands: one consistent picture."""
    async with parts.pool.acquire() as conn:
        row = await store.get_progress(conn, number, who.ref)
        if row is None:
            raise Problem(NOT_FOUND)
        plan = await parts.plans.get(conn, row["plan_digest"])
    names = Names(plan)
    now = parts.clock.now()
    notices = [_notice(one, row, now) for one in row["notices"]]
    awaited = _awaited(plan, row)
    return Progress(
        number=number,
        status=row["status"],
        promised_on=parts.shelf.calendar.local_date(row["promised_at"]),
        promised_at=row["promised_at"],
        provisional=row["provisional"],
        used_working_days=_used(parts, row, now),
        promised_working_days=row["promised_days"],
        statutory_working_days=row["statutory_serial_days"],
        joint_limit=row["joint"],
        conclusion=row["conclusion"],
        concluded_at=row["concluded_at"],
        in_time=row["in_time"],
        held_by=_holders(row["tasks"], names),
        waiting_for_applicant=row["status"] == ApplicationStatus.RECTIFYING or bool(awaited),
        tasks=[_task(one, names) for one in row["tasks"]],
        steps=_steps(plan, row["steps"]),
        signals=[SignalShown(**{**one, "task": one["task"] or None}) for one in row["signals"]],
        awaited=awaited,
        rectification=next((one for one in notices if one.open), None),
        notices=notices,
    )


class Names:
    """Names of items and departments, as the plan has them."""

    def __init__(self, plan: Plan) -> None:
        shares = [part for step in plan.steps for part in step.parts]
        self.items: dict[str, Name] = {part.item: part.item_name for part in shares}
        self.departments = {part.department: part.department_name for part in shares}


def _used(parts: Parts, row: Shown, now: datetime) -> int:
    if row["used_working_days"] is not None:
        return int(row["used_working_days"])
    calendar = parts.shelf.calendar
    started = calendar.local_date(row["submitted_at"])
    return calendar.working_days_between(started, calendar.local_date(now))


def _awaited(plan: Plan, row: Shown) -> list[AwaitedShown]:
    if row["conclusion"] is not None:
        return []
    begun = {step for step, state in row["steps"].items() if state != StepState.WAITING}
    return awaited_of(plan, row["awaited"], frozenset(row["awaited_there"]), frozenset(begun))


def _holders(tasks: Sequence[Shown], names: Names) -> list[Holder]:
    held: dict[str, list[Shown]] = {}
    for task in tasks:
        if task["state"] == TaskState.OPEN:
            held.setdefault(task["department"], []).append(task)
    return [
        Holder(
            department=department,
            name=names.departments.get(department),
            open_tasks=len(rows),
            due_on=min((one["promised_on"] for one in rows if one["promised_on"]), default=None),
        )
        for department, rows in sorted(held.items())
    ]


def _task(task: Shown, names: Names) -> TaskShown:
    return TaskShown(
        **task,
        item_name=names.items.get(task["item"]),
        department_name=names.departments.get(task["department"]),
    )


def _steps(plan: Plan, states: Mapping[str, str]) -> list[StepShown]:
    return [
        StepShown(
            step=step.code,
            name=step.name,
            group=step.group,
            state=StepState(states.get(step.code, StepState.WAITING)),
            promised_on=step.promised.due,
            after=step.after,
        )
        for step in plan.steps
    ]


def _notice(notice: Shown, row: Shown, now: datetime) -> NoticeShown:
    shown = NoticeShown(**notice)
    going_on = row["conclusion"] is None and row["withdrawn_at"] is None and now < shown.until
    return shown if going_on else shown.model_copy(update={"open": False})


async def results(parts: Parts, who: Principal, number: str) -> Results:
    """Return what was decided and released."""
    async with parts.pool.acquire() as conn:
        row = await store.get_results(conn, number, who.ref)
        if row is None:
            raise Problem(NOT_FOUND)
        plan = await parts.plans.get(conn, row["plan_digest"])
    names = Names(plan)
    documents = _documents(parts, row["catalogue_version"])
    items = [
        ResultShown(
            **one,
            item_name=names.items.get(one["item"]),
            department_name=names.departments.get(one["department"]),
            document=documents.get(one["item"]),
            standing=standing(documents_store.remedies(one["notes"])),
        )
        for one in row["results"]
    ]
    return Results(number=number, status=row["status"], conclusion=row["conclusion"], items=items)


def _documents(parts: Parts, version: str) -> dict[str, Name]:
    """Names of the papers; none when the catalogue version has been taken off the shelf."""
    found = _catalogue(parts, version)
    return {item.code: item.result.name for item in found.items} if found else {}


def _catalogue(parts: Parts, version: str) -> Catalogue | None:
    try:
        return parts.shelf.version(version)
    except UnknownVersionError:
        return None

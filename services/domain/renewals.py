"""Renewals in a plan: the day on which the permit expires, and whether they are asked for in time.

行政许可法 50: whoever wants a permit prolonged applies so many days before it expires (thirty,
unless another rule says otherwise), and has it prolonged when nothing was decided by then. Whoever
comes later has no renewal coming: he applies for a new permit, which silence never grants.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from services.contracts.vocabulary import Part, Silence, Unit
from services.domain.applicability import Facts
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Catalogue, Item, Limit, Name, Renewal
from services.domain.facts import FactProblem, FactsError, day_of
from services.domain.plan import PlannedRenewal, PlanPart, PlanStep


def renewing(
    catalogue: Catalogue,
    steps: Iterable[PlanStep],
    facts: Facts,
    start: date,
    calendar: WorkingCalendar,
) -> tuple[PlanStep, ...]:
    """Return steps with the day on which each renewal's permit expires.

    `start` is the day of the application. Raises FactsError for each that comes too late.
    """
    found = tuple(steps)
    codes = dict.fromkeys(part.item for step in found for part in step.parts)
    items = [item for code in codes if (item := catalogue.item_by_code[code]).renewal is not None]
    problems = tuple(_problems(items, facts, start, calendar))
    if problems:
        raise FactsError(problems)
    planned = {item.code: _planned(item.renewal, facts, calendar) for item in items if item.renewal}
    return tuple(_step(step, planned) for step in found) if planned else found


def last_day_to_apply(renewal: Renewal, expires_on: date, calendar: WorkingCalendar) -> date:
    """Return the last day on which a renewal is applied for in time.

    Counted back from the day of the expiry, which is not counted itself.
    """
    if renewal.apply_before.unit is Unit.CALENDAR_DAY:
        return expires_on - timedelta(days=renewal.apply_before.value)
    day = expires_on
    for _ in range(renewal.apply_before.value):
        day = calendar.previous_working_day(day)
    return day


def _problems(
    items: Iterable[Item], facts: Facts, start: date, calendar: WorkingCalendar
) -> Iterator[FactProblem]:
    for item in items:
        assert item.renewal is not None  # noqa: S101  only those are looked at
        expires_on = _expiry(item.renewal, facts)
        last = last_day_to_apply(item.renewal, expires_on, calendar)
        if start > last:
            yield _too_late(item, item.renewal, expires_on, last)


def _expiry(renewal: Renewal, facts: Facts) -> date:
    """The linter has seen to it that it is a question for a day, and is always asked."""
    found = day_of(facts.get(renewal.expires))
    assert found is not None  # noqa: S101  always asked, and checked
    return found


def _too_late(item: Item, renewal: Renewal, expires_on: date, last: date) -> FactProblem:
    ahead, basis = renewal.apply_before, renewal.basis.cited
    zh, en = _days(ahead)
    return FactProblem(
        question=renewal.expires,
        code="renewal_late",
        message=Name(
            zh=f"“{item.name.zh}”的延续须在有效期届满{zh}前申请（{basis}）："
            f"有效期至 {expires_on}，最迟应于 {last} 申请。",
            en=f"{item.name.en}: a renewal is applied for {en} before the permit expires ({basis});"
            f" it is valid until {expires_on}, the last day to apply was {last}.",
        ),
        fix=Name(
            zh="请核对到期日；已来不及的，请申请新的许可，新的许可不因逾期未决定而视为准予。",
            en="Check the day. If it is too late, apply for a new permit: silence grants none.",
        ),
    )


def _days(limit: Limit) -> tuple[str, str]:
    working = limit.unit is Unit.WORKING_DAY
    return (
        f"{limit.value}个工作日" if working else f"{limit.value}日",
        f"{limit.value} {'working ' if working else ''}days",
    )


def _planned(renewal: Renewal, facts: Facts, calendar: WorkingCalendar) -> PlannedRenewal:
    expires_on = _expiry(renewal, facts)
    return PlannedRenewal(
        expires_on=expires_on,
        expires_at=calendar.close_of(expires_on),
        apply_by=last_day_to_apply(renewal, expires_on, calendar),
        article=renewal.basis.cited,
    )


def _step(step: PlanStep, planned: dict[str, PlannedRenewal]) -> PlanStep:
    parts = tuple(_part(part, planned.get(part.item)) for part in step.parts)
    return step.model_copy(update={"parts": parts})


def _part(part: PlanPart, renewal: PlannedRenewal | None) -> PlanPart:
    if renewal is None or part.part is not Part.DECIDE:
        return part
    return part.model_copy(update={"silence": Silence.RENEWED, "renewal": renewal})

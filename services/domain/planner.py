"""Project facts in, plan out. Pure: no clock, no I/O; the same input gives the same bytes."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType

from services.contracts.vocabulary import Part
from services.domain import facts as project_facts
from services.domain.applicability import Fact, Facts, decide
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import (
    Catalogue,
    Item,
    ItemStatus,
    Limit,
    Name,
    Rectification,
    Scenario,
    StatutoryLimit,
)
from services.domain.compression import TIMES, Breach, breach_of
from services.domain.examiners import planned_acceptance, route_acceptance
from services.domain.joint_case import overrun
from services.domain.limits import is_provisional
from services.domain.merging import Draft, MergeError, Share, merged
from services.domain.needs import fees_of, materials_of
from services.domain.needs_later import conditional_steps, later_materials, route_steps
from services.domain.plan import (
    ItemVerdict,
    Plan,
    PlannedRectification,
    PlannedStatute,
    PlanPart,
    PlanStep,
    Target,
    Totals,
    Verdict,
)
from services.domain.renewals import renewing
from services.domain.route import (
    EDITION,
    Budget,
    Route,
    RoutePart,
    RouteRectification,
    RouteStep,
    Statute,
)
from services.domain.schedule import (
    Reckoner,
    binding,
    critical_path,
    forward,
    one_after_another,
    promised_limits,
    statutory_limit,
    statutory_limits,
)

STATUS_NAME = {
    ItemStatus.SUSPENDED: Name(zh="暂停实施", en="suspended"),
    ItemStatus.DELEGATED: Name(zh="已下放", en="delegated"),
    ItemStatus.CANCELLED: Name(zh="已取消", en="cancelled"),
}


NO_LEADS: Mapping[str, str] = MappingProxyType({})


class PlanError(Exception):
    """The catalogue cannot be planned with, or a route is asked for under another calendar."""


def plan(
    catalogue: Catalogue,
    calendar: WorkingCalendar,
    scenario: str,
    answers: Mapping[str, Fact],
    held: Mapping[str, str],
    start: date,
) -> Plan:
    """Return the plan of an application submitted on `start` (local date).

    `held` are results already in the system, item code to result number: they are not planned.
    Raises FactsError with every problem of the facts, RuleError for a rule that does not fit them,
    PlanError when merged steps wait for each other.
    """
    kind = project_facts.scenario_of(catalogue, scenario)
    facts = project_facts.validate(catalogue, kind, answers, held)
    verdicts = _verdicts(catalogue, kind, facts, held)
    needed = [catalogue.item_by_code[v.item] for v in verdicts if v.verdict is Verdict.APPLIES]
    try:
        drafts = merged(catalogue, needed, held, facts)
    except MergeError as error:
        raise PlanError(str(error)) from None
    dates = _Dates(calendar, start, drafts)
    asked = materials_of(catalogue, drafts, facts, held)
    materials = later_materials(catalogue, asked, drafts, dates.promised)
    drafted = [_step(catalogue, draft, dates) for draft in drafts]
    steps = renewing(catalogue, drafted, facts, start, calendar)
    return Plan(
        county=catalogue.county.code,
        catalogue_version=catalogue.county.version,
        catalogue_digest=catalogue.digest,
        calendar_version=calendar.version,
        scenario=kind.code,
        scenario_name=kind.name,
        start=start,
        facts=facts,
        held=dict(sorted(held.items())),
        verdicts=verdicts,
        steps=conditional_steps(steps, materials),
        critical_path=dates.path,
        materials=materials,
        fees=fees_of(catalogue, drafts, facts, start),
        totals=dates.totals,
        target=_target(drafts, dates),
        promised_on=dates.promised_on,
        promised_at=calendar.close_of(dates.promised_on),
        promised_days=dates.totals.promised_critical,
        statutory_on=dates.statutory_on,
        provisional=is_provisional(start, dates.last, calendar),
        acceptance=planned_acceptance(catalogue, drafts, start, calendar),
        joint_overrun=overrun(drafts, dates.totals.promised_critical),
    )


def route(
    plan: Plan,
    application: str,
    calendar: WorkingCalendar,
    leads: Mapping[str, str] = NO_LEADS,
    there: Collection[str] = (),
) -> Route:
    """Return what the workflow needs of a plan. Raises PlanError for another calendar version.

    `leads` are the departments that lead the catalogue's groups, by the group's code; `there` the
    materials that were handed in: no step waits for one of them.
    """
    if calendar.version != plan.calendar_version:
        raise PlanError(
            f"planned with calendar {plan.calendar_version}, not with {calendar.version}"
        )
    return Route(
        application=application,
        start=plan.start,
        promised_at=plan.promised_at,
        promised_days=plan.promised_days,
        catalogue_version=plan.catalogue_version,
        calendar_version=plan.calendar_version,
        plan_digest=plan.digest,
        steps=route_steps(plan, [_route_step(step, leads) for step in plan.steps], there),
        acceptance=route_acceptance(plan),
        edition=EDITION,
    )


class _Dates:
    """The two passes through the graph, and what follows from them."""

    def __init__(self, calendar: WorkingCalendar, start: date, drafts: Sequence[Draft]) -> None:
        reckoner = Reckoner(calendar)
        self.calendar, self.start = calendar, start
        self.promised = forward(
            drafts, start, lambda draft, day: reckoner.earliest(promised_limits(draft), day)
        )
        self.statutory = forward(
            drafts, start, lambda draft, day: reckoner.earliest(statutory_limits(draft), day)
        )
        self.promised_on = max((w.due for w in self.promised.values()), default=start)
        self.statutory_on = max((w.due for w in self.statutory.values()), default=start)
        self.path = critical_path(drafts, self.promised)
        self.totals = self._totals(drafts, one_after_another(drafts, start, reckoner))

    @property
    def last(self) -> date:
        return max(self.promised_on, self.statutory_on)

    def _totals(self, drafts: Sequence[Draft], serial_on: date) -> Totals:
        def days(until: date) -> int:
            return self.calendar.working_days_between(self.start, until)

        serial, critical = days(serial_on), days(self.statutory_on)
        promised = days(self.promised_on)
        return Totals(
            statutory_serial=serial,
            statutory_critical=critical,
            promised_critical=promised,
            ratio_to_serial=_ratio(promised, serial),
            ratio_to_critical=_ratio(promised, critical),
            without_statute=tuple(
                sorted(i.code for draft in drafts for i in draft.items if i.statutory is None)
            ),
        )


def _ratio(promised: int, statutory: int) -> float | None:
    return round(promised / statutory, 4) if statutory else None


def _verdicts(
    catalogue: Catalogue, scenario: Scenario, facts: Facts, held: Mapping[str, str]
) -> tuple[ItemVerdict, ...]:
    items = (catalogue.item_by_code[code] for code in dict.fromkeys(scenario.items))
    return tuple(_verdict(catalogue, item, facts, held) for item in items)


def _verdict(
    catalogue: Catalogue, item: Item, facts: Facts, held: Mapping[str, str]
) -> ItemVerdict:
    decided_by, because = None, Name(zh="适用：无条件", en="Applies: without condition")
    verdict = Verdict.APPLIES
    if item.applies_when is not None:
        decision = decide(item.applies_when, facts)
        decided_by = decision.because
        because = because_of(catalogue, decision.holds, decision.because, decision.facts)
        verdict = Verdict.APPLIES if decision.holds else Verdict.DOES_NOT_APPLY
    if item.status is not ItemStatus.ACTIVE:
        verdict = Verdict.NOT_ACTIVE
        status = STATUS_NAME[item.status]
        because = Name(zh=f"不办理：事项{status.zh}", en=f"Not handled: the item is {status.en}")
    elif verdict is Verdict.APPLIES and item.code in held:
        verdict = Verdict.HELD
        number = held[item.code]
        because = Name(
            zh=f"已有结果 {number}，不再办理（行政许可法 33）",
            en=f"Its result {number} is in the system: not asked again (行政许可法 33)",
        )
    return ItemVerdict(
        item=item.code,
        name=item.name,
        verdict=verdict,
        rule=item.applies_when,
        decided_by=decided_by,
        because=because,
    )


def because_of(catalogue: Catalogue, applies: bool, rule: str, used: Facts) -> Name:
    """Return why an item applies or does not: the part of its rule that decided, and the facts."""
    zh, en = [], []
    for _, text, answer in project_facts.labels(catalogue, used):
        zh.append(f"“{text.zh}”{answer.zh}")
        en.append(f"“{text.en}” {answer.en}")
    head = Name(zh="适用", en="Applies") if applies else Name(zh="不适用", en="Does not apply")
    zh_facts, en_facts = (f"（{'；'.join(zh)}）", f" ({'; '.join(en)})") if zh else ("", "")
    return Name(zh=f"{head.zh}：{rule}{zh_facts}", en=f"{head.en}: {rule}{en_facts}")


def _step(catalogue: Catalogue, draft: Draft, dates: _Dates) -> PlanStep:
    group, first = draft.group, draft.items[0]
    promised, statutory = dates.promised[draft.code], dates.statutory[draft.code]
    allowed = group.rectification if group else None
    return PlanStep(
        code=draft.code,
        name=group.name if group else first.name,
        group=group.code if group else None,
        stage=first.stage,
        parts=tuple(_part(catalogue, draft, share) for share in draft.shares),
        after=draft.after,
        budget=group.budget if group else None,
        promised=promised,
        statutory=statutory,
        critical=draft.code in dates.path,
        provisional=is_provisional(dates.start, max(promised.due, statutory.due), dates.calendar),
        issue_order=draft.issue_order,
        rectification=_planned_rectification(allowed) if allowed else None,
    )


def _part(catalogue: Catalogue, draft: Draft, share: Share) -> PlanPart:
    item, decides = share.item, share.part is Part.DECIDE
    return PlanPart(
        item=item.code,
        item_name=item.name,
        department=share.department,
        department_name=catalogue.department_by_code[share.department].name,
        part=share.part,
        promised=item.promised,
        statute=_planned_statute(item.statutory) if item.statutory and decides else None,
        requires=draft.requires[item.code],
        on_trust=draft.on_trust[item.code],
        authority=item.authority,
        silence=share.silence,
    )


def _planned_statute(statutory: StatutoryLimit) -> PlannedStatute:
    article = statutory.basis.cited
    return PlannedStatute(limit=statutory.limit, start=statutory.start, article=article)


def _planned_rectification(allowed: Rectification) -> PlannedRectification:
    return PlannedRectification(
        limit=allowed.limit, rounds=allowed.rounds, article=allowed.basis.cited
    )


def _target(drafts: Sequence[Draft], dates: _Dates) -> Target:
    items = [item for draft in drafts for item in draft.items]
    breaches = [breach for item in items if (breach := breach_of(item))]
    totals = dates.totals
    fits = totals.promised_critical * TIMES <= totals.statutory_serial
    if not fits:
        known = {breach.item for breach in breaches}
        on_path = [draft for draft in drafts if draft.code in dates.path]
        late = (item for draft in on_path for item in draft.items if item.code not in known)
        breaches.extend(_of_the_whole(late))
    return Target(
        met=fits and not breaches,
        strict=totals.promised_critical * TIMES <= totals.statutory_critical,
        breakers=tuple(sorted(breaches, key=lambda breach: breach.item)),
    )


def _of_the_whole(items: Iterable[Item]) -> Iterator[Breach]:
    """Items that the one-third rule does not bind and that still keep the whole from a third."""
    for item in items:
        limit, promised = statutory_limit(item), item.promised
        cap = Limit(value=limit.value // TIMES, unit=limit.unit)
        if promised.value <= cap.value:
            continue
        zh, en = "未查到法定时限，按承诺计入", "no statutory limit was found: it counts as promised"
        if item.statutory is not None:
            zh, en = "超过法定时限的三分之一", "takes more than a third of the statutory limit"
        yield Breach(
            item=item.code,
            promised=promised,
            cap=None if item.statutory is None else cap,
            over=promised.value - cap.value,
            reason=Name(zh=f"关键路径上的事项{zh}", en=f"on the critical path, {en}"),
        )


def _route_step(step: PlanStep, leads: Mapping[str, str]) -> RouteStep:
    budgets = _budgets(step)
    return RouteStep(
        code=step.code,
        group=step.group,
        parts=tuple(
            _route_part(part, budget) for part, budget in zip(step.parts, budgets, strict=True)
        ),
        rectification=RouteRectification(
            budget=_budget(step.rectification.limit),
            rounds=step.rectification.rounds,
            article=step.rectification.article,
        )
        if step.rectification
        else None,
        issue_order=step.issue_order,
        lead=_lead(step, leads),
    )


def _lead(step: PlanStep, leads: Mapping[str, str]) -> str | None:
    """Return who convenes: the group's lead; when it has no part in the step, who decides first."""
    if step.group is None:
        return None
    taking_part = [part.department for part in step.parts]
    lead = leads.get(step.group)
    return lead if lead in taking_part else taking_part[0]


def _budgets(step: PlanStep) -> tuple[Budget, ...]:
    """Return the promise of each part, so that the earliest of the deciding ones is the step's.

    A part gets the limit of its own unit that binds the step. A limit in a unit that no deciding
    part has (the group's) stands with the last of them.
    """
    deciding = [part for part in step.parts if part.part is Part.DECIDE]
    limits = [part.promised for part in deciding] + ([step.budget] if step.budget else [])
    bound = {limit.unit: _budget(limit) for limit in binding(limits, len(deciding))}
    found = {id(part): bound.get(part.promised.unit) for part in step.parts}
    for unit in sorted(bound.keys() - {part.promised.unit for part in deciding}):
        found[id(deciding[-1])] = bound[unit]
    return tuple(found[id(part)] or _budget(part.promised) for part in step.parts)


def _budget(limit: Limit) -> Budget:
    return Budget(value=limit.value, unit=limit.unit)


def _statute(planned: PlannedStatute) -> Statute:
    return Statute(budget=_budget(planned.limit), start=planned.start, article=planned.article)


def _route_part(part: PlanPart, promised: Budget) -> RoutePart:
    return RoutePart(
        item=part.item,
        department=part.department,
        part=part.part,
        promised=promised,
        statute=_statute(part.statute) if part.statute else None,
        requires=part.requires,
        authority=part.authority,
        silence=part.silence,
        expires_at=part.renewal.expires_at if part.renewal else None,
    )

"""What must hold of a life, said a second time: an independent model of the functional core.

It sees events and commands only, and reckons with `oracle_days`. Numbers in brackets are those of
the invariants: 1 conservation, 2 one task, 3 once everywhere, 4 decided or lapsed, 8 dates.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, ClassVar

from services.contracts.vocabulary import (
    GRANTING,
    SILENCE_OF,
    AcceptanceKind,
    Conclusion,
    LimitStart,
    Outcome,
    Part,
    PauseKind,
    Signal,
    StepState,
    TaskState,
    Unit,
)
from services.domain.calendar import ZONE
from services.domain.case import (
    AskLapse,
    AskRectification,
    Case,
    ChangeStep,
    Conclude,
    EndTask,
    Ignore,
    IssueTask,
    LiftSignal,
    RaiseSignal,
    Release,
)
from services.domain.examination import (
    Accept,
    AskExamination,
    CloseExamination,
    SendNotice,
    StrikeSilence,
    Supplemented,
)
from services.domain.later import FORFEITED
from services.domain.later_events import AskPapers, AskPapersLapse
from services.domain.limits import Ledger
from services.domain.route import Budget, Route, RoutePaper, RoutePart, RouteStep
from tests.unit.lives_days import FAR, WORKED
from tests.unit.oracle_days import DAY, expected

SECOND = timedelta(seconds=1)
CLOSES = time(17, 0)
ENOUGH = timedelta(days=200)
"""No budget with its extensions is longer."""
ADVERSE = {Outcome.REFUSED, Outcome.OBJECTION}
ENDED = {TaskState.DECIDED, TaskState.LAPSED, TaskState.CANCELLED}
OVER = {StepState.DONE, StepState.CANCELLED}


def close_of(day: date) -> datetime:
    return datetime.combine(day, CLOSES, ZONE)


def day_of(at: datetime) -> date:
    return at.astimezone(ZONE).date()


@cache
def due(value: int, unit: Unit, start: date, version: str, ledger: Ledger) -> date:
    stopped = [pause.until_on or FAR for pause in ledger.pauses]
    last = min(FAR, max([start, *stopped]) + ENOUGH)
    return expected(Budget(value=value, unit=unit), start, WORKED[version], ledger, last)[0]


@cache
def working_day_before(day: date, version: str) -> date:
    day -= DAY
    while day not in WORKED[version]:
        day -= DAY
    return day


class Model:
    """What was commanded so far, and what follows from it."""

    def __init__(self, route: Route, tally: Counter[str]) -> None:
        self.route = route
        self.tally = tally
        self.version = route.calendar_version
        self.issued: dict[str, IssueTask] = {}
        self.ended: dict[str, EndTask] = {}
        self.lapses: set[str] = set()
        self.released: list[str] = []
        self.looks: set[str] = set()
        self.notices: list[SendNotice] = []
        self.accepted: Accept | None = None
        self.concluded: list[Conclude] = []
        self.began: dict[str, date] = {}
        self.stops: dict[str, list[tuple[date, date]]] = {}
        self.asked: dict[str, AskRectification] = {}
        self.signals: dict[tuple[str | None, Signal], datetime] = {}
        self.closings: dict[str, datetime] = {}
        self.awaited: dict[str, date] = {}
        self.untils: dict[str, datetime | None] = {}
        self.papers: set[str] = set()
        self.waited: dict[str, tuple[date, date]] = {}
        self.forfeited: set[str] = set()
        self.papers_asked: set[tuple[str, tuple[str, ...]]] = set()
        self.event: Any = None

    # -- one event -------------------------------------------------------------------------------

    def observe(self, before: Case, event: Any, commands: tuple[Any, ...], after: Case) -> None:
        """Take note of what an event led to, and check it."""
        assert after.at >= before.at, "time runs back"
        if before.conclusion is not None:
            assert [type(c) for c in commands] == [Ignore], "something follows from the end [1]"
            assert after.items == before.items
        self.version, self.event = after.calendar.version, event
        if isinstance(event, Supplemented):
            self.papers |= set(event.subjects)
        for command in commands:
            observer = self._OBSERVERS.get(type(command))
            if observer is not None:
                observer(self, command, before, after)
        for code in list(self.awaited):
            if not any(self._is_wanted(code, paper) for paper in self._step(code).papers):
                self._end_waiting(code, self._said_at(after))

    def _said_at(self, after: Case) -> datetime:
        """When the papers came, or whatever else has ended the waiting."""
        came = isinstance(self.event, Supplemented)
        return self.event.at if came else after.at

    def _is_wanted(self, code: str, paper: RoutePaper) -> bool:
        """Whether a paper is not there and something that needs it was not given up."""
        needed = [p for p in self._step(code).parts if p.item in paper.items]
        names = [f"{self.route.application}/{p.item}/{p.department}/1" for p in needed]
        given_up = all(name in self.ended for name in names)
        return f"material/{paper.material}" not in self.papers and not given_up

    def _issue(self, command: IssueTask, before: Case, after: Case) -> None:
        step, part = self.route.parts[command.key]
        name = f"{self.route.application}/{part.item}/{part.department}/{command.round}"
        assert command.task == name
        assert name not in self.issued, "a task is issued twice [2]"
        assert self.accepted or self.route.acceptance is None, "issued before the acceptance"
        assert all(after.items.get(item) is Outcome.GRANTED for item in part.requires)
        self.issued[name] = command
        if command.round == 1:
            assert not after.held, "issued while the application is held"
            on = self.accepted.on if self.accepted and not before.accepted else day_of(command.at)
            assert self.began.setdefault(step.code, on) == on, "a step has one first day"
        else:
            earlier = self.ended[name[: -len(str(command.round))] + str(command.round - 1)]
            assert earlier.outcome in ADVERSE, "a signature that stood was asked for again"
            self.tally["a further round"] += 1
            self._end_stop(step.code)
        self._end_waiting(step.code, self._said_at(after))

    def _end_stop(self, code: str) -> None:
        """The time of a notice ends with what was committed, not with what arrives."""
        asked = self.asked.pop(code, None)
        if asked is not None:
            first, last = day_of(asked.at), day_of(min(self.event.at, asked.until))
            self.stops.setdefault(code, []).append((first, max(first, last)))

    def _end_waiting(self, code: str, at: datetime) -> None:
        since, until = self.awaited.pop(code, None), self.untils.get(code)
        if until is not None:
            at = min(at, until)
        if since is not None and day_of(at) > since:
            self.waited[code] = (since + DAY, day_of(at))

    def _end(self, command: EndTask, before: Case, after: Case) -> None:
        assert command.task not in self.ended, "a task ends twice [4]"
        assert (command.task in self.issued) == command.issued
        self.ended[command.task] = command
        self.tally[f"task {command.state}"] += 1
        part = self.route.parts[command.key][1]
        if part.expires_at is not None and command.state is not TaskState.CANCELLED:
            by_silence = command.outcome is Outcome.DEEMED_RENEWED
            assert command.outcome is not Outcome.DEEMED_NO_OBJECTION, "silence is no licence"
            assert by_silence is (command.state is TaskState.LAPSED), "silence is no licence"
            assert by_silence is self._expired(command, before), "renewed undecided, or it was not"
            self.tally["renewed by silence" if by_silence else "a renewal decided"] += 1
        if command.state is TaskState.LAPSED:
            assert command.task in self.lapses, "a task lapses unasked [4]"
        if command.state is TaskState.DECIDED:
            self._check_signals(command, before, after)
        if command.reason == FORFEITED:
            self._forfeit(command)

    def _ask_for_papers(self, command: AskPapersLapse, before: Case, after: Case) -> None:
        awaited = before.steps[command.step].awaited
        assert awaited is not None
        for one in self._step(command.step).papers:
            if one.material in command.materials:
                assert one.term is not None
                last = due(one.term.value, one.term.unit, awaited.since, self.version, Ledger())
                assert command.at > close_of(last), "asked before its term was over"
        key = (command.step, command.materials)
        assert key not in self.papers_asked, "asked twice"
        self.papers_asked.add(key)

    def _expired(self, command: EndTask, before: Case) -> bool:
        """Whether a permit had expired when its renewal ended, and the papers were there before."""
        at = self.route.parts[command.key][1].expires_at
        assert at is not None
        return self._completed(before) <= day_of(at) and at < command.at

    def _completed(self, case: Case) -> date:
        """The day of the last paper: the authority's own delay takes nothing from anybody."""
        return case.route.start if case.examination is None else case.examination.received_on

    def _forfeit(self, command: EndTask) -> None:
        _, part = self.route.parts[command.key]
        self.forfeited.add(part.item)
        self.tally["given up for want of papers"] += 1

    def _close(self, command: CloseExamination, before: Case, after: Case) -> None:
        limit = close_of(self._last_of_notice(before)) + SECOND
        self.closings[command.task] = min(command.at, limit)

    def _strike(self, command: StrikeSilence, before: Case, after: Case) -> None:
        assert command.at < self.closings.pop(command.task), "an answer out of time"
        self.tally["a silence that was none"] += 1

    def _papers(self, command: AskPapers, before: Case, after: Case) -> None:
        step = self._step(command.step)
        assert set(command.awaited.materials) <= {p.material for p in step.papers}
        self.untils[command.step] = command.awaited.until
        since = self.awaited.setdefault(command.step, day_of(command.at))
        assert command.awaited.since == since, "the time of papers runs before they are asked for"

    def _step_changes(self, command: ChangeStep, before: Case, after: Case) -> None:
        if command.state in OVER:
            self._end_waiting(command.step, self._said_at(after))

    def _check_signals(self, command: EndTask, before: Case, after: Case) -> None:
        """A deadline stands against a task exactly if it was decided after it."""
        dates = after.tasks[command.key].dates
        assert dates is not None
        limits = {
            Signal.PROMISE_PASSED: dates.promised_at,
            Signal.STATUTE_PASSED: dates.statutory_at,
        }
        for signal, limit in limits.items():
            stands = (command.task, signal) in self.signals
            assert stands == (limit is not None and command.at >= limit + SECOND), signal

    def _ask_lapse(self, command: AskLapse, before: Case, after: Case) -> None:
        assert command.task not in self.lapses
        part, last = self.route.parts[command.key][1], after.tasks[command.key].dates
        assert part.part is SILENCE_OF[part.silence], "silence is no licence"
        assert last is not None
        spoken_by = part.expires_at or last.promised_at
        if part.expires_at is None:
            assert command.at == spoken_by + SECOND, "silence before its time"
        else:
            assert command.at == max(spoken_by + SECOND, last.issued_at), "silence out of its time"
            assert self._completed(after) <= day_of(part.expires_at)
        self.lapses.add(command.task)

    def _release(self, command: Release, before: Case, after: Case) -> None:
        step = self._step(command.step)
        keys = [f"{part.item}/{part.department}" for part in step.parts]
        assert all(after.tasks[key].state in ENDED for key in keys), "half of a step is released"
        items = [result.item for result in command.results]
        assert not set(items) & set(self.released), "a result is released twice [3]"
        self.released += items
        if step.code in self.asked:
            self.tally["a notice to put right ran out"] += 1
            self._end_stop(step.code)

    def _ask_rectification(self, command: AskRectification, before: Case, after: Case) -> None:
        rule = self._step(command.step).rectification
        assert rule is not None
        assert command.round <= rule.rounds
        assert command.step not in self.asked
        last = due(rule.budget.value, rule.budget.unit, day_of(command.at), self.version, Ledger())
        assert command.until == close_of(last), "the term of the notice [8]"
        self.asked[command.step] = command

    def _ask_examination(self, command: AskExamination, before: Case, after: Case) -> None:
        assert command.task not in self.looks, "a look is asked for twice [2]"
        assert self.accepted is None
        self.looks.add(command.task)
        if self.notices:
            assert set(command.subjects) <= self._first_notice()

    def _notice(self, command: SendNotice, before: Case, after: Case) -> None:
        assert command.round == len(self.notices) + 1, "two notices of one round"
        assert after.examination is not None
        last = self._last_of_notice(after)
        assert command.at <= close_of(last), "a notice after its time"
        named = {subject for found in command.findings.values() for subject in found}
        if self.notices:
            assert named <= self._first_notice(), "a second notice asks for more"
            self.tally["a second notice"] += 1
        self.notices.append(command)
        self.tally["a notice of what is missing"] += 1

    def _first_notice(self) -> set[str]:
        return {subject for found in self.notices[0].findings.values() for subject in found}

    def _last_of_notice(self, case: Case) -> date:
        rule, examination = case.route.acceptance, case.examination
        assert rule is not None
        assert examination is not None
        return due(
            rule.budget.value, rule.budget.unit, examination.received_on, self.version, Ledger()
        )

    def _accept(self, command: Accept, before: Case, after: Case) -> None:
        assert self.accepted is None, "accepted twice"
        self.accepted = command
        self.tally[f"accepted: {command.kind}"] += 1
        if command.kind is AcceptanceKind.DEEMED:
            assert command.on == command.received_on
            assert command.at > close_of(self._last_of_notice(after)), "silence before its time"
        else:
            assert command.on == day_of(command.at)
        last = self._forward(command.on)
        assert command.promised_at == close_of(last), "the promise given with acceptance [8]"
        counted = len([d for d in WORKED[self.version] if command.on < d <= last])
        assert command.promised_days == counted

    def _forward(self, start: date) -> date:
        """The day by which everything is promised: each step after all that it needs."""
        ends: dict[str, date] = {}
        for step in self.route.steps:
            needed = [ends[item] for part in step.parts for item in part.requires if item in ends]
            first = max([start, *needed])
            last = min(
                due(p.promised.value, p.promised.unit, first, self.version, Ledger())
                for p in step.parts
                if p.part is Part.DECIDE
            )
            ends.update((part.item, last) for part in step.parts)
        return max(ends.values())

    def _raise(self, command: RaiseSignal, before: Case, after: Case) -> None:
        key = (command.task, command.signal)
        assert key not in self.signals, "a deadline speaks twice"
        self.signals[key] = command.at
        self.tally[f"signal {command.signal}"] += 1

    def _lift(self, command: LiftSignal, before: Case, after: Case) -> None:
        self.signals.pop((command.task, command.signal))
        self.tally["a signal taken back"] += 1

    def _conclude(self, command: Conclude, before: Case, after: Case) -> None:
        self.concluded.append(command)
        assert command.in_time == (command.at <= after.promised_at)
        self.tally[f"concluded: {command.conclusion}"] += 1

    _OBSERVERS: ClassVar[dict[type[Any], Callable[..., None]]] = {
        IssueTask: _issue,
        EndTask: _end,
        AskLapse: _ask_lapse,
        Release: _release,
        AskRectification: _ask_rectification,
        AskExamination: _ask_examination,
        SendNotice: _notice,
        Accept: _accept,
        RaiseSignal: _raise,
        LiftSignal: _lift,
        Conclude: _conclude,
        ChangeStep: _step_changes,
        CloseExamination: _close,
        StrikeSilence: _strike,
        AskPapers: _papers,
        AskPapersLapse: _ask_for_papers,
    }

    def _step(self, code: str) -> RouteStep:
        return next(step for step in self.route.steps if step.code == code)

    # -- after each step -------------------------------------------------------------------------

    def check(self, case: Case) -> None:
        """What must hold whatever has happened."""
        over = case.conclusion is not None
        assert len(self.concluded) == int(over), "an application ends once [1]"
        for key, task in case.tasks.items():
            name = f"{self.route.application}/{key}/{task.round}"
            known = name in self.issued
            assert known or task.state in {TaskState.WAITING, TaskState.CANCELLED}
            if task.state in ENDED:
                assert self.ended[name].state is task.state
            elif known:
                assert task.state is TaskState.OPEN, "an issued task vanished [2]"
                assert name not in self.ended
        if over:
            assert not self.open(case)
            assert all(step.state in OVER for step in case.steps.values())
        else:
            assert self._goes_on(case), "the application is stuck [1]"
            self._check_dates(case)

    def _goes_on(self, case: Case) -> bool:
        if case.held:
            return True
        if not case.accepted:
            found = case.examination
            return found is None or found.is_waiting or bool(found.asked)
        waiting = (step.state is StepState.RECTIFYING for step in case.steps.values())
        awaiting = (step.awaited is not None for step in case.steps.values())
        return bool(self.open(case)) or any(waiting) or any(awaiting)

    @staticmethod
    def open(case: Case) -> list[str]:
        return [key for key, task in case.tasks.items() if task.state is TaskState.OPEN]

    def _check_dates(self, case: Case) -> None:
        """Every date is what another reckoning makes of start, budget and ledger [8]."""
        for key in self.open(case):
            step, part = self.route.parts[key]
            task = case.tasks[key]
            if not task.lapse_asked:
                promised, statutory = self._dates(case, step, part)
                assert task.dates is not None
                assert task.dates.promised_on == promised, (key, promised)
                assert task.dates.statutory_on == statutory, (key, statutory)
        for code, step_status in case.steps.items():
            stops = [(p.from_on, p.until_on) for p in step_status.pauses]
            assert stops == self.stops.get(code, []), "days that the investor had"
            assert all(p.kind is PauseKind.RECTIFICATION for p in step_status.pauses)
            waited = step_status.waited
            found = None if waited is None else (waited.from_on, waited.until_on)
            assert found == self.waited.get(code), "days that papers were awaited"
        looks = case.examination
        if not case.accepted and looks is not None and not looks.is_waiting:
            assert looks.notice_until == close_of(self._last_of_notice(case))
        if case.accepted:
            assert case.promised_at == self._whole(case)
            self._check_limits(case)

    def _check_limits(self, case: Case) -> None:
        """The limits of the law beside those of the tasks [8]."""
        rules = self.route.limits
        if rules is None:
            assert case.limits == {}
            return
        assert rules.joint is not None
        assert rules.review is not None
        ledger = Ledger(pauses=tuple(self._all_pauses(case)), extensions=case.extensions)
        joint = due(
            rules.joint.budget.value, Unit.WORKING_DAY, case.route.start, self.version, ledger
        )
        assert case.limits["joint"].due_on == joint
        for key, limit in case.limits.items():
            kind, _, rest = key.partition("/")
            if kind == "first_review":
                step, _ = self.route.parts[rest]
                pauses = (*case.steps[step.code].pauses, *case.tasks[rest].pauses)
                value = rules.review.budget.value
                began = self.began[step.code]
                last = due(value, Unit.WORKING_DAY, began, self.version, Ledger(pauses=pauses))
                assert limit.due_on == last, key

    def _whole(self, case: Case) -> datetime:
        ledger = Ledger(pauses=tuple(self._all_pauses(case)))
        days, unit = case.route.promised_days, Unit.WORKING_DAY
        return close_of(due(days, unit, case.route.start, self.version, ledger))

    @staticmethod
    def _all_pauses(case: Case) -> Iterator[Any]:
        for step in case.steps.values():
            yield from step.pauses
            yield from () if step.waited is None else (step.waited,)
        for task in case.tasks.values():
            yield from task.pauses

    def _dates(self, case: Case, step: RouteStep, part: RoutePart) -> tuple[date, date | None]:
        mine = [case.tasks[f"{p.item}/{p.department}"] for p in step.parts]
        stops = case.steps[step.code].pauses
        joint = Ledger(pauses=(*stops, *(p for t in mine for p in t.pauses)))
        began = self.began[step.code]
        deciding = [p.promised for p in step.parts if p.part is Part.DECIDE]
        promised = min(due(b.value, b.unit, began, self.version, joint) for b in deciding)
        task = case.tasks[f"{part.item}/{part.department}"]
        if part.part is Part.CONSULT:
            assert task.dates is not None
            issued_on = day_of(task.dates.issued_at)
            earliest = due(0, Unit.WORKING_DAY, issued_on, self.version, Ledger())
            return max(working_day_before(promised, self.version), earliest), None
        assert part.statute is not None
        budget = part.statute.budget
        own = Ledger(pauses=(*stops, *task.pauses), extensions=task.extensions)
        start = self._statute_start(case, step, part)
        return promised, due(budget.value, budget.unit, start, self.version, own)

    def _statute_start(self, case: Case, step: RouteStep, part: RoutePart) -> date:
        began = self.began[step.code]
        assert part.statute is not None
        if part.statute.start is LimitStart.ACCEPTANCE or self.accepted is None:
            return began
        first = not step.papers and not any(p.requires for p in step.parts)
        return min(began, self.accepted.received_on) if first else began

    # -- at the end ------------------------------------------------------------------------------

    def check_end(self, case: Case) -> None:
        """It ended, once, as its departments' last words say."""
        assert case.conclusion is not None
        assert set(self.issued) <= set(self.ended), "a task is left open [2]"
        if case.conclusion is Conclusion.WITHDRAWN:
            return
        items = self._outcomes(case)
        assert case.items == items
        granted = {outcome in GRANTING for outcome in items.values()}
        whole = {frozenset({True}): Conclusion.GRANTED, frozenset({False}): Conclusion.REFUSED}
        assert case.conclusion is whole.get(frozenset(granted), Conclusion.PARTLY_GRANTED)
        assert sorted(self.released) == sorted(i for i, found in items.items() if found), "[3]"

    def _outcomes(self, case: Case) -> dict[str, Outcome | None]:
        """What becomes of each item: by the last words alone, step after step."""
        found: dict[str, Outcome | None] = {}
        for step in self.route.steps:
            vain = {
                part.item
                for part in step.parts
                if any(found[needed] is not Outcome.GRANTED for needed in part.requires)
                or part.item in self.forfeited
            }
            for item in dict.fromkeys(part.item for part in step.parts):
                words = [self._last_word(p, case) for p in step.parts if p.item == item]
                adverse = bool(ADVERSE & set(words))
                renewed = Outcome.DEEMED_RENEWED in words
                granted = Outcome.DEEMED_RENEWED if renewed else Outcome.GRANTED
                outcome = Outcome.REFUSED if adverse else granted
                found[item] = None if item in vain else outcome
        return found

    def _last_word(self, part: RoutePart, case: Case) -> Outcome | None:
        key = f"{part.item}/{part.department}"
        return self.ended[f"{self.route.application}/{key}/{case.tasks[key].round}"].outcome

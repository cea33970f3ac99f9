"""A time limit: budget, starting day, and a ledger of pauses and extensions -> the day it ends.

Nobody edits a due date: it is derived, and `explain` lists every day of it. The rules, in order:

1. The day of the starting act is not counted (民法典 201).
2. A limit in working days counts working days (行政许可法 82); one in calendar days counts all.
3. A day that a valid pause touches is not counted (行政许可法 45). A pause runs from `from_on` to
   `until_on`, both included, or until its cap is used up: a cap of n working days ends it with
   its n-th working day, a cap of n calendar days with its n-th day. Pauses may overlap: a day is
   left out once. A pause without a written notice stops nothing.
4. An extension adds its budget, in its own unit, after the days before it (行政许可法 42). It must
   be approved by the day on which the limit ends without it: what is over cannot be extended.
5. The last day is a working day that no pause touches; else it moves on to the next (民法典 203).
   A budget of 0 (即办) ends on the starting day itself, moved in the same way.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from services.contracts.times import Date
from services.contracts.vocabulary import PauseKind, Unit
from services.domain.calendar import ONE_DAY, DayKind, WorkingCalendar
from services.domain.route import Budget

START_NOT_COUNTED = "民法典 201"
LAST_DAY_MOVES = "民法典 203"
WORKING_DAYS_ONLY = "行政许可法 82"
NOTICE_IN_WRITING = "行政许可法 45"
LONGEST_PAUSE = timedelta(days=366)
"""No procedure is told to last longer, where no rule caps it: a mistaken year ends here."""
UNIT_ZH = {Unit.WORKING_DAY: "个工作日", Unit.CALENDAR_DAY: "日"}
UNIT_EN = {Unit.WORKING_DAY: "working day", Unit.CALENDAR_DAY: "calendar day"}
PAUSE_ZH = {
    PauseKind.HEARING: "听证",
    PauseKind.TENDER: "招标",
    PauseKind.AUCTION: "拍卖",
    PauseKind.INSPECTION: "检验",
    PauseKind.TESTING: "检测",
    PauseKind.QUARANTINE: "检疫",
    PauseKind.APPRAISAL: "鉴定",
    PauseKind.EXPERT_REVIEW: "专家评审",
    PauseKind.PUBLICITY: "公示",
    PauseKind.COMMISSIONED_EVALUATION: "委托评估",
    PauseKind.CONSULTATION: "征求意见",
    PauseKind.RECTIFICATION: "整改",
    PauseKind.PAPERS: "等待申请人提交后续材料",
}


class LimitSuspendedError(ValueError):
    """The limit has no last day yet: an open pause without a cap has stopped it."""


class Pause(Struct, frozen=True, kw_only=True):
    """Days that are not counted: `from_on` to `until_on`, both included; `None` is still open.

    `notice` refers to the written notice that told the applicant the time needed. `told_until` is
    the day that it named, of a pause that was over sooner.
    """

    kind: PauseKind
    from_on: Date
    until_on: Date | None
    cap: Budget | None
    notice: str | None
    article: str
    told_until: Date | None = None

    def __post_init__(self) -> None:
        if self.until_on is not None and self.until_on < self.from_on:
            raise ValueError(f"a pause from {self.from_on} cannot end on {self.until_on}")


class Extension(Struct, frozen=True, kw_only=True):
    """More days: approved by `approver` on the day `on`, under `article`."""

    budget: Budget
    approver: str
    article: str
    on: Date


class Ledger(Struct, frozen=True, kw_only=True):
    """All pauses and extensions of one limit."""

    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Extension, ...] = ()

    def closed_on(self, day: date) -> "Ledger":
        """Return the ledger as if every open pause ended on `day`, or on its own first day.

        Its dates are the earliest possible: what to show while a limit is suspended.
        """
        ends = ((pause, pause.until_on or max(day, pause.from_on)) for pause in self.pauses)
        return replace(self, pauses=tuple(replace(pause, until_on=end) for pause, end in ends))


EMPTY = Ledger()


class DayLine(Struct, frozen=True, kw_only=True):
    """One day of a limit. `number` runs over the counted days from 1; `None` when not counted.

    `article` is empty where no rule but the plain order of days is needed.
    """

    day: Date
    counted: bool
    number: int | None
    reason_zh: str
    reason_en: str
    article: str
    provisional: bool


def due_on(budget: Budget, start: date, calendar: WorkingCalendar, ledger: Ledger = EMPTY) -> date:
    """Return the last day of a limit that an act on `start` (local date) has set running.

    Raises:
        LimitSuspendedError: an open pause without a cap stands in the way.
        ValueError: a budget is negative.
    """
    if ledger.pauses or ledger.extensions:
        return explain(budget, start, calendar, ledger)[-1].day
    value = _value(budget)
    if budget.unit is Unit.WORKING_DAY:
        return calendar.add_working_days(start, value)
    return calendar.next_working_day(start + timedelta(days=value))


def warn_on(due: date, calendar: WorkingCalendar) -> date:
    """Return the day of the warning: the working day before `due`."""
    return calendar.previous_working_day(due)


def is_provisional(start: date, due: date, calendar: WorkingCalendar) -> bool:
    """Return whether a day after `start` and up to `due` lies in an unpublished year."""
    first = start + ONE_DAY
    return not all(map(calendar.is_published, range(first.year, due.year + 1)))


def explain(
    budget: Budget, start: date, calendar: WorkingCalendar, ledger: Ledger = EMPTY
) -> tuple[DayLine, ...]:
    """Return every day from `start` to the day the limit ends, which is the last line.

    Raises:
        LimitSuspendedError: an open pause without a cap stands in the way.
        ValueError: a budget is negative.
    """
    count = _Count(start, calendar, ledger)
    count.add(budget, None)
    late = None
    for extension in sorted(ledger.extensions, key=lambda extension: extension.on):
        if extension.on > count.end():
            late = extension
            break
        count.add(extension.budget, extension)
    return count.finish(late)


def day_of_act(at: datetime, calendar: WorkingCalendar) -> date:
    """Return the day an act counts for: what is done after the close of business, for the next.

    Else an act could stop or lengthen a limit that had ended some minutes before.
    """
    day = calendar.local_date(at)
    return day if at <= calendar.close_of(day) else day + ONE_DAY


def last_day_of(pause: Pause, calendar: WorkingCalendar) -> date | None:
    """Return the last day a pause leaves out: its end or the day its cap is used up; None: open.

    It may lie before `from_on`: then the pause leaves out nothing.
    """
    return _stop(pause, calendar).last_on if _is_valid(pause) else pause.from_on - ONE_DAY


class _Stop(Struct, frozen=True, kw_only=True):
    """A pause with the last day on which it stops the clock; `None` is without end."""

    pause: Pause
    last_on: Date | None

    def touches(self, day: date) -> bool:
        return self.pause.from_on <= day and (self.last_on is None or day <= self.last_on)


class _Count:
    """Counts a limit's days one by one, keeping a line for each."""

    def __init__(self, start: date, calendar: WorkingCalendar, ledger: Ledger) -> None:
        self.calendar = calendar
        self.stops = [_stop(pause, calendar) for pause in ledger.pauses if _is_valid(pause)]
        self.invalid = [pause for pause in ledger.pauses if not _is_valid(pause)]
        self.day = start
        self.number = 0
        text = "起算行为当日不计", "the day of the starting act is not counted"
        self.lines = [self._line(start, text, START_NOT_COUNTED)]

    def add(self, budget: Budget, extension: Extension | None) -> None:
        """Go on by `budget`; `extension` is what it rests on, `None` for the first budget."""
        left = _value(budget)
        while left:
            self.day += ONE_DAY
            reason = self._why_not(self.day, budget.unit)
            if reason is not None:
                self.lines.append(reason)
                continue
            left -= 1
            self.number += 1
            self.lines.append(self._counted(budget.unit, extension))

    def end(self) -> date:
        """Return the day on which the limit ends if nothing is added."""
        return self._landing(self.day)[-1]

    def finish(self, late: Extension | None) -> tuple[DayLine, ...]:
        """Return all lines, with the days over which the last day moves on."""
        days = self._landing(self.day)
        self.lines += [self._moved(day) for day in days[1:]]
        last = self.lines.pop()
        zh, en = "期限届满", "the last day"
        if not self.number:
            zh, en = "当场办结", "decided on the spot"
        if len(days) > 1:
            zh, en = f"{zh}（顺延至此）", f"{en} (moved to here)"
        elif last.counted:
            zh, en = f"{last.reason_zh}；{zh}", f"{last.reason_en}; {en}"
        else:
            last = replace(last, article="")
        if late is not None:
            zh += f"；{late.on}批准的延长晚于届满，无效"
            en += f"; the extension approved on {late.on} came too late and has no effect"
        return (*self.lines, replace(last, reason_zh=zh, reason_en=en))

    def _landing(self, day: date) -> list[date]:
        """Return the days from `day` to the first working day that no pause touches."""
        days = [day]
        while not self.calendar.is_working(day) or self._stop_on(day) is not None:
            day += ONE_DAY
            days.append(day)
        return days

    def _stop_on(self, day: date) -> _Stop | None:
        """Return what stops the clock on `day`.

        Raises:
            LimitSuspendedError: it never starts again.
        """
        touching = [stop for stop in self.stops if stop.touches(day)]
        for stop in touching:
            if stop.last_on is None:
                name = f"{_english(stop.pause.kind)} ({stop.pause.notice})"
                raise LimitSuspendedError(f"{name} is open without a cap: no end of the limit yet")
        return touching[0] if touching else None

    def _why_not(self, day: date, unit: Unit) -> DayLine | None:
        """Return the line of a day that is not counted; `None` if it is."""
        stop = self._stop_on(day)
        if unit is Unit.WORKING_DAY and not self.calendar.is_working(day):
            return self._line(day, self._rest(day), WORKING_DAYS_ONLY)
        if stop is None:
            return None
        pause = stop.pause
        zh = f"{PAUSE_ZH[pause.kind]}期间，依书面通知{pause.notice}不计"
        en = f"{_english(pause.kind)}: not counted, by written notice {pause.notice}"
        return self._line(day, (zh, en), pause.article)

    def _counted(self, unit: Unit, extension: Extension | None) -> DayLine:
        name = self.calendar.name_of(self.day)
        zh, en = f"第{self.number}{UNIT_ZH[unit]}", f"{UNIT_EN[unit]} {self.number}"
        article = ""
        if unit is Unit.WORKING_DAY and name.kind is DayKind.MAKE_UP:
            zh, en, article = f"{zh}（{name.zh}）", f"{en} ({name.en})", WORKING_DAYS_ONLY
        if extension is not None:
            zh = f"{zh}，{extension.on}批准延长"
            en, article = f"{en}, extension approved on {extension.on}", extension.article
        for zh_note, en_note in self._ineffective(self.day):
            zh, en, article = f"{zh}；{zh_note}", f"{en}; {en_note}", NOTICE_IN_WRITING
        line = self._line(self.day, (zh, en), article)
        return replace(line, counted=True, number=self.number)

    def _ineffective(self, day: date) -> Iterator[tuple[str, str]]:
        """The pauses that cover `day` on paper without stopping the clock, and why."""
        for pause in _covering(self.invalid, day):
            zh, en = PAUSE_ZH[pause.kind], _english(pause.kind)
            yield f"{zh}未书面告知，不停止计时", f"{en} has no written notice: the clock runs on"
        for pause in _covering((stop.pause for stop in self.stops), day):
            zh, en = PAUSE_ZH[pause.kind], _english(pause.kind)
            yield f"{zh}已达时间上限，继续计时", f"{en} has used up its cap: the clock runs on"

    def _moved(self, day: date) -> DayLine:
        stop = self._stop_on(day)
        if stop is None:
            zh, en = self._rest(day)
        else:
            zh, en = PAUSE_ZH[stop.pause.kind], _english(stop.pause.kind)
        return self._line(day, (f"末日顺延：{zh}", f"the last day moves on: {en}"), LAST_DAY_MOVES)

    def _rest(self, day: date) -> tuple[str, str]:
        name = self.calendar.name_of(day)
        if name.kind is DayKind.HOLIDAY:
            return f"{name.zh}放假", f"holiday, {name.en}"
        return name.zh, name.en

    def _line(self, day: date, text: tuple[str, str], article: str) -> DayLine:
        return DayLine(
            day=day,
            counted=False,
            number=None,
            reason_zh=text[0],
            reason_en=text[1],
            article=article,
            provisional=self.calendar.is_provisional(day),
        )


def _value(budget: Budget) -> int:
    if budget.value < 0:
        raise ValueError(f"a budget of {budget.value} days is negative")
    return budget.value


def _english(kind: PauseKind) -> str:
    return kind.replace("_", " ")


def _is_valid(pause: Pause) -> bool:
    return bool(pause.notice and pause.notice.strip())


def _covering(pauses: Iterable[Pause], day: date) -> Iterator[Pause]:
    for pause in pauses:
        if pause.from_on <= day and (pause.until_on is None or day <= pause.until_on):
            yield pause


def _stop(pause: Pause, calendar: WorkingCalendar) -> _Stop:
    """Return the pause with its last effective day: its end, or the day its cap is used up."""
    ends = [] if pause.until_on is None else [pause.until_on]
    if pause.cap is not None:
        eve = pause.from_on - ONE_DAY
        if pause.cap.unit is Unit.CALENDAR_DAY or pause.cap.value == 0:
            ends.append(eve + timedelta(days=pause.cap.value))
        else:
            ends.append(calendar.add_working_days(eve, pause.cap.value))
    return _Stop(pause=pause, last_on=min(ends, default=None))

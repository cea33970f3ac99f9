"""What has happened to an application, newest first, in sentences.

What officers wrote stands apart from the sentence, as they wrote it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceOutcome,
    Conclusion,
    Outcome,
    Part,
    SessionState,
    Signal,
    StepState,
    TaskState,
)
from services.domain.catalogue import Limit, Name
from services.intake.clocks import ClockNoticeShown
from services.intake.pages.track_clocks import PAUSES
from services.intake.pages.track_told import Told
from services.intake.shown import TaskShown
from services.runtime.web.site.words import Words

SESSIONS = {
    SessionState.CONVENED: "各部门约定 {day} 一起办理「{step}」。",
    SessionState.HELD: "各部门一起办理了「{step}」，正在形成记录。",
    SessionState.RECORDED: "「{step}」的会议记录已形成，等各部门签署。",
    SessionState.CANCELLED: "「{step}」的共同办理改期，另行通知。",
}
DECIDED = {
    Outcome.GRANTED: "{department}准予「{item}」。",
    Outcome.REFUSED: "{department}对「{item}」不予许可。",
    Outcome.NO_OBJECTION: "{department}对「{item}」无意见。",
    Outcome.OBJECTION: "{department}对「{item}」提出意见。",
    Outcome.DEEMED_NO_OBJECTION: "{department}逾期未对「{item}」答复，视为无意见。",
    Outcome.DEEMED_RENEWED: "{department}在许可证到期前未对「{item}」作出决定，视为准予延续。",
}
CONCLUDED = {
    Conclusion.GRANTED: "申请办结：全部准予。",
    Conclusion.PARTLY_GRANTED: "申请办结：部分准予。",
    Conclusion.REFUSED: "申请办结：不予许可。",
    Conclusion.WITHDRAWN: "申请已撤回，没有办完的不再办理。",
}
PASSED = {
    Signal.PROMISE_PASSED: "{department}办理「{item}」超过了承诺日期，已记入电子监察。",
    Signal.STATUTE_PASSED: "{department}办理「{item}」超过了法定期限，已记入电子监察。",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that happened: a message with its values, and what was written about it."""

    at: datetime
    text: str
    values: Mapping[str, object] = field(default_factory=dict)
    written: tuple[str, ...] = ()

    def spelt(self, words: Words) -> dict[str, object]:
        """Return the values in the language of a page."""
        return {key: _spelt(value, words) for key, value in self.values.items()}


def _spelt(value: object, words: Words) -> object:
    if isinstance(value, Name):
        return words.name(value)
    if isinstance(value, Limit):
        return words.limit(value)
    return words.day(value) if isinstance(value, date) else value


def history(told: Told) -> tuple[Entry, ...]:
    """Return everything that happened, newest first."""
    found = [
        Entry(at=told.application.submitted_at, text="您提交了申请，取得申请编号。"),
        *_accepted(told),
        *_begun(told),
        *_ended(told),
        *_notices(told),
        *(entry for one in told.clocks for entry in _stopped(told, one)),
        *_sessions(told),
        *_passed(told),
        *_rated(told),
    ]
    if told.progress.concluded_at is not None and told.progress.conclusion is not None:
        text = CONCLUDED[told.progress.conclusion]
        found.append(Entry(at=told.progress.concluded_at, text=text))
    # Of one instant, what is said later in the list came later.
    order = sorted(enumerate(found), key=lambda one: (one[1].at, one[0]), reverse=True)
    return tuple(entry for _, entry in order)


def _accepted(told: Told) -> Iterator[Entry]:
    texts = {
        AcceptanceOutcome.FIXED_ON_THE_SPOT: "您当场更正了材料。",
        AcceptanceOutcome.INCOMPLETE: "材料需要补正，已一次性告知全部内容。",
    }
    for one in told.acceptance.receipts:
        if one.outcome is not AcceptanceOutcome.ACCEPTED:
            yield Entry(at=one.at, text=texts.get(one.outcome, ""))
            continue
        day = told.acceptance.accepted_on
        deemed = one.told.get("kind") == AcceptanceKind.DEEMED
        text = (
            "逾期未告知补正，自 {day} 起视为受理。" if deemed else "已受理，自 {day} 起计算时限。"
        )
        yield Entry(at=one.at, text=text, values={"day": day})


def _begun(told: Told) -> Iterator[Entry]:
    """Yield the beginnings: a merged step begins once, for all its departments."""
    groups: dict[tuple[str, int, datetime], list[TaskShown]] = {}
    for task in told.progress.tasks:
        if task.issued_at is not None:
            groups.setdefault((task.step, task.round, task.issued_at), []).append(task)
    for (step, round_, at), tasks in groups.items():
        departments = {one.department for one in tasks}
        name = told.step_names.get(step, Name(zh=step, en=step))
        values: dict[str, object] = {
            "step": name,
            "n": len(departments),
            "department": told.department(tasks[0].department),
        }
        if round_ > 1:
            text = "{n} 个部门重新查看「{step}」。"
        elif len(departments) > 1:
            text = "「{step}」开始，{n} 个部门同时办理。"
        else:
            text = "{department}开始办理「{step}」。"
        yield Entry(at=at, text=text, values=values)


def _ended(told: Told) -> Iterator[Entry]:
    for task in told.progress.tasks:
        if task.decided_at is None or task.outcome is None:
            continue
        values = {"department": told.department(task.department), "item": told.item(task.item)}
        is_open = told.states.get(task.step) is StepState.OPEN
        if is_open and task.part is Part.DECIDE and task.state is TaskState.DECIDED:
            yield Entry(at=task.decided_at, text="{department}签署了「{item}」。", values=values)
            continue
        written = () if task.part is Part.CONSULT else _reasons(told, task)
        yield Entry(at=task.decided_at, text=DECIDED[task.outcome], values=values, written=written)


def _reasons(told: Told, task: TaskShown) -> tuple[str, ...]:
    results = told.results.items
    return next((tuple(one.reasons) for one in results if one.item == task.item), ())


def _notices(told: Told) -> Iterator[Entry]:
    for one in told.progress.notices:
        values: dict[str, object] = {
            "step": told.step_names.get(one.step, Name(zh=one.step, en=one.step)),
            "day": told.calendar.local_date(one.until),
        }
        yield Entry(
            at=one.asked_at,
            text="「{step}」需要整改，请在 {day} 前答复。",
            values=values,
            written=one.reasons,
        )
        if one.answered_at is not None:
            yield Entry(at=one.answered_at, text="您答复了「{step}」的整改通知。", values=values)
        if one.closed_at is not None:
            text = "「{step}」的整改期限已过，没有收到答复。"
            yield Entry(at=one.closed_at, text=text, values=values)


def _stopped(told: Told, one: ClockNoticeShown) -> Iterator[Entry]:
    task = next((found for found in told.progress.tasks if found.task == one.task), None)
    values: dict[str, object] = {
        "department": told.department(task.department) if task else None,
        "notice": one.notice,
        "day": one.until,
    }
    if one.days is not None and one.unit is not None:
        values["days"] = Limit(value=one.days, unit=one.unit)
    if one.kind is not None:
        values["kind"] = PAUSES[one.kind]
        text = "{department}因{kind}停止计时，到 {day} 为止（{notice}）。"
    elif task is not None:
        text = "{department}的法定期限延长 {days}（{notice}）；承诺日期不变。"
    else:
        text = "联合办理的法定期限延长 {days}（{notice}）；承诺日期不变。"
    yield Entry(at=one.at, text=text, values=values, written=(one.reason,))
    if one.ended_at is not None:
        text = "{department}停止的计时提前结束，不计入时限的最后一天改为 {day}（{notice}）。"
        yield Entry(at=one.ended_at, text=text, values=values | {"day": one.ended_on})


def _sessions(told: Told) -> Iterator[Entry]:
    for one in told.sessions:
        values: dict[str, object] = {
            "step": told.step_names.get(one.step, Name(zh=one.step, en=one.step)),
            "day": told.calendar.local_date(one.starts_at),
        }
        yield Entry(at=one.told_at, text=SESSIONS[one.state], values=values)


def _passed(told: Told) -> Iterator[Entry]:
    tasks = {one.task: one for one in told.progress.tasks}
    for one in told.progress.signals:
        if one.lifted_at is not None:
            continue
        task = tasks.get(one.task or "")
        if task is not None and one.signal in PASSED:
            values = {"department": told.department(task.department), "item": told.item(task.item)}
            yield Entry(at=one.at, text=PASSED[one.signal], values=values)
        elif one.task is None and one.signal is Signal.PROMISE_PASSED:
            yield Entry(at=one.at, text="整个申请超过了承诺日期，已记入电子监察。")


def _rated(told: Told) -> Iterator[Entry]:
    for one in told.ratings:
        values = {"department": told.department(one.department)}
        if one.rated_at is not None:
            yield Entry(at=one.rated_at, text="您评价了{department}的服务。", values=values)
        if one.follow_up is not None and one.follow_up.answered_at is not None:
            answer = (one.follow_up.answer,) if one.follow_up.answer else ()
            yield Entry(
                at=one.follow_up.answered_at,
                text="{department}答复了您的评价。",
                values=values,
                written=answer,
            )

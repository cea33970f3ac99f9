"""What a letter says, in either language, made of its facts when it is read or sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from services.contracts.vocabulary import AcceptanceKind, Conclusion, FollowUpState
from services.domain.calendar import ZONE
from services.domain.catalogue import Name
from services.intake.letters import Letter, LetterKind
from services.runtime.web.site.languages import Language, translate
from services.runtime.web.site.words import Words


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A letter in words. `href` leads to where one acts or reads on; `label` says what is there."""

    title: str
    body: str
    href: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """Title and body, in one language."""

    title: str
    body: str


class Voice:
    """Puts the facts of one letter in the words of one language."""

    def __init__(self, letter: Letter, language: Language) -> None:
        self.facts = letter.facts
        self.plan = letter.plan
        self.say: Callable[..., str] = partial(translate, language)
        self.words = Words(language, self.say)
        shares = [part for step in self.plan.steps for part in step.parts]
        self._items = {one.item: one.item_name for one in shares}
        self._departments = {one.department: one.department_name for one in shares}
        self._steps = {one.code: one.name for one in self.plan.steps}

    def step(self) -> str:
        """Return the step's name."""
        return self._name(self._steps, self.facts.step or "")

    def department(self) -> str:
        """Return the department's name."""
        return self._name(self._departments, self.facts.department or "")

    def items(self) -> str:
        """Return the names of the items, one after another."""
        names = [self._name(self._items, one) for one in self.facts.items]
        return self.say("、").join(names)

    def moment(self, instant: datetime | None) -> str:
        """Return date and minute on the clock of the county."""
        return "" if instant is None else self.words.moment(instant)

    def date(self, instant: datetime | None) -> str:
        """Return the date of an instant in the county."""
        return "" if instant is None else self.words.day(instant.astimezone(ZONE).date())

    def promise(self) -> str:
        """Return the sentence about the promised day, if the letter has one."""
        found = self.facts.promised_at
        return "" if found is None else self.say("承诺办结日期：{day}。", day=self.date(found))

    def _name(self, names: dict[str, Name], code: str) -> str:
        found = names.get(code)
        return code if found is None else self.words.name(found)


def text_of(letter: Letter, language: Language) -> Text:
    """Return a letter in words."""
    voice = Voice(letter, language)
    said = _SAY[letter.kind](voice)
    return Text(
        title=said.title,
        body=said.body,
        href=place_of(letter.application, letter.kind),
        label=voice.say(_PLACES[letter.kind][1]),
    )


def place_of(application: str, kind: LetterKind) -> str:
    """Return the address of the page that a letter leads to."""
    return f"/applications/{application}{_PLACES[kind][0]}"


def _received(voice: Voice) -> Said:
    say = voice.say
    if voice.plan.acceptance is None:
        day = voice.words.day(voice.plan.promised_on)
        body = say("申请已收到并当场受理，承诺最迟 {day} 全部办结。", day=day)
        return Said(title=say("已受理"), body=body)
    day = voice.words.day(voice.plan.acceptance.notice_by)
    body = say("申请已收到，各部门正在同时审查材料。需要补正的，最迟 {day} 一次性告知。", day=day)
    return Said(title=say("已收到申请"), body=body)


def _notice(voice: Voice) -> Said:
    say, count = voice.say, voice.facts.count or 0
    body = say("各部门审查后，共有 {n} 处需要补正，已合并为一份告知书，请逐项答复。", n=count)
    return Said(title=say("请补正材料（一次性告知）"), body=body)


def _accepted(voice: Voice) -> Said:
    say, day = voice.say, voice.facts.day
    when = "" if day is None else voice.words.day(day)
    if voice.facts.acceptance is AcceptanceKind.DEEMED:
        body = say("逾期未告知补正，自 {day} 起即为受理。", day=when)
    else:
        body = say("申请材料齐全，自 {day} 起受理。", day=when)
    return Said(title=say("已受理"), body=body + voice.promise())


def _bill(voice: Voice) -> Said:
    say = voice.say
    body = say("本申请涉及收费。账单列明每一项的标准和依据，账单以外一律不得收费。")
    return Said(title=say("账单已出具"), body=body)


def _bill_changed(voice: Voice) -> Said:
    say = voice.say
    body = say("账单有一项已按文书核定或者减免，请查看应缴金额。")
    return Said(title=say("账单有变化"), body=body)


def _refund(voice: Voice) -> Said:
    say = voice.say
    return Said(title=say("退款通知"), body=say("有一项收费已决定退还，正在办理退款。"))


def _rectification(voice: Voice) -> Said:
    say = voice.say
    body = say(
        "「{step}」各部门的意见已合并为一份告知书，请在 {until} 前补正。",
        step=voice.step(),
        until=voice.moment(voice.facts.until),
    )
    return Said(title=say("请补正：合并办理环节"), body=body)


def _papers(voice: Voice) -> Said:
    say, until = voice.say, voice.facts.until
    body = say("轮到「{step}」了，还在等 {n} 份材料。", step=voice.step(), n=voice.facts.count or 0)
    if until is None:
        body += say("等待期间不计时。")
    else:
        body += say("等待期间不计时，最迟 {until} 提交。", until=voice.moment(until))
    return Said(title=say("请提交后续材料"), body=body)


def _papers_closed(voice: Voice) -> Said:
    say, n = voice.say, voice.facts.count or 0
    body = say(
        "「{step}」还缺 {n} 份材料，期限已过，不再接收；需要这些材料的事项不再办理。",
        step=voice.step(),
        n=n,
    )
    return Said(title=say("后续材料逾期未提交"), body=body)


_SESSIONS = {
    LetterKind.SESSION: (
        "联合踏勘已安排",
        "「{step}」的联合踏勘或会审定于 {start}，由{department}牵头。",
    ),
    LetterKind.SESSION_MOVED: (
        "联合踏勘已改期",
        "「{step}」的联合踏勘已按您的选择改到 {start}。",
    ),
    LetterKind.SESSION_KEPT: (
        "联合踏勘未能改期",
        "您为「{step}」选的时间已排不上，仍定于 {start}。",
    ),
    LetterKind.SESSION_UNMOVED: (
        "联合踏勘未能改期",
        "部门收到您的改期申请时，「{step}」的联合踏勘已不能按申请改期，时间为 {start}。",
    ),
    LetterKind.SESSION_CANCELLED: (
        "联合踏勘已取消",
        "原定 {start} 的「{step}」联合踏勘或会审已取消，另行安排后通知您。",
    ),
}
"""What is told of sessions on each occasion: title and body."""


def _session(voice: Voice, kind: LetterKind) -> Said:
    title, text = _SESSIONS[kind]
    body = voice.say(
        text,
        step=voice.step(),
        start=voice.moment(voice.facts.starts_at),
        department=voice.department(),
    )
    return Said(title=voice.say(title), body=body + _answer_by(voice))


def _answer_by(voice: Voice) -> str:
    until = voice.facts.until
    if until is None:
        return ""
    text = "请在 {until} 前确认，或改选其他时间；不答复的按此安排进行。"
    if voice.facts.count == 0:
        text = "请在 {until} 前确认；不答复的按此安排进行。"
    return voice.say(text, until=voice.moment(until))


def _date_changed(voice: Voice) -> Said:
    return Said(title=voice.say("办结日期有变化"), body=voice.promise())


def _clock_stopped(voice: Voice) -> Said:
    say, facts = voice.say, voice.facts
    until = "" if facts.day is None else voice.words.day(facts.day)
    body = say(
        "{department}办理「{item}」时依法停止计时，不计入时限的最后一天是 {until}。",
        department=voice.department(),
        item=voice.items(),
        until=until,
    )
    return Said(title=say("依法停止计时"), body=body + voice.promise())


def _clock_resumed(voice: Voice) -> Said:
    until = "" if voice.facts.day is None else voice.words.day(voice.facts.day)
    body = voice.say(
        "{department}办理「{item}」时停止的计时提前结束，不计入时限的最后一天改为 {until}。",
        department=voice.department(),
        item=voice.items(),
        until=until,
    )
    return Said(title=voice.say("提前恢复计时"), body=body + voice.promise())


def _limit_extended(voice: Voice) -> Said:
    say, facts = voice.say, voice.facts
    days = "" if facts.days is None else voice.words.limit(facts.days)
    if facts.items:
        body = say("「{item}」的法定时限依法延长 {days}。", item=voice.items(), days=days)
    else:
        body = say("联合办理的法定时限依法延长 {days}。", days=days)
    return Said(title=say("法定时限延长"), body=body + voice.promise())


def _granted(voice: Voice) -> Said:
    say = voice.say
    body = say("准予：{items}。文书可以下载。", items=voice.items())
    return Said(title=say("办理结果：准予"), body=body)


def _renewed(voice: Voice) -> Said:
    say = voice.say
    body = say(
        "原许可在有效期届满前未获决定，依法视为准予延续：{items}。证明可以下载。",
        items=voice.items(),
    )
    return Said(title=say("办理结果：视为准予延续"), body=body)


def _refused(voice: Voice) -> Said:
    say = voice.say
    body = say("不予许可：{items}。决定书写明理由和救济途径。", items=voice.items())
    return Said(title=say("办理结果：不予许可"), body=body)


_ENDS = {
    Conclusion.GRANTED: "全部事项均已准予，申请办结。",
    Conclusion.PARTLY_GRANTED: "部分事项准予，申请办结。",
    Conclusion.REFUSED: "申请办结，未予许可。",
    Conclusion.WITHDRAWN: "申请已按您的要求撤回。",
}


def _concluded(voice: Voice) -> Said:
    say, end = voice.say, voice.facts.conclusion
    body = "" if end is None else say(_ENDS[end])
    return Said(title=say("申请办结"), body=body)


_FOLLOW_UPS = {
    FollowUpState.OPEN: "我们已就您对{department}的评价进行回访。",
    FollowUpState.ANSWERED: "{department}已答复您的评价。",
    FollowUpState.CLOSED: "对{department}的评价回访已结束。",
}


def _follow_up(voice: Voice) -> Said:
    say, state = voice.say, voice.facts.state
    body = "" if state is None else say(_FOLLOW_UPS[state], department=voice.department())
    return Said(title=say("评价回访"), body=body)


_SAY: dict[LetterKind, Callable[[Voice], Said]] = {
    LetterKind.RECEIVED: _received,
    LetterKind.NOTICE: _notice,
    LetterKind.ACCEPTED: _accepted,
    LetterKind.BILL: _bill,
    LetterKind.BILL_CHANGED: _bill_changed,
    LetterKind.REFUND: _refund,
    LetterKind.RECTIFICATION: _rectification,
    LetterKind.PAPERS: _papers,
    LetterKind.PAPERS_CLOSED: _papers_closed,
    **{kind: partial(_session, kind=kind) for kind in _SESSIONS},
    LetterKind.DATE_CHANGED: _date_changed,
    LetterKind.CLOCK_STOPPED: _clock_stopped,
    LetterKind.CLOCK_RESUMED: _clock_resumed,
    LetterKind.LIMIT_EXTENDED: _limit_extended,
    LetterKind.GRANTED: _granted,
    LetterKind.RENEWED: _renewed,
    LetterKind.REFUSED: _refused,
    LetterKind.CONCLUDED: _concluded,
    LetterKind.FOLLOW_UP: _follow_up,
}
_APPLICATION = ("", "查看办理进度")
_PLACES: dict[LetterKind, tuple[str, str]] = {
    **dict.fromkeys(LetterKind, _APPLICATION),
    LetterKind.NOTICE: ("/notice", "去答复"),
    LetterKind.RECTIFICATION: ("/notice", "去答复"),
    **dict.fromkeys(
        (LetterKind.BILL, LetterKind.BILL_CHANGED, LetterKind.REFUND), ("/bill", "查看账单")
    ),
    LetterKind.PAPERS: ("/papers", "去提交"),
    LetterKind.PAPERS_CLOSED: ("/papers", "查看通知"),
    LetterKind.CLOCK_STOPPED: ("/papers#clocks", "查看通知"),
    LetterKind.CLOCK_RESUMED: ("/papers#clocks", "查看通知"),
    LetterKind.LIMIT_EXTENDED: ("/papers#clocks", "查看通知"),
    **dict.fromkeys(_SESSIONS, ("/session", "查看安排")),
}
"""Where a letter leads to, below the application, and what is there."""

"""The world of one life: three services, the wire between them, and everybody who acts.

`Life` drives it; every method is one step. A `pick` is any number: it chooses among what there is.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from msgspec.structs import replace

from services.contracts.vocabulary import (
    ApplicationStatus,
    Approver,
    Authority,
    PauseKind,
    SessionState,
    Unit,
)
from services.domain.acceptance import users_of
from services.domain.case import (
    Accepted,
    AnyEvent,
    AskLapse,
    Case,
    Decided,
    EndTask,
    Extended,
    Held,
    Ignore,
    IssueTask,
    Lapsed,
    Paused,
    PauseEnded,
    Rectified,
    Redate,
    Reprojected,
    Resumed,
    Withdrawn,
)
from services.domain.examination import (
    AskExamination,
    CloseExamination,
    Examined,
    Received,
    Supplemented,
)
from services.domain.later import FORFEITED
from services.domain.later_events import PapersLapsed
from services.domain.limit_events import JointExtended, SentUp
from services.domain.rectifying import RectificationLapsed
from services.domain.route import Budget, Route
from services.domain.session_events import SessionMoved
from services.domain.turn import status_of
from tests.unit.lives_days import NOTICES
from tests.unit.lives_model import Model, close_of, day_of
from tests.unit.lives_people import (
    DONE,
    Departments,
    Desk,
    Door,
    is_expired,
    is_paused,
    may_pause,
    outcome_of,
)
from tests.unit.lives_routes import is_own
from tests.unit.lives_shell import Shell
from tests.unit.lives_wire import Flight, Wire
from tests.unit.oracle_days import DAY
from tests.unit.routes import START

T = TypeVar("T")
HOUR = timedelta(hours=1)
ARTICLE = "行政许可法 45"
RECOGNISED = (
    *(Accepted, Received, Examined, Decided, Lapsed, Rectified, RectificationLapsed, PapersLapsed),
    *(Paused, PauseEnded, Extended, SentUp),
)
"""What the core itself knows again, by what it names."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A message of somebody honest, who acted by what his own store knew: `limit` of his task."""

    event: AnyEvent
    limit: date | None = None


class World:
    def __init__(self, route: Route, tally: Counter[str]) -> None:
        self.route = route
        self.tally = tally
        self.now: datetime = START
        self.wire = Wire(route.application)
        self.model = Model(route, tally)
        self.departments = Departments(route, self._say, tally)
        self.door = Door(say=self._ask, tally=tally)
        self.said: dict[str, Said] = {}
        self.refused: set[str] = set()
        self.undelivered: list[tuple[str, AnyEvent]] = []
        self.delivered: list[tuple[str, AnyEvent]] = []
        self.died = False
        submitted = self.wire.new_id()
        self.shell = Shell(route, START, str(submitted), self._observe, self._tell)
        self.delivered.append((str(submitted), self.shell.pending[0]))
        self.shell.work()

    @property
    def case(self) -> Case:
        return self.shell.case

    # -- the orchestrator ------------------------------------------------------------------------

    def _observe(self, before: Case, event: AnyEvent, commands: Any, after: Case) -> None:
        self.model.observe(before, event, commands, after)
        for command in commands:
            if isinstance(command, Ignore):
                self._check_ignored(before, event, command)
            if isinstance(command, EndTask) and command.reason == FORFEITED:
                self._check_forfeited(command)

    def _check_ignored(self, before: Case, event: AnyEvent, command: Ignore) -> None:
        """What somebody did by his own store has its effect, unless all was over [3]."""
        self.tally["ignored"] += 1
        said = self.said.get(event.ref)
        if said is None or self._count_applied(event.ref) > 1:
            return
        excused = before.conclusion is not None
        task = getattr(event, "task", None)
        if task in self.model.ended:
            excused |= self.model.ended[task].state == "cancelled"
        if isinstance(event, Examined):
            # It had spoken when the notice was out, or the application accepted.
            excused |= event.at >= self.model.closings.get(event.task, event.at + HOUR)
        if isinstance(event, Paused | Extended):
            # The message of its moved dates had not reached it: there is no other excuse.
            key, _, _ = event.task.partition("/")[2].rpartition("/")
            dates = before.tasks[key].dates
            excused |= dates is not None and said.limit != dates.statutory_on
        if isinstance(event, SentUp):
            excused |= self.route.limits is None
        if isinstance(event, PauseEnded):
            excused |= any(ref in self.refused for ref in self._pauses_of(event.task))
        if isinstance(event, Held | Resumed | Reprojected | SessionMoved | JointExtended):
            excused = True
        assert excused, f"{event} was ignored: {command.why} [3]"
        self.refused.add(event.ref)

    def _check_forfeited(self, command: EndTask) -> None:
        """Given up is what intake's store has closed, and nothing else."""
        step, part = self.route.parts[command.key]
        papers = [paper.material for paper in step.papers if part.item in paper.items]
        assert any((step.code, one) in self.door.closed for one in papers), "[3]"

    def _count_applied(self, ref: str) -> int:
        return sum(one == ref for one, _ in self.delivered)

    def _pauses_of(self, task: str) -> list[str]:
        return [
            ref
            for ref, one in self.said.items()
            if isinstance(one.event, Paused) and one.event.task == task
        ]

    def _tell(self, commands: tuple[Any, ...]) -> None:
        for command in commands:
            department = self._addressee(command)
            if department is not None:
                self.wire.send("departments", "orchestrator", f"tasks.{department}", command)
        self.wire.send("intake", "orchestrator", "progress", commands)

    def _addressee(self, command: Any) -> str | None:
        match command:
            case AskExamination() | CloseExamination():
                return command.department
            case EndTask(state="cancelled", issued=True) | IssueTask() | Redate() | AskLapse():
                return self.route.parts[command.key][1].department
            case _:
                return None

    def work(self, how: str = "well") -> None:
        """Hand over what the inbox holds, and let the workflow work."""
        self.delivered += self.undelivered
        self.shell.pending += [event for _, event in self.undelivered]
        if how == "forgets":
            self.tally["fault: handed over twice"] += bool(self.undelivered)
        else:
            self.undelivered = []
        died = self.shell.work(dies=how == "dies")
        self.died = died
        self.tally["fault: died after carrying out"] += died

    def ring(self) -> None:
        """Let the timer ring, if its instant has come."""
        ahead = self.shell.due
        if self.died or ahead is None or self.now < ahead:
            return
        if self.now > ahead + HOUR:
            self.tally["fault: late timer"] += 1
        if any(one.to == "orchestrator" for one in self.wire.flying):
            self.tally["fault: message later than its timer"] += 1
        self.shell.ring(self.now)
        self.shell.work()

    def restart(self) -> None:
        self.tally["fault: restart from the state"] += 1
        self.work()
        self.shell.continue_as_new()

    def rebuild(self) -> None:
        """Temporal forgets everything."""
        self.tally["fault: restart from the journal"] += 1
        again = self.shell.rebuild(self.delivered)
        self.died = False
        if self.delivered[0] in again:  # it had no turn yet: the submission starts it once more
            self.shell.pending = [again.pop(0)[1]]
        self.delivered = [one for one in self.delivered if one not in again]
        self.undelivered = again + [one for one in self.undelivered if one not in again]

    # -- the wire --------------------------------------------------------------------------------

    def _send(self, source: str, topic: str, event: AnyEvent, *, honest: bool) -> Flight:
        id_ = self.wire.new_id()
        told = replace(event, ref=str(id_))
        if honest:
            self.said[str(id_)] = Said(event=told, limit=self._limit_of(told))
        return self.wire.send("orchestrator", source, topic, told, id_)

    def _limit_of(self, event: AnyEvent) -> date | None:
        """What the department's own store says of the limit of a task."""
        desk = self.departments.tasks.get(getattr(event, "task", ""))
        return None if desk is None or desk.dates is None else desk.dates.statutory_on

    def _say(self, department: str, event: AnyEvent) -> None:
        own = is_own(department)
        source = f"department/{department}" if own else "departments"
        self._send(source, f"decisions.{department}", event, honest=not own)

    def arrive(self, pick: int) -> None:
        """Some message under way arrives."""
        place = pick % len(self.wire.flying)
        one = self.wire.flying[place]
        self.tally["fault: overtaken"] += any(f.to == one.to for f in self.wire.flying[:place])
        self.tally["fault: twice"] += one.id in self.wire.inboxes[one.to].known
        to, ready = self.wire.arrive(place)
        self._hear(to, ready)

    def _hear(self, to: str, ready: list[Flight]) -> None:
        for one in ready:
            if to == "orchestrator":
                self.undelivered.append((one.ref, one.says))
            elif to == "departments":
                self.departments.hear(one.says, self.now)
            else:
                self.door.hear(one.says, self.now)

    def arrive_all(self) -> None:
        while self.wire.flying:
            to, ready = self.wire.arrive(0)
            self._hear(to, ready)

    def double(self, pick: int) -> None:
        self.wire.flying.append(self.choose(self.wire.sent, pick))

    def lose(self, pick: int) -> None:
        self.wire.flying.pop(pick % len(self.wire.flying))
        self.tally["fault: lost"] += 1

    def resend(self) -> None:
        again = self.wire.unreceipted()
        self.tally["fault: sent again after a loss"] += bool(again)
        self.wire.flying += again

    def say_all_again(self) -> None:
        """Everything that was ever said is said again."""
        self.tally["fault: everything said again"] += 1
        self.wire.flying += self.wire.sent

    def say_again_past_the_inbox(self, pick: int) -> None:
        """The workflow is handed something that it has applied long ago."""
        known = [one for one in self.delivered if isinstance(one[1], RECOGNISED)]
        if known:
            self.tally["fault: handed over again, late"] += 1
            self.undelivered.append(self.choose(known, pick))

    # -- people ----------------------------------------------------------------------------------

    @staticmethod
    def choose(found: list[T], pick: int) -> T:
        return found[pick % len(found)]

    @property
    def today(self) -> Any:
        """The day an act counts for: after the close of business, the next."""
        day = day_of(self.now)
        return day if self.now <= close_of(day) else day + DAY

    def pass_time(self, hours: int) -> None:
        self.now += hours * HOUR

    def decide(self, pick: int, *, adverse: bool) -> None:
        desk = self.choose(self.departments.open(), pick)
        if is_paused(desk, day_of(self.now)) and not is_own(desk.department):
            return  # the departments' service asks to end the pause first
        if is_expired(desk, self.now):
            return  # it answers that the permit was renewed by law
        outcome = outcome_of(desk, adverse=adverse)
        desk.state, desk.outcome, desk.ended_at = "decided", outcome, self.now
        self._say(desk.department, Decided(at=self.now, task=desk.name, outcome=outcome))

    def examine(self, pick: int, *, lacking: int) -> None:
        desk = self.choose(self.departments.asked(), pick)
        findings = desk.subjects[:lacking]
        desk.state, desk.ended_at = DONE, self.now
        self._say(
            desk.department,
            Examined(at=self.now, task=desk.name, department=desk.department, findings=findings),
        )

    def pause(self, pick: int, length: int, cap: int | None) -> None:
        cap = cap or None  # what has nothing left of its cap is refused at the desk
        found = [desk for desk in self.departments.open() if may_pause(desk, self.today)]
        if not found:
            return
        desk = self.choose(found, pick)
        desk.pauses += 1
        desk.paused_until = self.today + length * DAY
        self.tally["a pause"] += 1
        self._say(
            desk.department,
            Paused(
                at=self.now,
                task=desk.name,
                pause=desk.pauses,
                kind=PauseKind.EXPERT_REVIEW,
                until=desk.paused_until,
                cap=None if cap is None else Budget(value=cap, unit=list(Unit)[pick % 2]),
                notice="甲1号",
                article=ARTICLE,
            ),
        )

    def end_pause(self, pick: int) -> None:
        found = [desk for desk in self.departments.open() if is_paused(desk, self.today)]
        if not found:
            return
        desk = self.choose(found, pick)
        desk.paused_until = None
        event = PauseEnded(at=self.now, task=desk.name, pause=desk.pauses)
        # A pause whose cap is used up lasts no more, though its notice named a later day.
        self._say(desk.department, event)

    def extend(self, pick: int, value: int) -> None:
        found = [
            desk
            for desk in self.departments.open()
            if may_pause(desk, self.today) and not desk.extensions
        ]
        if not found:
            return
        desk = self.choose(found, pick)
        desk.extensions += 1
        self.tally["an extension"] += 1
        self._say(
            desk.department,
            Extended(
                at=self.now,
                task=desk.name,
                extension=desk.extensions,
                budget=Budget(value=value, unit=list(Unit)[pick % 2]),
                approver="department_head",
                article="行政许可法 42",
            ),
        )

    def send_up(self, pick: int) -> None:
        """The first review of a task is done: it goes to a higher authority."""
        found = [
            desk
            for desk in self.departments.open()
            if desk.part is not None
            and desk.part.authority is Authority.HIGHER_LEVEL
            and desk.name.endswith("/1")
            and not desk.sent_up
        ]
        if not found:
            return
        desk = self.choose(found, pick)
        desk.sent_up = True
        self.tally["a first review"] += 1
        self._say(desk.department, SentUp(at=self.now, task=desk.name))

    def meet(self, pick: int) -> None:
        """The lead department tells of a joint session."""
        step = self.choose(list(self.route.steps), pick)
        if step.lead is None:
            return
        event = SessionMoved(
            at=self.now,
            step=step.code,
            department=step.lead,
            session=1,
            state=self.choose(list(SessionState), pick),
            starts_at=self.now,
            ends_at=self.now + HOUR,
        )
        self._say(step.lead, event)

    def misbehave(self, pick: int, stale: int, *, adverse: bool) -> None:
        """A department with software of its own says what it should not, dated back."""
        found = self.departments.own()
        if not found:
            return
        desk = self.choose(found, pick)
        at = self.now - stale * HOUR
        self.tally["fault: stale instant"] += stale > 0
        self.tally["fault: said against its own word"] += desk.state != "open"
        event: AnyEvent
        if desk.part is None:
            asks = ("material/m0", "condition/I0a/1", "nonsense")[: stale % 4]
            event = Examined(at=at, task=desk.name, department=desk.department, findings=asks)
        elif pick % 5 == 0:
            event = Lapsed(at=at, task=desk.name)
        elif pick % 3:
            outcome = outcome_of(desk, adverse=adverse)
            event = Decided(at=at, task=desk.name, outcome=outcome)
        else:
            event = Paused(
                at=at,
                task=desk.name,
                pause=pick % 4,
                kind=PauseKind.HEARING,
                until=day_of(self.now) + (pick % 500 - 100) * DAY,
                cap=None,
                notice="" if pick % 2 else "乙",
                article=ARTICLE,
            )
        self._say(desk.department, event)

    # -- the investor and the operator -----------------------------------------------------------

    def rectify(self, pick: int) -> None:
        waiting = self.door.waiting(self.now)
        if self.door.is_over or not waiting:
            return
        notice = self.choose(waiting, pick)
        del self.door.notices[notice.step]
        self.tally["a notice answered in time"] += 1
        self._ask(Rectified(at=self.now, step=notice.step, round=notice.round))

    def supplement(self, pick: int, *, complete: bool) -> None:
        """The investor answers the notice of what is missing, by a piece or with all."""
        notice = self.door.missing
        if self.door.is_over or notice is None:
            return
        left = self.door.outstanding
        given = left if complete else left[: 1 + pick % 2]
        self.door.outstanding = tuple(one for one in left if one not in given)
        if complete or not self.door.outstanding:
            self.door.missing = None
        self._ask(Supplemented(at=self.now, round=notice.round, subjects=given, complete=complete))

    def correct(self, pick: int) -> None:
        """A paper is put right on the spot, while departments look."""
        if self.door.is_over or not self.door.looking or self.route.acceptance is None:
            return
        subject = f"material/{self.choose(sorted(self.route.acceptance.uses), pick)}"
        self.tally["a correction on the spot"] += bool(users_of(self.route, subject))
        self._ask(Supplemented(at=self.now, round=0, subjects=(subject,)))

    def hand_in(self) -> None:
        """Papers that came into being in the course of the project."""
        if self.door.is_over or not self.door.papers:
            return
        given = tuple(f"material/{one}" for one in self.door.papers)
        self.door.given |= set(self.door.papers)
        self.door.papers = ()
        self.tally["later papers"] += 1
        self._ask(Supplemented(at=self.now, round=0, subjects=given))

    def withdraw(self) -> None:
        if not self.door.is_over:
            self.door.withdrawn = True
            self._ask(Withdrawn(at=self.now))

    def _ask(self, event: AnyEvent) -> None:
        self._send("intake", "applications", event, honest=True)

    def operate(self, event: AnyEvent) -> None:
        """An operator's act enters the inbox as a message of our own."""
        ref = str(self.wire.new_id())
        told = replace(event, ref=ref)
        self.said[ref] = Said(event=told)
        self.undelivered.append((ref, told))

    def hold(self) -> None:
        self.operate(Held(at=self.now))

    def resume(self) -> None:
        self.operate(Resumed(at=self.now))

    def extend_whole(self, value: int) -> None:
        """The head of the government extends the limit of the joint case."""
        self.operate(
            JointExtended(
                at=self.now,
                budget=Budget(value=value, unit=Unit.WORKING_DAY),
                approver=Approver.GOVERNMENT_HEAD,
                article="行政许可法 42(2)",
            )
        )

    def publish(self, pick: int) -> None:
        """A calendar notice arrives."""
        self.tally["fault: calendar notice"] += self.case.conclusion is None
        self.operate(Reprojected(at=self.now, calendar=self.choose(list(NOTICES), pick)))

    # -- what must hold --------------------------------------------------------------------------

    def check(self) -> None:
        if self.died:
            return  # what it knew is gone; the turn it carried out is found by its number
        self.model.check(self.case)

    def check_end(self) -> None:
        """Everything is delivered: what departments, workflow and investor know is one [3, 4]."""
        self.model.check_end(self.case)
        assert status_of(self.case) in {ApplicationStatus.CONCLUDED, ApplicationStatus.WITHDRAWN}
        left = [*self.departments.open(), *self.departments.asked()]
        assert all(is_own(desk.department) for desk in left), "something stays on a queue"
        for name, desk in self.departments.tasks.items():
            self._check_desk(desk, self.model.ended[name])
        assert self.door.conclusions == [self.case.conclusion], "the end is shown once [3]"
        assert self.door.turns == len(self.shell.journal)
        shown = {item: found for item, found in self.case.items.items() if found is not None}
        withdrawn = [item for item in shown if item not in self.door.results]
        assert not withdrawn or self.door.withdrawn
        assert self.door.results.items() <= shown.items()
        assert self.door.ended.keys() == self.model.ended.keys()

    def _check_desk(self, desk: Desk, ended: EndTask) -> None:
        if ended.state == "cancelled" or is_own(desk.department):
            return  # its own word came too late, or was another one before
        assert desk.state == ended.state, "department and workflow know two ends [3, 4]"
        assert desk.outcome is ended.outcome
        assert desk.ended_at == ended.at

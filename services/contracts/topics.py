"""Topics as data: name, key, partitions, retention, producers, consumers, models.

Task and decision topics exist once per department, so that a broker's access lists can keep a
department's own software to its own queue.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from services.contracts.acceptance import ExaminationRedated
from services.contracts.events import (
    ApplicationProgressed,
    ApplicationRectified,
    ApplicationSubmitted,
    ApplicationSupplemented,
    ApplicationWithdrawn,
    Event,
    ExaminationAsked,
    ExaminationClosed,
    ExaminationDone,
    Receipt,
    RectificationLapsed,
    RectificationLapseDue,
    SessionTold,
    TaskCancelled,
    TaskDecided,
    TaskExtended,
    TaskIssued,
    TaskLapsed,
    TaskLapseDue,
    TaskPaused,
    TaskPauseEnded,
    TaskRedated,
)
from services.contracts.fees import FeeRepaid
from services.contracts.later import PapersLapsed, PapersLapseDue
from services.contracts.limits import TaskSentUp
from services.contracts.ratings import FollowUpTold, RatingGiven
from services.contracts.sessions import AppointmentAnswered
from services.contracts.vocabulary import DepartmentSystem, Service

DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic. `{department}` and `{service}` in the name are its only parameters.

    `producers` and `consumers` name services; `{department}` stands for the department's own
    software. Every consumer named receipts every event that is not itself a receipt.
    """

    name: str
    purpose: str
    models: tuple[type[Event], ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    partitions: int = 3
    retention_ms: int = 7 * DAY_MS
    key: str = "application number (receipts: the consumer's name)"


APPLICATIONS = Topic(
    name="lianshen.applications.v1",
    purpose="What investors do: submit, supplement, rectify, answer, withdraw, rate; refunds.",
    models=(
        ApplicationSubmitted,
        ApplicationSupplemented,
        ApplicationRectified,
        RectificationLapsed,
        PapersLapsed,
        ApplicationWithdrawn,
        AppointmentAnswered,
        RatingGiven,
        FeeRepaid,
    ),
    producers=(Service.INTAKE,),
    consumers=(Service.ORCHESTRATOR,),
)
TASKS = Topic(
    name="lianshen.tasks.{department}.v1",
    purpose="Work for one department; receipts for what its own software has sent.",
    models=(
        ExaminationAsked,
        ExaminationRedated,
        ExaminationClosed,
        TaskIssued,
        TaskCancelled,
        TaskLapseDue,
        TaskRedated,
        AppointmentAnswered,
        Receipt,
    ),
    producers=(Service.ORCHESTRATOR,),
    consumers=(Service.DEPARTMENTS, "department/{department}"),
)
DECISIONS = Topic(
    name="lianshen.decisions.{department}.v1",
    purpose="What one department did about its tasks; receipts of its own software.",
    models=(
        ExaminationDone,
        TaskDecided,
        TaskLapsed,
        TaskPaused,
        TaskPauseEnded,
        TaskExtended,
        TaskSentUp,
        SessionTold,
        Receipt,
    ),
    producers=(Service.DEPARTMENTS, "department/{department}"),
    consumers=(Service.ORCHESTRATOR,),
)
PROGRESS = Topic(
    name="lianshen.progress.v1",
    purpose="What became of an application: tasks, results, deadlines, conclusion, follow-ups.",
    models=(ApplicationProgressed, RectificationLapseDue, PapersLapseDue, FollowUpTold),
    producers=(Service.ORCHESTRATOR,),
    consumers=(Service.INTAKE,),
)
RECEIPTS = Topic(
    name="lianshen.receipts.{service}.v1",
    purpose="Receipts for what one service has sent; one message per processed batch.",
    models=(Receipt,),
    producers=(Service.INTAKE, Service.ORCHESTRATOR, Service.DEPARTMENTS),
    consumers=("{service}",),
    retention_ms=DAY_MS,
)
TOPICS = (APPLICATIONS, TASKS, DECISIONS, PROGRESS, RECEIPTS)


def tasks_topic(department: str) -> str:
    """Return the name of a department's task topic."""
    return TASKS.name.format(department=department)


def decisions_topic(department: str) -> str:
    """Return the name of a department's decision topic."""
    return DECISIONS.name.format(department=department)


def receipts_topic(source: str) -> str:
    """Return where receipts for `source` go: its receipt topic, or its department's task topic."""
    if source.startswith("department/"):
        return tasks_topic(source.removeprefix("department/"))
    return RECEIPTS.name.format(service=source)


def consumers_of(topic: Topic, department: str | None, system: DepartmentSystem) -> tuple[str, ...]:
    """Return the consumers whose receipts close an event on `topic`."""
    if topic is not TASKS:
        return topic.consumers
    return (
        (Service.DEPARTMENTS,)
        if system is DepartmentSystem.SHARED
        else (f"department/{department}",)
    )


def all_names(departments: Iterable[str]) -> list[tuple[str, Topic]]:
    """Return every concrete topic name of a county with these departments, sorted."""
    found: list[tuple[str, Topic]] = []
    for topic in TOPICS:
        if "{department}" in topic.name:
            found += [(topic.name.format(department=code), topic) for code in departments]
        elif "{service}" in topic.name:
            found += [(topic.name.format(service=service), topic) for service in Service]
        else:
            found.append((topic.name, topic))
    return sorted(found, key=lambda pair: pair[0])

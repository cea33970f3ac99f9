"""What the API of joint sessions answers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from services.contracts.vocabulary import AppointmentOutcome, Outcome, Part, TaskState
from services.departments.deciding import Ended
from services.departments.models import NUMBER, EndedView, Ref, ended
from services.departments.sessions_models import PLACE, SHA256, STEP, State
from services.departments.sessions_problems import OBSTACLES, TAKEN_BY_OTHERS
from services.departments.sessions_store import Whole
from services.departments.store import Row
from services.domain.sessions import (
    Interval,
    Obstacle,
    Opening,
    Placement,
    Round,
    Timetable,
    Wanted,
    obstacles,
    openings,
)
from services.runtime.web.pages import Page

ALTERNATIVES = 5
"""Other times that are shown for a session."""


class Engagement(BaseModel):
    """When an officer is not free, and why."""

    id: int
    kind: Literal["duty", "training", "leave", "other", "absence", "session"]
    starts_at: datetime
    ends_at: datetime


class OfficerView(BaseModel):
    """Somebody who can be sent, and when he is not free in the next weeks."""

    officer: Ref
    department: str
    listed_at: datetime
    taken: list[Engagement] = []


class Roster(BaseModel):
    """A department's roster."""

    department: str
    officers: list[OfficerView]


class EngagementAdded(BaseModel):
    """An engagement has been noted."""

    id: int


class Time(BaseModel):
    """A time at which a session could be held."""

    starts_at: datetime
    ends_at: datetime
    attendees: dict[str, list[str]] = Field(description="Who would be sent, by department.")


class ObstacleView(BaseModel):
    """What stands in the way; `department` absent: it lies with all of them."""

    kind: Literal[
        "too_few_officers", "clock_too_short", "never_free", "no_common_time", "taken_by_others"
    ]
    department: str | None = None
    zh: str
    en: str


class Proposal(BaseModel):
    """What is proposed for one session."""

    application: str = Field(examples=[NUMBER])
    step: str = Field(examples=[STEP])
    until: datetime = Field(description="The end of the shortest clock.")
    late: bool = Field(description="Some member's time is over already.")
    proposed: Time | None = Field(description="Its place in the best timetable of the round.")
    others: list[Time] = Field(description="The first times it could be held at if it were alone.")
    obstacles: list[ObstacleView]


class Proposals(BaseModel):
    """The best timetable of a round."""

    proven: bool = Field(description="No other timetable is better.")
    sessions: list[Proposal]


class SessionSummary(BaseModel):
    """A session as it stands in a list: for its members, the invitation."""

    id: int
    application: str = Field(examples=[NUMBER])
    step: str
    group: str
    procedure: str
    lead: str
    place: str = Field(examples=[PLACE])
    starts_at: datetime
    ends_at: datetime
    travel_minutes: int
    state: State
    convened_by: Ref
    convened_at: datetime
    held_at: datetime | None
    cancelled_at: datetime | None
    cancellation: str | None
    version: int = Field(description="Also its ETag.")


class SessionPage(Page):
    """Sessions of a department, in the order of time."""

    items: list[SessionSummary]


class MemberView(BaseModel):
    """A department in a session."""

    department: str
    needed: int = Field(description="Officers it must send (行政许可法 34).")
    until: datetime | None = Field(description="Its clock; absent: its time was over.")
    present: bool | None
    attested_at: datetime | None = Field(description="When it said who came.")
    attested_by: Ref | None
    signed_at: datetime | None
    signed_by: Ref | None


class SeatView(BaseModel):
    """An officer in a session; `released_at`: somebody was sent instead."""

    officer: Ref
    department: str
    instead_of: Ref | None
    named_by: Ref
    named_at: datetime
    released_at: datetime | None
    present: bool | None


class SessionTask(BaseModel):
    """A task that the session was convened for."""

    id: int
    task: str
    item: str
    department: str
    part: Part
    state: TaskState
    version: int
    outcome: Outcome | None
    result_number: str | None
    ended_at: datetime | None


class RecordView(BaseModel):
    """The one record."""

    minutes: str
    findings: dict[str, str]
    sha256: str
    recorded_by: Ref
    recorded_at: datetime


class OfferedTime(BaseModel):
    """Another time that the applicant may choose."""

    starts_at: datetime
    ends_at: datetime


class OfferAnswer(BaseModel):
    """What the applicant answered, and what became of it."""

    asked: OfferedTime | None = Field(description="The time asked for; absent: it was confirmed.")
    by: Ref
    answered_at: datetime
    outcome: AppointmentOutcome
    settled_at: datetime


class OfferView(BaseModel):
    """What the applicant may answer about a session's time."""

    number: int
    until: datetime = Field(description="Until when: one working day before it starts.")
    slots: list[OfferedTime]
    made_at: datetime
    answer: OfferAnswer | None


class SessionDetail(SessionSummary):
    """A session with members, attendees, tasks and record."""

    members: list[MemberView]
    attendees: list[SeatView]
    tasks: list[SessionTask]
    record: RecordView | None
    offers: list[OfferView] = Field(description="To the applicant, the last first.")


class SessionVersion(BaseModel):
    """A session has changed as wanted."""

    id: int
    version: int
    state: State


class Recorded(SessionVersion):
    """The record is stored."""

    sha256: str = Field(examples=[SHA256])


class SignedView(BaseModel):
    """What the signatures ended."""

    session: int
    ended: list[EndedView]


_SUMMARY = (
    *("id", "application", "step", "procedure", "lead", "place", "starts_at", "ends_at", "state"),
    *("convened_by", "convened_at", "held_at", "cancelled_at", "cancellation", "version"),
)
_TASK = tuple(SessionTask.model_fields)


def roster(department: str, officers: Sequence[Row], taken: Sequence[Row]) -> dict[str, Any]:
    """Return a `Roster` as plain data."""
    busy: dict[str, list[dict[str, Any]]] = {row["officer_ref"]: [] for row in officers}
    for row in taken:
        busy[row["officer_ref"]].append({name: row[name] for name in Engagement.model_fields})
    listed = [
        {
            "officer": row["officer_ref"],
            "department": row["department"],
            "listed_at": row["listed_at"],
            "taken": busy[row["officer_ref"]],
        }
        for row in officers
    ]
    return {"department": department, "officers": listed}


def summary(row: Row) -> dict[str, Any]:
    """Return a `SessionSummary` as plain data."""
    return {name: row[name] for name in _SUMMARY} | {
        "group": row["step_group"],
        "travel_minutes": int(row["travel"].total_seconds() // 60),
    }


def detail(whole: Whole) -> dict[str, Any]:
    """Return a `SessionDetail` as plain data."""
    row = whole.row
    record = None
    if row["sha256"] is not None:
        names = ("minutes", "sha256", "recorded_by", "recorded_at")
        record = {name: row[name] for name in names}
        record["findings"] = orjson.Fragment(row["findings"])
    return summary(row) | {
        "members": [_member(one) for one in whole.members],
        "attendees": [
            {**{n: v for n, v in one.items() if n != "officer_ref"}, "officer": one["officer_ref"]}
            for one in whole.seats
        ],
        "tasks": [{name: one[name] for name in _TASK} for one in whole.tasks],
        "record": record,
        "offers": [_offer(one) for one in whole.offers],
    }


def _offer(one: Row) -> dict[str, Any]:
    answer = None
    if one["outcome"] is not None:
        asked = {name: one[name] for name in OfferedTime.model_fields}
        answer = {
            "asked": None if one["starts_at"] is None else asked,
            "by": one["actor_ref"],
            **{name: one[name] for name in ("answered_at", "outcome", "settled_at")},
        }
    slots = orjson.Fragment(one["slots"])
    return {name: one[name] for name in ("number", "until", "made_at")} | {
        "slots": slots,
        "answer": answer,
    }


def _member(one: Row) -> dict[str, Any]:
    names = ("department", "needed", "until", "present", "attested_at", "attested_by", "signed_at")
    return {name: one[name] for name in names} | {"signed_by": one["actor_ref"]}


def signed(session: int, tasks: Sequence[Ended]) -> dict[str, Any]:
    """Return a `SignedView` as plain data."""
    return {"session": session, "ended": [ended(one) for one in tasks]}


def proposals(round_: Round, found: Timetable) -> dict[str, Any]:
    """Return `Proposals` as plain data, in the order asked."""
    placed = {one.key: one for one in found.placed}
    sessions = [_proposal(round_, one, placed.get(one.key)) for one in round_.wanted]
    return {"proven": found.proven, "sessions": sessions}


def _proposal(round_: Round, wanted: Wanted, placed: Placement | None) -> dict[str, Any]:
    application, _, step = wanted.key.partition("/")
    alone = [one for one, _ in zip(openings(round_, wanted), range(ALTERNATIVES), strict=False)]
    return {
        "application": application,
        "step": step,
        "until": wanted.ends_by,
        "late": wanted.is_late,
        "proposed": _time(placed.time, placed.attendees) if placed else None,
        "others": [_time(one.time, _first(wanted, one)) for one in alone],
        "obstacles": [] if placed else _obstacles(round_, wanted),
    }


def _first(wanted: Wanted, opening: Opening) -> dict[str, tuple[str, ...]]:
    return {m.department: opening.free[m.department][: m.needed] for m in wanted.members}


def _time(time: Interval, attendees: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    return {"starts_at": time.start, "ends_at": time.end, "attendees": attendees}


def _obstacles(round_: Round, wanted: Wanted) -> list[dict[str, Any]]:
    found: Sequence[tuple[Obstacle, str | None]] = obstacles(round_, wanted)
    if not found:
        return [{"kind": "taken_by_others", "zh": TAKEN_BY_OTHERS.zh, "en": TAKEN_BY_OTHERS.en}]
    return [
        {"kind": kind, "department": department, "zh": OBSTACLES[kind].zh, "en": OBSTACLES[kind].en}
        for kind, department in found
    ]

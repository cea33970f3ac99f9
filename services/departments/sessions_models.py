"""What the API of joint sessions is asked."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AwareDatetime, ConfigDict, Field, SecretStr, model_validator

from services.contracts.events import ApplicationNumber, Code, Text
from services.departments.models import LARGEST_BATCH, NUMBER, Asked, BatchEntry, Written
from services.departments.sessions import Asked as SessionAsked
from services.departments.sessions import Convening
from services.departments.sessions_holding import Signer
from services.departments.sessions_roster import EngagementKind
from services.runtime.auth import Principal

State: TypeAlias = Literal["convened", "held", "recorded", "cancelled"]
LARGEST_ROUND = 6
STEP = "joint-acceptance"
OFFICERS = ("9f2c" * 8, "41d0" * 8)
SHA256 = "5ec6b2877e5d03801f54955ea82e6c66316d36f207f2175441022f95783ba826"
_SESSION = {"application": NUMBER, "step": STEP}
_TIMES = {"starts_at": "2026-03-04T01:30:00Z", "ends_at": "2026-03-04T03:30:00Z"}
PLACE = "高新区创业路 8 号厂区南门"

Minutes = Annotated[int, Field(ge=15, le=480, description="How long it takes.")]
Travel = Annotated[int, Field(ge=0, le=180, description="Minutes of the way, there and back each.")]
Officer = Annotated[
    str, Field(pattern="^[0-9a-f]{16,64}$", description="Keyed hash of an officer.")
]
Step = Annotated[str, Field(min_length=1, max_length=64, examples=[STEP])]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the record.")]


class NewEngagement(Asked):
    """When an officer is not free."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "training", **_TIMES}]})

    kind: EngagementKind
    starts_at: AwareDatetime
    ends_at: AwareDatetime

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        _check_lasts(self.starts_at, self.ends_at)
        return self


class SessionWanted(Asked):
    """A session that is to be timed."""

    application: ApplicationNumber
    step: Step
    minutes: Minutes = 120
    travel_minutes: Travel = 0
    not_before: AwareDatetime | None = None

    def asked(self) -> SessionAsked:
        """Return it as the use case takes it."""
        return SessionAsked(
            application=self.application,
            step=self.step,
            length=timedelta(minutes=self.minutes),
            travel=timedelta(minutes=self.travel_minutes),
            not_before=self.not_before,
        )


class NewRound(Asked):
    """Sessions that are timed together, because they may want the same officers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sessions": [{**_SESSION, "minutes": 120, "travel_minutes": 30}]}]
        }
    )

    sessions: tuple[SessionWanted, ...] = Field(min_length=1, max_length=LARGEST_ROUND)

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({(one.application, one.step) for one in self.sessions}) < len(self.sessions):
            raise ValueError("同一环节只能列一次 / A step can be named once")
        return self


class NewSession(Asked):
    """A session as it is convened."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_SESSION,
                    **_TIMES,
                    "place": PLACE,
                    "travel_minutes": 30,
                    "attendees": {"housing-construction": [*OFFICERS]},
                }
            ]
        }
    )

    application: ApplicationNumber
    step: Step
    place: Annotated[Written, Field(max_length=200)]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    travel_minutes: Travel = 0
    attendees: dict[Code, Annotated[tuple[Officer, ...], Field(max_length=20)]] = Field(
        description="Who is sent, by department."
    )

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        _check_lasts(self.starts_at, self.ends_at)
        return self

    def convening(self) -> Convening:
        """Return it as the use case takes it."""
        return Convening(
            application=self.application,
            step=self.step,
            place=self.place,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            travel=timedelta(minutes=self.travel_minutes),
            attendees={key: tuple(dict.fromkeys(refs)) for key, refs in self.attendees.items()},
        )


def _check_lasts(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise ValueError("结束须晚于开始 / It ends after it starts")


class Cancellation(Asked):
    """Why a session is called off."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "暴雨，现场不能进入"}]})

    reason: Written


class Substitution(Asked):
    """Who is sent instead of whom."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"officer": OFFICERS[1], "instead_of": OFFICERS[0]}]}
    )

    officer: Officer
    instead_of: Officer


class Attendance(Asked):
    """Who of one's own department came."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"present": [*OFFICERS]}]})

    present: tuple[Officer, ...] = Field(max_length=200)


class NewRecord(Asked):
    """The one record of a session."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "minutes": "各部门核对了竣工图与现场，提问三处，均已答复。",
                    "findings": {"housing-construction": "消防车道净宽 4.2 米，符合设计。"},
                }
            ]
        }
    )

    minutes: Annotated[Written, Field(max_length=4000)]
    findings: dict[Code, Text] = Field(
        description="What each department found; compulsory for each that verified facts."
    )


class OwnSignature(Asked):
    """A department signs the record by ending what it has open in the session."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sha256": SHA256, "entries": [{"id": 4711, "outcome": "granted"}]}]
        }
    )

    sha256: Sha256
    entries: tuple[BatchEntry, ...] = Field(min_length=1, max_length=LARGEST_BATCH)

    def signer(self, who: Principal) -> Signer:
        """Return it as the use case takes it."""
        return Signer(who=who, entries=[one.entry() for one in self.entries])


class MemberSignature(Asked):
    """One department's signature among several. The token is that of the person who signs."""

    token: SecretStr = Field(
        min_length=1,
        max_length=8192,
        description="Access token of one who "
        "may end the department's tasks; it is neither kept nor logged.",
    )
    entries: tuple[BatchEntry, ...] = Field(min_length=1, max_length=LARGEST_BATCH)


class Signatures(Asked):
    """Several departments sign together: all of it happens, or nothing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sha256": SHA256,
                    "signatures": [
                        {
                            "token": "eyJhbGciOiJFUzI1NiJ9.e30.c2ln",
                            "entries": [{"id": 4711, "outcome": "granted"}],
                        }
                    ],
                }
            ]
        }
    )

    sha256: Sha256
    signatures: tuple[MemberSignature, ...] = Field(min_length=1, max_length=40)

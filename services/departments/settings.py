"""What the departments' service needs besides what every service needs."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from services.runtime.settings import ServiceSettings
from services.runtime.settings_source import Group


class SweeperSettings(Group):
    """The independent look for silent tasks that nobody asked to lapse."""

    every: float = Field(default=15.0, gt=0, description="Seconds between two looks.")
    grace: float = Field(
        default=60.0,
        gt=0,
        description="Real seconds a question about silence may be late before it is an alarm.",
    )


class SessionsSettings(Group):
    """Joint sessions."""

    notice_minutes: int = Field(
        default=120,
        ge=0,
        le=2880,
        description="Minutes from now before which no joint session is proposed.",
    )

    @property
    def notice(self) -> timedelta:
        """The same, as a duration."""
        return timedelta(minutes=self.notice_minutes)

    search_seconds: float = Field(
        default=10.0,
        gt=0,
        le=60,
        description="Seconds after which the best timetable so far is proposed.",
    )
    searches: int = Field(
        default=1, ge=1, le=16, description="Timetables that are reckoned at the same time."
    )


class Settings(ServiceSettings):
    """Everything the departments' service reads from its environment."""

    sweeper: SweeperSettings = Field(
        default_factory=SweeperSettings,
        description="The look for silent tasks that nobody asked to lapse.",
    )
    sessions: SessionsSettings = Field(
        default_factory=SessionsSettings, description="Joint sessions of merged steps."
    )
    authorisations: Literal["role", "required"] = Field(
        default="role",
        description="What a decision needs: `required`, a written authorisation that holds and "
        "covers the item; `role`, the role `chief_representative` in the token alone.",
    )
    approval_above_days: int = Field(
        default=2,
        ge=1,
        description="Working days in which what went up (报批) is answered; never later than the "
        "task's promise.",
    )
    papers_url: str | None = Field(
        default=None,
        description="Address of the intake service, where officers' pages read the papers of a "
        "case with the officer's own rights; not set: pages name the papers and cannot show them.",
    )

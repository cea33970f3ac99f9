"""What the orchestrator needs beyond what every service needs."""

from pathlib import Path

from pydantic import Field

from services.domain.performance import Thresholds
from services.runtime.settings import ServiceSettings
from services.runtime.settings_source import Group


class TemporalSettings(Group):
    """The Temporal server, and how this process works for it."""

    address: str = Field(default="127.0.0.1:7233", description="`host:port` of the frontend.")
    namespace: str = Field(default="default", description="Namespace of the workflows.")
    task_queue: str = Field(default="applications", description="Queue the worker polls.")
    ui_url: str | None = Field(
        default=None, description="Address of Temporal's own pages, for links to a workflow."
    )
    cached_workflows: int = Field(
        default=2_000,
        ge=10,
        description="Workflows kept in memory; above the number that is hot at one time.",
    )
    sticky_timeout: float = Field(
        default=1.0,
        gt=0,
        description="Seconds until a workflow task goes to another worker when ours is gone.",
    )
    tls: bool = Field(default=False, description="Talk TLS to the frontend: on in production.")
    first_turn_ahead: bool = Field(
        default=True,
        description="Whoever starts a workflow carries out its first turn, and it sleeps until "
        "there is more to do. Off for as long as an orchestrator works that does not know this: "
        "it could not go on with such a workflow, nor wake it.",
    )


class SweeperSettings(Group):
    """The independent look at deadlines that should have spoken."""

    every: float = Field(default=15.0, gt=0, description="Seconds between two looks.")
    grace: float = Field(
        default=60.0, gt=0, description="Seconds a timer may be late before it is an alarm."
    )


class SupervisionSettings(Group):
    """The electronic supervision: cards, and the sensors of handling outside the system."""

    rules: Path = Field(
        default=Path("deploy/supervision/rules.yaml"),
        description="What is worth a light, a yellow or a red card: the county's rules.",
    )
    every: float = Field(default=30.0, gt=0, description="Seconds between two looks of sensors.")
    settled: float = Field(
        default=10.0,
        ge=0,
        description="Seconds that a message is left alone before sensors look at it: longer than "
        "any transaction lasts.",
    )


class ReportSettings(Group):
    """Figures, the monthly report with its commendation list, the public performance."""

    measure_every: float = Field(
        default=20.0,
        gt=0,
        le=30,
        description="Seconds between two rounds of reckoning what work took.",
    )
    commended_volume: int = Field(
        default=10, ge=1, description="Tasks a department has ended in a month to be commended."
    )
    commended_ratings: int = Field(
        default=3, ge=1, description="Ratings it has got in the month to be commended."
    )
    commended_rating: float = Field(
        default=4.5, ge=1, le=5, description="Mean of its ratings (5 is best) to be commended."
    )
    least_published: int = Field(
        default=10,
        ge=3,
        description="Fewer tasks or ratings than these are not published: they would show single "
        "applications.",
    )

    @property
    def thresholds(self) -> Thresholds:
        """What a department must reach for the commendation list."""
        return Thresholds(
            volume=self.commended_volume,
            ratings=self.commended_ratings,
            rating=self.commended_rating,
        )


class Settings(ServiceSettings):
    """Settings of the orchestrator."""

    temporal: TemporalSettings = Field(
        default_factory=TemporalSettings, description="The Temporal server."
    )
    sweeper: SweeperSettings = Field(
        default_factory=SweeperSettings, description="The look at silent timers."
    )
    supervision: SupervisionSettings = Field(
        default_factory=SupervisionSettings, description="Cards and sensors."
    )
    report: ReportSettings = Field(
        default_factory=ReportSettings, description="Figures and the monthly report."
    )
    trace_url: str | None = Field(
        default=None,
        description="Address of a trace in the trace viewer; `{trace}` stands for the trace id.",
    )
    portal_url: str | None = Field(
        default=None,
        description="Address of the investor portal, for the way back from the public page.",
    )

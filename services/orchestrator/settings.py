"""What the orchestrator needs beyond what every service needs."""

from pydantic import Field

from services.runtime.settings import Group, ServiceSettings


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


class SweeperSettings(Group):
    """The independent look at deadlines that should have spoken."""

    every: float = Field(default=15.0, gt=0, description="Seconds between two looks.")
    grace: float = Field(
        default=60.0, gt=0, description="Seconds a timer may be late before it is an alarm."
    )


class Settings(ServiceSettings):
    """Settings of the orchestrator."""

    temporal: TemporalSettings = Field(
        default_factory=TemporalSettings, description="The Temporal server."
    )
    sweeper: SweeperSettings = Field(
        default_factory=SweeperSettings, description="The look at silent timers."
    )
    trace_url: str | None = Field(
        default=None,
        description="Address of a trace in the trace viewer; `{trace}` stands for the trace id.",
    )

"""What the departments' service needs besides what every service needs."""

from pydantic import Field

from services.runtime.settings import Group, ServiceSettings


class SweeperSettings(Group):
    """The independent look for silent tasks that nobody asked to lapse."""

    every: float = Field(default=15.0, gt=0, description="Seconds between two looks.")
    grace: float = Field(
        default=60.0,
        gt=0,
        description="Real seconds a question about silence may be late before it is an alarm.",
    )


class Settings(ServiceSettings):
    """Everything the departments' service reads from its environment."""

    sweeper: SweeperSettings = Field(
        default_factory=SweeperSettings,
        description="The look for silent tasks that nobody asked to lapse.",
    )

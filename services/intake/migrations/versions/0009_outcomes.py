"""Written answers that no licence is needed, or that another authority is in power."""

from services.runtime.migrations import run_beside

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

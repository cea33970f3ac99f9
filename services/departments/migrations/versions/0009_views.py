"""What the workbench keeps for those who use it."""

from services.runtime.migrations import run_beside

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

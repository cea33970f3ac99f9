"""Joint sessions: who can attend, when they meet, what was recorded, who signed."""

from services.runtime.migrations import run_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

"""Ratings told by intake, their follow-ups, and the figures drawn from them."""

from services.runtime.migrations import run_beside

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

"""Limits of the joint case as a whole, of delivery, and of the first review."""

from services.runtime.migrations import run_beside

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

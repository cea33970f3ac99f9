"""Supervision: cards with their evidence, appeals, and what was handled outside the system."""

from services.runtime.migrations import run_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

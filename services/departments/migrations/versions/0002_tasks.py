"""Queues of the departments: tasks, what was done about them, and how each ended."""

from services.runtime.migrations import run_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

"""Answers to examinations that were in time and arrived late."""

from services.runtime.migrations import run_beside

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

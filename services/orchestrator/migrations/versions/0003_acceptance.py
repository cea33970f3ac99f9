"""Examinations by the departments, and how applications were accepted."""

from services.runtime.migrations import run_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

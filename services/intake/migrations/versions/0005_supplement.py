"""Acceptance by the departments: notices, what answers them, and the receipts of its outcomes."""

from services.runtime.migrations import run_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

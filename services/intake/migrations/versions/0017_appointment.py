"""The investor's word about an appointment."""

from services.runtime.migrations import run_beside

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

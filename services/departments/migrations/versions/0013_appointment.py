"""The investor's word about an appointment; who takes up what somebody absent has in hand."""

from services.runtime.migrations import run_beside

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

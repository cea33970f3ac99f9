"""What the centre writes to investors."""

from services.runtime.migrations import run_beside

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

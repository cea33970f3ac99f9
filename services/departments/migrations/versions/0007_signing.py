"""What a session and a written authorisation ask for anew."""

from services.runtime.migrations import run_beside

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)

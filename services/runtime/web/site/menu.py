"""The navigation of a site: entries that everybody sees, and entries of some roles alone."""

from collections.abc import Callable, Collection, Sequence

from services.contracts.vocabulary import Role
from services.runtime.auth import Principal

# (path, label) or (path, label, roles); the label is a message.
Entry = tuple[str, str] | tuple[str, str, Collection[Role]]


def shown(
    entries: Sequence[Entry], who: Principal | None, say: Callable[[str], str]
) -> list[tuple[str, str]]:
    """Return path and label of what somebody may open; None: a reader whose roles are not known."""
    return [
        (entry[0], say(entry[1]))
        for entry in entries
        if len(entry) == 2 or (who is not None and who.has(*entry[2]))  # noqa: PLR2004  no roles
    ]

"""The navigation of a site: entries that everybody sees, and entries of some roles alone."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from fastapi import Request

from services.contracts.vocabulary import Role
from services.runtime.auth import Principal

# (path, label) or (path, label, roles); the label is a message.
Entry = tuple[str, str] | tuple[str, str, Collection[Role]]
_KEY = "lianshen.counts"


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """A number beside an entry; `message` says with `{n}` what is counted."""

    n: int
    message: str


def shown(
    entries: Sequence[Entry], who: Principal | None, say: Callable[[str], str]
) -> list[tuple[str, str]]:
    """Return path and label of what somebody may open; None: a reader whose roles are not known."""
    return [
        (entry[0], say(entry[1]))
        for entry in entries
        if len(entry) == 2 or (who is not None and who.has(*entry[2]))  # noqa: PLR2004  no roles
    ]


def put_count(request: Request, path: str, count: Count) -> None:
    """Let the pages of a request show a number beside an entry."""
    request.scope.setdefault(_KEY, {})[path] = count


def counts_of(request: Request) -> dict[str, Count]:
    """Return the numbers beside entries, by path."""
    found: dict[str, Count] = request.scope.get(_KEY, {})
    return found

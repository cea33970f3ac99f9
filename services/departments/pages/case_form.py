"""What a form on the page of a case sends, and what comes back with the page when it is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import FormData

from services.runtime.web.etag import Expected
from services.runtime.web.problems import VERSION_REQUIRED, Problem
from services.runtime.web.site import Site

MOST_TEXTS = 20
MOST_DIGITS = 18
"""So many any bigint has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What was typed, by the names of the controls."""

    fields: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, given: FormData) -> "Form":
        """Return the texts of a form; files are none of its."""
        fields: dict[str, tuple[str, ...]] = {}
        for name, value in given.multi_items():
            if isinstance(value, str):
                fields[name] = (*fields.get(name, ()), value)
        return cls(fields=fields)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a control, blank ones left out."""
        return tuple(one.strip() for one in self.fields.get(name, ()) if one.strip())

    def text(self, name: str) -> str:
        """Return the value of a control; "" without one."""
        return next(iter(self.fields.get(name, ())), "").strip()

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of a text, blank ones left out: one line is one point."""
        return tuple(line.strip() for line in self.text(name).splitlines() if line.strip())

    def number(self, name: str) -> int:
        """Return a whole number; 0 for anything else."""
        text = self.text(name)
        is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
        return int(text) if is_number else 0

    @property
    def expected(self) -> Expected:
        """The version that was read. Raises Problem 428 without one."""
        version = self.text("version")
        if not version:
            raise Problem(VERSION_REQUIRED)
        return Expected(frozenset({version}))


@dataclass(frozen=True, kw_only=True)
class Back:
    """What comes back with a page: the act, what was typed, what is wrong, what is previewed.

    `faults` are sentences by the name of their control; `others` those that have none.
    """

    act: str = ""
    typed: Form = field(default_factory=lambda: Form(fields={}))
    title: str = ""
    detail: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)
    others: Sequence[str] = ()
    letter: str = ""
    status: int = 200
    stale: bool = False
    """Somebody else has changed the task since the page was read."""

    def value(self, name: str, default: object = "") -> object:
        """Return what was typed into a control; `default` where its form was not sent."""
        return self.typed.text(name) if name in self.typed.fields else default

    def chosen(self, act: str, name: str, value: str, default: bool = False) -> bool:
        """Whether a box or a choice was ticked; `default` where its form was not sent."""
        if self.act != act:
            return default
        return value in self.typed.fields.get(name, ())

    def fault(self, name: str) -> str:
        """Return what is wrong with a control; "" when nothing is."""
        return self.faults.get(name, "")


def refused(
    site: Site, request: Request, act: str, form: Form, problem: Problem, names: Mapping[str, str]
) -> Back:
    """Return what comes back with the page that tells a problem.

    `names`: the controls of the form by the members that problems point at (`#/reason`).
    """
    told = site.told(request, problem)
    faults: dict[str, str] = {}
    others: list[str] = []
    for fault, words in zip(problem.errors, told["faults"], strict=True):
        member = fault.pointer.removeprefix("#/").partition("/")[0]
        if member in names:
            faults.setdefault(names[member], words)
        else:
            others.append(words)
    return Back(
        act=act,
        typed=form,
        title=told["title"],
        detail=told["detail"] or "",
        faults=faults,
        others=others,
        status=problem.kind.status,
        stale=problem.kind.status == HTTPStatus.PRECONDITION_FAILED,
    )

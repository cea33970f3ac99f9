"""What a verification found, invariant by invariant."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

CONSERVATION, TASKS, DECISIONS, LAPSES, AUTHORITY = 1, 2, 3, 4, 5
MESSAGES, AUDIT, DATES, KEYS, LIVENESS, FEES = 6, 7, 8, 9, 10, 11
ACCEPTANCE, SUPERVISION = 12, 13
RATINGS = 14
INVARIANTS = {
    CONSERVATION: ("守恒", "every application is in exactly one state, in every store"),
    TASKS: ("任务", "one task per item, department and round; the stores agree on it"),
    DECISIONS: ("决定", "decided = applied = shown = recorded, each exactly once"),
    LAPSES: ("默许", "a task was decided or lapsed, never both"),
    AUTHORITY: ("权限", "nobody acted without authority"),
    MESSAGES: ("消息", "messages applied in order, each once, none lost"),
    AUDIT: ("审计", "the logs of acts are unbroken and match their signatures"),
    DATES: ("期限", "every date equals an independent reckoning"),
    KEYS: ("幂等", "one Idempotency-Key, one application"),
    LIVENESS: ("活性", "nothing is stuck, every loop is alive"),
    FEES: ("收费", "nothing was billed or paid but by the published standards"),
    ACCEPTANCE: ("受理", "one notice in time that names all, or accepted from the receipt"),
    SUPERVISION: ("监察", "every overrun and silence has its card, every card has its ground"),
    RATINGS: ("评价", "rated once, by what was released; bad ratings followed up in their term"),
}
FEW = 5
"""So many findings of an invariant are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that is not as it must be.

    `in_flight`: the stores may differ so for a moment, and something moved in the last minute.
    """

    invariant: int
    subject: str
    message: str
    in_flight: bool = False

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}"

    @property
    def identity(self) -> tuple[int, str, str]:
        """What makes it the same finding at the next look."""
        return self.invariant, self.subject, self.message


@dataclass(kw_only=True, slots=True)
class Report:
    """The outcome of one verification.

    `counted` says how much was looked at, by the plural of its name; `notes` are what could not be
    checked, and why; `dead_letters` are the open ones, by store.
    """

    findings: list[Finding] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    dead_letters: list[str] = field(default_factory=list)
    looks: int = 1
    seconds: float = 0.0

    @property
    def violations(self) -> list[Finding]:
        """Findings that are not merely in flight."""
        return [finding for finding in self.findings if not finding.in_flight]

    @property
    def in_flight(self) -> list[Finding]:
        """Findings that may be gone at the next look."""
        return [finding for finding in self.findings if finding.in_flight]

    @property
    def clean(self) -> bool:
        """Whether nothing is violated."""
        return not self.violations

    def of(self, invariant: int) -> list[Finding]:
        """Return the violations of one invariant."""
        return [finding for finding in self.violations if finding.invariant == invariant]

    def settle(self, earlier: Iterable[Finding]) -> None:
        """Turn into violations what `earlier` looks have all found as well."""
        lasting = {finding.identity for finding in earlier}
        self.findings = [
            replace(one, in_flight=False) if one.identity in lasting else one
            for one in self.findings
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "clean": self.clean,
            "counted": dict(sorted(self.counted.items())),
            "invariants": [
                {
                    "number": number,
                    "name": {"zh": zh, "en": en},
                    "violations": [_plain(finding) for finding in self.of(number)],
                }
                for number, (zh, en) in INVARIANTS.items()
            ],
            "in_flight": [_plain(finding) for finding in self.in_flight],
            "dead_letters": self.dead_letters,
            "notes": self.notes,
            "looks": self.looks,
            "seconds": round(self.seconds, 3),
        }

    def show(self, console: "Console") -> None:
        """Print one line for each invariant, and the first findings of those that are violated."""
        from rich.table import Table

        table = Table(title="Verification 核验", title_justify="left", show_header=False)
        for number, (zh, en) in INVARIANTS.items():
            found = self.of(number)
            verdict = f"[red]{len(found)} violated 违反[/red]" if found else "[green]ok[/green]"
            table.add_row(str(number), zh, en, verdict)
        console.print(table)
        for line in self._details():
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        counted = ", ".join(f"{count} {name}" for name, count in sorted(self.counted.items()))
        console.print(f"[dim]{counted}; {self.looks} look(s), {self.seconds:.1f} s[/dim]")

    def _details(self) -> Iterator[str]:
        for number in INVARIANTS:
            found = self.of(number)
            yield from (f"  {number}  {finding}" for finding in found[:FEW])
            if len(found) > FEW:
                yield f"  {number}  ... and {len(found) - FEW} more"
        if self.in_flight:
            yield f"  {len(self.in_flight)} in flight 在途, such as: {self.in_flight[0]}"
        yield from (f"  dead letter 死信  {letter}" for letter in self.dead_letters)
        yield from (f"  not checked 未核验  {note}" for note in self.notes)


def _plain(finding: Finding) -> dict[str, str]:
    return {"subject": finding.subject, "message": finding.message}

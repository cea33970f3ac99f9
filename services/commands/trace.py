"""`lianshen trace`: the trace of one application, from the span files, as a tree."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

DEFAULT_DATA = Path(".lianshen")
SPANS = "spans"
APPLICATION = "lianshen.application"
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_MS = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One span of a file. `start` and `end` are nanoseconds since 1970; ids are hexadecimal."""

    trace: str
    span: str
    parent: str | None
    name: str
    kind: str
    service: str
    pid: int
    start: int
    end: int
    error: bool
    attributes: Mapping[str, Any]
    links: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Span":
        """Return the span of a line that runtime/telemetry.py wrote."""
        links = tuple((one["trace"], one["span"]) for one in record["links"])
        return cls(**{**record, "links": links})


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """One trace. `acts` are other traces that are linked with it: the requests of people."""

    trace_id: str
    spans: tuple[Span, ...]
    acts: tuple[str, ...] = ()
    children: Mapping[str | None, tuple[Span, ...]] = field(repr=False)

    @property
    def roots(self) -> tuple[Span, ...]:
        """The spans without a parent; a sound trace has one."""
        return self.children.get(None, ())

    @property
    def orphans(self) -> tuple[Span, ...]:
        """The spans whose parent nobody wrote down; a sound trace has none."""
        known = {one.span for one in self.spans}
        return tuple(one for one in self.spans if one.parent and one.parent not in known)

    @property
    def processes(self) -> tuple[tuple[str, int], ...]:
        """The processes that took part: service and process id."""
        return tuple(sorted({(one.service, one.pid) for one in self.spans}))


class TraceNotFoundError(LookupError):
    """No span file speaks of the application."""


def load(data: Path, application: str) -> Trace:
    """Return the trace of an application (by number), or one by its id (32 hexadecimal digits).

    An application's trace is the one of its earliest span: it began with the investor's request.
    Raises TraceNotFoundError.
    """
    folder = data / SPANS
    spans = list(_read(folder, application))
    if _TRACE_ID.fullmatch(application):
        about = [one for one in spans if one.trace == application]
    else:
        about = [one for one in spans if one.attributes.get(APPLICATION) == application]
    if not about:
        message = f"no span in {folder} speaks of {application}"
        raise TraceNotFoundError(message)
    trace_id = min(about, key=lambda one: one.start).trace
    return build(trace_id, _read(folder, trace_id), {one.trace for one in about})


def build(trace_id: str, spans: Iterable[Span], related: set[str]) -> Trace:
    """Return a trace from all spans that mention its id, and the traces about the same thing."""
    own: dict[str, Span] = {}
    acts = related - {trace_id}
    for one in spans:
        if one.trace == trace_id:
            own[one.span] = one
            acts |= {trace for trace, _ in one.links if trace != trace_id}
        else:
            acts.add(one.trace)
    ordered = tuple(sorted(own.values(), key=lambda one: one.start))
    children: dict[str | None, list[Span]] = defaultdict(list)
    for one in ordered:
        children[one.parent].append(one)
    return Trace(
        trace_id=trace_id,
        spans=ordered,
        acts=tuple(sorted(acts)),
        children={parent: tuple(found) for parent, found in children.items()},
    )


def _read(folder: Path, mention: str) -> Iterator[Span]:
    """Yield the spans whose line mentions a text; lines being written just now are left out."""
    wanted = mention.encode()
    for file in sorted([*folder.glob("*.jsonl.1"), *folder.glob("*.jsonl")]):
        with file.open("rb") as lines:
            for line in lines:
                if wanted in line and line.endswith(b"}\n"):
                    yield Span.of(json.loads(line))


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def trace(
        application: Annotated[
            str, typer.Argument(help="The application's number, or a trace id.")
        ],
        data: Annotated[Path, typer.Option(help="The stack's data folder.")] = DEFAULT_DATA,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Print the trace of an application as a tree; 申请全程轨迹."""
        try:
            found = load(data, application)
        except TraceNotFoundError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
        if as_json:
            typer.echo(json.dumps(summary(found), ensure_ascii=False, indent=2))
        else:
            _print(found)


def summary(trace: Trace) -> dict[str, Any]:
    """Return a trace as plain data for `--json`."""
    return {
        "trace": trace.trace_id,
        "processes": [{"service": service, "pid": pid} for service, pid in trace.processes],
        "orphans": [one.span for one in trace.orphans],
        "acts": list(trace.acts),
        "spans": [
            {
                "span": one.span,
                "parent": one.parent,
                "service": one.service,
                "name": one.name,
                "kind": one.kind,
                "start": one.start,
                "duration_ms": round((one.end - one.start) / _MS, 3),
                "error": one.error,
                "attributes": dict(one.attributes),
                "links": [{"trace": other, "span": span} for other, span in one.links],
            }
            for one in trace.spans
        ],
    }


def _print(trace: Trace) -> None:
    from rich.console import Console
    from rich.tree import Tree

    tree = Tree(f"[bold]{trace.trace_id}")
    start = trace.spans[0].start
    stack: list[tuple[Tree, Span]] = [
        (tree, one) for one in reversed((*trace.roots, *trace.orphans))
    ]
    while stack:
        above, one = stack.pop()
        branch = above.add(_line(one, start, orphan=one in trace.orphans))
        stack += [(branch, child) for child in reversed(trace.children.get(one.span, ()))]
    console = Console()
    console.print(tree)
    console.print(
        f"{len(trace.spans)} spans, {len(trace.processes)} processes, "
        f"{len(trace.orphans)} orphans, {len(trace.acts)} linked traces"
    )


def _line(one: Span, start: int, *, orphan: bool) -> str:
    mark = " [red]orphan[/red]" * orphan + " [red]error[/red]" * one.error
    links = f" [dim]→ {', '.join(other[:8] for other, _ in one.links)}[/dim]" if one.links else ""
    offset, took = (one.start - start) / _MS, (one.end - one.start) / _MS
    return (
        f"[cyan]{one.service}[/cyan] {one.name}  "
        f"[dim]+{offset:,.1f} ms[/dim]  {took:,.1f} ms{mark}{links}"
    )

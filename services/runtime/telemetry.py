"""Traces: one from an investor's request to the last result, across all processes.

Spans go to an OTLP/HTTP collector and to a JSON-lines file, whichever is configured. Names are
declared here once. No attribute carries personal data; the application number may.

A wait of days is never an open span: whoever continues after it opens a span of its own, as child
of the stored `traceparent` or with a link to it. A request from outside starts a trace of its own
and only links to the trace its caller claims (W3C Trace Context 4.3, restart at a trust border): a
stranger can neither force sampling nor hang our spans under a parent that nobody has.
"""

import atexit
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import orjson
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.util.types import AttributeValue

from services.runtime.settings import TelemetrySettings

SCOPE = "lianshen"
FILE_LIMIT_BYTES = 256 * 1024 * 1024
Attributes = Mapping[str, AttributeValue]


class SpanName:
    """Every span that the services open themselves. A request's is `<METHOD> <route>`."""

    SUBMIT: Final = "application.submit"
    PROCESS: Final = "inbox.process"
    DELIVER: Final = "workflow.deliver"
    CARRY_OUT: Final = "workflow.carry_out"
    DECIDE: Final = "task.decide"
    EXAMINE: Final = "examination.answer"
    CLOCK: Final = "task.clock"
    OPERATE: Final = "operator.act"
    SEAL: Final = "audit.seal"


class Attribute:
    """Attributes of our own; all others are OpenTelemetry's semantic conventions."""

    APPLICATION: Final = "lianshen.application"
    DEPARTMENT: Final = "lianshen.department"
    EVENTS: Final = "lianshen.events"
    LEAVES: Final = "lianshen.leaves"


def setup(service: str, settings: TelemetrySettings) -> None:
    """Install the tracer provider of this process. With no exporter configured nothing is traced.

    Spans that are still buffered are flushed at exit; `shutdown` does it earlier.
    """
    exporters = _exporters(service, settings)
    if not exporters:
        return
    resource = Resource.create({"service.name": service, "service.instance.id": str(os.getpid())})
    sampler = ParentBased(TraceIdRatioBased(settings.sample_ratio))
    provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=16_384,
                max_export_batch_size=2_048,
                schedule_delay_millis=settings.export_interval_seconds * 1000,
            )
        )
    install(provider)
    atexit.register(shutdown)


def _exporters(service: str, settings: TelemetrySettings) -> list[SpanExporter]:
    found: list[SpanExporter] = []
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        found.append(OTLPSpanExporter(endpoint=settings.otlp_endpoint))
    if settings.span_folder:
        found.append(FileExporter(Path(settings.span_folder) / f"{service}.jsonl", service))
    return found


_active: list[TracerProvider] = []
_tracer: trace.Tracer = trace.NoOpTracer()


def install(provider: TracerProvider) -> None:
    """Make `provider` the one whose tracer this process uses, and OpenTelemetry's global one."""
    global _tracer  # noqa: PLW0603 - one tracer to a process, as in OpenTelemetry itself
    trace.set_tracer_provider(provider)
    _tracer = provider.get_tracer(SCOPE)
    _active[:] = [provider]


def shutdown() -> None:
    """Flush what is buffered and stop tracing. May be called more than once."""
    global _tracer  # noqa: PLW0603 - see `install`
    _tracer = trace.NoOpTracer()
    while _active:
        _active.pop().shutdown()


class FileExporter(SpanExporter):
    """Appends finished spans to a file, one JSON object to a line, one write to a batch.

    Members: `trace`, `span`, `parent` (hex; parent null for a root), `name`, `kind`, `service`,
    `pid`, `start`, `end` (nanoseconds since 1970), `error`, `attributes`, `links` (trace and span
    each). A full file is kept once, as `<name>.1`. Several processes may append to one file.
    """

    def __init__(self, path: Path, service: str, limit_bytes: int = FILE_LIMIT_BYTES) -> None:
        """Create the folder. `limit_bytes` is the size at which the file is put aside."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._service = service
        self._limit = limit_bytes
        self._lock = Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append the batch."""
        pid = os.getpid()
        lines = b"".join(self._line(one, pid) for one in spans)
        with self._lock:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, lines)
                size = os.fstat(handle).st_size
            finally:
                os.close(handle)
            if size > self._limit:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
        return SpanExportResult.SUCCESS

    def _line(self, span: ReadableSpan, pid: int) -> bytes:
        context = span.context
        record = {
            "trace": f"{context.trace_id:032x}",
            "span": f"{context.span_id:016x}",
            "parent": f"{span.parent.span_id:016x}" if span.parent else None,
            "name": span.name,
            "kind": span.kind.name.lower(),
            "service": self._service,
            "pid": pid,
            "start": span.start_time,
            "end": span.end_time,
            "error": span.status.status_code is StatusCode.ERROR,
            "attributes": dict(span.attributes or {}),
            "links": [
                {"trace": f"{one.context.trace_id:032x}", "span": f"{one.context.span_id:016x}"}
                for one in span.links
            ],
        }
        return orjson.dumps(record, default=str, option=_LINE)

    def shutdown(self) -> None:
        """Do nothing: the file is opened for each batch."""


_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


def traceparent_of(span: Span) -> str | None:
    """Return the W3C `traceparent` of a span, or None when it is not part of any trace."""
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def current_traceparent() -> str | None:
    """Return the `traceparent` of the current span, to be stored or sent with what it causes."""
    return traceparent_of(trace.get_current_span())


def current_trace_id() -> str | None:
    """Return the current trace id, 32 hexadecimal digits."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


_LENGTH = len("00-") + 32 + 1 + 16 + 1 + 2


def parse(traceparent: str | None) -> SpanContext | None:
    """Return the span context that a `traceparent` names, or None when it is not a valid one."""
    if traceparent is None or len(traceparent) != _LENGTH:
        return None
    version, _, rest = traceparent.partition("-")
    try:
        trace_id, span_id, flags = (int(part, 16) for part in rest.split("-"))
        int(version, 16)
    except ValueError:
        return None
    found = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return found if found.is_valid and version != "ff" else None


def _parent(traceparent: str | None) -> Context | None:
    context = parse(traceparent)
    return None if context is None else trace.set_span_in_context(NonRecordingSpan(context))


def _links(traceparents: Sequence[str | None]) -> list[Link]:
    distinct = dict.fromkeys(traceparents)
    return [Link(found) for found in map(parse, distinct) if found is not None]


@contextmanager
def span(
    name: str,
    *,
    traceparent: str | None = None,
    links: Sequence[str | None] = (),
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
) -> Iterator[Span]:
    """Open a span and make it current.

    It is a child of `traceparent` if that is given, else of the current span, else a root. `links`
    are traceparents of what it also answers. An exception marks the span with the exception's type
    alone: its message may carry what must not be traced.
    """
    opened = _tracer.start_span(
        name,
        context=_parent(traceparent),
        kind=kind,
        attributes=attributes,
        links=_links(links),
        record_exception=False,
        set_status_on_exception=False,
    )
    with current(opened):
        yield opened


@contextmanager
def current(opened: Span) -> Iterator[None]:
    """Make a span current; end it on leaving, as an error when an exception passes."""
    with trace.use_span(
        opened, end_on_exit=True, record_exception=False, set_status_on_exception=False
    ):
        try:
            yield
        except Exception as error:
            mark_error(opened, type(error).__name__)
            raise


def mark_error(opened: Span, error_type: str) -> None:
    """Mark a span as failed, by the type of the error (no message)."""
    opened.set_attribute("error.type", error_type)
    opened.set_status(Status(StatusCode.ERROR))


def mark_application(application: str) -> None:
    """Say on the current span which application it is about: how its trace is found again."""
    trace.get_current_span().set_attribute(Attribute.APPLICATION, application)


def link_current(traceparent: str | None) -> None:
    """Link the current span to another trace: a human act to its application's root, say."""
    context = parse(traceparent)
    if context is not None:
        trace.get_current_span().add_link(context)


@contextmanager
def process_spans(
    groups: Mapping[str, Sequence[str | None]], *, name: str = SpanName.PROCESS
) -> Iterator[Mapping[str, str | None]]:
    """Open one CONSUMER span for each application of a batch; all end together.

    `groups` maps an application number to the traceparents of its messages: the first becomes the
    parent, further ones are links. Yields application -> traceparent to put on what the handling
    causes. With one application its span is current.
    """
    opened = {key: _consumer_span(name, key, parents) for key, parents in groups.items()}
    alone = next(iter(opened.values())) if len(opened) == 1 else INVALID_SPAN
    failed: str | None = None
    try:
        with trace.use_span(alone, record_exception=False, set_status_on_exception=False):
            yield {key: traceparent_of(one) for key, one in opened.items()}
    except Exception as error:
        failed = type(error).__name__
        raise
    finally:
        for one in opened.values():
            if failed:
                mark_error(one, failed)
            one.end()


def _consumer_span(name: str, application: str, parents: Sequence[str | None]) -> Span:
    known = [one for one in dict.fromkeys(parents) if one]
    first = known[0] if known else None
    return _tracer.start_span(
        name,
        context=_parent(first) or Context(),
        kind=SpanKind.CONSUMER,
        links=_links(known[1:]),
        attributes={Attribute.APPLICATION: application, Attribute.EVENTS: len(parents)},
        record_exception=False,
        set_status_on_exception=False,
    )


def server_span(method: str, caller: str | None) -> Span:
    """Start the SERVER span of a request from outside: a root, with a link to its caller's span."""
    attributes: dict[str, Any] = {"http.request.method": method}
    return _tracer.start_span(
        method,
        context=Context(),
        kind=SpanKind.SERVER,
        links=_links((caller,)) if caller else (),
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    )

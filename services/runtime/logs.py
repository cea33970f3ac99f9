"""Logs: one JSON object to a line on standard error, with trace and application, without people."""

import logging
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson
import structlog
from opentelemetry import trace

EventDict = MutableMapping[str, Any]
REDACTED = "[removed]"
PERSONAL = frozenset(
    {
        "address",
        "agent",
        "applicant",
        "authorization",
        "body",
        "cookie",
        "credit_code",
        "email",
        "facts",
        "family_name",
        "given_name",
        "headers",
        "id_card",
        "id_number",
        "mobile",
        "name",
        "password",
        "phone",
        "preferred_username",
        "query",
        "reasons",
        "remarks",
        "secret",
        "sub",
        "subject",
        "token",
        "username",
    }
)
_application: ContextVar[str | None] = ContextVar("lianshen_application", default=None)


@contextmanager
def about(application: str) -> Iterator[None]:
    """Put the application's number on every line logged inside."""
    token = _application.set(application)
    try:
        yield
    finally:
        _application.reset(token)


def configure(service: str, level: str = "INFO") -> None:
    """Set up structlog, and send the standard library's logging through it as well.

    uvicorn's access log stays off: its lines carry query strings and addresses of people.
    """
    shared: list[Callable[..., Any]] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _context(service),
        _failure,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("uvicorn.access", "httpx2", "httpcore2", "aiokafka.conn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _dumps(event: EventDict, **_: Any) -> str:
    return orjson.dumps(event, default=repr).decode()


def _context(service: str) -> Callable[[Any, str, EventDict], EventDict]:
    def add(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        application = _application.get()
        if application is not None:
            event.setdefault("application", application)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = f"{context.trace_id:032x}"
            event["span_id"] = f"{context.span_id:016x}"
        return event

    return add


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace the values of keys that name people or secrets, at any depth."""
    for key in event:
        event[key] = REDACTED if key.lower() in PERSONAL else _redacted(event[key])
    return event


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: REDACTED if str(key).lower() in PERSONAL else _redacted(inner)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_redacted(inner) for inner in value]
    return value


def _failure(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Show an exception by its type and the places it passed; its message may name a person."""
    info = event.pop("exc_info", None)
    if not info:
        return event
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = " < ".join(type(one).__qualname__ for one in _chain(error))
        event["at"] = places(error)
        state = getattr(error, "sqlstate", None)
        if state:
            event["sqlstate"] = state
            event["constraint"] = getattr(error, "constraint_name", None)
    return event


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it came from."""
    step: BaseException | None = error
    while step is not None:
        yield step
        step = step.__cause__


def places(error: BaseException) -> list[str]:
    """Return where an exception passed, innermost last: `module.py:line function`."""
    found: list[str] = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        found.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return found[-12:]

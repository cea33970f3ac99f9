"""The web application of a service: the same frame for all three."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import Scope

from services.runtime.settings import HttpSettings
from services.runtime.web import health, problems
from services.runtime.web.edge import Edge, Limits
from services.runtime.web.problems import (
    BODY_TOO_LARGE,
    FORBIDDEN,
    INTERNAL,
    INVALID,
    OVERLOADED,
    PROBLEM_SCHEMA,
    TOO_MANY_REQUESTS,
    UNAUTHENTICATED,
    problem_responses,
)
from services.runtime.web.rates import Rate
from services.runtime.web.samples import add_samples
from services.runtime.web.site.session import sessions_of

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
EVERYWHERE = (TOO_MANY_REQUESTS, INTERNAL, OVERLOADED)
RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
}
SECURED = (UNAUTHENTICATED, FORBIDDEN)


def create_app(
    *,
    title: str,
    description: str,
    version: str,
    routers: Sequence[APIRouter],
    settings: HttpSettings,
    lifespan: Lifespan,
) -> FastAPI:
    """Return the application of one service.

    The lifespan puts `app.state.authenticator` in place before the first request. The OpenAPI 3.1
    document is at /openapi.json; there is no page that would load scripts from elsewhere.
    """
    app = FastAPI(
        title=title,
        description=description,
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        # Ours is cheaper, and FastAPI's puts the query string, where people are named, on the span.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.authenticator = None
    app.state.checks = {}
    app.state.requests = Counter()
    app.state.sessions = None
    limits = Limits(
        concurrent_requests=settings.concurrent_requests,
        body_bytes=settings.max_json_bytes,
        form_bytes=settings.max_body_bytes,
        rate=_rate(settings),
    )
    app.add_middleware(
        Edge,
        limits=limits,
        authenticator=lambda: app.state.authenticator,
        tally=app.state.requests,
        session=lambda scope: _page_token(app, scope),
    )
    problems.install(app)
    app.include_router(health.router)
    for router in routers:
        app.include_router(router, responses=problem_responses(*EVERYWHERE))
    _document(app)
    return app


def _page_token(app: FastAPI, scope: Scope) -> str | None:
    sessions = sessions_of(app)
    return sessions.token(scope) if sessions is not None else None


def _rate(settings: HttpSettings) -> Rate | None:
    if settings.requests_per_second == 0:
        return None
    return Rate(
        per_second=settings.requests_per_second,
        burst=settings.request_burst,
        loopback=settings.limit_loopback,
    )


def operation_id(route: APIRoute) -> str:
    """Return the operation id of a route: the name of its function, unique in a service."""
    return route.name


def _document(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = complete(generate())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Put into an OpenAPI document what holds for every operation of its kind."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path in document["paths"].values():
        for operation in path.values():
            _complete_operation(operation)
    add_samples(document)
    return document


def _complete_operation(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    generated = responses.get("422", {}).get("content", {})
    if "application/json" in generated:  # FastAPI's own idea of a validation error
        del responses["422"]
    kinds = list(SECURED) if operation.get("security") else []
    if "requestBody" in operation:
        kinds += [problems.BAD_REQUEST, BODY_TOO_LARGE]
    if "requestBody" in operation or operation.get("parameters"):
        kinds.append(INVALID)
    for status, response in problem_responses(*kinds).items():
        _merge(responses, str(status), response)
    if "429" in responses:
        responses["429"]["headers"] = RETRY_AFTER


def _merge(responses: dict[str, Any], status: str, added: dict[str, Any]) -> None:
    """Add the examples of `added` to what the route documents for the status itself."""
    present = responses.setdefault(status, added)
    content = present.setdefault("content", {}).setdefault(
        problems.MEDIA_TYPE, {"schema": dict(problems.PROBLEM_REF), "examples": {}}
    )
    for code, example in added["content"][problems.MEDIA_TYPE]["examples"].items():
        content.setdefault("examples", {}).setdefault(code, example)

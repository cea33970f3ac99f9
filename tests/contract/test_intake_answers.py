"""Intake is asked whatever its document allows, and more: it never fails, and keeps its word."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.intake import api, api_files, api_public
from services.intake.editions import Editions
from services.intake.files import FileStore
from services.intake.parts import Parts
from services.intake.settings import UploadSettings
from services.runtime.auth import Authenticator, KeyRing
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import SystemClock
from services.runtime.hashing import Hasher
from services.runtime.settings import CatalogueSettings, HttpSettings
from services.runtime.web.app import create_app

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
HASHER = Hasher(b"0123456789abcdef")
SHELF = Shelf(CatalogueSettings())


async def no_keys() -> dict[str, Any]:
    return {"keys": []}


@asynccontextmanager
async def without_database(app: FastAPI) -> AsyncIterator[None]:
    """Start intake with the county's own catalogue; what needs a database needs a token first."""
    app.state.uploads = UploadSettings()
    app.state.authenticator = Authenticator(
        issuer="https://id.example", audience="lianshen", keys=KeyRing(no_keys), hasher=HASHER
    )
    with TemporaryDirectory() as folder:
        app.state.parts = Parts(
            pool=cast("Any", None),
            clock=SystemClock(),
            shelf=SHELF,
            editions=Editions(one.county.version for one in SHELF.catalogues),
            hasher=HASHER,
            files=FileStore(Path(folder), max_file_bytes=1),
        )
        yield


APP = create_app(
    title="intake",
    description="Intake without its loops.",
    version="1",
    routers=[api_public.router, api.router, api_files.router],
    settings=HttpSettings(),
    lifespan=without_database,
)
DOCUMENT = schemathesis.openapi.from_asgi("/openapi.json", APP)


@DOCUMENT.include(tag="public").parametrize()
@BOUNDED
def test_the_public_routes(case: Any) -> None:
    case.call_and_validate(checks=CHECKS)


@DOCUMENT.exclude(tag="public").exclude(tag="health").parametrize()
@settings(BOUNDED, max_examples=3)
def test_without_a_token_everything_else_is_refused(case: Any) -> None:
    case.headers = {
        name: value
        for name, value in (case.headers or {}).items()
        if name.lower() != "authorization"
    }
    answer = case.call()
    assert answer.status_code in {400, 401, 404, 405, 413, 422}, answer.text
    assert answer.headers["content-type"] == ["application/problem+json"]

"""The frame of every service's web application, with real requests through it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import httpx2
import pytest
import uvicorn
from fastapi import APIRouter, Depends, FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from services.runtime import telemetry
from services.runtime.embedded.postgres import Postgres
from services.runtime.loops import Pulse
from services.runtime.settings import HttpSettings
from services.runtime.web import health
from services.runtime.web.app import create_app
from services.runtime.web.etag import Expected, etag, if_match
from services.runtime.web.health import NotReadyError, add_check
from services.runtime.web.problems import CONFLICT, Problem, Words, problem_responses

PERSON = "张三 110101199003070011"


class Thing(BaseModel):
    area: int = Field(ge=1)
    name: str


router = APIRouter()


@router.post("/things")
async def make(thing: Thing) -> Thing:
    return thing


@router.get("/things/{application}")
async def read(application: str) -> dict[str, str]:
    return {"application": application}


@router.get("/broken")
async def broken() -> None:
    raise RuntimeError(PERSON)


@router.get("/torn")
async def torn() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        raise RuntimeError(PERSON)

    return StreamingResponse(parts())


@router.post("/conflict", responses=problem_responses(CONFLICT))
async def conflict() -> None:
    raise Problem(CONFLICT, Words("已结束", "It has ended"), extra={"state": "done"})


@router.post("/act")
async def act(expected: Annotated[Expected, Depends(if_match)]) -> None:
    expected.check(3)


class Gate:
    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.entered = asyncio.Event()


def build(settings: HttpSettings | None = None) -> tuple[FastAPI, Gate]:
    gate = Gate()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    slow = APIRouter()

    @slow.get("/slow")
    async def wait() -> str:
        gate.entered.set()
        await gate.open.wait()
        return "done"

    app = create_app(
        title="test",
        description="test",
        version="1",
        routers=[router, slow],
        settings=settings or HttpSettings(),
        lifespan=lifespan,
    )
    return app, gate


@pytest.fixture
def app() -> FastAPI:
    return build()[0]


def client_of(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False),
        base_url="http://test",
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app) as found:
        yield found


@pytest.fixture
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.install(provider)
    return exporter


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:lianshen:problem:{code}"
    assert body["status"] == status
    return body


async def test_every_answer_carries_the_security_headers(client: httpx2.AsyncClient) -> None:
    for answer in (await client.get("/things/A-1"), await client.get("/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_validation_names_each_fault_in_the_language_asked_for(
    client: httpx2.AsyncClient,
) -> None:
    bad = {"area": 0, "name": 7}
    chinese = problem(await client.post("/things", json=bad), 422, "invalid")
    english = problem(
        await client.post("/things", json=bad, headers={"accept-language": "en-GB, zh;q=0.5"}),
        422,
        "invalid",
    )
    assert [fault["pointer"] for fault in chinese["errors"]] == ["#/area", "#/name"]
    assert chinese["errors"][0]["message"] == "不应小于 1"
    assert english["errors"][0]["message"] == "Input should be greater than or equal to 1"
    assert chinese["title"] != english["title"]


async def test_a_body_that_is_not_json_is_a_bad_request(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        "/things", content=b"{", headers={"content-type": "application/json"}
    )
    problem(answer, 400, "bad-request")


async def test_framework_errors_are_problems_too(client: httpx2.AsyncClient) -> None:
    problem(await client.get("/nothing"), 404, "not-found")
    answer = await client.delete("/conflict")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


async def test_a_problem_tells_its_detail_and_further_members(client: httpx2.AsyncClient) -> None:
    body = problem(await client.post("/conflict"), 409, "conflict")
    assert body["detail"] == "已结束"
    assert body["state"] == "done"


async def test_an_unexpected_error_shows_and_logs_nothing_of_its_message(
    client: httpx2.AsyncClient,
    spans: InMemorySpanExporter,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from services.runtime import logs

    logs.configure("test")
    answer = await client.get("/broken")
    body = problem(answer, 500, "internal")
    [span] = spans.get_finished_spans()
    assert body["instance"] == f"urn:lianshen:trace:{answer.headers['x-trace-id']}"
    assert span.status.status_code.name == "ERROR"
    logged = capsys.readouterr().err
    assert '"error":"RuntimeError"' in logged
    assert answer.headers["x-trace-id"] in logged
    for shown in (answer.text, logged, span.to_json()):
        assert "张三" not in shown
        assert "\\u5f20" not in shown


async def test_if_match_is_required_and_compared(client: httpx2.AsyncClient) -> None:
    problem(await client.post("/act"), 428, "version-required")
    problem(await client.post("/act", headers={"if-match": "*"}), 428, "version-required")
    problem(await client.post("/act", headers={"if-match": "nonsense"}), 400, "bad-request")
    stale = await client.post("/act", headers={"if-match": '"2"'})
    problem(stale, 412, "version-mismatch")
    assert stale.headers["etag"] == etag(3)
    weak = await client.post("/act", headers={"if-match": 'W/"3"'})
    problem(weak, 412, "version-mismatch")
    assert (await client.post("/act", headers={"if-match": '"2", "3"'})).status_code == 200


async def test_bodies_are_limited_by_their_declared_length_and_while_streaming() -> None:
    app, _ = build(HttpSettings(max_json_bytes=1000))

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    async with client_of(app) as client:
        header = {"content-type": "application/json"}
        declared = await client.post("/things", content=b" " * 1001, headers=header)
        problem(declared, 413, "body-too-large")
        streamed = await client.post("/things", content=chunks(), headers=header)
        problem(streamed, 413, "body-too-large")
        fits = await client.post("/things", json={"area": 1, "name": "x" * 900})
        assert fits.status_code == 200


async def test_too_many_requests_at_once_are_turned_away_before_their_bodies_are_read() -> None:
    app, gate = build(HttpSettings(concurrent_requests=1))
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"{}"

    async with client_of(app) as client:
        first = asyncio.create_task(client.get("/slow"))
        await gate.entered.wait()
        second = await client.post("/things", content=body())
        problem(second, 503, "overloaded")
        assert second.headers["retry-after"] == "1"
        assert not read
        assert (await client.get("/healthz")).status_code == 200
        gate.open.set()
        assert (await first).status_code == 200
        assert (await client.get("/things/A-1")).status_code == 200


async def test_a_request_is_a_trace_of_its_own_linked_to_its_callers(
    client: httpx2.AsyncClient, spans: InMemorySpanExporter
) -> None:
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    number = "MX20260105-000001-7"
    answer = await client.get(f"/things/{number}?name=" + PERSON, headers={"traceparent": caller})
    [span] = spans.get_finished_spans()
    assert span.name == "GET /things/{application}"
    assert span.parent is None
    assert f"{span.context.trace_id:032x}" == answer.headers["x-trace-id"]
    assert span.context.trace_id != int(caller[3:35], 16)
    assert [link.context.span_id for link in span.links] == [int(caller[36:52], 16)]
    assert span.attributes is not None
    assert span.attributes["lianshen.application"] == number
    assert "110101199003070011" not in span.to_json()


async def test_what_is_no_number_is_not_traced_as_one(
    client: httpx2.AsyncClient, spans: InMemorySpanExporter
) -> None:
    """A path is whatever somebody typed."""
    await client.get("/things/" + PERSON)
    [span] = spans.get_finished_spans()
    assert span.name == "GET /things/{application}"
    assert "lianshen.application" not in (span.attributes or {})
    assert "110101199003070011" not in span.to_json()


async def test_health_is_not_traced(
    client: httpx2.AsyncClient, spans: InMemorySpanExporter
) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert spans.get_finished_spans() == ()


async def test_readiness_names_the_part_that_is_not_ready(app: FastAPI) -> None:
    async def well() -> None:
        return

    async def silent() -> None:
        raise NotReadyError("no progress for 60 s")

    async with client_of(app) as client:
        add_check(app, "database", well)
        assert (await client.get("/readyz")).status_code == 200
        add_check(app, "relay", silent)
        app.state.readiness = None
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["database"]["ready"]
    assert checks["relay"]["reason"] == "no progress for 60 s"


async def test_every_way_of_not_being_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.01)
    pulse = Pulse("test.loop")

    async def failing() -> None:
        raise RuntimeError(PERSON)

    async def hanging() -> None:
        await asyncio.Event().wait()

    found = await health.examine(
        {
            "loop": health.progress(pulse),
            "dead loop": health.progress(pulse, within=-1),
            "failing": failing,
            "hanging": hanging,
        }
    )
    assert not found.ready
    assert {name: part.reason for name, part in found.checks.items()} == {
        "loop": None,
        "dead loop": "no progress for 0 s",
        "failing": "RuntimeError",
        "hanging": "no answer",
    }


async def test_the_database_check_needs_an_answer(postgres: Postgres) -> None:
    pool = await asyncpg.create_pool(postgres.url("postgres"), min_size=1, max_size=1)
    check = health.database(pool)
    await check()
    await pool.close()
    with pytest.raises(asyncpg.InterfaceError):
        await check()


async def test_an_answer_that_breaks_off_is_an_error_on_the_span(
    client: httpx2.AsyncClient, spans: InMemorySpanExporter
) -> None:
    answer = await client.get("/torn")
    [span] = spans.get_finished_spans()
    assert answer.status_code == 200
    assert span.attributes is not None
    assert span.attributes["error.type"] == "RuntimeError"


def test_openapi_documents_problems_and_no_error_of_another_shape(app: FastAPI) -> None:
    document = app.openapi()
    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in str(document)
    responses = document["paths"]["/things"]["post"]["responses"]
    assert {"200", "400", "413", "422", "500", "503"} <= set(responses)
    examples = responses["422"]["content"]["application/problem+json"]["examples"]
    assert examples["invalid"]["value"]["type"] == "urn:lianshen:problem:invalid"
    assert "conflict" in str(document["paths"]["/conflict"]["post"]["responses"]["409"])


@asynccontextmanager
async def on_a_socket(app: FastAPI) -> AsyncIterator[int]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def test_on_a_real_connection_a_large_body_is_refused_unread_and_the_connection_closed() -> (
    None
):
    app, _ = build()
    async with on_a_socket(app) as port, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /things HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000000000\r\n\r\n"
        )
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"urn:lianshen:problem:body-too-large" in answer

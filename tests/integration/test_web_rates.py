"""Who asks too often is told when to come back, before anything of the request is read."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI

from services.contracts.vocabulary import Role
from services.runtime.auth import Principal, require
from services.runtime.settings import HttpSettings
from services.runtime.web.app import create_app
from tests.integration.intake_kit import authenticator, bearer, problem

HERE, THERE, ELSEWHERE = "127.0.0.1", "203.0.113.7", "203.0.113.8"
BURST = 3
router = APIRouter()


@router.get("/open")
async def everybody() -> str:
    return "hello"


@router.post("/mine")
async def mine(_: Annotated[Principal, Depends(require(Role.INVESTOR))]) -> str:
    return "yours"


def app_of(**settings: Any) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_app(
        title="test",
        description="test",
        version="1",
        routers=[router],
        settings=HttpSettings(**settings),
        lifespan=lifespan,
    )
    app.state.authenticator = authenticator()
    return app


@pytest.fixture
def clients() -> Callable[[str], httpx2.AsyncClient]:
    """Clients of one process, by the address they come from."""
    app = app_of(requests_per_second=0.01, request_burst=BURST)

    def client(address: str) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=app, client=(address, 4711))
        return httpx2.AsyncClient(transport=transport, base_url="http://test")

    return client


async def codes(client: httpx2.AsyncClient, times: int, **headers: str) -> list[int]:
    return [(await client.get("/open", headers=headers)).status_code for _ in range(times)]


async def test_an_address_has_its_burst_and_is_told_when_to_come_back(
    clients: Callable[[str], httpx2.AsyncClient],
) -> None:
    there = clients(THERE)
    assert await codes(there, BURST + 1) == [200] * BURST + [429]
    answer = await there.get("/open")
    problem(answer, 429, "too-many-requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 100
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert await codes(clients(ELSEWHERE), 1) == [200]


async def test_a_body_is_not_read_of_who_asks_too_often(
    clients: Callable[[str], httpx2.AsyncClient],
) -> None:
    there, read = clients(THERE), []
    await codes(there, BURST)

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"x"

    answer = await there.post("/mine", content=body(), headers=bearer("a", Role.INVESTOR))
    assert (answer.status_code, answer.headers["connection"], read) == (429, "close", [])


async def test_a_person_is_counted_wherever_he_comes_from(
    clients: Callable[[str], httpx2.AsyncClient],
) -> None:
    """Known by his token, not with the others of his address."""
    there, elsewhere = clients(THERE), clients(ELSEWHERE)
    first, second = bearer("first", Role.INVESTOR), bearer("second", Role.INVESTOR)
    for one in (first, second):  # verified once; until then they count for the address
        assert (await there.post("/mine", headers=one)).status_code == 200
    assert await codes(there, 2) == [200, 429]
    assert await codes(there, 2, **first) == [200, 200]
    assert await codes(elsewhere, 2, **first) == [200, 429]
    assert await codes(there, BURST + 1, **second) == [200] * BURST + [429]


async def test_made_up_tokens_count_for_their_address(
    clients: Callable[[str], httpx2.AsyncClient],
) -> None:
    there = clients(THERE)
    found = [(await codes(there, 1, authorization=f"Bearer x.{n}.y"))[0] for n in range(5)]
    assert found == [200] * BURST + [429] * 2


async def test_this_machine_is_not_counted_unless_the_settings_say_so(
    clients: Callable[[str], httpx2.AsyncClient],
) -> None:
    assert await codes(clients(HERE), BURST * 5) == [200] * BURST * 5
    for settings, expected in (({"limit_loopback": True}, 429), ({"requests_per_second": 0}, 200)):
        given = {"requests_per_second": 0.01, "request_burst": BURST, **settings}
        transport = httpx2.ASGITransport(app=app_of(**given), client=(HERE, 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as here:
            assert (await codes(here, BURST + 1))[-1] == expected


async def test_health_is_always_answered(clients: Callable[[str], httpx2.AsyncClient]) -> None:
    there = clients(THERE)
    await codes(there, BURST + 1)
    assert (await there.get("/healthz")).status_code == 200


def test_every_operation_documents_it() -> None:
    paths = app_of().openapi()["paths"]
    for path in ("/open", "/mine"):
        for operation in paths[path].values():
            assert "Retry-After" in operation["responses"]["429"]["headers"]

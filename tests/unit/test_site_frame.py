"""What every page has: who may see what, what a browser may keep, and errors told to people."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
import pytest_asyncio
import structlog.testing
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel, SecretStr, ValidationError
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.runtime.auth import Principal, bearer_problem
from services.runtime.settings import HttpSettings, OidcSettings, ServiceSettings
from services.runtime.web.app import create_app
from services.runtime.web.login_problems import FORGED
from services.runtime.web.problems import INVALID, Problem, Words
from services.runtime.web.site import Site
from services.runtime.web.site.sealing import Sealer
from services.runtime.web.site.session import Session, Sessions, signed_in, signed_in_as

BASE = "https://centre.example"
PAGE = {"accept": "text/html", "sec-fetch-site": "same-origin"}
Somebody = Annotated[Session, Depends(signed_in)]
Officer = Annotated[Session, Depends(signed_in_as(Role.OFFICER))]
TYPED = "身份证 110101"
MENU = (
    ("/open", "公开"),
    ("/office", "办公", (Role.OFFICER, Role.CHIEF_REPRESENTATIVE)),
)


class Tokens:
    """An authenticator whose tokens are roles."""

    ended = False

    def remembered(self, token: str) -> Principal | None:
        return None

    async def principal(self, token: str) -> Principal:
        if self.ended:
            raise bearer_problem(Words("无效", "not valid"))
        roles = frozenset({Role(token)})
        return Principal(
            subject=token, ref=f"ref-{token}", roles=roles, department=None, client="t"
        )


class Typed(BaseModel):
    number: int


@dataclass
class House:
    """A service with pages."""

    app: FastAPI
    client: httpx2.AsyncClient
    tokens: Tokens

    def enter(self, role: Role) -> str:
        """Log in; return the forms' token."""
        sessions: Sessions = self.app.state.sessions
        response = Response()
        sessions.begin(response, token=role, subject=role, name="somebody", seconds=3600)
        pair = response.headers["set-cookie"].partition(";")[0]
        name, _, value = pair.partition("=")
        self.client.cookies.set(name, value, domain="centre.example")
        kept = sessions.kept({"path": "/", "headers": [(b"cookie", pair.encode())]})
        assert kept is not None
        return kept.csrf

    async def get(self, path: str) -> httpx2.Response:
        return await self.client.get(path, headers=PAGE)


def routes(app: FastAPI, site: Site) -> None:
    """Add what the tests ask for."""

    @app.get("/open")
    async def public(request: Request) -> Response:
        return site.page(request, "one.html")

    @app.get("/mine")
    async def mine(request: Request, session: Somebody) -> Response:
        return site.page(request, "one.html", session=session)

    @app.get("/part")
    async def part(request: Request, session: Somebody) -> Response:
        return site.part(request, "part.html", session=session)

    @app.get("/office")
    async def office(request: Request, session: Officer) -> Response:
        return site.page(request, "one.html", session=session)

    @app.get("/cases/{number}")
    async def case(request: Request, number: str) -> Response:
        return site.page(request, "one.html")


def faulty_routes(app: FastAPI) -> None:
    """Add what goes wrong."""

    @app.get("/forged")
    async def forged(session: Somebody) -> Response:
        raise Problem(FORGED)

    @app.post("/cases/{number}/notes/{note}/answer")
    async def answer(number: str, note: str, session: Somebody) -> Response:
        raise Problem(INVALID)

    @app.post("/v1/cases")
    async def api() -> None:
        raise Problem(INVALID)

    @app.get("/broken")
    async def broken() -> None:
        try:
            Typed.model_validate({"number": TYPED})
        except ValidationError as error:
            raise RuntimeError(TYPED) from error


@pytest_asyncio.fixture
async def house(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    (tmp_path / "one.html").write_text(
        '{% extends "base.html" %}{% block main %}<h1>x</h1>{% endblock %}', encoding="utf-8"
    )
    (tmp_path / "part.html").write_text("<p>{{ visit.name }}</p>", encoding="utf-8")
    limits: dict[str, Any] = getattr(request, "param", {})
    settings = ServiceSettings(
        oidc=OidcSettings(issuer="https://id.example", client_secret=SecretStr("s")),
        http=HttpSettings(**limits),
    )
    app = create_app(
        title="t",
        description="d",
        version="1",
        routers=[],
        settings=settings.http,
        lifespan=lambda _: nullcontext(),
    )
    tokens = Tokens()
    app.state.authenticator = tokens
    app.state.sessions = Sessions(Sealer("0123456789abcdef", "intake"), "intake")
    site = Site(name="站", templates=tmp_path, settings=settings, menu=MENU)
    site.install(app)
    routes(app, site)
    faulty_routes(app)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        yield House(app, client, tokens)


async def test_a_page_of_somebody_is_never_kept_by_the_browser(house: House) -> None:
    assert (await house.get("/open")).headers["cache-control"] == "no-cache"
    house.enter(Role.INVESTOR)
    for path in ("/open", "/mine", "/part", "/office", "/nowhere"):
        assert (await house.get(path)).headers["cache-control"] == "no-store", path


async def test_a_page_says_whose_it_is_without_saying_who(house: House) -> None:
    assert "data-who" not in (await house.get("/open")).text
    token = house.enter(Role.INVESTOR)
    marks = set()
    for path in ("/open", "/mine"):
        text = (await house.get(path)).text
        marks.add(text.partition('data-who="')[2].partition('"')[0])
        assert token not in text
    assert len(marks) == 1
    assert marks != {""}
    house.enter(Role.OFFICER)
    assert f'data-who="{marks.pop()}"' not in (await house.get("/mine")).text


async def test_an_entry_of_the_menu_is_for_those_who_may_open_it(house: House) -> None:
    entry = 'href="/office"'
    assert entry not in (await house.get("/open")).text
    house.enter(Role.INVESTOR)
    assert entry not in (await house.get("/mine")).text
    assert entry not in (await house.get("/office")).text
    house.enter(Role.OFFICER)
    for path, there in (("/mine", True), ("/office", True), ("/forged", True), ("/open", False)):
        text = (await house.get(path)).text
        assert (entry in text) is there, path
        assert 'href="/open"' in text


async def test_whoever_may_not_open_a_page_can_log_in_as_somebody_else(house: House) -> None:
    button = "换一个账号登录"
    house.enter(Role.INVESTOR)
    refused = await house.get("/office")
    assert refused.status_code == 403
    assert button in refused.text
    forged = await house.get("/forged")
    assert forged.status_code == 403
    assert button not in forged.text


async def test_an_address_that_only_takes_forms_leads_to_the_page_above(house: House) -> None:
    token = house.enter(Role.INVESTOR)
    path = "/cases/7/notes/3/answer"
    faulty = await house.client.post(path, data={"csrf": token}, headers=PAGE)
    assert faulty.status_code == 422
    assert f'href="{path}?lang=en"' in faulty.text  # the other language
    led = await house.get(f"{path}?lang=en")
    assert (led.status_code, led.headers["location"]) == (303, "/cases/7?lang=en")
    assert (await house.get("/logout")).headers["location"] == "/"
    program = {"accept": "application/json"}
    for method, where in (("GET", path), ("GET", "/v1/cases"), ("PUT", "/open")):
        refused = await house.client.request(method, where, headers=program)
        assert (refused.status_code, refused.json()["status"]) == (405, 405)


LARGE = {"text": "x" * 100_000}


async def test_a_large_form_after_the_session_leads_through_the_login(house: House) -> None:
    house.enter(Role.INVESTOR)
    house.tokens.ended = True
    path = "/cases/7/notes/3/answer"
    referred = PAGE | {"referer": f"{BASE}/cases/7"}
    answer = await house.client.post(path, data=LARGE, headers=referred)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fcases%2F7")
    assert answer.headers["connection"] == "close"
    for where, headers in ((path, {"accept": "application/json"}), ("/v1/cases", PAGE)):
        refused = await house.client.post(where, data=LARGE, headers=headers)
        assert (refused.status_code, refused.json()["status"]) == (401, 401)


@pytest.mark.parametrize(
    ("house", "status"),
    [
        ({"max_json_bytes": 1000}, 413),
        ({"requests_per_second": 0.01, "request_burst": 1, "limit_loopback": True}, 429),
    ],
    indirect=["house"],
)
async def test_what_is_refused_at_the_edge_is_told_to_people_on_a_page(
    house: House, status: int
) -> None:
    program = {"accept": "application/json"}
    await house.client.get("/open", headers=program)  # the one request that is free
    page = await house.client.post("/open", data=LARGE, headers=PAGE)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert "<h1>" in page.text
    assert page.headers["connection"] == "close"
    assert ("retry-after" in page.headers) is (status == 429)
    for where, headers in (("/open", program), ("/v1/cases", PAGE)):
        told = await house.client.post(where, data=LARGE, headers=headers)
        assert (told.status_code, told.json()["status"]) == (status, status)


async def test_an_unexpected_error_is_a_page_and_the_log_has_nothing_typed(house: House) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await house.get("/broken")
    assert answer.status_code == 500
    assert "<h1>" in answer.text
    [line] = [one for one in logs if one["event"] == "request_failed"]
    assert line["error_type"] == "RuntimeError"
    assert line["faults"] == ["int_parsing number"]
    assert "in broken" in line["frames"]
    assert TYPED not in str(line)
    assert "exc_info" not in line


async def test_a_problem_whose_page_fails_is_told_all_the_same(
    house: House, tmp_path: Path
) -> None:
    (tmp_path / "problem.html").write_text("{{ nothing }}", encoding="utf-8")
    answer = await house.get("/broken")
    assert (answer.status_code, answer.json()["status"]) == (500, 500)

"""What is typed and not sent yet: kept for whoever typed it, in a real browser, by a small site."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import Depends, FastAPI, Request
from playwright.async_api import Browser, Page
from pydantic import SecretStr
from starlette.responses import RedirectResponse, Response

from services.runtime.auth import Principal
from services.runtime.settings import OidcSettings, ServiceSettings
from services.runtime.web.app import create_app
from services.runtime.web.site import Site
from services.runtime.web.site.sealing import Sealer
from services.runtime.web.site.session import Session, Sessions, signed_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
Somebody = Annotated[Session, Depends(signed_in)]
TEMPLATE = """{% extends "base.html" %}{% import "forms.html" as forms with context %}
{% block main %}<h1>x</h1>
<form id="kept" method="post" action="/case/answer" data-keep="answer">{{ forms.guard() }}
{{ forms.area("words", "words") }}{{ forms.check("sure", "sure") }}
{{ forms.check("signed", "signed") }}
<input name="code" data-nokeep aria-label="code">{{ forms.submit("send") }}</form>
<form id="other" method="post" action="/other">{{ forms.guard() }}{{ forms.submit("other") }}</form>
{% endblock %}"""


class Tokens:
    """An authenticator whose tokens are names."""

    def remembered(self, token: str) -> Principal | None:
        return None

    async def principal(self, token: str) -> Principal:
        return Principal(
            subject=token, ref=f"ref-{token}", roles=frozenset(), department=None, client="t"
        )


def small_site(templates: Path) -> FastAPI:
    """Return a site with one page; its form is taken unless it says `no`."""
    settings = ServiceSettings(
        oidc=OidcSettings(issuer="https://id.example", client_secret=SecretStr("s"))
    )
    app = create_app(
        title="t",
        description="d",
        version="1",
        routers=[],
        settings=settings.http,
        lifespan=lambda _: nullcontext(),
    )
    app.state.authenticator = Tokens()
    app.state.sessions = sessions = Sessions(Sealer("0123456789abcdef", "intake"), "intake")
    (templates / "case.html").write_text(TEMPLATE, encoding="utf-8")
    site = Site(name="站", templates=templates, settings=settings, menu=[])
    site.install(app)

    @app.get("/")
    async def first(request: Request) -> Response:
        return site.page(request, "problem.html", **FIRST)

    @app.get("/enter/{name}")
    async def enter(name: str) -> Response:
        response = RedirectResponse("/case", status_code=303)
        sessions.begin(response, token=name, subject=name, name=name, seconds=600)
        return response

    @app.get("/case")
    async def case(request: Request, session: Somebody) -> Response:
        return site.page(request, "case.html", session=session)

    @app.post("/case/answer")
    async def answer(request: Request, session: Somebody) -> Response:
        words = str((await request.form())["words"])
        if words == "no":
            return site.page(request, "case.html", status=422, session=session)
        response = RedirectResponse("/case", status_code=303)
        if words in ("good", "bad"):
            site.flash(request, response, "已提交。", ok=words == "good")
        return response

    @app.post("/other")
    async def other(request: Request, session: Somebody) -> Response:
        response = RedirectResponse("/case", status_code=303)
        site.flash(request, response, "已提交。")
        return response

    return app


FIRST: dict[str, Any] = {"title": "x", "detail": None, "faults": [], "forbidden": False}


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, tmp_path: Path) -> AsyncIterator[Page]:
    """A tab of a browser, at the form, of somebody who is logged in."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(small_site(tmp_path), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    context = await browser.new_context(base_url=base)
    found = await context.new_page()
    await found.goto("/enter/first")
    yield found
    await context.close()
    server.should_exit = True
    await serving


async def fill(page: Page, words: str) -> None:
    await page.fill("#words", words)
    await page.check("#sure")
    await page.check("#signed")
    await page.fill("input[name=code]", "1234")


async def send(page: Page, form: str = "kept") -> None:
    async with page.expect_navigation():
        await page.click(f"#{form} button")


async def kept(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(
        "Object.keys(sessionStorage).filter((key) => key.startsWith('keep:'))"
    )
    return found


async def test_what_was_refused_is_found_at_the_address_that_refused_it(page: Page) -> None:
    await fill(page, "no")
    await send(page)
    assert page.url.endswith("/case/answer")
    assert await page.input_value("#words") == "no"
    assert await page.is_checked("#sure")
    # A signature, and what a control says must be said anew, are given each time.
    assert not await page.is_checked("#signed")
    assert await page.input_value("input[name=code]") == ""
    await page.goto("/case")
    assert await page.input_value("#words") == "no"


@pytest.mark.parametrize(("words", "stays"), [("taken", ""), ("good", ""), ("bad", "bad")])
async def test_what_was_taken_is_forgotten(page: Page, words: str, stays: str) -> None:
    await fill(page, words)
    await send(page)
    assert page.url.endswith("/case")
    assert await page.input_value("#words") == stays
    await page.reload()
    assert await page.input_value("#words") == stays


async def test_another_form_that_is_taken_leaves_the_first_alone(page: Page) -> None:
    await fill(page, "no")
    await send(page)  # the last one sent with something to keep
    await page.fill("#words", "not sent yet")
    await send(page, "other")
    assert await page.input_value("#words") == "not sent yet"


async def test_what_somebody_typed_is_for_nobody_else(page: Page) -> None:
    await fill(page, "mine alone")
    assert len(await kept(page)) == 1
    await page.goto("/")
    assert len(await kept(page)) == 1
    await page.goto("/enter/second")
    assert await kept(page) == []
    assert await page.input_value("#words") == ""
    await page.goto("/enter/first")
    assert await page.input_value("#words") == ""


async def test_logging_out_leaves_nothing_behind(page: Page) -> None:
    await fill(page, "mine alone")
    async with page.expect_navigation():
        await page.click(".visit button")
    assert await kept(page) == []
    assert await page.locator(".visit-name").count() == 0
    await page.go_back()
    assert "mine alone" not in await page.content()
    assert await page.locator("#words").count() == 0 or await page.input_value("#words") == ""

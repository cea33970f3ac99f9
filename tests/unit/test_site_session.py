"""Sessions of the pages: what a cookie holds, whom it lets in, what it never lets through."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, Any

import httpx2
import pytest
import pytest_asyncio
from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.runtime.auth import Principal, bearer_problem, principal
from services.runtime.settings import HttpSettings
from services.runtime.web.app import create_app
from services.runtime.web.idempotency import Asked
from services.runtime.web.problems import UNAVAILABLE, Problem, Words
from services.runtime.web.site.forms import asked_on_page
from services.runtime.web.site.live import MOST_OF_ONE, event, live, seen
from services.runtime.web.site.sealing import Sealer
from services.runtime.web.site.session import (
    LoginNeededError,
    Session,
    Sessions,
    local_path,
    on_login_needed,
    signed_in,
    signed_in_as,
)

SECRET = "0123456789abcdef"
BASE = "https://centre.example"
HTML = "<p>one</p>\n<p>two</p>"
SAME = {"sec-fetch-site": "same-origin"}
Somebody = Annotated[Session, Depends(signed_in)]
Officer = Annotated[Session, Depends(signed_in_as(Role.OFFICER))]


class Tokens:
    """An authenticator that knows two tokens, one of them for a while."""

    def __init__(self) -> None:
        self.expired = False

    def remembered(self, token: str) -> Principal | None:
        return None

    async def principal(self, token: str) -> Principal:
        if token == "officer":
            return who("officer", Role.OFFICER)
        if token == "investor" and not self.expired:
            return who("investor", Role.INVESTOR)
        raise bearer_problem(Words("无效", "not valid"))


def who(subject: str, *roles: Role) -> Principal:
    return Principal(
        subject=subject, ref=f"ref-{subject}", roles=frozenset(roles), department=None, client="t"
    )


@dataclass
class House:
    """A service with three pages and an operation of its API."""

    app: FastAPI
    client: httpx2.AsyncClient
    tokens: Tokens
    acts: list[str]

    def enter(self, token: str) -> str:
        """Log in with a token, which is the subject, too; return the forms' token."""
        sessions: Sessions = self.app.state.sessions
        response = Response()
        sessions.begin(response, token=token, subject=token, name="某人", seconds=3600)
        pair = response.headers["set-cookie"].partition(";")[0]
        name, _, value = pair.partition("=")
        self.client.cookies.set(name, value, domain="centre.example")
        kept = sessions.kept({"path": "/", "headers": [(b"cookie", pair.encode())]})
        assert kept is not None
        return kept.csrf


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    acts: list[str] = []
    app = create_app(
        title="t",
        description="d",
        version="1",
        routers=[],
        settings=HttpSettings(),
        lifespan=lambda _: nullcontext(),
    )
    tokens = Tokens()
    app.state.authenticator = tokens
    app.state.sessions = Sessions(Sealer(SECRET, "intake"), "intake")
    app.add_exception_handler(LoginNeededError, on_login_needed)

    @app.get("/mine")
    async def mine(session: Somebody) -> str:
        return session.name

    @app.get("/office")
    async def office(session: Officer) -> str:
        return session.name

    @app.post("/act")
    async def act(session: Somebody) -> str:
        acts.append(session.principal.subject)
        return "done"

    @app.post("/once")
    async def once(asked: Annotated[Asked, Depends(asked_on_page)]) -> list[str]:
        return [asked.owner, asked.key, asked.request.hex()]

    @app.post("/v1/act")
    async def api(found: Annotated[Principal, Depends(principal)]) -> str:
        return found.subject

    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        yield House(app, client, tokens, acts)


async def test_without_a_session_the_login_comes_first_and_leads_back(house: House) -> None:
    answer = await house.client.get("/mine?a=1&b=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fmine%3Fa%3D1%26b%3D2"
    await_form = await house.client.post("/act", headers={"referer": f"{BASE}/task/7", **SAME})
    assert await_form.headers["location"] == "/login?next=%2Ftask%2F7"
    abroad = await house.client.post("/act", headers={"referer": "https://evil.example/x"})
    assert abroad.headers["location"] == "/login?next=%2F"
    part = await house.client.get(
        "/mine", headers={"hx-request": "true", "hx-current-url": f"{BASE}/queue"}
    )
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/login?next=%2Fqueue")
    stream = await house.client.get("/mine", headers={"accept": "text/event-stream"})
    assert stream.status_code == 401


async def test_a_session_opens_the_pages_of_its_roles(house: House) -> None:
    house.enter("investor")
    assert (await house.client.get("/mine")).json() == "某人"
    assert (await house.client.get("/office")).status_code == 403
    house.enter("officer")
    assert (await house.client.get("/office")).status_code == 200


async def test_a_session_ends_with_its_token(house: House) -> None:
    house.enter("investor")
    house.tokens.expired = True
    assert (await house.client.get("/mine")).status_code == 303


@pytest.mark.parametrize(
    ("headers", "token", "lets"),
    [
        (SAME, True, True),
        ({"origin": BASE}, True, True),
        ({"referer": f"{BASE}/mine"}, True, True),
        (SAME, False, False),
        ({"sec-fetch-site": "cross-site"}, True, False),
        ({"sec-fetch-site": "same-site"}, True, False),
        ({"sec-fetch-site": "none"}, True, False),
        ({"origin": "https://evil.example"}, True, False),
        ({"origin": "null"}, True, False),
        ({}, True, False),
    ],
)
async def test_an_act_comes_from_our_own_page_with_its_token(
    house: House, headers: dict[str, str], token: bool, lets: bool
) -> None:
    csrf = house.enter("investor")
    form = {"csrf": csrf if token else "guessed"}
    answer = await house.client.post("/act", data=form, headers=headers)
    assert (answer.status_code == 200) is lets
    assert house.acts == (["investor"] if lets else [])
    assert lets or answer.status_code == 403


async def test_a_form_stays_good_when_its_person_logs_in_again_and_for_nobody_else(
    house: House,
) -> None:
    before = house.enter("investor")
    house.enter("investor")  # in another tab
    again = await house.client.post("/act", data={"csrf": before}, headers=SAME)
    assert again.status_code == 200
    house.enter("officer")
    other = await house.client.post("/act", data={"csrf": before}, headers=SAME)
    assert other.status_code == 403
    assert house.acts == ["investor"]


def test_a_session_larger_than_a_cookie_is_told() -> None:
    sessions = Sessions(Sealer(SECRET, "intake"), "intake")
    with pytest.raises(Problem) as caught:
        sessions.begin(Response(), token="t" * 3200, subject="s", name="n", seconds=60)
    assert caught.value.kind is UNAVAILABLE
    sessions.begin(Response(), token="t" * 2400, subject="s", name="n", seconds=60)


async def test_a_script_sends_the_token_as_a_header(house: House) -> None:
    csrf = house.enter("investor")
    good = await house.client.post("/act", headers={"x-csrf-token": csrf, **SAME})
    bad = await house.client.post(
        "/act", headers={"x-csrf-token": "no", **SAME}, data={"csrf": csrf}
    )
    assert (good.status_code, bad.status_code) == (200, 403)


async def test_the_api_takes_no_cookie_however_large_the_body(house: House) -> None:
    house.enter("investor")
    for body in (b"{}", b" " * 100_000):
        answer = await house.client.post("/v1/act", content=body, headers=SAME)
        assert answer.status_code == 401
    csrf = house.enter("investor")
    large = {"csrf": csrf, "text": "x" * 100_000}
    assert (await house.client.post("/act", data=large, headers=SAME)).status_code == 200


async def test_the_same_form_is_one_act(house: House) -> None:
    csrf = house.enter("investor")

    async def send(**fields: str) -> Any:
        return await house.client.post("/once", data={"csrf": csrf, **fields}, headers=SAME)

    key = "a" * 32
    first, again = await send(once=key, text="x"), await send(once=key, text="x")
    other = await send(once=key, text="y")
    assert first.json() == again.json()
    assert first.json()[:2] == other.json()[:2] == ["ref-investor", f"page-{key}"]
    assert first.json()[2] != other.json()[2]
    assert (await send(once="short")).status_code == 400


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/a?b=c", "/a?b=c"),
        ("", "/"),
        (None, "/"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("/a\nSet-Cookie: x", "/"),
    ],
)
def test_the_way_on_stays_on_this_site(given: str | None, path: str) -> None:
    assert local_path(given) == path


def test_what_was_sealed_opens_for_its_purpose_its_service_and_its_time() -> None:
    now = [1000.0]
    sealer = Sealer(SECRET, "intake", lambda: now[0])
    text = sealer.seal("note", {"a": 1}, 60)
    assert "note" not in text
    assert sealer.open("note", text) == {"a": 1}
    assert sealer.open("session", text) is None
    assert Sealer(SECRET, "departments", lambda: now[0]).open("note", text) is None
    middle = len(text) // 2
    changed = text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]
    assert sealer.open("note", changed) is None
    assert sealer.open("note", "no seal") is None
    assert sealer.open("note", None) is None
    now[0] += 60
    assert sealer.open("note", text) is None


def test_a_cookie_is_for_this_site_alone() -> None:
    response = Response()
    Sessions(Sealer(SECRET, "intake"), "intake").begin(
        response, token="t", subject="s", name="n", seconds=60
    )
    cookie = response.headers["set-cookie"].lower()
    assert cookie.startswith("__host-lianshen-intake=")
    for part in ("path=/", "secure", "httponly", "samesite=lax", "max-age=60"):
        assert part in cookie
    assert "domain" not in cookie


async def test_a_stream_sends_what_changed_and_ends_with_the_service(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.runtime.web.site.live.LOOK_S", 0.01)
    revisions = iter(["1", "1", "2", "2"])

    async def revision() -> str:
        found = next(revisions, None)
        if found is None:
            house.app.state.stopping = True
            return "2"
        return found

    async def render() -> str:
        return HTML

    @house.app.get("/live")
    async def stream(request: Request) -> Response:
        return await live(request, revision, render)

    answer = await asyncio.wait_for(house.client.get("/live"), 10)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text == event(HTML, seen("1")) + event(HTML, seen("2"))
    assert house.app.state.streams == 0


@pytest.mark.parametrize("way", ["address", "header"])
async def test_what_is_shown_already_is_not_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("services.runtime.web.site.live.LOOK_S", 0.01)
    revisions = iter(["1", "1", "2"])

    async def revision() -> str:
        found = next(revisions)
        house.app.state.stopping = found == "2"
        return found

    async def render() -> str:
        return HTML

    @house.app.get("/live")
    async def stream(request: Request) -> Response:
        return await live(request, revision, render)

    asked = {"seen": seen("1")} if way == "address" else {"seen": "older"}
    headers = {} if way == "address" else {"last-event-id": seen("1")}
    answer = await asyncio.wait_for(house.client.get("/live", params=asked, headers=headers), 10)
    assert answer.text == event(HTML, seen("2"))


async def test_a_stream_ends_with_the_session(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.runtime.web.site.live.LOOK_S", 0.01)
    monkeypatch.setattr("services.runtime.web.site.live.SESSION_S", 0.05)
    house.enter("investor")
    looked = 0

    async def revision() -> str:
        nonlocal looked
        looked += 1
        house.tokens.expired = looked > 20
        return "1"

    async def render() -> str:
        return HTML

    @house.app.get("/live")
    async def stream(request: Request, session: Somebody) -> Response:
        return await live(request, revision, render)

    answer = await asyncio.wait_for(house.client.get("/live"), 10)
    assert answer.text == event(HTML, seen("1"))
    assert 20 < looked < 40
    assert not house.app.state.streams_of


async def test_one_person_has_so_many_streams_and_no_more(house: House) -> None:
    house.enter("investor")
    house.app.state.streams_of = Counter({"ref-investor": MOST_OF_ONE})

    async def once() -> str:
        house.app.state.stopping = True
        return "1"

    @house.app.get("/live")
    async def stream(request: Request, session: Somebody) -> Response:
        return await live(request, once, once)

    assert (await house.client.get("/live")).status_code == 503
    house.enter("officer")
    assert (await asyncio.wait_for(house.client.get("/live"), 10)).status_code == 200
    assert house.app.state.streams_of == Counter({"ref-investor": MOST_OF_ONE})


async def test_a_process_keeps_so_many_streams_and_no_more(house: House) -> None:
    house.app.state.streams = 100

    @house.app.get("/live")
    async def stream(request: Request) -> Response:
        raise AssertionError(await live(request, str, str))  # type: ignore[arg-type]  # not reached

    assert (await house.client.get("/live")).status_code == 503


def test_an_event_keeps_its_lines() -> None:
    assert event("a\nb", "7") == "id: 7\ndata: a\ndata: b\n\n"

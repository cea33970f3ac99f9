"""Logging in: what a provider must send back, exactly, before a browser gets a session."""

import re
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr

from services.runtime.auth import Authenticator, KeyRing
from services.runtime.hashing import Hasher
from services.runtime.settings import HttpSettings, OidcSettings, ServiceSettings
from services.runtime.web.app import create_app
from services.runtime.web.site import signing_in
from services.runtime.web.site.session import LoginNeededError, on_login_needed

ISSUER, BASE = "https://id.example", "https://centre.example"
SAME = {"sec-fetch-site": "same-origin"}
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
HASH_KEY = "0123456789abcdef"


@dataclass
class Provider:
    """A provider of tokens: the protocol as it is, with what a test wants wrong."""

    nonce: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    subject: str = "investor"
    refuses: bool = False
    down: bool = False
    lasts: int | None = 3600
    unsigned: bool = False
    document: Mapping[str, Any] = field(default_factory=dict)
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if self.down:
            return httpx2.Response(502)
        if request.url.path == "/.well-known/openid-configuration":
            found = {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/auth",
                "token_endpoint": f"{ISSUER}/token",
                "end_session_endpoint": f"{ISSUER}/end",
            }
            return httpx2.Response(200, json=found | dict(self.document))
        self.asked.append(parse_qs(request.content.decode()))
        if self.refuses:
            return httpx2.Response(400, json={"error": "invalid_grant"})
        token = _signed("at+jwt", sub=self.subject, aud="lianshen", roles=[])
        found = {"id_token": self._id_token(), "access_token": token}
        return httpx2.Response(200, json=found | ({"expires_in": self.lasts} if self.lasts else {}))

    def _id_token(self) -> str:
        claims = {"sub": "investor", "aud": "pages", "nonce": self.nonce, "name": "某人"}
        signed = _signed("JWT", **claims | dict(self.claims))
        return signed.rpartition(".")[0] + "." if self.unsigned else signed


def _signed(kind: str, **claims: Any) -> str:
    whole = {"iss": ISSUER, "exp": int(time.time()) + 3600, "client_id": "pages", **claims}
    header = {"alg": "ES256", "typ": kind, "kid": "one"}
    return jwt.encode(header, whole, KEY, algorithms=["ES256"])


@dataclass
class Visit:
    provider: Provider
    client: httpx2.AsyncClient

    async def begin(self, onward: str = "/mine") -> dict[str, str]:
        """Ask for the login page; return what the provider is asked for."""
        answer = await self.client.get("/login", params={"next": onward})
        assert answer.status_code == 303, answer.text
        asked = {k: v[0] for k, v in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        self.provider.nonce = asked["nonce"]
        return asked

    async def come_back(self, **query: str) -> httpx2.Response:
        return await self.client.get("/login/return", params=query)

    async def log_out(self, **headers: str) -> httpx2.Response:
        return await self.client.post("/logout", headers=headers or SAME)


@pytest.fixture
def visit() -> Visit:
    provider = Provider()
    outside = httpx2.AsyncClient(transport=httpx2.MockTransport(provider.answer))
    settings = ServiceSettings(
        oidc=OidcSettings(issuer=ISSUER, client_id="pages", client_secret=SecretStr("s:/ecret")),
        http=HttpSettings(public_url=BASE),
        hash_key=SecretStr(HASH_KEY),
    )
    app = create_app(
        title="t",
        description="d",
        version="1",
        routers=[signing_in.router],
        settings=settings.http,
        lifespan=lambda _: nullcontext(),
    )
    app.add_exception_handler(LoginNeededError, on_login_needed)

    async def keys() -> Mapping[str, Any]:
        return {"keys": [KEY.as_dict(private=False)]}

    app.state.authenticator = Authenticator(
        issuer=ISSUER, audience="lianshen", keys=KeyRing(keys), hasher=Hasher(HASH_KEY)
    )
    signing_in.connect(app, settings, "intake", outside)
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE)
    return Visit(provider, client)


def session_of(answer: httpx2.Response) -> bool:
    return any(
        one.startswith("__Host-lianshen-intake=") for one in answer.headers.get_list("set-cookie")
    )


async def test_there_and_back(visit: Visit) -> None:
    asked = await visit.begin("/applications/7?x=1")
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{BASE}/login/return"
    answer = await visit.come_back(state=asked["state"], code="c")
    assert (answer.status_code, answer.headers["location"]) == (303, "/applications/7?x=1")
    assert session_of(answer)
    [exchanged] = visit.provider.asked
    assert exchanged["code"] == ["c"]
    assert "code_verifier" in exchanged
    again = await visit.come_back(state=asked["state"], code="c")
    assert again.status_code == 400  # one login, one return
    assert not session_of(again)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"aud": ["pages", "another"]},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": "somebody-else"},
    ],
)
async def test_an_answer_that_is_not_for_this_login_is_refused(
    visit: Visit, wrong: dict[str, Any]
) -> None:
    asked = await visit.begin()
    visit.provider.claims = wrong
    answer = await visit.come_back(state=asked["state"], code="c")
    assert answer.status_code == 400
    assert not session_of(answer)


async def test_a_state_of_another_browser_or_none_is_refused(visit: Visit) -> None:
    asked = await visit.begin()
    for query in ({"state": "x" * 40, "code": "c"}, {"state": asked["state"]}, {"code": "c"}):
        assert (await visit.come_back(**query)).status_code == 400
    visit.client.cookies.clear()
    assert (await visit.come_back(state=asked["state"], code="c")).status_code == 400
    assert visit.provider.asked == []


async def test_a_refused_code_is_told(visit: Visit) -> None:
    asked = await visit.begin()
    visit.provider.refuses = True
    answer = await visit.come_back(state=asked["state"], code="c")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:lianshen:problem:login-failed")


async def test_a_document_of_another_issuer_is_not_believed(visit: Visit) -> None:
    visit.provider.document = {"issuer": "https://evil.example"}
    assert (await visit.client.get("/login")).status_code == 503


async def test_an_unsigned_token_is_no_login(visit: Visit) -> None:
    asked = await visit.begin()
    visit.provider.unsigned = True
    assert (await visit.come_back(state=asked["state"], code="c")).status_code == 400


async def test_a_session_lasts_as_long_as_its_token_says(visit: Visit) -> None:
    visit.provider.lasts = None  # `expires_in` is optional
    asked = await visit.begin()
    answer = await visit.come_back(state=asked["state"], code="c")
    [cookie] = [
        one
        for one in answer.headers.get_list("set-cookie")
        if one.startswith("__Host-lianshen-intake=")
    ]
    kept = re.search(r"Max-Age=(\d+)", cookie)
    assert kept is not None
    assert 3500 < int(kept[1]) <= 3600


@pytest.mark.parametrize("logged_in", [True, False])
async def test_logging_out_ends_the_session_whatever_has_become_of_it(
    visit: Visit, logged_in: bool
) -> None:
    if logged_in:
        asked = await visit.begin()
        await visit.come_back(state=asked["state"], code="c")
    answer = await visit.log_out()
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{ISSUER}/end?")
    assert ends(answer)


async def test_logging_out_works_without_the_provider(visit: Visit) -> None:
    visit.provider.down = True
    answer = await visit.log_out()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert ends(answer)


async def test_nobody_is_logged_out_from_elsewhere(visit: Visit) -> None:
    answer = await visit.log_out(origin="https://evil.example")
    assert answer.status_code == 403
    assert not session_of(answer)


def ends(answer: httpx2.Response) -> bool:
    """Whether an answer takes the session's cookie away."""
    return '__Host-lianshen-intake=""; ' in answer.headers["set-cookie"] and (
        "Max-Age=0" in answer.headers["set-cookie"]
    )

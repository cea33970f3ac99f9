"""Who may ask: tokens good and bad, roles, departments, and the provider's keys as they change."""

import asyncio
import hmac
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from services.contracts.vocabulary import Role
from services.runtime import auth
from services.runtime.auth import Authenticator, KeyRing, Principal, own_department, require
from services.runtime.embedded.oidc import OidcProvider
from services.runtime.embedded.tokens import fetch
from services.runtime.hashing import Hasher
from services.runtime.settings import HttpSettings, OidcSettings
from services.runtime.web.app import create_app
from services.runtime.web.problems import NOT_FOUND, UNAVAILABLE, Problem

ISSUER = "https://id.example"
HASHER = Hasher(b"0123456789abcdef")


class Provider:
    """A provider of tokens whose keys and clock the test turns."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
        self.fetches = 0
        self.reachable = True

    async def keys(self) -> Mapping[str, Any]:
        self.fetches += 1
        await asyncio.sleep(0)
        if not self.reachable:
            raise httpx2.ConnectError("refused")
        return {"keys": [self.key.as_dict(private=False)]}

    def token(self, key: Any = None, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        payload: dict[str, Any] = {
            "iss": ISSUER,
            "aud": "lianshen",
            "sub": "person-7",
            "client_id": "window",
            "exp": self.now + 600,
            "iat": self.now,
            "roles": ["officer"],
            "department": "planning",
            **claims,
        }
        payload = {name: value for name, value in payload.items() if value is not None}
        head = {"alg": "ES256", "typ": "at+jwt", "kid": "one", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, payload, key or self.key, algorithms=[head["alg"]])

    def authenticator(self) -> Authenticator:
        return Authenticator(
            issuer=ISSUER,
            audience="lianshen",
            keys=KeyRing(self.keys, lambda: self.now),
            hasher=HASHER,
            now=lambda: self.now,
        )


@pytest.fixture
def provider() -> Provider:
    return Provider()


async def test_a_good_token_says_who_asks(provider: Provider) -> None:
    token = provider.token(roles=["officer", "chief_representative", "unheard_of"])
    who = await provider.authenticator().principal(token)
    assert who.roles == {Role.OFFICER, Role.CHIEF_REPRESENTATIVE}
    assert (who.subject, who.department, who.client) == ("person-7", "planning", "window")
    assert who.ref == HASHER.ref(f"{ISSUER}\nperson-7")
    assert "person-7" not in repr(who)


async def test_an_identity_number_becomes_one_more_hash_of_the_person(provider: Provider) -> None:
    spelt = await provider.authenticator().principal(provider.token(id_number="1101 x"))
    plain = await provider.authenticator().principal(provider.token(id_number="1101X"))
    without = await provider.authenticator().principal(provider.token())
    assert spelt.refs == plain.refs
    assert len(plain.refs) == 2
    assert without.refs == {without.ref} < plain.refs
    assert "1101" not in repr(plain)


def rsa(provider: Provider) -> str:
    key = RSAKey.generate_key(2048)
    return provider.token(key, {"alg": "RS256"})


def segment(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def hmac_with_the_public_key(provider: Provider) -> str:
    """The classic confusion: the public key used as the secret of an HMAC."""
    body = provider.token().split(".")[1]
    signed = segment(b'{"alg":"HS256","typ":"at+jwt","kid":"one"}') + f".{body}"
    secret = provider.key.as_pem(private=False)
    return f"{signed}.{segment(hmac.digest(secret, signed.encode(), 'sha256'))}"


def unsigned(provider: Provider) -> str:
    body = provider.token().split(".")[1]
    return segment(b'{"alg":"none","typ":"at+jwt","kid":"one"}') + f".{body}."


def altered(provider: Provider) -> str:
    head, _, signature = provider.token().split(".")
    other = provider.token(roles=["operator"]).split(".")[1]
    return f"{head}.{other}.{signature}"


BAD: dict[str, Callable[[Provider], str]] = {
    "another issuer": lambda p: p.token(iss="https://other.example"),
    "another audience": lambda p: p.token(aud="other"),
    "no audience": lambda p: p.token(aud=None),
    "expired": lambda p: p.token(exp=p.now),
    "no expiry": lambda p: p.token(exp=None),
    "expiry as text": lambda p: p.token(exp="tomorrow"),
    "not yet valid": lambda p: p.token(nbf=p.now + 60),
    "an identity token": lambda p: p.token(header={"typ": "JWT"}),
    "another key under our id": lambda p: p.token(ECKey.generate_key("P-256")),
    "an unknown key id": lambda p: p.token(header={"kid": "two"}),
    "no key id": lambda p: p.token(header={"kid": None}),
    "RSA": rsa,
    "HMAC with the public key": hmac_with_the_public_key,
    "no signature": unsigned,
    "claims of another token": altered,
    "no subject": lambda p: p.token(sub=None),
    "no client": lambda p: p.token(client_id=None),
    "an identity number that is a number": lambda p: p.token(id_number=11010519491231002),
    "roles as text": lambda p: p.token(roles="operator"),
    "department as a list": lambda p: p.token(department=["planning"]),
    "nothing like a token": lambda p: "x",
    "a token of nothing": lambda p: "..",
    "not even base64": lambda p: "张.张.张",
    "far too long": lambda p: p.token(filler="x" * 9000),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_tokens_are_refused(provider: Provider, case: str) -> None:
    authenticator = provider.authenticator()
    assert (await authenticator.principal(provider.token())).subject == "person-7"
    with pytest.raises(Problem) as refused:
        await authenticator.principal(BAD[case](provider))
    assert refused.value.kind.status == 401
    assert 'error="invalid_token"' in refused.value.headers["www-authenticate"]


async def test_an_audience_may_be_a_list(provider: Provider) -> None:
    who = await provider.authenticator().principal(provider.token(aud=["x", "lianshen"]))
    assert who.subject == "person-7"


async def test_a_remembered_token_ends_when_it_expires(provider: Provider) -> None:
    authenticator = provider.authenticator()
    token = provider.token(exp=provider.now + 60)
    first = await authenticator.principal(token)
    assert await authenticator.principal(token) is first
    provider.now += 60
    with pytest.raises(Problem):
        await authenticator.principal(token)


async def test_memory_of_tokens_is_bounded(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REMEMBER_TOKENS", 2)
    authenticator = provider.authenticator()
    tokens = [provider.token(sub=f"p{number}") for number in range(3)]
    found = [await authenticator.principal(token) for token in tokens]
    assert await authenticator.principal(tokens[2]) is found[2]
    assert await authenticator.principal(tokens[0]) is not found[0]


async def test_a_new_key_is_fetched_when_it_is_first_seen(provider: Provider) -> None:
    authenticator = provider.authenticator()
    await authenticator.principal(provider.token())
    provider.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    new = provider.token(header={"kid": "two"})
    with pytest.raises(Problem):
        await authenticator.principal(new)
    provider.now += auth.KEYS_RETRY_SECONDS
    assert (await authenticator.principal(new)).subject == "person-7"
    assert provider.fetches == 2


async def test_a_withdrawn_key_is_forgotten(provider: Provider) -> None:
    authenticator = provider.authenticator()
    old = provider.token(exp=provider.now + 10_000)
    await authenticator.principal(old)
    provider.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    provider.now += auth.KEYS_FRESH_SECONDS + 1
    with pytest.raises(Problem):
        await authenticator.principal(old)


async def test_made_up_key_ids_do_not_load_the_provider(provider: Provider) -> None:
    authenticator = provider.authenticator()

    async def attempt(number: int) -> None:
        with pytest.raises(Problem):
            await authenticator.principal(provider.token(header={"kid": f"no-{number}"}))

    await asyncio.gather(*(attempt(number) for number in range(20)))
    assert provider.fetches == 1


async def test_without_any_key_the_service_is_unavailable_and_recovers(provider: Provider) -> None:
    authenticator = provider.authenticator()
    provider.reachable = False
    with pytest.raises(Problem) as refused:
        await authenticator.principal(provider.token())
    assert refused.value.kind is UNAVAILABLE
    provider.reachable = True
    provider.now += auth.KEYS_RETRY_SECONDS
    assert (await authenticator.principal(provider.token())).subject == "person-7"


async def test_known_keys_outlive_an_unreachable_provider(provider: Provider) -> None:
    authenticator = provider.authenticator()
    await authenticator.principal(provider.token())
    provider.reachable = False
    provider.now += auth.KEYS_FRESH_SECONDS + 1
    assert (await authenticator.principal(provider.token())).subject == "person-7"


def person(department: str | None) -> Principal:
    return Principal(
        subject="s", ref="0" * 32, roles=frozenset(), department=department, client="c"
    )


def test_another_departments_things_do_not_exist() -> None:
    assert own_department(person("fire"), "fire") == "fire"
    for who, department in ((person("fire"), "planning"), (person(None), "fire")):
        with pytest.raises(Problem) as refused:
            own_department(who, department)
        assert refused.value.kind is NOT_FOUND
    with pytest.raises(Problem):
        own_department(person(None), None)


router = APIRouter()


@router.get("/desk")
async def desk(who: Annotated[Principal, Depends(require(Role.OFFICER))]) -> dict[str, str]:
    return {"department": who.department or ""}


@router.post("/upload")
async def upload(body: dict[str, str]) -> int:
    return len(body)


@asynccontextmanager
async def serve(authenticator: Authenticator) -> AsyncIterator[httpx2.AsyncClient]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_app(
        title="t",
        description="t",
        version="1",
        routers=[router],
        settings=HttpSettings(),
        lifespan=lifespan,
    )
    app.state.authenticator = authenticator
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_the_api_answers_401_403_and_200(provider: Provider) -> None:
    async with serve(provider.authenticator()) as client:
        nobody = await client.get("/desk")
        assert nobody.status_code == 401
        assert nobody.headers["www-authenticate"] == 'Bearer realm="lianshen"'
        basic = await client.get("/desk", headers={"authorization": "Basic eDp5"})
        assert basic.status_code == 401
        wrong = await client.get("/desk", headers=bearer("x"))
        assert wrong.status_code == 401
        assert "invalid_token" in wrong.headers["www-authenticate"]
        investor = await client.get("/desk", headers=bearer(provider.token(roles=["investor"])))
        assert investor.status_code == 403
        assert "insufficient_scope" in investor.headers["www-authenticate"]
        officer = await client.get("/desk", headers=bearer(provider.token()))
        assert officer.json() == {"department": "planning"}


async def test_a_large_body_is_read_only_from_somebody_known(provider: Provider) -> None:
    read: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        read.append(1)
        yield b'{"a":"' + b"x" * 100_000 + b'"}'

    header = {"content-type": "application/json"}
    async with serve(provider.authenticator()) as client:
        refused = await client.post("/upload", content=chunks(), headers=header)
        assert (refused.status_code, read) == (401, [])
        allowed = await client.post(
            "/upload", content=chunks(), headers=header | bearer(provider.token())
        )
        assert (allowed.status_code, read) == (200, [1])
        small = await client.post("/upload", json={"a": "b"})
        assert small.status_code == 200


async def test_tokens_of_the_embedded_provider(oidc: OidcProvider) -> None:
    settings = OidcSettings(issuer=oidc.issuer, jwks_url=f"{oidc.issuer}/jwks")
    async with httpx2.AsyncClient(trust_env=False) as client:
        authenticator = auth.connect(settings, HASHER, client)
        token = await fetch(oidc.issuer, "chief-fire", oidc.secret_of("chief-fire"))
        who = await authenticator.principal(token.value)
        assert who.roles == {Role.OFFICER, Role.CHIEF_REPRESENTATIVE}
        assert who.department == "fire"
        investor = await fetch(oidc.issuer, "investor", oidc.secret_of("investor"))
        assert (await authenticator.principal(investor.value)).department is None
        elsewhere = Authenticator(
            issuer=oidc.issuer, audience="other", keys=authenticator.keys, hasher=HASHER
        )
        with pytest.raises(Problem):
            await elsewhere.principal(token.value)

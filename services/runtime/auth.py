"""Who is asking: bearer tokens of an OpenID provider, roles, and departments.

Access tokens are JWTs after RFC 9068, signed with ES256 and with nothing else. Tokens live on real
time, not on the business clock. A verified token is remembered by its SHA-256 until it expires (at
most five minutes), because checking a signature costs a hundred times what a look-up costs.
"""

import asyncio
import hashlib
import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx2
import orjson
import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.contracts.vocabulary import Role
from services.runtime.hashing import Hasher, spelt
from services.runtime.settings import OidcSettings
from services.runtime.web.problems import (
    FORBIDDEN,
    NOT_FOUND,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Problem,
    Words,
)

ALGORITHM = "ES256"
TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
LEEWAY_SECONDS = 10
REMEMBER_SECONDS = 300
REMEMBER_TOKENS = 20_000
KEYS_FRESH_SECONDS = 600
KEYS_RETRY_SECONDS = 10
MAX_TOKEN_CHARS = 8_192

_log = structlog.get_logger(__name__)
_ROLES = {role.value: role for role in Role}


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Whoever a verified token speaks for.

    `subject` is the provider's name for the person: compare it, never log, send or show it. `ref`
    is the keyed hash of issuer and subject, and stands for the person everywhere else. `client` is
    the software that asked. `department` is set for those who work for one. `others` are keyed
    hashes of what else names the person: the identity number, as applications know it.
    """

    subject: str = field(repr=False)
    ref: str
    roles: frozenset[Role]
    department: str | None
    client: str
    others: frozenset[str] = frozenset()

    @property
    def refs(self) -> frozenset[str]:
        """Every keyed hash that stands for the person."""
        return self.others | {self.ref}

    def has(self, *roles: Role) -> bool:
        """Whether the principal has any of the roles."""
        return not self.roles.isdisjoint(roles)


class InvalidTokenError(Exception):
    """The token does not verify; the message says why and repeats nothing of the token."""


def bearer_problem(words: Words, error: str | None = "invalid_token") -> Problem:
    """Return the 401 problem with its challenge (RFC 6750 3)."""
    challenge = 'Bearer realm="lianshen"' + (f', error="{error}"' if error else "")
    return Problem(UNAUTHENTICATED, words, headers={"www-authenticate": challenge})


KeyFetcher = Callable[[], Awaitable[Mapping[str, Any]]]


class KeyRing:
    """The provider's public keys (RFC 7517), fetched when needed and kept.

    An unknown key id asks the provider again, at most once in ten seconds, so that made-up ids
    cannot be turned into load on it. When the provider cannot be reached, known keys stay good.
    """

    def __init__(self, fetch: KeyFetcher, now: Callable[[], float] = time.time) -> None:
        """Keep how to fetch the key set; nothing is fetched yet."""
        self._fetch = fetch
        self._now = now
        self._keys: dict[str, Any] = {}
        self._fetched_at = 0.0
        self._tried_at = 0.0
        self._lock = asyncio.Lock()

    async def get(self, kid: str) -> Any:
        """Return the key. Raises InvalidTokenError for an unknown id, Problem 503 without keys."""
        if kid not in self._keys or self._now() - self._fetched_at > KEYS_FRESH_SECONDS:
            await self._refresh(kid)
        found = self._keys.get(kid)
        if found is None and not self._keys:
            raise Problem(
                UNAVAILABLE,
                Words("身份认证服务暂时无法连接", "The identity provider cannot be reached"),
                headers={"retry-after": "10"},
            )
        if found is None:
            raise InvalidTokenError("unknown key id")
        return found

    async def _refresh(self, kid: str) -> None:
        async with self._lock:
            now = self._now()
            fresh = now - self._fetched_at <= KEYS_FRESH_SECONDS
            if (kid in self._keys and fresh) or now - self._tried_at < KEYS_RETRY_SECONDS:
                return
            self._tried_at = now
            try:
                self._keys = public_keys(await self._fetch())
            except (httpx2.HTTPError, JoseError, ValueError, KeyError) as error:
                _log.warning("oidc_keys_not_fetched", error_type=type(error).__name__)
                return
            self._fetched_at = now


def public_keys(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the P-256 signing keys of a JWK set by key id; other keys cannot be used here."""
    usable = [
        key
        for key in document["keys"]
        if key.get("kty") == "EC" and key.get("crv") == "P-256" and key.get("use", "sig") == "sig"
    ]
    if not usable:
        raise ValueError("the key set has no P-256 signing key")
    return {key.kid: key for key in KeySet.import_key_set({"keys": usable}).keys if key.kid}


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    until: float


class Authenticator:
    """Verifies bearer tokens of one issuer for one audience."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: KeyRing,
        hasher: Hasher,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Keep what tokens are checked against; `now` is real time in seconds since 1970."""
        self._issuer = issuer
        self._audience = audience
        self.keys = keys
        self._hasher = hasher
        self._now = now
        self._known: OrderedDict[bytes, _Remembered] = OrderedDict()

    async def principal(self, token: str) -> Principal:
        """Return whom the token speaks for. Raises Problem 401, or 503 without the keys."""
        if len(token) > MAX_TOKEN_CHARS:
            raise bearer_problem(Words("令牌过长", "The token is too long"))
        known = self.remembered(token)
        if known is not None:
            return known
        digest = _digest(token)
        try:
            claims = await self._verify(token)
            found = self._principal_of(claims)
        except (InvalidTokenError, JoseError, ValueError) as error:
            self._known.pop(digest, None)
            _log.info("token_refused", reason=_reason(error))
            raise bearer_problem(
                Words("令牌无效或已过期", "The token is not valid or has expired")
            ) from None
        self._remember(digest, _Remembered(found, self._until(claims)))
        return found

    def remembered(self, token: str) -> Principal | None:
        """Return whom a token speaks for that was verified lately; None: it was not."""
        digest = _digest(token)
        known = self._known.get(digest)
        if known is None or self._now() >= known.until:
            return None
        self._known.move_to_end(digest)
        return known.principal

    def ref_of(self, subject: str) -> str:
        """Return the keyed hash of somebody by the provider's name: `Principal.ref` of his."""
        return self._hasher.ref(f"{self._issuer}\n{subject}")

    def _until(self, claims: Mapping[str, Any]) -> float:
        return min(float(claims["exp"]), self._now() + REMEMBER_SECONDS)

    def _remember(self, digest: bytes, entry: _Remembered) -> None:
        self._known[digest] = entry
        if len(self._known) > REMEMBER_TOKENS:
            self._known.popitem(last=False)

    async def _verify(self, token: str) -> Mapping[str, Any]:
        header = unverified_header(token)
        if header.get("alg") != ALGORITHM:
            raise InvalidTokenError("algorithm is not ES256")
        if str(header.get("typ", "")).lower() not in TOKEN_TYPES:
            raise InvalidTokenError("not an access token (typ)")
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise InvalidTokenError("no key id")
        key = await self.keys.get(kid)
        claims: Mapping[str, Any] = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        self._check(claims)
        return claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        now = self._now()
        audience = claims.get("aud")
        if claims.get("iss") != self._issuer:
            raise InvalidTokenError("another issuer")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise InvalidTokenError("another audience")
        if _instant(claims, "exp") <= now:
            raise InvalidTokenError("expired")
        if "nbf" in claims and _instant(claims, "nbf") > now + LEEWAY_SECONDS:
            raise InvalidTokenError("not valid yet")

    def _principal_of(self, claims: Mapping[str, Any]) -> Principal:
        subject, client, roles = claims.get("sub"), claims.get("client_id"), claims.get("roles", [])
        department, number = claims.get("department"), claims.get("id_number")
        if not isinstance(subject, str) or not subject or not isinstance(client, str):
            raise InvalidTokenError("sub or client_id missing")
        if not isinstance(roles, list) or not isinstance(department, str | None):
            raise InvalidTokenError("roles or department of the wrong type")
        if not isinstance(number, str | None):
            raise InvalidTokenError("id_number of the wrong type")
        return Principal(
            subject=subject,
            ref=self.ref_of(subject),
            roles=frozenset(_ROLES[one] for one in roles if one in _ROLES),
            department=department or None,
            client=client,
            others=frozenset({self._hasher.ref(spelt(number))} if number else ()),
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def unverified_header(token: str) -> Mapping[str, Any]:
    """Return a JWT's header, not verified. Raises InvalidTokenError or ValueError for no JWT."""
    segment = token.partition(".")[0]
    found = orjson.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    if not isinstance(found, dict):
        raise InvalidTokenError("not a JWT")
    return found


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTokenError(f"{name} is not a number")
    return float(value)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, InvalidTokenError) else type(error).__name__


def connect(settings: OidcSettings, hasher: Hasher, client: httpx2.AsyncClient) -> Authenticator:
    """Return the authenticator of a service. `client` fetches the keys and stays the caller's."""

    async def fetch() -> Mapping[str, Any]:
        answer = await client.get(settings.jwks_url, timeout=5)
        answer.raise_for_status()
        document: Mapping[str, Any] = answer.json()
        return document

    return Authenticator(
        issuer=settings.issuer, audience=settings.audience, keys=KeyRing(fetch), hasher=hasher
    )


bearer = HTTPBearer(
    scheme_name="bearer",
    bearerFormat="JWT (RFC 9068)",
    description="Access token of the installation's OpenID provider, audience `lianshen`.",
    auto_error=False,
)
PRINCIPAL_KEY = "lianshen.principal"


async def principal(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Principal:
    """FastAPI dependency: whoever asks. Raises Problem 401."""
    already = request.scope.get(PRINCIPAL_KEY)
    if isinstance(already, Principal):
        return already
    if credentials is None:
        raise bearer_problem(
            Words("请携带访问令牌", "Send an access token as Authorization: Bearer"), None
        )
    authenticator: Authenticator = request.app.state.authenticator
    return await authenticator.principal(credentials.credentials)


async def principal_if_any(request: Request) -> Principal | None:
    """FastAPI dependency of what is open to everybody: who asks, or None without a token.

    Raises Problem 401 for a token that is none.
    """
    already = request.scope.get(PRINCIPAL_KEY)
    if isinstance(already, Principal):
        return already
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "bearer":
        raise bearer_problem(
            Words("请携带访问令牌", "Send an access token as Authorization: Bearer"), None
        )
    authenticator: Authenticator = request.app.state.authenticator
    return await authenticator.principal(token.strip())


def require(*roles: Role) -> Callable[..., Awaitable[Principal]]:
    """Return a FastAPI dependency: whoever asks, if they have one of the roles, else 403."""

    async def allowed(who: Annotated[Principal, Depends(principal)]) -> Principal:
        if not who.has(*roles):
            raise Problem(
                FORBIDDEN,
                headers={"www-authenticate": 'Bearer realm="lianshen", error="insufficient_scope"'},
            )
        return who

    return allowed


def own_department(who: Principal, department: str | None) -> str:
    """Return the principal's department if it is this one.

    Raises Problem 404 otherwise: whether another department's thing exists is not said.
    """
    if who.department is None or who.department != department:
        raise Problem(NOT_FOUND)
    return who.department

"""Logging in at the installation's OpenID provider: authorization code with PKCE (RFC 7636).

What must come back unchanged is sealed into a cookie of one login; two tabs can log in at once.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import httpx2
import orjson
import structlog
from fastapi import APIRouter, FastAPI, Query, Request
from joserfc import jwt
from joserfc.errors import JoseError
from pydantic import SecretStr
from starlette.responses import RedirectResponse, Response

from services.runtime.auth import (
    ALGORITHM,
    Authenticator,
    InvalidTokenError,
    KeyRing,
    unverified_header,
)
from services.runtime.settings import HttpSettings, OidcSettings, ServiceSettings
from services.runtime.web.login_problems import LOGIN_FAILED, NOT_SET_UP, UNREACHABLE
from services.runtime.web.problems import UNAVAILABLE, Problem
from services.runtime.web.site.sealing import Sealer
from services.runtime.web.site.session import (
    Sessions,
    check_same_origin,
    local_path,
    sessions_of,
)

RETURN = "/login/return"
_LOGIN = "login"
_LOGIN_SECONDS = 600
_STATE_SHOWN = 12
_DISCOVERY = "/.well-known/openid-configuration"
router = APIRouter(include_in_schema=False)
_log = structlog.get_logger(__name__)


class Provider:
    """The provider, as its pages' client sees it."""

    def __init__(
        self,
        settings: OidcSettings,
        secret: SecretStr,
        *,
        base: str,
        client: httpx2.AsyncClient,
        keys: KeyRing,
    ) -> None:
        """Keep how to talk to it; `base` is this service's address for people."""
        self._settings = settings
        self._secret = secret
        self._base = base
        self._client = client
        self._keys = keys
        self._document: Mapping[str, Any] | None = None
        self._lock = asyncio.Lock()

    async def document(self) -> Mapping[str, Any]:
        """Return what the provider says of itself (OpenID Connect Discovery). Raises Problem 503.

        It is read once; a process asks again only if it could not be read.
        """
        async with self._lock:
            if self._document is None:
                self._document = await self._discover()
            return self._document

    async def _discover(self) -> Mapping[str, Any]:
        settings = self._settings
        try:
            where = settings.discovery_url or settings.issuer + _DISCOVERY
            answer = await self._client.get(where, timeout=5)
            answer.raise_for_status()
            found: Mapping[str, Any] = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise _unavailable() from error
        if found.get("issuer") != settings.issuer:
            _log.warning("oidc_discovery_of_another_issuer")
            raise _unavailable()
        return found

    async def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Return where to send a browser that is to log in."""
        document = await self.document()
        challenge = hashlib.sha256(verifier.encode()).digest()
        query = {
            "client_id": self._settings.client_id,
            "response_type": "code",
            "scope": "openid profile",
            "redirect_uri": self._base + RETURN,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{document['authorization_endpoint']}?{urlencode(query)}"

    async def leave(self) -> str:
        """Return where the provider's own session ends (OpenID Connect RP-Initiated Logout)."""
        end = (await self.document()).get("end_session_endpoint")
        if end is None:
            return self._base + "/"
        query = {
            "client_id": self._settings.client_id,
            "post_logout_redirect_uri": self._base + "/",
        }
        return f"{end}?{urlencode(query)}"

    async def exchange(self, code: str, verifier: str) -> Mapping[str, Any]:
        """Return the tokens for a code. Raises Problem 400 or 503."""
        who = (quote(self._settings.client_id), quote(self._secret.get_secret_value()))
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._base + RETURN,
            "code_verifier": verifier,
        }
        endpoint = (await self.document())["token_endpoint"]
        try:
            answer = await self._client.post(endpoint, data=asked, auth=who, timeout=10)
            found: Mapping[str, Any] = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise _unavailable() from error
        if not answer.is_success:
            _log.info("oidc_code_refused", status=answer.status_code)
            raise Problem(LOGIN_FAILED)
        return found

    async def claims(self, id_token: str, nonce: str) -> Mapping[str, Any]:
        """Return who logged in (OpenID Connect Core 3.1.3.7). Raises Problem 400."""
        try:
            found = await self._verified(id_token)
        except (InvalidTokenError, JoseError, ValueError):
            raise Problem(LOGIN_FAILED) from None
        audience = found.get("aud")
        wanted = {
            "iss": self._settings.issuer,
            "aud": self._settings.client_id,
            "nonce": nonce,
        }
        given = {
            "iss": found.get("iss"),
            "aud": audience[0] if isinstance(audience, list) and len(audience) == 1 else audience,
            "nonce": found.get("nonce"),
        }
        expires = found.get("exp")
        if wanted != given or not isinstance(expires, int) or expires <= time.time():
            raise Problem(LOGIN_FAILED)
        return found

    async def _verified(self, id_token: str) -> Mapping[str, Any]:
        key = await self._keys.get(_key_id(id_token))
        found: Mapping[str, Any] = jwt.decode(id_token, key, algorithms=[ALGORITHM]).claims
        return found


def _key_id(token: str) -> str:
    """Return the key id in a token's header, not verified. Raises ValueError without one."""
    kid = unverified_header(token).get("kid")
    if not isinstance(kid, str):
        raise ValueError("no key id")
    return kid


def _unavailable() -> Problem:
    return Problem(UNAVAILABLE, UNREACHABLE, headers={"retry-after": "10"})


def address_of(settings: HttpSettings) -> str:
    """Return a service's address for people, without a slash at its end."""
    return (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")


def connect(
    app: FastAPI, settings: ServiceSettings, service: str, client: httpx2.AsyncClient
) -> None:
    """Give an application its sessions, and its provider where the pages have a name there.

    `app.state.authenticator` is there already; `client` stays the caller's.
    """
    authenticator: Authenticator = app.state.authenticator
    if settings.hash_key is None:
        return
    app.state.sessions = Sessions(Sealer(settings.hash_key.get_secret_value(), service), service)
    app.state.session_seconds = settings.oidc.session_minutes * 60
    app.state.provider = None
    if settings.oidc.client_secret is not None:
        app.state.provider = Provider(
            settings.oidc,
            settings.oidc.client_secret,
            base=address_of(settings.http),
            client=client,
            keys=authenticator.keys,
        )


def _tools(request: Request) -> tuple[Sessions, Provider]:
    provider: Provider | None = getattr(request.app.state, "provider", None)
    if provider is None:
        raise Problem(UNAVAILABLE, NOT_SET_UP)
    return request.app.state.sessions, provider


@router.get("/login")
async def log_in(request: Request, onward: Annotated[str, Query(alias="next")] = "/") -> Response:
    """Send the browser to the provider."""
    sessions, provider = _tools(request)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    response = RedirectResponse(
        await provider.address(state=state, nonce=nonce, verifier=verifier), status_code=303
    )
    inside = {"state": state, "nonce": nonce, "verifier": verifier, "next": local_path(onward)}
    sealed = sessions.sealer.seal(_LOGIN, inside, _LOGIN_SECONDS)
    sessions.keep(response, _cookie(sessions, state), sealed, _LOGIN_SECONDS)
    return response


@router.get(RETURN)
async def come_back(request: Request, state: str = "", code: str = "") -> Response:
    """Take what the provider sent back; from now on the browser has a session."""
    sessions, provider = _tools(request)
    name = _cookie(sessions, state)
    begun = sessions.sealer.open(_LOGIN, request.cookies.get(name))
    if begun is None or not code or not hmac.compare_digest(begun["state"], state):
        raise Problem(LOGIN_FAILED)
    tokens = await provider.exchange(code, begun["verifier"])
    claims = await provider.claims(str(tokens.get("id_token")), begun["nonce"])
    token = str(tokens.get("access_token"))
    authenticator: Authenticator = request.app.state.authenticator
    principal = await authenticator.principal(token)
    if principal.subject != claims.get("sub"):
        raise Problem(LOGIN_FAILED)
    response = RedirectResponse(local_path(begun["next"]), status_code=303)
    sessions.keep(response, name, "", 0)
    seconds = min(_expires(token) - time.time(), request.app.state.session_seconds)
    shown = str(claims.get("name") or principal.subject)
    sessions.begin(
        response, token=token, subject=principal.subject, name=shown, seconds=max(seconds, 1)
    )
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session here in any case, and let the provider end its own if it can be reached.

    The form's token is not asked for: whoever presses the button means it, also after the session's
    end, or when another tab has logged in meanwhile.
    """
    sessions: Sessions | None = sessions_of(request.app)
    if sessions is None:
        raise Problem(UNAVAILABLE, NOT_SET_UP)
    check_same_origin(request)
    try:
        onward = await _tools(request)[1].leave()
    except Problem:
        onward = "/"
    response = RedirectResponse(onward, status_code=303)
    sessions.end(response)
    return response


def _expires(token: str) -> float:
    """Return when a token ends that has been verified: seconds since 1970.

    The token says it itself (RFC 9068); `expires_in` beside it is optional (RFC 6749 5.1).
    """
    segment = token.split(".")[1]
    return float(orjson.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))["exp"])


def _cookie(sessions: Sessions, state: str) -> str:
    """Return the name of one login's cookie; made of letters that a cookie's name may have."""
    shown = "".join(one for one in state[:_STATE_SHOWN] if one.isascii() and one.isalnum())
    return f"{sessions.cookie}-login-{shown}"

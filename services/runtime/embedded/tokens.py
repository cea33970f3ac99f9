"""Bearer tokens by client credentials (RFC 6749, 4.4), for simulated people and tests."""

import time
from dataclasses import dataclass

import httpx2

_REFRESH_BEFORE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Token:
    """An access token and the monotonic instant (seconds) at which it expires."""

    value: str
    expires: float


async def fetch(issuer: str, client_id: str, secret: str) -> Token:
    """Fetch a new token from the issuer's token endpoint.

    Raises:
        httpx2.HTTPError: the provider does not answer or refuses the client.
    """
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
        asked = time.monotonic()
        answer = await http.post(
            f"{issuer}/token",
            auth=(client_id, secret),
            data={"grant_type": "client_credentials"},
        )
        answer.raise_for_status()
        body = answer.json()
    return Token(value=str(body["access_token"]), expires=asked + float(body["expires_in"]))


class TokenSource:
    """One client's token, fetched when first asked for and again one minute before it expires."""

    def __init__(self, *, issuer: str, client_id: str, secret: str) -> None:
        self.client_id = client_id
        self._issuer = issuer
        self._secret = secret
        self._token: Token | None = None

    async def get(self) -> str:
        """Return a token that is valid for a minute at least."""
        if self._token is None or time.monotonic() > self._token.expires - _REFRESH_BEFORE_S:
            self._token = await fetch(self._issuer, self.client_id, self._secret)
        return self._token.value

    async def headers(self) -> dict[str, str]:
        """Return the Authorization header of a request."""
        return {"Authorization": f"Bearer {await self.get()}"}

"""Browsers that are logged in, without a browser: the cookie of a session, and its forms' token."""

from dataclasses import dataclass

from fastapi import FastAPI
from starlette.responses import Response

from services.runtime.hashing import MIN_KEY_BYTES
from services.runtime.web.site.sealing import Sealer
from services.runtime.web.site.session import Sessions

SECRET = "0" * MIN_KEY_BYTES


@dataclass(frozen=True, kw_only=True)
class Browser:
    """What a browser sends along: `headers` with every request, `form` in every form."""

    headers: dict[str, str]
    csrf: str

    def form(self, once: str = "0" * 32, **fields: str) -> dict[str, str]:
        """Return the fields of a form with those that guard it."""
        return {"csrf": self.csrf, "once": once, **fields}


def browser(
    app: FastAPI, bearer: dict[str, str], service: str = "intake", name: str = "somebody"
) -> Browser:
    """Log somebody in by his token, as `headers` of the API carry it; the app gets its sessions."""
    if app.state.sessions is None:
        app.state.sessions = Sessions(Sealer(SECRET, service), service)
    sessions: Sessions = app.state.sessions
    token = bearer["authorization"].removeprefix("Bearer ")
    response = Response()
    sessions.begin(response, token=token, subject=token, name=name, seconds=3600)
    cookie = response.headers["set-cookie"].partition(";")[0]
    kept = sessions.kept({"path": "/", "headers": [(b"cookie", cookie.encode())]})
    assert kept is not None
    headers = {"accept": "text/html", "cookie": cookie, "sec-fetch-site": "same-origin"}
    return Browser(headers=headers, csrf=kept.csrf)

"""A person's HTTP client: one base address, one token source, problems as exceptions."""

from typing import Any, Self
from uuid import uuid4

import httpx2

from services.runtime.embedded.tokens import TokenSource

PRECONDITION_FAILED = 412
CONFLICT = 409
NOT_FOUND = 404


class RefusedError(Exception):
    """The service refused a request; the message is its problem details' own text."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        errors = "; ".join(error["message"] for error in problem.get("errors", []))
        parts = (problem.get("title"), problem.get("detail"), errors)
        super().__init__(f"{status}: " + ", ".join(part for part in parts if part))


class Caller:
    """Calls one service as one person. Use it with `async with`."""

    def __init__(self, url: str, tokens: TokenSource | None = None, language: str = "en") -> None:
        self._tokens = tokens
        self._http = httpx2.AsyncClient(
            base_url=url,
            timeout=30,
            # Servers close a connection that rests for five seconds; one that is closed while a
            # request is on its way looks like a failure.
            limits=httpx2.Limits(keepalive_expiry=2.0),
            trust_env=False,
            headers={"Accept-Language": language},
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """Read something. Raises RefusedError."""
        return (await self._send("GET", path, params=query)).json()

    async def post(
        self, path: str, body: Any = None, *, etag: str | None = None, files: Any = None
    ) -> httpx2.Response:
        """Do something, under an Idempotency-Key of its own. Raises RefusedError."""
        headers = {"Idempotency-Key": str(uuid4())}
        if etag is not None:
            headers["If-Match"] = etag
        return await self._send("POST", path, json=body, headers=headers, files=files)

    async def put(self, path: str, body: Any = None) -> Any:
        """Make something so. Raises RefusedError."""
        return (await self._send("PUT", path, json=body)).json()

    async def _send(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        headers = dict(rest.pop("headers", None) or {})
        if self._tokens is not None:
            headers |= await self._tokens.headers()
        answer = await self._http.request(method, path, headers=headers, **rest)
        if answer.is_error:
            raise RefusedError(answer.status_code, _problem(answer))
        return answer


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found: dict[str, Any] = answer.json()
    except ValueError:
        return {"title": answer.reason_phrase}
    return found

"""A minimal HTTP/1.1 client: keep-alive, JSON, nothing else. It must cost next to nothing."""

import asyncio
from typing import Any

import orjson


class StatusError(Exception):
    """An answer that was not expected."""


class Connections:
    """Connections to one server, opened as needed and used again."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._host, self._port = host, int(port)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def get(self, path: str, token: str) -> Any:
        """Return the JSON of an answer."""
        return await self._ask(_head("GET", path, self._host, token) + b"\r\n")

    async def post(self, path: str, token: str, key: str, body: Any) -> Any:
        """Post JSON under an Idempotency-Key; return the JSON of the answer."""
        content = orjson.dumps(body)
        head = (
            _head("POST", path, self._host, token)
            + (
                f"content-type: application/json\r\nidempotency-key: {key}\r\n"
                f"content-length: {len(content)}\r\n\r\n"
            ).encode()
        )
        return await self._ask(head + content)

    async def _ask(self, request: bytes) -> Any:
        while self._free:
            reader, writer = self._free.pop()
            try:
                return await self._exchange(reader, writer, request)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()  # the server had closed it meanwhile: keys make it safe to repeat
        reader, writer = await asyncio.open_connection(self._host, self._port)
        return await self._exchange(reader, writer, request)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> Any:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        body = await reader.readexactly(int(_field(head.lower(), b"content-length: ")))
        self._free.append((reader, writer))
        if status >= 300:
            raise StatusError(f"{status} {body.decode()[:400]}")
        return orjson.loads(body)


def _head(method: str, path: str, host: str, token: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n".encode()


def _field(head: bytes, name: bytes) -> bytes:
    return head.partition(b"\r\n" + name)[2].partition(b"\r\n")[0]

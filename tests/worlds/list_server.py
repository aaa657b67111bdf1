"""A server of lists over TLS that misbehaves on request: one fault for each host, until told otherwise.

Its answers are written by hand, byte by byte: a server library would refuse to send most of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from weakref import WeakSet

from tests.worlds.certificates import Authority

ZONE = "lists.example"
"""below it are the hosts: ``adult.lists.example``"""
BOMB = 8 << 20
"""bytes that the bomb unpacks to"""


class Fault(StrEnum):
    """The ways in which it answers."""

    NONE = "none"
    STALL = "stall"
    LORIS = "loris"
    """a byte at a time"""
    SILENT = "silent"
    """no answer at all"""
    RESET = "reset"
    """the connection is cut in the midst of the list"""
    SHORT = "short"
    """less than Content-Length says"""
    LONG = "long"
    """more than Content-Length says: cut at it by every client"""
    NO_LENGTH = "no_length"
    NO_HTTP = "no_http"
    EMPTY = "empty"
    GONE = "gone"
    GONE_FOR_GOOD = "gone_for_good"
    FORBIDDEN = "forbidden"
    SERVER_ERROR = "server_error"
    BUSY = "busy"
    PARTIAL = "partial"
    UNASKED_304 = "unasked_304"
    """Not Modified for whoever did not ask so"""
    TO_HTTP = "to_http"
    TO_ITSELF = "to_itself"
    ELSEWHERE = "elsewhere"
    """a redirect to the host ``elsewhere`` of the zone, which is a good server"""
    BOMB = "bomb"
    """gzip that unpacks to a thousand times its size"""
    DAMAGED_GZIP = "damaged_gzip"
    BROTLI = "brotli"
    """an encoding that was not offered"""
    PAGE = "page"
    """an HTML page with 200"""
    EXCHANGED = "exchanged"
    """the account is somebody else's now: a list of as many other names"""
    ONE_NAME = "one_name"
    LYING_ETAG = "lying_etag"
    """other content under the ETag of the one before"""
    OTHER_NAME = "other_name"
    EXPIRED = "expired"
    OTHER_AUTHORITY = "other_authority"


_CERTIFICATES = (Fault.OTHER_NAME, Fault.EXPIRED, Fault.OTHER_AUTHORITY)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came."""

    host: str
    path: str
    headers: dict[str, str]
    """by lower-cased name"""


@dataclass
class ListServer:
    """Serves ``lists`` by host; every path of a host has its list, ``.gz`` at the end packs it."""

    authority: Authority
    folder: Path
    lists: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """by path: what it serves beside the lists, at every host"""
    faults: dict[str, Fault] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    """by host: where ELSEWHERE leads to, other than to that host"""
    required: dict[str, tuple[str, str]] = field(default_factory=dict)
    """by host: a header and the value that it must have"""
    requests: list[Request] = field(default_factory=list)
    served: Counter[Fault] = field(default_factory=Counter)
    not_modified: int = 0
    port: int = 0
    name: str = f"*.{ZONE}"
    """what its certificate is for"""
    _connections: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: WeakSet[asyncio.StreamWriter] = field(default_factory=WeakSet)
    _contexts: dict[Fault, ssl.SSLContext] = field(default_factory=dict)

    def url(self, host: str, path: str = "/names.txt") -> str:
        """The address of a host's list."""
        return f"https://{host}.{ZONE}:{self.port}{path}"

    @asynccontextmanager
    async def serving(
        self, *, client_ca: Path | None = None, port: int = 0, addresses: Sequence[str] = ("127.0.0.1",)
    ) -> AsyncIterator[ListServer]:
        """Listen inside the block. ``client_ca``: clients must show a certificate of it."""
        context = self._context(Fault.NONE)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        context.sni_callback = self._choose
        server = await asyncio.start_server(
            self._take, list(addresses), port, ssl=context, ssl_shutdown_timeout=1.0
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for each in self._connections:
                each.cancel()  # the stalled ones
            await asyncio.gather(*self._connections, return_exceptions=True)
            for writer in list(self._writers):
                writer.transport.abort()  # those that wait for the client's end of TLS
            await asyncio.sleep(0.02)

    def _context(self, fault: Fault) -> ssl.SSLContext:
        if fault not in self._contexts:
            folder = self.folder / fault
            folder.mkdir(parents=True, exist_ok=True)
            authority = Authority() if fault is Fault.OTHER_AUTHORITY else self.authority
            name = "another.example" if fault is Fault.OTHER_NAME else self.name
            lasts = timedelta(days=-1 if fault is Fault.EXPIRED else 1)
            self._contexts[fault] = authority.server(folder, name, lasts=lasts)
        return self._contexts[fault]

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """Show the certificate that the host's fault is."""
        fault = self._fault((name or "").partition(".")[0])
        if fault in _CERTIFICATES:
            self.served[fault] += 1
            connection.context = self._context(fault)

    def _fault(self, host: str) -> Fault:
        return self.faults.get(host, Fault.NONE)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            try:
                request = _parsed(await reader.readuntil(b"\r\n\r\n"))
                self.requests.append(request)
                await self._answer(request, writer)
            except asyncio.CancelledError:
                writer.transport.abort()
                raise
            finally:
                writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        fault = self._fault(request.host)
        header, value = self.required.get(request.host, ("", ""))
        if header and request.headers.get(header.lower()) != value:
            await _send(writer, 401, b"")
            return
        self.served[fault] += 1
        if request.path in self.files:
            await _send(writer, 200, self.files[request.path])
            return
        await _ANSWERS.get(fault, _good)(self, request, writer)

    def content(self, request: Request) -> bytes:
        """The list of the request's host."""
        names = self.lists.get(request.host, b"")
        return gzip.compress(names, mtime=0) if request.path.endswith(".gz") else names


def exchanged(names: bytes) -> bytes:
    """As many other names."""
    return b"".join(b"other-" + line for line in names.splitlines(keepends=True))


def _parsed(head: bytes) -> Request:
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    lowered = {name.lower(): value for name, value in headers.items()}
    host = lowered.get("host", "").partition(".")[0]
    return Request(host, lines[0].split(" ")[1], lowered)


async def _send(
    writer: asyncio.StreamWriter, status: int, body: bytes, length: int | None = -1, **headers: Any
) -> None:
    """One answer; ``length`` is its Content-Length: -1 the right one, None no such header."""
    lines = [f"HTTP/1.1 {status} Said", "Connection: close"]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    await writer.drain()


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


async def _good(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    content = server.content(request)
    if request.headers.get("if-none-match") == _etag(content):
        server.not_modified += 1
        await _send(writer, 304, b"", None, ETag=_etag(content))
        return
    if "gzip" in request.headers.get("accept-encoding", "") and not request.path.endswith(".gz"):
        packed = gzip.compress(content, mtime=0)
        await _send(writer, 200, packed, Content_Encoding="gzip", ETag=_etag(content))
        return
    await _send(writer, 200, content, ETag=_etag(content))


async def _stall(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    content = server.content(request)
    await _send(writer, 200, content[: len(content) // 2], len(content))
    await writer.wait_closed()  # until the client has enough


async def _loris(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    content = server.content(request)
    await _send(writer, 200, b"", len(content))
    for at in range(len(content)):
        writer.write(content[at : at + 1])
        await writer.drain()
        await asyncio.sleep(0.02)


async def _silent(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    await writer.wait_closed()  # until the client has enough


async def _reset(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    content = server.content(request)
    await _send(writer, 200, content[: len(content) // 2], len(content))
    writer.transport.abort()


async def _short(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    content = server.content(request)
    await _send(writer, 200, content[: len(content) // 2], len(content))


async def _long(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    content = server.content(request)
    await _send(writer, 200, content, len(content) // 3)


async def _no_length(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    content = server.content(request)
    await _send(writer, 200, content[: len(content) // 2], None)


async def _no_http(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_10.0\r\n")
    await writer.drain()


async def _unasked(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    if "if-none-match" in request.headers or "if-modified-since" in request.headers:
        await _send(writer, 500, b"")
        return
    await _send(writer, 304, b"", None)


async def _bomb(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    await _send(writer, 200, gzip.compress(bytes(BOMB)), Content_Encoding="gzip")


async def _damaged(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    packed = bytearray(gzip.compress(server.content(request)))
    packed[-6] ^= 0xFF
    await _send(writer, 200, bytes(packed), Content_Encoding="gzip")


async def _page(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    page = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body>moved</body></html>\n"
    await _send(writer, 200, page, Content_Type="text/html")


async def _exchanged(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    await _send(writer, 200, exchanged(server.lists.get(request.host, b"")))


async def _lying(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    content = server.content(request)
    await _send(writer, 200, exchanged(content), ETag=_etag(content))


def _status(status: int, **headers: Any) -> Answer:
    async def answer(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
        await _send(writer, status, b"<html>nothing</html>", **headers)

    return answer


def _content(content: bytes, **headers: Any) -> Answer:
    async def answer(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
        await _send(writer, 200, content, **headers)

    return answer


async def _elsewhere(server: ListServer, request: Request, writer: asyncio.StreamWriter) -> None:
    server.lists["elsewhere"] = server.lists.get(request.host, b"")
    await _send(
        writer, 302, b"", Location=server.targets.get(request.host) or server.url("elsewhere", request.path)
    )


Answer = Callable[[ListServer, Request, asyncio.StreamWriter], Awaitable[None]]
_ANSWERS: dict[Fault, Answer] = {
    Fault.STALL: _stall,
    Fault.LORIS: _loris,
    Fault.SILENT: _silent,
    Fault.RESET: _reset,
    Fault.SHORT: _short,
    Fault.LONG: _long,
    Fault.NO_LENGTH: _no_length,
    Fault.NO_HTTP: _no_http,
    Fault.EMPTY: _content(b""),
    Fault.GONE: _status(404),
    Fault.GONE_FOR_GOOD: _status(410),
    Fault.FORBIDDEN: _status(403),
    Fault.SERVER_ERROR: _status(500),
    Fault.BUSY: _status(503, Retry_After="1"),
    Fault.PARTIAL: _status(206),
    Fault.UNASKED_304: _unasked,
    Fault.TO_HTTP: _status(301, Location=f"http://plain.{ZONE}/names.txt"),
    Fault.TO_ITSELF: _status(302, Location="/names.txt"),
    Fault.ELSEWHERE: _elsewhere,
    Fault.BOMB: _bomb,
    Fault.DAMAGED_GZIP: _damaged,
    Fault.BROTLI: _content(b"\x0b\x02\x80nothing\x03", Content_Encoding="br"),
    Fault.PAGE: _page,
    Fault.EXCHANGED: _exchanged,
    Fault.ONE_NAME: _content(b"only.example\n"),
    Fault.LYING_ETAG: _lying,
}

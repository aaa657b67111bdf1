"""The predecessor's side of a hand-over: a resolver that was told to leave waits for its successor.

It answers clients until the successor is ready. From the moment at which it lets go of the state directory
nobody follows the store in it, so it does not wait long: ``ALONE_SECONDS`` without a successor in all.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from filterd.dataplane.listeners.inherited import Name, SocketKind
from filterd.serve.handover.messages import (
    MOST_DESCRIPTORS,
    VERSION,
    HandoverError,
    Message,
    Word,
    address_of,
    new_socket,
    peer_of,
    receive,
    send,
)
from filterd.telemetry import log

ALONE_SECONDS = 30.0
HELLO_SECONDS = 2.0
READY_SECONDS = 120.0
"""that a successor may take to load; its supervisor ends one that gives no sign for a minute"""
SEND_PAUSE = 0.005
SEND_TRIES = 400
BACKLOG = 8
BUSY_PAUSE, BUSY_LOOKS = 0.02, 50
"""while there is a successor, another one waits so long: the first may have ended just now"""


class WaitEnding(Enum):
    """The ways in which the wait for a successor ends."""

    TAKEN = "a successor reads the sockets"
    NOBODY = "no successor came"
    DISMISSED = "there is to be no successor"
    UNLIKE = "the successor speaks another version"


class Leaving(Protocol):
    """The resolver that leaves."""

    async def let_go(self) -> None:
        """Follow the store no longer, and free the state directory; a second call has no effect."""

    def facts(self) -> Mapping[str, object]:
        """The facts that the successor should know of it, as values of JSON."""

    def sockets(self) -> Sequence[tuple[SocketKind, socket.socket]]:
        """Every listening socket."""

    async def leave(self, taken: Sequence[tuple[SocketKind, Name]]) -> None:
        """Read these sockets no longer: the successor does."""


class Giving:
    """Passes the sockets on to one successor. Owned by the event loop."""

    def __init__(self, state_dir: Path, resolver: Leaving, ticks: Callable[[], float]) -> None:
        """``ticks``: seconds of a clock that does not go back."""
        self._path = address_of(state_dir)
        self._resolver = resolver
        self._ticks = ticks
        self._listener: socket.socket | None = None
        self._came: asyncio.Queue[socket.socket] = asyncio.Queue()
        self._busy = False
        self._left = ALONE_SECONDS
        self._since: float | None = None
        """the tick since which nobody is there; None while a successor is, and before the wait"""

    @property
    def seconds_left(self) -> float | None:
        """The seconds after which the wait ends without a successor; None while one is there."""
        since = self._since  # another thread may ask
        return None if since is None else max(self._left - (self._ticks() - since), 0.0)

    def open(self) -> None:
        """Let a successor connect from now on. Raises ``OSError``."""
        self._path.unlink(missing_ok=True)
        bound = new_socket()
        try:
            bound.bind(str(self._path))
            self._path.chmod(0o600)
            bound.listen(BACKLOG)
        except OSError:
            bound.close()
            raise
        bound.setblocking(False)
        self._listener = bound

    async def run(self) -> WaitEnding:
        """Wait for a successor, and pass the sockets on to it."""
        if self._listener is None:
            self.open()
        accepting = asyncio.get_running_loop().create_task(self._accept_for_ever())
        try:
            return await self._wait()
        finally:
            accepting.cancel()
            self._shut()

    async def _wait(self) -> WaitEnding:
        while True:
            self._since = self._ticks()
            try:
                link = await asyncio.wait_for(self._came.get(), self._left)
            except TimeoutError:
                return WaitEnding.NOBODY
            self._left = max(self._left - (self._ticks() - self._since), 0.0)
            self._since = None
            with link:
                ending = await self._serve(link)
            self._busy = False
            if ending is not None:
                return ending

    async def _accept_for_ever(self) -> None:
        while self._listener is not None:
            link, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            link.setblocking(False)
            for _ in range(BUSY_LOOKS):
                if not self._busy:
                    break
                await asyncio.sleep(BUSY_PAUSE)
            if self._busy:
                self._refuse(link, "another successor")
                link.close()
            else:
                self._busy = True
                self._came.put_nowait(link)

    async def _serve(self, link: socket.socket) -> WaitEnding | None:
        """Serve one successor; None: it is gone, and another one may come."""
        try:
            peer_of(link)
            first = await _next(link, HELLO_SECONDS)
            if first.word is Word.END:
                return WaitEnding.DISMISSED
            if first.word is not Word.TAKE or first.version != VERSION:
                self._refuse(link, "version")
                return WaitEnding.UNLIKE
            return await self._pass_on(link)
        except OSError as error:
            reason = str(error) or type(error).__name__
            remedy = "none: clients are answered, and another one may come"
            log.get().warning("the successor ended before it was ready", reason=reason, remedy=remedy)
            return None

    async def _pass_on(self, link: socket.socket) -> WaitEnding | None:
        send(link, Word.HERE, {**self._resolver.facts(), "version": VERSION})
        await self._resolver.let_go()
        for kind, descriptors in _runs(self._resolver.sockets()):
            await _send(link, Word.SOCKETS, {"kind": kind}, descriptors)
        await _send(link, Word.ALL, {})
        last = await _next(link, READY_SECONDS)
        if last.word is not Word.READY:
            return WaitEnding.DISMISSED if last.word is Word.END else None
        await self._resolver.leave(_taken(last.fields.get("taken")))
        self._shut()  # before the successor may want to hand over itself, at the same path
        send(link, Word.LEFT)
        return WaitEnding.TAKEN

    @staticmethod
    def _refuse(link: socket.socket, reason: str) -> None:
        try:
            send(link, Word.REFUSED, {"version": VERSION, "reason": reason})
        except OSError:
            return

    def _shut(self) -> None:
        if self._listener is not None:
            self._path.unlink(missing_ok=True)
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None


async def _next(link: socket.socket, seconds: float) -> Message:
    """The next message. Raises HandoverError, and TimeoutError, which is an ``OSError``."""
    loop = asyncio.get_running_loop()
    there = asyncio.Event()
    loop.add_reader(link, there.set)
    try:
        await asyncio.wait_for(there.wait(), seconds)
    finally:
        loop.remove_reader(link)
    return receive(link)


async def _send(
    link: socket.socket, word: Word, fields: Mapping[str, object], descriptors: Sequence[int] = ()
) -> None:
    """Send once there is room. Raises ``OSError``."""
    for _ in range(SEND_TRIES):
        try:
            send(link, word, fields, descriptors)
        except BlockingIOError:
            await asyncio.sleep(SEND_PAUSE)
        else:
            return
    msg = "the successor does not read"
    raise HandoverError(msg)


def _runs(sockets: Sequence[tuple[SocketKind, socket.socket]]) -> list[tuple[SocketKind, list[int]]]:
    """The descriptors by kind, as many as one message takes."""
    return [
        (kind, list(run))
        for kind in SocketKind
        for run in _split([each.fileno() for known, each in sockets if known is kind])
    ]


def _split(descriptors: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(descriptors), MOST_DESCRIPTORS):
        yield descriptors[first : first + MOST_DESCRIPTORS]


def _taken(value: Any) -> list[tuple[SocketKind, Name]]:
    """The sockets that the successor reads. Raises HandoverError."""
    try:
        return [(SocketKind(kind), (str(host), int(port), int(scope))) for kind, (host, port, scope) in value]
    except (TypeError, ValueError) as error:
        msg = "a message is not readable"
        raise HandoverError(msg) from error

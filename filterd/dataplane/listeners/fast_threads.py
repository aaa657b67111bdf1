"""The threads of the fast path, and the event loop's side of their punts."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Sequence
from functools import partial

from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.thread import FastCounts, FastThread, Punted
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.slow.slowpath import SlowPath
from filterd.dataplane.tables.epoch import collect

RUN = 64
"""punts that are taken from one thread before others get their turn"""
RUN_SECONDS = 0.002
"""seconds after which the others get their turn all the same; the ring itself is fair to client prefixes"""
STOP_SECONDS = 5.0
"""seconds that the threads have to finish their turns at the end"""
COLLECT_SECONDS = 0.25
"""between two attempts to free replaced states, tables and sockets that threads no longer use"""

ListenSockets = tuple[tuple[int, int], ...]
"""the sockets of one address: the thread that serves it, and its number there"""


class FastPath:
    """All threads of the fast path. Owned by the event loop; serves from :meth:`start` to :meth:`close`."""

    def __init__(self, plane: Plane, routes: Routes, path: SlowPath, threads: int) -> None:
        """Raises ``OSError`` where the system allows too few open files."""
        self._path = path
        self._news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._fast = [
            FastThread(plane, routes, number, self._news, os.urandom(16)) for number in range(threads)
        ]
        self._threads: list[threading.Thread] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._fast)

    def know_itself(self, key: bytes) -> None:
        """Let every thread answer self-queries under this key. Before :meth:`start`."""
        for fast in self._fast:
            fast.know_itself(key)

    def start(self) -> None:
        """Begin to serve, on the running loop."""
        asyncio.get_running_loop().add_reader(self._news, self._take)
        for number, fast in enumerate(self._fast):
            thread = threading.Thread(target=fast.run, name=f"fast-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._collect()

    def close(self) -> None:
        """End the threads. Queries that they had begun are with the slow path, or lost: clients ask again."""
        for fast in self._fast:
            fast.stop()
        end = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0))
        if self._timer is not None:
            self._timer.cancel()
            asyncio.get_running_loop().remove_reader(self._news)
        if not any(thread.is_alive() for thread in self._threads):
            os.close(self._news)  # else a stuck thread may still write to it
        self._threads.clear()

    def open_sockets(self, sockets: Sequence[socket.socket], wildcard: bool) -> ListenSockets:
        """Serve the sockets, each with the next thread in turn: a predecessor may have had more threads.
        Raises ``OSError``."""
        listen_sockets: list[tuple[int, int]] = []
        try:
            for place, each in enumerate(sockets):
                number = place % len(self._fast)
                opened = self._fast[number].open_listen_socket(each.fileno(), wildcard)
                listen_sockets.append((number, opened))
        except OSError:
            self.close_sockets(tuple(listen_sockets))
            raise
        return tuple(listen_sockets)

    def close_sockets(self, listen_sockets: ListenSockets) -> None:
        """Stop serving these sockets."""
        for number, listen_socket in listen_sockets:
            self._fast[number].close_listen_socket(listen_socket)

    def stop_reading(self, listen_sockets: ListenSockets) -> None:
        """Read these sockets no more; answers to what was read before still leave through them."""
        for number, listen_socket in listen_sockets:
            self._fast[number].stop_reading(listen_socket)

    def turns(self) -> list[int]:
        """The times that each thread has looked at its sockets; wakes them, so that these grow."""
        found = [fast.turns for fast in self._fast]
        for fast in self._fast:
            fast.wake()
        return found

    @property
    def waiting(self) -> int:
        """The number of queries that wait for upstreams in the threads."""
        return sum(fast.waiting for fast in self._fast)

    def counts(self) -> list[FastCounts]:
        """The counts of each thread; may be called from any thread."""
        return [fast.counts() for fast in self._fast]

    def _collect(self) -> None:
        collect()
        self._timer = asyncio.get_running_loop().call_later(COLLECT_SECONDS, self._collect)

    def _take(self) -> None:
        os.eventfd_read(self._news)
        more = True
        try:
            left = [self._take_of(fast) for fast in self._fast]
            more = any(left)
        finally:
            if more:  # also after an exception: the other threads' punts must not wait for the next one
                os.eventfd_write(self._news, 1)

    def _take_of(self, fast: FastThread) -> bool:
        """Take the punts of one thread, while its time lasts; return whether there may be more."""
        ticks = self._path.turns.ticks
        end = ticks() + RUN_SECONDS
        for _ in range(RUN):
            punted = fast.take()
            if punted is None:
                return False
            self._path.resume(punted, partial(self._answer, fast, punted))
            if ticks() >= end:
                break
        return True

    def _answer(self, fast: FastThread, punted: Punted, answer: bytes) -> None:
        if not fast.answer(punted, answer):
            # The queue is full, or the route or our own address is gone: the client asks again.
            self._path.counts.dropped("not_sent")

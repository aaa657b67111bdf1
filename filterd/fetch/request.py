"""The values of fetching: how servers are reached, limits, and what they replied."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filterd.fetch.secrets import Secrets
from filterd.policy.feed_documents import Login

Lookup = Callable[[str], Awaitable[tuple[str, ...]]]
"""the addresses of a host, without filterd's own resolver; empty: the name has none. Raises LookupError where
nobody answers"""

Tell = Callable[[int], None]
"""called with the bytes of a list that have arrived"""


class Sink(Protocol):
    """A file that takes what arrives."""

    def write(self, data: memoryview, /) -> int: ...  # noqa: D102 - as files do
    def seek(self, offset: int, /) -> int: ...  # noqa: D102 - as files do
    def truncate(self) -> int: ...  # noqa: D102 - as files do


@dataclass(frozen=True, slots=True)
class Access:
    """The way to the servers of one feed."""

    secrets: Secrets
    login: Login | None = None
    pins: tuple[str, ...] = ()
    """SHA-256 of public keys in base64; empty: any valid certificate"""
    ca: Path | None = None
    """None: the system's authorities"""
    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on fetching; durations are seconds."""

    size: int
    """bytes of a list, as they arrive and after ``Content-Encoding``"""
    connect: float = 15.0
    stall: float = 30.0
    """between two pieces of an answer"""
    total: float = 1800.0
    """for one request with its answer"""
    slowest: int = 1024
    """bytes a second on average, once ``patience`` is over: a server may send a byte at a time for ever"""
    patience: float = 60.0
    redirects: int = 5
    attempts: int = 3
    """at one address"""
    back_off: float = 2.0
    """the longest wait before the second attempt; it doubles with each one"""
    longest_wait: float = 60.0
    """the longest wait between attempts, whatever the server asks for"""


@dataclass(frozen=True, slots=True)
class Validators:
    """A server's marks of one content of a list (RFC 9110 §8.8), sent back to ask for a newer one only."""

    etag: str = ""
    last_modified: str = ""

    def __bool__(self) -> bool:
        return bool(self.etag or self.last_modified)


@dataclass(frozen=True, slots=True)
class ListReply:
    """A server's answer: the list stands in the sink, or is the one that the validators are of."""

    host: str
    """the server that gave it, after all redirects"""
    modified: bool
    validators: Validators
    size: int
    """bytes written"""
    digest: str
    """SHA-256 of what was written"""

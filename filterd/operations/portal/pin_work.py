"""The work of hashing PINs: Argon2id (RFC 9106) over a keyed digest, so many at a time and no more.

The key stands outside the store: who has the store alone cannot try out the million PINs of six digits. The
slow hash is for who has both. Its memory and its share of the processor are bounded by the turns.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from filterd.operations.portal.keyed import keyed
from filterd.operations.portal.refusals import TooManyTriesError
from filterd.operations.portal.tries import MOST_CLIENTS, Levels, TryPace
from filterd.store.pins import PinTries

TURNS, MOST_WAITING = 2, 16
"""hashes at work, and those that wait for a turn; beyond, nobody waits"""
TIME_COST, MEMORY_KIB, LANES = 2, 19_456, 1
"""of Argon2id; decision 0312"""
ELSEWHERE = TryPace(40, 1 / 10)
"""tries of one network whose clients are on no line: it has many addresses, and each would have its own"""
_MARK = "#"
"""stands between a hash and the mark of its key; Argon2 writes none"""


def of_key(hashed: str, key: bytes) -> bool:
    """True unless a hash says that it was made with another key: its PIN then opens nothing any more."""
    mark = hashed.partition(_MARK)[2]
    return not mark or mark == _mark_of(key)


def _mark_of(key: bytes) -> str:
    return keyed(key, "pin key", "")[:8]


class PinWork:
    """Hashes and compares PINs. Owned by one event loop."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        """may be set to another one"""
        self._hasher = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._turns = asyncio.Semaphore(TURNS)
        self._waiting = 0
        self._of_nobody = self._hasher.hash(secrets.token_hex(16))
        self.elsewhere: OrderedDict[str, PinTries] = OrderedDict()
        """wrong ones by the client, of clients on no line"""
        self.networks = Levels(ELSEWHERE)
        """tries by the network, of clients on no line"""

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One of the turns at which PINs are looked at. Raises TooManyTriesError where too many wait."""
        if self._waiting >= MOST_WAITING:
            raise TooManyTriesError(1.0)
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def hash(self, line: int, pin: str) -> str:
        """The hash of a line's PIN, in the encoded form of Argon2, with a mark of the key."""
        key = self.key
        hashed = await asyncio.to_thread(self._hasher.hash, _digest(key, line, pin))
        return f"{hashed}{_MARK}{_mark_of(key)}"

    async def holds(self, line: int, pin: str, hashed: str) -> bool:
        """True if the hash is of this PIN. An empty one takes the same work."""
        return await asyncio.to_thread(self._compare, hashed or self._of_nobody, _digest(self.key, line, pin))

    def note_elsewhere(self, client: str, tries: PinTries) -> None:
        """Note the wrong ones of a client on no line."""
        self.elsewhere.pop(client, None)
        self.elsewhere[client] = tries
        while len(self.elsewhere) > MOST_CLIENTS:
            self.elsewhere.popitem(last=False)

    def _compare(self, hashed: str, digest: str) -> bool:
        try:
            return self._hasher.verify(hashed.partition(_MARK)[0], digest)
        except (Argon2Error, InvalidHashError):
            return False


def _digest(key: bytes, line: int, pin: str) -> str:
    return keyed(key, "pin", f"{line}:{pin}")

"""The state of signing in that one web process keeps in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from filterd.config.settings import Settings
from filterd.operations.context import Context
from filterd.operations.portal.keyed import key_file, portal_key
from filterd.operations.portal.openid_state import OpenidState
from filterd.operations.portal.pin_work import PinWork
from filterd.operations.portal.refusals import SignInRefusedError
from filterd.operations.portal.tries import Levels, TryLimit, TryPace

CODES = TryPace(20, 1 / 30), TryPace(40, 1 / 10), TryPace(100, 10.0)
"""wrong codes: of one client, of its network (which keeps nobody else out then), and of all"""
CHANGES = TryPace(30, 1 / 2)
"""changes that one session asks for"""
PINS_SET = TryPace(5, 5 / 3_600)
"""times that the PIN of one line is set, by who has it and by others each: every one is told to the holder"""
REPORT_EVERY = 60.0
"""seconds between two entries of the audit trail about refused sign-ins"""


@dataclass(slots=True)
class RefusedSignIns:
    """Refused sign-ins that lead to no line: the audit trail has their number, once a minute at most."""

    waiting: int = 0
    reported_at: float = 0.0

    async def note(self, context: Context) -> None:
        """Count one more."""
        self.waiting += 1
        now = context.clock()
        if 0 <= now - self.reported_at < REPORT_EVERY:
            return
        count, self.waiting, self.reported_at = self.waiting, 0, now
        async with context.store.write(ACTOR, now) as write:
            write.audit("portal.sign_in_refused", SUBJECT, after={"refused": count})


ACTOR, SUBJECT = "portal", "portal"
"""who signs somebody in, and what a refusal that leads to no line is about, as the audit trail has it"""


@dataclass(slots=True)
class PortalState:
    """Made once by the web process (:meth:`make`) and passed to what tries secrets."""

    key: bytes = field(repr=False)
    pins: PinWork
    codes: TryLimit = field(default_factory=lambda: TryLimit(*CODES))
    refused: RefusedSignIns = field(default_factory=RefusedSignIns)
    openid: OpenidState = field(default_factory=OpenidState)
    pins_set: Levels = field(default_factory=lambda: Levels(PINS_SET))
    key_file: tuple[int, ...] = ()
    """of the key, as it was read"""

    @classmethod
    def make(cls, settings: Settings) -> Self:
        """The state at the start of the process. Raises OperationError where the key cannot be had."""
        key = portal_key(settings)
        return cls(key, PinWork(key), key_file=key_file(settings))

    def follow_key(self, settings: Settings) -> None:
        """Take the key that stands in the state directory now, where that is another one: what is made with a
        lost key would end with the process. Raises OperationError where it cannot be had."""
        if self.key_file and self.key_file == key_file(settings):
            return
        self.key = self.pins.key = portal_key(settings)
        self.key_file = key_file(settings)

    @asynccontextmanager
    async def trying(self, context: Context) -> AsyncIterator[None]:
        """Notes a sign-in that is refused inside the block."""
        try:
            yield
        except SignInRefusedError:
            await self.refused.note(context)
            raise

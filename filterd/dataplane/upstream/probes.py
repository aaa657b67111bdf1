"""Probes the upstreams, so that no client has to find out that one is dead or leads back to us.

A probe is an ordinary question, ``. NS``. A loop check asks for a name that nobody else can know: if it
arrives at our own listeners, that server leads back here, however many others are in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial

from filterd.dataplane.upstream.forward_types import ForwardOutcome, Question, UpstreamAnswer
from filterd.dataplane.upstream.message import Bits
from filterd.dataplane.upstream.peer import NOT_HEARD, Peer

PROBE = Question(b"\0", 2)
"""``. NS``"""
PROBE_WAIT = 1.0
"""seconds"""
LABEL = b"loop-check-"
"""how the label of a loop check begins"""
DIGITS = 20
"""hexadecimal, random: they end the label of a loop check, and the root follows"""
LOOP_WAIT = 2.0
"""seconds"""
FIRST_CHECKS = 1.0
"""seconds between the first two loop checks, then doubled: just after a start we do not forward yet"""
LOOP_CHECK = 300.0
"""seconds between two loop checks in the long run"""
AFTER_TROUBLE = 2.0
"""seconds between two loop checks, at least, when trouble causes one"""
LOOP_RECHECK = 15.0
"""seconds between two loop checks while there is a loop"""
_TYPE_A = 1


Job = tuple[Peer, Callable[[Peer], Coroutine[None, None, None]]]


class Probes:
    """Probes the peers when their condition asks for it. Owned by the event loop."""

    def __init__(self, peers: Sequence[Peer], clock: Callable[[], float], bits: Bits) -> None:
        self._peers = peers
        self._clock = clock
        self._bits = bits
        self._checks: dict[bytes, Peer] = {}
        """names of loop checks under way"""
        self._check_at = dict.fromkeys(peers, clock())
        self._checked_at = dict.fromkeys(peers, float("-inf"))
        self._pauses = dict.fromkeys(peers, FIRST_CHECKS)
        self._failures = dict.fromkeys(peers, 0)
        """probes in a row without an answer"""
        self._wake = asyncio.Event()
        self._busy: dict[Job, asyncio.Task[None]] = {}

    def troubled(self, name: str) -> None:
        """Check the server of this name, which began to rest, for a loop soon: that may be the cause."""
        for peer in self._peers:
            if peer.server.name == name:
                soon = max(self._checked_at[peer] + AFTER_TROUBLE, self._clock())
                self._check_at[peer] = min(self._check_at[peer], soon)
        self._wake.set()

    def wake(self) -> None:
        """Look at once which probes are due."""
        self._wake.set()

    def returned(self, name: bytes) -> bool:
        """Return whether a question that reached us is our loop check; its server is then used no more."""
        peer = self._checks.pop(name, None)
        if peer is None:
            return False
        self._check_at[peer] = self._clock() + LOOP_RECHECK
        if not peer.condition.looping:
            peer.condition.looping = True
            peer.note("an upstream leads back to this resolver and is not used", "loop")
        return True

    async def run(self) -> None:
        """Probe until cancelled."""
        try:
            while True:
                await self._pause(self._begin())
        finally:
            for task in self._busy.values():
                task.cancel()

    def _begin(self) -> float:
        """Start what is due; return the seconds until something else will be."""
        now = self._clock()
        pause = LOOP_CHECK
        for peer in self._peers:
            for work, at in (
                (self._probe, peer.condition.probe_at),
                (self._check_for_loop, self._check_at[peer]),
            ):
                if (peer, work) in self._busy:
                    continue
                if at > now:
                    pause = min(pause, at - now)
                    continue
                task = asyncio.get_running_loop().create_task(work(peer))
                self._busy[peer, work] = task
                task.add_done_callback(partial(self._done, (peer, work)))
        return pause

    def _done(self, job: Job, _: asyncio.Task[None]) -> None:
        del self._busy[job]
        self._wake.set()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _probe(self, peer: Peer) -> None:
        """Ask a question that every server answers."""
        peer.count(ForwardOutcome.PROBE)
        answer = await peer.probe(PROBE, PROBE_WAIT)
        self._failures[peer] = 0 if isinstance(answer, UpstreamAnswer) else self._failures[peer] + 1
        peer.probed(answer, self._failures[peer])

    async def _check_for_loop(self, peer: Peer) -> None:
        """Ask it for a random name, and see whether that question arrives here."""
        digits = f"{self._bits.getrandbits(4 * DIGITS):0{DIGITS}x}".encode()
        label = LABEL + digits
        name = bytes([len(label)]) + label + b"\0"
        self._checked_at[peer] = self._clock()
        pause = LOOP_RECHECK if peer.condition.looping else self._pauses[peer]
        self._pauses[peer] = min(self._pauses[peer] * 2, LOOP_CHECK)
        self._check_at[peer] = self._checked_at[peer] + pause
        self._checks[name] = peer
        peer.count(ForwardOutcome.PROBE)
        try:
            answer = await peer.probe(Question(name, _TYPE_A), LOOP_WAIT)
        finally:
            not_returned = self._checks.pop(name, None)
        if not_returned is not None and peer.condition.looping and answer not in NOT_HEARD:
            peer.condition.looping = False
            peer.note("an upstream no longer leads back to this resolver")

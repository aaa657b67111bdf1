"""The successor's side of a hand-over: a starting resolver takes the sockets of the one that still answers.

It connects to the predecessor before it takes the lock of the state directory, loads, and begins to read the
sockets once it is as ready as the predecessor was. Where anything fails it starts as without a predecessor.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from filterd.dataplane.listeners.inherited import InheritedSockets, SocketKind
from filterd.serve.handover.messages import (
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
from filterd.serve.left_over import end_left_over, end_left_over_holder
from filterd.telemetry import log

ANSWER_SECONDS = 5.0
"""without an answer, after which a predecessor is taken as stuck: no busy machine makes one wait so long"""
LETS_GO_SECONDS = 10.0
"""for which it may finish what it is writing to its disk"""
READY_SECONDS = 20.0
"""for which it goes on answering while we are less ready than it was"""
LEFT_SECONDS = 5.0
LOOK_SECONDS = 0.01
_LARGEST_ANSWER = 4096
"""bytes"""
COLD = "none: it starts as without a predecessor, and clients ask again"


class SuccessionOutcome(StrEnum):
    """The ways in which a start with a predecessor went."""

    TAKEN = "taken"
    """its sockets were taken over, and it has left"""
    BROKEN = "broken"
    """it ended in the middle; the sockets that it had passed on are served"""
    REFUSED = "refused"
    """it did not pass on anything: another version, or another successor"""
    STUCK = "stuck"
    """it did not answer"""


class Succession:
    """The sockets and facts that come from a predecessor; without one there are none. Owned by the event
    loop."""

    def __init__(self, link: socket.socket | None = None) -> None:
        self.inherited = InheritedSockets()
        self.outcome: SuccessionOutcome | None = None
        """None: there was no predecessor, or it is not decided yet"""
        self.handovers: Counter[str] = Counter()
        """by outcome, of this process and of all before it"""
        self._in_force = False
        """the predecessor had a state in force"""
        self._link = link

    def make_way(self, lock: Path) -> bool:
        """End whoever holds this lock, if it is a resolver that was left over; return whether it is gone. One
        that has just refused us lives, and is not ended."""
        return self.outcome is not SuccessionOutcome.REFUSED and end_left_over_holder(lock)

    def settle(self, outcome: SuccessionOutcome) -> None:
        """Note how it went; nothing more is exchanged."""
        self.outcome = outcome
        self.handovers[outcome] += 1
        if self._link is not None:
            self._link.close()
            self._link = None

    def begin(self, here: Message) -> None:
        """Note the facts that the predecessor tells of itself."""
        counts = here.fields.get("handovers")
        if isinstance(counts, dict):
            self.handovers.update({str(word): int(count) for word, count in counts.items()})
        self._in_force = bool(here.fields.get("in_force"))

    async def until_ready(self, as_ready: Callable[[], bool]) -> None:
        """Wait until ``as_ready``, while the predecessor answers clients better than we would."""
        end = asyncio.get_running_loop().time() + READY_SECONDS
        while self._in_force and not as_ready() and self._is_there():
            if asyncio.get_running_loop().time() >= end:
                event = "takes over from its predecessor, though it is less ready"
                log.get().error(event, seconds=READY_SECONDS, remedy="see /readyz for what is missing")
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def finish(self) -> None:
        """Let the predecessor go: its sockets are read here. Returns when it reads them no longer."""
        taken = self.inherited.taken
        self.inherited.close()
        if self._link is None:
            return
        left = b""
        with contextlib.suppress(OSError, TimeoutError):
            send(self._link, Word.READY, {"taken": taken})
            answer = asyncio.get_running_loop().sock_recv(self._link, _LARGEST_ANSWER)
            left = await asyncio.wait_for(answer, LEFT_SECONDS)
        if left:
            self.settle(SuccessionOutcome.TAKEN)
            log.get().info("took over from its predecessor", count=len(taken))
            return
        self.settle(SuccessionOutcome.BROKEN)
        event = "the predecessor ended or was stopped while it handed over; what it had not answered is lost"
        log.get().warning(event, remedy="none: its sockets are read here; see in its log why it ended")

    def _is_there(self) -> bool:
        if self._link is None:
            return False
        try:
            return bool(self._link.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False


def take_over(state_dir: Path) -> Succession:
    """Have a predecessor pass on its sockets, and let go of the state directory. Without one it does
    nothing."""
    link = new_socket()
    link.settimeout(ANSWER_SECONDS)
    try:
        link.connect(str(address_of(state_dir)))
        pid = peer_of(link)
    except TimeoutError:
        pid = 0
    except OSError:  # nobody hands over: no such file, or one that a killed predecessor left behind
        link.close()
        return Succession()
    succession = Succession(link)
    try:
        _exchange(link, succession)
    except HandoverError as error:
        log.get().warning("the predecessor broke off", reason=str(error), remedy=COLD)
        succession.settle(SuccessionOutcome.BROKEN)
    except OSError:
        succession.settle(SuccessionOutcome.STUCK)
        end_left_over(pid)
    else:
        if succession.outcome is None:
            link.setblocking(False)
    return succession


def _exchange(link: socket.socket, succession: Succession) -> None:
    """Ask, and take what is passed on. Raises ``OSError``."""
    send(link, Word.TAKE, {"version": VERSION})
    here = receive(link)
    if here.word is Word.HERE and here.version == VERSION:
        succession.begin(here)
        link.settimeout(LETS_GO_SECONDS)
        succession.inherited = _sockets(link)
        return
    log.get().warning("the predecessor passes nothing on", reason=here.reason or "version", remedy=COLD)
    if here.word is Word.HERE:
        send(link, Word.END)
    succession.settle(SuccessionOutcome.REFUSED)


def _sockets(link: socket.socket) -> InheritedSockets:
    """The sockets that are passed on. Raises ``OSError``."""
    found: list[tuple[SocketKind, socket.socket]] = []
    while True:
        try:
            message = receive(link)
        except HandoverError:
            if not found:
                raise
            break  # the predecessor is gone: what it passed on holds what clients have asked meanwhile
        if message.word is not Word.SOCKETS:
            break
        for each in message.descriptors:
            bound = socket.socket(fileno=each)
            bound.setblocking(False)
            try:
                found.append((SocketKind(message.fields.get("kind", "")), bound))
            except ValueError:
                bound.close()  # of a kind that this version does not know
    return InheritedSockets(found)


def dismiss(state_dir: Path) -> None:
    """Tell a predecessor that still waits for a successor to end: none will come."""
    with new_socket() as link, contextlib.suppress(OSError):
        link.settimeout(ANSWER_SECONDS)
        link.connect(str(address_of(state_dir)))
        peer_of(link)
        send(link, Word.END)

"""The leases of one file as they were handed over, so that only changes go on and their order is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from filterd.accounting.attributes import normalized
from filterd.accounting.leases.lease import NEVER, Lease
from filterd.accounting.leases.watched import START, STOP, LeaseSink, WatchedFile
from filterd.model.identity import IdentityKind, identity_input
from filterd.model.session import SessionSource
from filterd.policy.fingerprint import fingerprint

LONGEST = 10 * 365 * 86_400
"""seconds that a lease without an end lasts"""
_NOBODY = bytes(16)
_EARLY = 60
"""seconds before its time that an end is stamped with"""

Place = tuple[bytes, int]
"""address and prefix length"""


class _Held(NamedTuple):
    subscriber: bytes
    """its fingerprint; ``_NOBODY``: the lease names no line"""
    stamp: float
    ends: float


class LeaseLedger:
    """Hands the leases of one file to a sink. Used by one thread."""

    def __init__(self, watched: WatchedFile, sink: LeaseSink, key: bytes, clock: Callable[[], float]) -> None:
        """``key``: the installation's fingerprint key; ``clock``: Unix seconds."""
        self._steps = watched.normalize
        self._sink = sink
        self._key = key
        self._clock = clock
        self._nas = fingerprint(key, identity_input(IdentityKind.NAS, bytes(watched.path)))
        self._held: dict[Place, _Held] = {}
        self._begun = False
        """true: the file was read whole once, and sessions of before the start that it lacks were ended"""
        self._waiting: dict[Place, None] = {}
        """those of ``_held`` for which the sink had no room"""

    @property
    def knows_some(self) -> bool:
        """True where leases are held, or sessions of before the start may be of this file."""
        return bool(self._held) or (not self._begun and any(True for _ in self._sink.held()))

    def take(self, lease: Lease, stamp: float) -> None:
        """A statement of the file; ``stamp`` is used where it does not tell its time."""
        now = self._clock()
        place = (lease.address, lease.length)
        before = self._held.get(place)
        stamp = min(lease.began or stamp, now)
        if not lease.active or lease.ends <= now:
            self._end(place, stamp)
            return
        subscriber = self._subscriber(lease.value)
        if before is not None:
            same = before.subscriber == subscriber and before.ends == lease.ends
            if same and (not lease.began or stamp <= before.stamp):
                return
            stamp = max(stamp, before.stamp)
        if subscriber == _NOBODY or (before is not None and before.subscriber != subscriber):
            self._end(place, stamp)
        self._held[place] = _Held(subscriber, stamp, lease.ends)
        if subscriber != _NOBODY:
            self._put(place, now)

    def take_all(self, leases: Iterable[Lease], stamp: float) -> None:
        """The statements of a whole file, of which the last on each address holds. What it does not have is
        over, but for a file without any, which ends nothing."""
        last = _last(leases)
        if not last:
            return
        absent = self._held.keys() - last.keys()
        if not self._begun:
            absent |= set(self._sink.held()) - last.keys()
        self._begun = True
        for place in absent:
            self._end(place, stamp)
        for lease in last.values():
            self.take(lease, stamp)

    def take_some(self, leases: Iterable[Lease], stamp: float) -> None:
        """The statements of a file that is damaged or half written, so that later ones may be missing: they
        end nothing, and only what is newer than the lease that is held counts."""
        now = self._clock()
        for lease in _last(leases).values():
            before = self._held.get((lease.address, lease.length))
            newer = before is None or min(lease.began or stamp, now) > before.stamp
            if newer and lease.active and lease.ends > now:
                self.take(lease, stamp)

    def put_again(self) -> None:
        """Hand over what the sink had no room for, up to the first that it has none for again."""
        now = self._clock()
        for place in list(self._waiting):
            if self._held[place].ends <= now:
                del self._waiting[place]
            elif not self._put(place, now):
                return

    def counts(self) -> tuple[int, int]:
        """Leases in force that name a line, and that name none. Those whose time is over are forgotten: the
        table of sessions ends them itself."""
        now = self._clock()
        for place in [place for place, each in self._held.items() if each.ends <= now]:
            del self._held[place]
            self._waiting.pop(place, None)
        nameless = sum(each.subscriber == _NOBODY for each in self._held.values())
        return len(self._held) - nameless, nameless

    def _subscriber(self, value: bytes) -> bytes:
        named = normalized(value, self._steps)
        return fingerprint(self._key, identity_input(IdentityKind.SUBSCRIBER, named)) if named else _NOBODY

    def _session(self, place: Place) -> bytes:
        text = self._nas + place[0] + bytes([place[1]])
        return fingerprint(self._key, identity_input(IdentityKind.SESSION, text))

    def _put(self, place: Place, now: float) -> bool:
        """Hand over a lease that is held. False: there was no room, and it waits."""
        held = self._held[place]
        left = held.ends - now
        taken = self._sink.put(
            [(*place, None)],
            subscriber=held.subscriber,
            session=self._session(place),
            nas=self._nas,
            source=SessionSource.LEASE,
            stamp=held.stamp,
            lasts=LONGEST if left == NEVER else max(1, min(LONGEST, round(left))),
            kind=START,
        )
        if taken:
            self._waiting.pop(place, None)
        else:
            self._waiting[place] = None
        return taken

    def _end(self, place: Place, stamp: float) -> None:
        """End the session of an address, whoever had it. A Stop ends its session whatever its stamp. It is
        stamped early: servers write whole seconds, and the next lease may begin in this one, or its line be
        written somewhat later."""
        self._held.pop(place, None)
        self._waiting.pop(place, None)
        self._sink.put(
            [],
            subscriber=_NOBODY,
            session=self._session(place),
            nas=self._nas,
            source=SessionSource.LEASE,
            stamp=stamp - _EARLY,
            lasts=0,
            kind=STOP,
        )


def _last(leases: Iterable[Lease]) -> dict[Place, Lease]:
    """The last statement on each address."""
    return {(each.address, each.length): each for each in leases}

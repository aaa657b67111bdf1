"""The resolver's check of itself: it asks each thread of the fast path over UDP, and the event loop over TCP.

Each turn reads the answers to the queries of the turn before, judges, and asks again. It asks at one served
address after the other; a thread that owes an answer is asked at all of them. Self-queries are answered
before anything that could refuse them, and are counted apart.
"""

from __future__ import annotations

import itertools
from collections import Counter

from filterd.dataplane.fast.selfquery import SelfQueries
from filterd.dataplane.listeners.fast_threads import FastPath
from filterd.dataplane.listeners.listen_addresses import ListenAddresses, ListenObserver, SelfQueryTarget
from filterd.dataplane.listeners.self_connections import SelfConnections
from filterd.dataplane.listeners.selfquery_sockets import TcpAsker, UdpAsker
from filterd.dataplane.listeners.silence import Silence
from filterd.dataplane.listeners.tcp import TcpService
from filterd.dataplane.listeners.thread_liveness import PERIOD, STUCK_SECONDS, Signs, ThreadLiveness

UNHEARD_SECONDS = 30.0
"""after which we report that no self-query has come through"""
_REMEDY = "none: the resolver is ended and started again; report the fault, with this log"


class SelfCheck:
    """Owned by the event loop, which calls :meth:`turn` every ``PERIOD``; any thread may read the rest."""

    def __init__(
        self,
        addresses: ListenAddresses,
        fast: FastPath,
        service: TcpService,
        observer: ListenObserver,
        key: bytes,
    ) -> None:
        """``key``: 16 secret bytes. To be made before the threads start."""
        fast.know_itself(key)
        service.self_connections = SelfConnections(key)
        self._addresses = addresses
        self._fast = fast
        self._service = service
        self._observer = observer
        self._queries = SelfQueries(key)
        self._number = itertools.count(1).__next__
        self._liveness = [ThreadLiveness() for _ in range(len(fast))]
        self._udp_askers: dict[int, UdpAsker] = {}
        self._turn = 0
        self._asked: set[int] = set()
        self._owing: set[int] = set()
        self._before = [(0, 0)] * len(fast)
        self._lost: dict[int, list[int | None]] = {}
        self._tcp_asker = TcpAsker(service.self_connections, self._queries)
        self._tcp = TcpLiveness()
        self._unheard = Silence(PERIOD)
        self._told_unheard = False
        self.counts: Counter[tuple[str, str]] = Counter()
        """``(path, outcome)`` -> the number of checks of a thread, or of TCP, with that outcome"""

    @property
    def lives(self) -> bool:
        """Return whether every thread has given a sign of life, and neither a thread nor TCP is stuck."""
        return all(thread.lives for thread in self._liveness) and not self.troubles()

    @property
    def settled(self) -> bool:
        """Return whether every thread has answered a self-query."""
        return all(thread.heard for thread in self._liveness)

    @property
    def threads_stuck(self) -> int:
        """The number of threads that are stuck."""
        return sum(thread.stuck for thread in self._liveness)

    def troubles(self) -> list[str]:
        """A sentence for each part that is stuck."""
        stuck = [f"thread fast-{number} is stuck" for number, each in enumerate(self._liveness) if each.stuck]
        return [*stuck, "TCP is stuck"] if self._tcp.stuck else stuck

    def turn(self, now: float) -> None:
        """Read answers, judge, and ask. ``now``: seconds of a clock that does not go back."""
        targets = [target for target in self._addresses.self_query_targets() if target is not None]
        self._keep_udp_askers(targets)
        answered = set[int]().union(*(asker.collect() for asker in self._udp_askers.values()))
        self._judge(answered, now)
        self._judge_tcp(now)
        self._ask(targets)
        self._tell_unheard(bool(targets), now)

    def close(self) -> None:
        """Close every socket."""
        for asker in self._udp_askers.values():
            asker.close()
        self._udp_askers.clear()
        self._tcp_asker.close()

    def _keep_udp_askers(self, targets: list[SelfQueryTarget]) -> None:
        """Have one asker for each address that is served now."""
        served = {id(target.udp): target for target in targets}
        for gone in self._udp_askers.keys() - served.keys():
            self._udp_askers.pop(gone).close()
        for key, target in served.items():
            asker = self._udp_askers.setdefault(key, UdpAsker(target, self._queries))
            asker.target = target  # the senders of PROXY headers may have changed

    def _judge(self, answered: set[int], now: float) -> None:
        crowded = self._crowded()
        for number, (thread, counts) in enumerate(zip(self._liveness, self._fast.counts(), strict=True)):
            turns, datagrams = self._before[number]
            self._before[number] = counts.turns, counts.datagrams
            signs = Signs(
                asked=number in self._asked,
                answered=number in answered,
                turned=counts.turns != turns,
                crowded=number in crowded and counts.datagrams != datagrams,
            )
            self._count("fast", signs)
            was_stuck = thread.stuck
            thread.judge(signs, now)
            if thread.stuck != was_stuck:
                self._tell(f"fast-{number}", stuck=thread.stuck)
        self._owing = self._asked - answered

    def _judge_tcp(self, now: float) -> None:
        was_stuck = self._tcp.stuck
        signs = self._tcp.judge(self._tcp_asker.collect(), self._service.activity, now)
        self._count("tcp", signs)
        if self._tcp.stuck != was_stuck:
            self._tell("tcp", stuck=self._tcp.stuck)

    def _crowded(self) -> set[int]:
        """The threads whose sockets lost datagrams since the last turn, or may have lost some."""
        found: set[int] = set()
        before, self._lost = self._lost, {}
        for key, asker in self._udp_askers.items():
            lost = self._lost[key] = asker.target.udp.lost()
            for number, (then, now) in enumerate(zip(before.get(key, lost), lost, strict=True)):
                if now is None or now != then:
                    found.add(number)
        return found

    def _ask(self, targets: list[SelfQueryTarget]) -> None:
        self._turn += 1
        askers = list(self._udp_askers.values())
        first = self._turn % len(askers) if askers else 0
        askers = askers[first:] + askers[:first]
        self._asked = set()
        for asker in askers:
            left = set(range(len(self._liveness))) - self._asked
            self._asked |= asker.ask(left | self._owing, self._number)
        for asker in askers[:1]:
            asker.explore(len(self._liveness) - len(asker.found), self._number)
        self._tcp.asked = self._tcp_asker.ask(targets, self._number)

    def _count(self, path: str, signs: Signs) -> None:
        if signs.answered:
            outcome = "answered"
        elif not signs.asked:
            return
        else:
            outcome = "crowded_out" if signs.crowded else "unanswered"
        self.counts[path, outcome] += 1

    def _tell(self, part: str, *, stuck: bool) -> None:
        if stuck:
            event = "a part that answers clients is stuck"
            self._observer.note(event, part=part, seconds=STUCK_SECONDS, remedy=_REMEDY)
        else:
            self._observer.note("a part that was stuck answers again", part=part)

    def _tell_unheard(self, served: bool, now: float) -> None:
        """Report once that self-queries do not come through, though the threads are at work."""
        if self.settled or not served or self._told_unheard:
            self._unheard.heard()
        elif self._unheard.advance(now) >= UNHEARD_SECONDS:
            self._told_unheard = True
            event = "self-queries do not come through: threads are watched by their turns alone"
            self._observer.note(event, remedy="let UDP from this machine to its own listen addresses pass")


class TcpLiveness:
    """Judges whether TCP works: by an answer, or by any activity of clients' connections, since under a flood
    of those our own connection may have to wait."""

    def __init__(self) -> None:
        self.stuck = False
        self.asked = False
        """a query was sent in the last turn; without one nothing can be said"""
        self._activity = 0
        self._silence = Silence(PERIOD)

    def judge(self, answered: bool, activity: int, now: float) -> Signs:
        """Judge anew. ``activity``: a count that grows with every event of a client's connection."""
        moved, self._activity = activity != self._activity, activity
        self._silence.advance(now)
        if answered or moved or not self.asked:
            self._silence.heard()
        self.stuck = self._silence.seconds >= STUCK_SECONDS
        return Signs(self.asked, answered, turned=True, crowded=moved)

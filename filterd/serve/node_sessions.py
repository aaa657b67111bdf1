"""Sessions in the resolver: the thread that follows them, and the rules by which lines are recognised.

Whatever the thread loads goes to the stages of a query at once; so do the settings on pools, trusted senders
and shared addresses, at the start and with a reload.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial

from filterd.config.settings import Settings
from filterd.dataplane.nodestate.bindings import KnownBindings
from filterd.dataplane.nodestate.node_types import NodeObserver
from filterd.dataplane.nodestate.session_follower import SessionFollower, SessionPaths, SessionsInForce
from filterd.dataplane.nodestate.unread import UnreadChanges
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables, IdentityRules, SessionTables, UnreadLines
from filterd.disk.session_place import LIVE, were_used
from filterd.serve.wiring import SystemClock, prefixes, read_sessions

SOCKET = "sessions.sock"
"""the stream's socket in ``state_dir``"""
LOADING_SECONDS = 2.0
"""how long a start waits for sessions, in silence: clients ask again, while they would take SERVFAIL for an
answer, and fronts keep it; longer, and those who are known otherwise would wait for nothing"""


def bound_tables(bindings: KnownBindings) -> BindingTables:
    """The tables of the bindings as the stages of a query take them."""
    return BindingTables(bindings.addresses, bindings.ports, bindings.identities)


def unread_lines(unread: UnreadChanges | None) -> UnreadLines | None:
    """The lines with unread changes as the stages of a query take them."""
    if unread is None:
        return None
    return UnreadLines(unread.lines, unread.highest, bound_tables(unread.bindings))


def identity_rules(settings: Settings) -> IdentityRules:
    """The settings by which lines are recognised, as the stages of a query take them."""
    dns, pools = settings.dns, settings.accounting.pools
    return IdentityRules(
        pools=prefixes(pools) if pools else None,
        edns_id_from=prefixes(dns.edns_id_from) if dns.edns_id_from else None,
        proxy_id_tlv=dns.proxy_id_tlv or 0,
        shared=dns.shared_addresses,
        maps=dns.map_rules,
    )


def names_sources(settings: Settings) -> bool:
    """True if the settings name a source of sessions."""
    return settings.accounting.radius is not None or bool(settings.accounting.leases)


class NodeSessions:
    """The follower of sessions with its thread. All but the thread's work belongs to the event loop."""

    def __init__(self, settings: Settings, plane: Plane, observer: NodeObserver, clock: SystemClock) -> None:
        """Gives the stages their rules; sessions count as not loaded until :meth:`start` has loaded them."""
        self._plane = plane
        plane.use_identity_rules(identity_rules(settings))
        state_dir = settings.state_dir
        self.follower = SessionFollower(
            SessionPaths(state_dir / SOCKET, partial(read_sessions, state_dir, clock)),
            self._publish,
            observer,
            clock.ticks,
            used=(state_dir / LIVE).exists() or were_used(state_dir),
            configured=names_sources(settings),
        )
        self._thread = threading.Thread(target=self.follower.run, name="sessions", daemon=True)

    @property
    def caught_up(self) -> bool:
        """True if lines are known by session, as far as they can be: a predecessor may leave."""
        return self.follower.begun.is_set() and self.follower.ready

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    async def loaded(self) -> None:
        """Wait until a first attempt to load sessions has ended, LOADING_SECONDS at most; no time where they
        are not used."""
        if self.follower.used:
            await asyncio.to_thread(self.follower.begun.wait, LOADING_SECONDS)

    def stop(self) -> None:
        """End the thread; what it has stays in force."""
        self.follower.stop()
        if self._thread.is_alive():
            self._thread.join()

    def change(self, settings: Settings) -> None:
        """Take over settings that can change while serving."""
        self._plane.use_identity_rules(identity_rules(settings))
        self.follower.use(configured=names_sources(settings))

    def _publish(self, sessions: SessionsInForce) -> None:
        known = sessions.known
        self._plane.use_sessions(
            SessionTables(known.addresses, known.ports, ready=sessions.ready, used=sessions.used)
        )

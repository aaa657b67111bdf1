"""Says whose line a query is, and how that is known, in the order of trust of the stage identify.

An identity that a trusted sender adds comes first, then a session of the client's address and port, then a
static binding (``model.identity.Method``); whatever leads to no line falls through to the next. Control has
the sessions. Where it does not run they are unknown, which is said, and the bindings are gone through.

Nothing is kept of whom somebody looked up, but that somebody did: where a session led to the line, the audit
trail has an entry under the line's number, without the address.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.settings import DnsSettings, Settings
from filterd.dataplane.packet.translate import SharedAddresses
from filterd.model.bound import PortsBound, parse_bound
from filterd.model.identity import IdentityKind, Method
from filterd.model.line import LineChoices
from filterd.model.session import Session
from filterd.model.subscriber import Subscriber
from filterd.operations import input_values, lines, selection
from filterd.operations.asking import ask
from filterd.operations.context import Context, OperationError
from filterd.operations.selection import Network
from filterd.operations.sessions import protocol
from filterd.operations.sessions.commands import ABSENT, CONTROL, SILENT
from filterd.operations.trusted_senders import without_sender
from filterd.store import bindings
from filterd.store import subscribers as subscriber_rows

NAMED = "subscriber"
"""the method of a check that names the subscriber"""
REFUSED = "refused"
"""the method of a client outside of ``dns.allow_from``, whatever its line"""
LIVE = "sessions/live"
"""the file of sessions in ``state_dir``"""

Address = IPv4Address | IPv6Address
SessionSource = Callable[[Address, int], Awaitable[Session | None]]
"""takes an address and a port (0: none), and returns the session that has it. Raises ContestedError where two
lines claim it, OperationError where nobody can tell"""


@dataclass(frozen=True, slots=True)
class QueryClient:
    """The client of a query, as somebody asks about it. Both parts may be given, or one."""

    address: str = ""
    port: int = 0
    """0: it is not known"""
    identity: str = ""
    """an identity that a trusted sender adds, like ``cpe:TEXT``"""

    @classmethod
    def of(cls, text: str, port: int = 0, identity: str = "") -> QueryClient:
        """The client in ``ADDRESS``, or with its port as :func:`input_values.client` has it. Raises
        OperationError."""
        address, typed = input_values.client(text) if text else ("", 0)
        if port and typed:
            message = f"two ports: {typed} in {text[:64]!r}, and {port}"
            raise OperationError(message, "give the port once: behind the address, or with --port")
        return cls(address, port or typed, identity)


@dataclass(frozen=True, slots=True)
class Identity:
    """The subscriber whose query it is, and how that is known."""

    method: str
    """:data:`NAMED`, a ``Method``, or :data:`REFUSED`"""
    choices: LineChoices | None = None
    subscriber: str = ""
    bound: str = ""
    """the binding that led to the line"""
    session: Session | None = None
    """the session that did"""
    age: float = 0.0
    """seconds since it was confirmed"""
    inside: str = ""
    """the address that the client's own was translated to, by a rule for addresses that lines share"""
    remarks: tuple[str, ...] = ()
    """the reasons why a node may know more, or trusts less"""


def at(identity: Identity, moment: int, now: float) -> Identity:
    """The same at a moment to come: without the own names that will have ended. At present a node has those
    that the store has."""
    if identity.choices is None or moment <= now:
        return identity
    kept = tuple(each for each in identity.choices.own_names if not each.ended(moment))
    return replace(identity, choices=replace(identity.choices, own_names=kept))


@dataclass(frozen=True, slots=True)
class Place:
    """The places at which a client is looked up."""

    client: Network
    port: int
    address: Network | None
    """by address alone: the client's own, or the inside one; None: nothing is known by it"""

    @property
    def translated(self) -> bool:
        """True if a rule for shared addresses covers the client."""
        return self.address != self.client

    @property
    def inside(self) -> str:
        """The address that it was translated to."""
        return str(self.address.network_address) if self.translated and self.address else ""


def place_of(settings: Settings, client: QueryClient) -> Place | None:
    """The places of a client; None: no address was given. Raises OperationError."""
    if not client.address:
        return None
    network = selection.address(client.address)
    dns = settings.dns
    if not (dns.shared_addresses or dns.map_rules):
        return Place(network, client.port, network)
    rules = SharedAddresses(secrets.token_bytes(16), dns.shared_addresses, dns.map_rules)
    own = _wide(network)
    found = rules.translate(own, client.port)
    if found is None or found == own:
        return Place(network, client.port, network if found else None)
    return Place(network, client.port, selection.address(str(IPv6Address(found))))


def _wide(network: Network) -> bytes:
    """The 16 bytes of an address; IPv4 stands as ``::ffff:a.b.c.d``."""
    packed = network.network_address.packed
    return packed if network.version == 6 else IPv6Address(f"::ffff:{network.network_address}").packed


def in_use(settings: Settings) -> bool:
    """True if there may be sessions here."""
    accounting = settings.accounting
    told = accounting.radius is not None or bool(accounting.leases)
    return told or (settings.state_dir / LIVE).exists()


class ContestedError(OperationError):
    """Two lines claim an address, so that control gives it to nobody."""


def source_of(context: Context) -> SessionSource:
    """The sessions that the running control has."""

    async def find(address: Address, port: int) -> Session | None:
        line = protocol.show_line(address=str(address), port=port)
        found = await ask(
            context.settings.state_dir,
            line,
            protocol.address_of,
            silent=SILENT,
            absent=ABSENT,
            role=CONTROL,
        )
        if found.ambiguous:
            message = f"{address} {protocol.AMBIGUOUS}"
            raise ContestedError(message, protocol.CONTESTED)
        return found.sessions[0] if found.sessions else None

    return find


@dataclass(frozen=True, slots=True)
class FoundSessions:
    """The sessions of a client, the one of its port first; ``remarks`` say why nobody can tell, or whose the
    address is not."""

    sessions: tuple[Session, ...] = ()
    remarks: tuple[str, ...] = ()
    at: float = 0.0
    """when they were asked for"""


NO_SESSIONS = FoundSessions()


async def sessions_at(context: Context, place: Place | None, find: SessionSource) -> FoundSessions:
    """Ask for the sessions of a client, where there may be any."""
    settings = context.settings
    if place is None or not in_use(settings):
        return NO_SESSIONS
    client = place.client.network_address
    if not any(client in each for each in settings.dns.allow_from):
        return NO_SESSIONS
    found: list[Session] = []
    remarks: list[str] = []
    asked = [(client, place.port)]
    if place.translated and place.address is not None:
        asked.append((place.address.network_address, 0))
    try:
        for address, port in asked:
            try:
                session = await find(address, port)
            except ContestedError as error:
                remarks.append(f"{error}; {error.remedy}")
                continue
            by_port_alone = place.translated and address == client
            if session is not None and (not by_port_alone or _has_port(session, place)):
                found.append(session)
    except OperationError as error:
        unknown = f"sessions are unknown: {error}; {error.remedy}; a node may know this client's line better"
        return FoundSessions(remarks=(unknown,))
    return FoundSessions(tuple(found), tuple(remarks), context.clock())


def _has_port(session: Session, place: Place) -> bool:
    """True if it is by its port that the session has the client."""
    bounds = (parse_bound(each) for each in session.addresses)
    ranges = [each for each in bounds if isinstance(each, PortsBound)]
    return any(
        each.address == place.client.network_address and each.first <= place.port <= each.last
        for each in ranges
    )


async def identify(
    connection: AsyncConnection,
    settings: Settings,
    client: QueryClient,
    place: Place | None,
    known: FoundSessions,
) -> Identity:
    """The line of a client's query."""
    if place is not None and not any(
        place.client.network_address in each for each in settings.dns.allow_from
    ):
        return Identity(REFUSED)
    remarks: list[str] = []
    if client.identity:
        found = await _by_identity(connection, settings.dns, client.identity, remarks)
        if found is not None:
            return found
    inside = "" if place is None else place.inside
    if place is not None:
        remarks += await _of_the_port(connection, place)
    remarks += known.remarks
    for session in known.sessions:
        subscriber = await subscriber_rows.find_line(connection, session.line) if session.line else None
        if subscriber is not None:
            age = max(0.0, known.at - session.confirmed_at)
            found = Identity(Method.SESSION, subscriber.choices, subscriber.id, inside=inside)
            return replace(found, session=session, age=age)
    if place is not None:
        for bound, line in await _bindings(connection, place):
            subscriber = await subscriber_rows.find_line(connection, line)
            if subscriber is not None:
                return _identity(Method.BINDING, subscriber, bound=bound, inside=inside, remarks=remarks)
    return Identity(Method.UNKNOWN, inside=inside, remarks=tuple(remarks))


def _identity(
    method: Method,
    subscriber: Subscriber,
    *,
    bound: str,
    inside: str = "",
    remarks: Sequence[str] = (),
) -> Identity:
    found = Identity(method, subscriber.choices, subscriber.id, bound, inside=inside)
    return replace(found, remarks=tuple(remarks))


async def _by_identity(
    connection: AsyncConnection, dns: DnsSettings, text: str, remarks: list[str]
) -> Identity | None:
    """The line that an identity is bound to, if anybody is trusted to add it."""
    bound = input_values.identity(text)
    by_proxy = bound.kind is IdentityKind.TLV
    if nobody := without_sender(dns, bound):
        remarks.append(f"the identity is not believed: {nobody}")
        return None
    line = (await bindings.owners(connection, (str(bound),))).get(str(bound))
    found = None if line is None else await subscriber_rows.find_line(connection, line)
    if found is None:
        return None
    return _identity(Method.PROXY_ID if by_proxy else Method.EDNS_ID, found, bound=str(bound))


async def _of_the_port(connection: AsyncConnection, place: Place) -> list[str]:
    """The reasons why a client's port matters, where it is not given or nobody's."""
    client = place.client.network_address
    give = f"give its port: --client {client}:PORT"
    if place.port == 0 and place.translated:
        return [f"{client} is shared by a rule of dns.shared_addresses or dns.map_rules; {give}"]
    if place.port == 0 and await bindings.of_ports(connection, (str(client),)):
        return [f"ports of {client} are bound to lines; {give}"]
    if place.address is None:
        return ["the port is outside of what dns.shared_addresses and dns.map_rules give to lines"]
    return []


async def _bindings(connection: AsyncConnection, place: Place) -> list[tuple[str, int]]:
    """The bindings of a client, the one that decides first."""
    if not place.translated:
        return await selection.covering(connection, place.client, place.port)
    own = await selection.covering(connection, place.client, place.port)
    ports = [each for each in own if isinstance(parse_bound(each[0]), PortsBound)]
    return ports + ([] if place.address is None else await selection.covering(connection, place.address))


async def record(context: Context, identity: Identity) -> None:
    """Write that somebody looked up the line of a session into the audit trail, without the address."""
    if identity.session is None:
        return
    async with context.store.write(context.actor, context.clock()) as write:
        write.audit("session.show", lines.subject(identity.session.line))

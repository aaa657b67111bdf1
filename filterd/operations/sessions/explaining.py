"""Says what an accounting packet would do here, step by step. Nothing is changed by it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from filterd.accounting.explain import ExplainedPacket, PacketProblem, explain_packet
from filterd.config.accounting_settings import RadiusClientSettings, RadiusSettings, Timestamps
from filterd.config.value_types import AttributeName, attribute_of
from filterd.disk.given_file import GivenFile
from filterd.model.subscriber import Subscriber
from filterd.operations.context import Context, OperationError
from filterd.operations.sessions.packet_file import LARGEST_FILE, packet_in
from filterd.operations.sessions.secrets import SecretFileError, read_secrets
from filterd.store import subscribers

CLOCK_AGREES = 5.0
"""seconds by which the clock of a NAS may differ and be right"""
DAY = 86_400.0
LINE = AttributeName("User-Name")
"""names the line where nothing is configured"""

KnownSecret = tuple[bytes, Path, int]
"""a secret, its file, and its line there"""


@dataclass(frozen=True, slots=True)
class ExplainedSession:
    """A packet, the client that it is from, and the line that it leads to."""

    packet: ExplainedPacket
    sender: str | None
    """None: the file does not say, and nobody else did"""
    client: str | None
    """the prefix in ``accounting.radius.clients`` that covers the sender"""
    line: int | None
    """of the subscriber that the packet names; None: nobody has registered it"""
    opted_in: bool
    arrived_at: float | None
    """Unix seconds of its arrival where it was captured; None: the file does not say"""
    behind: float | None
    """seconds from the time that it tells of until it arrived, less Acct-Delay-Time: by so much the clock of
    the NAS is behind ours, if the packet came at once. Negative: ahead. None: it cannot be told"""
    problems: tuple[PacketProblem, ...]
    verdict: str


async def explain(context: Context, file: GivenFile, sender: str = "") -> ExplainedSession:
    """Explain the packet in a file. ``sender``: where it came from; empty: what the file says."""
    with file.open("rb") as opened:
        return await explain_content(context, opened.read(LARGEST_FILE), sender)


async def explain_content(context: Context, content: bytes, sender: str = "") -> ExplainedSession:
    """Explain the packet in the content of a file, as :func:`explain` does."""
    found = packet_in(content)
    address = _address(sender) if sender else found.sender
    radius = context.settings.accounting.radius
    clients = () if radius is None else _clients_of(radius, address)
    secrets, problems = _secrets(clients)
    problems += _of_the_sender(radius, address, clients)
    own = clients[0].networks if address is not None and clients else ()
    packet = explain_packet(
        found.packet,
        [text for text, _, _ in secrets],
        attribute_of(LINE if radius is None else radius.line),
        () if radius is None else [each.value for each in radius.normalize],
        sent=bool(clients) and clients[0].timestamps == Timestamps.SENT,
        networks=own or context.settings.accounting.pools,
    )
    problems += _of_the_secret(packet, secrets)
    subscriber = await _subscriber(context, packet.line)
    behind = _behind(packet, found.arrived_at)
    problems += [*packet.problems, *_of_the_clock(behind), *_of_the_subscriber(packet, subscriber)]
    return ExplainedSession(
        packet=packet,
        sender=None if address is None else str(address),
        client=str(clients[0].prefix) if address is not None and clients else None,
        line=None if subscriber is None else subscriber.line,
        opted_in=subscriber is not None and subscriber.choices.opted_in,
        arrived_at=found.arrived_at,
        behind=behind,
        problems=tuple(problems),
        verdict=_verdict(packet, subscriber, problems),
    )


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError as error:
        message = f"not an address: {text[:64]!r}"
        raise OperationError(message, "give the sender's address: --from 192.0.2.50") from error


def _clients_of(
    radius: RadiusSettings, sender: IPv4Address | IPv6Address | None
) -> tuple[RadiusClientSettings, ...]:
    """The client that the sender is; all of them where nobody knows."""
    if sender is None:
        return radius.clients
    covering = [each for each in radius.clients if sender in each.prefix]
    return tuple(sorted(covering, key=lambda each: -each.prefix.prefixlen)[:1])


def _secrets(clients: tuple[RadiusClientSettings, ...]) -> tuple[list[KnownSecret], list[PacketProblem]]:
    secrets: list[KnownSecret] = []
    problems: list[PacketProblem] = []
    for each in dict.fromkeys(client.secret_file for client in clients):
        try:
            secrets += [(text, each, line) for line, text in enumerate(read_secrets(each), 1)]
        except SecretFileError as error:
            text = f"a secret cannot be read: {error}"
            problems.append(
                PacketProblem(text, "mend the file; control reads it again by itself", stops=True)
            )
    return secrets, problems


def _of_the_secret(packet: ExplainedPacket, secrets: list[KnownSecret]) -> list[PacketProblem]:
    if packet.secret is None or secrets[packet.secret][2] == 1:
        return []
    text = f"the second line of {secrets[packet.secret][1]} proves it, not the first"
    remedy = "give the sender the secret of the first line; once all have it, take the second line out"
    return [PacketProblem(text, remedy, stops=False)]


def _of_the_sender(
    radius: RadiusSettings | None,
    sender: IPv4Address | IPv6Address | None,
    clients: tuple[RadiusClientSettings, ...],
) -> list[PacketProblem]:
    if radius is None:
        remedy = "add accounting.radius to the configuration; filterd config schema describes it"
        return [PacketProblem("RADIUS accounting is not configured: nothing listens", remedy, stops=True)]
    if sender is None:
        remedy = "to see which client it is: --from ADDRESS; all configured secrets were tried"
        return [PacketProblem("the sender is not known", remedy, stops=False)]
    if not clients:
        remedy = "add it to accounting.radius.clients with its secret; until then its packets are dropped"
        return [PacketProblem(f"{sender} is no client", remedy, stops=True)]
    return []


def _behind(packet: ExplainedPacket, arrived_at: float | None) -> float | None:
    if packet.happened_at is None or arrived_at is None:
        return None
    return round(arrived_at - packet.delay - packet.happened_at, 3)


def _of_the_clock(behind: float | None) -> list[PacketProblem]:
    """The problem of a NAS whose clock seems to be wrong."""
    if behind is None or abs(behind) <= CLOCK_AGREES:
        return []
    where = f"{abs(behind):.0f} s {'behind' if behind > 0 else 'ahead of'} ours"
    if behind > DAY:
        text = f"the time in it is {where}, more than a day: such a packet tells nothing"
        return [PacketProblem(text, "set the clock of the NAS: NTP on the NAS", stops=True)]
    text = f"the clock of the NAS is {where}, unless the packet was so long on its way without saying so"
    if behind < 0:
        text = f"the clock of the NAS is {where}: the packet counts as sent on arrival, less Acct-Delay-Time"
    remedy = (
        "NTP on the NAS; filterd measures the difference and corrects by it, once two packets have shown it"
    )
    return [PacketProblem(text, remedy, stops=False)]


async def _subscriber(context: Context, identifier: str | None) -> Subscriber | None:
    if identifier is None:
        return None
    async with context.store.read() as connection:
        return await subscribers.find(connection, identifier)


def _of_the_subscriber(packet: ExplainedPacket, subscriber: Subscriber | None) -> list[PacketProblem]:
    if packet.line is None or subscriber is not None:
        return []
    text = f"nobody has registered the subscriber {packet.line!r}: its clients are no line"
    remedy = "register it: filterd subscriber add ID; or see accounting.radius.line and normalize"
    return [PacketProblem(text, remedy, stops=False)]


def _verdict(packet: ExplainedPacket, subscriber: Subscriber | None, problems: list[PacketProblem]) -> str:
    if any(each.stops for each in problems):
        return "the packet is dropped; nothing changes"
    if not packet.tells:
        return "the packet is answered; nothing changes"
    if packet.status in ("Accounting-On", "Accounting-Off"):
        return f"every session of {packet.nas or 'the sender'} ends"
    if packet.status == "Stop" or packet.code == "Disconnect-Request":
        return "the session ends; its addresses are nobody's"
    if packet.line is None:
        return "a session that is known is confirmed; one that is not stays unknown"
    whose = "nobody's line yet" if subscriber is None else f"line {subscriber.line}"
    return f"{', '.join(packet.addresses) or 'the known addresses of the session'}: {whose}"

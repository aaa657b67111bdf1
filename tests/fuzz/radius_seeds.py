"""The seeds of the fuzz target ``radius``: senders, rules, and packets as devices send them.

An input is a byte that says which sender (the lowest two bits) and which rule (the next two) hold, a byte of
flags (1: both authenticators are filled in, 2: with the sender's second secret, 4: what stands behind the
packet is taken as padding), and the packet.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

from filterd.accounting.claimable import ClaimNetworks
from filterd.accounting.radius_types import LineRule, RadiusClient
from tests.worlds.radius_packets import plain, signed, vendor

SIGNED, SECOND, PADDED = 1, 2, 4
_ALL = ip_network("192.0.2.0/24")
_POOLS = (ip_network("100.64.0.0/16"), ip_network("2001:db8::/32"), ip_network("2001:db9:8000::/33"))
CLIENTS = (
    RadiusClient(_ALL, b"a shared secret"),
    RadiusClient(_ALL, b"new", second=b"the old one", authority=b"/etc/filterd/north", networks=_POOLS),
    RadiusClient(_ALL, bytes(range(1, 100)), sent=True, message_authenticator=True, networks=_POOLS[:1]),
    RadiusClient(_ALL, b"x", second=b"y", networks=(ip_network("::/0"),)),
)
RULES = (
    LineRule(0, 1, ("realm", "case")),
    LineRule(3561, 1),
    LineRule(0, 31, ("mac",)),
    LineRule(0, 123),
)
_ADDRESS = ip_address("100.64.0.9").packed
_PREFIX = b"\0\x38" + ip_address("2001:db8:a1:100::").packed[:7]
_NAS = (4, ip_address("10.0.0.1").packed)
_PROOF = (80, bytes(16))
MIKROTIK = [
    (6, b"\0\0\0\2"),
    (7, b"\0\0\0\1"),
    (5, b"\0\xf0\0\1"),
    (61, b"\0\0\0\x0f"),
    (1, b"ana"),
    (31, b"00:11:22:AA:BB:CC"),
    (30, b"servicio"),
    (87, b"ether2"),
    (44, b"81a00001"),
    (8, _ADDRESS),
    (45, b"\0\0\0\1"),
    (55, b"\x6a\xb1\0\0"),
    (32, b"torre-norte"),
    _NAS,
    (41, b"\0\0\0\0"),
    vendor(14988, 10, b"10M/10M"),
]
HUAWEI = [
    (1, b"ANA@isp"),
    (31, b"0011-22aa-bbcc"),
    (32, b"bras-huawei"),
    _NAS,
    (8, _ADDRESS),
    (123, _PREFIX),
    (97, b"\0\x40" + _PREFIX[2:] + b"\0"),
    (87, b"slot=1;subslot=0;port=1;vlanid=101;"),
    (44, b"BRAS-00010010110112a3b4c5d6"),
    (46, b"\0\0\1\0"),
    (55, b"\x6a\xb1\0\0"),
    vendor(3561, 1, b"OLT7 eth 0/3/1"),
    vendor(3561, 2, b"remoto-ana"),
    vendor(2011, 26, b"\0\0\0\1"),
]
FREERADIUS = [*HUAWEI[:6], (44, b"5f3a"), (41, b"\0\0\0\x20"), (33, b"123"), (33, b"proxy-2"), _PROOF]
LIES = [
    (8, ip_address("127.0.0.1").packed),
    (8, ip_address("169.254.1.1").packed),
    (8, b"\xff\xff\xff\xfe"),
    (168, ip_address("fe80::1").packed),
    (168, ip_address("::ffff:100.64.0.9").packed),
    (123, b"\0\x20" + _PREFIX[2:6]),
    (97, b"\0\x80"),
    (26, b"\0\0\x0d\xe9\1\1"),
]


def packets() -> Iterator[bytes]:
    """A packet of each kind."""
    for device in (MIKROTIK, HUAWEI, FREERADIUS):
        for status in (1, 2, 3, 7, 8, 15):
            yield plain(4, [(40, status.to_bytes(4)), *device])
        for code in (40, 43):
            yield plain(code, [each for each in device if each[0] in (1, 4, 32, 44, 8, 80)])
    yield plain(12, [_PROOF])
    yield plain(1, MIKROTIK[:5])
    for lie in LIES:
        yield plain(4, [(40, b"\0\0\0\3"), *MIKROTIK, lie, lie])
    yield plain(4, [(40, b"\0\0\0\3"), *[(8, bytes([100, 64, 0, at])) for at in range(20)]])


def seeds() -> dict[str, bytes]:
    """Name -> input: each packet of each sender, by each rule once."""
    found = {}
    for number, packet in enumerate(packets()):
        for who in range(len(CLIENTS)):
            how = SIGNED | (SECOND if number % 2 else 0)
            found[f"{number:02}-{who}"] = bytes([who | number % 4 << 2, how]) + packet
        found[f"{number:02}-padded"] = bytes([number % 16, SIGNED | PADDED]) + packet + b"padding"
        found[f"{number:02}-unsigned"] = bytes([number % 16, 0]) + packet
    return found


def unpacked(content: bytes) -> tuple[RadiusClient, LineRule, bytes]:
    """The sender, the rule and the packet of an input, signed as the target signs it."""
    who, how = (content + bytes(2))[:2]
    client, rule, packet = CLIENTS[who % len(CLIENTS)], RULES[(who >> 2) % len(RULES)], content[2:]
    length = int.from_bytes(packet[2:4])
    if how & SIGNED and 20 <= length <= len(packet):
        secret = client.second if how & SECOND and client.second else client.secret
        if packet[0] != 12:
            packet = packet[:4] + bytes(16) + packet[20:]
        packet = signed(packet[:length], secret) + packet[length:]
    return client, rule, packet


def write(folder: Path) -> None:
    """Write the seeds into a folder."""
    for name, content in seeds().items():
        (folder / name).write_bytes(content)


def clients() -> list[tuple[RadiusClient, tuple[tuple[bytes, int], ...]]]:
    """The senders, each with its networks as native code takes them."""
    return [(each, ClaimNetworks(each.networks).entries) for each in CLIENTS]

"""The world of the fuzz target ``packet``, and the form of its inputs.

An input is one byte that says how, two of the query's length, the query, and then what an upstream says to
whatever is asked of it: two bytes of flags, six of counts, records (the question is put in between, so that a
pointer to offset 12 is the asked name). ``how``: 1 TCP; 2 and 4 the client, 127.0.0.1 to .4; 8 the upstream
is silent; 16 it set AD; the top three bits how much time goes by.

:func:`replay` does in Python what the native target does, so that corpus and regressions are ordinary tests
where no libFuzzer is.
"""

from __future__ import annotations

from dataclasses import dataclass

from filterd.dataplane.addresses import Addresses, Prefixes
from filterd.dataplane.cache import ResponseCache
from filterd.dataplane.lines import Lines
from filterd.dataplane.packets import Packets, Pending
from filterd.model.mandatory import Mandate
from filterd.model.rule import BlockingMode, Scope
from filterd.model.verdict import Kind
from filterd.policy.classes import FIXED, Classes, ListClass
from filterd.policy.decide import LineHandle
from filterd.policy.resolve import ResolvedPolicy
from filterd.wire import codec
from filterd.wire.message import StrippedAnswer
from tests.policy_world import KEY, NOW, Placed, World

CLIENTS = tuple(bytes(10) + b"\xff\xff\x7f\0\0" + bytes([last]) for last in range(1, 5))
TCP, SILENT, AUTHENTIC = 1, 8, 16
ADULT, SEARCH = 8, 9
MOST_TURNS = 4
HEAD = 3


@dataclass(frozen=True)
class Rules:
    """Settings of the answers."""

    block_ttl: int = 30
    max_ttl_opted_in: int = 300
    ipv4: bytes | None = bytes([192, 0, 2, 80])
    ipv6: bytes | None = None
    identity: str = "resolver-1"
    keepalive: int = 100
    cookie_secrets: bytes = bytes(range(16))


CLASSES = Classes(
    (
        *FIXED,
        ListClass("adult", Kind.CATEGORY, ADULT, category="adult"),
        ListClass("search", Kind.SAFE_SEARCH, SEARCH, target="safe.example.net"),
    )
)
RULES = (
    Placed("banned.example", mandatory=256),
    Placed("192.0.2.99/32", mandatory=256),
    Placed("hidden.example", mandatory=257, scope=Scope.EXACT),
    Placed("adult.example", bit=ADULT),
    Placed("search.example", bit=SEARCH),
    Placed("192.0.2.66/32", bit=ADULT),
    Placed("2001:db8:66::/48", bit=ADULT),
    Placed("localhost", bit=0),
    Placed("onion", bit=2),
)
MANDATES = (Mandate(256, "1", BlockingMode.NXDOMAIN), Mandate(257, "2", BlockingMode.SINKHOLE))
POLICY = ResolvedPolicy("children", categories=1 << ADULT, safe_search=1 << SEARCH)


def served() -> Packets:
    """Ready, with orders, a line at 127.0.0.2 that opted in, and a small cache."""
    allowed = Prefixes(KEY, ["127.0.0.0/8", "::1/128"])
    packets = Packets(allowed, ResponseCache(1 << 20, KEY), Rules(), Prefixes(KEY, ["127.0.0.9/32"]))
    lines, addresses = Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(7, policy=1, opted_in=True))
    addresses.set(bytes([127, 0, 0, 2]), 32, 7)
    world = World(CLASSES, RULES, MANDATES, (ResolvedPolicy(), POLICY))
    packets.publish(world.native, lines, addresses, True)
    return packets


def packed(query: bytes, answer: bytes | None, how: int = 0) -> bytes:
    """The input for that query and an upstream's whole answer to it; None: it is silent."""
    rest = b""
    if answer is not None:
        found = codec.name_at(answer, 12)
        assert isinstance(found, tuple)
        rest = answer[2:4] + answer[6:12] + answer[found[1] + 4 :]
    return bytes([how | (SILENT if answer is None else 0)]) + len(query).to_bytes(2, "big") + query + rest


def _upstream_says(pending: Pending, query: bytes, how: int, rest: bytes) -> StrippedAnswer | None:
    if how & SILENT or len(rest) < 8:
        return None
    question = pending.name + pending.qtype.to_bytes(2, "big") + pending.qclass.to_bytes(2, "big")
    flags = bytes([rest[0] | 0x80, rest[1]])
    stripped = codec.strip((query[:2] + flags + b"\0\1" + rest[2:8] + question + rest[8:])[:65535])
    return stripped if isinstance(stripped, StrippedAnswer) else None


def replay(packets: Packets, content: bytes, ticks: int) -> list[bytes]:
    """What the exchange of an input, done twice, gives back."""
    if len(content) < HEAD:
        return []
    how, end = content[0], HEAD + int.from_bytes(content[1:3], "big")
    query, rest = content[HEAD:end], content[end:]
    client = CLIENTS[how >> 1 & 3]
    replies = []
    for _ in range(2):
        result = packets.receive(query, client, bool(how & TCP), NOW, ticks)
        turns = 0
        while isinstance(result, Pending):
            turns += 1
            assert turns <= MOST_TURNS
            said = _upstream_says(result, query, how, rest)
            message, edes = (None, ()) if said is None else (said.message, said.edes)
            result = packets.finish(result, message, bool(how & AUTHENTIC), edes, NOW, ticks)
        if result is not None:
            replies.append(result)
        ticks += 1 << 3 * (how >> 5)
    return replies

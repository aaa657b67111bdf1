"""The worst answers: those that have the most of something that a resolver looks at, one shape each.

Every shape makes a query and the answer that an upstream would give to it. Its last address, if any, is
LAST: an order on it is met when all else has been looked at. A new shape goes to the end of SHAPES: figures
of an older tree are told by their place.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from filterd.wire.names import name_from_text

A, CNAME, MX, TXT, AAAA, DNAME, RRSIG, HTTPS = 1, 5, 15, 16, 28, 39, 46, 65
LAST = bytes([198, 51, 100, 255])
"""the last address of an answer"""
WHOLE = 65_535
"""bytes that a message may have"""
LABELS = 127
"""of the longest name: each of one letter, with the root 255 bytes"""
CHAIN = 16
"""names of a chain that is followed"""
HOSTS = 50
"""names of 127 labels that pointers reach: they lead 16 KiB far"""
TTL = 86_400
UDP = 1232
_TO_QUESTION = b"\xc0\x0c"
_HEADER = 12
_SERVICE = b"\0\1\0"
"""priority 1 and the target that is the owner"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the answer of the upstream, in wire form."""

    query: bytes
    answer: bytes


Make = Callable[[int, str], Asked]
"""(how many of what it has, the first label of the name) -> question and answer"""


@dataclass(frozen=True, slots=True)
class Shape:
    """One row of the table. ``fixed``: it has ``most`` of what it is made of; else as many as an answer may
    have without being refused, at most ``most``."""

    name: str
    make: Make
    most: int
    fixed: bool = True
    tcp: bool = False


def ask(name: bytes, rtype: int, *, dnssec: bool = False) -> bytes:
    """A recursive query with EDNS for a name in wire form."""
    head = b"\0\0\1\0\0\1\0\0\0\0\0\1" + name + struct.pack(">HH", rtype, 1)
    return head + struct.pack(">BHHBBHH", 0, 41, UDP, 0, 0, 0x8000 if dnssec else 0, 0)


def record(owner: bytes, rtype: int, data: bytes) -> bytes:
    """One record of class IN."""
    return owner + struct.pack(">HHIH", rtype, 1, TTL, len(data)) + data


def answered(query: bytes, answer: Iterable[bytes], additional: Iterable[bytes] = ()) -> Asked:
    """The query with an answer of these records. ValueError: larger than a message may be."""
    question = query[_HEADER : query.index(b"\0", _HEADER) + 5]
    first, more = list(answer), list(additional)
    message = struct.pack(">HHHHHH", 0, 0x8180, 1, len(first), 0, len(more)) + question
    message += b"".join(first) + b"".join(more)
    if len(message) > WHOLE:
        text = f"an answer of {len(message)} bytes: a message has at most {WHOLE}"
        raise ValueError(text)
    return Asked(query, message)


def named(label: str) -> bytes:
    """An ordinary name."""
    return name_from_text(f"{label}.worst.example")


def longest(label: str, number: int = 0) -> bytes:
    """A name with as many labels as there can be; ``number``, below 26 ** 3, makes it another one."""
    letters = [chr(ord("a") + number // 26**place % 26) for place in range(3)]
    tail = [each.lower() for each in label if each.isalnum()]
    labels = [*letters, *tail]
    labels += ["x"] * (LABELS - len(labels))
    return b"".join(b"\1" + each.encode() for each in labels) + b"\0"


def _hints(count: int) -> bytes:
    """So many different IPv4 hints, the last of them LAST."""
    hints = b"".join(struct.pack(">I", 0xCB007100 + number) for number in range(count - 1)) + LAST
    return struct.pack(">HH", 4, len(hints)) + hints


def plain(_: int, label: str) -> Asked:
    """The most common answer: one address."""
    return answered(ask(named(label), A), [record(_TO_QUESTION, A, LAST)])


def hints(count: int, label: str) -> Asked:
    """One HTTPS record."""
    return answered(ask(named(label), HTTPS), [record(_TO_QUESTION, HTTPS, _SERVICE + _hints(count))])


def mapped_hints(count: int, label: str) -> Asked:
    """One HTTPS record with IPv6 hints that hold an IPv4 address each: two addresses to look at."""
    held = [*(struct.pack(">I", 0xCB007100 + each) for each in range(count - 1)), LAST]
    value = b"".join(bytes(10) + b"\xff\xff" + each for each in held)
    data = _SERVICE + struct.pack(">HH", 6, len(value)) + value
    return answered(ask(named(label), HTTPS), [record(_TO_QUESTION, HTTPS, data)])


def chain(count: int, label: str) -> Asked:
    """Aliases from one longest name to the next, and an address at the end."""
    names = [longest(label, number) for number in range(count)]
    aliases = [record(names[at], CNAME, names[at + 1]) for at in range(count - 1)]
    return answered(ask(names[0], A), [*aliases, record(names[-1], A, LAST)])


def reverse_chain(count: int, label: str) -> Asked:
    """Aliases between names of 34 labels, as those of IPv6 addresses, and an address at the end."""
    nibbles = b"\1a" * 30
    names = [
        b"\1" + b"%x" % number + bytes([len(label)]) + label.encode() + nibbles + b"\5chain\7example\0"
        for number in range(count)
    ]
    aliases = [record(names[at], CNAME, names[at + 1]) for at in range(count - 1)]
    return answered(ask(names[0], A), [*aliases, record(names[-1], A, LAST)])


def dnames(count: int, label: str) -> Asked:
    """DNAME records above the name, whose targets are one longest name, in two bytes each."""
    name = longest(label)
    query = ask(name, A)
    target = longest(label, 1)
    at = _HEADER + len(name) + 4 + len(name) + 10
    pointer = struct.pack(">H", 0xC000 | at)
    above = b"\xc0\x0e"
    records = [record(name, CNAME, target), *[record(above, DNAME, pointer) for _ in range(count)]]
    return answered(query, [*records, record(pointer, A, LAST)])


def services(count: int, label: str) -> Asked:
    """HTTPS records at one owner, each with a longest name of its own as target."""
    records = [record(_TO_QUESTION, HTTPS, b"\0\1" + longest(label, number)) for number in range(count - 1)]
    records.append(record(_TO_QUESTION, HTTPS, b"\0\1" + longest(label, count) + _hints(1)))
    return answered(ask(named(label), HTTPS), records)


def pointed_services(count: int, label: str) -> Asked:
    """The same, the targets compressed to two bytes, which RFC 9460 forbids and readers may take."""
    name = longest(label)
    records = [record(_TO_QUESTION, HTTPS, b"\0\1" + _TO_QUESTION) for _ in range(count - 1)]
    records.append(record(_TO_QUESTION, HTTPS, b"\0\1" + name[4:] + _hints(1)))
    return answered(ask(name, HTTPS), records)


def addresses(count: int, label: str) -> Asked:
    """A records at one owner."""
    some = [record(_TO_QUESTION, A, struct.pack(">I", 0xCB007100 + each)) for each in range(count - 1)]
    return answered(ask(named(label), A), [*some, record(_TO_QUESTION, A, LAST)])


def exchangers(count: int, label: str) -> Asked:
    """MX records with the address of each host in the additional section."""
    hosts = [name_from_text(f"h{number}.{label}.worst.example") for number in range(count)]
    answer = [record(_TO_QUESTION, MX, struct.pack(">H", at) + host) for at, host in enumerate(hosts)]
    more = [record(host, A, struct.pack(">I", 0xCB007100 + at)) for at, host in enumerate(hosts[:-1])]
    return answered(ask(named(label), MX), answer, [*more, record(hosts[-1], A, LAST)])


def additional(count: int, label: str) -> Asked:
    """Additional addresses of a few MX hosts with longest names, the owners in two bytes each."""
    query = ask(named(label), MX)
    hosts = [longest(label, number) for number in range(HOSTS)]
    answer = [record(_TO_QUESTION, MX, struct.pack(">H", at) + host) for at, host in enumerate(hosts)]
    first = query.index(b"\0", _HEADER) + 5 + 14
    size = len(answer[0])
    owners = [struct.pack(">H", 0xC000 | first + size * (at % HOSTS)) for at in range(count)]
    more = [record(each, A, struct.pack(">I", 0xCB007100 + at)) for at, each in enumerate(owners[:-1])]
    return answered(query, answer, [*more, record(owners[-1], A, LAST)])


def texts(count: int, label: str) -> Asked:
    """TXT records of 255 bytes with a signature, for who asks for it."""
    some = [record(_TO_QUESTION, TXT, b"\xfe" + struct.pack(">H", each) * 127) for each in range(count)]
    name = named(label)
    signature = struct.pack(">HBBIIIH", TXT, 8, 3, TTL, 2_000_000_000, 1_700_000_000, 1) + name + bytes(512)
    return answered(ask(name, TXT, dnssec=True), [*some, record(_TO_QUESTION, RRSIG, signature)])


def signatures(count: int, label: str) -> Asked:
    """One address with very many signatures."""
    name = named(label)
    data = struct.pack(">HBBIIIH", A, 8, 3, TTL, 2_000_000_000, 1_700_000_000, 1) + name + bytes(64)
    some = [record(_TO_QUESTION, RRSIG, data) for _ in range(count)]
    return answered(ask(name, A, dnssec=True), [record(_TO_QUESTION, A, LAST), *some])


def long_name(_: int, label: str) -> Asked:
    """One address at a longest name."""
    return answered(ask(longest(label), A), [record(_TO_QUESTION, A, LAST)])


SHAPES = (
    Shape("one address", plain, 1),
    Shape("one address, a name of 127 labels", long_name, 1),
    Shape("{} hints in one HTTPS record", hints, 16_000, fixed=False),
    Shape("{} hints in one HTTPS record", hints, 16_000),
    Shape("{} IPv6 hints that hold IPv4 addresses", mapped_hints, 4_000, fixed=False),
    Shape("a chain of {} names of 127 labels", chain, CHAIN),
    Shape("{} DNAMEs to a name of 127 labels", dnames, 4_000, fixed=False),
    Shape("{} services, targets of 127 labels", services, 240, fixed=False),
    Shape("{} services, such targets compressed", pointed_services, 4_000),
    Shape("{} A records: what fits UDP", addresses, 73),
    Shape("{} A records, cut over UDP", addresses, 4_000, fixed=False),
    Shape("{} A records, over TCP", addresses, 4_000, fixed=False, tcp=True),
    Shape("{} MX records with the hosts' addresses", exchangers, 128, fixed=False),
    Shape("{} additional addresses, owners of 127 labels", additional, 3_000, fixed=False),
    Shape("{} TXT records of 255 bytes, signed", texts, 230, fixed=False),
    Shape("{} signatures of one address", signatures, 550, fixed=False),
    Shape("a chain of {} names of 127 labels that passes", chain, CHAIN, fixed=False),
    Shape("a chain of {} names of 34 labels", reverse_chain, CHAIN),
)

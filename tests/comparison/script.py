"""The scripted upstream of the comparison: what a name has is derived from a hash of the name alone.

Each name has one shape (a plain set of records, an alias, a chain, a denial, an answer too large for a
datagram ...) and is asked in one way (type, EDNS, DO, CD, AD). So any number of names can be asked of any
number of resolvers, again and again, and each gets the same answers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from filterd.policy.special_names import LOCALHOST, RESOLVER_ARPA, REVERSE_ZONES, SPECIAL_USE_NAMES

SHAPES = {
    "plain": 82,
    "with-authority": 20,
    "alias": 20,
    "chain": 20,
    "alias-to-nothing": 8,
    "alias-without-type": 8,
    "nothing": 24,
    "without-type": 20,
    "signed": 16,
    "ttl-long": 8,
    "large": 6,
    "unknown-type": 6,
    "dname": 6,
    "ttl-zero": 4,
    "with-ede": 4,
    "servfail": 2,
    "refused": 2,
}
"""shape -> how many of 256 names have it"""
TYPES = ("A", "A", "A", "AAAA", "AAAA", "HTTPS", "MX", "TXT")
MANNERS = ("edns", "edns", "edns", "plain", "do", "do", "do+cd", "ad")
"""how a name asks: each as often as it stands here"""
LINKS = 3
"""the most aliases between the first one of a chain and its end"""
LARGE = 60
"""how many 200-byte texts a large answer has"""
TTL_LONG, TTL_LEAST = 1_000_000, 600
NEGATIVE_TTL = 300
HOST = dns.name.from_text("other.example.net.")
"""what DNAMEs lead to, and the name server of every zone"""
_ALIASES = {
    "alias": "end",
    "chain": "end",
    "link": "end",
    "alias-to-nothing": "nowhere",
    "alias-without-type": "untyped",
}
"""a shape that is an alias -> the label where it ends"""
_ENDS = {"end": "plain", "nowhere": "nothing", "untyped": "without-type"}
"""that label -> the shape of what is there"""
_LINKS = tuple(f"c{number}" for number in range(1, LINKS + 1))
FAILURES = {"servfail": dns.rcode.SERVFAIL, "refused": dns.rcode.REFUSED}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for one name of the list, and what shape its answer has."""

    name: dns.name.Name
    rtype: str
    form: str
    shape: str


@cache
def _hash(name: dns.name.Name) -> bytes:
    return hashlib.sha256(name.canonicalize().to_text().encode()).digest()


def _label(name: dns.name.Name) -> str:
    return name.labels[0].decode(errors="replace").lower()


def _parent(name: dns.name.Name) -> dns.name.Name:
    return name if name == dns.name.root else name.parent()


def _drawn(name: dns.name.Name) -> str:
    """The shape of a name of the list."""
    place = _hash(name)[0]
    for shape, share in SHAPES.items():
        if place < share:
            return shape
        place -= share
    msg = "the shares of SHAPES are 256 in all"
    raise AssertionError(msg)


@cache
def shape_of(name: dns.name.Name) -> str:
    """The shape of any name: those that aliases lead to have theirs by their first label."""
    label = _label(name)
    if label in _ENDS:
        return _ENDS[label]
    if label in _LINKS and _drawn(_parent(name)) == "chain":
        return "link"
    if label == "host" and _label(_parent(name)) == "tree":
        return "below-dname"
    return "plain" if name == HOST else _drawn(name)


def _local(text: str) -> bool:
    """True if resolvers answer the name by themselves (RFC 6761, 6303, 9462)."""
    zones = SPECIAL_USE_NAMES + REVERSE_ZONES + RESOLVER_ARPA + LOCALHOST
    return any(text == zone or text.endswith(f".{zone}") for zone in zones)


def question_of(text: str) -> Question:
    """What is asked for a name of the list."""
    name = dns.name.from_text(text)
    if _local(text):
        return Question(name, "A", "edns", "local")
    digest, shape = _hash(name), _drawn(name)
    rtype = TYPES[digest[1] % len(TYPES)]
    if shape == "unknown-type":
        rtype = "TYPE65280"
    elif shape == "large":
        rtype = "TXT"
    elif shape == "dname":
        name = dns.name.from_text("host.tree", name)
    return Question(name, rtype, MANNERS[digest[2] % len(MANNERS)], shape)


def ttl_of(name: dns.name.Name) -> int:
    """The TTL of everything that a name has."""
    shape = shape_of(name)
    if shape == "ttl-zero":
        return 0
    return TTL_LONG if shape == "ttl-long" else TTL_LEAST + int.from_bytes(_hash(name)[3:5], "big") % 7200


def _target(name: dns.name.Name, shape: str) -> dns.name.Name | None:
    """Where an alias leads: to ``end.NAME`` or, in a chain, first to ``c1.NAME`` and on; None: it is none."""
    if shape not in _ALIASES:
        return None
    first, step = (_parent(name), int(_label(name)[1:])) if shape == "link" else (name, 0)
    if shape in ("chain", "link") and step < 1 + _hash(first)[8] % LINKS:
        return dns.name.from_text(f"c{step + 1}", first)
    return dns.name.from_text(_ALIASES[shape], first)


def _values(name: dns.name.Name, rtype: str) -> list[str]:
    """The data of one type; nothing for a type that no name has."""
    digest = _hash(name)
    many = range(1 + digest[5] % 3)
    texts = {
        "A": [f"10.{digest[6]}.{digest[7]}.{number}" for number in many],
        "AAAA": [f"2001:db8:{digest[6]:x}:{digest[7]:x}::{number}" for number in many],
        "HTTPS": [f"1 . alpn=h2,h3 ipv4hint=10.{digest[6]}.{digest[7]}.1"],
        "MX": [f"{10 * number} mail{number}.example.net." for number in many],
        "TXT": [f'"text {number} of {digest[:4].hex()}"' for number in many],
        "TYPE65280": [r"\# 4 01020304"],
    }
    if rtype == "TXT" and shape_of(name) == "large":
        return [f'"{number:0200}"' for number in range(LARGE)]
    return texts.get(rtype, [])


def _signature(rrset: dns.rrset.RRset) -> dns.rrset.RRset:
    """A signature of the right form; nobody validates it."""
    kind, signer = dns.rdatatype.to_text(rrset.rdtype), _parent(rrset.name.canonicalize()).to_text()
    times = f"{rrset.ttl} 20370101000000 20200101000000"
    text = f"{kind} 13 {len(rrset.name) - 1} {times} 1 {signer} {'A' * 86}=="
    return dns.rrset.from_rdata(rrset.name, rrset.ttl, dns.rdata.from_text("IN", "RRSIG", text))


def _follow(reply: dns.message.Message) -> dns.name.Name:
    """Put the aliases in; the name where they end."""
    name = reply.question[0].name
    if shape_of(name) == "below-dname":
        target = dns.name.from_text("host", HOST)
        ttl = ttl_of(name)
        reply.answer.append(dns.rrset.from_text(_parent(name), ttl, "IN", "DNAME", HOST.to_text()))
        reply.answer.append(dns.rrset.from_text(name, ttl, "IN", "CNAME", target.to_text()))
        return target
    while (target_or_none := _target(name, shape_of(name))) is not None:
        reply.answer.append(dns.rrset.from_text(name, ttl_of(name), "IN", "CNAME", target_or_none.to_text()))
        name = target_or_none
    return name


def respond(query: dns.message.Message) -> dns.message.Message:
    """What the script says to a query."""
    reply = dns.message.make_response(query, recursion_available=True, our_payload=4096)
    asked = query.question[0]
    shape = shape_of(asked.name)
    if shape in FAILURES:
        reply.set_rcode(FAILURES[shape])
        return reply
    end = _follow(reply)
    denied = shape_of(end) in ("nothing", "without-type")
    values = [] if denied else _values(end, dns.rdatatype.to_text(asked.rdtype))
    if values:
        reply.answer.append(dns.rrset.from_text_list(end, ttl_of(end), "IN", asked.rdtype, values))
        _decorate(query, reply, shape)
    else:
        reply.set_rcode(dns.rcode.NXDOMAIN if shape_of(end) == "nothing" else dns.rcode.NOERROR)
        soa = f"ns.example.net. host.example.net. 1 3600 600 86400 {NEGATIVE_TTL}"
        reply.authority.append(dns.rrset.from_text(_parent(end), 900, "IN", "SOA", soa))
    return reply


def _decorate(query: dns.message.Message, reply: dns.message.Message, shape: str) -> None:
    """What stands beside a positive answer: name servers, signatures, an extended error."""
    if shape == "with-authority":
        owner = _parent(query.question[0].name)
        reply.authority.append(dns.rrset.from_text(owner, 900, "IN", "NS", HOST.to_text()))
        reply.additional.append(dns.rrset.from_text(HOST, 900, "IN", "A", "10.0.0.53"))
    if shape == "signed":
        if query.ednsflags & dns.flags.DO:
            reply.answer += [_signature(rrset) for rrset in list(reply.answer)]
        if query.ednsflags & dns.flags.DO or query.flags & dns.flags.AD:
            reply.flags |= dns.flags.AD
    if shape == "with-ede" and query.edns >= 0:
        reply.use_edns(0, query.ednsflags, 4096, options=[dns.edns.EDEOption(dns.edns.EDECode(6), "seen")])

"""The checks that cases are put together from; each says in a few words what is wrong, or None."""

from __future__ import annotations

import struct
from collections.abc import Callable

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.compliance.case import Check, Replies, Reply

FLAGS = {
    "QR": 0x8000,
    "AA": 0x0400,
    "TC": 0x0200,
    "RD": 0x0100,
    "RA": 0x0080,
    "Z": 0x0040,
    "AD": 0x20,
    "CD": 0x10,
}


def first(judge: Callable[[Reply], str | None]) -> Check:
    """A check on the first reply alone."""
    return lambda _, replies: judge(replies[0])


def rcode(*allowed: str) -> Check:
    """The rcode, its extended bits included, is one of these."""

    def judge(reply: Reply) -> str | None:
        got = reply.parsed.rcode() if reply.message else dns.rcode.Rcode(reply.flags & 15)
        text = dns.rcode.to_text(got)
        return None if text in allowed else text

    return first(judge)


def flags(*, on: str = "", off: str = "") -> Check:
    """These header bits are set, those clear."""

    def judge(reply: Reply) -> str | None:
        wrong = [f"no {name}" for name in on.split() if not reply.flags & FLAGS[name]]
        wrong += [name for name in off.split() if reply.flags & FLAGS[name]]
        return ", ".join(wrong) or None

    return first(judge)


def opcode(number: int) -> Check:
    """The opcode is this one."""
    return first(lambda r: None if r.flags >> 11 & 15 == number else f"opcode {r.flags >> 11 & 15}")


def same_id() -> Check:
    """The id is the query's."""
    return lambda query, replies: None if replies[0].wire[:2] == query[:2] else "another id"


def same_ids(*numbers: int) -> Check:
    """The replies have these ids, in any order, each once."""

    def check(_: bytes, replies: Replies) -> str | None:
        got = sorted(reply.id for reply in replies)
        return None if got == sorted(numbers) else "other ids"

    return check


def first_id(number: int) -> Check:
    """The first reply is the one to this query: it did not wait for a slower one."""
    return first(lambda reply: None if reply.id == number else "answered in the order asked")


def each(judge: Callable[[Reply], str | None]) -> Check:
    """A judgement on every reply."""
    return lambda _, replies: next((fault for reply in replies if (fault := judge(reply))), None)


def every_rcode(wanted: str) -> Check:
    """All replies have this rcode."""
    return each(lambda r: None if r.parsed.rcode() == dns.rcode.from_text(wanted) else "another rcode")


def echo() -> Check:
    """The question section is the query's, byte for byte."""

    def check(query: bytes, replies: Replies) -> str | None:
        end = 12
        while query[end]:
            end += 1 + query[end]
        question = query[12 : end + 5]
        wire = replies[0].wire
        if wire[4:6] != b"\0\1":
            return "no question"
        return None if wire[12 : 12 + len(question)] == question else "another question"

    return check


def counts(*, answer: int | None = None, authority: int | None = None) -> Check:
    """So many records in the header's counts."""

    def judge(reply: Reply) -> str | None:
        _, got_answer, got_authority, _ = struct.unpack_from("!HHHH", reply.wire, 4)
        if answer is not None and got_answer != answer:
            return f"{got_answer} answers"
        if authority is not None and got_authority != authority:
            return f"{got_authority} in authority"
        return None

    return first(judge)


def some_answer() -> Check:
    """There are records in the answer section."""
    return first(lambda reply: None if reply.wire[6:8] != b"\0\0" else "no records")


def answer(*records: str) -> Check:
    """The answer section holds these, "owner type data", whatever their order, TTL and letter case."""

    def judge(reply: Reply) -> str | None:
        got = {
            f"{rrset.name.to_text()} {dns.rdatatype.to_text(rrset.rdtype)} {item.to_text()}".lower()
            for rrset in reply.parsed.answer
            for item in rrset
        }
        missing = {record.lower() for record in records} - got
        return f"without {sorted(missing)[0][:60]}" if missing else None

    return first(judge)


def only(*types: str) -> Check:
    """Nothing but these types stands in the answer section."""

    def judge(reply: Reply) -> str | None:
        got = {dns.rdatatype.to_text(rrset.rdtype) for rrset in reply.parsed.answer} - set(types)
        return f"also {' '.join(sorted(got))}" if got else None

    return first(judge)


def one_rrset() -> Check:
    """No more than one RRset stands in the answer section, its signatures not counted."""

    def judge(reply: Reply) -> str | None:
        got = [rrset for rrset in reply.parsed.answer if rrset.rdtype != dns.rdatatype.RRSIG]
        return None if len(got) <= 1 else f"{len(got)} RRsets"

    return first(judge)


def one_of(*alternatives: tuple[Check, ...]) -> Check:
    """All checks of at least one alternative hold."""

    def check(query: bytes, replies: Replies) -> str | None:
        faults = []
        for checks in alternatives:
            wrong = [fault for one in checks if (fault := one(query, replies)) is not None]
            if not wrong:
                return None
            faults.append(", ".join(wrong))
        return "; ".join(dict.fromkeys(faults))

    return check


def soa(owner: str | None = None) -> Check:
    """The authority section has an SOA, of this owner if told."""

    def judge(reply: Reply) -> str | None:
        found = [rrset for rrset in reply.parsed.authority if rrset.rdtype == dns.rdatatype.SOA]
        if not found:
            return "no SOA"
        name = found[0].name.to_text().lower()
        return None if owner in (None, name) else f"SOA of {name}"

    return first(judge)


def negative_ttl(most: int) -> Check:
    """The SOA of a negative answer lives no longer than this."""

    def judge(reply: Reply) -> str | None:
        found = [rrset for rrset in reply.parsed.authority if rrset.rdtype == dns.rdatatype.SOA]
        if not found:
            return "no SOA"
        return None if found[0].ttl <= most else f"SOA with TTL {found[0].ttl}"

    return first(judge)


def ttl_at_most(most: int) -> Check:
    """No record of the answer section lives longer than this."""

    def judge(reply: Reply) -> str | None:
        longest = max((rrset.ttl for rrset in reply.parsed.answer), default=0)
        return None if longest <= most else f"TTL {longest}"

    return first(judge)


def opt(*, version: int = 0, at_least: int = 512) -> Check:
    """There is one OPT, of this version, with a size that may be."""

    def judge(reply: Reply) -> str | None:
        message = reply.parsed
        if message.edns < 0:
            return "no OPT"
        if message.edns != version:
            return f"OPT of version {message.edns}"
        return None if message.payload >= at_least else f"OPT with size {message.payload}"

    return first(judge)


def no_opt() -> Check:
    """There is no OPT."""
    return first(lambda reply: None if reply.parsed.edns < 0 else "an OPT")


def do_bit(wanted: bool) -> Check:
    """DO in the OPT is as told."""
    return first(lambda r: None if bool(r.parsed.ednsflags & dns.flags.DO) == wanted else "another DO")


def edns_z_clear() -> Check:
    """No flag but DO is set in the OPT."""
    return first(lambda r: None if not r.parsed.ednsflags & 0x7FFF else "Z bits in the OPT")


def no_option(code: int) -> Check:
    """This option is not in the OPT."""
    return first(lambda r: None if all(int(o.otype) != code for o in r.parsed.options) else f"option {code}")


def option(code: int) -> Check:
    """This option is in the OPT."""
    return first(
        lambda r: None if any(int(o.otype) == code for o in r.parsed.options) else f"no option {code}"
    )


def ede(*codes: int) -> Check:
    """One of these extended errors is there."""

    def judge(reply: Reply) -> str | None:
        got = [int(o.code) for o in reply.parsed.options if isinstance(o, dns.edns.EDEOption)]
        return None if set(got) & set(codes) else f"EDE {got[0]}" if got else "no EDE"

    return first(judge)


def size_at_most(most: int) -> Check:
    """No more bytes than this."""
    return first(lambda reply: None if len(reply.wire) <= most else f"{len(reply.wire)} bytes")


def readable() -> Check:
    """It is a whole message, every record of it, with nothing behind."""
    return first(lambda reply: None if reply.message is not None else "it cannot be read")


def whole_rrsets(*allowed_sizes: int) -> Check:
    """Each RRset of the answer section has one of these sizes: none was cut."""

    def judge(reply: Reply) -> str | None:
        sizes = {len(rrset) for rrset in reply.parsed.answer}
        return None if sizes <= set(allowed_sizes) else "a part of an RRset"

    return first(judge)


def no_type(rdtype: str, section: str = "answer") -> Check:
    """No record of this type stands in the section."""
    wanted = dns.rdatatype.from_text(rdtype)

    def judge(reply: Reply) -> str | None:
        rrsets: list[dns.rrset.RRset] = getattr(reply.parsed, section)
        return None if all(rrset.rdtype != wanted for rrset in rrsets) else f"{rdtype} in {section}"

    return first(judge)


def owner_as_sent(text: str) -> Check:
    """The first answer's owner has the letter case of the question."""

    def judge(reply: Reply) -> str | None:
        found = reply.parsed.answer
        if not found:
            return "no records"
        return None if found[0].name.to_text() == text else f"owner {found[0].name}"

    return first(judge)

"""What is compared of two answers, field by field, each difference in words that many questions share.

The words speak of filterd: "has NS" means that filterd's section has what the other's has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.comparison.asking import Seen

FLAGS = (dns.flags.AA, dns.flags.TC, dns.flags.RD, dns.flags.RA, dns.flags.AD, dns.flags.CD)
TTL_SLACK = 120
"""seconds that the two may have been asked apart"""
ANSWER, AUTHORITY, ADDITIONAL = 1, 2, 3
Record = tuple[dns.name.Name, int, str]


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A field in which two answers differ, and how."""

    field: str
    how: str


def _records(section: list[dns.rrset.RRset]) -> set[Record]:
    """A section as a set: owners as names are compared, data as text."""
    return {(rrset.name, int(rrset.rdtype), rdata.to_text()) for rrset in section for rdata in rrset}


def _types(records: set[Record]) -> str:
    return " ".join(sorted({dns.rdatatype.to_text(dns.rdatatype.RdataType(kind)) for _, kind, _ in records}))


def _section(
    number: int, field: str, ours: dns.message.Message, theirs: dns.message.Message
) -> Iterator[Difference]:
    mine, other = _records(ours.sections[number]), _records(theirs.sections[number])
    if mine - other:
        yield Difference(field, f"has {_types(mine - other)}")
    if other - mine:
        yield Difference(field, f"without {_types(other - mine)}")


def _rcode(ours: dns.message.Message, theirs: dns.message.Message) -> Iterator[Difference]:
    if ours.rcode() != theirs.rcode():
        yield Difference(
            "rcode", f"{dns.rcode.to_text(ours.rcode())} for {dns.rcode.to_text(theirs.rcode())}"
        )


def _flags(ours: dns.message.Message, theirs: dns.message.Message) -> Iterator[Difference]:
    for flag in FLAGS:
        if (ours.flags ^ theirs.flags) & flag:
            yield Difference("flags", f"{'has' if ours.flags & flag else 'without'} {flag.name}")


def _spelling(message: dns.message.Message) -> set[bytes]:
    """The letter case of the question and of the owners that are its name."""
    asked = message.question[0].name
    return {b".".join(rrset.name.labels) for rrset in message.answer if rrset.name == asked}


def _names(ours: dns.message.Message, theirs: dns.message.Message) -> Iterator[Difference]:
    if [rrset.name.labels for rrset in ours.question] != [rrset.name.labels for rrset in theirs.question]:
        yield Difference("question", "another name or letter case")
    if _spelling(ours) != _spelling(theirs):
        yield Difference("spelling", "owner in another letter case")


def _options(message: dns.message.Message) -> dict[str, str]:
    return {
        option.otype.name
        if isinstance(option.otype, dns.edns.OptionType)
        else str(option.otype): option.to_text()
        for option in message.options
    }


def _edns(ours: dns.message.Message, theirs: dns.message.Message) -> Iterator[Difference]:
    if (ours.edns, ours.ednsflags & dns.flags.DO) != (theirs.edns, theirs.ednsflags & dns.flags.DO):
        yield Difference("edns", "OPT or its DO differs")
    mine, other = _options(ours), _options(theirs)
    for name in sorted(mine.keys() ^ other.keys()):
        yield Difference("option", f"{'has' if name in mine else 'without'} {name}")
    for name in sorted(mine.keys() & other.keys()):
        if mine[name] != other[name]:
            yield Difference("option", f"another {name}")


def _ttls(message: dns.message.Message) -> dict[tuple[dns.name.Name, int], int]:
    return {
        (rrset.name, int(rrset.rdtype)): rrset.ttl for section in message.sections[1:3] for rrset in section
    }


def _ttl(ours: dns.message.Message, theirs: dns.message.Message) -> Iterator[Difference]:
    mine, other = _ttls(ours), _ttls(theirs)
    for name, kind in mine.keys() & other.keys():
        apart = mine[name, kind] - other[name, kind]
        if abs(apart) > TTL_SLACK:
            what = "SOA" if kind == dns.rdatatype.SOA else "records"
            yield Difference("ttl", f"{what} {'longer' if apart > 0 else 'shorter'}")


COMPARED: tuple[Callable[[dns.message.Message, dns.message.Message], Iterator[Difference]], ...] = (
    _rcode, _flags, _names, _edns, _ttl,
)  # fmt: skip


def differences(ours: Seen, theirs: Seen) -> set[Difference]:
    """All the fields in which filterd's answer is not the other's."""
    if ours.whole is None or theirs.whole is None:
        return (
            set() if ours.whole is theirs.whole else {Difference("answer", "filterd or the other has none")}
        )
    found: set[Difference] = set()
    if ours.udp is not None and theirs.udp is not None:
        found |= set(_flags(ours.udp, theirs.udp))
    for compare in COMPARED:
        found |= set(compare(ours.whole, theirs.whole))
    for number, field in ((ANSWER, "answer"), (AUTHORITY, "authority"), (ADDITIONAL, "additional")):
        found |= set(_section(number, field, ours.whole, theirs.whole))
    return found


def chained(message: dns.message.Message) -> bool:
    """True if each alias stands before what it leads to, as clients read answers (RFC 1034, 4.3.1)."""
    name = message.question[0].name
    for rrset in message.answer:
        if rrset.rdtype == dns.rdatatype.CNAME:
            if rrset.name != name:
                return False
            name = rrset[0].target
    return True

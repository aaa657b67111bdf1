"""Queries to upstreams and the checks on their answers: bytes and random bits in, values out.

A forged answer must come from the server's address and guess the source port (drawn by the kernel), the id
and the letter case of the name (0x20). Anything else is ignored, so that a wrong guess does not end the wait
(RFC 5452 section 9). :mod:`capabilities` handles servers that do not keep letter case or know no EDNS.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from filterd.dataplane.upstream.forward_types import Question, Server, UpstreamAnswer
from filterd.policy.inspect import too_large
from filterd.wire import codec, scrub
from filterd.wire.edns import UDP_SIZE
from filterd.wire.status import Status

_HEADER = struct.Struct("!HHHHHH")
_HEADER_SIZE = _HEADER.size
_OPT = struct.Struct("!BHHIH")
_OPTION = struct.Struct("!HH")
_QR, _TC, _RD, _AD, _CD = 0x8000, 0x0200, 0x0100, 0x0020, 0x0010
_OPCODE = 0x7800
_RCODE = 0x000F
_KNOWS_NO_EDNS = frozenset({1, 4})
"""FORMERR, NOTIMP"""
_SERVFAIL = 2
_FIRST_EXTENDED = 16
_SMALL = 512
"""bytes of a message that takes little time to look into, whatever it holds"""
"""rcodes that stand in OPT (RFC 6891 section 6.1.3)"""
_TYPE_OPT = 41
_DO = 0x8000
_PADDING = 12
_PADDED_TO = 128
"""bytes: lengths of padded queries are multiples of it (RFC 8467 section 4.1)"""


class Bits(Protocol):
    """A source of random bits, such as ``random.SystemRandom``."""

    def getrandbits(self, k: int, /) -> int:
        """An integer of ``k`` random bits."""


class Check(Enum):
    """The results of checking a datagram against the query that waits for it."""

    OURS = auto()
    EDNS_REFUSED = auto()
    """FORMERR or NOTIMP in a bare header, as servers without EDNS send it"""
    CASE_LOST = auto()
    """ours except for the letter case of the name, which is not proof enough over UDP"""
    WRONG_ID = auto()
    WRONG_QUESTION = auto()
    """or no answer at all, or one too short for a question"""


@dataclass(frozen=True, slots=True)
class QueryForm:
    """The form of a query to a server."""

    mixed_case: bool = True
    """its answers repeat the letter case of the question (0x20)"""
    edns: bool = True
    padded: bool = False
    """the connection is encrypted, and the length must not give the name away"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A query under way: the id and the question, with its letter case, that the answer must repeat."""

    id: int
    question: bytes
    packet: bytes
    form: QueryForm = QueryForm()


def write_query(question: Question, bits: Bits, form: QueryForm = QueryForm()) -> Sent:
    """Write a query: random id and letter case, RD and AD set, CD and DO as asked, an OPT of 1232 bytes.

    AD in a query asks for AD in the answer (RFC 6840 section 5.7).
    """
    number = bits.getrandbits(16)
    name = _mix_case(question.name, bits) if form.mixed_case else question.name
    flags = _RD | _AD | (_CD if question.checking_disabled else 0)
    asked = name + struct.pack("!HH", question.qtype, question.qclass)
    opt = _opt(_HEADER_SIZE + len(asked), question.dnssec_ok, form.padded) if form.edns else b""
    packet = _HEADER.pack(number, flags, 1, 0, 0, 1 if opt else 0) + asked + opt
    return Sent(number, asked, packet, form)


def _opt(before: int, dnssec_ok: bool, padded: bool) -> bytes:
    """The OPT record behind ``before`` bytes of the query; padded with zeros (RFC 7830 section 3)."""
    options = b""
    if padded:
        length = -(before + _OPT.size + _OPTION.size) % _PADDED_TO
        options = _OPTION.pack(_PADDING, length) + bytes(length)
    return _OPT.pack(0, _TYPE_OPT, UDP_SIZE, _DO if dnssec_ok else 0, len(options)) + options


def check(reply: bytes, sent: Sent) -> Check:
    """Check whether a datagram from the server's address answers the query."""
    if len(reply) < 2 or reply[:2] != sent.packet[:2]:
        return Check.WRONG_ID
    if len(reply) < _HEADER_SIZE:
        return Check.WRONG_QUESTION
    _, flags, questions, _, _, _ = _HEADER.unpack_from(reply)
    if not flags & _QR or flags & _OPCODE:
        return Check.WRONG_QUESTION
    if sent.form.edns and not questions and flags & _RCODE in _KNOWS_NO_EDNS:
        return Check.EDNS_REFUSED
    if questions != 1:
        return Check.WRONG_QUESTION
    return _compare(reply[_HEADER_SIZE : _HEADER_SIZE + len(sent.question)], sent)


def _compare(question: bytes, sent: Sent) -> Check:
    """Compare the question of an answer with that of the query."""
    if question == sent.question:
        return Check.OURS
    if question[-4:] == sent.question[-4:] and question[:-4].lower() == sent.question[:-4].lower():
        return Check.CASE_LOST if sent.form.mixed_case else Check.OURS
    return Check.WRONG_QUESTION


def refuses_edns(reply: bytes) -> bool:
    """Return whether an answer that passed :func:`check` shows that its server knows no EDNS: FORMERR or
    NOTIMP without OPT (RFC 6891 sections 6.2.2 and 7)."""
    if reply[3] & _RCODE not in _KNOWS_NO_EDNS:
        return False
    stripped = codec.strip(reply)
    return isinstance(stripped, Status) or not stripped.has_edns


def speaks_edns(reply: bytes) -> bool:
    """Return whether an answer that passed :func:`check` may have an OPT: it has additional records."""
    return reply[10:12] != b"\0\0"


def is_truncated(reply: bytes) -> bool:
    """Return whether TC is set in an answer that passed :func:`check`."""
    return bool(reply[2] & _TC >> 8)


def read_answer(reply: bytes, server: Server) -> UpstreamAnswer | None:
    """The answer without OPT; None: it is malformed."""
    stripped = codec.strip(reply)
    if isinstance(stripped, Status):
        return None
    message = bytearray(stripped.message)
    message[3] &= ~_AD & 0xFF
    return UpstreamAnswer(
        message=bytes(message),
        rcode=stripped.rcode,
        ad=server.trusted and bool(stripped.flags & _AD),
        edes=stripped.edes,
        upstream=server.name,
    )


def answers(answer: UpstreamAnswer) -> bool:
    """Return whether a readable message answers the question, or says SERVFAIL. The others refuse it, refer
    to other servers, or contradict themselves; ``scrub.pxd`` has the rule, and another server is asked. One
    that is too large to be judged is refused where it is taken in; here it is not looked into."""
    if answer.rcode == _SERVFAIL or (len(answer.message) > _SMALL and too_large(answer.message)):
        return True
    return answer.rcode < _FIRST_EXTENDED and scrub.status_of(answer.message) is Status.OK


def _mix_case(name: bytes, bits: Bits) -> bytes:
    """Turn each letter of a lower-cased wire name to upper case if its random bit is set."""
    coin = bits.getrandbits(len(name))
    # A length byte is at most 63 and so never looks like a letter (RFC 1035 section 2.3.4).
    return bytes(
        byte ^ 0x20 if 0x61 <= byte <= 0x7A and coin >> position & 1 else byte
        for position, byte in enumerate(name)
    )

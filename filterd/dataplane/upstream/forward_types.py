"""The values of forwarding: questions, servers, answers and failures. Errors are values too."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from enum import StrEnum

from filterd.wire.ede import ExtendedError


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the key by which questions are coalesced. ``name``: lower-cased wire form."""

    name: bytes
    qtype: int
    qclass: int = 1
    dnssec_ok: bool = False
    checking_disabled: bool = False

    @property
    def wire(self) -> bytes:
        """Name, type and class in wire form."""
        return self.name + self.qtype.to_bytes(2, "big") + self.qclass.to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class Tls:
    """The TLS settings of a server (RFC 7858)."""

    name: str
    """the name that its certificate must have"""
    context: ssl.SSLContext = field(compare=False)


@dataclass(frozen=True, slots=True)
class Server:
    """An upstream resolver. ``host``: an address in text. ``trusted``: its AD flag is believed.
    ``outstanding``: the most questions that it may have at one time. ``tls``: None for UDP and TCP."""

    host: str
    port: int = 53
    trusted: bool = False
    outstanding: int = 2048
    tls: Tls | None = None
    name: str = field(init=False)
    """``host:port``, brackets around IPv6: its name in metrics"""

    def __post_init__(self) -> None:
        address = ipaddress.ip_address(self.host)
        address = getattr(address, "ipv4_mapped", None) or address
        object.__setattr__(self, "host", str(address))
        text = f"[{address}]" if self.ipv6 else str(address)
        object.__setattr__(self, "name", f"{text}:{self.port}")

    @property
    def ipv6(self) -> bool:
        """Return whether it is reached over IPv6."""
        return ":" in self.host

    @property
    def address(self) -> tuple[str, int]:
        """The address in the form that sockets take."""
        return (self.host, self.port)


class ForwardOutcome(StrEnum):
    """The outcome of one exchange, or of one ignored datagram; the label of the metric."""

    ANSWERED = "answered"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    """the server does not answer the question: FORMERR, NOTIMP, REFUSED or another rcode that says so, a
    referral to other servers, or a denial that has records of what it denies"""
    MALFORMED = "malformed"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    """TLS failed: the certificate is not valid for the server's name, or there is no common version"""
    TCP = "tcp"
    """asked over TCP: the answer was truncated, did not keep the question's letter case, or is doubted"""
    WITHOUT_EDNS = "without_edns"
    """asked again without EDNS, because the server does not seem to know it"""
    HEDGE = "hedge"
    """asked because another server was unusually late"""
    PROBE = "probe"
    """a question of our own: does the server answer, does it lead back to us"""
    WRONG_SOURCE = "wrong_source"
    WRONG_ID = "wrong_id"
    WRONG_QUESTION = "wrong_question"
    LATE = "late"
    """a reply to a question that was over, or a second one"""
    DOUBTED = "doubted"
    """several replies nearly matched one question, which is then asked over TCP"""
    GIVEN_UP = "given_up"
    """a doubted question that was not asked over TCP, because too many others were"""


class FailureReason(StrEnum):
    """The reasons why there is no answer."""

    NO_ANSWER = "no_answer"
    """no upstream answered in time with anything that can be passed on"""
    UNREACHABLE = "unreachable"
    """no upstream could be reached at all"""
    LOOP = "loop"
    """every upstream leads back to ourselves"""
    OVERLOADED = "overloaded"
    """too many questions are outstanding"""


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """The answer for all who asked: unfiltered, without OPT; AD is cleared in its bytes, see ``ad``."""

    message: bytes
    rcode: int
    ad: bool
    """set by a trusted upstream"""
    edes: tuple[tuple[int, bytes], ...]
    """code and text of the upstream's extended errors (RFC 8914)"""
    upstream: str


@dataclass(frozen=True, slots=True)
class UpstreamFailure:
    """No answer; ``message`` and ``ad`` have the same meaning as in an answer."""

    reason: FailureReason
    message: None = field(default=None, init=False)
    ad: bool = field(default=False, init=False)

    @property
    def edes(self) -> tuple[tuple[int, bytes], ...]:
        """The extended errors for the client (RFC 8914)."""
        return ((_TOLD[self.reason], b""),)


_TOLD = {
    FailureReason.NO_ANSWER: ExtendedError.NO_REACHABLE_AUTHORITY,
    FailureReason.UNREACHABLE: ExtendedError.NETWORK_ERROR,
    FailureReason.LOOP: ExtendedError.NO_REACHABLE_AUTHORITY,
    FailureReason.OVERLOADED: ExtendedError.OTHER,
}

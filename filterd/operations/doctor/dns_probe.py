"""Questions to servers: to the configured upstreams, and to our own listeners. Nothing else is asked."""

from __future__ import annotations

import copy
import socket
import ssl
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
from dns.message import Message

from filterd.config.settings import UpstreamSettings
from filterd.config.value_types import Endpoint

UDP_SECONDS = 1.0
LAST_SHARE = 2.5
"""the last wait, in UDP_SECONDS: a busy machine is slow, and a server far away"""
UDP_TRIES = 2
STREAM_SECONDS = 2.0
_WITHOUT_EDNS = (dns.rcode.FORMERR, dns.rcode.NOTIMP)
_FAILURES = (OSError, dns.exception.DNSException, EOFError)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The state of an upstream's certificate; ``fault`` is empty where it is valid."""

    fault: str
    days: float
    """until it expires"""


def reachable(at: Endpoint) -> Endpoint:
    """The address to ask in the place of a wildcard one: loopback."""
    if not at.address.is_unspecified:
        return at
    return Endpoint(IPv4Address("127.0.0.1") if at.address.version == 4 else IPv6Address("::1"), at.port)


def identity_question() -> Message:
    """``id.server`` in class CHAOS (RFC 4892): each server answers it by itself."""
    return dns.message.make_query("id.server.", "TXT", "CH")


def root_question() -> Message:
    """``. NS`` with DO: every resolver has the answer, and the root is signed."""
    return dns.message.make_query(".", "NS", want_dnssec=True, flags=dns.flags.RD | dns.flags.AD)


def answers(at: Endpoint, protocol: str) -> bool:
    """Return whether anything comes back from one of our own addresses."""
    target = reachable(at)
    return any(_asked(target, identity_question(), protocol) is not None for _ in range(UDP_TRIES))


def _asked(at: Endpoint, question: Message, protocol: str, waits: float = 1.0) -> Message | None:
    try:
        if protocol == "tcp":
            return dns.query.tcp(question, str(at.address), STREAM_SECONDS, at.port)
        seconds = UDP_SECONDS * waits
        return dns.query.udp(question, str(at.address), seconds, at.port, ignore_unexpected=True)
    except _FAILURES:
        return None


def ask(upstream: UpstreamSettings, question: Message, protocol: str) -> Message | None:
    """The answer of an upstream; None where none comes. One that knows no EDNS is asked again without, as the
    resolver does (RFC 6891 section 6.2.2)."""
    answer = _answer(upstream, question, protocol)
    if answer is None or question.edns < 0 or answer.edns >= 0 or answer.rcode() not in _WITHOUT_EDNS:
        return answer
    plain = copy.copy(question)
    plain.use_edns(False)
    return _answer(upstream, plain, protocol) or answer


def _answer(upstream: UpstreamSettings, question: Message, protocol: str) -> Message | None:
    if upstream.tls is not None:
        return _over_tls(upstream, question)
    tries = UDP_TRIES if protocol == "udp" else 1
    for attempt in range(tries):
        answer = _asked(upstream.address, question, protocol, LAST_SHARE if attempt == tries - 1 else 1.0)
        if answer is not None:
            return answer
    return None


def _over_tls(upstream: UpstreamSettings, question: Message) -> Message | None:
    try:
        with _connected(upstream) as stream:
            deadline = time.time() + STREAM_SECONDS
            dns.query.send_tcp(stream, question, deadline)
            return dns.query.receive_tcp(stream, deadline)[0]
    except _FAILURES:
        return None


def certificate(upstream: UpstreamSettings, now: float) -> Certificate | None:
    """The state of the certificate; None where no TLS connection came about for another reason."""
    try:
        with _connected(upstream) as stream:
            ends = stream.getpeercert()
    except ssl.SSLCertVerificationError as error:
        return Certificate(error.verify_message or str(error), 0.0)
    except _FAILURES:
        return None
    until = ends.get("notAfter") if ends else None
    return Certificate("", (ssl.cert_time_to_seconds(str(until)) - now) / 86400 if until else 0.0)


def _connected(upstream: UpstreamSettings) -> ssl.SSLSocket:
    """A TLS connection as the resolver makes it. Raises ``OSError``."""
    from filterd.dataplane.upstream.streams import tls_context

    tls = upstream.tls
    assert tls is not None  # noqa: S101 - the callers have looked
    context = tls_context(None if tls.ca is None else str(tls.ca))
    at = upstream.address
    plain = socket.create_connection((str(at.address), at.port), STREAM_SECONDS)
    try:
        return context.wrap_socket(plain, server_hostname=str(tls.name))
    except BaseException:
        plain.close()
        raise


def identity_in(answer: Message | None) -> str:
    """The name that a server gave itself; empty where it told none."""
    if answer is None:
        return ""
    texts = (item for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT for item in rrset)
    first = next(texts, None)
    return b"".join(first.strings).decode("utf-8", "replace") if first is not None else ""


def validates(answer: Message) -> bool:
    """Return whether the server says that it has validated the answer."""
    return bool(answer.flags & dns.flags.AD)


def code_of(answer: Message) -> str:
    """The answer's code in words: NOERROR, REFUSED ..."""
    return dns.rcode.to_text(answer.rcode())

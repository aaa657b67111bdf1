"""The upstream of the evasion suite: a name server over UDP and TCP that serves every name positively."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.e2e.authority import free_port
from tests.evasion.names import CLEAN, CLEAN6, FORBIDDEN, FORBIDDEN6, SAFE, WAY, WORDS

LONGEST_WAIT = 10.0
LARGEST = 1232
"""bytes over UDP; longer answers are cut"""
Reply = Callable[[dns.message.Message], bytes]


@dataclass(frozen=True)
class Says:
    """What the upstream says of a name: records as ``owner type data`` in three sections; ``@`` is the name
    that was asked, ``%`` its first label."""

    answer: Sequence[str] = ()
    authority: Sequence[str] = ()
    additional: Sequence[str] = ()
    rcode: str = "NOERROR"
    ttl: int = 600

    def __call__(self, query: dns.message.Message) -> bytes:
        """The message, uncut."""
        reply = dns.message.make_response(query, recursion_available=True)
        reply.set_rcode(dns.rcode.from_text(self.rcode))
        for section, records in (
            (reply.answer, self.answer),
            (reply.authority, self.authority),
            (reply.additional, self.additional),
        ):
            section += [record_of(text, query.question[0].name, self.ttl) for text in records]
        return reply.to_wire(max_size=65535)


def record_of(text: str, asked: dns.name.Name, ttl: int) -> dns.rrset.RRset:
    """One record of a message."""
    first = asked.labels[0].decode("latin-1")
    owner, rtype, rdata = text.replace("%", first).split(" ", 2)
    name = asked if owner == "@" else dns.name.from_text(owner)
    return dns.rrset.from_text(name, ttl, "IN", rtype, rdata.replace("@", asked.to_text()))


def chain(*targets: str, last: Sequence[str] = (f"A {FORBIDDEN}",)) -> Says:
    """The question's name leads to each target in turn; the last owns the data."""
    owners = ("@", *(f"{target}." for target in targets))
    aliases = [f"{owner} CNAME {target}" for owner, target in pairwise(owners)]
    return Says([*aliases, *(f"{owners[-1]} {each}" for each in last)])


def links(count: int) -> list[str]:
    """So many names about which no rule speaks."""
    return [f"link{number}.other.example" for number in range(count)]


DATA = {
    "A": "{v4}",
    "AAAA": "{v6}",
    "TXT": '"{words}"',
    "SPF": '"{words}"',
    "MX": "10 {words}.other.example.",
    "SRV": "1 1 5060 {words}.other.example.",
    "NAPTR": '10 10 "S" "{words}" "" other.example.',
    "CAA": '0 issue "{words}"',
    "NS": "{words}.other.example.",
    "PTR": "{words}.other.example.",
    "SOA": "{words}.other.example. host.example. 1 3600 600 86400 60",
    "HTTPS": "1 . alpn=h2 ipv4hint={v4} ipv6hint={v6}",
    "SVCB": "1 . alpn=h2 ipv4hint={v4} ipv6hint={v6}",
    "URI": '10 1 "https://{words}.other.example/"',
    "HINFO": '"{words}" "{words}"',
    "LOC": "19 25 57.000 N 99 7 59.000 W 2240.00m 1m 10000m 10m",
    "DNAME": "{words}.other.example.",
    "SSHFP": "1 1 636f6e74726162616e64",
    "TLSA": "3 1 1 636f6e74726162616e64",
    "OPENPGPKEY": "Y29udHJhYmFuZA==",
    "DS": "1 8 2 636f6e74726162616e64636f6e74726162616e64636f6e74726162616e646162",
    "DNSKEY": "257 3 8 Y29udHJhYmFuZA==",
    "NSEC": "{words}.other.example. A",
    "RP": "{words}.other.example. other.example.",
}
"""by type, what stands in an answer; unknown types have the words"""


def served(query: dns.message.Message) -> bytes:
    """A positive answer to anything: clean below SAFE and WAY, forbidden data everywhere else."""
    question = query.question[0]
    below = [dns.name.from_text(name) for name in (SAFE, WAY, "other.example")]
    clean = any(question.name.is_subdomain(name) for name in below)
    values = {
        "v4": CLEAN if clean else FORBIDDEN,
        "v6": CLEAN6 if clean else FORBIDDEN6,
        "words": "fine" if clean else WORDS,
    }
    word = dns.rdatatype.to_text(question.rdtype)
    unknown = rf"\# {len(values['words'])} {values['words'].encode().hex()}"
    types = ("A", "AAAA", "TXT") if word == "ANY" else (word,)
    return Says([f"@ {each} {DATA.get(each, unknown).format(**values)}" for each in types])(query)


@dataclass(frozen=True)
class Overtaken:
    """A true answer, and over UDP a forged one that comes before it."""

    forged: Reply

    def __call__(self, query: dns.message.Message) -> bytes:
        """The true one."""
        return served(query)


@dataclass(frozen=True)
class Held:
    """An answer that is not sent before the test lets it go."""

    reply: Reply
    gate: threading.Event = field(default_factory=threading.Event)

    def __call__(self, query: dns.message.Message) -> bytes:
        """The answer, once the gate is open."""
        self.gate.wait(LONGEST_WAIT)
        return self.reply(query)


@dataclass
class Upstream:
    """The server, once :func:`serving` runs it. ``says``: by the form's own name, what is said below it."""

    port: int
    says: dict[str, Reply] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def find(self, query: dns.message.Message) -> Reply:
        """What answers this query; it is counted."""
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        self.asked[name] += 1
        labels = name.split(".")
        for cut in range(len(labels)):
            if (found := self.says.get(".".join(labels[cut:]))) is not None:
                return found
        return served

    def datagrams(self, packet: bytes) -> Iterator[bytes]:
        """What is sent to one query over UDP: what is too long is cut to its header and question."""
        query = dns.message.from_wire(packet)
        found = self.find(query)
        if isinstance(found, Overtaken):
            yield found.forged(query)
        whole = found(query)
        if len(whole) > LARGEST:
            cut = dns.message.make_response(query, recursion_available=True)
            cut.flags |= dns.flags.TC
            whole = cut.to_wire()
        yield whole


def _udp(server: Upstream, sock: socket.socket) -> None:
    while True:
        packet, peer = sock.recvfrom(65535)
        if not packet:
            return
        if len(packet) >= 12 and not packet[2] & 0x80:
            if any(isinstance(found, Held) for found in server.says.values()):
                threading.Thread(target=_answer, args=(server, sock, packet, peer), daemon=True).start()
            else:
                _answer(server, sock, packet, peer)


def _answer(server: Upstream, sock: socket.socket, packet: bytes, peer: tuple[str, int]) -> None:
    for each in server.datagrams(packet):
        sock.sendto(each, peer)


def _connection(server: Upstream, stream: socket.socket) -> None:
    with stream, stream.makefile("rb") as file, contextlib.suppress(OSError):
        while len(head := file.read(2)) == 2:
            packet = file.read(struct.unpack("!H", head)[0])
            query = dns.message.from_wire(packet)
            answer = server.find(query)(query)
            stream.sendall(struct.pack("!H", len(answer)) + answer)


def _tcp(server: Upstream, listener: socket.socket, ended: threading.Event) -> None:
    while True:
        stream, _ = listener.accept()
        if ended.is_set():
            stream.close()
            return
        threading.Thread(target=_connection, args=(server, stream), daemon=True).start()


@contextlib.contextmanager
def serving() -> Iterator[Upstream]:
    """The server, in threads of this process."""
    port = free_port()
    ended = threading.Event()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        socket.create_server(("127.0.0.1", port)) as listener,
    ):
        sock.bind(("127.0.0.1", port))
        server = Upstream(port)
        threads = [
            threading.Thread(target=_udp, args=(server, sock), daemon=True),
            threading.Thread(target=_tcp, args=(server, listener, ended), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield server
        finally:
            ended.set()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", ("127.0.0.1", port))
            socket.create_connection(("127.0.0.1", port)).close()
            for thread in threads:
                thread.join()

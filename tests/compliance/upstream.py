"""The scripted upstream that every system forwards to: one name server on loopback, UDP and TCP.

Names below ``c.example`` mean what ZONE says. Names that no resolver may forward (special-use, private
reverse zones) are answered with LEAKED, so that a leak shows as an answer.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from tests.e2e.authority import free_port
from tests.e2e.resolver_process import Script

LEAKED = "192.0.2.66"
"""the address of every name that should not have been asked"""
SLOW_SECONDS = 0.2
"""how long the answer to ``slow.c.example`` takes"""
RECEIVE_BUFFER = 4 << 20
"""room for the queries of a burst; the system may give less"""
SOA = "c.example. 3600 IN SOA ns.c.example. host.c.example. 1 3600 600 86400 60"
ROOT_SOA = ". 3600 IN SOA a.root.example. host.root.example. 1 1800 900 604800 60"
SIGNATURE = "A 13 3 300 20370101000000 20200101000000 1 c.example. " + "A" * 86 + "=="

ZONE = f"""
c.example. 300 IN NS ns.c.example.
{SOA}
ns.c.example. 300 IN A 192.0.2.2
a.c.example. 300 IN A 192.0.2.1
a.c.example. 300 IN AAAA 2001:db8::1
MiXed.c.example. 300 IN A 192.0.2.3
long-lived.c.example. 3000000 IN A 192.0.2.4
multi.c.example. 300 IN A 192.0.2.11
multi.c.example. 300 IN A 192.0.2.12
multi.c.example. 300 IN AAAA 2001:db8::11
multi.c.example. 300 IN MX 10 mail.c.example.
multi.c.example. 300 IN TXT "text"
mail.c.example. 300 IN A 192.0.2.13
text.c.example. 300 IN TXT "a" "b c"
service.c.example. 300 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9
_sip._udp.c.example. 300 IN SRV 1 2 5060 a.c.example.
caa.c.example. 300 IN CAA 0 issue "ca.example"
unknown.c.example. 300 IN TYPE65280 \\# 4 01020304
empty.c.example. 300 IN TYPE65281 \\# 0
private.c.example. 300 IN TYPE731 \\# 6 abcdef012345
alias.c.example. 300 IN CNAME a.c.example.
alias2.c.example. 300 IN CNAME alias.c.example.
dangling.c.example. 300 IN CNAME nowhere.c.example.
empty-alias.c.example. 300 IN CNAME text.c.example.
tree.c.example. 300 IN DNAME other.c.example.
host.other.c.example. 300 IN A 192.0.2.21
slow.c.example. 300 IN A 192.0.2.31
signed.c.example. 300 IN A 192.0.2.41
ede.c.example. 300 IN A 192.0.2.51
1.1.1.1.in-addr.arpa. 300 IN PTR one.c.example.
ipv4only.arpa. 300 IN A 192.0.0.170
ipv4only.arpa. 300 IN A 192.0.0.171
example. 300 IN NS ns.c.example.
. 300 IN NS a.root.example.
{ROOT_SOA}
a.root.example. 300 IN A 192.0.2.2
"""

MANY = {"fits-1232": 60, "fits-4096": 120}
"""names with so many addresses: more than 512 and than 1,232 bytes"""
TEXTS = 100
"""of 200 bytes, at fits-tcp: more than 16,384 bytes"""
MAILS = 12
"""mail servers of ``mails.c.example``, whose addresses come along and make the answer more than 512 bytes"""
ANYTHING = ("oct.c.example.", "w.c.example.")
"""below these every name has the address 192.0.2.61"""
LEAKS = (
    "localhost.",
    "test.",
    "invalid.",
    "onion.",
    "local.",
    "alt.",
    "home.arpa.",
    "resolver.arpa.",
    *(f"{octet}.in-addr.arpa." for octet in (10, 127, 0)),
    "168.192.in-addr.arpa.",
    "16.172.in-addr.arpa.",
    "31.172.in-addr.arpa.",
    "64.100.in-addr.arpa.",
    "254.169.in-addr.arpa.",
    "2.0.192.in-addr.arpa.",
    "100.51.198.in-addr.arpa.",
    "113.0.203.in-addr.arpa.",
    "255.255.255.255.in-addr.arpa.",
    "d.f.ip6.arpa.",
    "8.e.f.ip6.arpa.",
    "8.b.d.0.1.0.0.2.ip6.arpa.",
    *(f"{digit}.{'0.' * 31}ip6.arpa." for digit in (0, 1)),
)

Key = tuple[dns.name.Name, int]


def _zone() -> dict[Key, dns.rrset.RRset]:
    records: dict[Key, dns.rrset.RRset] = {}
    for line in ZONE.strip().splitlines():
        owner, ttl, _, rtype, text = [*line.split(None, 4), ""][:5]
        kind = dns.rdatatype.from_text(rtype)
        key = (dns.name.from_text(owner), int(kind))
        found = records.setdefault(key, dns.rrset.RRset(key[0], dns.rdataclass.IN, kind))
        found.add(dns.rdata.from_text("IN", kind, text), int(ttl))
    for name, count in MANY.items():
        addresses = [f"10.{i >> 8}.{i & 255}.1" for i in range(count)]
        many = dns.name.from_text(f"{name}.c.example.")
        records[many, 1] = dns.rrset.from_text_list(many, 300, "IN", "A", addresses)
    long = dns.name.from_text("fits-tcp.c.example.")
    texts = [f'"{number:0200}"' for number in range(TEXTS)]
    records[long, 16] = dns.rrset.from_text_list(long, 300, "IN", "TXT", texts)
    mails = dns.name.from_text("mails.c.example.")
    exchanges = [f"10 m{number}.mails.c.example." for number in range(MAILS)]
    records[mails, 15] = dns.rrset.from_text_list(mails, 300, "IN", "MX", exchanges)
    return records


def _hosts(mails: dns.rrset.RRset) -> list[dns.rrset.RRset]:
    """The addresses of mail servers, as an additional section has them."""
    targets = [rdata.exchange for rdata in mails]
    return [dns.rrset.from_text(target, 300, "IN", "AAAA", "2001:db8::25") for target in targets]


RECORDS = _zone()
NAMES = {name for name, _ in RECORDS}
_ANYTHING = [dns.name.from_text(text) for text in ANYTHING]
_LEAKS = [dns.name.from_text(text) for text in LEAKS]
_TREE = dns.name.from_text("tree.c.example.")


def _below(name: dns.name.Name, zones: list[dns.name.Name]) -> bool:
    return any(name.is_subdomain(zone) for zone in zones)


def _address(name: dns.name.Name, text: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(name, 300, "IN", "A", text)


def _put(reply: dns.message.Message, name: dns.name.Name, qtype: int) -> bool:
    """Add what the name has of this type; whether the name is there at all."""
    if _below(name, _LEAKS):
        if qtype in (1, 255):
            reply.answer.append(_address(name, LEAKED))
        elif qtype == 12:
            reply.answer.append(dns.rrset.from_text(name, 300, "IN", "PTR", "leaked.example."))
        return True
    if _below(name, _ANYTHING):
        if qtype in (1, 255):
            reply.answer.append(_address(name, "192.0.2.61"))
        return True
    if qtype == 255:
        reply.answer.extend(rrset for (owner, _), rrset in RECORDS.items() if owner == name)
    elif (name, qtype) in RECORDS:
        reply.answer.append(RECORDS[name, qtype])
    if name.is_subdomain(_TREE) and name != _TREE:
        target = name.relativize(_TREE).derelativize(dns.name.from_text("other.c.example."))
        reply.answer.append(RECORDS[_TREE, 39])
        reply.answer.append(dns.rrset.from_text(name, 300, "IN", "CNAME", target.to_text()))
        return _put(reply, target, qtype)
    alias = RECORDS.get((name, 5))
    if alias is not None and qtype not in (5, 255):
        reply.answer.append(alias)
        return _put(reply, alias[0].target, qtype)
    return any(owner.is_subdomain(name) for owner in NAMES)


def _answered(reply: dns.message.Message) -> bool:
    """True if the type that was asked for is there, at the end of whatever aliases."""
    wanted = reply.question[0].rdtype
    return any(wanted in (rrset.rdtype, dns.rdatatype.ANY) for rrset in reply.answer)


def respond(query: dns.message.Message) -> dns.message.Message:
    """What the script says to a query."""
    reply = dns.message.make_response(query, recursion_available=True, our_payload=4096)
    asked = query.question[0]
    known = _put(reply, asked.name, int(asked.rdtype))
    label = asked.name.labels[0].lower()
    if label == b"signed" and query.ednsflags & dns.flags.DO and reply.answer:
        signature = dns.rdata.from_text("IN", "RRSIG", SIGNATURE)
        reply.answer.append(dns.rrset.from_rdata(asked.name, 300, signature))
        reply.flags |= dns.flags.AD
    if label == b"mails" and reply.answer:
        reply.additional += _hosts(reply.answer[0])
    if label == b"ede" and query.edns >= 0:
        reply.use_edns(0, query.ednsflags, 4096, options=[dns.edns.EDEOption(dns.edns.EDECode(3))])
    if label.startswith(b"servfail"):
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif not known or not _answered(reply):
        reply.set_rcode(dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN)
        in_zone = asked.name.is_subdomain(dns.name.from_text("c.example."))
        line = SOA if in_zone else ROOT_SOA
        owner, ttl, rclass, rtype, text = line.split(None, 4)
        reply.authority.append(dns.rrset.from_text(owner, int(ttl), rclass, rtype, text))
    return reply


def _answer(script: Script, packet: bytes, tcp: bool) -> bytes:
    query = dns.message.from_wire(packet)
    reply = script(query)
    most = 65535 if tcp else max(512, query.payload)
    whole = reply.to_wire(max_size=65535)
    if len(whole) <= most:
        return whole
    for section in reply.sections[1:]:
        section.clear()
    reply.flags |= dns.flags.TC
    return reply.to_wire()


def _wait(packet: bytes) -> float:
    return SLOW_SECONDS if b"\x04slow\x01c" in packet.lower() else 0.0


def _udp(server: socket.socket, script: Script) -> None:
    while True:
        packet, peer = server.recvfrom(65535)
        if not packet:
            return
        if _wait(packet):
            threading.Thread(target=_late, args=(server, script, packet, peer), daemon=True).start()
        else:
            server.sendto(_answer(script, packet, False), peer)


def _late(server: socket.socket, script: Script, packet: bytes, peer: tuple[str, int]) -> None:
    time.sleep(_wait(packet))
    with contextlib.suppress(OSError):
        server.sendto(_answer(script, packet, False), peer)


def _connection(client: socket.socket, script: Script) -> None:
    with client, contextlib.suppress(OSError), client.makefile("rb") as stream:
        while len(head := stream.read(2)) == 2:
            packet = stream.read(int.from_bytes(head, "big"))
            time.sleep(_wait(packet))
            reply = _answer(script, packet, True)
            client.sendall(len(reply).to_bytes(2, "big") + reply)


def _tcp(server: socket.socket, script: Script) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_connection, args=(client, script), daemon=True).start()


@contextlib.contextmanager
def scripted(script: Script = respond) -> Iterator[int]:
    """The upstream, which answers by ``script``; yields its port on 127.0.0.1."""
    port = free_port()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_server(("127.0.0.1", port)) as tcp,
    ):
        udp.bind(("127.0.0.1", port))
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        threads = [
            threading.Thread(target=_udp, args=(udp, script)),
            threading.Thread(target=_tcp, args=(tcp, script)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", ("127.0.0.1", port))
            tcp.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()

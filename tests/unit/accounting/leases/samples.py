"""Lease files as the servers write them, and the parsers that read them."""

from __future__ import annotations

import socket

from filterd.accounting.leases.dnsmasq import DnsmasqParser
from filterd.accounting.leases.isc import IscParser
from filterd.accounting.leases.kea import KeaParser
from filterd.accounting.leases.lease import Lease, LeaseParser

PARSERS = {"kea": KeaParser, "dnsmasq": DnsmasqParser, "isc": IscParser}

KEA4_HEAD = (
    b"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,"
    b"user_context,pool_id\n"
)
KEA4 = (
    KEA4_HEAD
    + b"192.0.2.10,96:18:5E:a8:82:ea,01:96:18:5e:a8:82:ea,600,1795735851,1,0,0,casa,0,,0\n"
    + b"192.0.2.11,96:18:5e:a8:82:eb,ff:00:00:00:07:00:03:00:01:96:18:5e:a8:82:eb,600,1795735860,1,0,0,"
    + b"uno&#x2cdos,0,"
    + b'{ "ISC": { "relay-agent-info": { "sub-options": "0x0104656e3031020400ff0001" } } },0\n'.replace(
        b"{ ", b"{"
    )
    + b"192.0.2.12,96:18:5e:a8:82:ec,,600,1795735870,1,0,0,,1,,0\n"
    + b"192.0.2.13,96:18:5e:a8:82:ed,,600,1795735880,1,0,0,,2,,0\n"
    + b"192.0.2.10,96:18:5e:a8:82:ea,01:96:18:5e:a8:82:ea,0,1795735300,1,0,0,casa,0,,0\n"
)
KEA4_OLD = (
    b"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname\n"
    b"192.0.2.10,96:18:5e:a8:82:ea,,600,1795735851,1,0,0,casa\n"
)
KEA6 = (
    b"address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,"
    b"fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id\n"
    b"2001:db8::7,00:03:00:01:96:18:5e:a8:82:ea,600,1795735851,1,300,0,7,128,0,0,,96:18:5e:a8:82:ea,0,"
    b'{"ISC": {"relay-info": [{"hop": 0&#x2c "link": "2001:db8:2::1"&#x2c "options": '
    b'"0x00120008706F72743132333400250008000009bfABCD0102"&#x2c "peer": "fe80::1"}]}},1,2,0\n'
    b"2001:db8:100::,00:03:00:01:96:18:5e:a8:82:ea,600,1795735851,1,300,2,7,56,0,0,,,0,,1,2,0\n"
)
DNSMASQ = (
    b"1795735866 62:44:a1:49:14:f9 192.0.2.13 casa 01:62:44:a1:49:14:f9\n"
    b"0 06-62:44:a1:49:14:fa 192.0.2.14 * *\n"
    b"duid 00:01:00:01:32:9b:7b:5d:62:44:a1:49:14:f9\n"
    b"1795735900 4822265 2001:db8::1a0 casa 00:01:00:01:32:9b:7b:5d:62:44:a1:49:14:f9\n"
    b"1795735900 T4822265 2001:db8::1a1 * 00:04:32:9b\n"
)
ISC4 = (
    b"# The format of this file is documented in the dhcpd.leases(5) manual page.\n"
    b"authoring-byte-order little-endian;\n\n"
    b'server-duid "\\000\\001\\000\\0012\\233{d2\\272DzZo";\n\n'
    b"lease 192.0.2.10 {\n"
    b"  starts 4 2026/11/26 23:21:10;\n"
    b"  ends 4 2026/11/26 23:31:10;\n"
    b"  cltt 4 2026/11/26 23:21:10;\n"
    b"  binding state active;\n"
    b"  next binding state free;\n"
    b"  rewind binding state free;\n"
    b"  hardware ethernet 62:44:a1:49:14:f9;\n"
    b'  uid "\\001bD\\241I\\024\\371";\n'
    b'  set vendor-class-identifier = "udhcp } 1.37.0";\n'
    b'  option agent.circuit-id "en01";\n'
    b"  option agent.remote-id 0:ff:0:1;\n"
    b'  client-hostname "ca\\"sa";\n'
    b"  on release {\n"
    b'    execute ("/bin/true",\n'
    b"             1);\n"
    b"  }\n"
    b"}\n"
    b"lease 192.0.2.11 {\n"
    b"  starts epoch 1795735270; # Thu Nov 26 23:21:10 2026\n"
    b"  ends never;\n"
    b"  hardware ethernet 62:44:a1:49:14:fa;\n"
    b"}\n"
    b'failover peer "x" state {\n  my state normal at 4 2026/11/26 23:21:10;\n}\n'
    b"lease 192.0.2.10 {\n"
    b"  starts 4 2026/11/26 23:21:10;\n"
    b"  ends 4 2026/11/26 23:22:10;\n"
    b"  cltt 4 2026/11/26 23:21:10;\n"
    b"  binding state free;\n"
    b"  hardware ethernet 62:44:a1:49:14:f9;\n"
    b"}\n"
)
ISC6 = (
    b'ia-na "\\007\\000\\000\\000\\000\\003\\000\\001bD\\241I\\024\\371" {\n'
    b"  cltt 4 2026/11/26 23:21:10;\n"
    b"  iaaddr 2001:db8::1a0 {\n"
    b"    binding state active;\n"
    b"    preferred-life 375;\n"
    b"    max-life 600;\n"
    b"    ends 4 2026/11/26 23:31:10;\n"
    b"  }\n"
    b"}\n\n"
    b"ia-pd 7:0:0:0:0:3:0:1:62:44:a1:49:14:f9 {\n"
    b"  cltt 4 2026/11/26 23:21:10;\n"
    b"  iaprefix 2001:db8:100::/56 {\n"
    b"    binding state released;\n"
    b"    ends 4 2026/11/26 23:22:10;\n"
    b"  }\n"
    b"}\n"
)
SAMPLES = {
    "kea4": ("kea", KEA4),
    "kea4 of 1.x": ("kea", KEA4_OLD),
    "kea6": ("kea", KEA6),
    "dnsmasq": ("dnsmasq", DNSMASQ),
    "isc4": ("isc", ISC4),
    "isc6": ("isc", ISC6),
}
VALUES = ("hw-address", "client-id", "duid", "hostname", "circuit-id", "remote-id")


def parser(form: str, value: str) -> LeaseParser:
    """A parser at a file's beginning."""
    return PARSERS[form](value)


def leases(form: str, text: bytes, value: str = "hw-address") -> list[Lease]:
    """The statements in a text."""
    return list(parser(form, value).feed(text))


def address(text: str) -> bytes:
    """The 16 bytes of an address."""
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return bytes(10) + b"\xff\xff" + socket.inet_pton(socket.AF_INET, text)

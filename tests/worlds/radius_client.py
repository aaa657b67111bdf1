"""A NAS for tests: accounting packets as devices of the field send them, built by pyrad and sent to filterd.

The attributes of each device and their forms are those of its maker's documents (decision 0247).
"""

from __future__ import annotations

import io
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pyrad import packet
from pyrad.dictionary import Dictionary

_NAMES = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE NAS-Port 5 integer
ATTRIBUTE Service-Type 6 integer
ATTRIBUTE Framed-Protocol 7 integer
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Framed-IP-Netmask 9 ipaddr
ATTRIBUTE Class 25 octets
ATTRIBUTE Called-Station-Id 30 string
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Proxy-State 33 octets
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Delay-Time 41 integer
ATTRIBUTE Acct-Input-Octets 42 integer
ATTRIBUTE Acct-Output-Octets 43 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Acct-Authentic 45 integer
ATTRIBUTE Acct-Session-Time 46 integer
ATTRIBUTE Acct-Input-Packets 47 integer
ATTRIBUTE Acct-Output-Packets 48 integer
ATTRIBUTE Acct-Terminate-Cause 49 integer
ATTRIBUTE Acct-Input-Gigawords 52 integer
ATTRIBUTE Acct-Output-Gigawords 53 integer
ATTRIBUTE Event-Timestamp 55 date
ATTRIBUTE NAS-Port-Type 61 integer
ATTRIBUTE Message-Authenticator 80 octets
ATTRIBUTE NAS-Port-Id 87 string
ATTRIBUTE Chargeable-User-Identity 89 string
ATTRIBUTE Framed-IPv6-Prefix 97 ipv6prefix
ATTRIBUTE Delegated-IPv6-Prefix 123 ipv6prefix
VENDOR Huawei 2011
BEGIN-VENDOR Huawei
ATTRIBUTE Huawei-Connect-ID 26 integer
ATTRIBUTE Huawei-Startup-Stamp 59 integer
ATTRIBUTE Huawei-IPHost-Addr 60 string
ATTRIBUTE Huawei-Domain-Name 138 string
ATTRIBUTE Huawei-Version 254 string
ATTRIBUTE Huawei-Product-ID 255 string
END-VENDOR Huawei
VENDOR ADSL-Forum 3561
BEGIN-VENDOR ADSL-Forum
ATTRIBUTE Agent-Circuit-Id 1 string
ATTRIBUTE Agent-Remote-Id 2 string
END-VENDOR ADSL-Forum
"""
START, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8
"""values of Acct-Status-Type"""
USER_REQUEST, FRAMED, PPP, ETHERNET, BY_RADIUS = 1, 2, 1, 15, 1
ANSWERED = packet.AccountingResponse

Attributes = dict[str, Any]
_NUMBERS = count(1)


@dataclass
class Nas:
    """A sender of accounting; ``source``: the address on loopback that its packets come from."""

    port: int
    secret: bytes
    source: str = "127.0.0.1"
    timeout: float = 3.0
    dictionary: Dictionary = field(default_factory=lambda: Dictionary(io.StringIO(_NAMES)))

    def packet(self, attributes: Mapping[str, Any]) -> packet.AcctPacket:
        """An Accounting-Request with the attributes in this order."""
        made = packet.AcctPacket(secret=self.secret, dict=self.dictionary, id=next(_NUMBERS) % 256)
        for name, value in attributes.items():
            made[name] = value
        return made

    def send(self, attributes: Mapping[str, Any]) -> int:
        """The code of the answer to one Accounting-Request, which was verified. Raises TimeoutError."""
        made = self.packet(attributes)
        request = made.RequestPacket()
        answer = self.send_bytes(request)
        assert made.VerifyReply(made.CreateReply(packet=answer), answer), "the answer is forged"
        return answer[0]

    def send_bytes(self, request: bytes) -> bytes:
        """The answer to a packet. Raises TimeoutError."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind((self.source, 0))
            udp.settimeout(self.timeout)
            udp.connect(("127.0.0.1", self.port))
            udp.send(request)
            return udp.recv(4096)


def mikrotik_pppoe(
    status: int, user: str, mac: str, session: str, addresses: Mapping[str, str], at: int, age: int = 0
) -> Attributes:
    """A packet of a RouterOS PPPoE server: hardware addresses in capitals, no Class, Event-Timestamp.

    ``addresses``: Framed-IP-Address and, where RouterOS gives IPv6, Delegated-IPv6-Prefix.
    """
    made: Attributes = {
        "Acct-Status-Type": status,
        "Service-Type": FRAMED,
        "Framed-Protocol": PPP,
        "NAS-Port": 15_728_641,
        "NAS-Port-Type": ETHERNET,
        "User-Name": user,
        "Calling-Station-Id": mac.upper(),
        "Called-Station-Id": "pppoe-clientes",
        "NAS-Port-Id": "vlan100-acceso",
        "Acct-Session-Id": session,
        **addresses,
        "Acct-Authentic": BY_RADIUS,
        "Event-Timestamp": at,
        **_counters(status, age),
        "NAS-Identifier": "torre-norte",
        "Acct-Delay-Time": 0,
        "NAS-IP-Address": "192.0.2.250",
    }
    return made


def huawei_bras(
    status: int,
    user: str,
    circuit: Sequence[str],
    session: str,
    addresses: Mapping[str, str],
    at: int,
    age: int = 0,
) -> Attributes:
    """A packet of a Huawei BRAS: a realm in the user name, its own attributes, the circuit and remote id.

    Hardware addresses are written ``0011-22aa-bbcc``.
    """
    address = addresses.get("Framed-IP-Address", "0.0.0.0")
    return {
        "User-Name": user,
        "NAS-Port": 268_443_749,
        "Service-Type": FRAMED,
        "Framed-Protocol": PPP,
        "Calling-Station-Id": "0011-22aa-bbcc",
        "NAS-Identifier": "ME60-CENTRO",
        "NAS-Port-Type": ETHERNET,
        "NAS-Port-Id": "slot=1;subslot=0;port=3;vlanid=1101;vlanid2=101;",
        "Acct-Status-Type": status,
        "Acct-Delay-Time": 0,
        "Acct-Session-Id": session,
        "Acct-Authentic": BY_RADIUS,
        "Event-Timestamp": at,
        **addresses,
        **({"Framed-IP-Netmask": "255.255.255.255"} if "Framed-IP-Address" in addresses else {}),
        **_counters(status, age),
        "NAS-IP-Address": "192.0.2.251",
        "Huawei-Connect-ID": 4_711,
        "Huawei-Version": "Huawei ME60",
        "Huawei-Product-ID": "ME60",
        "Huawei-Startup-Stamp": at - 86_400,
        "Huawei-IPHost-Addr": f"{address} 00:11:22:aa:bb:cc",
        "Huawei-Domain-Name": "isp",
        "Agent-Circuit-Id": circuit[0],
        "Agent-Remote-Id": circuit[1],
    }


def _counters(status: int, age: int) -> Attributes:
    if status == START:
        return {}
    ended = {"Acct-Terminate-Cause": USER_REQUEST} if status == STOP else {}
    return {
        "Acct-Session-Time": age,
        "Acct-Input-Octets": 123_456,
        "Acct-Input-Gigawords": 0,
        "Acct-Input-Packets": 789,
        "Acct-Output-Octets": 654_321,
        "Acct-Output-Gigawords": 1,
        "Acct-Output-Packets": 987,
        **ended,
    }

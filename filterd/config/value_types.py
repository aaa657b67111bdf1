"""The domain types of the settings, which say what a bare string or number would not, and their readers.

Each reader takes the value in the file, and raises ValueError with a message that names the remedy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal, NewType
from urllib.parse import urlsplit

from filterd.policy.published import NAT64_LENGTHS
from filterd.policy.schedule import UnknownZoneError, zone_of

Bytes = NewType("Bytes", int)
Seconds = NewType("Seconds", int)
NodeName = NewType("NodeName", str)
"""letters, digits, hyphens and dots: a host name, used as a metrics label"""
TlsName = NewType("TlsName", str)
"""what a certificate is for: a host name, or an address in its short form"""
StoreUrl = NewType("StoreUrl", str)
"""an SQLAlchemy URL"""
ZoneName = NewType("ZoneName", str)
"""an IANA time zone"""

CanaryZone = NewType("CanaryZone", str)
"""a domain in lower case without the final dot, short enough for a label before it"""

DEFAULT_ZONE = ZoneName("America/Mexico_City")

AttributeName = NewType("AttributeName", str)
"""one of :data:`LINE_ATTRIBUTES`, or ``VENDOR:NUMBER``"""

LINE_ATTRIBUTES = {
    "User-Name": (0, 1),
    "Class": (0, 25),
    "Calling-Station-Id": (0, 31),
    "NAS-Port-Id": (0, 87),
    "Chargeable-User-Identity": (0, 89),
    "Framed-IPv6-Prefix": (0, 97),
    "Delegated-IPv6-Prefix": (0, 123),
    "Agent-Circuit-Id": (3561, 1),
    "Agent-Remote-Id": (3561, 2),
}
"""the attributes that may name a line: vendor (0: none) and number (RFC 2865, 2869, 3162, 4372, 4679, 4818)
"""

CountryCode = NewType("CountryCode", str)
"""two lower-case letters (ISO 3166-1), which are the name of a file in jurisdictions/"""

HOME = CountryCode("mx")
"""the country whose rules are in force unless the configuration names another"""

IPNetwork = IPv4Network | IPv6Network

_RESERVED_OCTET = 8
"""of an address behind a NAT64 prefix (RFC 6052 section 2.2)"""

_SIZE = re.compile(r"(\d+) ?(B|KiB|MiB|GiB|kB|MB|GB)?")
_SIZE_UNITS = {
    None: 1,
    "B": 1,
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_DURATION_UNITS = (604800, 86400, 3600, 60, 1)
_NODE_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
_HOST_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_BRACKETED = re.compile(r"\[[^\[\]]*\](:[0-9]*)?")
"""host and port of a URL whose host is an IPv6 address; urlsplit passes over what stands beside them"""
_NUMBER = re.compile(r"[0-9]+|0[Xx][0-9A-Fa-f]*")
"""the last label of what browsers take for an IPv4 address (WHATWG URL, ends-in-a-number checker)"""
_PROXY = re.compile(r"http://(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]+\]):\d{1,5}/?")
_HOST_NAME = re.compile(rf"{_HOST_LABEL}(\.{_HOST_LABEL})*")
_NO_ZONES = ("posix", "posixrules", "right")
"""names that a zone database may have beside the zones"""
_VENDOR_ATTRIBUTE = re.compile(r"(\d{1,8}):(\d{1,3})")
_ENDPOINT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[^:\[\]]+))(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a port, UDP and TCP alike; written ``192.0.2.1:53`` or ``[2001:db8::1]:53``."""

    address: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        if isinstance(self.address, IPv6Address):
            return f"[{self.address}]:{self.port}"
        return f"{self.address}:{self.port}"


def parse_size(value: object) -> Bytes:
    """A size in bytes: ``268435456``, ``256MiB``, ``1GB``."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Bytes(value)
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        msg = f"not a size: {value!r} (write 256MiB, 1GiB or a number of bytes)"
        raise ValueError(msg)
    return Bytes(int(match[1]) * _SIZE_UNITS[match[2]])


def parse_duration(value: object) -> Seconds:
    """A duration in seconds: ``30``, ``30s``, ``15m``, ``1h30m``, ``1d``, ``2w``."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Seconds(value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        msg = f"not a duration: {value!r} (write 30s, 15m, 1h30m, 1d or a number of seconds)"
        raise ValueError(msg)
    return Seconds(sum(int(n or 0) * unit for n, unit in zip(match.groups(), _DURATION_UNITS, strict=True)))


def parse_endpoint(value: object, default_port: int | None = None) -> Endpoint:
    """An address with a port; the port may be left out only where there is a default."""
    match = _ENDPOINT.fullmatch(value) if isinstance(value, str) else None
    try:
        if match is None:
            raise ValueError
        address = IPv6Address(match["v6"]) if match["v6"] else IPv4Address(match["v4"])
        port = int(match["port"]) if match["port"] else default_port
        if port is None or not 0 <= port <= 65535:
            raise ValueError
    except ValueError:
        msg = f"not an address with a port: {value!r} (write 192.0.2.1:53 or [2001:db8::1]:53)"
        raise ValueError(msg) from None
    return Endpoint(address, port)


def parse_attribute(value: object) -> AttributeName:
    """The name of a RADIUS attribute that may name a line, or ``VENDOR:NUMBER``."""
    text = value if isinstance(value, str) else ""
    known = {each.lower(): each for each in LINE_ATTRIBUTES}.get(text.lower())
    if known is not None:
        return AttributeName(known)
    match = _VENDOR_ATTRIBUTE.fullmatch(text)
    if match is None or not 0 < int(match[1]) < 1 << 24 or not 0 < int(match[2]) < 256:
        msg = (
            f"not an attribute that can name a line: {value!r} (write User-Name, Calling-Station-Id, "
            "Agent-Circuit-Id or another one of docs/configuration.md, or VENDOR:NUMBER, as 14988:10)"
        )
        raise ValueError(msg)
    return AttributeName(f"{int(match[1])}:{int(match[2])}")


def attribute_of(name: AttributeName) -> tuple[int, int]:
    """Vendor (0: none) and number of an attribute."""
    found = LINE_ATTRIBUTES.get(name)
    if found is None:
        vendor, _, number = name.partition(":")
        return int(vendor), int(number)
    return found


def parse_network4(value: object) -> IPv4Network:
    """An IPv4 prefix; a single address is a prefix of its full length."""
    network = parse_network(value)
    if not isinstance(network, IPv4Network):
        msg = f"not an IPv4 prefix: {value!r} (write 192.0.2.0/24)"
        raise ValueError(msg)
    return network


def parse_network6(value: object) -> IPv6Network:
    """An IPv6 prefix."""
    network = parse_network(value)
    if not isinstance(network, IPv6Network):
        msg = f"not an IPv6 prefix: {value!r} (write 2001:db8::/40)"
        raise ValueError(msg)
    return network


def parse_network(value: object) -> IPNetwork:
    """An address prefix; a single address is a prefix of its full length."""
    if not isinstance(value, str):
        msg = f"not an address prefix: {value!r} (write 10.0.0.0/8 or 2001:db8::/32)"
        raise ValueError(msg)
    if "%" in value:
        msg = f"not an address prefix: {value!r} has a zone (write the address without % and what follows it)"
        raise ValueError(msg)
    try:
        return ip_network(value)
    except ValueError:
        pass
    try:
        wider = ip_network(value, strict=False)
    except ValueError:
        msg = f"not an address prefix: {value!r} (write 10.0.0.0/8 or 2001:db8::/32)"
        raise ValueError(msg) from None
    msg = f"{value!r} has bits set beyond its prefix length (did you mean {wider}?)"
    raise ValueError(msg)


def parse_nat64_prefix(value: object) -> IPv6Network:
    """A prefix behind which a translator puts IPv4 addresses (RFC 6052, 2.2)."""
    found = parse_network(value)
    lengths = ", ".join(f"/{length}" for length in NAT64_LENGTHS[:-1])
    if not isinstance(found, IPv6Network) or found.prefixlen not in NAT64_LENGTHS:
        msg = f"{found} is no prefix of a translator: they are IPv6, {lengths} or /{NAT64_LENGTHS[-1]}"
        raise ValueError(msg)
    if found.network_address.packed[_RESERVED_OCTET]:
        msg = f"{found} has bits 64 to 71 set, which are reserved (RFC 6052 section 2.2)"
        raise ValueError(msg)
    return found


def parse_node_name(value: object) -> NodeName:
    """A node's name."""
    if not isinstance(value, str) or _NODE_NAME.fullmatch(value) is None:
        msg = f"not a node name: {value!r} (letters, digits, hyphens and dots, at most 63)"
        raise ValueError(msg)
    return NodeName(value)


_MOST_OF_A_ZONE = 253 - 64
"""characters: a label of 63 and a dot stand before it"""


def parse_canary_zone(value: object) -> CanaryZone:
    """A domain of at least two labels."""
    name = value.removesuffix(".").lower() if isinstance(value, str) else ""
    if _HOST_NAME.fullmatch(name) is None or "." not in name or len(name) > _MOST_OF_A_ZONE:
        msg = f"not a domain of yours: {value!r} (write canary.isp.example)"
        raise ValueError(msg)
    return CanaryZone(name)


def parse_tls_name(value: object) -> TlsName:
    """A host name without the final dot, or an address."""
    try:
        return TlsName(str(ip_address(str(value))))
    except ValueError:
        pass
    if not isinstance(value, str) or _HOST_NAME.fullmatch(value) is None or len(value) > 253:
        msg = f"not a name that a certificate can be for: {value!r} (write dns.example, or an address)"
        raise ValueError(msg)
    return TlsName(value)


def parse_proxy(value: object) -> str:
    """The address of an HTTP proxy; a password would be shown by ``config show``."""
    if not isinstance(value, str) or _PROXY.fullmatch(value) is None:
        msg = "not a proxy (write http://HOST:PORT, without user and password)"
        raise ValueError(msg)
    return value.removesuffix("/")


def parse_public_url(value: object) -> str:
    """The URL under which clients reach the web process: scheme, host and port as browsers send them."""
    try:
        return _origin(value)
    except ValueError:
        msg = "not a public URL (write https://HOST or https://HOST:PORT, without a path)"
        raise ValueError(msg) from None


def _origin(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise ValueError
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or parts.path not in ("", "/") or parts.port == 0:
        raise ValueError
    if any(each in value for each in "@?#"):
        raise ValueError
    host = host_of_url(value)
    bracketed = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{bracketed}" + ("" if parts.port is None else f":{parts.port}")


def host_of_url(url: str) -> str:
    """The host of a URL: an address in its short form, or a name as browsers send it, in lower-case A-labels
    without the final dot. Raises ValueError."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if "[" in parts.netloc:
        if "%" in host or _BRACKETED.fullmatch(parts.netloc) is None:
            raise ValueError
        return str(IPv6Address(host))
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return str(IPv4Address(host))
    name = host.removesuffix(".")
    if not name.isascii():
        import idna

        name = idna.encode(name, uts46=True).decode("ascii")
    if _HOST_NAME.fullmatch(name) is None or _NUMBER.fullmatch(name.rpartition(".")[2]) or len(name) > 253:
        raise ValueError
    return name


def parse_identity(value: object) -> NodeName | Literal["auto", "hidden"]:
    """The name that the server tells: a name, auto (the node's name) or hidden."""
    if value == "auto":
        return "auto"
    return "hidden" if value == "hidden" else parse_node_name(value)


def parse_store_url(value: object) -> StoreUrl:
    """The store's URL: SQLite, with an absolute path, so that every command finds the same file."""
    if not isinstance(value, str) or not re.fullmatch(r"sqlite:////[^?#]+", value):
        msg = f"not a store: {value!r} (write sqlite:////absolute/path/filterd.db, with four slashes)"
        raise ValueError(msg)
    return StoreUrl(value)


def parse_zone(value: object) -> ZoneName:
    """An IANA time zone."""
    try:
        if not isinstance(value, str) or value.partition("/")[0] in _NO_ZONES:
            raise UnknownZoneError
        zone_of(value)
    except UnknownZoneError:
        msg = f"not a time zone: {value!r} (write it like {DEFAULT_ZONE})"
        raise ValueError(msg) from None
    return ZoneName(value)


def parse_country(value: object) -> CountryCode:
    """Two letters: ``mx``."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z]{2}", value):
        msg = f"not a country: {value!r} (write its two letters, like {HOME})"
        raise ValueError(msg)
    return CountryCode(value)

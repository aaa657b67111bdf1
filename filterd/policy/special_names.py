"""The names that every snapshot answers locally or not at all, whatever the policies say.

Each constant names its source. Names are lower-case ASCII without the final dot; a rule takes the name and
all below it. Not here, because they are resolved like any other name: ``example`` (RFC 6761, 6.5),
``ipv4only.arpa`` (RFC 8880, 7.1: a forwarder passes it on), ``as112.arpa`` (RFC 7534).
"""

from __future__ import annotations

from filterd.model.rule import NameRule, Scope

LOCALHOST = ("localhost",)
"""RFC 6761, 6.3: answered with loopback addresses"""

RESOLVER_ARPA = ("resolver.arpa",)
"""RFC 9462, 8.1: never forwarded, as its records would speak of another resolver"""

SPECIAL_USE_NAMES = (
    "alt",  # RFC 9476, 2: names outside the DNS
    "home.arpa",  # RFC 8375, 4: the home's own names
    "invalid",  # RFC 6761, 6.4
    "local",  # RFC 6762, 22.1: multicast DNS
    "onion",  # RFC 7686, 2
    "test",  # RFC 6761, 6.2
)
"""names that do not exist in the global DNS"""

_PRIVATE_IPV4 = (
    "10.in-addr.arpa",  # RFC 6303, 4.1: RFC 1918
    *(f"{octet}.172.in-addr.arpa" for octet in range(16, 32)),
    "168.192.in-addr.arpa",
    "0.in-addr.arpa",  # RFC 6303, 4.2: RFC 5735
    "127.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    *(f"{octet}.100.in-addr.arpa" for octet in range(64, 128)),  # RFC 7793, 3: shared address space
)

_NO_IPV6 = ".".join(["0"] * 31) + ".ip6.arpa"

_PRIVATE_IPV6 = (
    f"0.{_NO_IPV6}",  # RFC 6303, 4.3: the unspecified address
    f"1.{_NO_IPV6}",  # and loopback
    "d.f.ip6.arpa",  # RFC 6303, 4.4: locally assigned (RFC 4193)
    *(f"{nibble}.e.f.ip6.arpa" for nibble in "89ab"),  # RFC 6303, 4.5: link-local
    "8.b.d.0.1.0.0.2.ip6.arpa",  # RFC 6303, 4.6: documentation
)

REVERSE_ZONES = _PRIVATE_IPV4 + _PRIVATE_IPV6
"""address blocks whose reverse names mean nothing outside a site (RFC 6303, RFC 7793)"""


def rules(names: tuple[str, ...]) -> tuple[NameRule, ...]:
    """The names as rules of a list: each name and all below it."""
    return tuple(NameRule(name, Scope.SUBTREE) for name in names)

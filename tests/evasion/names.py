"""The names, addresses and lines of the evasion suite, and what stands for data that may not come through."""

from __future__ import annotations

from ipaddress import ip_address

CHILD = "127.0.0.2"
"""a line that opted in: the category adult, the service chat, safe search, bypass"""
OWNER = "127.0.0.3"
"""the same with own names: it allows ``way.example``, ``ordered.example`` and ``open.example``, and denies
``mine.example``"""
STRANGER = "127.0.0.99"
"""an address of no line"""
CLIENTS = (CHILD, OWNER, STRANGER)
LEFT = "127.0.0.4"
"""a line that opted in and out again; it denies ``mine.example``"""
PAUSED = "127.0.0.5"
"""a line with the child's profile that pauses; it denies ``mine.example``"""
FRONT = "127.0.0.50"
"""speaks PROXY v2"""
FORWARDER = "127.0.0.51"
"""its client subnets are believed"""

ORDERED = "ordered.example"
"""under an order, with all below"""
ORDERED_EXACT = "only.example"
ORDERED_BELOW = "beneath.example"
"""under orders: the exact name; what is below it"""
CONFIDENTIAL = "secret.example"
NULLED = "nulled.example"
SUNK = "sunk.example"
"""under orders that answer 0.0.0.0, and the block page"""
ADOPTED = "adopted.example"
"""in an adopted list"""
ADDRESS, ADDRESS6 = "203.0.113.66", "2001:db8:bad::66"
"""under an order"""
ADULT = "adult.example"
"""in a list of the category adult"""
OPEN = "open.example"
"""the same, and OWNER allows it"""
MALWARE = "malware.example"
"""in the operator's security list"""
CHAT = "chat.example"
"""a service"""
CANARY = "canary.example"
"""bypass prevention, with the address below"""
BYPASS_ADDRESS = "203.0.113.53"
SEARCH, SAFE, UNSAFE = "search.example", "safe.example", "www.search.example"
"""safe search answers the first and the last with the second"""
MINE = "mine.example"
"""what OWNER, LEFT and PAUSED deny"""
HELP = "help.example"
"""a help line: protected with all below"""
SUFFIX = "com.mx"
"""a public suffix: protected exactly"""

FORBIDDEN, FORBIDDEN6, WORDS = "192.0.2.66", "2001:db8:0:66::66", "contraband"
"""what the upstream says of every name that is not CLEAN: addresses and a text"""
CLEAN, CLEAN6 = "192.0.2.1", "2001:db8::1"
MARKS = (
    ip_address(FORBIDDEN).packed,
    ip_address(FORBIDDEN6).packed,
    WORDS.encode(),
    ip_address(ADDRESS).packed,
    ip_address(ADDRESS6).packed,
)
"""what may be nowhere in a message that is blocked: the data of blocked names, and blocked addresses"""
WAY = "way.example"
"""below it, each form has names of its own, about which no rule speaks"""

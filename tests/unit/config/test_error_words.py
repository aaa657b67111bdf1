"""Every key of the file with every kind of wrong value: the message is ours and says what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from filterd.config.load import ConfigErrors, from_value
from filterd.config.raw import RawConfiguration

WRONG: tuple[Any, ...] = (
    *("", "nonsense", "1.5", -1, 0, 1.5, 10**30, float("inf"), float("nan"), True, False),
    *([], ["nonsense"], [1.5], [[]], [{}], [True], {}, {"nonsense": 1}, {1: 2}, [0] * 9),
    *(["64:ff9b::/96"] * 9, ["0.0.0.0/0", 7]),
)
"""values of every kind that YAML has; some are right for some keys"""
FOREIGN = re.compile(
    r"input should|valid (tuple|integer|boolean|dictionary|string|path)|validation error|pydantic|unable to"
    r"|field required|tuple|Raw[A-Z]|\bmodel\b|\bclass\b|instance of|assertion|should be",
    re.IGNORECASE,
)
SAYS_WHAT = re.compile(
    r"write|did you mean|letters, digits|unknown key|is taken by|prefix of a translator"
    r"|bits 64 to 71|stands here twice|names no resolver|port 0|limit its /64|is ourselves"
)
UPSTREAM = {"address": "192.0.2.53"}


def keys(section: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key, those of sections too."""
    for name, field in section.model_fields.items():
        yield (*path, name)
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from keys(inner, (*path, name))


def at(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A file whose only key is that one."""
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def errors(value: dict[str, Any]) -> list[str]:
    """The messages, without the paths."""
    try:
        from_value(value, base=Path("/"), resolv_conf=Path("/nowhere"))
    except ConfigErrors as found:
        return [each.message for each in found.errors if not each.message.startswith("/nowhere")]
    return []


INSIDE = [
    *(("dns", "upstreams", name) for name in ("address", "trusted", "outstanding", "tls")),
    *(("dns", "upstreams", "tls", name) for name in ("name", "ca")),
    *(("dns", "rate_limit", "overrides", name) for name in ("prefix", "queries_per_second", "burst")),
]


def inside(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A file with one entry of a list, whose key that one is."""
    if path[1] == "upstreams":
        entry = {**UPSTREAM, **at(path[2:], value)}
        return at(path[:2], [entry])
    return at(path[:3], [{"prefix": "192.0.2.0/24", "queries_per_second": 1, **at(path[3:], value)}])


ALL = [*((path, at) for path in keys(RawConfiguration)), *((path, inside) for path in INSIDE)]


@pytest.mark.parametrize(("path", "make"), ALL, ids=[".".join(path) for path, _ in ALL])
def test_every_message_is_ours_and_says_what_to_write(path: tuple[str, ...], make: Any) -> None:
    refused = 0
    for value in WRONG:
        messages = errors(make(path, value))
        refused += bool(messages)
        for message in messages:
            assert not FOREIGN.search(message), (value, message)
            assert SAYS_WHAT.search(message), (value, message)
            assert "cannot stand here" not in message, (value, message)
    assert refused > 3


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"dns": {"listen": "127.0.0.1:53"}}, 'dns.listen: write a list: ["127.0.0.1:53"]'),
        ({"dns": {"listen": {}}}, "dns.listen: write a list, such as [first, second], not {}"),
        ({"dns": {"listen": []}}, "dns.listen: is empty; write at least one entry"),
        ({"dns": {"threads": "two"}}, 'dns.threads: write a whole number, not "two"'),
        ({"dns": {"block_ttl": 90000}}, "dns.block_ttl: write at most 86400, not 90000"),
        ({"dns": {"parental_fail": "shut"}}, 'dns.parental_fail: write closed or open, not "shut"'),
        ({"security": {"enabled": "maybe"}}, 'security.enabled: write true or false, not "maybe"'),
        ({"orders": 2}, "orders: write keys with values, not 2; the keys: approvals, shortest_prefix"),
        ({"block_page": {"ipv4": "x"}}, "block_page.ipv4: write an IPv4 address, such as 192.0.2.80, not"),
        ({"dns": {"upstreams": [{"trusted": True}]}}, "dns.upstreams[0].address: is missing; write it"),
    ],
)
def test_what_it_says(value: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        from_value(value, base=Path("/"))
    assert says in str(caught.value)

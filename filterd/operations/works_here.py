"""The test page's facts: the names that a device is to try, and what its connection is.

Nothing is logged or stored: neither that somebody tried, nor what came of it, which the browser alone knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from filterd.operations.context import Context
from filterd.operations.policies import policies
from filterd.policy.documents import Policies, Text
from filterd.policy.test_names import ANY, OPEN, WAYS


class ConnectionKind(StrEnum):
    """The connection that a request came by, as far as its address tells."""

    UNKNOWN = "unknown"
    """nobody looked"""
    ELSEWHERE = "elsewhere"
    """not on the provider's network: mobile data, another Wi-Fi, a VPN"""
    FILTERED = "filtered"
    """a line with a filter that is on"""
    PAUSED = "paused"
    """a line whose filter is paused"""
    SUSPENDED = "suspended"
    """a line with a filter, which the provider has stopped for all lines"""
    PLAIN = "plain"
    """a line without a filter"""


ConnectionOf = Callable[[Context, str], Awaitable[ConnectionKind]]
"""tells the kind of connection of a client's address; nothing of it is kept"""


async def unknown_connection(_context: Context, _address: str) -> ConnectionKind:
    """The kind where nobody looks."""
    return ConnectionKind.UNKNOWN


@dataclass(frozen=True, slots=True)
class TestedPart:
    """A part of the filter with the label of its test name."""

    label: str
    title: Text | None
    """None: the part of ways around the filter, for which pages have words"""


def parts(documents: Policies) -> tuple[TestedPart, ...]:
    """The parts that can be tested: categories that a list fills, in the order of the documents, and ways
    around."""
    filled = {each.category for each in documents.feeds if each.category and not each.observe}
    found = [TestedPart(each.id, each.title) for each in documents.categories if each.id in filled]
    if documents.bypass:
        found.append(TestedPart(WAYS, None))
    return tuple(found)


def tested_parts(context: Context) -> tuple[TestedPart, ...]:
    """The parts of this installation. Raises OperationError where its policies cannot be read."""
    return parts(policies(context))


def labels(context: Context) -> frozenset[str]:
    """All labels of test names."""
    return frozenset({OPEN, ANY, *(each.label for each in tested_parts(context))})

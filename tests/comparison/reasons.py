"""Why filterd's answer differs from another's. The first entry that speaks of a difference counts.

Every difference in docs/comparison.md has its entry here; ``make comparison`` fails where one has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.comparison.fields import Difference


@dataclass(frozen=True, slots=True)
class Reason:
    """Differences (patterns over ``field: how``), shapes, systems, and why filterd does as it does."""

    differences: tuple[str, ...]
    shapes: tuple[str, ...]
    systems: tuple[str, ...]
    why: str


BOTH = ("Unbound", "BIND")
REASONS: tuple[Reason, ...] = (
    Reason(
        ("*",),
        ("local",),
        BOTH,
        "A name that resolvers answer by themselves: each makes up its own SOA. filterd's denials have no "
        "AA, and `resolver.arpa` has no data rather than no names (RFC 9462 §6.4).",
    ),
    Reason(
        ("additional: without *",),
        ("dname", "alias", "chain", "plain"),
        ("BIND",),
        "It adds addresses that it happens to have in its cache; filterd adds nothing of its own.",
    ),
    Reason(
        ("flags: has AD",),
        ("signed",),
        BOTH,
        "The upstream is declared trusted in filterd's configuration, so its AD is passed on to those who "
        "ask with AD or DO (RFC 6840 §5.7). The others do not take AD from a forwarder.",
    ),
    Reason(
        ("option: *EDE",),
        ("with-ede", "refused", "servfail"),
        BOTH,
        "Extended errors are each resolver's own words. filterd passes on the upstream's and says why it "
        "could not resolve (22 No Reachable Authority); the others say less (RFC 8914 §3 leaves it open).",
    ),
    Reason(
        ("ttl: SOA longer",),
        ("*",),
        ("Unbound",),
        "The upstream's SOA has a TTL above its MINIMUM. Unbound writes the lesser of the two into the "
        "answer, BIND and filterd pass the TTL on, at most an hour; all keep the denial no longer than the "
        "lesser (RFC 2308 §5), and so does every client that follows it.",
    ),
    Reason(
        ("ttl: records shorter",),
        ("alias-to-nothing", "alias-without-type"),
        BOTH,
        "An answer is kept whole: the aliases of a denial live no longer than denials do, at most an hour.",
    ),
    Reason(
        ("ttl: records shorter",),
        ("ttl-long",),
        ("BIND",),
        "filterd and Unbound keep nothing longer than a day; BIND does for a week (RFC 8767 §4 speaks of "
        "days and weeks alike).",
    ),
)


def reason_for(difference: Difference, shape: str, system: str) -> str | None:
    """Why this difference is as it should be, if that is known."""
    text = f"{difference.field}: {difference.how}"
    for reason in REASONS:
        if (
            system in reason.systems
            and any(fnmatchcase(shape, pattern) for pattern in reason.shapes)
            and any(fnmatchcase(text, pattern) for pattern in reason.differences)
        ):
            return reason.why
    return None

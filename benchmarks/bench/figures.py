"""Numbers: what one load of one system found, and the medians over rounds. Pure."""

from __future__ import annotations

import json
import re
import statistics
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

LOST = 0xFFFFFFFF
"""the senders' word for a query without an answer"""
_DNSPERF = {
    "sent": re.compile(r"^\s*Queries sent:\s+(\d+)", re.MULTILINE),
    "answered": re.compile(r"^\s*Queries completed:\s+(\d+)", re.MULTILINE),
    "seconds": re.compile(r"^\s*Run time \(s\):\s+([\d.]+)", re.MULTILINE),
}
_CODES = re.compile(r"^\s*Response codes:\s+(.*)$", re.MULTILINE)
_CODE = re.compile(r"([A-Z]+) (\d+) \(")


class OutputError(ValueError):
    """A program printed something else than was expected; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a generator saw."""

    sent: int
    answered: int
    seconds: float
    codes: dict[str, int]
    """answers by response code, where the generator tells them apart"""
    unfiltered: int = 0
    begin: float = 0.0
    """of the machine's monotonic clock"""

    @property
    def lost(self) -> int:
        """Queries without an answer in time."""
        return self.sent - self.answered

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds if self.seconds else 0.0

    @property
    def failed(self) -> int:
        """Answers that are neither NOERROR nor NXDOMAIN."""
        return sum(count for code, count in self.codes.items() if code not in {"NOERROR", "NXDOMAIN"})


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the moment a query was due until its answer."""

    p50: float
    p99: float
    worst: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One system under one workload in one round (or the median of several)."""

    rate: float
    user: float
    """microseconds of processor time for one answer"""
    system: float
    lost: float
    """of the queries, at full load"""
    denied: float
    """share of NXDOMAIN among the answers"""
    failed: float
    """answers that are neither NOERROR nor NXDOMAIN"""
    generator: float
    """share of its processor that the generator used, the upstream with it"""
    others: float
    """processors that anything else on the machine used meanwhile"""
    batch: float | None = None
    """datagrams that one call received, where the system tells"""
    p50: float | None = None
    """milliseconds, at half of the rate"""
    p99: float | None = None
    lost_at_half: float | None = None

    @property
    def cpu(self) -> float:
        """User and system together."""
        return self.user + self.system

    @property
    def per_processor(self) -> float | None:
        """Answers for a second of its processor's time: what counts where the generator is the limit."""
        return 1e6 / self.cpu if self.cpu else None

    def as_dict(self) -> dict[str, float | None]:
        """For JSON."""
        return {**asdict(self), "cpu": self.cpu}


def parse_dnsperf(text: str) -> Load:
    """What dnsperf printed. Raises OutputError."""
    found = {}
    for name, pattern in _DNSPERF.items():
        match = pattern.search(text)
        if match is None:
            message = f"dnsperf printed no {name}: {text[-300:]!r}"
            raise OutputError(message)
        found[name] = float(match[1])
    match = _CODES.search(text)
    codes = {code: int(count) for code, count in _CODE.findall(match[1])} if match else {}
    return Load(int(found["sent"]), int(found["answered"]), found["seconds"], codes)


def parse_senders(text: str) -> Load:
    """What the senders printed. Raises OutputError."""
    try:
        value = json.loads(text)
        return Load(
            value["sent"],
            value["answered"],
            value["seconds"],
            {"NXDOMAIN": value["denied"], "FAILED": value["failed"]},
            value["unfiltered"],
            value["begin"],
        )
    except (ValueError, KeyError, TypeError) as error:
        message = f"the senders printed no result: {text[-300:]!r}"
        raise OutputError(message) from error


def percentile(ranked: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the sorted values lie. ValueError for none."""
    if not ranked:
        message = "no values have no percentile"
        raise ValueError(message)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


def parse_times(content: bytes) -> list[tuple[float, float | None]]:
    """The senders' file of times: of each query, when it was due and how long its answer took."""
    numbers = array("I")
    numbers.frombytes(content)
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [(due / 1e6, None if taken == LOST else taken / 1e6) for due, taken in pairs]


def latency(
    times: Iterable[tuple[float, float | None]], begin: float = 0.0, end: float = 1e9
) -> Latency | None:
    """Of the queries due between ``begin`` and ``end``; None where none was answered."""
    ranked = sorted(taken for due, taken in times if taken is not None and begin <= due < end)
    if not ranked:
        return None
    return Latency(percentile(ranked, 0.5), percentile(ranked, 0.99), ranked[-1])


def lost_in(times: Iterable[tuple[float, float | None]], spans: Sequence[tuple[float, float]]) -> int:
    """How many of the queries due in these spans got no answer."""
    return sum(taken is None and any(begin <= due < end for begin, end in spans) for due, taken in times)


def median(rounds: Sequence[Figures]) -> Figures:
    """Field by field, over the rounds that have the field. ValueError for no rounds."""
    values = [asdict(each) for each in rounds]
    if not values:
        message = "no rounds have no median"
        raise ValueError(message)
    middle: dict[str, Any] = {}
    for name in values[0]:
        known = [each[name] for each in values if each[name] is not None]
        middle[name] = statistics.median(known) if known else None
    return Figures(**middle)


def quotient(over: float | None, under: float | None) -> float | None:
    """``over`` / ``under``, or None where that says nothing."""
    return over / under if over is not None and under is not None and under > 0 else None

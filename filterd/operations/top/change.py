"""The change between two scrapes of one process: counters as rates, gauges as they are."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from filterd.operations.top.scrape import Scrape, Series

_COUNTERS = ("_total", "_count", "_bucket")


@dataclass(frozen=True, slots=True)
class Quantile:
    """The bound below which a share of the answers stayed."""

    seconds: float
    above: bool = False
    """True if they took longer than the last bound"""


class Change:
    """Two scrapes of a role, the later one last."""

    def __init__(self, before: Scrape, after: Scrape) -> None:
        self.seconds = max(after.at - before.at, 1e-3)
        self.restarted = any(
            value > after.values.get(series, 0.0)
            for series, value in before.values.items()
            if series[0].endswith(_COUNTERS)
        )
        """True if the process began anew between the two: its counters then grew from nothing"""
        self._before: Mapping[Series, float] = {} if self.restarted else before.values
        self._after = after.values

    def rates(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """The growth of a counter per second, by the values of these labels; nothing that stood still."""
        found: defaultdict[tuple[str, ...], float] = defaultdict(float)
        for series, said in self._samples(name):
            grown = self._after[series] - self._before.get(series, 0.0)
            found[tuple(said.get(label, "") for label in labels)] += grown
        return {key: grown / self.seconds for key, grown in found.items() if grown > 0}

    def rate(self, name: str) -> float:
        """The growth of a counter per second, over all labels."""
        return sum(self.rates(name).values())

    def by(self, name: str, label: str) -> dict[str, float]:
        """The rates by one label, the largest first."""
        found = {key[0]: rate for key, rate in self.rates(name, label).items()}
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def grown(self, name: str) -> int:
        """The growth of a counter, over all labels."""
        return round(self.rate(name) * self.seconds)

    def gauge(self, name: str) -> float:
        """The value of a gauge; its sum where it has labels."""
        return sum(self._after[series] for series, _ in self._samples(name))

    def gauges(self, name: str, label: str) -> dict[str, float]:
        """The values of a gauge by its label, in the order of the page."""
        return {said.get(label, ""): self._after[series] for series, said in self._samples(name)}

    def info(self, name: str, label: str) -> str:
        """A label of a metric that tells a fact; empty where there is none."""
        return next((said.get(label, "") for _, said in self._samples(name)), "")

    def quantile(self, name: str, share: float) -> Quantile | None:
        """The bound that this share of a histogram's observations did not pass; None without observations."""
        bounds: defaultdict[float, float] = defaultdict(float)
        for (written,), rate in self.rates(f"{name}_bucket", "le").items():
            bounds[float(written)] += rate
        total = bounds.get(math.inf, 0.0)
        finite = [float(said["le"]) for _, said in self._samples(f"{name}_bucket") if said["le"] != "+Inf"]
        if not total or not finite:
            return None
        for bound in sorted(bounds):
            if bounds[bound] >= share * total - 1e-9 and bound != math.inf:
                return Quantile(bound)
        return Quantile(max(finite), above=True)

    def _samples(self, name: str) -> Iterator[tuple[Series, dict[str, str]]]:
        for series in self._after:
            if series[0] == name:
                yield series, dict(series[1])

"""Observes the two roles of a machine: one look after another, each with the rates since the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from filterd.config.settings import Settings
from filterd.config.value_types import Endpoint
from filterd.operations.top.attention import Attention, of_control, of_resolver
from filterd.operations.top.change import Change
from filterd.operations.top.figures import ControlFigures, ResolverFigures, control_figures, resolver_figures
from filterd.operations.top.scrape import Scrape, ScrapeError, read_page

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the machine. A role is None where it was not reached, or was reached for the first time."""

    at: float
    """Unix seconds"""
    seconds: float
    """between the two scrapes of the resolver; 0 where there are not two"""
    resolver: ResolverFigures | None
    control: ControlFigures | None
    resolver_unreached: Attention | None
    control_unreached: Attention | None
    attention: tuple[Attention, ...]


class Role:
    """The last scrape of one role. It counts as one process: after a failure the rates begin anew."""

    def __init__(self, name: str, endpoint: Endpoint, clock: Clock) -> None:
        self.name = name
        self._endpoint = endpoint
        self._clock = clock
        self._before: Scrape | None = None

    async def change(self) -> Change | None:
        """The change since the last scrape; None where there was none. Raises ScrapeError."""
        before, self._before = self._before, None
        self._before = await asyncio.to_thread(read_page, self.name, self._endpoint, self._clock())
        return None if before is None else Change(before, self._before)


class Observer:
    """Scrapes the resolver and control of these settings. ``monotonic`` times the rates."""

    def __init__(self, settings: Settings, *, wall: Clock, monotonic: Clock) -> None:
        self._wall = wall
        self._roles = (
            Role("resolver", settings.metrics.listen, monotonic),
            Role("control", settings.control.listen, monotonic),
        )

    async def look(self) -> Look:
        """Scrape both roles once."""
        found = await asyncio.gather(*(each.change() for each in self._roles), return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, ScrapeError):
                raise each
        resolver, control = (each if isinstance(each, Change) else None for each in found)
        now = None if resolver is None else resolver_figures(resolver)
        beside = None if control is None else control_figures(control)
        return Look(
            at=self._wall(),
            seconds=0.0 if resolver is None else resolver.seconds,
            resolver=now,
            control=beside,
            resolver_unreached=_unreached(found[0]),
            control_unreached=_unreached(found[1]),
            attention=(*(of_resolver(now) if now else ()), *(of_control(beside) if beside else ())),
        )


def _unreached(found: Change | BaseException | None) -> Attention | None:
    """The reason why a role was not reached; None where it was."""
    return Attention(str(found), found.remedy) if isinstance(found, ScrapeError) else None

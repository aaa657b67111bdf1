"""Processor time for a query whose answer is one of the worst, cached: the fast path without sockets.

The answer goes in by the stages of a real one, so that what is refused is refused here too; then its query is
given to the batch function again and again. Every shape is asked in several settings of lines and orders:
they decide what has to be looked at.
"""

from __future__ import annotations

import io
import ipaddress
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.inprocess import CLIENT, NOW, TICKS, Rules, Unlimited, driver_on
from bench.shapes import LAST, SHAPES, Asked, Shape
from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, Scope
from filterd.policy.build import MANDATORY_TARGET, Builder
from filterd.policy.classes import FIXED, Classes
from filterd.policy.decide import LineHandle, PublishedState
from filterd.policy.fingerprint import fingerprint_name, prefix_fingerprint
from filterd.policy.snapshot import Overlay, Snapshot

KEY = bytes(range(16))
BAR = 60.0
"""microseconds that no query may cost"""
OWN = CLIENT[:-1] + b"\2"
"""the client whose line has an own block name; CLIENT is of no line"""
COPIES = 8
"""answers of a shape, each with a name of its own, asked in turn"""
CACHE_SIZE = 64 << 20
REPEATS = 5
SPAN = 0.02
"""seconds of one measurement, about"""
MOST_ROUNDS = 20_000
ORDER = FIRST_ORDER_ID + 1
LENGTHS4 = tuple(range(8, 31))
LENGTHS6 = tuple(range(26, 49))
"""23 prefix lengths each of address orders"""
SERVFAIL, NXDOMAIN = 2, 3
TC = 0x02
Driven = Callable[[], int]
"""drives every copy once; how many answers there were"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One column: which client asks, and which orders there are."""

    name: str
    client: bytes = CLIENT
    many_lengths: bool = False
    ordered: bool = False
    """an order on the last address of the answers"""
    anew: bool = False
    """an order comes before every query, so that what is known of an answer is out of date"""
    new: bool = False
    """the answer comes from the upstream; outside the bar, since a cached one costs less"""


SETTINGS = (
    Setting("any client"),
    Setting("own name", OWN),
    Setting("ordered", many_lengths=True, ordered=True),
    Setting("own name, 23 lengths", OWN, many_lengths=True),
    Setting("after an order, 23 lengths", OWN, many_lengths=True, anew=True),
    Setting("taken in, 23 lengths", OWN, many_lengths=True, new=True),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """The cost of one query, and how it ended."""

    micros: float
    outcome: str
    """answered, cut, blocked, refused, or unanswered"""


@dataclass(frozen=True, slots=True)
class Row:
    """A shape in every setting."""

    shape: str
    cells: dict[str, Cell] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        """The dearest of those that the bar is for."""
        barred = {setting.name for setting in SETTINGS if not setting.new}
        return max(each.micros for name, each in self.cells.items() if name in barred)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        cells = {name: {"micros": each.micros, "outcome": each.outcome} for name, each in self.cells.items()}
        return {"shape": self.shape, "cells": cells}


def from_dict(value: dict[str, Any]) -> Row:
    """A row of a kept file."""
    return Row(value["shape"], {name: Cell(**cell) for name, cell in value["cells"].items()})


class Ground:
    """A data plane in one setting, without sockets."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.state = _state(setting)
        self.lines, self.addresses = Lines(KEY), Addresses(KEY)
        own = (fingerprint_name(KEY, "own-block-name.example"), Action.BLOCK, Scope.SUBTREE)
        self.lines.upsert(LineHandle(1, own_names=[own]))
        self.addresses.set(OWN[12:], 32, 1)
        self.plane = Plane(Prefixes(KEY, ["127.0.0.0/8"]), ResponseCache(CACHE_SIZE, KEY), Rules())
        self.plane.limit(RateLimiter(KEY), RateRules(KEY, Unlimited()))
        self.publish()
        self.driver = driver_on(self.plane, 0)

    def publish(self) -> None:
        """Publish the state: the next one, where one was published before."""
        self.plane.publish(self.state, self.lines, BindingTables(self.addresses), True)
        self.state = self.state.evolve(NOW)

    def take(self, asked: Asked, *, tcp: bool = False) -> bytes | None:
        """Ask, and answer as the upstream where that is wanted: what the client gets."""
        found = self.plane.receive(asked.query, self.setting.client, tcp, NOW, TICKS)
        for _ in range(4):
            if not isinstance(found, Pending):
                return found
            found = self.plane.finish(found, asked.answer, False, (), NOW, int(TICKS))
        return None

    def driven(self, asked: Sequence[Asked], tcp: bool, rounds: int) -> Driven:
        """All of them, so many times over."""
        client = self.setting.client
        if not tcp:
            recorded = [(each.query, client) for each in asked]
            return lambda: self.driver.spin(recorded, rounds, NOW, int(TICKS * 1e6))

        def by_stream() -> int:
            receive = self.plane.receive
            for _ in range(rounds):
                for each in asked:
                    receive(each.query, client, True, NOW, TICKS)
            return rounds * len(asked)

        return by_stream


def measure(shapes: Iterable[Shape] = SHAPES, span: float = SPAN, repeats: int = REPEATS) -> list[Row]:
    """Every shape in every setting. Takes some seconds of one processor."""
    rows = []
    for shape in shapes:
        count = shape.most if shape.fixed else most_that_pass(shape)
        row = Row(shape.name.format(f"{count:,}"))
        for setting in SETTINGS:
            row.cells[setting.name] = _cell(shape, count, setting, span, repeats)
        rows.append(row)
    return rows


def most_that_pass(shape: Shape) -> int:
    """As many as an answer of this shape may have: one more is refused, or no message has room for it."""
    ground = Ground(Setting("", OWN, many_lengths=True))

    def passes(count: int) -> bool:
        asked = shape.make(count, f"n{count}")
        return all(_outcome(ground.take(asked, tcp=True)) not in ("refused", "unanswered") for _ in range(2))

    low, high = 1, shape.most
    if passes(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def _cell(shape: Shape, count: int, setting: Setting, span: float, repeats: int) -> Cell:
    ground = Ground(setting)
    asked = [shape.make(count, f"n{number}") for number in range(COPIES)]
    if setting.new:
        return _taken_in(ground, asked, repeats)
    for each in asked:
        ground.take(each)
    outcome = _outcome(_again(ground, asked[0], tcp=shape.tcp))
    rounds = 1
    while not setting.anew and _time(ground.driven(asked, shape.tcp, rounds)) < span / 2:
        if (rounds := rounds * 2) >= MOST_ROUNDS:
            break
    driven = ground.driven(asked, shape.tcp, rounds)
    took = [_one(ground, setting, driven, span) for _ in range(repeats)]
    return Cell(statistics.median(took) / (rounds * COPIES) * 1e6, outcome)


def _taken_in(ground: Ground, asked: Sequence[Asked], repeats: int) -> Cell:
    """The cost of the upstream's answers, each the first for its name: kept, judged and answered."""
    took: list[float] = []
    answer: bytes | Pending | None = None
    for each in asked[:repeats]:
        pending = ground.plane.receive(each.query, OWN, True, NOW, TICKS)
        if not isinstance(pending, Pending):
            return Cell(0.0, "unanswered")
        began = time.thread_time()
        answer = ground.plane.finish(pending, each.answer, False, (), NOW, int(TICKS))
        took.append(time.thread_time() - began)
    return Cell(
        statistics.median(took) * 1e6, "unanswered" if isinstance(answer, Pending) else _outcome(answer)
    )


def _one(ground: Ground, setting: Setting, driven: Driven, span: float) -> float:
    """Seconds of processor for one time of all."""
    if not setting.anew:
        return _time(driven)
    took: list[float] = []
    while sum(took) < span and len(took) < 500:
        ground.publish()
        took.append(_time(driven))
    return statistics.mean(took)


def _time(driven: Driven) -> float:
    began = time.thread_time()
    driven()
    return time.thread_time() - began


def _again(ground: Ground, asked: Asked, *, tcp: bool) -> bytes | None:
    """The answer out of the cache, by the path that is measured."""
    if tcp:
        return ground.take(asked, tcp=True)
    (answer,) = ground.driver.drive([(asked.query, ground.setting.client)], NOW, int(TICKS * 1e6))
    return answer


def _outcome(answer: bytes | None) -> str:
    if answer is None:
        return "unanswered"
    if answer[3] & 15 == SERVFAIL:
        return "refused"
    if answer[2] & TC:
        return "cut"
    blocked = answer[3] & 15 == NXDOMAIN or (answer[6:8] == b"\0\0" and answer[8:10] == b"\0\1")
    return "blocked" if blocked else "answered"


def _state(setting: Setting) -> PublishedState:
    builder = Builder(KEY)
    meta: dict[str, Any] = {"lists": Classes(FIXED).to_meta(), "address_prefixes": {"4": [], "6": []}}
    data = b"".join(builder.finish(meta, 1, NOW, bytes(32)))
    snapshot = Snapshot.read(io.BytesIO(data), len(data), KEY)
    overlay = _orders(setting) if setting.many_lengths else None
    return PublishedState(snapshot, KEY, now=NOW, overlay=overlay, mandates=[Mandate(ORDER, "O-1")])


def _orders(setting: Setting) -> Overlay:
    """Address rules of as many lengths, on addresses that no answer has, and perhaps on the last of each."""
    four = [ipaddress.ip_network(f"10.0.0.0/{length}") for length in LENGTHS4]
    six = [ipaddress.ip_network((0xFD << 120, length)) for length in LENGTHS6]
    rules = [(4, each.prefixlen, each.network_address.packed) for each in four]
    rules += [(6, each.prefixlen, each.network_address.packed) for each in six]
    lengths4 = list(LENGTHS4)
    if setting.ordered:
        rules.append((4, 32, LAST))
        lengths4.append(32)
    placed = [
        (
            prefix_fingerprint(KEY, family, length, address),
            MANDATORY_TARGET + ORDER,
            Scope.SUBTREE,
            Action.BLOCK,
        )
        for family, length, address in rules
    ]
    return Overlay(placed, lengths4, LENGTHS6)


def table(rows: Sequence[Row], before: Sequence[Row] = ()) -> list[str]:
    """The rows of a table in Markdown: what each was before, what it is, and whether the bar is met."""
    names = [setting.name for setting in SETTINGS]
    lines = [f"| answer | {' | '.join(names)} | |", "| --- " * (len(names) + 2) + "|"]
    for place, row in enumerate(rows):
        old = before[place] if place < len(before) else replace(row, cells={})
        cells = [_written(old.cells.get(name), row.cells[name]) for name in names]
        what = row.shape if not old.cells or old.shape == row.shape else f"{row.shape} (before: {old.shape})"
        lines.append(f"| {what} | {' | '.join(cells)} | {'met' if row.worst <= BAR else 'missed'} |")
    return lines


def _written(old: Cell | None, cell: Cell) -> str:
    return _cost(cell) if old is None else f"{_cost(old)} → {_cost(cell)}"


def _cost(cell: Cell) -> str:
    number = f"{cell.micros:,.1f}" if cell.micros < 100 else f"{cell.micros:,.0f}"
    return number if cell.outcome == "answered" else f"{number} {cell.outcome}"

"""A flood of each worst answer against a running resolver with one thread: what other clients see of it.

One client, whose line has an own name, asks at the rate that the rate limit leaves it by default; the last
address of the answer stands under an order. A thousand others ask for cached names meanwhile. The same
without the flood stands beside it. Each shape has a resolver of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import resolver

from bench.bad_upstream import write_answers
from bench.figures import latency, parse_senders, parse_times
from bench.loads import Generator, Senders
from bench.machine import CannotRunError, ask, child, free_port, pinned, usage, wait_for
from bench.ours import compile_apart
from bench.packets import query, write_entries
from bench.shapes import LAST, SHAPES, Asked, Shape
from bench.snapshots import KEY
from bench.worst import most_that_pass
from filterd.config.settings import Settings
from filterd.model.rule import Scope
from filterd.operations import subscribers
from filterd.operations.context import open_context
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest

POLICIES = Path(__file__).parents[2] / "policies"
RATE = 200
"""queries per second of the one client: the long run of dns.rate_limit's default"""
FLOODER = "127.9.0.1"
OTHERS_RATE = 1_000
OTHERS = 1_000
OTHERS_FIRST = "127.20.0.1"
NAMES = tuple(f"popular{number}.example" for number in range(1_000))
BAR = 0.01
"""share of the others' queries that a flood may lose"""
ORDERED = (
    *(f"10.0.0.0/{length}" for length in range(24, 32)),
    *(f"fd00::/{length}" for length in range(48, 62)),
    f"{ip_address(LAST)}/32",
)
"""orders on addresses of 23 prefix lengths; the last is met by the last address of an answer alone"""


@dataclass(frozen=True, slots=True)
class Seen:
    """The losses and times of the other clients."""

    lost: float
    """share of their queries without an answer in time"""
    p50: float | None
    """milliseconds"""
    p99: float | None
    processor: float
    """share of one processor that the resolver used"""


@dataclass(frozen=True, slots=True)
class Flood:
    """One shape."""

    shape: str
    without: Seen
    beside: Seen
    ended: bool
    """the resolver had ended when it was over"""

    @property
    def met(self) -> bool:
        """True if the others lost less than the bar, beyond what they lose without."""
        return not self.ended and self.beside.lost - self.without.lost < BAR

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "met": self.met}


def measure(
    generator: Generator, work: Path, seconds: int, shapes: Sequence[Shape] = SHAPES
) -> Iterator[Flood]:
    """One shape after the other, twice so many seconds and a start each."""
    folder = work / "worst"
    folder.mkdir()
    compile_apart(Path(os.devnull), 0, folder / "snapshot")
    others = Senders(
        write_entries(folder / "others.entries", ((query(name), 0) for name in NAMES)),
        seconds,
        OTHERS_RATE,
        OTHERS,
        OTHERS_FIRST,
        folder / "times",
    )
    for number, shape in enumerate(shapes):
        if shape.tcp:
            continue
        count = shape.most if shape.fixed else most_that_pass(shape)
        asked = shape.make(count, "flood")
        with _world(generator, folder, number, asked) as (settings, pid):
            port = settings.dns.listen[0].port
            _warm(port, asked)
            without = _others(generator, port, pid, others)
            entries = write_entries(folder / "flood.entries", [(asked.query, 0)])
            words = generator.words(port, Senders(entries, seconds + 1, RATE, 1, FLOODER))
            with generator.start(words) as flood:
                beside = _others(generator, port, pid, others)
                flood.communicate(timeout=60)
            yield Flood(shape.name.format(f"{count:,}"), without, beside, not _alive(pid))


@contextlib.contextmanager
def _world(generator: Generator, folder: Path, number: int, asked: Asked) -> Iterator[tuple[Settings, int]]:
    """An upstream that has the answer, and a resolver above it with one thread."""
    cores, upstream = generator.cores, free_port()
    answers = folder / f"{number}.answers"
    write_answers(answers, [asked])
    words = [sys.executable, "-m", "bench.bad_upstream", str(upstream), str(answers)]
    log = folder / "upstream.log"
    with child(pinned(cores.generator, words), log) as process:
        wait_for(lambda: ask(upstream, query(NAMES[0]), 0.2) is not None, process, "the upstream", log)
        snapshot = folder / f"{number}.snapshot"
        snapshot.write_bytes((folder / "snapshot").read_bytes())
        dns = {"listen": [f"127.0.0.1:{free_port()}"], "upstreams": [f"127.0.0.1:{upstream}"], "threads": 1}
        settings = resolver.prepare(folder / f"node{number}", snapshot, KEY, dns)
        asyncio.run(_register(settings))
        with resolver.running(settings, pinned(cores.system, [])) as (pid, _):
            yield settings, pid


async def _register(settings: Settings) -> None:
    """The flooder's line with an own name, and orders on addresses with many prefix lengths."""
    shipped = replace(settings, policies=POLICIES)
    async with open_context(shipped, actor="one") as context:
        await subscribers.add(context, "flooder", prefixes=(f"{FLOODER}/32",))
        await subscribers.deny(context, "flooder", "own-block-name.example")
        request = OrderRequest(
            "judge", "Official", "D-1", "lmtr-182", "bench",
            tuple((prefix, Scope.EXACT) for prefix in ORDERED), accept_overblocking=True,
            law="Law 1", proportionality="only this machine asks",
        )  # fmt: skip
        order = await taking.add(context, request)
    async with open_context(shipped, actor="two") as context:
        await taking.approve(context, order.reference)


def _warm(port: int, asked: Asked) -> None:
    """Put the names that will be asked into the cache."""
    for name in NAMES:
        if not any(ask(port, query(name), 1.0) for _ in range(3)):
            message = f"no answer to {name}"
            raise CannotRunError(message)
    for _ in range(5):
        ask(port, asked.query, 1.0, FLOODER)


def _others(generator: Generator, port: int, pid: int, how: Senders) -> Seen:
    before, began = usage(pid), time.monotonic()
    with generator.start(generator.words(port, how)) as process:
        output, _ = process.communicate(timeout=60)
    used = (usage(pid) - before).total / (time.monotonic() - began)
    load = parse_senders(output.decode(errors="replace"))
    after = latency(parse_times(how.times.read_bytes())) if how.times is not None else None
    lost = load.lost / max(load.sent, 1)
    p50, p99 = (None, None) if after is None else (after.p50 * 1000, after.p99 * 1000)
    return Seen(lost, p50, p99, used)


def _alive(pid: int) -> bool:
    """True if the process runs; one that ended is not waited for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def from_dict(value: dict[str, Any]) -> Flood:
    """A flood of a kept file."""
    return Flood(value["shape"], Seen(**value["without"]), Seen(**value["beside"]), value["ended"])


def table(floods: Sequence[Flood], before: Sequence[Flood] = ()) -> list[str]:
    """The rows of a table in Markdown; ``before``: those of an older tree, in the same order."""
    lines = [
        "| flood of | others lost without, beside | p50, p99 ms without | beside | CPU without, beside | |",
        "| --- " * 6 + "|",
    ]
    for place, each in enumerate(floods):
        lost = f"{each.without.lost:.2%}, {each.beside.lost:.2%}"
        if place < len(before):
            lost = f"{before[place].without.lost:.2%}, {before[place].beside.lost:.2%} → {lost}"
        used = f"{each.without.processor:.1%}, {each.beside.processor:.1%}"
        verdict = "the resolver ended" if each.ended else "met" if each.met else "missed"
        lines.append(
            f"| {each.shape} | {lost} | {_times(each.without)} | {_times(each.beside)} | {used} | {verdict} |"
        )
    return lines


def _times(seen: Seen) -> str:
    return "none" if seen.p50 is None or seen.p99 is None else f"{seen.p50:.3f}, {seen.p99:.3f}"

"""Time to enforcement and to lifting: of orders taken in and withdrawn one after the other, p50 and p99.

``make order-times`` starts both roles as an operator does, with a canary zone that the upstream serves. For
each order it measures from outside, as a client sees it, and as it is recorded:

- ``client``: from the moment when the command's write began to the first answer with extended error 16 (or,
  for the withdrawal, without it), asked for over UDP every few milliseconds;
- ``recorded``: what ``order show`` tells of the node; ``probed``: when the node had seen it over DNS itself.

Three parts: at rest, under queries at a steady rate (an open loop, an answer to each is judged), and while
lines are imported by another process. The bar (design, section 7): 1 s at p99, also during an import. The
exit status is 1 where it is missed. Everything is bounded: ``--orders`` for each part, and the load ends with
it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filterd.config.load import load
from filterd.model.order import Order
from filterd.model.rule import Scope
from filterd.operations.context import Context, open_context
from filterd.operations.orders import ending, taking, times
from filterd.operations.orders.intake import OrderRequest
from tests.e2e.deployment import Deployment, ede, soon
from tests.e2e.small import small

BAR = 1.0
CENSORED = 16
ASK_SECONDS = 0.002
MOST_SECONDS = 30.0
"""for one order, after which it counts as that late"""
UNLIMITED = {"overrides": [{"prefix": "127.0.0.0/8", "queries_per_second": 100_000, "burst": 100_000}]}
"""every client of the benchmark stands on loopback"""
SPANS = ("client", "recorded", "probed")


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<44} {value}\n")
    sys.stdout.flush()


@dataclass
class Spans:
    """Seconds of one part, by what was measured, of enforcement and of lifting."""

    enforced: dict[str, list[float]] = field(default_factory=lambda: {each: [] for each in SPANS})
    lifted: dict[str, list[float]] = field(default_factory=lambda: {each: [] for each in SPANS})


def quantile(values: list[float], part: float) -> float:
    """The value below which this part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def told(values: list[float]) -> str:
    """p50, p99 and the worst in milliseconds."""
    if not values:
        return "none"
    found = statistics.median(values), quantile(values, 0.99), max(values)
    return "p50 {:.0f} ms, p99 {:.0f} ms, worst {:.0f} ms".format(*(1000 * each for each in found))


async def until(made: Deployment, name: str, *, blocked: bool, since: float) -> float:
    """Seconds from ``since`` until a client's answer shows the order, or its end."""
    while True:
        answer = await asyncio.to_thread(made.ask, name)
        seconds = time.time() - since
        if (CENSORED in ede(answer)) is blocked or seconds > MOST_SECONDS:
            return seconds
        await asyncio.sleep(ASK_SECONDS)


async def recorded(context: Context, order: Order, kind: str, into: dict[str, list[float]]) -> None:
    """Add what was recorded of the newest effect, once it has been seen over DNS."""
    waited = await times.wait(context, order.reference, MOST_SECONDS)
    effect = waited.effect
    if effect is None or effect.kind != kind or effect.all_nodes_seconds is None:
        into["recorded"].append(MOST_SECONDS)
        return
    into["recorded"].append(effect.all_nodes_seconds)
    if effect.probed_seconds is not None:
        into["probed"].append(effect.probed_seconds)


async def measure(made: Deployment, count: int, part: str) -> Spans:
    """Take in and withdraw so many orders, one after the other."""
    spans = Spans()
    async with open_context(load(made.config), actor="bench") as context:
        for number in range(count):
            name = f"{part}-{number}.ordered.example"
            request = OrderRequest(
                authority="A",
                official="O",
                document=f"{part}/{number}",
                ground="G",
                reason="measured",
                entries=((name, Scope.EXACT),),
            )
            since = time.time()
            order = await taking.add(context, request)
            spans.enforced["client"].append(await until(made, name, blocked=True, since=since))
            await recorded(context, order, "enforce", spans.enforced)
            since = time.time()
            await ending.withdraw(context, order.reference, reason="measured")
            spans.lifted["client"].append(await until(made, name, blocked=False, since=since))
            await recorded(context, order, "lift", spans.lifted)
    return spans


def report(part: str, spans: Spans) -> bool:
    """Print a part; True if it keeps the bar."""
    load_average = " ".join(f"{each:.1f}" for each in os.getloadavg())
    show(f"{part}: orders", f"{len(spans.enforced['client'])}, load average {load_average}")
    for name, found in (("enforced", spans.enforced), ("lifted", spans.lifted)):
        for each in SPANS:
            show(f"  {name}, {each}", told(found[each]))
    return all(quantile(each["client"], 0.99) <= BAR for each in (spans.enforced, spans.lifted))


@contextlib.contextmanager
def queries(made: Deployment, per_second: float) -> Iterator[None]:
    """Clients that ask at a steady rate meanwhile."""
    words = [sys.executable, "-m", "tests.e2e.steady_load", "udp", str(made.port), str(per_second)]
    with ending_with(words) as process:
        yield
        if process.poll() is not None:
            message = "the load ended before the part did"
            raise RuntimeError(message)


@contextlib.contextmanager
def importing(made: Deployment, lines: int) -> Iterator[None]:
    """Imports of so many new lines each, one after the other, meanwhile."""
    before = made.cli("node", "list")[0]["revision"]
    words = [sys.executable, __file__, "--import-into", str(made.folder), "--lines", str(lines)]
    with ending_with(words, FILTERD_CONFIG=str(made.config)):
        if not soon(lambda: made.cli("node", "list")[0]["revision"] > before):
            message = "the import has not begun"
            raise RuntimeError(message)
        yield


def import_for_ever(folder: Path, lines: int) -> None:
    """Import until ended from outside."""
    for turn in range(1_000):
        file = folder / f"lines-{turn}.csv"
        rows = (
            f"L-{turn}-{number},,child,holder {turn}-{number},contract {turn}-{number}"
            for number in range(lines)
        )
        file.write_text("subscriber,prefixes,profile,who,reference\n" + "\n".join(rows) + "\n")
        words = ("subscriber", "import", str(file), "--text-version", "2026-11")
        subprocess.run([sys.executable, "-m", "filterd.cli.entry", *words], check=True)


@contextlib.contextmanager
def ending_with(words: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process, and all that it started, that end with the block."""
    around = {**os.environ, **environment}
    process = subprocess.Popen(
        words, env=around, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait()


def main() -> int:
    """Measure all three parts; 1 where the bar is missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--orders", type=int, default=200, help="of each part")
    options.add_argument("--rate", type=float, default=2000.0, help="queries a second")
    options.add_argument("--lines", type=int, default=20_000, help="of an import")
    options.add_argument("--import-into", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.import_into is not None:
        import_for_ever(given.import_into, given.lines)
    records = {("fine.example", "A"): ["192.0.2.1"]}
    parts = ("rest", "queries", "import")
    for number in range(1, given.orders * len(parts) + 1):
        records[f"o-{number}.canary.example", "A"] = ["192.0.2.80"]
    with tempfile.TemporaryDirectory() as work, small(Path(work), records) as made:
        dns = {
            "listen": [f"127.0.0.1:{made.port}"],
            "upstreams": [f"127.0.0.1:{made.upstream}"],
            "allow_from": ["127.0.0.0/8"],
            "rate_limit": UNLIMITED,
        }
        made.write_config(canary={"zone": "canary.example"}, dns=dns)
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        kept = []
        with made.serving():
            soon(lambda: bool(made.ask("fine.example").answer))
            loads: tuple[contextlib.AbstractContextManager[None], ...] = (
                contextlib.nullcontext(),
                queries(made, given.rate),
                importing(made, given.lines),
            )
            for part, load_of in zip(parts, loads, strict=True):
                with load_of:
                    spans = asyncio.run(measure(made, given.orders, part))
                    kept.append(report(part, spans))
    show("bar: client p99 at most 1 s in every part", "kept" if all(kept) else "MISSED")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())

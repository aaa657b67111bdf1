"""Millions of names from list texts to blocked answers: time, memory and size of every step, by one command.

    make scale [SCALE=../shared/data/domains]

Three sets, each through the commands that an operator uses: ``filterd feed update`` (parse, judge, store),
the same once more with nothing changed, ``filterd snapshot build`` (compile, publish), and a resolver that
starts on the result and is asked for names of the lists by a line that blocks them.

- ``5 million``: the first five million different names of the folder, as one feed;
- ``all lists``: every list of the folder (category/source.txt[.xz]), each a feed;
- ``10 million``: generated names of the shapes that real lists have, as one feed.

The resolver of the first set also takes up ten more snapshots, which shows whether memory grows. Lists are
decompressed before. Nothing is asserted; each figure that has a bar has it beside it. The two sets of real
names are skipped, with one line, where the folder is absent.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import resolver
from bench.machine import ask
from scaleworld import Cost, World, names_of, peak_of, write_first, write_generated

from filterd.config.settings import Settings
from filterd.wire.names import name_from_text

MEGABYTE = 1_000_000
MILLION = 1_000_000
ASKED = 200
"""names of the lists that the resolver is asked for"""
NXDOMAIN = 3
SWAP_SECONDS = 60.0
_PLAIN = re.compile(r"([a-z0-9-]{1,63}\.)+[a-z]{2,63}")
BARS = {
    5: {"compile": 5.0, "compiler": 450.0, "update": 15.0, "update memory": 500.0},
    10: {"compile": 12.0, "compiler": 900.0},
}
"""by millions of names, for whatever has at most as many: seconds and megabytes"""


def main() -> int:
    """Measure the sets; the exit code is 0 unless something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder of categories")
    parser.add_argument("--names", type=int, default=5 * MILLION, help="names of the first set")
    parser.add_argument("--generated", type=int, default=10 * MILLION, help="generated names; 0: none")
    parser.add_argument("--swaps", type=int, default=10)
    parser.add_argument("--report", type=Path, help="write all figures there, as JSON")
    chosen = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    for title, lists in _sets(chosen):
        with tempfile.TemporaryDirectory(prefix="filterd-scale-") as work:
            swaps = chosen.swaps if not found else 0
            found[title] = measure(title, Path(work), lists, swaps)
    if chosen.report:
        chosen.report.write_text(json.dumps(found, indent=2) + "\n")
    return 0


Lists = Callable[[Path], list[tuple[str, Path]]]
"""writes the lists into a folder; the category and path of each"""


def _sets(chosen: argparse.Namespace) -> Iterator[tuple[str, Lists]]:
    if chosen.folder.is_dir():
        yield (
            f"{_count(chosen.names)} real names, one feed",
            lambda work: _one(work, write_first, chosen.folder, chosen.names),
        )
        yield "all lists, a feed each", lambda work: _every(chosen.folder, work)
    else:
        _line(f"scale: skipped, there is no folder {chosen.folder}")
    if chosen.generated:
        yield (
            f"{_count(chosen.generated)} generated names, one feed",
            lambda work: _one(work, write_generated, chosen.generated),
        )


def _count(names: int) -> str:
    return f"{names // MILLION} million" if names % MILLION == 0 else f"{names:,}"


def _one(work: Path, write: Callable[..., None], *arguments: object) -> list[tuple[str, Path]]:
    """One list, written by a process of its own: its memory must not count as ours."""
    target = work / "names.txt"
    process = get_context("spawn").Process(target=write, args=(*arguments, target))
    process.start()
    process.join()
    if process.exitcode:
        msg = "the list was not written"
        raise RuntimeError(msg)
    return [("names", target)]


def _every(folder: Path, work: Path) -> list[tuple[str, Path]]:
    """All lists of the folder, decompressed."""
    found = []
    for number, (category, path) in enumerate(names_of(folder)):
        target = work / f"{number}.txt"
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file, target.open("wb") as out:
            shutil.copyfileobj(file, out)
        found.append((category, target))
    return found


def measure(title: str, work: Path, lists: Lists, swaps: int) -> dict[str, Any]:
    """Take one set through all steps, and print what each took."""
    _line(f"\n{title}")
    given = lists(work)
    world = World(work)
    world.make(given)
    updated = world.run("feed", "update")
    names = sum(each["version"]["names"] for each in updated.answer)
    text = sum(path.stat().st_size for _, path in given)
    figures: dict[str, Any] = {"feeds": len(given), "text": text, "names in feeds": names}
    show("lists", f"{len(given)}, {text / MEGABYTE:.0f} MB of text, {names:,} names")
    bars = next((bar for millions, bar in BARS.items() if MILLION <= names <= millions * MILLION), {})
    _show_cost(figures, "feed update", updated, bars.get("update"), bars.get("update memory"))
    _show_cost(figures, "feed update, nothing changed", world.run("feed", "update"))
    built = world.run("snapshot", "build")
    different, size = built.answer["names"], built.answer["size"]
    _show_cost(figures, "snapshot build, compile and publish", built, bars.get("compile"))
    show(
        "  the compiler's peak memory", _with_bar(built.peak_of_child / MEGABYTE, "MB", bars.get("compiler"))
    )
    show("  snapshot", f"{different:,} different names, {size / MEGABYTE:.1f} MB")
    show("  a million names", _with_bar(size / max(different, 1), "MB", 16.0 if bars else None, 2))
    figures |= {"compiler peak": built.peak_of_child, "different names": different, "snapshot": size}
    figures |= serve(world, given, swaps)
    return figures


def _show_cost(
    figures: dict[str, Any], what: str, cost: Cost, bar: float | None = None, memory: float | None = None
) -> None:
    show(what, _with_bar(cost.seconds, "s", bar, 2))
    show("  its processor time", f"{cost.processor:.2f} s")
    show("  its peak memory", _with_bar(cost.peak / MEGABYTE, "MB", memory))
    figures[what] = {"seconds": cost.seconds, "processor": cost.processor, "peak": cost.peak}


def serve(world: World, lists: Sequence[tuple[str, Path]], swaps: int) -> dict[str, Any]:
    """Start a resolver, ask it, and let it take up more snapshots."""
    settings = world.settings
    names = list(_some_names(lists))
    with resolver.running(settings) as (pid, ready):
        blocked = sum(_blocked(settings, name) for name in names)
        before = resolver.resident(pid)
        show("resolver, from exec to ready", f"{ready:.2f} s")
        show("  its memory", f"{before / MEGABYTE:.1f} MB (cache and snapshot in it)")
        show("  names of the lists asked for", f"{blocked} of {len(names)} blocked")
        figures: dict[str, Any] = {
            "ready": ready,
            "resident": before,
            "asked": len(names),
            "blocked": blocked,
        }
        if swaps:
            for _ in range(swaps):
                _swap(world, settings)
            after, most = resolver.resident(pid), peak_of(pid)
            show(f"  its memory after {swaps} more snapshots", f"{after / MEGABYTE:.1f} MB")
            show("  and at the most meanwhile", f"{most / MEGABYTE:.1f} MB")
            figures |= {"resident after swaps": after, "resolver peak": most}
    return figures


def _some_names(lists: Sequence[tuple[str, Path]]) -> Iterator[str]:
    """Names from all over the lists that every parser takes as they are."""
    each = -(-ASKED // len(lists))
    for _, path in lists[:ASKED]:
        with path.open("rb") as file:
            for part in range(each):
                file.seek(path.stat().st_size * part // each)
                if part:
                    file.readline()
                name = file.readline().decode("ascii", "replace").strip()
                if _PLAIN.fullmatch(name):
                    yield name


def _blocked(settings: Settings, name: str) -> bool:
    packet = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + name_from_text(name) + b"\0\1\0\1"
    answer = ask(settings.dns.listen[0].port, packet, 2.0)
    return answer is not None and answer[3] & 15 == NXDOMAIN


def _swap(world: World, settings: Settings) -> None:
    """Publish another snapshot of the same lists, and wait until the resolver has taken it up."""
    before = _generation(settings)
    world.run("snapshot", "build")
    deadline = time.monotonic() + SWAP_SECONDS
    while _generation(settings) == before:
        if time.monotonic() > deadline:
            msg = "the resolver did not take up the snapshot"
            raise RuntimeError(msg)
        time.sleep(0.05)


def _generation(settings: Settings) -> str:
    """The digests and revision of the snapshot in force: what changes when another one is taken up."""
    listen = settings.metrics.listen
    with urllib.request.urlopen(f"http://{listen.address}:{listen.port}/metrics", timeout=5) as page:
        text: str = page.read().decode()
    return next(line for line in text.splitlines() if line.startswith("filterd_snapshot_generation "))


def _with_bar(value: float, unit: str, bar: float | None, digits: int = 0) -> str:
    shown = f"{value:.{digits}f} {unit}"
    return shown if bar is None else f"{shown} (bar {bar:g} {unit}{'' if value <= bar else ': missed'})"


def show(what: str, value: str) -> None:
    """One line of the report."""
    _line(f"{what:<38} {value}")


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

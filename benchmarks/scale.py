"""How a snapshot of every list at hand does: names, compile time and peak memory, size, memory when loaded.

``make scale`` runs it on ``../shared/data/domains`` (category/source.txt[.xz], a name a line); SCALE=folder
takes another folder. Each part has a process of its own, so that no figure holds another's memory: this one
brings the lists into canonical text, as feeds are stored; children compile them to a published file (five
million rules, then all), open that file, look names up, and serve it. Skips, with one line, where the folder
is absent.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import resolver

from filterd.model.verdict import Kind
from filterd.policy.canonical import CanonicalError, canonical_name, join_lines, wire_of
from filterd.policy.classes import FIRST_FREE_BIT, ListClass
from filterd.policy.compiler import ListSource, compile_snapshot, whole_lines
from filterd.policy.snapshot import Snapshot, match_wire
from filterd.policy.snapshot_layout import read_header

KEY = bytes(range(16))
RUN = 1 << 20
PART = 5_000_000
MEGABYTE = 1_000_000


def main() -> int:
    """Run the whole or, as a child, one part of it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of categories")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part:
        sys.stdout.write(json.dumps(PARTS[chosen.part](chosen.work)))
        return 0
    if not chosen.folder.is_dir():
        sys.stdout.write(f"scale: skipped, there is no folder {chosen.folder}\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="filterd-scale-") as work:
        measure(chosen.folder, Path(work))
    return 0


def measure(folder: Path, work: Path) -> None:
    """Prepare the lists, run the parts, print what they found."""
    started = time.monotonic()
    skipped = prepare(folder, work)
    show("lists", f"{len(list(work.glob('*.rules')))} ({skipped} lines skipped, no names)")
    show("reading and sorting them", f"{time.monotonic() - started:.1f} s (not part of the compile)")
    for part in ("compile-part", "compile"):
        built = child(part, folder, work)
        show("rules", f"{built['rules']:,}")
        show("  different names", f"{built['names']:,}")
        show("  compile, text to published file", f"{built['seconds']:.2f} s")
        show("  peak memory of the compile", f"{built['peak'] / MEGABYTE:.0f} MB")
        show("  snapshot", f"{built['size'] / MEGABYTE:.1f} MB")
        show("  snapshot per million names", f"{built['size'] / max(built['names'], 1):.2f} MB")
    loaded = child("load", folder, work)
    show("open: read, verify, seal", f"{loaded['seconds']:.2f} s")
    show("names looked up and found", f"{loaded['found']:,} of {loaded['asked']:,}")
    served = child("serve", folder, work)
    show("resolver process, ready after", f"{served['seconds']:.2f} s")
    show("  its memory", f"{served['memory'] / MEGABYTE:.1f} MB (cache and snapshot in it)")


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<36} {value}\n")
    sys.stdout.flush()


def child(part: str, folder: Path, work: Path) -> dict[str, Any]:
    """Run one part in a process of its own; what it found."""
    command = [sys.executable, __file__, str(folder), "--part", part, "--work", str(work)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def prepare(folder: Path, work: Path) -> int:
    """The canonical text of each list into ``work``, named category@source; how many lines were no names."""
    skipped = 0
    for path in sorted(folder.glob("*/*.txt*")):
        lines = []
        for line in read_lines(path):
            try:
                lines.append(f"{canonical_name(line)}\n".encode())
            except CanonicalError:
                skipped += 1
        (work / f"{path.parent.name}@{path.name.split('.')[0]}.rules").write_bytes(join_lines(lines))
    return skipped


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a list, decompressed as they are read."""
    reader = lzma.open if path.suffix == ".xz" else open
    with reader(path, "rt", encoding="ascii", errors="replace") as file:
        for line in file:
            yield line.strip()


def sources(work: Path, most: float = math.inf) -> Iterator[ListSource]:
    """Every list with a class bit for each category that it fills; not more than ``most`` rules."""
    bit = FIRST_FREE_BIT
    for path in sorted(work.glob("*.rules")):
        categories = path.stem.split("@")[0].split("+")
        places = tuple(
            ListClass(path.stem, Kind.CATEGORY, bit + number, category)
            for number, category in enumerate(categories)
        )
        bit += len(places)
        rules = 0 if most == math.inf else sum(run.count(b"\n") for run in read_runs(path)) * len(places)
        if rules <= most:
            most -= rules
            yield ListSource(places, version="1", runs=read_runs(path))


def read_runs(path: Path) -> Iterator[bytes]:
    """A file in pieces."""
    with path.open("rb", buffering=0) as file:
        while run := file.read(RUN):
            yield run


def compile_part(work: Path) -> dict[str, Any]:
    """The same for as many lists as have five million rules."""
    return compile_lists(work, list(sources(work, PART)))


def compile_lists(work: Path, lists: Iterable[ListSource] | None = None) -> dict[str, Any]:
    """From canonical text to a published file, as a snapshot build does it."""
    started = time.monotonic()
    compiled = compile_snapshot(lists or sources(work), KEY, revision=1, built_at=int(time.time()))
    path = work / "new.snapshot"
    with path.open("wb", buffering=0) as file:
        for piece in compiled.pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    path.rename(work / "published.snapshot")
    seconds = time.monotonic() - started
    return {
        "seconds": seconds,
        "peak": peak(),
        "size": compiled.size,
        "names": read_header(compiled.pieces[0], compiled.size).used,
        "rules": sum(entry["names"] for entry in compiled.lists),
    }


def load(work: Path) -> dict[str, Any]:
    """Open the file and look names of every list up."""
    started = time.monotonic()
    snapshot = Snapshot.open(work / "published.snapshot", KEY)
    seconds = time.monotonic() - started
    asked = found = 0
    for source in sources(work):
        bits = {place.number for place in source.classes}
        for run in whole_lines(source.runs):
            for name in run.split(b"\n")[:-1:1000]:
                wire = wire_of(f"www.{name.decode()}"[-253:].lstrip("."))
                asked += 1
                found += bits <= match_wire(snapshot, None, KEY, wire, b"").bits
    return {"seconds": seconds, "asked": asked, "found": found}


def serve(work: Path) -> dict[str, Any]:
    """Start a resolver process on the published file."""
    settings = resolver.prepare(work / "node", work / "published.snapshot", KEY)
    with resolver.running(settings) as (pid, seconds):
        return {"seconds": seconds, "memory": resolver.resident(pid)}


def peak() -> int:
    """The most memory that this process had, in bytes (getrusage would begin at its parent's)."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


PARTS = {"compile-part": compile_part, "compile": compile_lists, "load": load, "serve": serve}

if __name__ == "__main__":
    sys.exit(main())

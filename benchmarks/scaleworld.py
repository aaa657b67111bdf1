"""The lists and the installation of ``scale.py``: real lists, generated ones, and the commands over them."""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from bench.machine import free_port

from filterd.config.load import from_value
from filterd.config.settings import Settings

ROOT = Path(__file__).parents[1]
PROFILE = "all"
_STEP = 100_000
_WORDS = (
    "casa",
    "bet",
    "foto",
    "cloud",
    "news",
    "shop",
    "app",
    "play",
    "data",
    "web",
    "tech",
    "media",
    "mail",
)
_HOSTS = ("", "", "", "www.", "m.", "cdn.", "img1.", "login.", "static-eu.", "a.b.")
_TOPS = ("com",) * 9 + ("net", "org", "ru", "xyz", "online", "info", "top", "mx", "com.mx", "co.uk", "de")


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a command, and what it printed."""

    seconds: float
    processor: float
    """seconds, user and system, with those of the processes that it started"""
    peak: int
    """bytes of its own at the most"""
    peak_of_child: int
    """bytes of the largest process that it started, but never less than its own at that time"""
    answer: Any


def names_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """The category and path of each list of the folder (category/source.txt[.xz]), in order."""
    for path in sorted(folder.glob("*/*.txt*")):
        yield path.parent.name, path


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a list, decompressed as they are read."""
    with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
        yield from file


def write_first(folder: Path, most: int, target: Path) -> None:
    """Write the first ``most`` different lines of all lists into one list, shuffled."""
    found: set[bytes] = set()
    for _, path in names_of(folder):
        for line in lines_of(path):
            if len(found) == most:
                break
            found.add(line.strip())
    lines = sorted(found)
    Random(most).shuffle(lines)  # noqa: S311 - always the same order
    target.write_bytes(b"\n".join(lines) + b"\n")


def write_generated(count: int, target: Path) -> None:
    """Write ``count`` different names of shapes that real lists have, in no order; always the same ones."""
    chance = Random(count)  # noqa: S311 - always the same names
    stride = next(
        odd for odd in range(count * 5 // 8 | 1, 2 * count, 2) if count % odd and _coprime(odd, count)
    )
    with target.open("w", encoding="ascii") as file:
        for start in range(0, count, _STEP):
            numbers = [at * stride % count for at in range(start, min(start + _STEP, count))]
            hosts, words, tops = (chance.choices(of, k=len(numbers)) for of in (_HOSTS, _WORDS, _TOPS))
            file.writelines(
                f"{host}{word}{'-' * (number & 1)}{number * 7919:x}.{top}\n"
                for host, word, number, top in zip(hosts, words, numbers, tops, strict=True)
            )


def _coprime(one: int, other: int) -> bool:
    while other:
        one, other = other, one % other
    return one == 1


@dataclass(frozen=True, slots=True)
class World:
    """An installation whose feeds are the given lists, and one line, 127.0.0.1, that blocks all of them."""

    base: Path

    def make(self, lists: Iterable[tuple[str, Path]]) -> None:
        """Write policies and configuration, and make the store and the line. ``lists``: category and path."""
        feeds, categories = [], []
        for number, (category, path) in enumerate(lists):
            parts = [f"c-{re.sub('[^a-z0-9]', '-', part)}" for part in category.split("+")]
            categories += parts
            feeds.append({"id": f"f{number}", "source": str(path), "format": "domains", "category": parts[0]})
        text = {"es": "Lista", "en": "List"}
        known = sorted(set(categories))
        self._write("categories.yaml", [{"id": each, "title": text, "description": text} for each in known])
        self._write("feeds.yaml", feeds)
        profile = {"title": text, "description": text, "audience": text, "categories": known}
        self._write(f"profiles/{PROFILE}.yaml", profile)
        for document in ("services", "safesearch", "bypass"):
            self._write(f"{document}.yaml", [])
        self._write("protected.yaml", {"public_suffixes": True})
        self._write("expected.yaml", {"popular.example": known[:1]})
        self.config.write_text(json.dumps(self._configuration()))
        self.run("store", "migrate")
        self.run("subscriber", "add", "one", "--prefix", "127.0.0.1")
        evidence = ("--who", "holder", "--text-version", "2026-11", "--reference", "bench")
        self.run("subscriber", "opt-in", "one", "--profile", PROFILE, *evidence)

    def _write(self, name: str, value: object) -> None:
        path = self.base / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))

    def _configuration(self) -> dict[str, Any]:
        return {
            "dns": {"listen": [f"127.0.0.1:{free_port()}"], "upstreams": ["127.0.0.1:9"], "threads": 1},
            "store": {"url": f"sqlite:///{self.base}/filterd.db"},
            "state_dir": str(self.base / "state"),
            "policies": str(self.base / "policies"),
            "metrics": {"listen": f"127.0.0.1:{free_port()}"},
        }

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.base / "filterd.yaml"

    @property
    def settings(self) -> Settings:
        """The settings."""
        return from_value(json.loads(self.config.read_text()), base=self.base)

    def run(self, *words: str) -> Cost:
        """Run a command of ``filterd``; RuntimeError with its words where it fails."""
        report = self.base / "cost.json"
        command = [sys.executable, __file__, str(report), *words, "--config", str(self.config), "--json"]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        seconds = time.monotonic() - began
        if done.returncode:
            msg = f"filterd {' '.join(words)}: {done.stderr.strip()}"
            raise RuntimeError(msg)
        processor, own, child = json.loads(report.read_text())
        return Cost(seconds, processor, own, child, json.loads(done.stdout or "null"))


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def peak_of(pid: int | str) -> int:
    """The most memory that a process had, in bytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _run_command(report: Path, words: Sequence[str]) -> None:
    """Be the command, and report its peak and that of its children (in wait4's words, KiB) at its end."""
    import resource

    from filterd.cli import entry

    sys.argv = ["filterd", *words]
    try:
        entry.main()
    finally:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        processor = sum(each.ru_utime + each.ru_stime for each in used)
        report.write_text(json.dumps([processor, peak_of("self"), used[1].ru_maxrss * 1024]))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        _run_command(Path(sys.argv[1]), sys.argv[2:])

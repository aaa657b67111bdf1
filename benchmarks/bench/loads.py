"""The two generators, each on the generator's processor: dnsperf, and senders of our own."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Load, parse_dnsperf, parse_senders
from bench.machine import Cores, pinned, program

CLIENTS = 64
"""sockets of dnsperf"""
OUTSTANDING = 200
"""queries on their way at one time, in closed loop"""
GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Senders:
    """How the senders are to send."""

    entries: Path
    seconds: int
    rate: int = 0
    """queries per second in open loop; 0: closed loop"""
    sources: int = 1
    first: str = "127.0.0.1"
    times: Path | None = None


@dataclass(frozen=True, slots=True)
class Generator:
    """Starts loads and says how much processor time each took."""

    cores: Cores
    binary: Path
    """the senders, compiled"""

    def dnsperf(
        self, port: int, queries: Path, seconds: int, *options: str, once: bool = False
    ) -> tuple[Load, float]:
        """As fast as the answers come; the load and the seconds of processor time. ``once``: every query at
        most once."""
        words = [program("dnsperf"), "-s", "127.0.0.1", "-p", str(port), "-d", str(queries), "-e"]
        words += ["-l", str(seconds), "-c", str(CLIENTS), "-q", str(OUTSTANDING), "-t", "1", *options]
        text, used = self._run([*words, "-n", "1"] if once else words, seconds)
        return parse_dnsperf(text), used

    def senders(self, port: int, how: Senders) -> tuple[Load, float]:
        """By ``how``."""
        text, used = self._run(self.words(port, how), how.seconds)
        return parse_senders(text), used

    def words(self, port: int, how: Senders) -> list[str]:
        """The senders' command, for those who start it beside something else."""
        numbers = (how.seconds, how.rate, OUTSTANDING, how.sources)
        times = "-" if how.times is None else str(how.times)
        return [
            str(self.binary),
            "127.0.0.1",
            str(port),
            str(how.entries),
            *map(str, numbers),
            how.first,
            times,
        ]

    def start(self, words: list[str]) -> subprocess.Popen[bytes]:
        """A generator that goes on by itself."""
        return subprocess.Popen(
            pinned(self.cores.generator, words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def _run(self, words: list[str], seconds: int) -> tuple[str, float]:
        before = os.times()
        with self.start(words) as process:
            output, _ = process.communicate(timeout=seconds + GRACE_SECONDS)
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return output.decode(errors="replace"), used

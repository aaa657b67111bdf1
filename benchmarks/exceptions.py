"""How soon an exception is in force, asked over DNS while millions of names are compiled over and over.

``make first-hour`` runs it: a list of NAMES names (five million) in one category, a line with that profile,
one resolver, and compiles one after the other beside it. Each exception is made by the use case that the
command calls, timed from the call to the first answer that passes, then ended and timed to the first block.
So is each suspension. Needs about 1 GB of disk in TMPDIR.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import yaml

from filterd.config.load import load
from filterd.operations import exceptions, suspension
from filterd.operations.context import Context, open_context

SMALL = "small.txt"
FEEDS = """
- {id: large, source: lists/large.txt, format: domains, category: adult}
- {id: small, source: lists/small.txt, format: domains, category: adult}
"""
CATEGORIES = "- {id: adult, title: {es: Adultos, en: Adult}, description: {es: Sexo, en: Sex}}\n"
NOTHING = {
    "services": "[]",
    "safesearch": "[]",
    "bypass": "[]",
    "protected": "public_suffixes: true",
    "expected": "{}",
}
"""files of the policies that say nothing here"""
TEXT = "{es: Niños, en: Child}"
PROFILE = f"title: {TEXT}\ndescription: {TEXT}\naudience: {TEXT}\ncategories: [adult]\n"


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=5_000_000)
    parser.add_argument("--exceptions", type=int, default=100)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="filterd-first-hour-") as work:
        asyncio.run(measure(World(Path(work), chosen.names), chosen.exceptions))
    return 0


class World:
    """An installation in a folder: lists, settings, and the port of its resolver."""

    def __init__(self, work: Path, names: int) -> None:
        self.work = work
        self.names = names
        self.port, self.upstream, self.metrics = (free_port() for _ in range(3))
        self.config = work / "filterd.yaml"
        self.lists = work / "policies" / "lists"

    def make(self) -> None:
        """Write the files, and bring the lists into a first snapshot."""
        (self.work / "policies" / "profiles").mkdir(parents=True)
        self.lists.mkdir()
        for name, text in NOTHING.items():
            (self.work / "policies" / f"{name}.yaml").write_text(text)
        (self.work / "policies" / "feeds.yaml").write_text(FEEDS)
        (self.work / "policies" / "categories.yaml").write_text(CATEGORIES)
        (self.work / "policies" / "profiles" / "child.yaml").write_text(PROFILE, encoding="utf-8")
        with (self.lists / "large.txt").open("w") as file:
            file.writelines(f"n{number:09d}.example\n" for number in range(self.names))
        (self.lists / SMALL).write_text("small.example\n")
        settings = {
            "dns": {"listen": [f"127.0.0.1:{self.port}"], "upstreams": [f"127.0.0.1:{self.upstream}"]},
            "store": {"url": f"sqlite:///{self.work}/filterd.db"},
            "state_dir": str(self.work / "state"),
            "policies": str(self.work / "policies"),
            "metrics": {"listen": f"127.0.0.1:{self.metrics}"},
        }
        self.config.write_text(yaml.safe_dump(settings))
        self.run("store", "migrate")
        self.run("feed", "update")
        self.run("snapshot", "build")
        self.run("subscriber", "add", "home", "--prefix", "127.0.0.1")
        asked = ("--who", "holder", "--text-version", "2026-11", "--reference", "T-1")
        self.run("subscriber", "opt-in", "home", "--profile", "child", *asked)

    def run(self, *words: str) -> None:
        """One filterd command, which must succeed."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"filterd {' '.join(words)}: {done.stderr}")

    def command(self, *words: str) -> list[str]:
        """The words of a command over this installation."""
        return [sys.executable, "-m", "filterd.cli.entry", *words, "--config", str(self.config)]

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """A resolver, and behind it a server that answers every name."""
        command = self.command("serve", "--role", "resolver")
        with (self.work / "serve.log").open("wb") as log, answering(self.upstream):
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                until(lambda: self.blocked(0), 120)
                yield
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()

    def blocked(self, number: int) -> bool:
        """True if a name of the list is denied."""
        query = dns.message.make_query(f"n{number:09d}.example", "A")
        with contextlib.suppress(dns.exception.Timeout, OSError):
            answer = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=0.5)
            return answer.rcode() == dns.rcode.NXDOMAIN
        return False

    def passes(self, number: int) -> bool:
        """True if it has the upstream's answer."""
        query = dns.message.make_query(f"n{number:09d}.example", "A")
        with contextlib.suppress(dns.exception.Timeout, OSError):
            return bool(dns.query.udp(query, "127.0.0.1", port=self.port, timeout=0.5).answer)
        return False


class Compiles(threading.Thread):
    """Builds a snapshot over and over, each with something new."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self.world = world
        self.ended = threading.Event()
        self.taken: list[float] = []

    def run(self) -> None:
        for turn in itertools.count():
            if self.ended.is_set():
                return
            (self.world.lists / SMALL).write_text(f"small.example\nturn{turn}.example\n")
            self.world.run("feed", "update", "small")
            began = time.monotonic()
            self.world.run("snapshot", "build")
            self.taken.append(time.monotonic() - began)


async def measure(world: World, count: int) -> None:
    """Exceptions and suspensions beside compiles, and what each took."""
    world.make()
    show("names in the list", f"{world.names:,}")
    settings = load(world.config)
    with world.serving():
        compiles = Compiles(world)
        compiles.start()
        async with open_context(settings) as context:
            until(lambda: bool(compiles.taken), 600)
            before = len(compiles.taken)
            added, ended = await exceptions_of(world, context, count)
            off, on = await suspensions_of(world, context, max(1, count // 5))
        compiles.ended.set()
        compiles.join()
    show(
        "compiles meanwhile",
        f"{len(compiles.taken) - before}, {statistics.median(compiles.taken):.1f} s each",
    )
    show("exception add -> the name passes", spread(added))
    show("exception end -> it is blocked again", spread(ended))
    show("parental suspend -> a name passes", spread(off))
    show("parental resume -> it is blocked again", spread(on))


async def exceptions_of(world: World, context: Context, count: int) -> tuple[list[float], list[float]]:
    """Seconds of each exception until it was in force, and until it was no more."""
    added, ended = [], []
    for number in range(1, count + 1):
        name = f"n{number:09d}.example"
        added.append(
            await timed(exceptions.add(context, name, 3600, reason="measured"), partial(world.passes, number))
        )
        ended.append(await timed(exceptions.end(context, name), partial(world.blocked, number)))
    return added, ended


async def suspensions_of(world: World, context: Context, count: int) -> tuple[list[float], list[float]]:
    """The same of suspensions."""
    off, on = [], []
    for _ in range(count):
        off.append(
            await timed(suspension.suspend(context, 3600, reason="measured"), partial(world.passes, 0))
        )
        on.append(await timed(suspension.resume(context), partial(world.blocked, 0)))
    return off, on


async def timed(made: Awaitable[object], holds: Callable[[], bool]) -> float:
    """Seconds from the call of a use case until what it does is seen over DNS."""
    began = time.monotonic()
    seen = asyncio.create_task(asyncio.to_thread(_seen, holds))
    await made
    return await seen - began


def _seen(holds: Callable[[], bool]) -> float:
    until(holds, 60)
    return time.monotonic()


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until it holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            message = f"not seen within {seconds:.0f} s"
            raise TimeoutError(message)
        time.sleep(0.005)


@contextlib.contextmanager
def answering(port: int) -> Iterator[None]:
    """A name server on loopback that has one address for every name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", port))
        server.settimeout(0.2)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                with contextlib.suppress(OSError):
                    data, client = server.recvfrom(4096)
                    query = dns.message.from_wire(data)
                    reply = dns.message.make_response(query)
                    asked = query.question[0]
                    if asked.rdtype == 1:
                        reply.answer = [dns.rrset.from_text(asked.name, 60, "IN", "A", "192.0.2.1")]
                    server.sendto(reply.to_wire(), client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def free_port() -> int:
    """A UDP port of loopback that nobody uses just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def spread(seconds: list[float]) -> str:
    """Median, 99th percentile and worst, in milliseconds."""
    ranked = sorted(seconds)
    p99 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]
    values = (statistics.median(ranked), p99, ranked[-1])
    return "{} times: p50 {:.0f} ms, p99 {:.0f} ms, worst {:.0f} ms".format(
        len(ranked), *(1000 * each for each in values)
    )


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<42} {value}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

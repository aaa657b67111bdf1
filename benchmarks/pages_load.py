"""DNS answers while pages are asked for 1,000 times a second, and at rest: percentiles side by side.

``make page-load`` starts all roles as an operator does, with the shipped policies and a line that opted in.
One process asks DNS 500 times a second, of names that are blocked and of names that are not, from the line;
beside it another asks for pages. The parts, 20 seconds each:

- ``at rest``: no pages;
- ``pages``: portal, public page, test page, desk and stylesheet in turns, over kept connections;
- ``block page``: the page that a blocked name leads to, over a new connection each time.

Clients and roles share the processors. Nothing is judged: the figures are printed, and whoever compares them
says on which machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from bench.figures import percentile

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.resolver_process import answering, upstream

HERE = Path(__file__).parent
LINE, DEVICE = "L-1", "127.0.0.77"
SINKHOLE = "127.0.0.80"
PATIENCE = 6
"""times that :func:`soon` waits for pages"""
OPEN = tuple(f"open-{number}.example" for number in range(8))
PATHS = ("/portal", "/servicio/", "/funciona", "/static/house.css")
SHARES = (0.5, 0.9, 0.99, 0.999)
QUESTIONS = 500.0
"""a second"""


@dataclass(frozen=True)
class Part:
    """A load of pages, and where they are."""

    title: str
    pages: Sequence[tuple[str, int, str]] = ()
    keep: bool = True


@dataclass(frozen=True)
class Site:
    """A running installation."""

    made: Deployment
    parts: Sequence[Part]
    names: Sequence[str]


def show(*columns: str) -> None:
    """One line of the report."""
    sys.stdout.write(columns[0].ljust(26) + "".join(each.rjust(12) for each in columns[1:]) + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def site(work: Path) -> Iterator[Site]:
    """The installation, its line opted in."""
    with upstream(answering({(name, "A"): ["192.0.2.10"] for name in OPEN})) as (above, _):
        portal, desk, block = free_port(), free_port(), free_port()
        made = Deployment(work / "filterd", above)
        pages = {"listen": f"127.0.0.1:{portal}"}
        web = {"portal": pages, "public": pages, "desk": {"listen": f"127.0.0.1:{desk}"}}
        made.write_config(
            web=web | {"block": {"listen": [f"{SINKHOLE}:{block}"]}}, block_page={"ipv4": SINKHOLE}
        )
        made.cli("store", "migrate")
        made.register(LINE, DEVICE, "children")
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        with made.serving():
            wait(lambda: _status("127.0.0.1", portal, "/servicio/") == 200)
            wait(lambda: _status(SINKHOLE, block, "/") > 0)
            found = [("127.0.0.1", portal, path) for path in PATHS] + [("127.0.0.1", desk, "/desk/sign-in")]
            there = [each for each in found if _status(*each) == 200]
            parts = (
                Part("at rest"),
                Part("pages", there),
                Part("block page", [(SINKHOLE, block, "/")], False),
            )
            yield Site(made, parts, (*OPEN, *_blocked(made)))


def _blocked(made: Deployment) -> list[str]:
    lines = (made.policies / "lists" / "adult.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")][: len(OPEN)]


def wait(comes: Callable[[], bool]) -> None:
    """Wait for a process that starts behind DNS. Raises RuntimeError where it never serves."""
    for _ in range(PATIENCE):
        if soon(comes):
            return
    message = "the pages are not served"
    raise RuntimeError(message)


def _status(address: str, port: int, path: str) -> int:
    """The status of a page; 0 where nobody listens."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://{address}:{port}{path}").status_code
    return 0


def begin(script: str, asked: dict[str, Any]) -> subprocess.Popen[str]:
    """A client process with its task."""
    words = [sys.executable, str(HERE / script)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdin is not None:
        process.stdin.write(json.dumps(asked))
        process.stdin.close()
    return process


def end(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The findings of a client process."""
    with process:
        found: dict[str, Any] = json.loads(process.stdout.read() if process.stdout else "{}")
    return found


def run(made: Site, part: Part, rate: float, seconds: float) -> None:
    """One part with its line of the report."""
    questions = {
        "port": made.made.port, "source": DEVICE, "names": made.names, "rate": QUESTIONS, "seconds": seconds,
    }  # fmt: skip
    asking = begin("answer_times.py", questions)
    pages = None
    if part.pages:
        load = {"ports": part.pages, "rate": rate, "seconds": seconds, "keep": part.keep}
        pages = end(begin("page_clients.py", load))
    answers = end(asking)
    ranked = sorted(answers["seconds"])
    figures = [f"{percentile(ranked, share) * 1e6:,.0f}" for share in SHARES] + [f"{ranked[-1] * 1e6:,.0f}"]
    show(part.title, *figures, f"{answers['lost']}", *_of_pages(pages))


def _of_pages(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return ["-", "-", "-"]
    ranked = sorted(found["seconds"])
    if not ranked:
        return ["0", "-", "none"]
    number = len(ranked) - sum(found["refused"].values())
    refused = ",".join(f"{word} {count}" for word, count in found["refused"].items()) or "none"
    return [f"{number / found['lasted']:.0f}", f"{percentile(ranked, 0.99) * 1e3:.0f}", refused]


def main() -> None:
    """Run the parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=1_000.0, help="pages in a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each part (at most 120)")
    chosen = parser.parse_args()
    show("load of the machine", "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
    with tempfile.TemporaryDirectory(prefix="fd-") as work, site(Path(work)) as made:
        run(made, Part("warming up"), 1.0, 1.0)
        shares = [f"p{share * 100:g}" for share in SHARES]
        show("DNS answers in µs", *shares, "worst", "lost", "pages/s", "p99 in ms", "refused")
        for part in made.parts:
            run(made, part, chosen.rate, min(chosen.seconds, 120.0))


if __name__ == "__main__":
    main()

"""A family and an agent at work beside 1,000 hostile requests in a second, and at rest: percentiles side by
side.

``make hostile-load`` starts all roles as an operator does, with the shipped policies and a line that opted
in. The parts, 30 seconds each:

- ``at rest``: no hostile requests;
- ``hostile``: 200 addresses send the requests that cost most, over kept connections: bodies for every call of
  the API that are refused late (with a token of the support desk, a wrong one and none), wrong codes and PINs
  for portal and desk, review forms, the largest forms, heads and queries of the pages.

In both, a family signs in by its PIN again and again, looks at its line and changes a topic; an agent signs
in, finds a line and shows it; a probe asks for a page 20 times a second; and DNS is asked 500 times a second.
Clients and roles share the processors. Nothing is judged: the figures are printed.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from bench.figures import percentile
from pages_load import DEVICE, LINE, OPEN, QUESTIONS, begin, end, show, wait

from tests.browser.forms import Pages
from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment
from tests.e2e.resolver_process import answering, upstream
from tests.worlds.hostile_bodies import MANY_PARTS, NO_DOCUMENTS, calls_with_body, hostile_bodies

PIN = "739105"
CLIENTS = SOURCES = 200
MOST_BODIES = 600
"""bodies of the API that are sent in turns"""
SHARES = (0.5, 0.99)


@dataclass(frozen=True)
class Site:
    """A running installation."""

    made: Deployment
    portal: int
    desk: int
    api: int
    token: str
    """of the support desk"""


@dataclass
class Visits:
    """What became of the steps of visitors: seconds of each, and refusals by status."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one; what fails is counted as refused."""
        began = time.perf_counter()
        try:
            yield
        except (AssertionError, httpx.HTTPError) as error:
            words = str(error).split()
            status = next((each for each in words if each.isdigit() and len(each) == 3), type(error).__name__)
            self.refused[f"{name} {status}"] += 1
            raise
        self.seconds.setdefault(name, []).append(time.perf_counter() - began)


@contextmanager
def site(work: Path) -> Iterator[Site]:
    """The installation: its line opted in and with a PIN."""
    with upstream(answering({(name, "A"): ["192.0.2.10"] for name in OPEN})) as (above, _):
        portal, desk, api = free_port(), free_port(), free_port()
        made = Deployment(work / "filterd", above)
        pages = {"listen": f"127.0.0.1:{portal}", "public_url": f"http://127.0.0.1:{portal}"}
        web = {"desk": {"listen": f"127.0.0.1:{desk}"}, "api": {"listen": f"127.0.0.1:{api}"}}
        made.write_config(web={"portal": pages, "public": {"listen": f"127.0.0.1:{portal}"}, **web})
        made.cli("store", "migrate")
        made.register(LINE, DEVICE, "children")
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        token = made.cli("token", "add", "desk", "--role", "support", "--system")["secret"]
        with made.serving():
            found = Site(made, portal, desk, api, token)
            wait(lambda: _answers(f"http://127.0.0.1:{portal}/servicio/"))
            wait(lambda: _answers(f"http://127.0.0.1:{api}/api/openapi.json"))
            link = made.cli("subscriber", "link", LINE)["url"]
            with Pages(f"http://127.0.0.1:{portal}") as pages_:
                pages_.send("/portal/entrar?" + link.partition("?")[2], "/portal/entrar")
                pages_.send("/portal/filtro/1/pin", "/portal/filtro/1/pin", pin=PIN)
            yield found


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def hostile_requests(site: Site) -> list[tuple[int, str]]:
    """Ports and whole requests, in Latin-1, in a fixed order of chance."""
    document = httpx.get(f"http://127.0.0.1:{site.api}/api/openapi.json").json()
    draw = random.Random(29)  # noqa: S311 - no secret
    calls: list[tuple[str, str, bytes]] = []
    for method, path, largest, schema in calls_with_body(document):
        target = path.replace("{id}", LINE).replace("{", "").replace("}", "")
        bodies = [
            json.dumps(each, separators=(",", ":")).encode() for each in hostile_bodies(schema, largest)
        ]
        calls += [(method, target, body) for body in (*bodies, *NO_DOCUMENTS, *MANY_PARTS)]
    found = []
    for method, target, body in draw.sample(calls, min(MOST_BODIES, len(calls))):
        token = draw.choice((site.token, site.token, "filterd_" + "A" * 43, ""))
        head = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        found.append((site.api, _request(method.upper(), target, head, body)))
    reads = ("subscribers?limit=1000", "orders?limit=1000", "reviews?limit=1000", "audit?q=" + "a" * 8000)
    head = {"Authorization": f"Bearer {site.token}"}
    found += [(site.api, _request("GET", f"/api/v1/{target}", head)) for target in reads]
    found += [(port, request) for port in (site.portal, site.desk) for request in _of_pages(port, draw)]
    draw.shuffle(found)
    return found


def _of_pages(port: int, draw: random.Random) -> Iterator[str]:
    def secret() -> str:
        return base64.urlsafe_b64encode(draw.randbytes(32)).decode().rstrip("=")

    forms: Sequence[tuple[str, str]] = (
        ("/portal/entrar", f"k={secret()}"),
        ("/portal/entrar", f"codigo={draw.randrange(10**8)}"),
        ("/portal/pin", f"pin={draw.randrange(10**6)}"),
        ("/desk/sign-in", f"token=filterd_{secret()}"),
        ("/revision", f"site={secret()[:20].lower().replace('_', '')}.example&claim=closed&text={'a' * 500}"),
        ("/revision/folio", f"folio=R-{draw.randrange(10**6)}&code={secret()[:10]}"),
        ("/revision", "&".join(f"f{number}=" for number in range(1_000))),
        ("/portal/entrar", "k=" + "a" * 65_000),
        ("/portal/entrar", "%F0%9F" * 10_000),
    )
    cookies = f"filterd_form={secret()}; filterd_session={secret()}; filterd_desk={secret()}"
    for path, body in forms:
        head = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies}
        yield _request("POST", path, head | {"Origin": f"http://127.0.0.1:{port}"}, body.encode())
    queries = ("/desk/find?id=" + "a" * 4000, "/revision?" + "&" * 8000, "/" + "%" * 8000)
    for path in (*queries, "/portal/filtro/1", "/funciona", "/servicio/"):
        yield _request("GET", path, {"Cookie": cookies})
        yield _request(
            "GET", path, {"Accept-Language": "es-MX;q=0.1," * 800, "X-Forwarded-For": "1," * 2_000}
        )


def _request(method: str, target: str, head: dict[str, str], body: bytes = b"") -> str:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in head.items()]
    return "\r\n".join(lines) + "\r\n\r\n" + body.decode("latin-1")


def family(site: Site, visits: Visits, until: float) -> None:
    """Sign in by the PIN, look, and change a topic, again and again."""
    topics = "/portal/filtro/1/temas"
    for turn in itertools.count():
        if time.monotonic() > until:
            return
        with _visitor(site.portal, DEVICE) as pages:
            _act(visits, "family signs in", pages.send, "/portal/entrar", "/portal/pin", pin=PIN)
            _act(visits, "family looks", pages.show, "/portal/filtro/1")
            closed = ["gambling"] if turn % 2 else []
            _act(visits, "family changes", pages.send, topics, topics, cerrado=closed)
        time.sleep(0.5)


def agent(site: Site, visits: Visits, until: float) -> None:
    """Sign in to the desk, find the line and show it, again and again."""
    while time.monotonic() < until:
        with _visitor(site.desk) as pages:
            _act(visits, "agent signs in", pages.send, "/desk/sign-in", "/desk/sign-in", token=site.token)
            for _ in range(5):
                _act(visits, "agent finds a line", pages.show, f"/desk/find?id={LINE}")
                time.sleep(0.2)


def probe(site: Site, visits: Visits, until: float) -> None:
    """Ask for the public page 20 times a second."""
    with _visitor(site.portal) as pages:
        while time.monotonic() < until:
            _act(visits, "page of 20 a second", pages.show, "/servicio/")
            time.sleep(0.05)


def _visitor(port: int, address: str = "127.0.0.1") -> Pages:
    pages = Pages(f"http://127.0.0.1:{port}")
    pages.client.close()
    transport = httpx.HTTPTransport(local_address=address)
    pages.client = httpx.Client(
        base_url=pages.client.base_url, transport=transport, follow_redirects=True, timeout=30
    )
    return pages


def _act(visits: Visits, name: str, step: Callable[..., Any], *given: Any, **fields: Any) -> None:
    try:
        with visits.step(name):
            step(*given, **fields)
    except (AssertionError, httpx.HTTPError, KeyError):
        return


def run(site: Site, title: str, requests: Sequence[tuple[int, str]], rate: float, seconds: float) -> None:
    """One part with its lines of the report."""
    questions = {
        "port": site.made.port, "source": DEVICE, "names": OPEN, "rate": QUESTIONS, "seconds": seconds,
    }  # fmt: skip
    asking = begin("answer_times.py", questions)
    sending = None
    if requests:
        load = {
            "ports": [("127.0.0.1", port, "") for port, _ in requests], "raw": [raw for _, raw in requests],
            "rate": rate, "seconds": seconds, "sources": SOURCES,
            "clients": min(CLIENTS, int(rate * seconds)),
        }  # fmt: skip
        sending = begin("page_clients.py", load)
    visits, until = Visits(), time.monotonic() + seconds
    visitors = [threading.Thread(target=each, args=(site, visits, until)) for each in (family, agent, probe)]
    for each in visitors:
        each.start()
    for each in visitors:
        each.join()
    answers = end(asking)
    show(title, *(f"{each} in ms" for each in ("p50", "p99", "worst")), "number")
    _line("DNS answers", answers["seconds"], f"{answers['lost']} lost")
    for name, taken in sorted(visits.seconds.items()):
        _line(name, taken, "")
    if visits.refused:
        show("refused", ", ".join(f"{name}: {count}" for name, count in visits.refused.items()))
    if sending is not None:
        found = end(sending)
        _line("hostile requests", found["seconds"], f"{len(found['seconds']) / found['lasted']:.0f}/s")
        show(
            "their status", ", ".join(f"{word}: {count}" for word, count in sorted(found["refused"].items()))
        )


def _line(name: str, seconds: Sequence[float], more: str) -> None:
    ranked = sorted(seconds)
    figures = [f"{percentile(ranked, share) * 1e3:.1f}" for share in SHARES] + [f"{ranked[-1] * 1e3:.1f}"]
    show(f"  {name}", *figures, f"{len(ranked)}", more)


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=1_000.0, help="hostile requests in a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each part (at most 120)")
    chosen = parser.parse_args()
    sys.stdout.write("load of the machine {:.1f} {:.1f} {:.1f}\n".format(*os.getloadavg()))
    with tempfile.TemporaryDirectory(prefix="fd-") as work, site(Path(work)) as made:
        seconds = min(chosen.seconds, 120.0)
        run(made, "at rest", (), 0.0, seconds)
        run(made, "hostile", hostile_requests(made), chosen.rate, seconds)


if __name__ == "__main__":
    main()

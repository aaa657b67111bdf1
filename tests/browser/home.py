"""A household whose Internet runs through a whole installation: names, sites, pages, a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import dns.message
import httpx
from playwright.sync_api import Browser

from filterd.config.load import load
from filterd.operations.context import Context, open_context
from tests.e2e.authority import free_port, nsd
from tests.e2e.deployment import Deployment, ede, soon
from tests.worlds.chromium import chromium
from tests.worlds.home_network import own_network, resolv_conf, sites
from tests.worlds.small_policies import copy_policies

Returned = TypeVar("Returned")

DEVICE = "127.0.0.1"
"""the address from which the browser asks and calls"""
SITE = "203.0.113.10"
"""the address of every site"""
SINKHOLES = {
    "parental": "192.0.2.81",
    "security": "192.0.2.82",
    "mandatory": "192.0.2.83",
    "confidential": "192.0.2.84",
}
LINE, OTHER_LINE, LIBRARY_LINES = "L-100", "L-200", ("B-1", "B-2")
"""the line of the household, one that never asked for a filter, those of a library"""
TEST_ZONE, TESTS = "prueba.example", "203.0.113.20"
"""of the names of the test page, and the address to which they lead"""
ADULT, CASINO, GAMES, LIBRARY, ORDERED = (
    "adult.example", "casino.example", "games.example", "library.example", "ordered.example",
)  # fmt: skip
LISTED = {"adult": ADULT, "gambling": CASINO, "games": GAMES}
"""category -> the name that is in it"""
FILTERED = 17
ZONE = f"""$TTL 300
. IN SOA ns.example. hostmaster.example. 1 3600 900 86400 60
. IN NS ns.example.
* IN A {SITE}
example. IN A {SITE}
*.example. IN A {SITE}
*.{TEST_ZONE}. IN A {TESTS}
"""


@dataclass(frozen=True)
class Ports:
    """The ports on 127.0.0.1."""

    portal: int
    desk: int
    health: int
    regulator: int


class Household(Deployment):
    """Commands are carried out in a thread of their own: Playwright keeps the loop of this one."""

    def _run_here(self, *words: str) -> tuple[int, str, str]:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(super()._run_here, *words).result()


@dataclass(frozen=True)
class Home:
    """The household."""

    filterd: Household
    ports: Ports
    browser: Browser

    @property
    def portal(self) -> str:
        """The address of the portal and the public pages."""
        return f"http://127.0.0.1:{self.ports.portal}"

    def address(self, site: str) -> str:
        """The address of a site of the catalogue: portal, desk, or the kind of a block page."""
        return f"http://{SINKHOLES[site]}" if site in SINKHOLES else str(getattr(self, site))

    @property
    def desk(self) -> str:
        """The address of the support desk."""
        return f"http://127.0.0.1:{self.ports.desk}"

    @property
    def regulator(self) -> str:
        """The address of the regulator's desk: browsers keep passkeys for this host alone."""
        return f"http://localhost:{self.ports.regulator}"

    def operate(
        self, act: Callable[[Context], Coroutine[Any, Any, Returned]], actor: str = "tests"
    ) -> Returned:
        """The acts of a system of the provider, over the operations."""

        async def run() -> Returned:
            async with open_context(load(self.filterd.config), actor=actor) as context:
                return await act(replace(context, actor=actor))

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, run()).result()

    def asked(self, name: str) -> dns.message.Message:
        """The answer to a device that keeps none."""
        return self.filterd.ask(name, source=DEVICE)

    def blocked(self, name: str) -> bool:
        """Return whether the device is told that a name is filtered."""
        return ede(self.asked(name)) == [FILTERED]

    def open(self, name: str) -> bool:
        """Return whether the device gets the site's own address."""
        answer = self.asked(name)
        return any(SITE in str(item) for rrset in answer.answer for item in rrset)


def _policies(folder: Path) -> Path:
    policies = copy_policies(folder / "policies")
    feeds = ""
    for category, name in LISTED.items():
        (policies / "lists" / f"own-{category}.txt").write_text(f"{name}\n")
        feeds += (
            f"\n- id: own-{category}\n  source: lists/own-{category}.txt\n"
            f"  format: domains\n  category: {category}\n"
        )
    with (policies / "feeds.yaml").open("a") as file:
        file.write(feeds)
    return policies


def _settings(ports: Ports) -> dict[str, Any]:
    portal = {"listen": f"0.0.0.0:{ports.portal}", "public_url": f"http://127.0.0.1:{ports.portal}"}
    desk = {"listen": f"127.0.0.1:{ports.desk}", "public_url": f"http://127.0.0.1:{ports.desk}"}
    oversight = {
        "listen": f"127.0.0.1:{ports.regulator}",
        "public_url": f"http://localhost:{ports.regulator}",
    }
    return {
        "zone": "America/Mexico_City",
        "block_page": {kind: {"ipv4": address} for kind, address in SINKHOLES.items()},
        "web": {
            "portal": portal,
            "public": {**portal, "test_zone": TEST_ZONE},
            "desk": desk,
            "regulator": oversight,
            "block": {"listen": [f"{address}:80" for address in SINKHOLES.values()]},
            "health": f"127.0.0.1:{ports.health}",
        },
    }


def pages_answer(port: int) -> bool:
    """Return whether pages are served on a port."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/static/house.css").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def home(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Home]:
    """The household, once everything answers. ``environment``: of the installation's processes."""
    with ExitStack() as stack:
        stack.enter_context(own_network([SITE, TESTS, *SINKHOLES.values()]))
        stack.enter_context(sites(SITE))
        upstream = stack.enter_context(nsd(folder / "authority", {".": ZONE}))
        ports = Ports(*(free_port() for _ in range(4)))
        filterd = Household(
            folder / "filterd", upstream, _policies(folder), settings=_settings(ports), port=53,
            environment=dict(environment or {}),
        )  # fmt: skip
        filterd.cli("store", "migrate")
        filterd.register(LINE, DEVICE)
        for line in (OTHER_LINE, *LIBRARY_LINES):
            filterd.cli("subscriber", "add", line)
        filterd.order(ORDERED)
        filterd.cli("feed", "update")
        filterd.cli("snapshot", "build")
        stack.enter_context(filterd.serving())
        assert soon(lambda: pages_answer(ports.portal) and pages_answer(ports.desk), seconds=60), (
            filterd.log()
        )
        browser = stack.enter_context(chromium(folder, resolv_conf(folder, "127.0.0.1")))
        yield Home(filterd, ports, browser)

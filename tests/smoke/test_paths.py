"""One thin path of each capability through a whole installation, for ``make test``: each by commands, DNS and
HTTP, as its user meets it. The paths in full are in tests/e2e and tests/browser.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.home import Household
from tests.chaos.campaign import Campaign
from tests.chaos.table import in_a_line
from tests.e2e.authority import free_port
from tests.e2e.deployment import ROOT, Deployment, ede, soon
from tests.evasion.lab import write_policies
from tests.evasion.scripted import serving
from tests.worlds.chromium import chromium

CHILD, OPEN, MOVING, GUEST = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"
"""addresses of a line with the children's profile, of one that asked for nothing, of a session, of no line"""
ADULT = "listed.example"
CENSORED, FILTERED = 16, 17


@dataclass(frozen=True)
class Service:
    """A running installation, and the ports of its portal and its API."""

    filterd: Deployment
    portal: int
    api: int

    def blocked(self, name: str, client: str, code: int, *, tcp: bool = False) -> bool:
        """Return whether a client is told of a block of this kind (EDE), and gets no address."""
        answer = self.filterd.ask(name, source=client, tcp=tcp)
        return ede(answer) == [code] and not answer.answer

    def served(self, name: str, client: str, *, tcp: bool = False) -> bool:
        """Return whether a client gets the address of the site."""
        answer = self.filterd.ask(name, source=client, tcp=tcp)
        return bool(answer.answer) and not ede(answer)


def _policies(folder: Path) -> Path:
    """A profile and a list of one name, with the texts and the authorities as they are shipped: control reads
    and compiles it in a moment."""
    policies = write_policies(folder)
    for part in ("consent", "desk", "jurisdictions", "notices"):
        shutil.copytree(ROOT / "policies" / part, policies / part)
    (policies / "lists/own.txt").write_text(f"{ADULT}\n")
    with (policies / "feeds.yaml").open("a") as feeds:
        feeds.write("\n- {id: own, source: lists/own.txt, format: domains, category: adult}\n")
    return policies


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("smoke")
    portal, api = free_port(), free_port()
    address = f"127.0.0.1:{portal}"
    settings = {
        "web": {
            "portal": {"listen": address, "public_url": f"http://{address}"},
            "public": {"listen": address},
            "api": {"listen": f"127.0.0.1:{api}"},
        },
        "accounting": {"pools": ["127.0.0.0/8"]},
    }
    with serving() as upstream:
        filterd = Household(folder / "filterd", upstream.port, _policies(folder), settings=settings)
        filterd.cli("store", "migrate")
        filterd.register("child", CHILD)
        filterd.register("open", OPEN)
        filterd.cli("feed", "update")
        filterd.cli("snapshot", "build")
        with filterd.serving():
            assert soon(lambda: filterd.http(portal, "/servicio/")[0] == 200, seconds=60), filterd.log()
            assert soon(lambda: filterd.http(api, "/api/v1/subscribers/open")[0] == 401), filterd.log()
            yield Service(filterd, portal, api)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_dns_is_forwarded(service: Service, tcp: bool) -> None:
    assert service.served("www.open.example", OPEN, tcp=tcp)
    assert service.served("www.open.example", GUEST, tcp=tcp)


def test_a_line_opts_in_pauses_and_leaves(service: Service) -> None:
    assert service.served(ADULT, CHILD)
    service.filterd.opt_in("child", "children")
    assert soon(lambda: service.blocked(ADULT, CHILD, FILTERED))
    assert service.served(ADULT, OPEN)
    service.filterd.cli("subscriber", "pause", "child", "--for", "1h")
    assert soon(lambda: service.served(ADULT, CHILD))
    service.filterd.cli("subscriber", "resume", "child")
    assert soon(lambda: service.blocked(ADULT, CHILD, FILTERED, tcp=True))
    service.filterd.cli("subscriber", "opt-out", "child")
    assert soon(lambda: service.served(ADULT, CHILD))


def test_an_order_is_enforced_for_every_line_has_a_receipt_and_is_withdrawn(
    service: Service, tmp_path: Path
) -> None:
    reference = service.filterd.order("ordered.example")["reference"]
    assert soon(
        lambda: all(service.blocked("www.ordered.example", each, CENSORED) for each in (CHILD, OPEN, GUEST))
    )
    told = service.filterd.cli("check", "www.ordered.example", "--client", GUEST)
    assert reference in json.dumps(told)
    service.filterd.cli("order", "receipt", reference, "--out", str(tmp_path))
    (receipt,) = tmp_path.glob("*.json")
    key = tmp_path / "receipt.pem"
    key.write_text(service.filterd.run("key", "export", "--purpose", "receipt").stdout)
    verify = ("order", "verify-receipt", str(receipt), "--key", str(key))
    assert service.filterd.run(*verify).returncode == 0
    receipt.write_text(receipt.read_text().replace("ordered.example", "another.example"))
    assert service.filterd.run(*verify).returncode == 1
    service.filterd.cli("order", "withdraw", reference, "--reason", "lifted")
    assert soon(lambda: service.served("www.ordered.example", GUEST))
    assert service.filterd.run("audit", "verify").returncode == 0


def test_a_name_that_a_feed_brings_is_blocked(service: Service, tmp_path: Path) -> None:
    service.filterd.opt_in("open", "children")
    assert soon(lambda: service.blocked(ADULT, OPEN, FILTERED))
    assert service.served("listed-later.example", OPEN)
    written = tmp_path / "own.txt"
    written.write_text(f"{ADULT}\nlisted-later.example\n")
    written.rename(service.filterd.policies / "lists/own.txt")  # control reads it as soon as it notices
    assert soon(lambda: service.blocked("listed-later.example", OPEN, FILTERED), seconds=60)
    service.filterd.cli("subscriber", "opt-out", "open")


def test_a_session_gives_an_address_the_choices_of_its_line(service: Service) -> None:
    service.filterd.cli("subscriber", "add", "moving")
    service.filterd.opt_in("moving", "children")
    assert service.served(ADULT, MOVING)
    service.filterd.cli("session", "put", MOVING, "moving", "--for", "1h")
    assert soon(lambda: service.blocked(ADULT, MOVING, FILTERED))


def test_the_api_answers_a_token_and_no_other(service: Service) -> None:
    secret = service.filterd.cli("token", "add", "smoke", "--role", "operator", "--system")["secret"]
    url = f"http://127.0.0.1:{service.api}/api/v1/subscribers/open"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {secret}"})
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - an address on loopback
        assert json.load(answer)["id"] == "open"
    assert service.filterd.http(service.api, "/api/v1/subscribers/open")[0] == 401


@pytest.mark.system("chromium")
def test_a_browser_reads_the_public_page(service: Service, tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        page = browser.new_page(viewport={"width": 360, "height": 740})
        response = page.goto(f"http://127.0.0.1:{service.portal}/servicio")
        assert response is not None
        assert response.status == 200
        assert page.locator("html").get_attribute("lang") == "es"
        assert page.evaluate("document.documentElement.scrollWidth <= 360")


def test_a_backup_is_put_in_force_and_undoes_no_withdrawal(service: Service, tmp_path: Path) -> None:
    kept = service.filterd.order("kept.example")["reference"]
    lifted = service.filterd.order("lifted.example")["reference"]
    service.filterd.cli("backup", str(tmp_path / "copy"))
    service.filterd.cli("order", "withdraw", lifted, "--reason", "lifted")
    service.filterd.cli("restore", str(tmp_path / "copy"), "--reason", "smoke")
    states = {each["reference"]: each["state"] for each in service.filterd.cli("order", "list")}
    assert states[kept] == "accepted"
    assert states[lifted] == "withdrawn"
    assert soon(lambda: service.blocked("kept.example", GUEST, CENSORED))
    assert soon(lambda: service.served("lifted.example", GUEST))


def test_a_resolver_that_is_killed_answers_no_blocked_name(tmp_path: Path) -> None:
    with Campaign(tmp_path / "c", 7) as campaign:
        outcome = campaign.play("kill-resolver", 0)
    assert outcome.good, in_a_line(outcome)

"""Real fronts, set up as docs/operations.md says: who is believed when a client forges its own subnet."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import pytest

from tests.e2e.authority import free_port, running
from tests.evasion.form import Gets, judge, plain, word_of
from tests.evasion.lab import TCP, UDP, Lab
from tests.evasion.names import ADULT, CHILD, FORWARDER, FRONT, MINE, ORDERED, OWNER, STRANGER, WAY
from tests.evasion.packets import with_options
from tests.evasion.test_client_subnet import subnet
from tests.worlds.system import command

pytestmark = pytest.mark.system("dnsdist", "unbound")
ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```lua\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SUBNET, PROXY = "useClientSubnet", "useProxyProtocol"


def example(word: str) -> str:
    """The example of docs/operations.md that has this word."""
    (found,) = [text for text in BLOCK.findall((ROOT / "docs" / "operations.md").read_text()) if word in text]
    return str(found)


@contextmanager
def dnsdist(folder: Path, lab: Lab, text: str, source: str) -> Iterator[int]:
    """The example with the addresses of this lab; yields its port on 127.0.0.1."""
    port = free_port()
    text = (
        text.replace("192.0.2.10:53", f"127.0.0.1:{port}")
        .replace("192.0.2.53:53", f"127.0.0.1:{lab.port}")
        .replace('source="192.0.2.10"', f'source="{source}"')
    )
    path = folder / f"{port}.conf"
    path.write_text(text)
    words = [str(command("dnsdist")), "--supervised", "--disable-syslog", "-C", str(path)]
    checked = subprocess.run([*words, "--check-config"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with running(words, port, f"ready.{WAY}", folder / f"{port}.log") as ready:
        yield ready


@contextmanager
def unbound(folder: Path, lab: Lab) -> Iterator[int]:
    """Unbound with whole client subnets; yields its port."""
    port = free_port()
    path = folder / "unbound.conf"
    path.write_text(
        "server:\n"
        f"  interface: 127.0.0.1@{port}\n  outgoing-interface: {FORWARDER}\n"
        "  do-daemonize: no\n  use-syslog: no\n"
        '  username: ""\n  chroot: ""\n  pidfile: ""\n  num-threads: 1\n  do-ip6: no\n'
        f'  directory: "{folder}"\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n'
        '  local-zone: "example." nodefault\n  module-config: "subnetcache iterator"\n'
        "  send-client-subnet: 127.0.0.1\n  max-client-subnet-ipv4: 32\n  max-client-subnet-ipv6: 128\n"
        f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{lab.port}\n'
        "remote-control:\n  control-enable: no\n"
    )
    words = [str(command("unbound")), "-d", "-c", str(path)]
    with running(words, port, f"ready.{WAY}", folder / "unbound.log") as ready:
        yield ready


@dataclass(frozen=True)
class Fronts:
    """The ports of the fronts that run."""

    subnets: int
    proxied: int
    careless: int
    """the first without its override"""
    unbound: int


@pytest.fixture(scope="module")
def fronts(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    """All of them, before the one resolver."""
    folder = tmp_path_factory.mktemp("fronts")
    careless = example(SUBNET).replace("setECSOverride(true)\n", "")
    with (
        dnsdist(folder, lab, example(SUBNET), FORWARDER) as subnets,
        dnsdist(folder, lab, example(PROXY), FRONT) as proxied,
        dnsdist(folder, lab, careless, FORWARDER) as without,
        unbound(folder, lab) as resolver,
    ):
        yield Fronts(subnets, proxied, without, resolver)


def through(port: int, wire: bytes, client: str, transport: str) -> bytes:
    """A query's answer through a front."""
    query = dns.message.from_wire(wire)
    send = dns.query.udp if transport == UDP else dns.query.tcp
    return send(query, "127.0.0.1", port=port, source=client, timeout=5).to_wire()


def forging(*addresses: str) -> Callable[[str, str], bytes]:
    """Queries with a client subnet for each of these whole addresses."""
    return with_options(*(subnet(address) for address in addresses))


@dataclass(frozen=True)
class Asked:
    """A question by a client through the fronts."""

    id: str
    client: str
    gets: Gets
    forges: Sequence[str] = ()
    name: str = ADULT

    def run(self, port: int) -> None:
        """Ask it twice over each transport: nothing is kept in front."""
        build = forging(*self.forges) if self.forges else plain
        for transport in (UDP, TCP, UDP, TCP):
            judge(through(port, build(self.name, "A"), self.client, transport), self.gets, self.id)


FORMS = (
    Asked("line", CHILD, Gets.FILTERED),
    Asked("nobody", STRANGER, Gets.SERVED),
    Asked("line-again", CHILD, Gets.FILTERED),
    Asked("own-names", OWNER, Gets.FILTERED, name=MINE),
    Asked("own-names-of-another", CHILD, Gets.SERVED, name=MINE),
    Asked("order-for-a-line", CHILD, Gets.CENSORED, name=ORDERED),
    Asked("order-for-nobody", STRANGER, Gets.CENSORED, name=ORDERED),
    Asked("line-forges-nobody", CHILD, Gets.FILTERED, [STRANGER]),
    Asked("line-forges-another", CHILD, Gets.FILTERED, [OWNER]),
    Asked("line-forges-the-front", CHILD, Gets.FILTERED, [FORWARDER]),
    Asked("line-forges-twice", CHILD, Gets.FORMERR, [STRANGER, STRANGER]),
    Asked("line-forges-itself-then-nobody", CHILD, Gets.FORMERR, [CHILD, STRANGER]),
    Asked("nobody-forges-a-line", STRANGER, Gets.SERVED, [CHILD]),
    Asked("nobody-forges-a-line-with-own-names", STRANGER, Gets.SERVED, [OWNER], MINE),
    Asked("order-with-a-forged-subnet", CHILD, Gets.CENSORED, [STRANGER], ORDERED),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_dnsdist_with_client_subnets(fronts: Fronts, form: Asked) -> None:
    form.run(fronts.subnets)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_dnsdist_with_proxy_headers(fronts: Fronts, form: Asked) -> None:
    form.run(fronts.proxied)


def test_without_the_override_a_client_chooses_its_line(fronts: Fronts) -> None:
    """Why the document demands it."""
    for transport in (UDP, TCP):
        answer = through(fronts.careless, forging(STRANGER)(ADULT, "A"), CHILD, transport)
        judge(answer, Gets.SERVED)


def test_unbound_passes_on_what_a_client_says(fronts: Fronts) -> None:
    """It tells whole addresses, keeps an entry for each, and believes its clients: what the document says. It
    leaves extended errors out, so a block is told by the data that another client gets."""
    for _ in range(2):
        for client, gets in ((CHILD, Gets.ANYTHING), (STRANGER, Gets.SERVED)):
            judge(through(fronts.unbound, plain(f"www.{ADULT}", "A"), client, UDP), gets, client)
    judge(through(fronts.unbound, forging(STRANGER)(f"x.{ADULT}", "A"), CHILD, UDP), Gets.SERVED)


def test_no_example_has_a_cache_in_front() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    examples = [text for page in pages for text in BLOCK.findall(page.read_text())]
    assert examples
    assert not [text for text in examples if "cache" in text.lower()]
    assert all("setECSOverride(true)" in text for text in examples if SUBNET in text)

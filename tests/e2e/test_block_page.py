"""The block page of a running installation: DNS leads each kind of block to its address, and the page there
says why. It holds floods and slow clients, DNS goes on without it, and nothing of who came is kept."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from filterd.config.load import load
from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.operations.context import open_context
from filterd.operations.orders import taking
from tests.e2e.answer_world import ADDRESSES, NONE, REQUEST, prepare, write_policies
from tests.e2e.authority import free_port, nsd
from tests.e2e.deployment import Deployment, ede, soon
from tests.worlds.certificates import Authority

pytestmark = pytest.mark.system("nsd")

ZONE = """$TTL 600
. IN SOA ns.example. hostmaster.example. 1 3600 900 86400 600
. IN NS ns.example.
* IN A 192.0.2.10
"""
SINKHOLES = {
    kind: f"127.0.21.{last}"
    for last, kind in enumerate(("parental", "security", "mandatory", "confidential"), 1)
}
BLOCKED = {
    "parental": ("adult.example", ADDRESSES["sinkhole"], 17),
    "security": ("malware.example", NONE, 15),
    "mandatory": ("sinkhole.banned.example", NONE, 16),
    "confidential": ("sealed.example", NONE, 16),
}
"""kind -> a name that is blocked so, the client, and the extended error"""
TITLES = {
    "parental": "El filtro de este Internet no abre esta página",
    "security": "Esta página puede ser peligrosa",
    "mandatory": "Esta página está cerrada por una orden",
    "confidential": "Esta página no se puede abrir",
}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "es-MX,es;q=0.9"}
CONNECTIONS = 64


@dataclass
class Served:
    """A running installation with a block page, and its supervisor's process."""

    filterd: Deployment
    supervisor: int
    port: int
    https: int
    health: int

    def page(self, address: str, host: str = "www.blocked.example", path: str = "/") -> httpx.Response:
        """The page for a browser that was led to this address."""
        url = f"http://{address}:{self.port}{path}"
        return httpx.get(url, headers={**BROWSER, "Host": host}, timeout=30, trust_env=False)

    def up(self) -> bool:
        """Return whether the page answers."""
        try:
            return self.page(SINKHOLES["parental"]).status_code == 403
        except httpx.TransportError:
            return False

    def process(self) -> int:
        """The block page's process; 0: there is none."""
        for pid in Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children").read_text().split():
            if b"filterd.serve.block" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return int(pid)
        return 0

    def requests(self) -> dict[str, float]:
        """The counts of requests, by kind."""
        _, text = self.filterd.http(self.health, "/metrics")
        rows = [line for line in text.splitlines() if line.startswith("filterd_block_page_requests_total{")]
        return {row.split('"')[1]: float(row.split()[-1]) for row in rows}


def _section(sinkholes: dict[str, str]) -> dict[str, object]:
    """The configuration's block_page: an address for each kind, and none for all."""
    return {"ipv4": None, "ipv6": None, **{kind: {"ipv4": address} for kind, address in sinkholes.items()}}


async def _seal(filterd: Deployment) -> None:
    async with open_context(load(filterd.config)) as context:
        entries = (("sealed.example", Scope.SUBTREE),)
        asked = replace(REQUEST, entries=entries, mode=BlockingMode.SINKHOLE, confidential=True)
        await taking.add(context, asked)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """All kinds of blocks, each with a sinkhole of its own on loopback."""
    folder = tmp_path_factory.mktemp("block")
    port, https, health = free_port(), free_port(), free_port()
    Authority().server(folder, "block.isp.example")
    certificate = str(folder / "block.isp.example.pem")
    with ExitStack() as stack:
        upstream = stack.enter_context(nsd(folder / "authority", {".": ZONE}))
        made = Deployment(folder / "filterd", upstream, write_policies(folder))
        made.write_config(
            security={"enabled": True, "blocking_mode": "sinkhole"},
            block_page=_section(SINKHOLES),
            web={
                "block": {
                    "listen": [f"{address}:{port}" for address in (*SINKHOLES.values(), "127.0.0.1")],
                    "https": [f"{SINKHOLES['security']}:{https}"],
                    "tls": {"certificate": certificate, "key": certificate},
                    "connections": CONNECTIONS,
                    "health": f"127.0.0.1:{health}",
                },
                "public": {"public_url": "https://servicio.isp.example"},
            },
        )
        prepare(made)
        asyncio.run(_seal(made))
        process = stack.enter_context(made.serving())
        found = Served(made, process.pid, port, https, health)
        assert soon(found.up), made.log()
        yield found


@pytest.mark.parametrize("kind", SINKHOLES)
def test_dns_leads_to_the_page_that_says_why(served: Served, kind: str) -> None:
    name, client, code = BLOCKED[kind]
    answer = served.filterd.ask(name, source=client)
    assert [str(each) for each in answer.answer[0]] == [SINKHOLES[kind]]
    assert ede(answer) == [code, 4]
    assert not served.filterd.ask(name, "AAAA", source=client).answer
    before = served.requests()
    page = served.page(str(answer.answer[0][0]), host=name)
    assert page.status_code == (451 if kind in ("mandatory", "confidential") else 403)
    assert f"<title>{TITLES[kind]}</title>" in page.text
    assert "set-cookie" not in page.headers
    assert "https://servicio.isp.example/revision" in page.text
    after = served.requests()
    assert {each for each in after if after[each] != before[each]} == {kind}


def test_the_confidential_page_names_no_authority_and_no_name(served: Served) -> None:
    page = served.page(SINKHOLES["confidential"], host="sealed.example")
    for word in ("sealed", "Authority", "Official", "Law 1", "D-1", "autoridad"):
        assert word not in page.text + repr(page.headers)


def test_no_host_leads_from_a_parental_page_to_another(served: Served) -> None:
    pages = {
        served.page(SINKHOLES["parental"], host=host).text for host in ("sealed.example", "127.0.21.4", "a")
    }
    assert len(pages) == 1
    assert TITLES["confidential"] not in pages.pop()


def test_an_address_that_is_no_sinkhole_has_the_general_page(served: Served) -> None:
    assert "<title>Esta página no se abre aquí</title>" in served.page("127.0.0.1").text


def test_the_operator_s_certificate_serves_the_page_to_whoever_goes_on(served: Served) -> None:
    url = f"https://{SINKHOLES['security']}:{served.https}/"
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(url, headers=BROWSER, trust_env=False)
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    page = httpx.get(url, headers=BROWSER, verify=unverified, trust_env=False)
    assert f"<title>{TITLES['security']}</title>" in page.text
    assert "strict-transport-security" not in page.headers


def test_idle_and_slow_clients_keep_nobody_out(served: Served) -> None:
    held = []
    try:
        for number in range(2_000):
            each = socket.create_connection((SINKHOLES["parental"], served.port), timeout=30)
            if number % 2:
                each.sendall(b"GET / HTTP/1.1\r\nHost: slow.example\r\nX: ")
            held.append(each)
        for _ in range(5):
            assert served.page(SINKHOLES["mandatory"]).status_code == 451
            assert served.filterd.ask("fine.example").answer
        shown = served.filterd.http(served.health, "/metrics")[1]
        (row,) = [each for each in shown.splitlines() if each.startswith("filterd_block_page_connections ")]
        assert float(row.split()[1]) <= CONNECTIONS + 1
    finally:
        for each in held:
            each.close()


def test_a_flood_is_answered_and_dns_goes_on(served: Served) -> None:
    before = served.requests()["parental"]

    def many(count: int) -> int:
        return sum(served.page(SINKHOLES["parental"]).status_code == 403 for _ in range(count))

    with ThreadPoolExecutor(8) as pool:
        flood = [pool.submit(many, 50) for _ in range(8)]
        answered = 0
        while not all(each.done() for each in flood):
            assert served.filterd.ask("adult.example", source=ADDRESSES["sinkhole"]).answer
            answered += 1
            time.sleep(0.01)
        assert [each.result() for each in flood] == [50] * 8
    assert answered
    assert served.requests()["parental"] - before == 400


def test_what_is_no_request_is_refused(served: Served) -> None:
    for sent in (
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 5_000_000,
    ):
        with socket.create_connection((SINKHOLES["parental"], served.port), timeout=30) as to:
            try:
                to.sendall(sent + b"\r\n\r\n")
                found = to.recv(65536)
            except ConnectionError:
                continue
            assert found.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")) or not found
    assert served.up()


def test_dns_goes_on_without_the_page_and_it_comes_back(served: Served) -> None:
    first = served.process()
    os.kill(first, signal.SIGSTOP)
    try:
        assert served.filterd.ask("adult.example", source=ADDRESSES["sinkhole"]).answer
        assert served.filterd.http(served.filterd.control, "/readyz")[0] == 200
    finally:
        os.kill(first, signal.SIGKILL)
    assert soon(lambda: served.process() not in (0, first) and served.up()), served.filterd.log()
    assert served.filterd.ask("fine.example").answer


def test_a_reload_tells_the_new_addresses_apart(served: Served) -> None:
    swapped = dict(zip(SINKHOLES, [*list(SINKHOLES.values())[1:], SINKHOLES["parental"]], strict=True))
    served.filterd.write_config(block_page=_section(swapped))
    os.kill(served.supervisor, signal.SIGHUP)
    try:
        assert soon(lambda: TITLES["parental"] in served.page(swapped["parental"]).text), served.filterd.log()
        assert soon(
            lambda: (
                str(served.filterd.ask("malware.example", source=NONE).answer[0][0]) == swapped["security"]
            )
        )
    finally:
        served.filterd.write_config(block_page=_section(SINKHOLES))
        os.kill(served.supervisor, signal.SIGHUP)
    assert soon(lambda: TITLES["parental"] in served.page(SINKHOLES["parental"]).text)


def test_nothing_of_who_came_and_for_what_is_kept(served: Served) -> None:
    marker = f"zq{secrets.token_hex(9)}"
    for address in (*SINKHOLES.values(), "127.0.0.1"):
        for path in (f"/{marker}", f"/?q={marker}", f"/{marker}.js", "/%00" + marker):
            served.page(address, host=f"{marker}.example", path=path)
        url = f"http://{address}:{served.port}/{marker}"
        httpx.post(url, headers={"Cookie": marker, "Referer": f"http://{marker}.example/"}, trust_env=False)
        with socket.create_connection(
            (address, served.port), timeout=30, source_address=("127.0.21.77", 0)
        ) as to:
            to.sendall(f"{marker}\r\n\r\n".encode())
            to.recv(65536)
    assert marker not in served.filterd.http(served.health, "/metrics")[1]
    assert "127.0.21.77" not in served.filterd.log_whole()
    written = [each for each in served.filterd.folder.rglob("*") if each.is_file()]
    assert written
    assert [each for each in written if marker.encode() in each.read_bytes()] == []

"""The API of a running installation, over real sockets and processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small

RECORDS = {("adult.example", "A"): ["192.0.2.1"], ("fine.example", "A"): ["192.0.2.2"]}
EVIDENCE = {"who": "holder", "text_version": "1", "reference": "ticket 1", "channel": "telephone"}
LINE = "127.0.0.1"


@dataclass
class Served:
    """A running installation with an API, and its supervisor's process."""

    deployment: Deployment
    supervisor: int
    port: int
    health: int

    def client(self, *words: str, name: str = "daemon", role: str = "operator") -> httpx.Client:
        """A client with a new token."""
        made = self.deployment.cli("token", "add", name, "--role", role, *words)
        headers = {"Authorization": f"Bearer {made['secret']}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", headers=headers)

    def up(self) -> bool:
        """Return whether the API answers."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/api/openapi.json").status_code == 200
        except httpx.TransportError:
            return False

    def role(self, name: str) -> int:
        """The process of a role; 0: there is none."""
        for pid in Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children").read_text().split():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if f"filterd.serve.{name}".encode() in words:
                return int(pid)
        return 0

    def blocked(self, name: str = "adult.example") -> bool:
        """Return whether the line gets NXDOMAIN for a name."""
        return int(self.deployment.ask(name, source=LINE).rcode()) == 3


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An installation that serves, its API too."""
    with ExitStack() as stack:
        made = stack.enter_context(small(tmp_path_factory.mktemp("api"), RECORDS))
        port = free_port()
        health = free_port()
        api = {"listen": f"127.0.0.1:{port}", "connections": 64}
        made.write_config(web={"api": api, "health": f"127.0.0.1:{health}"})
        process = stack.enter_context(made.serving())
        found = Served(made, process.pid, port, health)
        assert soon(found.up), made.log()
        yield found


def test_a_line_is_registered_opted_in_and_blocked_over_http(served: Served) -> None:
    with served.client(role="provisioning", name="billing") as client:
        made = client.post("/subscribers", json={"id": "home", "prefixes": [f"{LINE}/32"]})
        assert made.status_code == 201, made.text
        assert not served.blocked()
        asked = {"profile": "child", "evidence": EVIDENCE}
        chosen = client.put("/subscribers/home/choices/opt-in", json=asked)
        assert chosen.status_code == 200, chosen.text
        assert soon(served.blocked, "opt-in over HTTP until DNS blocks (s)")
        assert client.put("/subscribers/home/choices/opt-out", json={}).status_code == 200
        assert soon(lambda: not served.blocked())
    trail = served.deployment.cli("audit", "tail")
    assert {each["entry"]["actor"] for each in trail if each["entry"]["action"].startswith("subscriber")} == {
        "billing"
    }
    shown = served.deployment.cli("subscriber", "export", "home")
    assert shown["requests"][0]["who"] == "holder"


def test_dns_and_control_go_on_without_the_web_process(served: Served) -> None:
    deployment, web = served.deployment, served.role("web")
    others = served.role("resolver"), served.role("control")
    os.kill(web, signal.SIGSTOP)
    try:
        assert deployment.ask("fine.example").answer
        deployment.cli("subscriber", "add", f"while-web-{web}-is-stopped")
        assert deployment.http(deployment.control, "/readyz")[0] == 200
    finally:
        os.kill(web, signal.SIGKILL)
        # Waited for here: the tests after this one need the web process too.
        again = soon(lambda: served.role("web") not in (0, web) and served.up())
    assert again, deployment.log()
    assert deployment.ask("fine.example").answer
    assert (served.role("resolver"), served.role("control")) == others


def test_idle_connections_keep_nobody_out(served: Served) -> None:
    idle = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(2_000)]
    try:
        with served.client(role="regulator", name="auditor") as client:
            for _ in range(5):
                assert client.get("/orders").status_code == 200
        assert served.deployment.ask("fine.example").answer
    finally:
        for each in idle:
            each.close()


def _raw(served: Served, request: bytes, pause: float = 0.0) -> bytes:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as to:
        to.sendall(request)
        time.sleep(pause)
        found = b""
        while piece := to.recv(65536):
            found += piece
            if b"\r\n\r\n" in found and b"}" in found:
                break
        return found


def _post(served: Served, secret: str, length: int) -> bytes:
    head = f"POST /api/v1/subscribers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secret}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()


def _secret(served: Served) -> str:
    made: dict[str, Any] = served.deployment.cli("token", "add", "daemon", "--role", "operator")
    return str(made["secret"])


def test_a_body_of_100_mb_is_refused_before_it_is_sent(served: Served) -> None:
    assert _raw(served, _post(served, _secret(served), 100_000_000)).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_token_is_refused_before_it_is_sent(served: Served) -> None:
    assert _raw(served, _post(served, "forged", 100)).startswith(b"HTTP/1.1 401 ")


def test_heads_that_are_too_large_or_malformed_are_refused(served: Served) -> None:
    large = b"GET /api/docs HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"
    for request in (large, b"GET /api/docs HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n", b"\x16\x03\x01\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as to:
            try:
                to.sendall(request)
                found = to.recv(65536)
            except ConnectionError:
                continue
            assert found.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")) or not found


def test_nothing_of_a_request_is_in_the_log(served: Served) -> None:
    with served.client(name="daemon") as client:
        client.get("/subscribers/a-secret-id")
        client.get("/check", params={"name": "a-secret-name.example"})
        client.get("/check", params={"name": "a secret name"})
    log = served.deployment.log_whole()
    for text in ("a-secret", "a secret", "filterd_", "127.0.0.1:4"):
        assert text not in log


def test_the_web_process_has_health_and_metrics_of_its_own(served: Served) -> None:
    with served.client(name="daemon") as client:
        client.get("/orders")
        assert client.get("/../../metrics").status_code == 404
    for path, words in (("/healthz", "ok"), ("/readyz", "ready"), ("/metrics", "filterd_api_requests_total")):
        status, text = served.deployment.http(served.health, path)
        assert (status, words in text) == (200, True)
    assert 'filterd_api_requests_total{group="orders",status="200"}' in text


def test_headers_of_a_client_are_not_believed_and_none_is_smuggled_in(served: Served) -> None:
    secret = served.deployment.cli(
        "token", "add", "far", "--system", "--role", "operator", "--from", "192.0.2.7"
    )
    head = f"GET /api/v1/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secret['secret']}\r\n"
    assert _raw(served, f"{head}X-Forwarded-For: 192.0.2.7\r\n\r\n".encode()).startswith(b"HTTP/1.1 401 ")
    twice = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    folded = b"X: a\r\n\r\n b\r\n\r\n"
    for more in (twice, folded, b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na"):
        assert b"HTTP/1.1 200" not in _raw(served, head.encode() + more)


def test_a_body_that_comes_too_slowly_is_given_up(served: Served) -> None:
    begin = _post(served, _secret(served), 100)
    assert _raw(served, begin + b"{").startswith(b"HTTP/1.1 408 ")


def test_two_people_approve_an_order_by_command_and_by_token(served: Served) -> None:
    """The one who added it by command cannot approve it by a token of the same name."""
    deployment = served.deployment
    deployment.write_config(orders={"approvals": 2})
    os.kill(served.supervisor, signal.SIGHUP)
    environment = {"FILTERD_CONFIG": str(deployment.config), "SUDO_USER": "daemon"}
    words = ["order", "add", "fine.example", "--authority", "A", "--official", "O", "--document", "D"]
    words += ["--ground", "G", "--reason", "served", "--json"]
    added = CliRunner().invoke(main, words, env=environment)
    assert json.loads(added.stdout)["state"] == "pending", added.stderr
    with served.client(name="daemon") as same, served.client(name="bin") as other:
        refused = same.post("/orders/O-1/approve")
        assert (refused.status_code, "stands behind order O-1" in refused.json()["detail"]) == (409, True)
        assert other.post("/orders/O-1/approve").status_code == 200
        assert other.get("/orders/O-1").json()["standing"] == "in force"
    assert soon(lambda: served.blocked("fine.example"), "approval over HTTP until DNS blocks (s)")

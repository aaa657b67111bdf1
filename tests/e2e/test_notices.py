"""Notices of a running installation: none is lost where control is killed, and an id is never another's."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.deployment import Deployment, soon

pytestmark = pytest.mark.ring("night")


class WebhookEndpoint(ThreadingHTTPServer):
    """A receiver on loopback. The first request is answered only once it is let go."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.seen: list[tuple[str, str]] = []
        """id and subscriber of each request"""
        self.go_on = threading.Event()


class _Take(BaseHTTPRequestHandler):
    server: WebhookEndpoint

    def do_POST(self) -> None:
        body: Any = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.headers["webhook-id"], body["data"]["subscriber"]))
        self.server.go_on.wait(60)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[WebhookEndpoint]:
    found = WebhookEndpoint()
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.go_on.set()
    found.shutdown()
    found.server_close()


def _control(supervisor: int) -> int:
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    for pid in children:
        if b"filterd.serve.control" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    return 0


def test_a_killed_control_loses_no_notice(tmp_path: Path, endpoint: WebhookEndpoint) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_" + "A" * 43 + "=\n")
    hook = {
        "id": "crm",
        "url": f"http://127.0.0.1:{endpoint.server_address[1]}/",
        "secret_file": str(secret),
        "timeout": "60s",
    }
    filterd = Deployment(tmp_path / "filterd", 1, settings={"notices": {"webhooks": [hook]}})
    filterd.cli("store", "migrate")
    process = filterd.start("--role", "control")
    try:
        filterd.cli("subscriber", "add", "L-1")
        filterd.opt_in("L-1", "children")
        assert soon(lambda: len(endpoint.seen) == 1, seconds=60)
        filterd.cli("subscriber", "opt-out", "L-1")
        assert not filterd.cli("subscriber", "show", "L-1")["opted_in"]
        os.kill(_control(process.pid) or process.pid, signal.SIGKILL)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    endpoint.go_on.set()
    process = filterd.start("--role", "control")
    try:
        assert soon(lambda: len({each for each, _ in endpoint.seen}) == 2, seconds=60)
        assert soon(lambda: not filterd.cli("notice", "list", "--undelivered"), seconds=60)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    first, *others = [identifier for identifier, _ in endpoint.seen]
    assert first in others, "what was not recorded came again"
    told = filterd.cli("notice", "list")
    assert [(each["kind"], each["state"]) for each in told] == [
        ("opt_in", "delivered"),
        ("opt_out", "delivered"),
    ]

"""Many changes over the API while commands write the same store: neither starves or breaks the other."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

CLIENTS, COMMANDS, LEAST = 8, 6, 200
LINE = "127.0.0.1"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Deployment, str]]:
    """An installation that serves, and the address of its API."""
    with ExitStack() as stack:
        made = stack.enter_context(small(tmp_path / "writes"))
        api = f"127.0.0.1:{free_port()}"
        made.write_config(web={"api": {"listen": api, "requests": 10_000}})
        for number in range(CLIENTS):
            made.cli("subscriber", "add", f"line-{number}")
        stack.enter_context(made.serving())
        assert soon(lambda: up(api)), made.log()
        yield made, api


def up(api: str) -> bool:
    """Return whether the API answers."""
    try:
        return httpx.get(f"http://{api}/api/openapi.json").status_code == 200
    except httpx.TransportError:
        return False


def change(api: str, secret: str, number: int, ended: threading.Event, statuses: Counter[int]) -> None:
    """Change a line over and over, at least :data:`LEAST` times among all."""
    with httpx.Client(headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client:
        path = f"http://{api}/api/v1/subscribers/line-{number}/choices/zone"
        for turn in count():
            if ended.is_set() and turn * CLIENTS >= LEAST:
                return
            zone = ("America/Tijuana", "America/Cancun")[turn % 2]
            statuses[client.put(path, json={"zone": zone}).status_code] += 1


def test_commands_and_api_write_at_the_same_time(served: tuple[Deployment, str]) -> None:
    made, api = served
    secret = str(made.cli("token", "add", "billing", "--system", "--role", "provisioning")["secret"])
    ended, statuses = threading.Event(), Counter[int]()
    clients = [
        threading.Thread(target=change, args=(api, secret, number, ended, statuses))
        for number in range(CLIENTS)
    ]
    for each in clients:
        each.start()
    try:
        for number in range(COMMANDS):
            done = made.run("subscriber", "add", f"by-command-{number}")
            assert done.returncode == 0, done.stderr
        made.cli("binding", "add", f"{LINE}/32", "line-0")
        made.cli("subscriber", "deny", "line-0", "fine.example")
        assert soon(lambda: int(made.ask("fine.example", source=LINE).rcode()) == 3)
    finally:
        ended.set()
        for each in clients:
            each.join()
    assert set(statuses) == {200}
    proved = made.run("audit", "verify")
    assert proved.returncode == 0, proved.stdout + proved.stderr
    with contextlib.closing(sqlite3.connect(made.state / "filterd.db")) as connection:
        written = connection.execute("SELECT count(*) FROM audit WHERE actor = 'billing'").fetchone()[0]
    assert written == statuses.total() >= LEAST

"""100,000 lines imported over HTTP by a client that reads no reply before its body has ended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small
from tests.worlds.measured import measured

pytestmark = pytest.mark.ring("night")

ROWS = 100_000
BAD = 50_000


def _rows() -> Iterator[bytes]:
    for start in range(0, ROWS, 1_000):
        numbers = range(start, start + 1_000)
        rows = [b"{broken" if n == BAD else _row(n) for n in numbers]
        yield b"\n".join(rows) + b"\n"


def _row(number: int) -> bytes:
    prefix = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    return json.dumps({"id": f"line-{number:06}", "prefixes": [prefix]}).encode()


def _slowest(made: Deployment, until: float) -> float:
    """The slowest answer of DNS until a moment, in seconds."""
    worst = 0.0
    while time.monotonic() < until:
        begin = time.perf_counter()
        made.ask("fine.example")
        worst = max(worst, time.perf_counter() - begin)
        time.sleep(0.005)
    return worst


def test_a_large_import_is_taken_row_by_row_and_a_repeat_changes_nothing(tmp_path: Path) -> None:
    port = free_port()
    with small(tmp_path) as made:
        made.write_config(web={"api": {"listen": f"127.0.0.1:{port}"}})
        secret = made.cli("token", "add", "billing", "--system", "--role", "provisioning")["secret"]
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/x-ndjson"}
        with made.serving(), ThreadPoolExecutor(1) as beside:
            assert soon(lambda: Deployment.http(port, "/api/openapi.json")[0] == 200), made.log()
            slowest = beside.submit(_slowest, made, time.monotonic() + 5)
            begin = time.monotonic()
            first = _import(port, headers)
            measured("import of 100,000 lines over HTTP", time.monotonic() - begin)
            measured("slowest DNS answer beside it", slowest.result())
            assert first["summary"] == {
                "rows": ROWS,
                "added": ROWS - 1,
                "changed": 0,
                "unchanged": 0,
                "rejected": 1,
                "unbound": 0,
                "pending": 0,
                "shared": "",
                "untold": 0,
            }
            again = _import(port, headers)
            assert (again["summary"]["unchanged"], again["summary"]["added"]) == (ROWS - 1, 0)
            with httpx.stream(
                "GET", f"http://127.0.0.1:{port}/api/v1/export/subscribers", headers=headers, timeout=60
            ) as reply:
                assert sum(1 for _ in reply.iter_lines()) == ROWS - 1


def _import(port: int, headers: dict[str, str]) -> dict[str, dict[str, int]]:
    url = f"http://127.0.0.1:{port}/api/v1/import/subscribers"
    reply = httpx.post(url, content=_rows(), headers=headers, timeout=200)
    assert reply.status_code == 200
    lines = reply.text.splitlines()
    rejected = [json.loads(each) for each in lines if '"rejected","problem"' in each]
    assert [each["line"] for each in rejected] == [BAD + 1]
    assert sum('"line":' in each for each in lines) == ROWS
    found: dict[str, dict[str, int]] = json.loads(lines[-1])
    return found

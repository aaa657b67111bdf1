"""The API against its own description: schemathesis makes requests of it, good and bad, to a running server.

One seed and a bounded number of examples, so that each run does the same. ``make api-examples`` makes more of
them, with a seed of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

PROGRAM = Path(sys.executable).with_name("schemathesis")
SETTINGS = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("API_EXAMPLES", "4")
SEED = os.environ.get("API_SEED", "16")


def _schemathesis(folder: Path, port: int, secret: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(PROGRAM),
        "--config-file",
        str(SETTINGS),
        "run",
        f"http://127.0.0.1:{port}/api/openapi.json",
    ]
    command += ["--header", f"Authorization: Bearer {secret}", "--checks", "all", "--seed", SEED]
    command += ["--max-examples", EXAMPLES, "--generation-database", "none"]
    command += ["--warnings", "off", "--continue-on-failure", "--no-color", *words]
    command += [
        "--exclude-path",
        "/api/v1/import/subscribers",
    ]  # it makes no NDJSON: tests/unit/web/api/test_bulk.py
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=3_600)


def test_the_api_is_as_it_is_described(tmp_path: Path) -> None:
    port = free_port()
    with small(tmp_path) as made:
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        made.write_config(
            web={"api": {"listen": f"127.0.0.1:{port}", "requests": 100_000}}, orders={"approvals": 2}
        )
        secret = made.cli("token", "add", "fuzz", "--role", "operator", "--system")["secret"]
        with made.serving():
            assert soon(lambda: Deployment.http(port, "/api/openapi.json")[0] == 200), made.log()
            done = _schemathesis(tmp_path, port, secret)
            print(done.stdout[-3_000:])
            assert done.returncode == 0, done.stdout + done.stderr
            assert "a call of the API failed" not in made.log_whole()

"""The examples of docs/api.md, typed into a shell in their order, against a running installation."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.resolver_process import answering, upstream

pytestmark = pytest.mark.ring("night")

PAGE = Path(__file__).parents[2] / "docs/api.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> list[str]:
    """The blocks of the page that call the API, in their order."""
    return [each for each in BLOCK.findall(PAGE.read_text()) if "curl" in each]


def test_every_example_does_what_the_page_says(tmp_path: Path) -> None:
    port = free_port()
    with upstream(answering({})) as (behind, _):
        made = Deployment(tmp_path / "filterd", behind)  # with the policies as they are shipped
        made.cli("store", "migrate")
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        made.write_config(web={"api": {"listen": f"127.0.0.1:{port}"}})
        operator = made.cli("token", "add", "daemon", "--role", "operator")["secret"]
        system = made.cli("token", "add", "billing", "--system", "--role", "provisioning")["secret"]
        with made.serving():
            assert soon(lambda: Deployment.http(port, "/api/openapi.json")[0] == 200), made.log()
            _type({"API": f"http://127.0.0.1:{port}/api/v1", "TOKEN": system, "OPERATOR": operator})
        gone = made.run("subscriber", "show", "home-4711")
        assert "unknown subscriber" in gone.stderr


def _type(environment: dict[str, str]) -> None:
    for example in examples():
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", example],
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode == 127:
            pytest.skip("curl is not installed")
        assert done.returncode == 0, f"{example}\n{done.stdout}{done.stderr}"
        assert done.stdout, example

"""Both roles under their supervisor, with the shipped policies: from an empty directory to filtered
answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest
import yaml

from filterd.store.store import Store
from tests.e2e.authority import free_port
from tests.e2e.resolver_process import answering, upstream

pytestmark = pytest.mark.ring("night")

POLICIES = Path(__file__).parents[2] / "policies"
READY_SECONDS = 180.0


@dataclass
class Installation:
    """One ``filterd serve`` and its files."""

    directory: Path
    value: dict[str, object]
    port: int
    process: subprocess.Popen[bytes] = field(init=False)
    """once it was started"""

    @property
    def log(self) -> str:
        """What all processes wrote so far."""
        return (self.directory / "log").read_text()

    def ask(self, name: str) -> list[int]:
        """The extended errors of an answer; [-1] for none in time."""
        query = dns.message.make_query(name, "A", use_edns=0)
        try:
            reply = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=1)
        except (dns.exception.Timeout, OSError):
            return [-1]
        return [int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)]

    def write(self) -> Path:
        """Write the configuration."""
        path = self.directory / "filterd.yaml"
        path.write_text(yaml.safe_dump(self.value))
        return path

    def children(self) -> dict[str, int]:
        """Role -> process id."""
        found = {}
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in tasks:
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                found[words[words.index("-m") + 1].rpartition(".")[2]] = int(pid)
        return found

    def wait_for(self, condition: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        """Until it holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log[-3000:]
            assert self.process.poll() is None, self.log[-3000:]
            time.sleep(0.05)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Started from nothing but the configuration, an empty store and the shipped policies."""
    directory = tmp_path_factory.mktemp("serve")
    with upstream(answering({("plain.example", "A"): ["192.0.2.1"]})) as (upstream_port, _):
        port = free_port()
        value: dict[str, object] = {
            "dns": {"listen": [f"127.0.0.1:{port}"], "upstreams": [f"127.0.0.1:{upstream_port}"]},
            "cache": {"size": "4MiB"},
            "store": {"url": f"sqlite:///{directory}/filterd.db"},
            "state_dir": str(directory / "state"),
            "policies": str(POLICIES),
            "control": {"listen": f"127.0.0.1:{free_port()}"},
            "metrics": {"listen": f"127.0.0.1:{free_port()}"},
        }
        made = Installation(directory, value, port)
        asyncio.run(Store.migrate(f"sqlite:///{directory}/filterd.db", directory / "state/ledger"))
        code = (
            f"import sys; from pathlib import Path; from filterd.serve.supervisor import run; "
            f"sys.exit(run(Path({str(made.write())!r}), ('resolver', 'control')))"
        )
        with (directory / "log").open("wb") as log:
            made.process = subprocess.Popen([sys.executable, "-c", code], stderr=log)
        yield made
        made.process.terminate()
        assert made.process.wait(timeout=20) == 0


def test_from_nothing_to_answers_and_acknowledgement(installation: Installation) -> None:
    installation.wait_for(lambda: installation.ask("plain.example") == [])
    rows: list[tuple[str, int]] = []

    def acknowledged() -> bool:
        with contextlib.closing(sqlite3.connect(installation.directory / "filterd.db")) as connection:
            rows[:] = connection.execute(
                "SELECT name, ready FROM node WHERE snapshot_digest != ''"
            ).fetchall()
        return bool(rows) and rows[0][1] == 1

    installation.wait_for(acknowledged)
    assert [name for name, _ in rows] == ["resolver-1"]


def test_a_wrong_configuration_is_refused_and_a_right_one_taken(installation: Installation) -> None:
    installation.wait_for(lambda: installation.ask("plain.example") == [])
    good = installation.value["dns"]
    assert isinstance(good, dict)
    installation.value["dns"] = {**good, "block_ttl": "soon"}
    installation.write()
    installation.process.send_signal(signal.SIGHUP)
    installation.wait_for(lambda: "new configuration refused" in installation.log)
    lines = [json.loads(line) for line in installation.log.splitlines()]  # it holds JSON and nothing else
    refused = next(line for line in lines if line["event"].startswith("new configuration refused"))
    assert [error.partition(":")[0] for error in refused["errors"]] == ["dns.block_ttl"]
    assert refused["file"] == str(installation.directory / "filterd.yaml")
    assert refused["remedy"]
    assert installation.ask("plain.example") == []
    (installation.directory / "filterd.yaml").write_text("# all of it is gone\n")
    installation.process.send_signal(signal.SIGHUP)
    installation.wait_for(lambda: "holds no settings" in installation.log)
    assert installation.ask("plain.example") == []
    installation.value["dns"] = {**good, "allow_from": ["127.0.0.9/32"]}
    installation.write()
    installation.process.send_signal(signal.SIGHUP)
    installation.wait_for(lambda: installation.ask("plain.example") == [18])
    installation.value["dns"] = good
    installation.write()
    installation.process.send_signal(signal.SIGHUP)
    installation.wait_for(lambda: installation.ask("plain.example") == [])


def test_roles_that_are_killed_come_back_and_dns_survives_control(installation: Installation) -> None:
    installation.wait_for(lambda: installation.ask("plain.example") == [])
    before = installation.children()
    assert before.keys() == {"resolver", "control"}
    os.kill(before["control"], signal.SIGKILL)
    assert installation.ask("plain.example") == []
    os.kill(before["resolver"], signal.SIGKILL)
    installation.wait_for(lambda: installation.ask("plain.example") == [])
    installation.wait_for(lambda: installation.children().keys() == before.keys())
    assert not set(before.values()) & set(installation.children().values())

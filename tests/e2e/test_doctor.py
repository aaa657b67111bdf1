"""``filterd doctor`` on a whole installation: sound, broken, seen by a stranger, and with what hangs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

BESIDE = ("clock.unsynchronised", "kernel.", "memory.", "disk.", "resolvers.", "systemd.")
"""how the ids of findings about the machine begin, on which the tests happen to run"""
MOST_SECONDS = 60.0


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """An installation that is not started, with its lists read and its snapshot built."""
    with small(tmp_path) as made:
        made.state.chmod(0o700)
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        yield made


def look(deployment: Deployment, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code and findings by id, those about the machine of the tests left out."""
    done = deployment.run("doctor", "--json", *words, timeout=MOST_SECONDS)
    found = {each["id"]: each for each in json.loads(done.stdout)["findings"]}
    return done.returncode, {name: each for name, each in found.items() if not name.startswith(BESIDE)}


def serious(found: dict[str, dict[str, Any]]) -> set[str]:
    """The ids of errors and warnings."""
    return {name for name, each in found.items() if each["severity"] != "note"}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below with its time and size."""
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def test_a_sound_installation_that_runs_has_no_errors_and_no_warnings(deployment: Deployment) -> None:
    with deployment.serving():
        assert soon(lambda: bool(deployment.cli("node", "list")))
        code, found = look(deployment)
        strict = look(deployment, "--strict")[0]
    assert serious(found) <= {"upstreams.no_tcp"}  # the upstream of the tests speaks UDP alone
    assert code == 0
    assert strict == 1


def test_what_does_not_run_is_an_error_and_the_doctor_writes_nothing(deployment: Deployment) -> None:
    before = files(deployment.folder)
    code, found = look(deployment)
    assert code == 1
    assert {"service.resolver_down", "service.control_down"} <= serious(found)
    assert files(deployment.folder) == before


def test_the_whole_is_said_in_spanish(deployment: Deployment) -> None:
    done = deployment.run("doctor", "--lang", "es")
    assert "ningún resolvedor corre" in done.stdout
    assert "qué hacer: " in done.stdout
    assert re.search(r"\d+ (error|errores), \d+ (aviso|avisos), \d+ (nota|notas)$", done.stderr.strip())


def test_a_wrong_option_is_wrong_use(deployment: Deployment) -> None:
    assert deployment.run("doctor", "--lang", "de").returncode == 2


def test_a_broken_configuration_keeps_nothing_else_from_being_looked_at(deployment: Deployment) -> None:
    deployment.write_config(cache={"size": "much"})
    deployment.write_config(dns={"listen": ["127.0.0.1"], "allow_from": ["0.0.0.0/0"]})
    code, found = look(deployment)
    assert code == 1
    assert found["config.invalid"]["values"]["path"] in ("cache.size", "dns.listen[0]")
    assert "clients.open" in found
    assert "feeds.mandatory_unread" not in found  # the store was read, where the rest of the file names it


def test_a_file_that_is_no_yaml_is_not_replaced_by_the_defaults(deployment: Deployment) -> None:
    deployment.config.write_text("dns: [")
    code, found = look(deployment)
    assert code == 1
    assert "config.invalid" in found
    assert "doctor.unread_file" in found
    assert "service.resolver_down" not in found


STRANGER = """
import json, os, sys
from pathlib import Path
from filterd.operations.doctor.examine import examine
from filterd.operations.doctor.finding import describe

examine(Path(sys.argv[1]))  # reads the code, which may be a directory of root's
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
findings = [describe(each, "en") for each in examine(Path(sys.argv[1])).findings]
print(json.dumps([[each.id, each.severity, dict(each.values)] for each in findings]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_stranger_is_told_what_was_not_looked_at(deployment: Deployment) -> None:
    for each in (deployment.folder, *deployment.folder.parents[:3]):
        each.chmod(each.stat().st_mode | 0o055)
    deployment.state.chmod(0o700)
    command = [sys.executable, "-c", STRANGER, str(deployment.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=MOST_SECONDS)
    found = json.loads(done.stdout)
    unread = [values["what"] for name, _, values in found if name == "doctor.unread"]
    assert any(str(deployment.state) in each for each in unread)
    assert {severity for name, severity, _ in found if name == "doctor.unread"} == {"warning"}
    said = {name for name, _, _ in found}
    assert not said & {"store.missing", "snapshot.none", "access.state_missing", "keys.missing"}


def test_a_disk_that_hangs_ends_nothing_but_its_own_check(deployment: Deployment) -> None:
    key = deployment.state / "keys/fingerprint.key"
    key.unlink()
    os.mkfifo(key)  # nobody writes: a read never ends
    code, found = look(deployment)
    assert code == 1
    assert found["doctor.unfinished"]["values"]["what"] in ("keys", "snapshot")
    assert "service.resolver_down" in found


def test_a_resolver_that_stands_still_or_has_other_addresses(deployment: Deployment) -> None:
    with deployment.serving("--role", "resolver") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        worker = int(children.read_text().split()[0])
        deployment.port = free_port()
        deployment.write_config()
        moved = look(deployment)[1]
        os.kill(process.pid, signal.SIGSTOP)  # else it ends the worker as stuck
        os.kill(worker, signal.SIGSTOP)
        time.sleep(0.1)
        stopped = look(deployment)[1]
        os.kill(worker, signal.SIGCONT)
        os.kill(process.pid, signal.SIGCONT)
    assert moved["ports.not_bound"]["values"]["role"] == "resolver"
    assert "service.silent_address" in moved
    assert stopped["service.stopped"]["values"]["pid"] == worker

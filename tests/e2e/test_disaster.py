"""All that can go wrong at once: an import, control dead, the store locked, the resolver killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dns.exception
import dns.message
import pytest

from tests.e2e.authority import nsd
from tests.e2e.conftest import WORLD, adult_names, policies_with_mandatory
from tests.e2e.deployment import FILTERD, Deployment, ede, soon
from tests.e2e.names import BANNED
from tests.worlds.measured import measured

pytestmark = [pytest.mark.ring("night"), pytest.mark.system("nsd")]

CENSORED, FILTERED = 16, 17
LINES = 300_000
"""the import reads them all before it writes the first, and writes for longer than the disaster takes"""
PATIENCE = 150.0
"""seconds that a busy machine has for what is to become true"""
CHILD, LATE, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.4"


def _many_lines(path: Path) -> None:
    with path.open("w") as file:
        file.write("subscriber,prefixes,profile,who,reference\n")
        file.writelines(
            f"bulk-{n},10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}/32,children,holder {n},call {n}\n"
            for n in range(LINES)
        )


@contextmanager
def _import(filterd: Deployment, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "FILTERD_CONFIG": str(filterd.config)}
    with (filterd.folder / "import.log").open("wb") as log:
        importer = subprocess.Popen(
            [*FILTERD, "subscriber", "import", str(path), "--who", "holders",
             "--text-version", "2026-11", "--reference", "batch 1"],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield importer
    finally:
        importer.kill()
        importer.wait()


def _import_log(filterd: Deployment) -> str:
    return (filterd.folder / "import.log").read_text()


def _lines_in_store(filterd: Deployment) -> int:
    with closing(sqlite3.connect(f"file:{filterd.state}/filterd.db?mode=ro", uri=True)) as store:
        return int(store.execute("SELECT count(*) FROM line_state").fetchone()[0])


def _wait_for_lines(filterd: Deployment, importer: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while _lines_in_store(filterd) <= 5_000:
        assert importer.poll() is None and time.monotonic() < deadline, _import_log(filterd)
        time.sleep(0.1)


def _kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _answer(filterd: Deployment, name: str, source: str, timeout: float = 3.0) -> dns.message.Message:
    """The first answer that there is at all, as a client asks that tries again after ``timeout`` seconds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            return filterd.ask(name, source=source, timeout=timeout)
        except (dns.exception.Timeout, OSError):
            time.sleep(0.005)
    msg = f"no answer: {filterd.log()}"
    raise AssertionError(msg)


@pytest.mark.timeout(900)
def test_every_mandatory_name_and_every_acknowledged_choice_survives(tmp_path: Path) -> None:
    adult = adult_names()[0]
    with nsd(tmp_path / "authority", {".": WORLD.format(adult=adult)}) as upstream:
        filterd = Deployment(tmp_path / "filterd", upstream, policies_with_mandatory(tmp_path))
        filterd.cli("store", "migrate")
        filterd.register("child", CHILD, "children")
        filterd.register("late", LATE)
        filterd.order("early.example")
        filterd.cli("feed", "update")
        filterd.cli("snapshot", "build")
        started = [filterd.start("--role", "control"), filterd.start("--role", "resolver")]
        try:
            filterd.wait_ready()
            _many_lines(tmp_path / "lines.csv")
            with _import(filterd, tmp_path / "lines.csv") as importer:
                _disaster(filterd, importer, started, adult)
        finally:
            for process in started:
                if process.poll() is None:
                    _kill(process)
        trail = filterd.cli("audit", "verify")
        assert trail["entries"] > 10 and not trail["fault"], trail


def _disaster(
    filterd: Deployment, importer: subprocess.Popen[bytes], started: list[subprocess.Popen[bytes]], adult: str
) -> None:
    """``started``: control and the resolver; the resolver that takes its place is added."""
    control, resolver = started
    _wait_for_lines(filterd, importer)

    def told(name: str, source: str) -> list[int]:
        return ede(_answer(filterd, name, source))

    filterd.order("urgent.example")
    assert soon(lambda: told("urgent.example", STRANGER) == [CENSORED],
                "order added during the import, from its acknowledgement", PATIENCE)  # fmt: skip
    filterd.opt_in("late", "children")
    assert soon(lambda: told(adult, LATE) == [FILTERED],
                "opt-in during the import, from its acknowledgement", PATIENCE)  # fmt: skip
    filterd.cli("subscriber", "deny", "late", "unwanted.example")
    assert soon(lambda: told("unwanted.example", LATE) == [FILTERED], seconds=PATIENCE)
    assert importer.poll() is None, _import_log(filterd)

    _kill(control)
    with closing(sqlite3.connect(f"{filterd.state}/filterd.db", timeout=30, isolation_level=None)) as store:
        store.execute("BEGIN EXCLUSIVE")
        _kill(resolver)
        begin = time.monotonic()
        started.append(filterd.start("--role", "resolver"))
        answer = _answer(filterd, "urgent.example", STRANGER, timeout=0.1)
        measured("resolver killed, store locked, control dead: first answer", time.monotonic() - begin)
        assert ede(answer) == [CENSORED]
        for name in (BANNED, "www.early.example", "early.example", "urgent.example"):
            assert told(name, CHILD) == [CENSORED], name
        assert told(adult, CHILD) == [FILTERED]
        assert told(adult, LATE) == [FILTERED]
        assert told("unwanted.example", LATE) == [FILTERED]
        harmless = _answer(filterd, "harmless.example", LATE)
        assert harmless.answer and not ede(harmless)
        assert _answer(filterd, adult, STRANGER).answer
        store.execute("ROLLBACK")

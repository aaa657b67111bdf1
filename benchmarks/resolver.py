"""A real resolver process on a given snapshot, for its memory and the time to its first answer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.machine import free_port

from filterd.config.load import from_value
from filterd.config.settings import Settings
from filterd.operations.migrate import migrate
from filterd.policy import snapshot_layout
from filterd.policy.snapshot_layout import HEADER_SIZE, read_header

READY_SECONDS = 60.0


def prepare(folder: Path, snapshot: Path, key: bytes, dns: Mapping[str, Any] | None = None) -> Settings:
    """An installation in ``folder`` with an empty store, that key, and the snapshot published (moved).
    ``dns``: keys of that section that are not as they are here otherwise."""
    folder.mkdir()
    port = free_port()
    settings = from_value(
        {
            "dns": {"listen": ["127.0.0.1:0"], "upstreams": ["127.0.0.1:9"], **(dns or {})},
            "store": {"url": f"sqlite:///{folder}/filterd.db"},
            "state_dir": str(folder),
            "metrics": {"listen": f"127.0.0.1:{port}"},
        },
        base=folder,
    )
    asyncio.run(migrate(settings))
    (folder / "keys").mkdir(mode=0o700)
    (folder / "keys" / "fingerprint.key").write_bytes(key)
    (folder / "snapshots").mkdir()
    publish(folder / "snapshots", snapshot)
    return settings


def publish(snapshot_files: Path, snapshot: Path) -> None:
    """Move a compiled snapshot to the folder of snapshots and make it the current one."""
    with snapshot.open("rb") as file:
        header = read_header(file.read(HEADER_SIZE), snapshot.stat().st_size)
    name = snapshot_layout.file_name(header.built_at_revision, header.digest.hex())
    snapshot.rename(snapshot_files / name)
    draft = snapshot_files / ".draft"
    draft.write_bytes(snapshot_layout.pointer_to(name))
    draft.rename(snapshot_files / snapshot_layout.CURRENT)


@contextlib.contextmanager
def running(settings: Settings, before: Sequence[str] = ()) -> Iterator[tuple[int, float]]:
    """A ready resolver: its process id, and the seconds from its start until it said that it is ready.
    ``before``: words that its command begins with."""
    began = time.monotonic()
    with subprocess.Popen(
        [*before, sys.executable, "-m", "filterd.serve.resolver"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.write(settings.to_json().encode() + b"\n")
        process.stdin.flush()
        try:
            _wait_ready(settings, began)
            yield process.pid, time.monotonic() - began
        finally:
            process.terminate()


def resident(pid: int) -> int:
    """The process's memory in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _wait_ready(settings: Settings, began: float) -> None:
    listen = settings.metrics.listen
    while time.monotonic() - began < READY_SECONDS:
        with contextlib.suppress(urllib.error.URLError, OSError):
            url = f"http://{listen.address}:{listen.port}/readyz"
            with urllib.request.urlopen(url, timeout=5):
                return
        time.sleep(0.005)
    msg = "the resolver did not become ready"
    raise RuntimeError(msg)

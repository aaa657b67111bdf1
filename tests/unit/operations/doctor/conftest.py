"""An installation to look at, and a copy of the kernel's files to change."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.config.load import from_value
from filterd.operations import snapshots
from filterd.operations.doctor.case import Case, Machine, account
from filterd.operations.doctor.processes import Process
from filterd.operations.feeds import updating
from tests.worlds.findings import write
from tests.worlds.installation import NOW, Installation, install


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A made-up /proc of a machine on which nothing is wrong."""
    proc = tmp_path / "proc"
    for name in ("udp", "udp6", "tcp", "tcp6"):
        write(proc / "net" / name, "heading\n")
    write(proc / "sys/net/core/rmem_max", "8388608\n")
    write(proc / "sys/net/core/somaxconn", "4096\n")
    write(proc / "sys/net/ipv4/ip_unprivileged_port_start", "1024\n")
    write(proc / "meminfo", "MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n")
    write(proc / "mounts", "/dev/sda1 / ext4 rw 0 0\n")
    write(proc / "locks", "")
    write(proc / "stat", "btime 1790000000\n")
    return proc


@pytest.fixture
def case(installation: Installation, kernel: Path) -> Case:
    """The installation before anything was read into it, on the made-up machine. The clock is the tests'."""
    machine = Machine(
        proc=kernel,
        cgroups=kernel / "cgroups",
        systemd=kernel / "no-systemd",
        clock=lambda: installation.now,
        synchronised=lambda: True,
    )
    return Case(installation.settings, account(os.geteuid()), machine=machine)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an installation with its lists read and its snapshot built: made once, then copied."""
    base = tmp_path_factory.mktemp("template")

    async def make() -> None:
        async with (await install(base)).open("ana") as context:
            await updating.update(context)
            await snapshots.build(context)

    asyncio.run(make())
    return base


@pytest.fixture
def built(case: Case, installation: Installation, template: Path) -> Case:
    """The installation with its lists read and its snapshot built."""
    shutil.copytree(template, installation.base, dirs_exist_ok=True)
    for path in (case.state, *case.state.rglob("*"), installation.database):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return case


@pytest.fixture
def resolver() -> Process:
    """This process as the running resolver."""
    return Process(
        os.getpid(), "python", "resolver", os.getppid(), stopped=False, uid=os.geteuid(), started=NOW
    )


@pytest.fixture
def with_settings(case: Case) -> Callable[..., Case]:
    """The case with other settings: those of a configuration file with these sections."""

    def make(**sections: Any) -> Case:
        base = {
            "store": {"url": case.settings.store.url},
            "state_dir": str(case.state),
            "policies": str(case.settings.policies),
        }
        dns = {"upstreams": ["192.0.2.53:53"], **sections.pop("dns", {})}
        written = frozenset(f"dns.{each}" for each in dns) | frozenset(sections)
        settings = from_value({**base, **sections, "dns": dns}, base=Path("/"))
        return replace(case, settings=settings, written=written)

    return make

"""Sessions in control: nothing about them stops it, and what is wrong is said."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from filterd.accounting.sessions import Sessions
from filterd.config.accounting_settings import LeaseFormat, LeasesSettings, LeaseValue
from filterd.config.settings import Settings
from filterd.disk import local_server
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.disk.session_place import LIVE
from filterd.operations.sessions.protocol import SOCKET as COMMANDS
from filterd.operations.sessions.protocol import ToldSession, sessions_line
from filterd.serve.sessions import service as service_module
from filterd.serve.sessions.service import SessionService
from filterd.serve.sessions.stream import SOCKET
from filterd.serve.wiring import SystemClock, read_sessions
from filterd.telemetry import log
from tests.unit.serve.sessions.test_accounting import settings as radius_settings
from tests.worlds.installation import Installation, install


@dataclass
class Run:
    """One installation whose control is started again and again."""

    installation: Installation
    stream: io.StringIO
    ticks: float = 1000.0

    @property
    def live(self) -> Path:
        return self.installation.settings.state_dir / LIVE

    @asynccontextmanager
    async def service(self) -> AsyncIterator[SessionService]:
        async with self.installation.open("control") as context:
            made = SessionService(context, context.settings, lambda: self.ticks)
            await made.start()
            try:
                yield made
            finally:
                await made.close()

    async def put(self, service: SessionService, address: str) -> None:
        reply = await service._commands.execute(sessions_line("put", [ToldSession((address,), "S-1")]))
        assert reply["taken"] == 1

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.stream.getvalue().splitlines()]

    def change(self, change: Callable[[Settings], Settings]) -> None:
        self.installation.settings = change(self.installation.settings)


@pytest.fixture
async def run(tmp_path: Path) -> Run:
    stream = io.StringIO()
    log.configure("control", stream)
    return Run(await install(tmp_path), stream)


def known(service: SessionService) -> int:
    return sum(service.metrics().known.values())


async def test_what_was_known_is_known_after_a_restart(run: Run) -> None:
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
        assert (service.complete(), service.remarks()) == (True, [])
    assert run.live.stat().st_mode & 0o777 == 0o600
    async with run.service() as service:
        assert (known(service), service.complete(), service.remarks()) == (1, True, [])
    assert run.events() == []


async def test_the_clocks_of_nases_are_counted(run: Run) -> None:
    async with run.service() as service:
        now = run.ticks
        for nas, behind in ((b"right", 0), (b"behind", 600), (b"seen once", 600)):
            for later in (0, 10) if nas != b"seen once" else (0,):
                tell(service, nas, stamp=now + later - behind, arrival=now + later)
        clocks = service.metrics().clocks
    assert clocks == {"right": 1, "off": 1, "unproven": 1}


def tell(service: SessionService, nas: bytes, stamp: float, arrival: float) -> None:
    """One accounting packet of a NAS."""
    name = nas.ljust(16, b".")
    service._table.give(
        [(bytes(15) + nas[:1], 128, None)],
        subscriber=name,
        session=name,
        nas=name,
        stamp=stamp,
        arrival=arrival,
        lasts=600,
        kind=1,
    )


@pytest.mark.parametrize("damage", [b"", b"not a file of sessions", None])
async def test_a_lost_file_counts_as_not_loaded_for_a_while(run: Run, damage: bytes | None) -> None:
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
    if damage is None:
        shutil.rmtree(run.live.parent)
    else:
        run.live.write_bytes(damage)
    async with run.service() as service:
        assert (known(service), service.complete()) == (0, False)
        assert "sessions were lost" in service.remarks()[0]
        assert service.metrics().complete is False
        run.ticks += run.installation.settings.accounting.settle
        assert (service.complete(), service.remarks()) == (True, [])
    assert run.events() == ["the sessions of before are lost"]


async def test_an_older_copy_that_was_put_back_is_a_loss(run: Run) -> None:
    """As from a backup: it would lead addresses to the lines that had them then."""
    state_dir, clock = run.installation.settings.state_dir, SystemClock()
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
        while_it_ran = run.live.read_bytes()
    async with run.service() as service:
        before = run.live.read_bytes()
        await run.put(service, "192.0.2.8")
    for copy in (while_it_ran, before):
        run.live.write_bytes(copy)
        found = read_sessions(state_dir, clock)
        assert found is not None
        assert found.runs == []
        assert "older copy" in found.lacking
        async with run.service() as service:
            assert (known(service), service.complete()) == (0, False)
            assert "sessions were lost" in service.remarks()[0]
    lines = [json.loads(line) for line in run.stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["the sessions of before are lost"] * 2
    assert all("older copy" in line["reason"] for line in lines)


async def test_a_resolver_in_the_same_boot_reads_the_file_by_the_clock_of_control(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's clock was set back or ahead since, and control is not there: up to a minute."""
    state_dir = run.installation.settings.state_dir
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
    for step in (-86_400 * 2, -45, 45, 86_400 * 2):
        monkeypatch.setattr(SystemClock, "now", lambda _clock, step=step: run.installation.now + step)
        found = read_sessions(state_dir, SystemClock())
        assert found is not None
        assert (found.lacking == "") is (abs(step) < 60)
        assert found.runs == [], "nobody registered it"


@pytest.fixture
def clock(run: Run, monkeypatch: pytest.MonkeyPatch) -> SystemClock:
    """The resolver's clock shows what control's does."""
    monkeypatch.setattr(SystemClock, "now", lambda _clock: float(run.installation.now))
    return SystemClock()


async def test_a_restart_does_not_take_the_rest_for_everything(run: Run, clock: SystemClock) -> None:
    """The time to hear of all sessions counts while control runs, over restarts."""
    settle = run.installation.settings.accounting.settle
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
    run.live.write_bytes(b"not a file of sessions")
    async with run.service() as service:
        run.ticks += settle - 100
    run.ticks += 10 * settle
    async with run.service() as service:
        await run.put(service, "192.0.2.8")
        run.ticks += 99
        assert not service.complete()
        found = read_sessions(run.installation.settings.state_dir, clock)
        assert found is not None
        assert found.lacking
        run.ticks += 1
        assert service.complete()
    found = read_sessions(run.installation.settings.state_dir, clock)
    assert found is not None
    assert not found.lacking
    async with run.service() as service:
        assert (known(service), service.complete(), service.remarks()) == (1, True, [])
    assert run.events() == [
        "the sessions of before are lost",
        "sessions that were lost before this start have not all been told again",
    ]


async def test_a_resolver_hears_that_the_directory_is_gone(run: Run, clock: SystemClock) -> None:
    state_dir = run.installation.settings.state_dir
    assert read_sessions(state_dir, clock) is None
    async with run.service() as service:
        assert read_sessions(state_dir, clock) == ([], "", 0)
    shutil.rmtree(run.live.parent)
    assert read_sessions(state_dir, clock) is None, "there never was a session"
    async with run.service() as service:
        assert service.complete()
        await run.put(service, "192.0.2.7")
    shutil.rmtree(run.live.parent)
    found = read_sessions(state_dir, clock)
    assert found is not None
    assert "is gone" in found.lacking


async def test_a_file_that_cannot_be_used_leaves_memory(run: Run) -> None:
    run.live.parent.mkdir(parents=True)
    run.live.mkdir()
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
        assert known(service) == 1
        assert "in memory alone" in service.remarks()[0]
        assert not service.complete()
    assert run.events() == ["sessions are not as they should be"]


async def test_a_damaged_key_leaves_memory_too(run: Run) -> None:
    key = FINGERPRINT_KEY.path(run.installation.settings.state_dir)
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_bytes(b"short")
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
        assert "in memory alone" in service.remarks()[0]
    assert not run.live.exists()
    assert key.read_bytes() == b"short"


async def test_too_many_sessions_for_the_memory_leave_some(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def little(path: Path | None, key: bytes, most: int, *others: Any, **named: Any) -> object:
        if most > service_module.FEWEST:
            raise MemoryError
        return Sessions(path, key, most, *others, **named)

    monkeypatch.setattr(service_module, "Sessions", little)
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
        assert "no memory for 1000000" in service.remarks()[0]
        assert service.metrics().most == service_module.FEWEST


async def test_a_file_that_was_made_for_more_keeps_its_room_and_it_is_said(run: Run) -> None:
    def allow(most: int) -> None:
        run.change(lambda before: replace(before, accounting=replace(before.accounting, sessions=most)))

    allow(1200)
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
    allow(1000)
    async with run.service() as service:
        for at in range(0, 1199, 400):
            told = [ToldSession((f"10.0.{each >> 8}.{each & 255}",), "S-1") for each in range(at, at + 400)]
            reply = await service._commands.execute(sessions_line("put", told[: 1199 - at]))
            assert reply["refused"] == []
            service.look()
            assert ("refused" in " ".join(service.remarks())) == (at == 800)
        assert service.metrics().most == sum(service.metrics().known.values()) == 1200
        assert "new sessions are refused: there are 1200" in service.remarks()[0]
        reply = await service._commands.execute(sessions_line("put", [ToldSession(("192.0.2.8",), "S-1")]))
        assert reply["taken"] == 0


async def test_sockets_that_cannot_be_made_stop_nothing(run: Run) -> None:
    state = run.installation.settings.state_dir
    for name in ("sessions.sock", "sessions-command.sock"):
        (state / name).mkdir(parents=True)
        (state / name / "full").touch()
    async with run.service() as service:
        assert len(service.remarks()) == 2
    assert run.events() == ["sessions are not as they should be"] * 2


async def test_a_reload_says_what_waits_for_a_restart(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"testing123\n")

    def with_accounting(settings: Settings, **changes: Any) -> Settings:
        return replace(settings, accounting=replace(settings.accounting, **changes))

    lease = LeasesSettings(LeaseFormat.KEA, tmp_path / "leases", LeaseValue.HW_ADDRESS, ())
    settings = run.installation.settings
    radius = radius_settings(secret)
    async with run.service() as service:
        assert service.reload(settings) == []
        assert service.reload(with_accounting(settings, stale_after=60, settle=0)) == []
        assert service.reload(with_accounting(settings, sessions=5000)) == ["accounting.sessions"]
        assert service.reload(with_accounting(settings, leases=(lease,))) == ["accounting.leases"]
        assert service.reload(with_accounting(settings, radius=radius)) == []
        assert service.metrics().packets["accepted"] == 0
        other = replace(radius, listen=replace(radius.listen, address=ip_address("::1")))
        assert service.reload(with_accounting(settings, radius=other)) == ["accounting.radius.listen"]
        assert service.reload(settings) == ["accounting.radius"]


async def test_control_begins_while_the_address_of_radius_is_taken(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"testing123\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        radius = radius_settings(secret, other.getsockname()[1])
        run.change(lambda old: replace(old, accounting=replace(old.accounting, radius=radius)))
        async with run.service() as service:
            assert "no RADIUS accounting" in service.remarks()[0]
            await run.put(service, "192.0.2.7")


async def test_a_full_table_is_named_by_readiness(run: Run) -> None:
    """Seen: a full table refused sessions, and nothing but one counter said so."""
    run.change(lambda old: replace(old, accounting=replace(old.accounting, sessions=1)))
    async with run.service() as service:
        await run.put(service, "192.0.2.7")
        reply = await service._commands.execute(sessions_line("put", [ToldSession(("192.0.2.8",), "S-2")]))
        assert reply["taken"] == 0
        service.look()
        assert service.metrics().refused == 1
        assert "new sessions are refused" in service.remarks()[0]
    assert run.events() == ["new sessions are refused"]


async def test_sockets_that_somebody_removes_are_made_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen: somebody cleaned the directory, and commands and resolvers found no control until its restart."""
    monkeypatch.setattr(local_server, "LOOK_SECONDS", 0.01)
    state_dir = run.installation.settings.state_dir
    async with run.service() as service:
        for name in (SOCKET, COMMANDS):
            (state_dir / name).unlink()
        async with asyncio.timeout(20):
            while len(run.events()) < 2:
                await asyncio.sleep(0.005)
        for name in (SOCKET, COMMANDS):
            _, writer = await asyncio.open_unix_connection(state_dir / name)
            writer.close()
            await writer.wait_closed()
        assert service.remarks() == []
    assert run.events() == ["a socket was missing, and is made anew"] * 2


async def test_other_pools_hold_with_the_reload_and_end_what_lies_outside(run: Run, tmp_path: Path) -> None:
    def with_pools(*networks: str) -> Settings:
        settings = run.installation.settings
        return replace(
            settings, accounting=replace(settings.accounting, pools=tuple(map(ip_network, networks)))
        )

    async with run.service() as service:
        await run.put(service, "192.0.2.7")
        await run.put(service, "198.51.100.7")
        assert service.reload(with_pools("192.0.2.0/24")) == []
        turning = asyncio.create_task(service.run())
        while known(service) != 1:
            await asyncio.sleep(0.01)
        line = sessions_line("put", [ToldSession(("198.51.100.8",), "S-1")])
        assert (await service._commands.execute(line))["taken"] == 0
        assert service.metrics().refused_claims == {"radius": 0, "lease": 0, "command": 1}
        await end(turning)
    run.installation.settings = with_pools("203.0.113.0/24")  # a restart with other pools does the same
    async with run.service() as service:
        turning = asyncio.create_task(service.run())
        while known(service) != 0:
            await asyncio.sleep(0.01)
        await end(turning)


async def end(turning: asyncio.Task[None]) -> None:
    turning.cancel()
    with suppress(asyncio.CancelledError):
        await turning


async def test_a_clock_that_was_set_by_hours_is_named_by_readiness(run: Run) -> None:
    """Seen: a dead clock at the start, NTP later: each packet was of another day, and all was green."""
    async with run.service() as service:
        service.look()
        assert service.remarks() == []
        run.installation.now += 90_000
        service.look()
        service.look()
        assert "the machine's clock was set by 90000 s" in service.remarks()[0]
    assert run.events() == ["sessions are not as they should be"]


async def test_a_damaged_record_is_said_at_the_start(run: Run) -> None:
    """Seen: one line was unknown after a start, and nothing said so."""
    async with run.service() as service:
        for number in range(5):
            await run.put(service, f"192.0.2.{number + 7}")
    data = bytearray(run.live.read_bytes())
    data[4096 + 128 + 20] ^= 1
    run.live.write_bytes(data)
    async with run.service() as service:
        assert known(service) == 4
        assert service.complete()
    assert run.events() == ["sessions in the file are damaged"]

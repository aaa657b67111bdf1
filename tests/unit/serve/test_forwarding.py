"""The upstreams of the settings: what a reload changes, keeps and refuses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import cast

import pytest

from filterd.config.domain import Endpoint, TlsName
from filterd.config.settings import UpstreamSettings, UpstreamTlsSettings
from filterd.dataplane.upstream.model import UpstreamAnswer
from filterd.dataplane.upstream.thread_route import RouteReport, ThreadHop
from filterd.serve.forwarding import Forwarding
from filterd.telemetry import log
from tests.worlds.upstream import good


@dataclass(frozen=True)
class Name:
    """A query that has to be forwarded."""

    name: bytes
    qtype: int = 1
    qclass: int = 1
    dnssec_ok: bool = False
    checking_disabled: bool = False


class Answering(asyncio.DatagramProtocol):
    """Answers everything."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # 3.11 says less of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(good(data), addr)


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[UpstreamSettings]:
    """An upstream on a port of the kernel's choice."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Answering, local_addr=("127.0.0.1", 0))
    yield upstream(transport.get_extra_info("sockname")[1])
    transport.close()


def upstream(port: int, tls: UpstreamTlsSettings | None = None) -> UpstreamSettings:
    return UpstreamSettings(Endpoint(ip_address("127.0.0.1"), port), trusted=False, tls=tls)


async def test_what_is_known_of_upstreams_is_kept_where_they_stay_the_same() -> None:
    async with served() as first, served() as second:
        forwarding = Forwarding([first])
        forwarding.start()
        assert isinstance(await forwarding.forward(Name(b"\1a\0")), UpstreamAnswer)
        latency = forwarding.statuses()[str(first.address)].latency
        assert latency > 0
        forwarding.change([first])
        assert forwarding.statuses()[str(first.address)].latency == latency
        counted = forwarding.counts()
        forwarding.change([second])
        assert list(forwarding.statuses()) == [str(second.address)]
        assert isinstance(await forwarding.forward(Name(b"\1b\0")), UpstreamAnswer)
        assert forwarding.counts().items() >= {key: counted[key] for key in counted}.items()
        assert forwarding.counts()[str(second.address), "answered"] >= 1
        await forwarding.close()


async def test_upstreams_that_cannot_be_verified_are_refused_and_the_old_ones_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("resolver")
    missing = UpstreamTlsSettings(TlsName("dns.example"), tmp_path / "missing.pem")
    with pytest.raises(FileNotFoundError):
        Forwarding([upstream(853, missing)])
    async with served() as first:
        forwarding = Forwarding([first])
        forwarding.start()
        forwarding.change([upstream(853, missing)])
        assert isinstance(await forwarding.forward(Name(b"\1a\0")), UpstreamAnswer)
        assert "the old ones stay" in capsys.readouterr().err
        await forwarding.close()


@dataclass
class Threads:
    """What native threads are shown, and count."""

    counted: dict[str, RouteReport]
    shown: asyncio.Queue[list[str]]

    def publish(self, hops: Sequence[ThreadHop], /) -> None:
        self.shown.put_nowait([hop.name for hop in hops])

    def reports(self) -> dict[str, RouteReport]:
        return self.counted


@pytest.mark.usefixtures("capsys")
async def test_native_threads_are_shown_the_upstreams_and_counted_with_the_slow_path() -> None:
    log.configure("resolver")
    async with served() as first, served() as second:
        name, other = str(first.address), str(second.address)
        threads = Threads({name: RouteReport(answered=5, timeout=2, outstanding=3)}, asyncio.Queue())
        forwarding = Forwarding([first, second], routes=threads)
        assert await threads.shown.get() == [name, other]
        forwarding.start()
        threads.counted[name] = threads.counted[name]._replace(unreachable=1, unreachable_at=1)
        while await threads.shown.get() != [other]:
            pass
        assert isinstance(await forwarding.forward(Name(b"\1a\0")), UpstreamAnswer)
        counts = forwarding.counts()
        assert counts[name, "timeout"] == 2
        assert counts[name, "unreachable"] == 1
        assert counts[name, "answered"] + counts[other, "answered"] >= 6
        assert forwarding.statuses()[name].outstanding >= 3
        forwarding.change([second])
        while await threads.shown.get() != [other]:
            pass
        assert forwarding.counts()[name, "answered"] >= 5
        await forwarding.close()


async def test_counts_of_threads_outlive_a_change_once() -> None:
    async with served() as first, served() as second:
        threads = Threads({str(first.address): RouteReport(answered=5)}, asyncio.Queue())
        forwarding = Forwarding([first], routes=threads)
        forwarding.start()
        forwarding.change([second])
        forwarding.change([first])
        assert forwarding.counts()[str(first.address), "answered"] == 5
        await forwarding.close()


def test_a_report_of_threads_that_have_done_nothing_counts_nothing() -> None:
    assert RouteReport() == (0,) * len(RouteReport._fields)
    assert RouteReport().outcomes() == {}

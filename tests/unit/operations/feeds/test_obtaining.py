"""Feeds from servers: mirrors, what is kept, what is never kept, and what changed meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from filterd.operations.feeds import fetched_files, listing, obtaining, updating
from tests.worlds.fetched import LIMITS, Fetched, fetched, fetching
from tests.worlds.list_server import Fault

NAMES = b"one.example\ntwo.example\nthree.example\n"
PIN = "pins: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Fetched]:
    """A server and an installation."""
    async with fetched(tmp_path) as made:
        yield made


async def test_a_list_is_fetched_once_and_then_asked_after(world: Fetched) -> None:
    world.name("far", NAMES)
    (first,) = await world.update("far")
    assert (first.outcome, first.version and first.version.names) == ("updated", 3)
    assert first.fetch is not None
    assert (first.fetch.served_by, first.fetch.modified) == ("far.lists.example", True)
    (again,) = await world.update("far")
    assert (again.outcome, again.fetch and again.fetch.modified) == ("unchanged", False)
    assert world.server.not_modified == 1
    world.server.lists["far"] += b"four.example\n"
    (changed,) = await world.update("far")
    assert (changed.outcome, changed.version and changed.version.names) == ("updated", 4)


async def test_a_kept_list_that_was_altered_is_fetched_whole(world: Fetched) -> None:
    world.name("far", NAMES)
    await world.update("far")
    folder = fetched_files.directory_of(world.installation.settings.state_dir, "far")
    (kept,) = folder.glob("*.list")
    kept.write_bytes(b"other.example\n")
    (again,) = await world.update("far")
    assert (again.outcome, world.server.not_modified) == ("unchanged", 0)
    assert again.version is not None
    assert again.version.names == 3


async def test_marks_are_not_believed_for_ever(world: Fetched) -> None:
    world.name("far", NAMES)
    await world.update("far")
    world.installation.now += obtaining.FULL_AFTER + 1
    await world.update("far")
    assert world.server.not_modified == 0


async def test_what_was_not_taken_is_not_kept(world: Fetched) -> None:
    world.name("far", NAMES)
    await world.update("far")
    world.server.lists["far"] = b"only.example\n"
    (shrunk,) = await world.update("far")
    assert shrunk.outcome == "quarantined"
    world.server.lists["far"] = NAMES
    (back,) = await world.update("far")
    assert (back.outcome, back.fetch and back.fetch.modified) == ("unchanged", False)


async def test_mirrors_are_asked_in_order(world: Fetched) -> None:
    world.server.lists |= {"second": NAMES, "third": NAMES}
    mirrors = ", ".join(f"'{world.server.url(each)}'" for each in ("second", "third"))
    pin = _pin_of(world)
    world.name("far", NAMES, f"category: adult, pins: ['{pin}']", mirrors)
    world.server.faults |= {"far": Fault.GONE, "second": Fault.EXPIRED}
    (got,) = await world.update("far")
    assert got.outcome == "updated", got.problem
    assert got.fetch is not None
    assert got.fetch.served_by == "third.lists.example"
    assert [text.split(":")[0] for text in got.fetch.failures] == [
        "far.lists.example",
        "second.lists.example",
    ]
    assert got.fetch.gone_since == 0


def _pin_of(world: Fetched) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from filterd.fetch.tls import key_pin

    text = (world.installation.base / "server" / "none" / "*.lists.example.pem").read_bytes()
    return key_pin(x509.load_pem_x509_certificate(text).public_bytes(Encoding.DER))


async def test_another_key_than_the_pins_gets_no_request(world: Fetched) -> None:
    world.name("far", NAMES, f"category: adult, {PIN}")
    (got,) = await world.update("far")
    assert got.outcome == "failed"
    assert "its key is none of the pins" in got.problem
    assert world.server.requests == []


async def test_a_confidential_list_is_never_on_the_disk_as_it_came(world: Fetched) -> None:
    key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
    terms = "mandatory: {authority: INTERPOL, ground: adopted, confidential: true}"
    world.name("worst", NAMES, f"{terms}, signature: {{public_key: {key}}}")
    seen: list[str] = []
    stop = asyncio.Event()

    async def watch() -> None:
        while not stop.is_set():
            seen.extend(str(each) for each in world.installation.base.rglob("state/**/fetched/*"))
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    (got,) = await world.update("worst")
    stop.set()
    await watching
    assert world.server.requests, got.problem
    assert seen == []


async def test_feeds_of_one_host_leave_places_to_those_of_others() -> None:
    slots, inside, end = obtaining.Slots(), Counter[str](), asyncio.Event()

    async def fetch(host: str) -> None:
        async with slots.of(host):
            inside[host] += 1
            await end.wait()

    hosts = ["slow.example"] * 40 + [f"host-{number}.example" for number in range(40)]
    tasks = [asyncio.create_task(fetch(host)) for host in hosts]
    for _ in range(5):
        await asyncio.sleep(0)
    assert (inside["slow.example"], inside.total()) == (obtaining.AT_ONE_HOST, obtaining.AT_ONCE)
    end.set()
    await asyncio.gather(*tasks)
    assert inside == Counter(hosts)


async def test_feeds_that_were_never_read_are_fetched_first(
    world: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obtaining, "AT_ONCE", 1)
    world.name("read", NAMES)
    await world.update()
    world.name("new", NAMES)
    asked: list[str] = []
    first = obtaining._Servers.first

    async def noted(servers: Any) -> Any:
        asked.append(servers.feed.id)
        return await first(servers)

    monkeypatch.setattr(obtaining._Servers, "first", noted)
    await world.update()
    assert asked == ["new", "read"]


async def test_one_server_that_hangs_keeps_no_other_feed_waiting(world: Fetched) -> None:
    world.name("slow", NAMES)
    world.name("quick", b"quick.example\n")
    world.server.faults["slow"] = Fault.SILENT
    slow, quick = await world.update("slow", "quick")
    assert (slow.outcome, quick.outcome) == ("failed", "updated")
    assert "stopped sending" in slow.problem


async def test_an_entry_that_changed_during_the_fetch_is_not_taken(world: Fetched) -> None:
    world.name("far", NAMES)
    before = world.server.content

    def change(request: object) -> bytes:
        world.entries["far"] = world.entries["far"].replace("adult", "gambling")
        world.write()
        return before(request)  # type: ignore[arg-type]  # as it came

    world.server.content = change  # type: ignore[method-assign]  # it changes the entry meanwhile
    (got,) = await world.update("far")
    assert (got.outcome, got.version) == ("failed", None)
    assert "changed while it was fetched" in got.problem


async def test_a_list_that_is_gone_for_a_day_alarms(world: Fetched) -> None:
    world.name("far", NAMES)
    await world.update("far")
    world.server.faults["far"] = Fault.GONE
    for hours, barren in ((0, ""), (23, ""), (2, "gone")):
        world.installation.now += hours * 3600
        await world.update("far")
        async with world.open() as context:
            status = await listing.show(context, "far")
        assert status.barren == barren
        assert status.fetch is not None
        assert status.fetch.served_by == "far.lists.example"
    world.server.faults.clear()
    await world.update("far")
    async with world.open() as context:
        status = await listing.show(context, "far")
    assert (status.barren, status.fetch and status.fetch.gone_since) == ("", 0)


async def test_a_feed_that_was_never_read_is_barren(world: Fetched) -> None:
    world.name("far", NAMES)
    world.server.faults["far"] = Fault.PAGE
    await world.update("far")
    async with world.open() as context:
        status = await listing.show(context, "far")
    assert status.barren in {"never read", "no names"}


async def test_progress_tells_what_arrives_and_what_is_read(world: Fetched) -> None:
    told: list[tuple[str, int, int]] = []
    world.name("far", b"".join(b"name-%d.example\n" % number for number in range(20_000)))
    async with world.open() as context:
        await updating.update(
            context, ["far"], progress=lambda *now: told.append(now), fetching=fetching(LIMITS)
        )
    arrived = [what for what, _, _ in told if "MB" in what]
    assert arrived
    assert told[len(arrived)][0] == "far"
    assert told[-1] == ("", 1, 1)


@pytest.mark.ring("night")
def test_the_client_is_imported_only_where_a_list_is_fetched() -> None:
    script = (
        "import sys; import filterd.serve.control, filterd.cli.feeds, filterd.operations.feeds.updating; "
        "print([name for name in ('aiohttp', 'cryptography', 'minisign') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

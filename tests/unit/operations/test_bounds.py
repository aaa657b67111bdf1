"""Bindings of ports and identities, and bindings that change as only sessions do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.changelog import BindingChange, decode
from filterd.operations import bindings, selection, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.importing import ImportResult, import_file
from filterd.operations.selection import Selection
from filterd.store import change_log
from tests.worlds.installation import Installation


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        for each in ("S-1", "S-2"):
            await subscribers.add(context, each)
        yield context


async def run(context: Context, tmp_path: Path, text: str) -> ImportResult:
    path = tmp_path / "lines.csv"
    path.write_text(text, encoding="utf-8")
    return await import_file(context, path)


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("192.0.2.1:1024-2047", "192.0.2.1:1024-2047"),
        ("192.0.2.1:80", "192.0.2.1:80-80"),
        ("mac:00-11-22-AA-BB-CC", "mac:00:11:22:aa:bb:cc"),
        ("cpe:Serial.7", "cpe:Serial.7"),
    ],
)
async def test_a_binding_is_added_told_to_the_nodes_and_removed(
    context: Context, typed: str, canonical: str
) -> None:
    assert (await bindings.add(context, typed, "S-1")).bound == canonical
    assert (await subscribers.show(context, "S-1")).bindings == (canonical,)
    told = [decode(each.kind, each.payload) async for each in change_log.all_changes(context.store.read, 100)]
    assert BindingChange(canonical, 1) in told
    assert await bindings.remove(context, typed) == canonical
    assert (await subscribers.show(context, "S-1")).bindings == ()


async def test_what_is_bound_names_its_subscriber(context: Context) -> None:
    await bindings.add(context, "cpe:Serial.7", "S-1")
    with pytest.raises(OperationError, match=r"cpe:Serial\.7 is bound to subscriber 'S-1'") as refused:
        await bindings.add(context, "cpe:Serial.7", "S-2")
    assert refused.value.remedy == "end that with: filterd binding remove cpe:Serial.7"


@pytest.mark.parametrize("ports", ["1000-1024", "2047", "1500-1600", "0-65535"])
@pytest.mark.parametrize("subscriber", ["S-1", "S-2"])
async def test_ranges_of_one_address_do_not_overlap(context: Context, ports: str, subscriber: str) -> None:
    await bindings.add(context, "192.0.2.1:1024-2047", "S-1")
    with pytest.raises(OperationError, match=r"overlaps 192\.0\.2\.1:1024-2047, which is bound to .*'S-1'"):
        await bindings.add(context, f"192.0.2.1:{ports}", subscriber)
    await bindings.add(context, f"192.0.2.10:{ports}", subscriber)


async def test_the_line_of_a_port_is_found_before_that_of_the_address(context: Context) -> None:
    await bindings.add(context, "192.0.2.0/24", "S-1")
    await bindings.add(context, "192.0.2.1:1024-2047", "S-2")
    found = await selection.find(context, "192.0.2.1", 2047)
    assert found.subscriber is not None
    assert (found.subscriber.id, found.prefix) == ("S-2", "192.0.2.1:1024-2047")
    assert found.wider == (("192.0.2.0/24", "S-1"),)
    for port in (0, 2048):
        other = await selection.find(context, "192.0.2.1", port)
        assert other.subscriber is not None
        assert other.subscriber.id == "S-1"


async def test_the_line_of_an_identity_is_found(context: Context) -> None:
    await bindings.add(context, "mac:00:11:22:aa:bb:cc", "S-2")
    text, found = await selection.line_of_identity(context, "MAC:001122AABBCC")
    assert (text, found and found.id) == ("mac:00:11:22:aa:bb:cc", "S-2")
    assert (await selection.line_of_identity(context, "mac:00:11:22:aa:bb:cd"))[1] is None
    with pytest.raises(OperationError, match="no identity"):
        await selection.line_of_identity(context, "192.0.2.1")


@pytest.mark.parametrize(
    ("prefix", "expected"), [("192.0.2.0/24", {"S-1"}), ("192.0.2.1", {"S-1"}), ("192.0.3.0/24", set())]
)
async def test_a_range_counts_as_inside_its_address(
    context: Context, prefix: str, expected: set[str]
) -> None:
    await bindings.add(context, "192.0.2.1:1024-2047", "S-1")
    await bindings.add(context, "tlv:olt1", "S-2")
    wanted = Selection(prefix=prefix)
    found = {each.id async for each in subscribers.list_subscribers(context, wanted=wanted)}
    assert found == expected


async def test_an_import_takes_all_kinds_and_refuses_what_overlaps(context: Context, tmp_path: Path) -> None:
    text = (
        "subscriber,prefixes\n"
        "A,192.0.2.1:1024-2047 mac:00:11:22:aa:bb:cc 192.0.2.9\n"
        "B,192.0.2.1:2000-2100\n"
        "C,192.0.2.2:1-10 192.0.2.2:10-20\n"
        "D,192.0.2.1:2048-3071\n"
        "E,cpe:\n"
    )
    result = await run(context, tmp_path, text)
    assert (result.added, result.rejected) == (2, 3)
    reasons = {each.line: each.reason for each in result.rejections}
    assert "overlaps 192.0.2.1:1024-2047, which is bound to subscriber 'A' (line 2)" in reasons[3]
    assert "overlaps 192.0.2.2:1-10 in the same row" in reasons[4]
    assert "not the text of an identity" in reasons[6]
    again = await run(context, tmp_path, text)
    assert (again.unchanged, again.rejected) == (2, 3)


async def test_an_identity_covers_every_query_of_its_line(context: Context) -> None:
    for bound, missing in (("192.0.2.1:1-9", True), ("192.0.2.1", True), ("cpe:Serial.7", False)):
        await bindings.add(context, bound, "S-1")
        found = await subscribers.show(context, "S-1")
        assert bool(subscribers.unbound(context, found)) is missing


async def moved(context: Context, times: int) -> list[int]:
    """The counts of changes that are told while a line's address moves."""
    told = []
    for each in range(times):
        told.append((await bindings.add(context, f"192.0.2.{each + 1}", "S-1")).changes)
        await bindings.remove(context, f"192.0.2.{each + 1}")
    return told


async def test_bindings_that_move_are_counted_within_a_day(context: Context) -> None:
    later = replace(context, clock=lambda: context.clock() + bindings.DAY)
    assert await moved(context, 3) == [1, 2, 3]
    assert await bindings.count_changing(context) == 0
    assert await moved(context, 2) == [4, 5]
    assert (await bindings.add(context, "192.0.2.4", "S-1")).too_often
    assert not (await bindings.add(context, "192.0.2.4", "S-1")).too_often
    assert await bindings.count_changing(context) == 1
    assert await bindings.count_changing(later) == 0
    assert await moved(later, 2) == [1, 2]


async def test_the_bindings_of_a_new_line_are_no_change(context: Context, tmp_path: Path) -> None:
    await subscribers.add(context, "S-3", prefixes=tuple(f"192.0.2.{each}" for each in range(10)))
    await run(context, tmp_path, "subscriber,prefixes\nA,192.0.2.20 192.0.2.21\n")
    assert await bindings.count_changing(context) == 0
    assert (await bindings.add(context, "192.0.2.30", "S-3")).changes == 1


async def test_imports_that_move_bindings_are_counted(context: Context, tmp_path: Path) -> None:
    moving = [
        (await run(context, tmp_path, f"subscriber,prefixes\nS-1,192.0.2.{each}\nS-2,\n")).moving
        for each in (1, 2, 3, 4, 4)
    ]
    assert moving == [0, 0, 0, 1, 0]
    assert await bindings.count_changing(context) == 1

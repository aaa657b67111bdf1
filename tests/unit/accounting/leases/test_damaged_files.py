"""A lease file that is damaged, empty or half written ends no session, and why is said; a table that had no
room is given its leases again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from filterd.accounting.leases import watcher
from tests.unit.accounting.leases.samples import KEA4_HEAD
from tests.unit.accounting.leases.sessions import subscriber
from tests.unit.accounting.leases.test_following import FORMS, MAC, NOW, World, dnsmasq, isc, kea

NUL = "it has NUL bytes"
NO_END = "its last line has no end"
RANDOM = bytes((each * 97 + 13) % 251 for each in range(1, 2000)).replace(b"\0", b"x")
"""without a NUL byte, and with some ends of lines"""


def torn(form: str) -> bytes:
    head, row = FORMS[form]
    return head + row(3, 3) + row(1, 1)[:-15]


def zeros(form: str) -> bytes:
    head, row = FORMS[form]
    return head + row(3, 3) + bytes(4096) + row(4, 4)


DAMAGES: dict[tuple[str, str], tuple[Callable[[str], bytes], str]] = {
    (form, name): (text, reason)
    for form, reasons in {
        "kea": (NUL, NUL, "it has no header", "it is empty", "", NO_END),
        "isc": (NUL, NUL, "it has no header", "it is empty", "it has no lease", NO_END),
        "dnsmasq": (NUL, NUL, "it has no lease", "", "", NO_END),
    }.items()
    for name, text, reason in (
        ("NULs alone", lambda _: bytes(4096), reasons[0]),
        ("NULs between", zeros, reasons[1]),
        ("random bytes", lambda _: RANDOM, reasons[2]),
        ("empty", lambda _: b"", reasons[3]),
        (
            "header alone",
            lambda each: {"kea": KEA4_HEAD, "isc": b"# dhcpd\n"}.get(each, b"duid 00:01\n"),
            reasons[4],
        ),
        ("half a line", torn, reasons[5]),
    )
}
WAYS = ("rename", "in place", "start")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("damage", DAMAGES, ids=" ".join)
def test_a_damaged_file_ends_nothing_and_is_said_once(
    tmp_path: Path, damage: tuple[str, str], way: str
) -> None:
    form, (text, reason) = damage[0], DAMAGES[damage]
    head, row = FORMS[form]
    world = World(tmp_path, form)
    world.write(head, row(1, 1), row(2, 2))
    world.look()
    (world.write if way == "in place" else world.replace)(text(form))
    if way == "start":
        world.start()
    for _ in range(3 * watcher.PATIENCE):
        world.look()
    for each in (1, 2):
        assert world.line(f"192.0.2.{each}") == subscriber(MAC % each)
    told = [each for each in world.heard.told if "readable" in each]
    assert told == ([f"leases unreadable: {reason}"] if reason else [])
    assert world.watch.state.readable == (not reason)
    world.replace(head, row(2, 2))
    world.look()
    assert world.line("192.0.2.1") is None
    assert world.line("192.0.2.2") == subscriber(MAC % 2)
    assert world.watch.state.readable
    assert ("leases readable" in world.heard.told) == bool(reason)


@pytest.mark.parametrize("form", ["kea", "isc"])
def test_a_new_owner_in_a_damaged_file_has_the_address(tmp_path: Path, form: str) -> None:
    head, row = FORMS[form]
    world = World(tmp_path, form)
    world.write(head, row(1, 1), row(2, 2))
    world.look()
    newer = row(1, 3).replace(b"%d" % (NOW - 10), b"%d" % (NOW - 5))
    if form == "kea":
        newer = kea(1, 3, began=NOW - 5)
    world.replace(head, bytes(100), b"\n", newer)
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 3)
    assert world.line("192.0.2.2") == subscriber(MAC % 2)


def test_older_rows_of_a_damaged_file_take_and_end_nothing(tmp_path: Path) -> None:
    """The newest rows are lost in NUL bytes: what is left of the address is its owner of before."""
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1), kea(2, 2))
    world.look()
    world.replace(KEA4_HEAD, kea(1, 3, began=NOW - 90), kea(2, 2, lifetime=0, began=NOW - 90), bytes(100))
    world.look()
    for each in (1, 2):
        assert world.line(f"192.0.2.{each}") == subscriber(MAC % each)


@pytest.mark.parametrize("form", FORMS)
def test_a_value_with_nul_bytes_names_nobody(tmp_path: Path, form: str) -> None:
    head, row = FORMS[form]
    world = World(tmp_path, form)
    world.write(head, row(1, 1))
    world.look()
    os.utime(world.path, (NOW - 100, NOW - 100))
    text = row(1, 1).replace(MAC % 1, (MAC % 1)[:9] + bytes(8)).replace(b"%d" % (NOW - 10), b"%d" % (NOW - 5))
    world.replace(head, text)
    os.utime(world.path, (NOW - 1, NOW - 1))
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)


def test_a_block_of_dhcpd_with_nul_bytes_is_no_lease(tmp_path: Path) -> None:
    world = World(tmp_path, "isc")
    world.write(isc(1, 1).replace(b"  binding state active;", bytes(24)), isc(2, 2))
    world.look()
    assert world.line("192.0.2.1") is None
    assert world.line("192.0.2.2") == subscriber(MAC % 2)


def test_keas_damaged_older_file_ends_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1))
    world.look()
    world.write(KEA4_HEAD, bytes(100), to=".2")
    world.replace(KEA4_HEAD, kea(2, 2))
    for _ in range(watcher.PATIENCE):
        world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)
    assert world.line("192.0.2.2") == subscriber(MAC % 2)
    assert world.heard.told[-1] == f"leases unreadable: .2 beside it: {NUL}"
    world.write(KEA4_HEAD, to=".completed")  # Kea has cleaned up
    world.look()
    assert world.line("192.0.2.1") is None
    assert world.heard.told[-1] == "leases readable"


def test_what_a_half_written_journal_lacks_is_over_once_it_is_whole(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1), kea(2, 2))
    world.look()
    world.replace(KEA4_HEAD, kea(2, 2)[:-9])
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)
    world.append(kea(2, 2)[-9:])
    for _ in range(watcher.PATIENCE + 1):
        world.look()
    assert world.line("192.0.2.1") is None
    assert world.line("192.0.2.2") == subscriber(MAC % 2)
    assert world.heard.told == []


@pytest.mark.parametrize("form", FORMS)
def test_a_new_file_without_leases_is_nothing_to_tell(tmp_path: Path, form: str) -> None:
    world = World(tmp_path, form)
    world.write()
    for _ in range(2 * watcher.PATIENCE):
        world.look()
    assert world.heard.told == []


def test_a_truncated_journal_that_is_written_again_can_be_read_again(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1))
    world.look()
    os.truncate(world.path, 0)
    for _ in range(watcher.PATIENCE + 1):
        world.look()
    world.append(KEA4_HEAD, kea(2, 2))
    world.look()
    assert world.heard.told == ["leases unreadable: it is empty", "leases readable"]
    assert world.line("192.0.2.1") == subscriber(MAC % 1)


@pytest.mark.parametrize("form", FORMS)
def test_leases_that_found_no_room_are_taken_by_themselves(tmp_path: Path, form: str) -> None:
    head, row = FORMS[form]
    world = World(tmp_path, form)
    world.table.most = 1
    world.write(head, row(1, 1), row(2, 2), row(3, 3), row(4, 4))
    world.look()
    assert len(world.table.rows) == 1
    events = world.table.events
    for _ in range(4 * watcher.PATIENCE):
        world.look()
    assert world.table.events - events <= 4  # a table that stays full is asked for one lease now and then
    world.table.most = 3
    for _ in range(watcher.PATIENCE):
        world.look()
    assert len(world.table.rows) == 3
    world.table.most = 10
    for _ in range(watcher.PATIENCE):
        world.look()
    for each in (1, 2, 3, 4):
        assert world.line(f"192.0.2.{each}") == subscriber(MAC % each)
    events = world.table.events
    for _ in range(2 * watcher.PATIENCE):
        world.look()
    assert world.table.events == events


def test_a_lease_that_waits_for_room_is_forgotten_when_it_is_over(tmp_path: Path) -> None:
    world = World(tmp_path, "dnsmasq")
    world.table.most = 0
    world.write(dnsmasq(1, 1), dnsmasq(2, 2), dnsmasq(3, 3, expiry=NOW + 5))
    world.look()
    world.write(dnsmasq(2, 2), dnsmasq(3, 3, expiry=NOW + 5))
    world.look()
    world.now += 6
    world.table.most = 10
    for _ in range(watcher.PATIENCE):
        world.look()
    assert [row[1] for row in world.table.rows.values()] == [subscriber(MAC % 2)]

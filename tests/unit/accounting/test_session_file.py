"""The file of sessions: what a restart finds in it, what the resolver reads, and what is never in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from filterd.disk.locks import LockedError
from filterd.disk.session_file import read_entries
from tests.worlds.sessions import INTERIM, ON, START, STOP, Network, Receiver, network, wide

X, Y, Z = "192.0.2.1", "192.0.2.2", "192.0.2.3"
HEAD, RECORD = 4096, 128


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "live"


def again(net: Network, path: Path, expected: bool = False) -> Network:
    """The same network after a restart of control."""
    net.table.close()
    return network(path, net.clock, expected=expected)


def told(path: Path, now: float) -> dict[tuple[bytes, int, int], int]:
    receiver = Receiver()
    for run in read_entries(path, now).runs:
        receiver.take(run, now)
    return receiver.at(now)


def full(net: Network) -> dict[tuple[bytes, int, int], int]:
    receiver = Receiver()
    receiver.begin(net.table, net.clock.now)
    return receiver.at(net.clock.now)


def three(path: Path) -> Network:
    net = network(path)
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X, "2001:db8:0:100::/56"])
    net.tell(START, "b", "luis", [f"{Y}:1024-1535"])
    net.tell(START, "c", "nadie", [Z])
    return net


def test_a_restart_finds_what_there_was(path: Path) -> None:
    net = three(path)
    before = full(net)
    assert set(before.values()) == {7, 8}
    assert told(path, net.clock.now) == before
    net = again(net, path)
    assert (net.table.begun_empty, net.table.unsettled) == (False, 0)
    assert full(net) == before
    assert net.line(Z) == 0
    net.tell(STOP, "a", "ana", [])
    assert net.line(X) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_stale_or_ended_by_its_nas_does_not_come_back(path: Path) -> None:
    net = three(path)
    net.tell(ON, "", "", [])  # control dies before the sweep
    assert told(path, net.clock.now) == {}
    net = again(net, path)
    assert net.table.counts().live == 0
    net = three(path.with_name("other"))
    net.clock.now += 7200
    assert told(path.with_name("other"), net.clock.now) == {}
    assert again(net, path.with_name("other")).table.counts().live == 0


def test_a_damaged_record_is_left_out(path: Path) -> None:
    net = three(path)
    net.table.close()
    kept = path.read_bytes()
    for at in range(HEAD, HEAD + RECORD):  # each byte of the first record
        path.write_bytes(kept[:at] + bytes([kept[at] ^ 0x40]) + kept[at + 1 :])
        assert set(told(path, net.clock.now).values()) == {8}
    net = network(path, net.clock)
    assert (net.line(X), net.line(Y, 1024)) == (None, 8)
    assert net.table.counts().damaged == 1
    assert (net.table.begun_empty, net.table.unsettled) == (False, 0)


def test_a_record_that_is_half_written_is_left_out(path: Path) -> None:
    net = three(path)
    net.table.close()
    kept = path.read_bytes()
    for cut in range(8, RECORD, 8):
        half = kept[HEAD : HEAD + cut] + bytes(RECORD - cut)
        path.write_bytes(kept[:HEAD] + half + kept[HEAD + RECORD :])
        lines = set(told(path, net.clock.now).values())
        assert lines == ({8} if half != kept[HEAD : HEAD + RECORD] else {7, 8})


def test_a_lost_file_is_told(path: Path) -> None:
    net = three(path)
    net.table.close()
    shutil.rmtree(path.parent)
    net = network(path, net.clock, expected=True)
    assert net.table.begun_empty
    assert "is gone" in net.table.damage
    settles(net, path)


def test_a_new_installation_lacks_nothing(path: Path) -> None:
    net = network(path)
    assert (net.table.begun_empty, net.table.unsettled, read_entries(path, 0)) == (False, 0, ([], "", 0))


def settles(net: Network, path: Path) -> None:
    """Until somebody says so, sessions are missing, whoever opens or reads the file."""
    for _ in range(2):
        assert net.table.unsettled > 7 * 86_400
        assert "begun anew" in read_entries(path, net.clock.now).lacking
        net = again(net, path, expected=True)
        assert not net.table.begun_empty
    net.table.settle(90)
    net = again(net, path)
    assert net.table.unsettled == 90
    assert "begun anew" in read_entries(path, net.clock.now).lacking
    net.table.settle(0)
    assert read_entries(path, net.clock.now).lacking == ""
    assert again(net, path).table.unsettled == 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: b"x" * 64 + text[64:], "head"),
        (lambda text: bytes(HEAD) + text[HEAD:], "no head"),
        (lambda text: text[:100], "cut off"),
        (lambda text: b"", "cut off"),
        (lambda text: bytes(HEAD), "no head"),
    ],
)
def test_a_damaged_head_is_told_and_nothing_is_believed(path: Path, damage: object, said: str) -> None:
    net = three(path)
    net.table.close()
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    net = network(path, net.clock, expected=True)
    assert net.table.begun_empty
    assert said in net.table.damage
    assert (net.line(X), net.table.counts().live) == (None, 0)
    net.tell(START, "a", "ana", [X])
    net = again(net, path)
    assert net.table.counts().live == 1
    settles(net, path)


def test_many_damaged_records_are_told(path: Path) -> None:
    net = three(path)
    net.table.close()
    kept = bytearray(path.read_bytes())
    for number in range(3):
        kept[HEAD + number * RECORD + 70] ^= 1
    path.write_bytes(kept)
    found = read_entries(path, net.clock.now)
    assert found.runs == []
    assert "3 records" in found.lacking
    net = network(path, net.clock)
    assert "3 records" in net.table.damage
    settles(net, path)


def test_the_records_that_a_kill_cuts_off_are_no_loss(path: Path) -> None:
    net = network(path, most=3000)
    net.register(ana=7)
    for number in range(2100):
        net.tell(START, str(number), "ana", [f"10.0.{number // 250}.{number % 250}"])
    net.table.close()
    kept = bytearray(path.read_bytes())
    for number, lacking in ((0, False), (1, False), (2, True), (3, True)):
        kept[HEAD + number * RECORD + 70] ^= 1
        path.write_bytes(kept)
        assert bool(read_entries(path, net.clock.now).lacking) == lacking


@pytest.mark.ring("night")
def test_any_number_of_nases_may_begin_anew_before_a_crash(path: Path) -> None:
    """The file's head has room for 251 of them."""
    net, nases = network(path, most=2000), [f"bng-{number}" for number in range(600)]
    net.register(ana=7)
    for number, nas in enumerate(nases):
        net.tell(START, "a", "ana", [f"10.0.{number // 250}.{number % 250}"], ago=9, nas=nas)
    net.tell(START, "a", "ana", [X], nas="bng-alone")
    for nas in nases:
        net.tell(ON, "", "", [], nas=nas)
        assert len(told(path, net.clock.now)) == 600 - nases.index(nas)
    net = again(net, path)  # nothing was swept but what did not fit
    assert (net.table.counts().live, net.line(X)) == (1, 7)


def test_the_file_belongs_to_one_process(path: Path) -> None:
    held = three(path)
    with pytest.raises(LockedError):
        network(path)
    held.table.close()
    network(path)


def test_two_owners_in_a_file_that_a_power_cut_left(path: Path) -> None:
    """A page of before and a page of after: the newer evidence holds."""
    net = network(path)
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X], ago=20)
    before = path.read_bytes()[HEAD : HEAD + RECORD]
    net.tell(STOP, "a", "ana", [], ago=15)
    net.tell(START, "z", "ana", [Z], ago=14)
    net.tell(START, "b", "luis", [X], ago=10)
    net.table.close()
    text = bytearray(path.read_bytes())
    text[HEAD : HEAD + RECORD] = before
    path.write_bytes(text)
    assert network(path, net.clock).line(X) == 8


def test_the_file_grows_and_its_places_are_used_again(path: Path) -> None:
    clock = network().clock
    net = network(path, clock, most=20_000)
    for number in range(9000):
        net.tell(START, f"s{number}", "ana", [f"10.0.{number >> 8}.{number & 255}"])
    size = path.stat().st_size
    assert size == HEAD + 2 * 8192 * RECORD
    for number in range(9000):
        net.tell(STOP, f"s{number}", "ana", [])
        net.tell(START, f"t{number}", "ana", [f"10.1.{number >> 8}.{number & 255}"])
    assert path.stat().st_size == size
    assert net.table.counts().live == 9000


def test_no_past_address_is_in_the_file(path: Path) -> None:
    net = network(path)
    net.register(ana=7, luis=8)
    for number in range(200):
        net.tell(START, f"a{number}", "ana", [f"198.51.100.{number}", f"2001:db8:{number + 1:x}::/56"])
        net.clock.now += 1
        if number % 3 == 0:
            net.tell(STOP, f"a{number}", "ana", [])
        elif number % 3 == 1:
            net.tell(START, f"b{number}", "luis", [f"198.51.100.{number}", f"2001:db8:{number + 1:x}::/56"])
            net.tell(STOP, f"b{number}", "luis", [])
        else:
            net.tell(INTERIM, f"a{number}", "ana", [f"203.0.113.{number}", f"2001:db8:ff{number:02x}::/56"])
    text = path.read_bytes()
    assert wide("203.0.113.2") in text
    for number in range(200):
        assert wide(f"198.51.100.{number}")[12:] not in text
        assert wide(f"2001:db8:{number + 1:x}::") not in text


def test_a_file_that_was_cut_off_inside_a_record_gives_nobody_anothers_address(path: Path) -> None:
    for cut in (64, 100, 120, 127):
        path.unlink(missing_ok=True)
        net = network(path)
        net.register(ana=7, luis=8)
        for number in (1, 2, 3):
            net.tell(START, f"a{number}", "ana", [f"192.0.2.{number}"])
        net.table.close()
        with path.open("r+b") as file:
            file.truncate(4096 + 2 * 128 + cut)
        net = network(path, net.clock)
        net.register(ana=7, luis=8)
        net.clock.now += 60
        net.tell(START, "b", "luis", ["192.0.2.9"])
        assert [each for each, line in full(net).items() if line == 8] == [(wide("192.0.2.9"), 128, 0)]
        net.tell(STOP, "b", "luis", [])
        assert net.line("192.0.2.9") is None
        net.table.close()


def test_what_came_while_the_clock_was_ahead_is_not_kept(path: Path) -> None:
    net = network(path)
    net.register(ana=7)
    net.clock.now += 86_400
    net.tell(START, "a", "ana", [X])
    net.table.close()
    net.clock.now -= 86_400
    net = network(path, net.clock)
    net.register(ana=7)
    assert "has not come" in net.table.damage
    assert net.table.unsettled > 0
    assert net.line(X) is None

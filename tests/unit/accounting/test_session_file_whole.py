"""The file of sessions proves that it is whole, of this time and of this epoch."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from filterd.disk.boot import BootTime
from filterd.disk.session_epoch import read_epochs
from filterd.disk.session_file import FileEntries, read_entries
from tests.worlds.sessions import STALE_AFTER, START, STOP, Network, Receiver, network

HEAD, RECORD, PAGE = 4096, 128, 4096
SESSIONS = 200
X, Y = "192.0.2.1", "192.0.2.2"
BOOT, OTHER = b"b" * 16, b"o" * 16
Told = dict[tuple[bytes, int, int], int]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "live"


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "epoch"


def many(path: Path, note: Path | None = None) -> Network:
    """Sessions of as many lines, in one run of records."""
    net = network(path, note=note)
    for number in range(SESSIONS):
        net.register(**{f"s{number}": number + 1})
        net.tell(START, str(number), f"s{number}", [f"10.0.0.{number}"])
    return net


def told(found: FileEntries, now: float) -> Told:
    receiver = Receiver()
    for run in found.runs:
        receiver.take(run, now)
    return receiver.at(now)


def full(net: Network) -> Told:
    receiver = Receiver()
    receiver.begin(net.table, net.clock.now)
    return receiver.at(net.clock.now)


def cut(text: bytes, at: int) -> bytes:
    return text[:at]


def zeroed_tail(text: bytes, at: int) -> bytes:
    return text[:at] + bytes(len(text) - at)


def zeroed_page(text: bytes, at: int) -> bytes:
    return text[:at] + bytes(PAGE) + text[at + PAGE :]


def foreign_page(text: bytes, at: int) -> bytes:
    return text[:at] + b"\xa5" * PAGE + text[at + PAGE :]


@pytest.mark.parametrize("damage", [cut, zeroed_tail, zeroed_page, foreign_page])
@pytest.mark.parametrize("page", range(HEAD // PAGE + SESSIONS * RECORD // PAGE + 2))
def test_damage_at_each_page_is_noticed(path: Path, page: int, damage: Callable[[bytes, int], bytes]) -> None:
    net = many(path)
    before, now = full(net), net.clock.now
    net.table.close()
    path.write_bytes(damage(path.read_bytes(), page * PAGE))
    touched = page * PAGE < HEAD + SESSIONS * RECORD or (damage is foreign_page)
    try:
        found = read_entries(path, now)
        assert told(found, now).items() <= before.items()
        assert bool(found.lacking) == touched
    except ValueError:
        assert page == 0
    net = network(path, net.clock, expected=True)
    assert net.table.begun_empty == (net.table.unsettled > 0) == touched
    assert bool(net.table.damage) == touched
    for number in range(SESSIONS):
        net.register(**{f"s{number}": number + 1})
    assert full(net).items() <= before.items()
    if touched:
        assert "begun anew" in read_entries(path, now).lacking
    net.table.settle(0)
    assert read_entries(path, now).lacking == ""


def test_the_last_session_alone_is_missed(path: Path) -> None:
    net = many(path)
    net.table.close()
    path.write_bytes(zeroed_tail(path.read_bytes(), HEAD + (SESSIONS - 1) * RECORD))
    said = f"1 of {SESSIONS} records of {path} are missing"
    assert read_entries(path, net.clock.now).lacking == said
    net = network(path, net.clock)
    assert net.table.damage == said
    assert net.table.counts().live == SESSIONS - 1


def test_sessions_that_end_are_not_missed(path: Path) -> None:
    net = many(path)
    for number in range(0, SESSIONS, 3):
        net.tell(STOP, str(number), f"s{number}", [])
    net.clock.now += 60
    net.tell(START, "again", "s0", [X])
    for _ in range(3):
        assert read_entries(path, net.clock.now).lacking == ""
        net.table.close()
        net = network(path, net.clock)
        assert not net.table.begun_empty
    net.clock.now += 7200  # all of them are dropped at a start
    for _ in range(2):
        net.table.close()
        net = network(path, net.clock)
        assert (net.table.begun_empty, net.table.counts().live) == (False, 0)


KILLED = """
import sys
from pathlib import Path
from tests.worlds.sessions import INTERIM, START, STOP, network
net = network(Path(sys.argv[1]), most=64, note=Path(sys.argv[2]))
if net.table.begun_empty:
    print(net.table.damage, flush=True)
    sys.exit(3)
net.register(**{f"s{number}": number + 1 for number in range(40)})
print("on", flush=True)
for number in range(10**9):
    net.clock.now += 0.0001  # a minute would be a clock that was set back
    session = number * 7 % 41
    kind = (START, INTERIM, STOP)[number * 5 % 3]
    net.tell(kind, str(session), f"s{session % 40}", [f"192.0.2.{number * 11 % 23}"], ago=-number / 10_000)
    if number % 500 == 0:
        net.table.sweep(64)
        net.table.change_epoch()
"""


@pytest.mark.ring("night")
@pytest.mark.parametrize("wait", [0.0, 0.003, 0.01, 0.03, 0.1])
def test_a_kill_is_no_loss(path: Path, note: Path, wait: float) -> None:
    for turn in range(4):
        command = [sys.executable, "-c", KILLED, str(path), str(note)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ}) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"on\n"
            signal.sigtimedwait([], wait * (turn + 1))
            process.kill()
        assert read_entries(path, 2e9, note=note).lacking == ""
    net = network(path, note=note)
    assert not net.table.begun_empty


def test_an_older_copy_is_noticed(path: Path, note: Path) -> None:
    net = many(path, note)
    net.table.close()
    copy = path.read_bytes()
    assert told(read_entries(path, net.clock.now, note=note), net.clock.now)
    net = network(path, net.clock, note=note)
    assert not net.table.begun_empty
    net.tell(START, "new", "s7", ["10.0.0.3"])
    net.table.close()
    path.write_bytes(copy)
    found = read_entries(path, net.clock.now, note=note)
    assert found.runs == []
    assert "older copy" in found.lacking
    net = network(path, net.clock, expected=True, note=note)
    assert "older copy" in net.table.damage
    assert net.table.begun_empty
    assert net.table.unsettled > 0
    assert net.table.counts().live == 0
    assert not any(path.read_bytes()[HEAD:])
    assert "begun anew" in read_entries(path, net.clock.now, note=note).lacking


@pytest.mark.parametrize("expected", [False, True])
def test_an_older_copy_lacks_nothing_where_no_session_was_ever_known(
    path: Path, note: Path, expected: bool
) -> None:
    """Unknown clients got SERVFAIL for 15 minutes, without any accounting."""
    net = network(path, note=note)
    net.table.close()
    copy = path.read_bytes()
    network(path, net.clock, note=note).table.close()
    path.write_bytes(copy)
    again = network(path, net.clock, expected=expected, note=note)
    assert again.table.begun_empty is expected
    assert (again.table.unsettled > 0) is expected


def test_a_copy_of_the_same_run_is_noticed_after_the_next_epoch(path: Path, note: Path) -> None:
    net = many(path, note)
    copy = path.read_bytes()
    net.table.change_epoch()
    net.table.close()
    path.write_bytes(copy)
    assert "older copy" in network(path, net.clock, note=note).table.damage


@pytest.mark.parametrize("text", [None, b"", b"\0" * 17, b"0123456789abcdef\n"])
def test_without_its_note_no_file_is_believed(path: Path, note: Path, text: bytes | None) -> None:
    net = many(path, note)
    net.table.close()
    note.unlink()
    if text is not None:
        note.write_bytes(text)
    assert "older copy" in read_entries(path, net.clock.now, note=note).lacking
    assert "older copy" in network(path, net.clock, note=note).table.damage


def test_a_change_of_the_epoch_that_is_cut_off_is_no_loss(
    path: Path, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = many(path, note)
    for fails in (1, 2):
        calls: list[int] = []

        def replace(target: Path, chunks: list[bytes], fails: int = fails, calls: list[int] = calls) -> None:
            calls.append(1)
            if len(calls) == fails:
                raise OSError(28, "no space left on device")
            target.write_bytes(b"".join(chunks))

        with monkeypatch.context() as patch:
            patch.setattr("filterd.disk.checked_file.replace_file", replace)
            with pytest.raises(OSError, match="no space"):
                net.table.change_epoch()
        assert read_entries(path, net.clock.now, note=note).lacking == ""
        assert len(read_epochs(note)) == fails
        net.table.close()
        net = network(path, net.clock, note=note)
        assert (net.table.begun_empty, net.table.counts().live) == (False, SESSIONS)


def test_in_the_same_boot_the_clock_of_control_holds_within_a_minute(path: Path) -> None:
    """Stale sessions stay stale, live ones live; a clock that is further away tells nothing."""
    net = many(path)
    net.table.anchor(BOOT, net.clock.now - 1000)  # the machine has run for 1,000 s
    for step in (-86_400, -62, -58, 0, 58, 62, 86_400):
        for passed, live in ((10, SESSIONS), (STALE_AFTER + 10, 0)):
            wall = net.clock.now + passed + step
            found = read_entries(path, wall, boot=BootTime(BOOT, 1000 + passed))
            if abs(step) < 60:
                assert (found.lacking, len(told(found, 0))) == ("", live)
            else:
                assert found.runs == []
                assert "from the machine's" in found.lacking


ANCHOR, ANCHOR_CHECKSUM = 48, 80


def test_an_anchor_that_was_being_written_when_control_was_killed_is_lacking(path: Path) -> None:
    """After each byte that a kill may leave as the last one written."""
    net = many(path)
    net.table.anchor(OTHER, net.clock.now - 7000)
    before = path.read_bytes()[ANCHOR:ANCHOR_CHECKSUM]
    net.clock.now += 10
    net.table.anchor(BOOT, net.clock.now - 1000)
    whole = path.read_bytes()
    after = whole[ANCHOR:ANCHOR_CHECKSUM]
    for written in range(len(after) + 1):
        anchor = after[:written] + before[written:] + bytes(8)
        path.write_bytes(whole[:ANCHOR] + anchor + whole[ANCHOR_CHECKSUM + 8 :])
        for boot in (BOOT, OTHER, bytes(16)):
            found = read_entries(path, net.clock.now, boot=BootTime(boot, 1000))
            assert found.runs == []
            assert "clock of control" in found.lacking
    net.table.close()
    again = network(path, net.clock)
    assert not again.table.begun_empty, "control goes on with it"
    again.table.anchor(BOOT, net.clock.now - 1000)
    found = read_entries(path, net.clock.now, boot=BootTime(BOOT, 1000))
    assert (found.lacking, len(told(found, 0))) == ("", SESSIONS)


def test_an_anchor_that_is_being_written_is_read_once_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = many(path)
    net.table.anchor(BOOT, net.clock.now - 1000)
    pread, half = os.pread, [True]

    def read(file: int, size: int, offset: int) -> bytes:
        text = pread(file, size, offset)
        if offset == 0 and half:
            half.clear()
            return text[:ANCHOR_CHECKSUM] + bytes(8) + text[ANCHOR_CHECKSUM + 8 :]
        return text

    monkeypatch.setattr(os, "pread", read)
    found = read_entries(path, net.clock.now, boot=BootTime(BOOT, 1000))
    assert (half, found.lacking, len(told(found, 0))) == ([], "", SESSIONS)


@pytest.mark.parametrize("bit", range(64))
def test_a_changed_bit_of_the_offset_ends_no_session_in_silence(path: Path, bit: int) -> None:
    net = many(path)
    net.table.anchor(BOOT, net.clock.now - 1000)
    net.table.close()
    text = bytearray(path.read_bytes())
    offset = int((net.clock.now - 1000) * 1000).to_bytes(8, "little")
    text[text.index(offset) + bit // 8] ^= 1 << bit % 8
    path.write_bytes(text)
    with pytest.raises(ValueError, match="its head is damaged"):
        read_entries(path, net.clock.now, boot=BootTime(BOOT, 1000))
    net = network(path, net.clock, expected=True)
    assert (net.table.begun_empty, net.table.unsettled > 0) == (True, True)
    assert "the head of" in net.table.damage


def test_a_file_of_the_version_before_is_begun_anew(path: Path) -> None:
    net = many(path)
    net.table.close()
    text = bytearray(path.read_bytes())
    text[8:20] = struct.pack("<III", 2, RECORD, (2 * 31 + RECORD) ^ 0x5E55104E)
    path.write_bytes(text)
    with pytest.raises(ValueError, match="is of version 2"):
        read_entries(path, net.clock.now)
    net = network(path, net.clock, expected=True)
    assert "is of version 2" in net.table.damage
    assert net.table.unsettled > 0


def test_a_damaged_record_is_counted(path: Path) -> None:
    net = many(path)
    net.table.close()
    text = bytearray(path.read_bytes())
    text[HEAD + 40] ^= 1
    path.write_bytes(text)
    found = read_entries(path, net.clock.now)
    assert (found.lacking, found.dropped, len(told(found, net.clock.now))) == ("", 1, SESSIONS - 1)
    assert network(path, net.clock).table.counts().damaged == 1


def test_in_another_boot_a_clock_that_went_back_tells_nothing(path: Path) -> None:
    net = many(path)
    net.clock.now += 30
    net.table.anchor(BOOT, net.clock.now - 1000)
    for boot in (OTHER, bytes(16)):
        found = read_entries(path, net.clock.now + 5, boot=BootTime(boot, 3))
        assert (found.lacking, len(told(found, 0))) == ("", SESSIONS)
        found = read_entries(path, net.clock.now - 5, boot=BootTime(boot, 3))
        assert found.runs == []
        assert "clock" in found.lacking


def test_sessions_of_a_time_that_has_not_come_are_not_loaded(path: Path) -> None:
    net = many(path)
    found = read_entries(path, net.clock.now - 7200)
    assert told(found, 0) == {}
    assert "has not come" in found.lacking


def overwritten(path: Path, at: int, text: bytes) -> None:
    """Bytes are written over the running file, as a copy that is put back would."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(text)


@pytest.mark.parametrize("place", [0, 8, 12, 40, 127])
def test_a_record_that_another_hand_changed_ends_the_table(path: Path, note: Path, place: int) -> None:
    """Seen: flipped bits of an address gave it to another line, and no part said a word."""
    net = many(path, note)
    assert not net.table.disordered
    at = HEAD + 7 * RECORD + place
    overwritten(path, at, bytes([path.read_bytes()[at] ^ 0x80]))
    net.table.sweep(SESSIONS)
    assert net.table.disordered
    before = net.table.counts().live
    net.tell(START, "new", "s1", [X])
    assert net.line(X) is None
    assert net.table.counts().live == before


def test_a_receiver_gets_no_record_that_another_hand_changed(path: Path, note: Path) -> None:
    net = many(path, note)
    overwritten(path, HEAD + 7 * RECORD + 20, b"\xff")
    with pytest.raises(OSError, match="changed by another hand"):
        full(net)
    assert net.table.disordered


def test_an_older_copy_over_the_running_file_ends_the_table(path: Path, note: Path) -> None:
    """Seen: control turned round and round in a chain, or gave lines the addresses of an hour ago."""
    net = many(path, note)
    older = path.read_bytes()
    for number in range(SESSIONS):
        net.tell(STOP, str(number), f"s{number}", [f"10.0.0.{number}"])
    for number in range(SESSIONS):
        net.tell(START, f"b{number}", f"s{number}", [f"10.0.1.{SESSIONS - number}"])
    net.table.change_epoch()
    overwritten(path, 0, older)
    assert net.table.disordered
    net.tell(START, "new", "s1", [X])
    assert net.line(X) is None


def test_records_of_before_beneath_the_running_table_end_every_walk(path: Path, note: Path) -> None:
    """The head is the present one: what is left to find it are chains that do not fit, and no walk in them
    goes on for ever."""
    net = many(path, note)
    older = path.read_bytes()[HEAD:]
    for number in range(SESSIONS):
        net.tell(STOP, str(number), f"s{number}", [f"10.0.0.{number}"])
    for number in range(SESSIONS):
        net.tell(START, f"b{number}", f"s{(7 * number) % SESSIONS}", [f"10.0.1.{number}"])
    overwritten(path, HEAD, older)
    for number in range(SESSIONS):
        net.tell(STOP, f"b{number}", f"s{number}", [f"10.0.1.{number}"])
        net.tell(START, f"c{number}", f"s{number}", [f"10.0.2.{number}"])
        net.tell(START, str(number), f"s{number}", [f"10.0.0.{number}"])
        net.register(**{f"s{number}": number + 2})
    net.clock.now += STALE_AFTER + 1
    net.table.sweep(2 * SESSIONS)
    assert net.table.disordered

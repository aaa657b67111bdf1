"""The following of lease files: appended, replaced, written in place, truncated, away and back."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filterd.accounting.leases import watcher
from filterd.accounting.leases.files import SETTLED
from filterd.accounting.leases.ledger import LONGEST
from filterd.accounting.leases.watched import WatchedFile
from tests.unit.accounting.leases.samples import KEA4_HEAD, address
from tests.unit.accounting.leases.sessions import KEY, Heard, SessionTable, subscriber

NOW = 1_795_735_300.0
MAC = b"62:44:a1:49:14:f%d"


class World:
    """One watched file with its table, its clock and its reporter."""

    def __init__(self, folder: Path, form: str, normalize: tuple[str, ...] = ()) -> None:
        self.path = folder / "leases"
        self.now = NOW
        self.table = SessionTable()
        self.heard = Heard()
        self.paused: list[float] = []
        self.while_paused: Callable[[], object] | None = None
        self._watched = WatchedFile(form, self.path, "hw-address", normalize)
        self.start()

    def start(self) -> None:
        """As control does at its start: nothing is known but the table."""
        self.table.of_before = [row[0][:2] for row in self.table.rows.values()]
        self.watch = watcher.watch(self._watched, self.table, KEY, lambda: self.now, self._pause)

    def look(self) -> None:
        self.watch.look(self.heard)

    def line(self, text: str, length: int = 128) -> bytes | None:
        return self.table.line_of(address(text), length)

    def write(self, *rows: bytes, to: str = "") -> None:
        self.path.with_name(self.path.name + to).write_bytes(b"".join(rows))

    def append(self, *rows: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(b"".join(rows))

    def replace(self, *rows: bytes) -> None:
        self.write(*rows, to=".new")
        self.path.with_name(self.path.name + ".new").rename(self.path)

    def _pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        if self.while_paused is not None:
            self.while_paused()


def kea(last: int, line: int, *, lifetime: int = 600, began: float = NOW - 10, state: int = 0) -> bytes:
    """A row of Kea's: 192.0.2.LAST is the line's."""
    expire = int(began) + lifetime
    mac = MAC % line
    return b"192.0.2.%d,%s,,%d,%d,1,0,0,,%d,,0\n" % (last, mac, lifetime, expire, state)


def dnsmasq(last: int, line: int, *, expiry: float = NOW + 600) -> bytes:
    """A line of dnsmasq's."""
    return b"%d %s 192.0.2.%d * *\n" % (int(expiry), MAC % line, last)


def isc(last: int, line: int, *, state: bytes = b"active") -> bytes:
    """A block of dhcpd's."""
    times = b"  starts epoch %d;\n  ends epoch %d;\n" % (int(NOW - 10), int(NOW + 600))
    hardware = b"  hardware ethernet %s;\n" % (MAC % line)
    return b"lease 192.0.2.%d {\n%s  binding state %s;\n%s}\n" % (last, times, state, hardware)


FORMS: dict[str, tuple[bytes, Callable[[int, int], bytes]]] = {
    "kea": (KEA4_HEAD, kea),
    "dnsmasq": (b"", dnsmasq),
    "isc": (b"", isc),
}


@pytest.mark.parametrize("form", FORMS)
def test_leases_become_sessions_and_changes_follow(tmp_path: Path, form: str) -> None:
    head, row = FORMS[form]
    world = World(tmp_path, form)
    world.write(head, row(1, 1), row(2, 2))
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)
    assert world.line("192.0.2.2") == subscriber(MAC % 2)
    world.append(row(3, 3))
    world.look()
    assert world.line("192.0.2.3") == subscriber(MAC % 3)
    assert world.watch.state.leases == 3
    events = world.table.events
    world.look()
    assert world.table.events == events


@pytest.mark.parametrize("form", FORMS)
def test_an_address_that_another_line_gets_is_that_lines(tmp_path: Path, form: str) -> None:
    head, row = FORMS[form]
    world = World(tmp_path, form)
    world.write(head, row(1, 1))
    world.look()
    world.write(head, row(1, 2)) if form == "dnsmasq" else world.append(row(1, 2))
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 2)


def test_what_dnsmasq_does_not_list_any_longer_is_over(tmp_path: Path) -> None:
    world = World(tmp_path, "dnsmasq")
    world.write(dnsmasq(1, 1), dnsmasq(2, 2))
    world.look()
    world.write(dnsmasq(2, 2))
    world.look()
    assert world.line("192.0.2.1") is None
    assert world.line("192.0.2.2") == subscriber(MAC % 2)


def test_a_file_that_dnsmasq_has_half_written_is_not_believed(tmp_path: Path) -> None:
    world = World(tmp_path, "dnsmasq")
    world.write(dnsmasq(1, 1), dnsmasq(2, 2))
    world.look()

    def finish() -> None:
        world.while_paused = None
        world.append(dnsmasq(2, 2))

    world.write(dnsmasq(1, 1))
    world.while_paused = finish
    world.look()
    assert world.line("192.0.2.2") == subscriber(MAC % 2)
    assert world.paused == [SETTLED] * 3


def test_a_file_that_never_rests_is_told_and_ends_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, "dnsmasq")
    world.write(dnsmasq(1, 1))
    world.look()
    world.write()
    world.while_paused = lambda: world.append(dnsmasq(9, 9))
    for _ in range(watcher.PATIENCE + 1):
        world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)
    assert world.heard.told == ["leases unreadable: it changes all the time"]


@pytest.mark.parametrize("ended", [{"lifetime": 0}, {"state": 1}, {"state": 2}, {"state": 3}])
def test_a_row_of_kea_that_ends_a_lease_ends_its_session(tmp_path: Path, ended: dict[str, int]) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1))
    world.look()
    world.append(kea(1, 1, **ended))
    world.look()
    assert world.line("192.0.2.1") is None


def test_release_and_lease_within_one_second_keep_their_order(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1))
    world.look()
    world.append(kea(1, 1, lifetime=0), kea(1, 2), kea(1, 2, lifetime=0), kea(1, 3))
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 3)
    world.append(kea(1, 3, lifetime=0), kea(1, 3))
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 3)


def test_kea_cleans_up_and_begins_its_file_anew(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1), kea(2, 2))
    world.look()
    world.append(kea(3, 3))  # the last word before the rotation
    world.path.rename(world.path.with_name("leases.1"))
    world.look()
    world.write(KEA4_HEAD, kea(2, 2, lifetime=0))
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)
    assert world.line("192.0.2.2") is None
    assert world.line("192.0.2.3") == subscriber(MAC % 3)
    assert world.heard.told == []


def test_a_copy_of_keas_files_is_followed(tmp_path: Path) -> None:
    """As rsync makes it: put in place by rename, the older files first, also where Kea has cleaned up between
    two copies."""
    world = World(tmp_path, "kea")
    world.replace(KEA4_HEAD, kea(1, 1))
    world.look()
    world.replace(KEA4_HEAD, kea(1, 1), kea(1, 2, began=NOW - 5))
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 2)
    world.write(KEA4_HEAD, kea(1, 2, began=NOW - 5), kea(3, 3), to=".2")
    world.replace(KEA4_HEAD, kea(4, 4))
    world.look()
    for last, line in ((1, 2), (3, 3), (4, 4)):
        assert world.line(f"192.0.2.{last}") == subscriber(MAC % line)
    assert world.heard.told == []


def test_keas_older_files_count_at_the_start(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1), kea(2, 2), kea(3, 3), to=".2")
    world.write(KEA4_HEAD, kea(2, 4), to=".1")
    world.write(KEA4_HEAD, kea(3, 3, lifetime=0))
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)
    assert world.line("192.0.2.2") == subscriber(MAC % 4)
    assert world.line("192.0.2.3") is None


def test_keas_cleaned_file_stands_for_those_it_is_made_of(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 9), to=".2")
    world.write(KEA4_HEAD, kea(1, 1), to=".completed")
    world.write(KEA4_HEAD)
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)


def test_a_new_file_of_dhcpd_has_everything(tmp_path: Path) -> None:
    world = World(tmp_path, "isc")
    world.write(isc(1, 1), isc(2, 2))
    world.look()
    world.replace(isc(2, 2), isc(3, 3))
    world.look()
    assert world.line("192.0.2.1") is None
    assert world.line("192.0.2.2") == subscriber(MAC % 2)
    assert world.line("192.0.2.3") == subscriber(MAC % 3)


@pytest.mark.parametrize("form", ["kea", "isc"])
def test_a_journal_that_was_truncated_ends_nothing(tmp_path: Path, form: str) -> None:
    head, row = FORMS[form]
    world = World(tmp_path, form)
    world.write(head, row(1, 1), row(2, 2))
    world.look()
    os.truncate(world.path, 0)
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)
    world.append(head, row(2, 3))
    world.look()
    assert world.line("192.0.2.2") == subscriber(MAC % 3)


def test_a_journal_written_anew_in_place_is_read_again(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1))
    world.look()
    world.write(KEA4_HEAD, kea(1, 2), kea(2, 3), kea(3, 4))
    world.look()
    assert [world.line(f"192.0.2.{each}") for each in (1, 2, 3)] == [subscriber(MAC % n) for n in (2, 3, 4)]


def test_a_half_written_row_waits_for_its_end(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1)[:-20])
    world.look()
    assert world.table.rows == {}
    world.append(kea(1, 1)[-20:])
    world.look()
    assert world.line("192.0.2.1") == subscriber(MAC % 1)


@pytest.mark.parametrize("form", FORMS)
def test_leases_that_ended_while_control_was_down_are_ended(tmp_path: Path, form: str) -> None:
    head, row = FORMS[form]
    world = World(tmp_path, form)
    world.write(head, row(1, 1), row(2, 2))
    world.look()
    world.write(head, row(2, 2))
    world.start()
    world.look()
    assert world.line("192.0.2.1") is None
    assert world.line("192.0.2.2") == subscriber(MAC % 2)


def test_a_lease_that_names_no_line_leaves_its_address_to_nobody(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1))
    world.look()
    world.append(kea(1, 1).replace(MAC % 1, b""))
    world.look()
    assert world.line("192.0.2.1") is None
    assert (world.watch.state.leases, world.watch.state.nameless) == (0, 1)


def test_a_lease_whose_time_is_over_is_none(tmp_path: Path) -> None:
    world = World(tmp_path, "dnsmasq")
    world.write(dnsmasq(1, 1, expiry=NOW - 1), dnsmasq(2, 2), dnsmasq(3, 3, expiry=0))
    world.look()
    assert world.line("192.0.2.1") is None
    lasting = {row[0][0]: row[3] for row in world.table.rows.values()}
    assert lasting == {address("192.0.2.2"): 600, address("192.0.2.3"): LONGEST}
    world.now += 601
    for _ in range(60):
        world.look()
    assert world.watch.state.leases == 1


def test_stamps_are_of_the_lease_and_never_of_the_future(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1, began=NOW - 100), kea(2, 2, began=NOW + 100))
    world.look()
    stamps = {row[0][0]: row[2] for row in world.table.rows.values()}
    assert stamps == {address("192.0.2.1"): NOW - 100, address("192.0.2.2"): NOW}


def test_a_renewal_is_put_again(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1))
    world.look()
    world.now += 300
    world.append(kea(1, 1, began=NOW + 300))
    world.look()
    assert [row[2:] for row in world.table.rows.values()] == [(NOW + 300, 600)]


def test_the_value_is_normalized_as_that_of_radius(tmp_path: Path) -> None:
    world = World(tmp_path, "kea", ("mac",))
    world.write(KEA4_HEAD, b"192.0.2.1,6244A1-4914F1,,600,%d,1,0,0,,0,,0\n" % int(NOW + 600))
    world.append(b"192.0.2.2,6244.A149.14F2,,600,%d,1,0,0,,0,,0\n" % int(NOW + 600))
    world.look()
    assert world.line("192.0.2.1") == subscriber(b"6244a1-4914f1")
    assert world.line("192.0.2.2") == subscriber(MAC % 2)


def test_a_bad_line_is_told_with_its_number_and_without_its_text(tmp_path: Path) -> None:
    world = World(tmp_path, "kea")
    world.write(KEA4_HEAD, kea(1, 1), b"192.0.2.77,secret\n")
    world.look()
    world.append(b"192.0.2.78\n", kea(2, 2))
    world.look()
    assert world.heard.told == [f"leases:{line}: it has too few fields" for line in (3, 4)]
    assert world.watch.state.skipped == 2
    assert world.line("192.0.2.2") == subscriber(MAC % 2)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_away_is_told_once_and_ends_nothing(tmp_path: Path, form: str) -> None:
    head, row = FORMS[form]
    world = World(tmp_path, form)
    world.write(head, row(1, 1))
    world.look()
    world.path.unlink()
    for _ in range(3 * watcher.PATIENCE):
        world.look()
    assert world.heard.told == ["leases unreadable: it is not there"]
    assert world.line("192.0.2.1") == subscriber(MAC % 1)
    assert not world.watch.state.readable
    world.write(head, row(1, 2))
    world.look()
    assert world.heard.told[1:] == ["leases readable"]
    assert world.line("192.0.2.1") == subscriber(MAC % 2)
    assert world.watch.state.readable


def test_a_file_that_may_not_be_read_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, "dnsmasq")
    world.write(dnsmasq(1, 1))

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        world.look()
        world.look()
    assert world.heard.told == ["leases unreadable: Permission denied"]
    assert not world.watch.state.read
    world.look()
    assert world.heard.told[1:] == ["leases readable"]
    assert world.watch.state.read


def test_a_directory_is_no_lease_file(tmp_path: Path) -> None:
    for form in FORMS:
        world = World(tmp_path, form)
        world.path.mkdir(exist_ok=True)
        world.look()
        assert world.heard.told == ["leases unreadable: it is no regular file"]


@pytest.mark.parametrize("form", FORMS)
def test_a_pipe_does_not_hold_the_thread(tmp_path: Path, form: str) -> None:
    world = World(tmp_path, form)
    os.mkfifo(world.path)
    world.look()
    assert world.heard.told == ["leases unreadable: it is no regular file"]


class SignallingTable(SessionTable):
    """Tells when it has a session."""

    def __init__(self) -> None:
        super().__init__()
        self.has_one = threading.Event()

    def put(self, *arguments: Any, **named: Any) -> bool:
        taken = super().put(*arguments, **named)
        self.has_one.set()
        return taken


def test_the_thread_follows_until_it_is_stopped(tmp_path: Path) -> None:
    path, table = tmp_path / "leases", SignallingTable()
    path.write_bytes(KEA4_HEAD)
    files = [WatchedFile("kea", path, "hw-address")]
    thread = watcher.LeaseWatcher(files, table, Heard(), KEY, lambda: NOW)
    thread.start()
    with path.open("ab") as file:
        file.write(kea(1, 1))
    assert table.has_one.wait(60)
    thread.end()
    thread.join()
    assert table.line_of(address("192.0.2.1")) == subscriber(MAC % 1)
    (state,) = thread.states()
    assert (state.path, state.read, state.readable) == (path, True, True)

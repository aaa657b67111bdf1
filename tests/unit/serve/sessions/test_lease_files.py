"""Lease files in control: leases in the table, other files after a reload, a missing file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from filterd.accounting.claimable import ClaimNetworks
from filterd.accounting.leases.watched import START, STOP
from filterd.accounting.sessions import Sessions
from filterd.config.accounting_settings import LeaseFormat, LeasesSettings, LeaseValue, Normalization
from filterd.model.session import SessionSource
from filterd.serve.sessions.follower import subscriber_fingerprint
from filterd.serve.sessions.lease_files import LeaseFiles, LeaseSessions
from filterd.telemetry import log
from tests.unit.accounting.leases.samples import address
from tests.worlds.dhcp import until

KEY = bytes(range(16))
NOW = 1_795_735_300.0


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Sessions]:
    """A table with two registered lines."""
    found = Sessions(tmp_path / "live", KEY, 1000, 7200, lambda: NOW)
    found.register(subscriber_fingerprint(KEY, "62:44:a1:49:14:f1"), 1)
    found.register(subscriber_fingerprint(KEY, "casa-2"), 2)
    yield found
    found.close()


Watch = Callable[..., LeaseFiles]


@pytest.fixture
def watch(table: Sessions) -> Iterator[Watch]:
    """Begins to watch files; the watches end with the test."""
    begun: list[LeaseFiles] = []

    def begin(*files: LeasesSettings) -> LeaseFiles:
        begun.append(LeaseFiles(files, table, KEY, lambda: NOW))
        begun[-1].start()
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


def settings(path: Path, value: LeaseValue, *steps: Normalization) -> LeasesSettings:
    return LeasesSettings(LeaseFormat.DNSMASQ, path, value, steps)


def has(table: Sessions, text: str, line: int) -> Callable[[], bool]:
    """True once an address is a line's."""

    def fact() -> bool:
        found = table.find(address(text))
        return (found.line if found else 0) == line

    return fact


def test_leases_are_in_the_table_by_the_subscribers_own_ids(
    tmp_path: Path, table: Sessions, watch: Watch
) -> None:
    by_mac, by_name = tmp_path / "one", tmp_path / "two"
    by_mac.write_text(f"{NOW + 600:.0f} 62:44:a1:49:14:f1 192.0.2.1 * *\n")
    by_name.write_text(f"{NOW + 600:.0f} 62:44:a1:49:14:f2 192.0.2.2 CASA-2@x *\n")
    steps = Normalization.CASE, Normalization.REALM
    files = watch(settings(by_mac, LeaseValue.HW_ADDRESS), settings(by_name, LeaseValue.HOSTNAME, *steps))
    until(has(table, "192.0.2.1", 1), "the first file")
    until(has(table, "192.0.2.2", 2), "the second file")
    assert files.remarks() == []


def test_what_a_file_lacks_at_the_start_is_over(tmp_path: Path, table: Sessions, watch: Watch) -> None:
    path = tmp_path / "leases"
    for text in ("192.0.2.1", "192.0.2.9"):
        path.write_text(f"{NOW + 600:.0f} 62:44:a1:49:14:f1 {text} * *\n")
        files = watch(settings(path, LeaseValue.HW_ADDRESS))
        until(has(table, text, 1), "the lease")
        files.close()
    assert has(table, "192.0.2.1", 0)()


def test_a_missing_file_is_said_and_takes_nobody_down(
    tmp_path: Path, table: Sessions, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, dict[str, object]]] = []

    class Log:
        def info(self, event: str, **fields: object) -> None:
            said.append((event, fields))

        warning = error = info

    monkeypatch.setattr(log, "get", Log)
    path = tmp_path / "leases"
    files = watch(settings(path, LeaseValue.HW_ADDRESS))
    until(files.remarks, "a remark")
    assert files.remarks() == [f"the lease file {path}: it is not there"]
    path.write_text(f"192.0.2.7\n{NOW + 600:.0f} 62:44:a1:49:14:f1 192.0.2.1 * *\n")
    until(has(table, "192.0.2.1", 1), "the lease")
    until(lambda: len(said) == 3, "three events")
    assert files.remarks() == []
    assert [event for event, _ in said] == [
        "a lease file cannot be read",
        "a lease file has lines that are passed over",
        "a lease file can be read again",
    ]
    assert said[1][1]["line_number"] == 1
    assert "count" not in said[1][1]
    assert "filterd_lease_lines_skipped_total" in str(said[1][1]["remedy"])
    until(lambda: files.lines_skipped == 1, "the line is counted")
    assert "192.0.2" not in str(said)


def test_leases_count_in_the_pools_alone(tmp_path: Path, table: Sessions) -> None:
    path = tmp_path / "leases"
    lines = [f"{NOW + 600:.0f} 62:44:a1:49:14:f1 {each} * *\n" for each in ("198.51.100.1", "192.0.2.1")]
    path.write_text("".join(lines))
    pools = ClaimNetworks([ip_network("192.0.2.0/24")])
    files = LeaseFiles([settings(path, LeaseValue.HW_ADDRESS)], table, KEY, lambda: NOW, pools)
    files.start()
    try:
        until(has(table, "192.0.2.1", 1), "the lease inside")
        assert has(table, "198.51.100.1", 0)()
        assert files.refused == 1
        files.limit(ClaimNetworks())
        path.write_text("".join([*lines, f"{NOW + 600:.0f} 62:44:a1:49:14:f1 198.51.100.2 * *\n"]))
        until(has(table, "198.51.100.2", 1), "a lease after the pools are gone")
    finally:
        files.close()


def test_leases_that_a_full_table_refused_are_taken_when_there_is_room(tmp_path: Path) -> None:
    table = Sessions(tmp_path / "live", KEY, 1, 7200, lambda: NOW)
    table.register(subscriber_fingerprint(KEY, "62:44:a1:49:14:f1"), 1)
    sink = LeaseSessions(table, ClaimNetworks())

    def put(text: str, session: bytes, kind: int) -> bool:
        claims = [(address(text), 128, None)] if kind == START else []
        who = subscriber_fingerprint(KEY, "62:44:a1:49:14:f1") if kind == START else b""
        return sink.put(
            claims,
            subscriber=who,
            session=session,
            nas=KEY,
            source=int(SessionSource.LEASE),
            stamp=NOW,
            lasts=600,
            kind=kind,
        )

    try:
        assert put("192.0.2.9", b"9" * 16, START)
        path = tmp_path / "leases"
        path.write_text(f"{NOW + 600:.0f} 62:44:a1:49:14:f1 192.0.2.1 * *\n")
        files = LeaseFiles([settings(path, LeaseValue.HW_ADDRESS)], table, KEY, lambda: NOW)
        files.start()
        until(lambda: table.counts().refused_full, "a refusal")
        assert has(table, "192.0.2.1", 0)()
        assert put("192.0.2.9", b"9" * 16, STOP)
        until(has(table, "192.0.2.1", 1), "the lease, once there is room")
        files.close()
    finally:
        table.close()


def test_an_emptied_file_is_said_and_its_sessions_go_on(
    tmp_path: Path, table: Sessions, watch: Watch
) -> None:
    path = tmp_path / "leases"
    path.write_text(f"{NOW + 600:.0f} 62:44:a1:49:14:f1 192.0.2.1 * *\n")
    files = watch(settings(path, LeaseValue.HW_ADDRESS))
    until(has(table, "192.0.2.1", 1), "the lease")
    path.write_bytes(bytes(4096))
    until(files.remarks, "a remark")
    assert files.remarks() == [f"the lease file {path}: it has NUL bytes"]
    assert has(table, "192.0.2.1", 1)()

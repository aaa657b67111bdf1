"""The commands on sessions, as control carries them out."""

from __future__ import annotations

import asyncio
import json
from array import array
from ipaddress import ip_network
from typing import Any

import pytest

from filterd.accounting.attributes import StatusType
from filterd.accounting.claimable import ClaimNetworks
from filterd.accounting.sessions import Sessions
from filterd.model.session import SessionSource
from filterd.operations.sessions.claims import claim
from filterd.operations.sessions.protocol import (
    LARGEST_LINE,
    LAST_LINE,
    MOST_LINES,
    MOST_SHOWN,
    NO_ROOM,
    count_line,
    list_line,
    sessions_line,
    show_line,
)
from filterd.operations.sessions.protocol import ToldSession as S
from filterd.serve.sessions.commands import SHOW, SessionCommands, Terms
from tests.unit.serve.sessions.conftest import KEY, Told
from tests.worlds.installation import NOW


def run(told: Told, line: bytes) -> dict[str, Any]:
    return dict(asyncio.run(told.commands.execute(line)))


def test_a_session_is_put_shown_moved_and_ended(told: Told) -> None:
    told.register("S-1", 1)
    told.register("S-2", 2)
    first = S(("192.0.2.7", "2001:db8:1::/56"), "S-1", until=NOW + 60)
    assert run(told, sessions_line("put", [first])) == {
        "taken": 1,
        "unregistered": 0,
        "refused": [],
        "until": NOW + 60,
    }
    (shown,) = run(told, show_line(address="2001:db8:1:23::9"))["sessions"]
    assert (shown["line"], shown["source"], shown["confirmed_at"]) == (1, "command", NOW)
    assert shown["until"] == pytest.approx(NOW + 60, abs=1)
    told.now += 2
    assert run(told, sessions_line("put", [S(("192.0.2.7",), "S-2")]))["taken"] == 1
    assert [each["line"] for each in run(told, show_line(address="192.0.2.7"))["sessions"]] == [2]
    (of_second,) = run(told, show_line(line=2))["sessions"]
    assert of_second["until"] == pytest.approx(told.now + 7200, abs=1)
    told.now += 2
    assert run(told, sessions_line("end", [S(("192.0.2.7",))]))["taken"] == 1
    assert run(told, show_line(address="192.0.2.7"))["sessions"] == []


def test_commands_in_one_second_hold_in_their_order(told: Told) -> None:
    told.register("S-1", 1)
    told.register("S-2", 2)
    put_one, put_two = (sessions_line("put", [S(("192.0.2.7",), each)]) for each in ("S-1", "S-2"))
    for line, expected in ((put_one, 1), (put_two, 2), (put_one, 1)):
        assert run(told, line)["taken"] == 1
        assert [each["line"] for each in run(told, show_line(address="192.0.2.7"))["sessions"]] == [expected]
    assert run(told, sessions_line("end", [S(("192.0.2.7",))]))["taken"] == 1
    assert run(told, show_line(address="192.0.2.7"))["sessions"] == []
    assert run(told, put_two)["taken"] == 1
    assert [each["line"] for each in run(told, show_line(address="192.0.2.7"))["sessions"]] == [2]


def test_ports_of_one_address_are_of_several_lines(told: Told) -> None:
    for number in range(64):
        told.register(f"S-{number}", number + 1)
    sessions = [S((f"192.0.2.1:{1024 + 1000 * n}-{2023 + 1000 * n}",), f"S-{n}") for n in range(64)]
    assert run(told, sessions_line("put", sessions))["refused"] == []
    for number in (0, 17, 63):
        found = run(told, show_line(address="192.0.2.1", port=1500 + 1000 * number))["sessions"]
        assert [each["line"] for each in found] == [number + 1]
    assert run(told, show_line(address="192.0.2.1", port=1))["sessions"] == []


def test_what_is_wrong_is_told_by_its_place_and_the_rest_is_taken(told: Told) -> None:
    sessions = [S(("192.0.2.7",), "S-1"), S(("10.0.0.0/8",), "S-2"), S(("192.0.2.8",), "S-3", until=NOW - 5)]
    sessions += [S(("192.0.2.9",), "S-4", at=NOW + 9999), S(("192.0.2.10",), ""), S(("192.0.2.11",), "S-6")]
    reply = run(told, sessions_line("put", sessions))
    assert (reply["taken"], reply["unregistered"]) == (2, 2)
    assert [each["at"] for each in reply["refused"]] == [1, 2, 3, 4]
    assert "wider" in reply["refused"][0]["reason"]
    assert "ended already" in reply["refused"][1]["reason"]


def test_an_older_word_does_not_take_an_address_away(told: Told) -> None:
    told.register("S-1", 1)
    run(told, sessions_line("put", [S(("192.0.2.7",), "S-1", at=NOW - 10)]))
    reply = run(told, sessions_line("put", [S(("192.0.2.7",), "S-2", at=NOW - 100)]))
    assert reply["taken"] == 0
    assert "newer" in reply["refused"][0]["reason"]
    assert [each["line"] for each in run(told, show_line(address="192.0.2.7"))["sessions"]] == [1]


def test_the_end_of_what_is_not_there_is_refused(told: Told) -> None:
    (refused,) = run(told, sessions_line("end", [S(("192.0.2.7",))]))["refused"]
    assert refused["reason"] == "no session has it"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nothing",
        b"[]",
        b"{}",
        b'{"command":"put"}',
        b'{"command":"put","sessions":[]}',
        b'{"command":"show"}',
        b'{"command":"show","address":"x"}',
        b'{"command":"drop"}',
        b"[" * 5000,
    ],
)
def test_what_is_no_command_gets_an_error(told: Told, line: bytes) -> None:
    assert set(run(told, line)) == {"error"}


@pytest.mark.parametrize(
    "asked",
    [
        '"line":0',
        '"line":-1',
        '"line":281474976710656',
        '"line":18446744073709551616',
        '"line":true',
        '"line":7.0',
        '"line":"7"',
        '"line":0,"address":"192.0.2.1"',
        '"address":"192.0.2.1","port":-1',
        '"address":"192.0.2.1","port":65536',
        '"address":"192.0.2.1","port":99999',
        '"address":"192.0.2.1","port":4294967296',
        '"address":"192.0.2.1","port":true',
        '"address":"192.0.2.1","port":null',
    ],
)
def test_a_line_or_port_that_is_none_gets_the_right_reason(told: Told, asked: str) -> None:
    assert run(told, b'{"command":"show",%s}' % asked.encode()) == {"error": SHOW}


def test_the_first_and_the_last_line_and_port_are_shown(told: Told) -> None:
    told.register("S-1", (1 << 48) - 1)
    run(told, sessions_line("put", [S(("192.0.2.1:65535-65535",), "S-1")]))
    assert run(told, show_line(line=(1 << 48) - 1))["count"] == 1
    assert run(told, show_line(line=1)) == {"sessions": [], "count": 0}
    assert run(told, show_line(address="192.0.2.1", port=65_535))["count"] == 1


def test_a_line_with_many_sessions_is_shown_in_part_with_their_number(told: Told) -> None:
    told.register("S-1", 1)
    many = MOST_SHOWN + 200
    told_of = [S((f"10.0.{each >> 8}.{each & 255}",), "S-1") for each in range(many)]
    for at in range(0, many, 600):
        assert run(told, sessions_line("put", told_of[at : at + 600]))["refused"] == []
    reply = run(told, show_line(line=1))
    assert (len(reply["sessions"]), reply["count"]) == (MOST_SHOWN, many)


def test_the_sessions_of_some_lines_are_counted_alone(told: Told) -> None:
    for line in (1, 2, (1 << 48) - 1):
        told.register(f"S-{line}", line)
        lease = S((f"10.0.1.{line & 255}",), f"S-{line}", source=SessionSource.LEASE)
        command = S((f"10.0.2.{line & 255}",), f"S-{line}", until=NOW + 60)
        assert run(told, sessions_line("put", [lease, command]))["refused"] == []
    run(told, sessions_line("put", [S(("10.0.3.1",), "unregistered")]))
    counted = {"sources": {"radius": 0, "lease": 2, "command": 2}}
    assert run(told, count_line("[281474976710655,1,1,7]")) == counted
    assert run(told, count_line("[3]")) == {"sources": {"radius": 0, "lease": 0, "command": 0}}
    told.now += 61  # beyond the end that the commands told, before the sweep
    assert run(told, count_line("[1,2]")) == {"sources": {"radius": 0, "lease": 2, "command": 0}}


@pytest.mark.parametrize("lines", ["[]", "7", "[0]", "[-1]", "[281474976710656]", "[true]", '["7"]', "null"])
def test_lines_that_are_none_are_not_counted(told: Told, lines: str) -> None:
    assert set(run(told, count_line(lines))) == {"error"}


def test_more_lines_than_one_command_counts_are_refused(told: Told) -> None:
    assert set(run(told, count_line(json.dumps([1] * (MOST_LINES + 1))))) == {"error"}
    widest = json.dumps([LAST_LINE] * MOST_LINES, separators=(",", ":"))
    assert len(count_line(widest)) < LARGEST_LINE


def test_the_table_counts_lines_in_ascending_order_alone(told: Told) -> None:
    with pytest.raises(ValueError, match="ascending"):
        told.table.count_lines(array("Q", [2, 1]))
    with pytest.raises(ValueError, match="ascending"):
        told.table.count_lines(array("Q", [1, 1]))
    assert sum(told.table.count_lines(array("Q")).values()) == 0


@pytest.mark.parametrize(
    ("wide", "narrow"), [("100.64.5.2", "100.64.5.2:1024-2047"), ("2001:db8:1::/56", "2001:db8:1::1")]
)
def test_the_end_of_a_session_inside_another_is_an_end(told: Told, wide: str, narrow: str) -> None:
    told.register("luis", 1)
    told.register("eva", 2)
    assert run(told, sessions_line("put", [S((wide,), "luis"), S((narrow,), "eva")]))["refused"] == []
    assert run(told, sessions_line("end", [S((narrow,))])) == {"taken": 1, "unregistered": 0, "refused": []}
    (refused,) = run(told, sessions_line("end", [S((narrow,))]))["refused"]
    assert f"the session of {wide} covers it" in refused["reason"]
    assert refused["remedy"].endswith(f"filterd session end {wide}")
    assert run(told, sessions_line("end", [S((wide,))]))["taken"] == 1
    assert told.table.counts().live == 0


def test_a_prefix_is_told_and_ended_around_a_longer_one_of_the_same_address(told: Told) -> None:
    longer, shorter = S(("2001:db8:1::/64",), "S-1"), S(("2001:db8:1::/56",), "S-2", at=NOW - 5)
    assert run(told, sessions_line("put", [longer, shorter]))["refused"] == []
    assert run(told, sessions_line("end", [S(("2001:db8:1::/56",))]))["taken"] == 1
    assert run(told, show_line(address="2001:db8:1::9"))["count"] == 1


class Overtaken:
    """A table that hears of 192.0.2.7 from a NAS right behind each command."""

    def __init__(self, told: Told) -> None:
        self.find, self.holder, self.counts = told.table.find, told.table.holder, told.table.counts
        self._told = told

    def put(self, claims: Any, **fields: Any) -> None:
        self._told.table.put(claims, **fields)
        packet = {"stamp": self._told.now + 5, "arrival": self._told.now + 5, "lasts": 600}
        names = {"subscriber": b"s" * 16, "session": b"i" * 16, "nas": b"n" * 16}
        entries = [claim("192.0.2.7").entry]
        table: Any = self._told.table
        table.give(entries, **names, **packet, kind=int(StatusType.START))


def test_a_packet_right_behind_a_command_is_the_reason_that_is_said(told: Told) -> None:
    terms = Terms(KEY, told.clock, lambda: 7200)
    overtaken: Any = Overtaken(told)
    commands = SessionCommands(told.commands.path, overtaken, terms, dict)
    for word in ("put", "end"):
        line = sessions_line(word, [S(("192.0.2.7",), "S-1")])
        reply: dict[str, Any] = dict(asyncio.run(commands.execute(line)))
        assert reply["taken"] == 0
        assert "something newer is known of " in reply["refused"][0]["reason"]
        assert "session show" in reply["refused"][0]["remedy"]


def test_a_session_lasts_for_the_second_that_is_left_of_it(told: Told) -> None:
    assert run(told, sessions_line("put", [S(("192.0.2.7",), "S-1", until=NOW + 0.4)]))["taken"] == 1
    assert run(told, show_line(address="192.0.2.7"))["count"] == 1
    told.now += 1
    assert run(told, show_line(address="192.0.2.7"))["count"] == 0
    (refused,) = run(told, sessions_line("put", [S(("192.0.2.7",), "S-1", until=told.now)]))["refused"]
    assert "ended already" in refused["reason"]


def test_each_refusal_has_the_remedy_that_belongs_to_it(told: Told) -> None:
    long = S(("192.0.2.7",), "S-1", until=NOW + 367 * 86_400)
    (refused,) = run(told, sessions_line("put", [long]))["refused"]
    assert "more than a year" in refused["reason"]
    assert "within a year" in refused["remedy"]
    (refused,) = run(told, sessions_line("end", [S(("192.0.2.7",))]))["refused"]
    assert "session show" not in refused["remedy"]


def test_a_full_table_is_the_reason_that_is_said(told: Told) -> None:
    table = Sessions(None, KEY, 2, 7200, told.clock)
    terms = Terms(KEY, told.clock, lambda: 7200)
    commands = SessionCommands(told.commands.path, table, terms, dict)
    line = sessions_line("put", [S((f"192.0.2.{each}",), "S-1") for each in range(4)])
    reply: dict[str, Any] = dict(asyncio.run(commands.execute(line)))
    assert (reply["taken"], [each["reason"] for each in reply["refused"]]) == (2, [NO_ROOM] * 2)
    assert "accounting.sessions" in reply["refused"][0]["remedy"]
    old = sessions_line("put", [S(("192.0.2.0",), "S-2", at=NOW - 100)])
    reply = dict(asyncio.run(commands.execute(old)))
    assert "newer" in reply["refused"][0]["reason"]
    table.close()


async def test_commands_come_over_a_socket_of_the_owner_alone(told: Told) -> None:
    await told.commands.start()
    path = told.commands.path
    assert path.stat().st_mode & 0o777 == 0o600
    reader, writer = await asyncio.open_unix_connection(path)
    for _ in range(2):
        writer.write(list_line())
        assert json.loads(await reader.readline()) == {"counts": {"complete": True}}
    writer.close()
    await writer.wait_closed()
    await told.commands.close()
    assert not path.exists()


def test_addresses_count_in_the_pools_alone_and_the_remedy_is_said(told: Told) -> None:
    told.networks = ClaimNetworks([ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")])
    outside, reserved = S(("198.51.100.7",), "S-1"), S(("2001:db8::/39",), "S-1")
    both = S(("192.0.2.7", "198.51.100.7"), "S-1")
    reply = run(told, sessions_line("put", [S(("192.0.2.7",), "S-1"), outside, reserved, both]))
    assert (reply["taken"], [each["at"] for each in reply["refused"]]) == (1, [1, 2, 3])
    assert "198.51.100.7 lies in no network of accounting.pools" in reply["refused"][0]["reason"]
    assert "add its network there" in reply["refused"][0]["remedy"]
    assert told.commands.refused == 2  # the prefix is too wide for any command
    told.networks = ClaimNetworks()
    loopback, reserved = S(("127.0.0.7",), "S-1"), S(("169.254.0.7",), "S-1")
    reply = run(told, sessions_line("put", [outside, loopback, reserved]))
    assert (reply["taken"], len(reply["refused"])) == (1, 2)
    assert "no address of a line" in reply["refused"][1]["reason"]
    assert "add 127.0.0.0/8 to accounting.pools" in reply["refused"][0]["remedy"]
    assert "127" not in reply["refused"][1]["remedy"]
    told.networks = ClaimNetworks([ip_network("192.0.2.0/24")])
    told.now += 5
    assert run(told, sessions_line("end", [S(("198.51.100.7",))]))["taken"] == 1

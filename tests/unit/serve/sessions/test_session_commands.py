"""The commands on sessions, as control carries them out."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_network
from typing import Any

import pytest

from filterd.accounting.claimable import ClaimNetworks
from filterd.operations.sessions.protocol import ToldSession as S
from filterd.operations.sessions.protocol import list_line, sessions_line, show_line
from tests.unit.serve.sessions.conftest import Told
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
    assert "add its network there" in reply["refused"][0]["reason"]
    assert told.commands.refused == 2  # the prefix is too wide for any command
    told.networks = ClaimNetworks()
    loopback, reserved = S(("127.0.0.7",), "S-1"), S(("169.254.0.7",), "S-1")
    reply = run(told, sessions_line("put", [outside, loopback, reserved]))
    assert (reply["taken"], len(reply["refused"])) == (1, 2)
    assert "no address of a line" in reply["refused"][1]["reason"]
    told.networks = ClaimNetworks([ip_network("192.0.2.0/24")])
    told.now += 5
    assert run(told, sessions_line("end", [S(("198.51.100.7",))]))["taken"] == 1

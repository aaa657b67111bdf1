"""``filterd session`` beside a control that takes commands, and beside none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from filterd.accounting.sessions import Sessions
from filterd.disk.locks import take_lock
from filterd.operations import asking
from filterd.operations.sessions.protocol import SOCKET
from filterd.serve.sessions.commands import SessionCommands, Terms
from filterd.serve.sessions.follower import subscriber_fingerprint
from tests.unit.cli.conftest import Run
from tests.worlds.radius_packets import plain, signed, start

KEY = bytes(range(16))
ADDRESS = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 7])


@pytest.fixture
def control(installation: Path) -> Iterator[Sessions]:
    """The command socket of a control, on a loop of its own, over its table."""
    state = installation.parent / "state"
    state.mkdir(exist_ok=True)
    table = Sessions(None, KEY, 10_000, 7200, time.time)
    counts = {"known": {"registered": 1, "unregistered": 2}, "most": 9, "refused": 3, "complete": True}
    counts |= {"sources": {"radius": {"registered": 1, "unregistered": 1}, "lease": {"unregistered": 1}}}
    counts |= {"oldest": 75.0, "changes": {"stale": 6}}
    terms = Terms(KEY, time.time, lambda: 7200)
    commands = SessionCommands(state / SOCKET, table, terms, lambda: {**counts, "followers": 4})
    shared = SimpleNamespace(loop=asyncio.new_event_loop(), started=threading.Event(), ended=asyncio.Event())

    async def serve() -> None:
        await commands.start()
        shared.started.set()
        await shared.ended.wait()
        await commands.close()

    thread = threading.Thread(target=shared.loop.run_until_complete, args=(serve(),))
    thread.start()
    assert shared.started.wait(10)
    yield table
    shared.loop.call_soon_threadsafe(shared.ended.set)
    thread.join()
    shared.loop.close()
    table.close()


def register(run: Run, table: Sessions, name: str, line: int) -> None:
    assert run("subscriber", "add", name).exit_code == 0
    table.register(subscriber_fingerprint(KEY, name), line)


def test_a_session_is_put_shown_and_ended(run: Run, control: Sessions) -> None:
    register(run, control, "ana", 1)
    done = run("session", "put", "192.0.2.7", "ana", "--for", "8h")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "192.0.2.7 is ana's until 20" in done.stderr
    assert "tell it again before" in done.stderr
    for words in (("192.0.2.7",), ("--line", "ana")):
        (shown,) = json.loads(run("session", "show", *words, "--json").stdout)
        assert (shown["subscriber"], shown["line"], shown["source"]) == ("ana", 1, "command")
        assert shown["confirmed_seconds_ago"] < 60
    assert "ana" in run("session", "show", "192.0.2.7").stdout
    assert json.loads(run("session", "end", "192.0.2.7", "--json").stdout) == {"ended": "192.0.2.7"}
    nothing = run("session", "show", "192.0.2.7")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "no session of 192.0.2.7 is known" in nothing.stderr
    again = run("session", "end", "192.0.2.7")
    assert again.exit_code == 1
    assert "what to do" in again.stderr


def test_an_address_of_two_lines_is_shown_as_such_with_a_remedy(run: Run, control: Sessions) -> None:
    now = time.time()
    give(control, b"a" * 16, now)
    give(control, b"b" * 16, now)
    done = run("session", "show", "192.0.2.7")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "two lines claimed it" in done.stderr
    assert "NTP" in done.stderr
    (shown,) = json.loads(run("session", "show", "192.0.2.7", "--json").stdout)
    assert (shown["line"], shown["addresses"], shown["ambiguous"]) == (None, ["192.0.2.7"], True)


def give(table: Sessions, subscriber: bytes, at: float, kind: int = 1) -> None:
    """A packet of a NAS about 192.0.2.7."""
    table.give(
        [(ADDRESS, 128, None)],
        subscriber=subscriber,
        session=subscriber,
        nas=b"n" * 16,
        stamp=at,
        arrival=at,
        lasts=600,
        kind=kind,
    )


def test_an_end_holds_until_the_next_packet_and_says_so(run: Run, control: Sessions) -> None:
    now = time.time()
    give(control, b"a" * 16, now - 5)
    done = run("session", "end", "192.0.2.7")
    assert "the next packet of its NAS" in done.stderr
    assert control.find(ADDRESS) is None
    give(control, b"a" * 16, now + 60, kind=3)
    assert control.find(ADDRESS) is not None


def test_who_looks_is_audited_without_the_address(run: Run, control: Sessions) -> None:
    register(run, control, "ana", 1)
    run("session", "put", "192.0.2.7", "ana")
    run("session", "put", "192.0.2.8", "nobody-knows")
    for words in (("192.0.2.7",), ("--line", "ana"), ("192.0.2.8",), ("192.0.2.9",)):
        assert run("session", "show", *words).exit_code == 0
    trail = json.loads(run("audit", "tail", "--json").stdout)
    looked = [each["entry"]["subject"] for each in trail if each["entry"]["action"] == "session.show"]
    assert looked == ["line:1", "line:1", "session", "session"]
    assert "192.0.2" not in json.dumps(trail)


def test_a_line_with_many_sessions_is_shown_in_part_and_it_is_said(run: Run, control: Sessions) -> None:
    register(run, control, "ana", 1)
    known, now = subscriber_fingerprint(KEY, "ana"), time.time()
    for number in range(1100):
        control.put(
            [(bytes(10) + b"\xff\xff" + bytes([10, 0, number >> 8, number & 255]), 128, None)],
            subscriber=known,
            session=struct.pack(">16xI", number)[-16:],
            nas=b"n" * 16,
            source=2,
            stamp=now,
            lasts=600,
            kind=1,
        )
    done = run("session", "show", "--line", "ana")
    assert done.exit_code == 0
    assert "ana has 1100 sessions; only the first 1000 are shown" in done.stderr
    shown = json.loads(run("session", "show", "--line", "ana", "--json").stdout)
    assert (len(shown), {each["in_all"] for each in shown}) == (1000, {1100})


def test_a_session_of_no_time_is_refused_and_one_of_a_second_is_taken(run: Run, control: Sessions) -> None:
    for lasts in ("0s", "0m"):
        none = run("session", "put", "192.0.2.7", "ana", "--for", lasts)
        assert none.exit_code == 2
        assert "filterd session end" in none.stderr
    assert control.counts().live == 0
    assert run("session", "put", "192.0.2.7", "ana", "--for", "1s").exit_code == 0
    assert run("session", "put", "--file", "-", "--for", "0s").exit_code == 2


def test_a_refusal_has_its_own_remedy(run: Run, control: Sessions, tmp_path: Path) -> None:
    year = run("session", "put", "192.0.2.7", "ana", "--for", "400d")
    assert "more than a year" in year.stderr
    assert "within a year" in year.stderr
    assert "session show" not in year.stderr + run("session", "end", "192.0.2.7").stderr
    gone = run("session", "put", "--file", str(tmp_path / "none"))
    assert "CSV" not in gone.stderr
    assert "ADDRESS SUBSCRIBER [UNTIL]" in gone.stderr


@pytest.mark.ring("night")
def test_a_file_for_which_there_is_no_room_has_no_lines_to_mend(
    run: Run, control: Sessions, tmp_path: Path
) -> None:
    file = tmp_path / "told"
    file.write_text("".join(f"10.0.{each >> 8}.{each & 255} S-{each}\n" for each in range(10_002)))
    done = run("session", "put", "--file", str(file))
    assert done.exit_code == 1
    assert "2 sessions were refused" in done.stderr
    assert "nothing is wrong with those lines: make room" in done.stderr
    assert "mend what" not in done.stderr


def test_counts_alone_are_listed(run: Run, control: Sessions) -> None:
    listed = run("session", "list").stdout
    assert "3 of 9 at most" in listed
    assert json.loads(run("session", "list", "--json").stdout)["followers"] == 4


def test_an_unregistered_subscriber_is_taken_with_a_warning(run: Run, control: Sessions) -> None:
    done = run("session", "put", "192.0.2.7", "eva")
    assert done.exit_code == 0
    assert "filterd subscriber add" in done.stderr


def test_many_are_put_and_the_bad_lines_are_told(run: Run, control: Sessions, tmp_path: Path) -> None:
    file = tmp_path / "told"
    good = "".join(f"198.51.100.{host} S-{host}\n" for host in range(200))
    file.write_text(good + "10.0.0.0/8 S-1\nnonsense\n")
    done = run("session", "put", "--file", str(file))
    assert done.exit_code == 1
    assert "200 sessions taken" in done.stderr
    assert f"{file}:201: " in done.stderr
    assert "2 sessions were refused" in done.stderr
    assert control.counts().live == 200


@pytest.mark.parametrize(
    "words",
    [
        ("put",),
        ("put", "192.0.2.7"),
        ("put", "192.0.2.7", "ana", "--for", "8h", "--until", "2027-01-01T00:00:00Z"),
        ("put", "192.0.2.7", "ana", "--for", "8"),
        ("put", "192.0.2.7", "--file", "x"),
        ("show",),
        ("show", "192.0.2.7", "--line", "ana"),
        ("end",),
        ("explain",),
    ],
)
def test_a_wrong_command_line_is_2(run: Run, installation: Path, words: tuple[str, ...]) -> None:
    assert run("session", *words).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("put", "192.0.2.7", "ana"),
        ("end", "192.0.2.7"),
        ("list",),
        ("show", "192.0.2.7"),
    ],
)
def test_without_control_it_says_how_to_start_it(
    run: Run, installation: Path, words: tuple[str, ...]
) -> None:
    done = run("session", *words)
    assert done.exit_code == 1
    assert "no control runs" in done.stderr
    assert "filterd serve --role control" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("put", "10.0.0.0/8", "ana"), "wider"),
        (("put", "192.0.2.7:9-1", "ana"), "no ports"),
        (("put", "192.0.2.7", "ana", "--until", "2020-01-01T00:00:00Z"), "ended already"),
        (("put", "192.0.2.7", "ana", "--at", "2999-01-01T00:00:00Z"), "future"),
        (("put", "192.0.2.7", "ana", "--until", "soon"), "no time"),
        (("show", "192.0.2.0/24"), "many addresses"),
        (("show", "--line", "nobody"), "unknown subscriber"),
        (("put", "--file", "/nowhere"), "/nowhere"),
    ],
)
def test_a_refusal_says_what_to_do(run: Run, control: Sessions, words: tuple[str, ...], said: str) -> None:
    done = run("session", *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert "what to do" in done.stderr


@pytest.mark.parametrize("words", [("put", "100.64.0.0/16", "ana"), ("end", "100.64.0.0/16")])
def test_a_wide_session_has_a_remedy_of_its_own(run: Run, control: Sessions, words: tuple[str, ...]) -> None:
    """Seen: the remedy was --wide, an option of bindings alone."""
    told = " ".join(run("session", *words).stderr.split())
    assert "a session has at most a /20: tell them one by one, or bind it" in told
    assert "add --wide" not in told


def with_sections(installation: Path, **sections: dict[str, object]) -> None:
    """Add to sections of the configuration file."""
    document = json.loads(installation.read_text())
    for name, keys in sections.items():
        document[name] = {**document.get(name, {}), **keys}
    installation.write_text(json.dumps(document))


def test_a_shared_address_is_shown_by_the_inside_one(run: Run, installation: Path, control: Sessions) -> None:
    """Seen: no session of the address and port was known, and check knew the line."""
    rule = {"outside": "198.51.100.0/28", "inside": "100.64.0.0/24", "ports": 1000, "first_port": 1024}
    with_sections(installation, dns={"shared_addresses": [rule]})
    register(run, control, "ana", 1)
    assert run("session", "put", "100.64.0.1", "ana").exit_code == 0
    shown = run("session", "show", "198.51.100.0:2024")
    assert "ana" in shown.stdout
    assert "198.51.100.0:2024 is 100.64.0.1 inside" in shown.stderr
    (found,) = json.loads(run("session", "show", "198.51.100.0:2024", "--json").stdout)
    assert (found["subscriber"], found["addresses"]) == ("ana", ["100.64.0.1/32"])
    nobody = run("session", "show", "198.51.100.0:1024").stderr
    assert "no session of 100.64.0.0 is known" in " ".join(nobody.split())
    for asked, said in (("198.51.100.0", "give its port"), ("198.51.100.0:80", "that port to no line")):
        assert said in " ".join(run("session", "show", asked).stderr.split())
    assert run("session", "put", "198.51.100.0:1000-1023", "ana").exit_code == 0
    told = run("session", "show", "198.51.100.0:1000")
    assert "ana" in told.stdout
    assert "inside" not in told.stderr


def test_an_address_outside_of_the_pools_is_shown_as_such(
    run: Run, installation: Path, control: Sessions
) -> None:
    """Seen: no session was known, and nothing said that none can be."""
    outside = "lies in no network of accounting.pools"
    assert outside not in run("session", "show", "10.5.5.5").stderr
    with_sections(installation, accounting={"pools": ["192.0.2.0/24"]})
    assert f"10.5.5.5 {outside}" in " ".join(run("session", "show", "10.5.5.5").stderr.split())
    assert outside not in run("session", "show", "192.0.2.9").stderr


def with_radius(installation: Path) -> Path:
    """The configuration with one client; returns the file of its secret."""
    secret = installation.parent / "secret"
    secret.write_text("testing123\n")
    document = json.loads(installation.read_text())
    client = {"prefix": "192.0.2.0/24", "secret_file": "secret"}
    document["accounting"] = {"radius": {"clients": [client], "normalize": ["realm"]}}
    installation.write_text(json.dumps(document))
    return secret


def test_a_check_warns_of_secrets_and_does_not_fail(run: Run, installation: Path) -> None:
    """Seen: the configuration was valid, without a word, and every packet was dropped."""
    secret = with_radius(installation)
    assert "secret_file" not in run("config", "check").stderr
    secret.write_text("testing123 \n")
    spaced = run("config", "check", "--settings")
    assert spaced.exit_code == 0
    assert "accounting.radius.clients[0].secret_file" in spaced.stderr
    assert "white space" in spaced.stderr
    assert "testing123" not in spaced.output + spaced.stderr
    secret.unlink()
    absent = run("config", "check")
    assert absent.exit_code == 0
    assert "accounting.radius.clients[0].secret_file" in absent.stderr
    assert "No such file" in " ".join(absent.stderr.split())


def test_a_packet_is_explained_without_control(run: Run, installation: Path, tmp_path: Path) -> None:
    secret = with_radius(installation)
    file = tmp_path / "packet"
    file.write_text(signed(plain(4, start()), b"testing123").hex())
    assert run("subscriber", "add", "ana").exit_code == 0
    done = run("session", "explain", str(file), "--from", "192.0.2.50")
    assert done.exit_code == 0
    assert "100.64.0.9/32: line 1" in done.stdout
    assert json.loads(run("session", "explain", str(file), "--json").stdout)["client"] is None
    stranger = run("session", "explain", str(file), "--from", "198.51.100.1")
    assert stranger.exit_code == 1
    assert "accounting.radius.clients" in stranger.stderr
    secret.write_text("another\ntesting123\n")
    rotated = run("session", "explain", str(file), "--from", "192.0.2.50")
    assert rotated.exit_code == 0
    assert f"the second line of {secret} proves it" in rotated.stderr
    document = json.loads(installation.read_text())
    document["accounting"]["pools"] = ["203.0.113.0/24"]
    installation.write_text(json.dumps(document))
    elsewhere = run("session", "explain", str(file), "--from", "192.0.2.50").stderr
    assert "100.64.0.9/32 claims nothing" in elsewhere
    assert "accounting.pools" in elsewhere
    secret.write_text("another\n")
    wrong = run("session", "explain", str(file), "--from", "192.0.2.50")
    assert wrong.exit_code == 1
    assert "the packet is dropped" in wrong.stdout
    secret.unlink()
    assert "mend the file" in run("session", "explain", str(file), "--from", "192.0.2.50").stderr
    file.write_text("no packet")
    assert "tcpdump" in run("session", "explain", str(file)).stderr


@pytest.mark.parametrize(
    ("stamp", "delay", "shown", "said", "exit_code"),
    [
        (1_790_000_000, 3, "1.5 s behind", "", 0),
        (1_790_003_600, 0, "3595.5 s ahead of", "NTP on the NAS", 0),
        (1_789_996_405, 0, "3599.5 s behind", "NTP on the NAS", 0),
        (1_790_200_000, 0, "199995.5 s ahead of", "counts as sent on arrival", 0),
        (1_789_900_004, 0, "100000.5 s behind", "more than a day", 1),
    ],
)
def test_the_clock_of_a_nas_is_explained_from_a_capture(
    run: Run,
    installation: Path,
    tmp_path: Path,
    stamp: int,
    delay: int,
    shown: str,
    said: str,
    exit_code: int,
) -> None:
    """What the stamp, the delay and the arrival tell together."""
    with_radius(installation)
    assert run("subscriber", "add", "ana").exit_code == 0
    attributes = [*start(), (55, stamp.to_bytes(4)), (41, delay.to_bytes(4))]
    packet = signed(plain(4, attributes), b"testing123")
    frame = bytes([0x45, 0]) + struct.pack(">HHHBBH", 28 + len(packet), 0, 0, 64, 17, 0)
    frame += bytes([192, 0, 2, 50, 192, 0, 2, 1]) + struct.pack(">HHHH", 5000, 1813, 0, 0) + packet
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    file = tmp_path / "packet.pcap"
    file.write_bytes(head + struct.pack("<IIII", 1_790_000_004, 500_000, len(frame), len(frame)) + frame)
    done = run("session", "explain", str(file))
    assert done.exit_code == exit_code, done.stderr
    assert f"{shown} that of the capture" in done.stdout
    assert "2026-09-2" in done.stdout
    assert ("clock of the NAS" in done.stderr or "the time in it" in done.stderr) == bool(said)
    assert said in done.stderr


def test_without_radius_in_the_configuration_explain_says_so(
    run: Run, installation: Path, tmp_path: Path
) -> None:
    file = tmp_path / "packet"
    file.write_bytes(signed(plain(4, start()), b"testing123"))
    done = run("session", "explain", str(file))
    assert done.exit_code == 1
    assert "add accounting.radius" in done.stderr


EVERY_COMMAND = [
    ("put", "192.0.2.7", "ana"),
    ("end", "192.0.2.7"),
    ("show", "192.0.2.7"),
    ("list",),
]


@pytest.fixture
def replying(installation: Path) -> Iterator[Callable[[bytes | None], None]]:
    """A control that gives this reply to each command, whatever it says; None: it gives none."""
    state = installation.parent / "state"
    state.mkdir(exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(state / SOCKET))
    listener.listen(8)
    reply: list[bytes | None] = [b""]
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                if client.recv(65_536) and reply[0] is None:
                    ended.wait(10)
                client.sendall(reply[0] or b"")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield lambda wanted: reply.__setitem__(0, wanted)
    ended.set()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
        last.connect(str(state / SOCKET))
    thread.join(10)
    listener.close()


@pytest.mark.parametrize("words", EVERY_COMMAND)
@pytest.mark.parametrize(
    ("reply", "said", "remedy"),
    [
        (b"", "broke off before it replied", "try again"),
        (b"no json\n", "does not understand", "restart filterd-control"),
        (b'{"taken": 1}\n', "", ""),
        (b'{"error": "unknown command"}\n', "unknown command", "run the version of filterd that"),
        (None, "does not reply within", "journalctl -u filterd-control"),
    ],
)
def test_trouble_of_control_is_one_line_and_what_to_do(
    run: Run,
    replying: Callable[[bytes | None], None],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    reply: bytes | None,
    said: str,
    remedy: str,
) -> None:
    """Seen: a control that broke off, or of another version, was told as one that does not run."""
    monkeypatch.setattr(asking, "REPLY_SECONDS", 5.0 if reply is not None else 0.2)
    replying(reply)
    done = run("session", *words)
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    assert "no control runs" not in done.stderr
    told = [each for each in done.stderr.splitlines() if each.strip()]
    assert len(told) == 2
    assert said in told[0]
    assert remedy in told[1]


def test_a_control_that_is_loading_is_not_told_as_one_that_does_not_run(run: Run, installation: Path) -> None:
    state = installation.parent / "state"
    state.mkdir(exist_ok=True)
    with take_lock(state / "control.lock", 1.0):
        done = run("session", "list")
    assert (done.exit_code, "does not take commands" in done.stderr) == (1, True)
    assert "try again in some seconds" in done.stderr
    assert "no control runs" in run("session", "list").stderr

"""The bench's two C programs do as they say: a false zero among the unfiltered would be worst of all."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import pytest
from bench.figures import Load, parse_senders, parse_times
from bench.machine import ask, free_port
from bench.packets import FRESH, FRESH_LABEL, MUST_BLOCK, query, write_entries

from tests.worlds.system import command

pytestmark = pytest.mark.skipif(command("gcc") is None, reason="needs gcc")
SOURCES = Path(__file__).parents[3] / "benchmarks"
CENSORED = dns.edns.EDEOption(dns.edns.EDECode.CENSORED)
FILTERED = dns.edns.EDEOption(dns.edns.EDECode.FILTERED)
Reply = Callable[[dns.message.Message], dns.message.Message | None]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both, compiled; a warning is an error."""
    folder = tmp_path_factory.mktemp("programs")
    words = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-pthread"]
    for name in ("responder", "senders"):
        subprocess.run([*words, "-o", folder / name, SOURCES / f"{name}.c"], check=True)
    return folder


@contextmanager
def responding(programs: Path) -> Iterator[int]:
    """The bare responder; its port."""
    port = free_port()
    process = subprocess.Popen([programs / "responder", "127.0.0.1", str(port), programs / "counts"])
    try:
        while ask(port, query("ready.example"), 0.2) is None:
            assert process.poll() is None
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def scripted(reply: Reply) -> Iterator[int]:
    """A server that answers by ``reply``; None: silence."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        while (received := server.recvfrom(4096))[0]:
            answer = reply(dns.message.from_wire(received[0]))
            if answer is not None:
                server.sendto(answer.to_wire(), received[1])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", server.getsockname())
        thread.join()
        server.close()


def denied(
    asked: dns.message.Message, *options: dns.edns.Option, rcode: int = dns.rcode.NXDOMAIN
) -> dns.message.Message:
    """An answer as a filter gives it, with an SOA before the OPT record."""
    answer = dns.message.make_response(asked)
    answer.set_rcode(dns.rcode.Rcode(rcode))
    soa = "ns.example. host.example. 1 3600 600 86400 60"
    answer.authority.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "SOA", soa))
    answer.use_edns(0, options=list(options))
    return answer


def send(programs: Path, port: int, entries: Path, *, rate: int = 50, sources: int = 3) -> tuple[Load, bytes]:
    """A second of senders: what they saw, and their times."""
    times = programs / "times"
    numbers = ("1", str(rate), "4", str(sources))
    words = [
        str(programs / "senders"),
        "127.0.0.1",
        str(port),
        str(entries),
        *numbers,
        "127.3.0.1",
        str(times),
    ]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, timeout=30)
    return parse_senders(done.stdout.decode()), times.read_bytes()


def test_the_responder_answers(programs: Path) -> None:
    with responding(programs) as port:
        answer = dns.query.udp(
            dns.message.make_query("name.example", "A", use_edns=0), "127.0.0.1", port=port
        )
        assert [each.to_text() for each in answer.answer] == ["name.example. 3600 IN A 192.0.2.1"]
        assert answer.edns == 0
        plain = dns.query.udp(dns.message.make_query("name.example", "AAAA"), "127.0.0.1", port=port)
        assert (plain.answer, plain.edns, plain.rcode()) == ([], -1, dns.rcode.NOERROR)
        cut = dns.message.make_query("tc-1.example", "A")
        assert dns.query.udp(cut, "127.0.0.1", port=port).flags & dns.flags.TC
        assert len(dns.query.tcp(cut, "127.0.0.1", port=port).answer) == 1


@pytest.mark.parametrize(
    ("reply", "all_unfiltered"),
    [
        (lambda asked: denied(asked, CENSORED), False),
        (lambda asked: denied(asked, dns.edns.GenericOption("NSID", b"abc"), CENSORED), False),
        (lambda asked: denied(asked, FILTERED), True),
        (lambda asked: denied(asked), True),
        (lambda asked: denied(asked, CENSORED, rcode=dns.rcode.NOERROR), True),
        (dns.message.make_response, True),
    ],
)
def test_what_must_be_blocked_is_judged(
    programs: Path, tmp_path: Path, reply: Reply, all_unfiltered: bool
) -> None:
    entries = write_entries(tmp_path / "entries", [(query("ordered-by-an-authority.example"), MUST_BLOCK)])
    with scripted(reply) as port:
        load, _ = send(programs, port, entries)
    assert load.answered
    assert load.unfiltered == (load.answered if all_unfiltered else 0)


def test_silence_is_loss(programs: Path, tmp_path: Path) -> None:
    entries = write_entries(tmp_path / "entries", [(query("nobody-answers-this.example"), MUST_BLOCK)])
    with scripted(lambda _: None) as port:
        load, times = send(programs, port, entries)
    assert load.sent == 50
    assert (load.answered, load.unfiltered) == (0, 0)
    assert parse_times(times) == [(number / 50, None) for number in range(50)]


def test_names_are_fresh_and_clients_take_turns(programs: Path, tmp_path: Path) -> None:
    fresh = query((FRESH_LABEL % "tc-") + ".example")
    entries = write_entries(
        tmp_path / "entries", [(fresh, FRESH), (query("always-the-same-name.example"), 0)]
    )
    seen: list[str] = []

    def reply(asked: dns.message.Message) -> dns.message.Message:
        seen.append(asked.question[0].name.to_text())
        return dns.message.make_response(asked)

    with scripted(reply) as port:
        send(programs, port, entries)
    cold = [name for name in seen if name.startswith("tc-")]
    assert len(cold) == len(set(cold)) == 25
    assert seen.count("always-the-same-name.example.") == 25


@pytest.mark.ring("night")
def test_closed_loop(programs: Path, tmp_path: Path) -> None:
    entries = write_entries(tmp_path / "entries", [(query("as-fast-as-it-goes.example"), 0)])
    with responding(programs) as port:
        load, times = send(programs, port, entries, rate=0)
    assert load.answered
    assert len(times) == 8 * load.sent


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"\0\40\0short", b"\0\15\2" + bytes(13)],
    ids=["none", "cut", "short", "not fresh"],
)
def test_broken_entries_are_refused(programs: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "entries").write_bytes(content)
    with pytest.raises(subprocess.CalledProcessError):
        send(programs, 9, tmp_path / "entries")

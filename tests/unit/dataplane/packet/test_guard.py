"""What is under work is noted and nothing else; reduced mode takes plain queries, under the same policy."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.packet.plane import Pending, Plane
from tests.fuzz.packets import SEED, corpus, mutate, parses
from tests.fuzz.seeds import query
from tests.fuzz.world import CLIENTS, Served
from tests.worlds.policy import KEY, NOW

ROOT = Path(__file__).parents[4]
CHILD = CLIENTS[1]
MUTATED = 3000

# A fault for real: the snapshot that the packet's name is looked up in is taken away from under the matcher.
DIES = """
import ctypes, sys
from filterd.dataplane.packet.crashboard import CrashBoard
def sealed():
    return {line for line in open("/proc/self/maps") if " r--p 00000000 00:00 0 " in line}
before = sealed()
from tests.fuzz.world import CLIENTS, Served
from tests.worlds.policy import NOW
packets = Served().packets
for line in sealed() - before:
    start, end = (int(each, 16) for each in line.split()[0].split("-"))
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 0)
packets.use_board(CrashBoard(int(sys.argv[1])))
packets.receive(sys.stdin.buffer.read(), CLIENTS[0], False, NOW, 1000)
"""


@pytest.fixture
def board() -> CrashBoard:
    return CrashBoard.make(KEY)


@pytest.fixture
def guarded(board: CrashBoard) -> Plane:
    packets = Served().packets
    packets.use_board(board)
    return packets


def ask(packets: Plane, packet: bytes, client: bytes = CLIENTS[0]) -> bytes | Pending | None:
    return packets.receive(packet, client, False, NOW, 1000)


def rcode(answer: bytes | Pending | None) -> int:
    assert isinstance(answer, bytes)
    return answer[3] & 15


def test_the_packet_that_a_fault_was_met_at_is_known_by_its_mark(board: CrashBoard) -> None:
    packet = query("visited.example.").to_wire()
    done = subprocess.run(
        [sys.executable, "-c", DIES, str(board.descriptor)],
        input=packet,
        pass_fds=[board.descriptor],
        cwd=ROOT,
        # A sanitizer would report the fault and exit in its place.
        env={**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGSEGV, done.stderr
    assert [mark for _, mark in board.under_work()] == [board.mark(packet)]
    content = os.pread(board.descriptor, 8192, 0)
    assert not re.search(rb"visited|example", content)


def test_afterwards_nothing_is_noted(guarded: Plane, board: CrashBoard) -> None:
    result = ask(guarded, query("www.example.").to_wire())
    assert isinstance(result, Pending)
    assert board.under_work() == []
    guarded.finish(result, None, False, (), NOW, 1000)
    guarded.keep(result, None, False, (), 1000)
    guarded.answer_stale(result, NOW, 1000)
    assert board.under_work() == []


def test_what_killed_before_is_dropped_in_reduced_mode_alone(guarded: Plane, board: CrashBoard) -> None:
    killer = query("localhost.").to_wire()
    board.blame([board.mark(killer)])
    assert rcode(ask(guarded, killer)) == dns.rcode.NOERROR
    board.reduced = True
    assert ask(guarded, killer) is None
    assert ask(guarded, b"\xab\xcd" + killer[2:]) is None
    assert rcode(ask(guarded, query("a.localhost.").to_wire())) == dns.rcode.NOERROR
    assert guarded.counts()["drops"]["crashed_before"] == 2
    board.reduced = False
    assert rcode(ask(guarded, killer)) == dns.rcode.NOERROR


def test_a_question_whose_answer_killed_is_dropped_however_it_is_asked(
    guarded: Plane, board: CrashBoard
) -> None:
    packet = query("LocalHost.").to_wire()
    board.blame([board.question_mark(query("localhost.").to_wire()[12:])])
    board.reduced = True
    assert ask(guarded, packet) is None
    assert ask(guarded, query("localhost.", use_edns=0, payload=999).to_wire()) is None


def test_reduced_mode_refuses_what_is_not_plain_and_keeps_the_policy(
    guarded: Plane, board: CrashBoard
) -> None:
    board.reduced = True
    assert rcode(ask(guarded, query("www.banned.example.").to_wire())) == dns.rcode.NXDOMAIN
    assert rcode(ask(guarded, query("adult.example.").to_wire(), CHILD)) == dns.rcode.NXDOMAIN
    assert isinstance(ask(guarded, query("adult.example.").to_wire(), CLIENTS[2]), Pending)
    odd = query("www.example.", "TYPE65280").to_wire()
    assert rcode(ask(guarded, odd)) == dns.rcode.REFUSED
    assert ask(guarded, b"short") is None
    assert ask(guarded, odd[:2] + b"\x81" + odd[3:]) is None
    counts = guarded.counts()
    assert counts["reduced"] == 1
    assert sum(counts["queries"].values()) == 4
    assert (counts["drops"]["short"], counts["drops"]["not_a_query"]) == (1, 1)


def test_in_reduced_mode_hostile_packets_get_a_sound_answer_or_silence(
    guarded: Plane, board: CrashBoard
) -> None:
    board.reduced = True
    rng = random.Random(SEED)
    seeds = list(corpus().values())
    for packet in [*seeds, *(mutate(rng, rng.choice(seeds)) for _ in range(MUTATED))]:
        result = ask(guarded, packet)
        if len(packet) < 12 or packet[2] & 0x80:
            assert result is None
            continue
        if isinstance(result, Pending):
            result = guarded.finish(result, None, False, (), NOW, 1000)
        assert isinstance(result, bytes)
        assert result[:2] == packet[:2]
        parses(result)
    assert board.under_work() == []


def test_an_answer_in_reduced_mode_has_edns_and_the_reason(guarded: Plane, board: CrashBoard) -> None:
    board.reduced = True
    answer = ask(guarded, query("banned.example.", use_edns=0, want_dnssec=True).to_wire())
    assert isinstance(answer, bytes)
    message = dns.message.from_wire(answer)
    assert [int(option.otype) for option in message.options] == [15]
    assert message.ednsflags & 0x8000

"""How the campaign judges: when an answer must not have been, and when two parts contradict each other."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.chaos import rollback, table
from tests.chaos.asker import Seen, answer_of
from tests.chaos.campaign import CASES, drawn
from tests.chaos.case import Outcome
from tests.chaos.disk_faults import NODE, DiskFaults, compile_library
from tests.chaos.history import PARTS
from tests.chaos.said import Said, Spans, disagreements
from tests.chaos.truth import NEVER, Answer, Kind, Name, Truth
from tests.e2e.day import RIGHT

ORDERED = Name("o1.example", Kind.MANDATORY, "127.0.0.4", blocked_from=10.0, reference="O-1", revision=5)
OPEN = Name("harmless.example", Kind.CONTROL, "127.0.0.4")
WELL = Said(
    at=20.0,
    node_ready=True,
    applied=5,
    head=5,
    checks={ORDERED: "block mandatory"},
    ready=200,
    control=200,
    lag=0.0,
    dns={ORDERED: Seen(Answer.BLOCKED, 19.9), OPEN: Seen(Answer.UNFILTERED, 19.9)},
)


def _served(said: Said) -> Said:
    return replace(said, dns={**said.dns, ORDERED: Seen(Answer.UNFILTERED, 19.9)})


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (WELL, set()),
        (
            _served(WELL),
            {
                "node list: ready and applied, DNS: unfiltered",
                "check: blocked, DNS: unfiltered",
                "/readyz: ready, DNS: unfiltered",
                "lag: 0, DNS: unfiltered",
            },
        ),
        (_served(replace(WELL, node_ready=False, ready=503, lag=9.0, checks={})), set()),
        (replace(WELL, checks={ORDERED: "pass none"}), {"check: pass, DNS: blocked"}),
        (replace(WELL, node_ready=False), {"node list and /readyz"}),
        (replace(WELL, applied=4), {"node list: behind, lag: 0"}),
        (replace(WELL, applied=4, lag=3.0), set()),
        (replace(WELL, dns={OPEN: Seen(Answer.FAILED, 19.9)}), {"/readyz: ready, DNS: no answers"}),
        (replace(WELL, dns={OPEN: Seen(Answer.FAILED, 11.0)}), set()),
    ],
)
def test_contradictions(said: Said, found: set[str]) -> None:
    assert set(disagreements(said)) == found


def test_a_contradiction_lasts_until_a_sample_without_it() -> None:
    spans = Spans()
    for at, ready in ((1.0, True), (2.0, False), (3.5, False), (4.0, True), (5.0, False)):
        spans.take(replace(WELL, at=at, node_ready=ready))
    worst = spans.worst()
    assert worst is not None
    assert (worst[0], worst[1].seconds) == ("node list and /readyz", 1.5)
    assert "/readyz: 200" in worst[1].words


@pytest.mark.parametrize(
    ("blocked_from", "free_from", "sent", "received", "bad"),
    [
        (10.0, 0.0, 9.9, 10.5, False),
        (10.0, 0.0, 10.1, 10.5, True),
        (10.0, 12.0, 11.0, 11.5, True),
        (10.0, 12.0, 11.9, 12.1, False),
        (NEVER, 0.0, 99.0, 99.1, False),
    ],
)
def test_when_an_unfiltered_answer_must_not_have_been(
    blocked_from: float, free_from: float, sent: float, received: float, bad: bool
) -> None:
    truth = Truth()
    name = Name("o1.example", Kind.MANDATORY, "127.0.0.4", blocked_from, free_from)
    truth.judge(name, Answer.UNFILTERED, sent, received)
    assert bool(truth.unfiltered) is bad
    truth.judge(name, Answer.FAILED, sent, received)
    assert len(truth.unfiltered) == int(bad)


@pytest.mark.parametrize(
    ("kind", "open_from", "sent", "bad"),
    [
        (Kind.CHOICE, 10.0, 9.9, False),
        (Kind.CHOICE, 10.0, 10.1, True),
        (Kind.MANDATORY, NEVER, 99.0, False),
        (Kind.CONTROL, NEVER, 0.0, True),
    ],
)
def test_when_a_block_must_not_have_been(kind: Kind, open_from: float, sent: float, bad: bool) -> None:
    truth = Truth()
    name = Name("o1.example", kind, "127.0.0.4", open_from=open_from)
    truth.judge(name, Answer.BLOCKED, sent, sent + 0.1)
    assert bool(truth.without_right) is bad
    truth.judge(name, Answer.FAILED, sent, sent + 0.1)
    assert len(truth.without_right) == int(bad)


def test_each_subset_of_the_parts_is_a_case() -> None:
    assert len({case.parts for case in rollback.CASES if case.origin == "earlier"}) == 2 ** len(PARTS) - 1
    assert {case.parts for case in rollback.CASES if case.origin == "other"} == {
        frozenset({part}) for part in PARTS
    }


@pytest.mark.parametrize(
    ("known_to", "back", "held"),
    [
        ((), PARTS, True),
        (("store", "node"), ("store",), True),
        (("store", "node"), ("node", "keys"), True),
        (("store", "node"), ("store", "node", "keys"), False),
        (("store", "node", "ledger"), ("store", "node"), False),
    ],
)
def test_a_change_holds_while_a_part_that_did_not_go_back_knows_it(
    known_to: Sequence[str], back: Sequence[str], held: bool
) -> None:
    fact = rollback.Fact(ORDERED, blocked=True, known_to=frozenset(known_to))
    assert fact.is_held(frozenset(back)) is held
    assert fact.needs_restore(frozenset(back)) is (not held and "ledger" in known_to)
    assert not replace(fact, by_session=True).is_held(frozenset({"sessions"}))


def test_the_line_of_figures_is_what_the_night_looks_for() -> None:
    figures = table.sums([Outcome("restore", 0, questions=1200, unfiltered=3, lost=1, worst=1.25)] * 2)
    assert figures == (
        "2,400 questions, 6 unfiltered, 0 blocked without right, 2 lost without being said,"
        " longest contradiction 1.2 s"
    )


def test_a_block_is_the_reason_and_the_verdict() -> None:
    query = dns.message.make_query("o1.example", "A", use_edns=0)
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.NXDOMAIN)
    assert answer_of(reply) is Answer.FAILED, "without a reason it is no block"
    reply.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.CENSORED)])
    assert answer_of(reply) is Answer.BLOCKED
    reply.answer.append(dns.rrset.from_text("o1.example.", 60, "IN", "A", RIGHT))
    assert answer_of(reply) is Answer.UNFILTERED


def test_a_seed_fixes_the_cases_and_each_comes_once() -> None:
    names = list(CASES)
    assert drawn(names, 200, 7) == drawn(names, 200, 7) != drawn(names, 200, 8)
    assert set(drawn(names, len(names), 3)) == set(names)
    assert len(drawn(names, 5, 3)) == 5


def test_every_case_says_what_is_expected() -> None:
    assert [name for name, case in CASES.items() if not (case.__doc__ or "").strip()] == []


def test_the_report_names_what_was_bad(tmp_path: Path) -> None:
    good = Outcome("kill-resolver", 0, seconds=1.0, longest=0.4, longest_what="node list and /readyz (a; b)")
    bad = Outcome("restore", 1, unfiltered=3, lost=1, failures=["o1.example was unfiltered"], seconds=2.0)
    table.write_report(tmp_path / "report.md", [good, bad], 7)
    text = (tmp_path / "report.md").read_text()
    assert "| restore | 1 | 1 | 0 | 3 | 0 | 1 | 0.0 s | 2.0 |" in text
    assert "| all | 2 | 1 | 0 | 3 | 0 | 1 | 0.0 s | 1.5 |" in text
    assert "| 1 | restore | o1.example was unfiltered |" in text
    assert "| kill-resolver | 0.4 s | node list and /readyz (a; b) |" in text
    assert table.plain([good, bad]).splitlines()[0].startswith("case")


WRITES = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for _ in range(2):
    try:
        print(os.write(file, b"12345678"))
        os.fdatasync(file)
    except OSError as error:
        print(error.errno)
"""


@pytest.mark.system("gcc")
def test_faults_of_a_disk_are_met_below_their_path_alone(tmp_path: Path) -> None:
    faults = DiskFaults(compile_library(tmp_path), tmp_path / "control", (tmp_path / "a", tmp_path / "b"))

    def said(name: str) -> list[str]:
        words = [sys.executable, "-c", WRITES, str(tmp_path / name)]
        environment = {**os.environ, **faults.environment}
        return subprocess.run(
            words, env=environment, check=True, capture_output=True, text=True
        ).stdout.split()

    for name in "ab":
        (tmp_path / name).touch()
    assert said("a") == ["8", "8"]
    faults.full(NODE, partly=3)
    assert said("a") == ["3", str(errno.ENOSPC)]
    assert said("b") == ["8", "8"]
    faults.mend()
    faults.set(NODE, syncs=errno.EIO)
    assert said("a") == ["8", str(errno.EIO), "8", str(errno.EIO)]
    assert faults.met(NODE) == 4
    faults.close()


@pytest.mark.system("gcc")
def test_the_clock_of_a_process_is_wrong_while_it_runs(tmp_path: Path) -> None:
    faults = DiskFaults(compile_library(tmp_path), tmp_path / "control", (tmp_path / "a", tmp_path / "b"))
    faults.step_clock(-86400)
    words = [sys.executable, "-c", "import time; print(time.time()); print(time.monotonic())"]
    environment = {**os.environ, **faults.environment}
    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    wall, monotonic = map(float, done.stdout.split())
    assert 0 <= time.time() - 86400 - wall < 3600
    assert monotonic <= time.monotonic()
    faults.close()

"""What clients see when the upstream is broken: the right answer or a failure that says so, never a forgery.

Every way of being broken is asked about twice: of a resolver that has this upstream alone, and of one that
has a sound one beside it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from filterd.policy.classes import FIXED, Classes
from tests.e2e.broken import DATAGRAMS, GOOD, POISON, VICTIM, Server, broken, good
from tests.e2e.resolver_process import ResolverProcess, resolver_of, resolver_settings, upstream
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot

SOUND = "192.0.2.9"
CACHED_ERROR, NO_ANSWER, NETWORK_ERROR = 13, 22, 23
SECONDS = 8.0
PATIENCE = 100.0
"""seconds that a busy machine has for what an upstream is to answer"""

FAILS = {
    "stalls",
    "truncates-always",
    "truncates-and-resets",
    "truncates-and-stalls",
    "truncates-and-breaks-off",
    "truncates-and-lies",
    "lies-about-ids-only",
    "from-elsewhere-only",
    "garbage",
    "garbage-behind",
    "data-cut",
    "pointer-to-itself",
    "counts",
    "cut-short",
    "refuses",
    "notimp",
    "notauth",
    "yxdomain-with-records",
    "nxdomain-with-records",
    "refers",
}
"""nothing that it says can be passed on: SERVFAIL, or the other upstream's answer"""
ALIASES = {"alias-of-itself", "alias-loop", "alias-chain", "alias-to-nothing"}
"""aliases that never end or lead nowhere: no address, and an extended error that says so"""
BY_THEMSELVES = {"truncates-and-resets", "truncates-and-breaks-off"}
"""ways that end a connection with all that is on its way over it"""
OTHERS = {"many", "empty", "too-long", *ALIASES}
ANSWERS = DATAGRAMS.keys() - FAILS - OTHERS
"""the right answer comes, sooner or later"""


@dataclass(frozen=True)
class Weather:
    """What a resolver answered to every way of being broken, and the server."""

    resolver: ResolverProcess
    server: Server
    replies: dict[str, dns.message.Message | None]

    def metric(self, outcome: str) -> float:
        """Exchanges with the broken server that ended so."""
        sample = (
            f'filterd_upstream_queries_total{{outcome="{outcome}",upstream="127.0.0.1:{self.server.port}"}}'
        )
        other = (
            f'filterd_upstream_queries_total{{upstream="127.0.0.1:{self.server.port}",outcome="{outcome}"}}'
        )
        lines = self.resolver.get("/metrics")[1].splitlines()
        found = [line for line in lines if line.startswith((sample, other))]
        return float(found[0].rsplit(" ", 1)[1]) if found else 0.0


def ask(resolver: ResolverProcess, name: str) -> dns.message.Message | None:
    """The answer over UDP, over TCP where it is truncated; None: silence."""
    query = dns.message.make_query(name, "A", use_edns=0)
    with contextlib.suppress(dns.exception.Timeout):
        reply, _ = dns.query.udp_with_fallback(query, "127.0.0.1", timeout=SECONDS, port=resolver.port)
        return reply
    return None


def is_late(reply: dns.message.Message | None) -> bool:
    """True if no upstream answered in time."""
    return reply is None or bool(errors(reply) & {CACHED_ERROR, NO_ANSWER})


def ask_again(resolver: ResolverProcess, replies: dict[str, dns.message.Message | None], sound: bool) -> None:
    """Ask once more, one by one, what an upstream is to answer and did not in time.

    The servers share a process with all who ask: on a busy machine they may be later than the resolver waits.
    ``sound``: with one upstream that answers everything.
    """
    deadline = time.monotonic() + PATIENCE
    for way in [way for way, reply in replies.items() if is_late(reply) and (sound or way not in FAILS)]:
        while is_late(replies[way]) and time.monotonic() < deadline:
            time.sleep(1)  # a failure is kept for five seconds (RFC 9520)
            replies[way] = ask(resolver, f"{way}.example")


@contextlib.contextmanager
def weather(folder: Path, *others: int) -> Iterator[Weather]:
    """A resolver above the broken server and these; everything has been asked when it is there."""
    folder.mkdir()
    store = ScriptedStore(make_store(folder / "filterd.db"))
    with broken() as server:
        settings = resolver_settings(
            folder, 0, upstreams=[f"127.0.0.1:{port}" for port in (server.port, *others)]
        )
        resolver = resolver_of(settings, folder / "log")
        (folder / "state" / "keys").mkdir()
        (folder / "state" / "keys" / "fingerprint.key").write_bytes(KEY)
        put_snapshot(folder / "state", 0, Classes(FIXED), {}, [])
        resolver.start()
        try:
            resolver.wait_for(lambda: resolver.get("/readyz")[0] == 200)
            replies = {way: ask(resolver, f"{way}.example") for way in BY_THEMSELVES}
            rest = DATAGRAMS.keys() - BY_THEMSELVES
            with ThreadPoolExecutor(len(rest)) as pool:
                asked = pool.map(lambda way: ask(resolver, f"{way}.example"), rest)
                replies |= zip(rest, asked, strict=True)
            ask_again(resolver, replies, sound=bool(others))
            yield Weather(resolver, server, replies)
        finally:
            resolver.stop()
            store.close()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weather]:
    """Above the broken server alone."""
    with weather(tmp_path_factory.mktemp("broken") / "alone") as made:
        yield made


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weather]:
    """With a sound server behind the broken one."""
    with (
        upstream(lambda query: good(query, SOUND)) as (port, _),
        weather(tmp_path_factory.mktemp("broken") / "beside", port) as made,
    ):
        yield made


def addresses(reply: dns.message.Message | None) -> set[str]:
    """The addresses in the answer."""
    assert reply is not None, "silence"
    return {rdata.to_text() for rrset in reply.answer if rrset.rdtype == 1 for rdata in rrset}


def errors(reply: dns.message.Message) -> set[int]:
    """The extended errors."""
    return {int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)}


@pytest.mark.parametrize("way", sorted(ANSWERS))
def test_the_right_answer_comes_through(way: str, alone: Weather, beside: Weather) -> None:
    assert addresses(alone.replies[way]) == {GOOD}
    assert addresses(beside.replies[way]) in ({GOOD}, {SOUND})


@pytest.mark.parametrize("way", sorted(FAILS))
def test_what_cannot_be_believed_is_a_failure_that_says_so(way: str, alone: Weather, beside: Weather) -> None:
    reply = alone.replies[way]
    assert reply is not None, "silence"
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert not reply.answer
    assert errors(reply) & {NO_ANSWER, NETWORK_ERROR}
    assert addresses(beside.replies[way]) == {SOUND}


@pytest.mark.parametrize("way", sorted(ALIASES))
def test_aliases_without_an_end_end(way: str, alone: Weather) -> None:
    reply = alone.replies[way]
    assert addresses(reply) == set()
    assert reply is not None
    assert (reply.rcode(), reply.authority) == (dns.rcode.NOERROR, [])
    assert (0, "the upstream's answer ends at an alias") in [
        (int(option.code), option.text) for option in reply.options if isinstance(option, dns.edns.EDEOption)
    ]
    assert {rrset.ttl for rrset in reply.answer} == {30}


def test_a_name_that_a_dname_makes_too_long_is_told(alone: Weather) -> None:
    reply = alone.replies["too-long"]
    assert reply is not None
    assert reply.rcode() == dns.rcode.YXDOMAIN
    assert [rrset.rdtype for rrset in reply.answer] == [39]


@pytest.mark.parametrize("way", ["refers", "yxdomain-with-records", "nxdomain-with-records"])
def test_what_is_no_answer_is_kept_as_a_failure_alone(way: str, alone: Weather) -> None:
    reply = ask(alone.resolver, f"{way}.example")
    assert reply is not None
    assert (reply.rcode(), reply.answer, reply.authority) == (dns.rcode.SERVFAIL, [], [])


def test_only_what_was_asked_for_is_passed_on(alone: Weather) -> None:
    for name in ("beside.example", "beside.example"):
        reply = ask(alone.resolver, name)
        assert addresses(reply) == {GOOD}
        assert reply is not None
        assert (reply.authority, reply.additional) == ([], [])


def test_an_answer_that_takes_too_much_effort_is_refused_and_says_so(alone: Weather) -> None:
    """4,000 addresses: each of them would have to be judged."""
    reply = alone.replies["many"]
    assert reply is not None
    assert (reply.rcode(), reply.answer) == (dns.rcode.SERVFAIL, [])
    assert [int(each.code) for each in reply.options if isinstance(each, dns.edns.EDEOption)] == [0]


def test_an_answer_of_nothing_is_no_data(alone: Weather) -> None:
    reply = alone.replies["empty"]
    assert reply is not None
    assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])


def test_what_is_not_the_questions_business_reaches_nobody(alone: Weather) -> None:
    reply = alone.replies["poison"]
    assert reply is not None
    assert POISON not in reply.to_text()
    assert "test-bed" not in reply.to_text()
    assert addresses(ask(alone.resolver, VICTIM)) == {GOOD}


def test_no_forgery_is_believed_or_kept(alone: Weather, beside: Weather) -> None:
    for resolver in (alone, beside):
        for way, reply in resolver.replies.items():
            assert reply is None or POISON not in reply.to_text(), way
            if way in ANSWERS:
                assert POISON not in addresses(ask(resolver.resolver, f"{way}.example")), way


@pytest.mark.parametrize(
    "outcome", ["wrong_id", "wrong_source", "wrong_question", "doubted", "malformed", "timeout"]
)
def test_what_was_ignored_is_counted(outcome: str, alone: Weather) -> None:
    assert alone.metric(outcome) > 0


def test_the_resolver_still_serves(alone: Weather, beside: Weather) -> None:
    for made in (alone, beside):
        assert addresses(ask(made.resolver, "afterwards.example")) <= {GOOD, SOUND}
        assert made.resolver.process.poll() is None
        assert "Traceback" not in made.resolver.log.read_text()


def test_the_log_tells_of_no_name(alone: Weather) -> None:
    text = alone.resolver.log.read_text()
    assert [way for way in DATAGRAMS if f"{way}.example" in text] == []

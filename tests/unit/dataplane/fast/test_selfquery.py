"""The query that the resolver asks itself: an ordinary one to all others, and nobody else can make one."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.selfquery import WHO_TCP, SelfQueries
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from tests.unit.dataplane.conftest import Rules
from tests.worlds.policy import KEY, NOW

SECRET = bytes(range(16))
MINE = bytes(10) + b"\xff\xff\x7f\0\0\1"
THREAD = 3


@pytest.fixture
def queries() -> SelfQueries:
    return SelfQueries(SECRET)


def thread(proxies: Prefixes | None = None, *, knows: bool = True) -> tuple[FastThread, Plane]:
    """One that nobody may ask, with nothing published; ``knows``: it has the key."""
    packets = Plane(Prefixes(KEY, []), ResponseCache(1 << 20, KEY), Rules(), None, proxies)
    packets.publish(None, Lines(KEY), BindingTables(Addresses(KEY)), True)
    made = FastThread(packets, Routes(1), THREAD, -1, KEY)
    if knows:
        made.know_itself(SECRET)
    return made, packets


def drive(made: FastThread, *packets: bytes) -> list[bytes | None]:
    return Driver(made).drive([(packet, MINE) for packet in packets], NOW, 1_000_000)


def test_to_others_it_is_a_query_for_a_name_that_cannot_be(queries: SelfQueries) -> None:
    query = dns.message.from_wire(queries.query(5))
    assert query.question[0].name.to_text() == "self-check.filterd.invalid."
    assert query.question[0].rdtype == dns.rdatatype.TXT
    answer = queries.answer(queries.query(6))
    assert answer is not None
    assert len(answer) == len(queries.query(6)), "it amplifies nothing"
    read = dns.message.from_wire(answer)
    assert read.flags & dns.flags.QR
    assert read.id == 6


def test_an_answer_says_whose_it_is_and_to_what(queries: SelfQueries) -> None:
    made, _ = thread()
    over_udp, over_tcp = drive(made, queries.query(1))[0], queries.answer(queries.query(2))
    assert over_udp is not None
    assert over_tcp is not None
    assert (queries.read(over_udp), queries.read(over_tcp)) == ((1, THREAD), (2, WHO_TCP))
    assert queries.read(queries.query(3)) is None, "a query is no answer"
    assert queries.answer(over_tcp) is None, "an answer is no query"


def test_a_thread_answers_above_all_that_could_refuse_it_and_counts_it_apart(queries: SelfQueries) -> None:
    made, packets = thread()
    stranger = dns.message.make_query("www.example", "A").to_wire()
    answers = drive(made, queries.query(1), stranger, queries.query(2))
    assert [answer and queries.read(answer) for answer in answers] == [(1, THREAD), None, (2, THREAD)]
    counts = packets.counts()
    assert (counts["queries"]["udp"], counts["refused"]) == (1, 1)
    assert made.counts().self_queries == 2


def test_a_number_is_taken_once_and_then_no_lower_one(queries: SelfQueries) -> None:
    made, packets = thread()
    answers = drive(made, queries.query(7), queries.query(7), queries.query(6), queries.query(8))
    assert [answer is not None for answer in answers] == [True, False, False, True]
    assert packets.counts()["queries"]["udp"] == 0, "what was heard before is no client's query either"


def test_what_was_not_made_here_goes_the_way_of_all_queries(queries: SelfQueries) -> None:
    sound = queries.query(1)
    forged = [
        *(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :] for at in range(2, len(sound))),
        *(sound[:length] for length in range(len(sound))),
        sound + b"\0",
        SelfQueries(SECRET[::-1]).query(1),
    ]
    made, _ = thread()
    drive(made, *forged)
    assert made.counts().self_queries == 0
    assert [queries.answer(each) or queries.read(each) for each in forged] == [None] * len(forged)
    assert queries.answer(sound) is not None, "none of them has used it up"


def test_a_thread_without_a_key_answers_none(queries: SelfQueries) -> None:
    made, packets = thread(knows=False)
    drive(made, queries.query(1))
    assert made.counts().self_queries == 0
    assert packets.counts()["queries"]["udp"] == 1


def test_a_front_says_that_it_asks_for_itself(queries: SelfQueries) -> None:
    made, packets = thread(Prefixes(KEY, ["127.0.0.0/8"]))
    local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
    answers = drive(made, local + queries.query(1), queries.query(2))
    assert [answer and queries.read(answer) for answer in answers] == [(1, THREAD), None]
    assert made.counts().drops["no_proxy_header"] == 1
    assert packets.counts()["queries"]["udp"] == 0


def test_a_key_has_16_bytes_and_comes_before_the_start() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        SelfQueries(b"short")
    with pytest.raises(ValueError, match="16 bytes"):
        thread()[0].know_itself(b"short")

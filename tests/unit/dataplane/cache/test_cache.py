"""The response cache by example: lifetimes, staleness, failures, what is refused, flushing, counters."""

from __future__ import annotations

import struct
from typing import Any

import dns.flags
import dns.message
import pytest

from filterd.dataplane.cache.cache import CachedUnion, CacheKey, ResponseCache
from filterd.wire.names import name_from_text
from tests.worlds.cache_answers import answer, negative, sized

SECRET = bytes(range(16))
NAME = name_from_text("www.example.org")
A, TXT = 1, 16
DAY, HOUR = 86400, 3600


@pytest.fixture
def cache() -> ResponseCache:
    return ResponseCache(1 << 20, SECRET, stale_window=DAY)


def test_nothing_is_found_before_it_is_inserted(cache: ResponseCache) -> None:
    assert cache.lookup(CacheKey(NAME, A), now=0) is None


def test_an_answer_comes_back_byte_for_byte_and_ages(cache: ResponseCache) -> None:
    message = answer(ttl=300)
    assert cache.insert(CacheKey(NAME, A), message, now=1000, ad=True)
    found = cache.lookup(CacheKey(NAME, A), now=1100)
    assert found is not None
    assert (found.message, found.age, found.ttl, found.ad) == (message, 100, 200, True)
    assert not (found.stale or found.hold or found.failure)
    assert found.edes == ()


@pytest.mark.parametrize(
    "other",
    [
        {"name": name_from_text("ww.example.org")},
        {"qtype": 28},
        {"qclass": 3},
        {"dnssec_ok": True},
        {"checking_disabled": True},
    ],
)
def test_every_part_of_the_key_counts(cache: ResponseCache, other: dict[str, Any]) -> None:
    assert cache.insert(CacheKey(NAME, A), answer(), now=0)
    asked = CacheKey(NAME, A)
    assert cache.lookup(asked, now=0) is not None
    assert cache.lookup(asked._replace(**other), now=0) is None


@pytest.mark.parametrize(
    ("message", "lifetime"),
    [
        (answer(ttl=300), 300),
        (answer("www.example.org.", "A", 300, "192.0.2.1", 0, ("a.example.org.", 7, "A", "192.0.2.2")), 7),
        (answer(ttl=7 * DAY), DAY),
        (negative(ttl=900, minimum=600), 600),
        (negative(ttl=60, minimum=600), 60),
        (negative(rcode=0, ttl=900, minimum=600), 600),
        (negative(ttl=DAY, minimum=DAY), HOUR),
        (answer(rcode=2, data=""), 5),
    ],
    ids=["ttl", "smallest ttl", "a day", "minimum", "soa ttl", "no data", "an hour", "servfail"],
)
def test_how_long_an_answer_is_fresh(message: bytes, lifetime: int) -> None:
    cache = ResponseCache(1 << 20, SECRET, stale_window=0)
    assert cache.insert(CacheKey(NAME, A), message, now=50)
    last = cache.lookup(CacheKey(NAME, A), now=50 + lifetime - 1)
    assert last is not None
    assert last.ttl == 1
    assert cache.lookup(CacheKey(NAME, A), now=50 + lifetime) is None


def with_flags(message: bytes, flags: int) -> bytes:
    return message[:2] + struct.pack("!H", flags) + message[4:]


def with_opt() -> bytes:
    reply = dns.message.from_wire(answer())
    reply.use_edns(0)
    return reply.to_wire()


def with_questions(count: int) -> bytes:
    """An answer that says it has so many questions."""
    return answer()[:4] + count.to_bytes(2, "big") + answer()[6:]


def padded(length: int) -> bytes:
    """A well-formed answer of this length, in two records; no message can be longer than 65,535 bytes."""
    head = answer(qtype="TXT", data="")
    sizes = 30_000, length - len(head) - 30_000 - 24
    records = [b"\xc0\x0c\0\x10\0\1\0\0\0\x3c" + size.to_bytes(2, "big") + bytes(size) for size in sizes]
    return head[:6] + b"\0\2" + head[8:] + b"".join(records)


@pytest.mark.parametrize(
    "message",
    [
        answer(ttl=0),
        answer(ttl=2**31 - 1)[:-10] + struct.pack("!IH", 2**31, 4) + bytes(4),
        negative(minimum=None),
        negative(rcode=0, minimum=None),
        answer(rcode=5, data=""),
        answer("other.example.org."),
        answer(qtype="TXT", data="x"),
        with_flags(answer(), 0x8380),
        with_flags(answer(), 0x0100),
        with_opt(),
        answer()[:-1],
        answer()[:11],
        answer()[:12],
        *(answer()[: 12 + 17 + cut] for cut in range(5)),
        with_questions(0),
        with_questions(2),
        b"",
    ],
    ids=[
        "ttl 0",
        "ttl with the top bit",
        "nxdomain without soa",
        "no data without soa",
        "refused",
        "another name",
        "another type",
        "truncated",
        "a query",
        "with opt",
        "cut",
        "cut header",
        "a header alone",
        *(f"cut at byte {cut} of the question's type and class" for cut in range(5)),
        "no question",
        "two questions",
        "nothing",
    ],
)
def test_what_is_not_cached(cache: ResponseCache, message: bytes) -> None:
    assert not cache.insert(CacheKey(NAME, A), message, now=0)
    assert cache.lookup(CacheKey(NAME, A), now=0) is None
    assert cache.counters().refused == 1


def test_the_longest_message_is_cached_and_no_longer_one() -> None:
    cache = ResponseCache(16 << 20, SECRET)
    asked = CacheKey(NAME, TXT)
    assert not cache.insert(asked, padded(65_536), now=0)
    longest = padded(65_535)
    assert cache.insert(asked, longest, now=0)
    found = cache.lookup(asked, now=0)
    assert found is not None
    assert found.message == longest


def test_a_stale_answer_says_30_seconds_in_every_record(cache: ResponseCache) -> None:
    message = answer("www.example.org.", "A", 60, "192.0.2.1", 0, ("a.example.org.", 900, "A", "192.0.2.2"))
    cache.insert(CacheKey(NAME, A), message, now=0)
    found = cache.lookup(CacheKey(NAME, A), now=60)
    assert found is not None
    assert (found.stale, found.hold, found.age, found.ttl) == (True, False, 0, 30)
    assert [rrset.ttl for rrset in dns.message.from_wire(found.message).answer] == [30, 30]
    assert cache.lookup(CacheKey(NAME, A), now=60 + DAY - 1) is not None
    assert cache.lookup(CacheKey(NAME, A), now=60 + DAY) is None


def test_a_failure_is_a_servfail_for_five_seconds_and_never_stale(cache: ResponseCache) -> None:
    assert cache.insert_failure(CacheKey(NAME, A), now=100, edes=((22, b"no way"),))
    found = cache.lookup(CacheKey(NAME, A), now=104)
    assert found is not None
    assert found.failure
    assert found.edes == ((22, b"no way"),)
    message = dns.message.from_wire(found.message)
    assert message.rcode() == 2
    assert message.question[0].to_text() == "www.example.org. IN A"
    assert cache.lookup(CacheKey(NAME, A), now=105) is None


def test_a_failure_leaves_a_stale_answer_and_holds_the_upstreams_back(cache: ResponseCache) -> None:
    cache.insert(CacheKey(NAME, A), answer(ttl=60), now=0)
    assert not cache.insert_failure(CacheKey(NAME, A), now=70)
    held = cache.lookup(CacheKey(NAME, A), now=99)
    assert held is not None
    assert (held.stale, held.hold, held.failure) == (True, True, False)
    again = cache.lookup(CacheKey(NAME, A), now=100)
    assert again is not None
    assert not again.hold
    assert not cache.insert(CacheKey(NAME, A), answer(rcode=2, data=""), now=100)
    assert cache.insert(CacheKey(NAME, A), answer(ttl=60), now=101)
    fresh = cache.lookup(CacheKey(NAME, A), now=102)
    assert fresh is not None
    assert (fresh.stale, fresh.hold) == (False, False)


def test_a_failure_replaces_what_is_too_old_to_be_served(cache: ResponseCache) -> None:
    cache.insert(CacheKey(NAME, A), answer(ttl=60), now=0)
    assert cache.insert_failure(CacheKey(NAME, A), now=60 + DAY)


def refreshes(cache: ResponseCache, now: int) -> bool:
    found = cache.lookup(CacheKey(NAME, A), now=now)
    assert found is not None
    return found.refresh


def test_one_hit_in_the_last_tenth_of_a_popular_answer_refreshes_it(cache: ResponseCache) -> None:
    cache.insert(CacheKey(NAME, A), answer(ttl=300), now=0)
    assert [refreshes(cache, now) for now in (269, 270, 299, 300)] == [False, True, False, False]
    cache.insert(CacheKey(NAME, A), answer(ttl=300), now=300)
    assert [refreshes(cache, now) for now in (590, 591, 592)] == [False, True, False]


def test_what_just_failed_is_not_refreshed(cache: ResponseCache) -> None:
    cache.insert(CacheKey(NAME, A), answer(ttl=300), now=0)
    assert not cache.insert_failure(CacheKey(NAME, A), now=250)
    assert [refreshes(cache, now) for now in (260, 279, 280)] == [False, False, True]


def test_a_failure_is_not_refreshed(cache: ResponseCache) -> None:
    cache.insert_failure(CacheKey(NAME, A), now=0)
    assert [refreshes(cache, now) for now in range(5)] == [False] * 5


@pytest.mark.parametrize("code", [5, 6, 12])
def test_a_failed_validation_replaces_what_is_stale(cache: ResponseCache, code: int) -> None:
    cache.insert(CacheKey(NAME, A), answer(ttl=60), now=0)
    assert cache.insert(CacheKey(NAME, A), answer(rcode=2, data=""), now=70, edes=((22, b""), (code, b"")))
    found = cache.lookup(CacheKey(NAME, A), now=71)
    assert found is not None
    assert found.failure


def test_a_clock_that_goes_back_makes_nothing_older(cache: ResponseCache) -> None:
    cache.insert(CacheKey(NAME, A), answer(ttl=60), now=1000)
    found = cache.lookup(CacheKey(NAME, A), now=10)
    assert found is not None
    assert found.age == 0


def test_extended_errors_are_kept_four_at_most_and_texts_as_far_as_they_fit(cache: ResponseCache) -> None:
    edes = tuple((code, bytes([65 + code]) * 100) for code in range(6))
    cache.insert(CacheKey(NAME, A), answer(), now=0, edes=edes)
    found = cache.lookup(CacheKey(NAME, A), now=0)
    assert found is not None
    assert found.edes == (edes[0], edes[1], (2, b""), (3, b""))


def union_of(cache: ResponseCache) -> CachedUnion | None:
    """The union kept with the answer, which must be there."""
    found = cache.lookup(CacheKey(NAME, A), now=0)
    assert found is not None
    return found.union


def test_a_union_is_kept_with_its_generation_and_replaced(cache: ResponseCache) -> None:
    first = CachedUnion(7, 1 << 511 | 1, any_mandatory=True)
    second = CachedUnion(8, 2, names=True, damaged=True)
    cache.insert(CacheKey(NAME, A), answer(), now=0)
    assert union_of(cache) is None
    assert cache.set_union(CacheKey(NAME, A), now=0, union=first)
    assert union_of(cache) == first
    assert cache.set_union(CacheKey(NAME, A), now=0, union=second)
    assert union_of(cache) == second
    cache.insert(CacheKey(NAME, A), answer(ttl=9), now=0)
    assert union_of(cache) is None
    cache.insert(CacheKey(NAME, A), answer(ttl=9), now=0, union=first)
    assert union_of(cache) == first
    assert not cache.set_union(CacheKey(NAME, 28), now=0, union=first)


def test_a_replaced_answer_gives_its_memory_back() -> None:
    cache = ResponseCache(65536, SECRET)
    name = name_from_text("a.example.org")
    for turn in range(500):
        message = sized("a.example.org.", 200 + turn % 7 * 150, turn)
        assert cache.insert(CacheKey(name, TXT), message, now=turn)
        found = cache.lookup(CacheKey(name, TXT), now=turn)
        assert found is not None
        assert found.message == message
    assert cache.counters()[:3] == (1, 500, 0)


def test_an_answer_beyond_an_eighth_of_a_shard_is_refused() -> None:
    cache = ResponseCache(65536, SECRET)
    name = name_from_text("a.example.org")
    assert not cache.insert(CacheKey(name, TXT), sized("a.example.org.", 20_000), now=0)
    assert cache.counters().refused == 1


def test_the_largest_message_fits_an_ordinary_cache() -> None:
    cache = ResponseCache(16 << 20, SECRET)
    message = sized("a.example.org.", 65_000)
    assert cache.insert(CacheKey(name_from_text("a.example.org"), TXT), message, now=0)
    found = cache.lookup(CacheKey(name_from_text("a.example.org"), TXT), now=0)
    assert found is not None
    assert found.message == message


def filled(*names: str) -> ResponseCache:
    cache = ResponseCache(8 << 20, SECRET)
    for name in names:
        for dnssec_ok in (False, True):
            asked = CacheKey(name_from_text(name), A, dnssec_ok=dnssec_ok)
            assert cache.insert(asked, answer(f"{name}."), now=0)
    return cache


NAMES = ("example.org", "www.example.org", "a.www.example.org", "notexample.org", "org", "example.com")


@pytest.mark.parametrize(
    ("name", "subtree", "gone"),
    [
        ("example.org", False, {"example.org"}),
        ("example.org", True, {"example.org", "www.example.org", "a.www.example.org"}),
        ("www.example.org", True, {"www.example.org", "a.www.example.org"}),
        ("other.org", True, set()),
        ("", True, set(NAMES)),
        ("", False, set()),
    ],
)
def test_flushing_takes_a_name_or_all_below_it(name: str, subtree: bool, gone: set[str]) -> None:
    cache = filled(*NAMES)
    wire = name_from_text(name) if name else b"\0"
    assert cache.flush(wire, subtree=subtree) == 2 * len(gone)
    asked = {name: CacheKey(name_from_text(name), A, dnssec_ok=True) for name in NAMES}
    left = {name for name, key in asked.items() if cache.lookup(key, now=0) is not None}
    assert left == set(NAMES) - gone
    assert cache.counters().entries == 2 * len(left)


def test_a_flushed_cache_fills_again() -> None:
    cache = ResponseCache(65536, SECRET)
    names = [f"n{number}.example.org" for number in range(cache.capacity)]
    for turn in range(3):
        for name in names:
            assert cache.insert(CacheKey(name_from_text(name), A), answer(f"{name}."), now=turn)
        assert cache.flush() > 0
        assert cache.counters().entries == 0


def test_what_is_asked_for_outlives_a_scan() -> None:
    cache = ResponseCache(256 << 10, SECRET)
    popular = [f"p{number}.example.org" for number in range(cache.capacity // 4)]
    for name in popular:
        cache.insert(CacheKey(name_from_text(name), A), answer(f"{name}."), now=0)
    for _ in range(3):
        for name in popular:
            cache.lookup(CacheKey(name_from_text(name), A), now=0)
    for number in range(cache.capacity * 3):
        name = f"scan{number}.example.org"
        cache.insert(CacheKey(name_from_text(name), A), answer(f"{name}."), now=1)
    left = sum(cache.lookup(CacheKey(name_from_text(name), A), now=1) is not None for name in popular)
    assert left > len(popular) * 0.9
    assert cache.counters().evicted > 0


def test_what_is_over_leaves_first() -> None:
    cache = ResponseCache(65536, SECRET, stale_window=0)
    for number in range(cache.capacity * 2):
        name = f"n{number}.example.org"
        assert cache.insert(CacheKey(name_from_text(name), A), answer(f"{name}.", ttl=1), now=number * 2)
    assert cache.counters().expired > 0


@pytest.mark.parametrize(("size", "secret"), [(65535, SECRET), (1 << 41, SECRET), (1 << 20, b"short")])
def test_a_cache_that_cannot_be_is_refused(size: int, secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"take|allocate"):
        ResponseCache(size, secret)


def test_a_name_that_is_none_is_refused(cache: ResponseCache) -> None:
    for wire in (b"", b"\3www", b"\3www\0x"):
        with pytest.raises(ValueError, match="wire form"):
            cache.lookup(CacheKey(wire, A), now=0)


def test_memory_is_bounded_by_the_size_asked_for() -> None:
    """An answer of ordinary size (here 60 to 380 bytes, name included) takes some 560 bytes of the size."""
    assert 90_000 < ResponseCache(64 << 20, SECRET).capacity < 140_000


def put(cache: ResponseCache, name: str) -> None:
    assert cache.insert(CacheKey(name_from_text(name), TXT), sized(f"{name}.", 250), now=0)


@pytest.mark.ring("night")
def test_a_flush_of_popular_answers_leaves_all_the_room_to_new_ones() -> None:
    """The numbers of flushed entries stay in the main queue: they go before any answer that is alive."""
    cache = ResponseCache(256 << 10, bytes(16))
    for turn in range(40):  # each comes back while its ghost is known, and so goes to the main queue
        for number in range(cache.capacity):
            put(cache, f"p{turn % 2}-{number // 2}.example.org")
    cache.flush()
    fresh = [f"f{number}.example.org" for number in range(cache.capacity // 3)]
    for name in fresh:
        put(cache, name)
    assert cache.counters().entries >= len(fresh) * 0.9

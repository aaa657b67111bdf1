"""Threads on the buckets of few prefixes: whatever the timing, no prefix gets more than its share.

``take_all`` releases the GIL, so the threads do charge the same words at the same time.
"""

from __future__ import annotations

import threading

from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from tests.worlds.rate import Limit, wide

SECRET = bytes(range(16))
THREADS = 4
FLOODERS = b"".join(wide(f"203.0.113.{host}") for host in range(4))
LIMIT = Limit(queries_per_second=10, burst=500)


def together(limiter: RateLimiter, clients: list[bytes]) -> list[tuple[int, int, int]]:
    """Each list of clients by a thread of its own, in one millisecond; what each thread's queries got."""
    rules, start = RateRules(SECRET, LIMIT), threading.Barrier(len(clients))
    found: list[tuple[int, int, int]] = [(0, 0, 0)] * len(clients)

    def work(place: int) -> None:
        start.wait()
        found[place] = limiter.take_all(rules, clients[place], 1000)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_bucket_is_spent_once_however_many_take_from_it() -> None:
    limiter = RateLimiter(SECRET, 4096, 8)
    together(limiter, [FLOODERS] * THREADS)  # two threads may give one new prefix two buckets: once
    found = together(limiter, [FLOODERS * 5000] * THREADS)
    passed, truncated, dropped = (sum(column) for column in zip(*found, strict=True))
    assert passed + truncated + dropped == THREADS * 4 * 5000
    assert 4 * (500 - THREADS) <= passed <= 4 * 500
    assert truncated == 4 * 15


def test_buckets_change_hands_under_all_threads() -> None:
    """A table far too small: newcomers always pass, and who floods does not get a fresh burst each time."""
    limiter = RateLimiter(SECRET, 64, 8)
    together(limiter, [FLOODERS * 5000])
    crowds = [
        b"".join(wide(f"10.{thread}.{number >> 8}.{number & 255}") for number in range(20_000))
        for thread in range(THREADS)
    ]
    assert together(limiter, crowds) == [(20_000, 0, 0)] * THREADS
    mixed = together(limiter, [crowd + FLOODERS * 1000 for crowd in crowds])
    assert sum(passed for passed, *_ in mixed) == THREADS * 20_000

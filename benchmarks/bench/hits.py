"""How much of a skewed load the cache answers, beside LRU of the same size and the best that is possible.

Names are drawn by Zipf's law, each answer is kept when it was asked for. A second load has names in between
that are asked once and never again, as random subdomains and trackers are: they must not push out what is
popular. The best that is possible without knowing the future: the most popular names, and no others, kept
from the beginning.
"""

from __future__ import annotations

import itertools
import random
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from bench.inprocess import TICKS, keep
from bench.packets import query
from filterd.dataplane.cache.cache import CacheKey, ResponseCache
from filterd.wire.names import name_from_text

NAMES = 20_000
EXPONENT = 0.9
CACHE_SIZE = 1 << 20
KEY = bytes(range(16))
SEED = 1


def measure_hits(queries: int, once: int = 0) -> dict[str, float]:
    """The shares; the first half of the queries warms the cache up, the second is counted. ``once``: of so
    many queries, one is for a name of its own; 0: none."""
    asked = list(_load(random.Random(SEED), once, queries))  # noqa: S311 - the same load each time, no secret
    cache = ResponseCache(CACHE_SIZE, KEY)
    ours = _ours(cache, asked)
    room = cache.counters().entries
    return {"S3-FIFO": ours, "LRU": lru(asked, room), "best": best(asked, room), "entries": room}


def _load(draw: random.Random, once: int, queries: int) -> Iterator[int]:
    """Numbers of names, the most popular first; those that are asked once are below zero."""
    weights = list(itertools.accumulate(1 / rank**EXPONENT for rank in range(1, NAMES + 1)))
    popular = draw.choices(range(NAMES), cum_weights=weights, k=queries)
    for at, number in enumerate(popular):
        yield -1 - at if once and at % once == 0 else number


def _ours(cache: ResponseCache, asked: Sequence[int]) -> float:
    def hit(number: int) -> bool:
        name = f"{'once' if number < 0 else 'popular'}-{abs(number):06}.example"
        if cache.lookup(CacheKey(name_from_text(name), 1), now=int(TICKS)) is not None:
            return True
        keep(cache, query(name))
        return False

    return _share(map(hit, asked), len(asked))


def lru(asked: Sequence[int], room: int) -> float:
    """What a cache answers that drops what was not used for longest."""
    held: OrderedDict[int, None] = OrderedDict()

    def hit(number: int) -> bool:
        found = number in held
        held[number] = None
        held.move_to_end(number)
        if len(held) > room:
            held.popitem(last=False)
        return found

    return _share(map(hit, asked), len(asked))


def best(asked: Sequence[int], room: int) -> float:
    """What the most popular names come to."""
    return _share((0 <= number < room for number in asked), len(asked))


def _share(hits: Iterable[bool], count: int) -> float:
    """Of the second half."""
    return sum(itertools.islice(hits, count // 2, None)) / (count - count // 2)

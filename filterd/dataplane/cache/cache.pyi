from typing import NamedTuple

class CacheKey(NamedTuple):
    name: bytes
    qtype: int
    qclass: int = 1
    dnssec_ok: bool = False
    checking_disabled: bool = False

class CachedUnion(NamedTuple):
    generation: int
    bits: int
    any_mandatory: bool = False
    names: bool = False
    damaged: bool = False
    coming: bool = False

class CachedAnswer(NamedTuple):
    message: bytes
    stale: bool
    hold: bool
    refresh: bool
    failure: bool
    age: int
    ttl: int
    ad: bool
    edes: tuple[tuple[int, bytes], ...]
    union: CachedUnion | None

class CacheCounters(NamedTuple):
    entries: int
    inserted: int
    evicted: int
    expired: int
    flushed: int
    refused: int
    contended_reads: int
    contended_writes: int

class ResponseCache:
    def __init__(self, size: int, secret: bytes, stale_window: int = 86400) -> None: ...
    def lookup(self, asked: CacheKey, *, now: int) -> CachedAnswer | None: ...
    def insert(
        self,
        asked: CacheKey,
        message: bytes,
        *,
        now: int,
        ad: bool = False,
        edes: tuple[tuple[int, bytes], ...] = (),
        union: CachedUnion | None = None,
    ) -> bool: ...
    def insert_failure(
        self, asked: CacheKey, *, now: int, edes: tuple[tuple[int, bytes], ...] = ()
    ) -> bool: ...
    def set_union(self, asked: CacheKey, *, now: int, union: CachedUnion) -> bool: ...
    def flush(self, name: bytes = b"\0", *, subtree: bool = True) -> int: ...
    def counters(self) -> CacheCounters: ...
    @property
    def capacity(self) -> int: ...

"""The bit or mandatory id of each list of a snapshot: the same policies give the same numbers.

The numbers are valid for one snapshot only, whose meta has them; every reader takes them from there.
Native code knows the fixed bits by number (``decide.pxd``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.verdict import Kind
from filterd.policy.documents import Feed, Policies, Use
from filterd.policy.snapshot_layout import CLASS_BITS

BIT_LOCALHOST = 0
BIT_RESOLVER_ARPA = 1
BIT_SPECIAL_USE = 2
BIT_PROTECTED = 3
BIT_ALWAYS_ALLOWED = 4
BIT_EXCEPTED = 5
"""of exceptions, which stand in overlays alone: no snapshot has a list with this bit"""
FIRST_FREE_BIT = 8

MOST_OBSERVED = 64
"""lists that can be observed at once: a verdict has one bit for each"""
MANDATORY = "mandatory"
"""the word for a list that has a mandatory id and no bit"""


class ClassesError(ValueError):
    """More lists than a snapshot has room for; the message says which kind and how many."""


@dataclass(frozen=True, slots=True)
class ListClass:
    """One list with its number: a class bit, or a mandatory id."""

    id: str
    kind: Kind | None
    """None: a mandatory list"""
    number: int
    """the class bit, or the mandatory id"""
    category: str = ""
    """the category that the list fills; empty for other kinds"""
    target: str = ""
    """the safe host of a safe-search list; empty for other kinds"""
    way: str = ""
    """the way around that a feed's list closes; empty for other kinds, and for the way's own list"""

    @property
    def mask(self) -> int:
        """The class mask with this list's bit; 0 for a mandatory list."""
        return 0 if self.kind is None else 1 << self.number


FIXED = (
    ListClass("localhost", Kind.LOCAL, BIT_LOCALHOST),
    ListClass("resolver.arpa", Kind.LOCAL, BIT_RESOLVER_ARPA),
    ListClass("special-use", Kind.SPECIAL_USE, BIT_SPECIAL_USE),
    ListClass("protected", Kind.PROTECTED, BIT_PROTECTED),
    ListClass("always-allowed", Kind.ALWAYS_ALLOWED, BIT_ALWAYS_ALLOWED),
)
"""the lists that every snapshot has"""


@dataclass(frozen=True, slots=True)
class Classes:
    """All lists with their numbers. Ids are unique within a kind, not over kinds."""

    lists: tuple[ListClass, ...] = FIXED
    _by_number: Mapping[tuple[bool, int], ListClass] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_number = {(entry.kind is None, entry.number): entry for entry in self.lists}
        if len(by_number) != len(self.lists):
            message = "two lists have the same place"
            raise ClassesError(message)
        first, count = self.observed()
        if count > MOST_OBSERVED or self.mask(Kind.OBSERVED) != ((1 << count) - 1) << first:
            message = (
                f"the bits of observed lists do not follow one another, or are more than {MOST_OBSERVED}"
            )
            raise ClassesError(message)
        object.__setattr__(self, "_by_number", by_number)

    def find(self, kind: Kind | None, list_id: str) -> ListClass | None:
        """The list of that kind (None: mandatory) and id."""
        return next((entry for entry in self.lists if entry.kind is kind and entry.id == list_id), None)

    def of_bit(self, bit: int) -> ListClass | None:
        """The list with that class bit."""
        return self._by_number.get((False, bit))

    def mask(self, kind: Kind) -> int:
        """The bits of all lists of a kind."""
        return _union(entry for entry in self.lists if entry.kind is kind)

    def mask_of(self, kind: Kind, ids: Iterable[str]) -> int:
        """The bits of the lists of a kind with one of these ids; ids that no list has add nothing."""
        wanted = set(ids)
        return _union(entry for entry in self.lists if entry.kind is kind and entry.id in wanted)

    def category_mask(self, categories: Iterable[str]) -> int:
        """The bits of all lists that fill one of these categories."""
        wanted = set(categories)
        return _union(e for e in self.lists if e.kind is Kind.CATEGORY and e.category in wanted)

    def bypass_mask(self, ways: Iterable[str]) -> int:
        """The bits of these ways' own lists, and of the feeds' that close one of them."""
        wanted = set(ways)
        return _union(e for e in self.lists if e.kind is Kind.BYPASS and (e.way or e.id) in wanted)

    def observed(self) -> tuple[int, int]:
        """The class bit of the first observed list, and how many there are: their bits follow one another."""
        bits = [entry.number for entry in self.lists if entry.kind is Kind.OBSERVED]
        return min(bits, default=0), len(bits)

    def targets(self) -> dict[int, str]:
        """The safe host by safe-search bit."""
        return {entry.number: entry.target for entry in self.lists if entry.kind is Kind.SAFE_SEARCH}

    def to_meta(self) -> list[dict[str, Any]]:
        """The lists as JSON values, for the snapshot's ``lists``."""
        return [_to_meta(entry) for entry in self.lists]


def assign(policies: Policies) -> Classes:
    """Give every list of the policies its number; :class:`ClassesError` when they are too many.

    Bits go in the order of :class:`Kind`, within a kind in that of ids; mandatory ids in that of ids.
    """
    wanted = sorted(
        [
            *((kind_of(f), f.id, f.category or "", "", "") for f in policies.feeds if f.use is Use.CATEGORY),
            *((kind_of(f), f.id, "", "", "") for f in policies.feeds if f.use is Use.SECURITY),
            *((Kind.SERVICE, service.id, "", "", "") for service in policies.services),
            *((Kind.SAFE_SEARCH, engine.id, "", engine.target, "") for engine in policies.safe_search),
            *((Kind.BYPASS, way.id, "", "", "") for way in policies.bypass),
            *((kind_of(f), f.id, "", "", f.bypass or "") for f in policies.feeds if f.use is Use.BYPASS),
            *((Kind.ALWAYS_ALLOWED, group.id, "", "", "") for group in policies.protected.groups),
        ]
    )
    _check_room("observed lists", sum(kind is Kind.OBSERVED for kind, *_ in wanted), MOST_OBSERVED)
    mandatory = sorted(feed.id for feed in policies.feeds if feed.use is Use.MANDATORY)
    _check_room("lists with a class bit", len(wanted), CLASS_BITS - FIRST_FREE_BIT)
    _check_room("mandatory lists", len(mandatory), FIRST_ORDER_ID)
    placed = [ListClass(i, k, FIRST_FREE_BIT + n, c, t, w) for n, (k, i, c, t, w) in enumerate(wanted)]
    return Classes((*FIXED, *placed, *(ListClass(i, None, n) for n, i in enumerate(mandatory))))


def kind_of(feed: Feed) -> Kind:
    """The kind of the class of a feed that is not mandatory."""
    if feed.observe:
        return Kind.OBSERVED
    return {Use.CATEGORY: Kind.CATEGORY, Use.BYPASS: Kind.BYPASS}.get(feed.use, Kind.SECURITY)


def from_meta(lists: Iterable[Mapping[str, Any]]) -> Classes:
    """The lists as a snapshot's ``lists`` states them; further keys are ignored."""
    return Classes(tuple(_from_meta(entry) for entry in lists))


def _check_room(what: str, count: int, room: int) -> None:
    if count > room:
        message = f"too many {what}: {count}, with room for {room}"
        raise ClassesError(message)


def _union(entries: Iterable[ListClass]) -> int:
    mask = 0
    for entry in entries:
        mask |= entry.mask
    return mask


def _to_meta(entry: ListClass) -> dict[str, Any]:
    if entry.kind is None:
        return {"id": entry.id, "kind": MANDATORY, "mandatory_id": entry.number}
    meta: dict[str, Any] = {"id": entry.id, "kind": entry.kind.word, "bit": entry.number}
    if entry.category:
        meta["category"] = entry.category
    if entry.target:
        meta["target"] = entry.target
    if entry.way:
        meta["way"] = entry.way
    return meta


def _from_meta(meta: Mapping[str, Any]) -> ListClass:
    if meta["kind"] == MANDATORY:
        return ListClass(meta["id"], None, int(meta["mandatory_id"]))
    kind = Kind[meta["kind"].upper()]
    about = (meta.get(key, "") for key in ("category", "target", "way"))
    return ListClass(meta["id"], kind, int(meta["bit"]), *about)

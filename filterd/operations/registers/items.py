"""Judges the items of a document: each is taken, or refused with a reason of the fixed list.

A machine never takes what people have to decide on: protected names, popular ones, services, suffixes below
which others have names, prefixes that are too wide. They are answered ``protected``; a person can take them
by hand, with ``filterd order add``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

from filterd.config.policies import icann_suffixes
from filterd.config.register_settings import RegisterSettings
from filterd.config.settings import Settings
from filterd.feed.registers.parsed import ParsedItem, storable
from filterd.model.order import Demand
from filterd.model.register import ItemAct, ItemReason, RegisterKind
from filterd.model.rule import Scope
from filterd.operations import input_values
from filterd.operations.errors import OperationError
from filterd.operations.orders import limits
from filterd.operations.orders.guards import Guards
from filterd.operations.orders.intake import host_of
from filterd.operations.orders.reach import OPEN_KINDS, HitKind

_TOP = re.compile(r"\.?[A-Za-z0-9-]{1,63}\.?")
"""a single label"""
ADDRESS_NEEDS = "an address: DNS would block every site behind it"
NO_IPV6 = "an IPv6 address: its platform has none"
URL_NEEDS = "a URL: DNS would block the whole site"
FULL = "the room declared for this authority is full"
SUFFIX_NEEDS = "a public suffix: DNS would block all that is registered below it"


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """An item and what becomes of it."""

    item: ParsedItem
    value: str
    """the name or prefix in the store's form; as written, where it has none"""
    address: bool = False
    reason: ItemReason | None = None
    """None: it is taken"""
    detail: str = ""
    nameless: bool = False
    """its row cannot be read, and neither can its name"""

    def refused(self, reason: ItemReason, detail: str) -> JudgedItem:
        """The same, refused."""
        return JudgedItem(self.item, self.value, self.address, reason, detail)


@dataclass(frozen=True, slots=True)
class CapacityLeft:
    """How many more names and addresses the authority may have; None: not bounded."""

    names: int | None = None
    addresses: int | None = None


@dataclass(slots=True)
class _Left:
    names: int | None
    addresses: int | None
    seen: set[str] = field(default_factory=set)


def read_item(item: ParsedItem, register: RegisterSettings, settings: Settings) -> JudgedItem:
    """The item in the store's form, or refused for what it is by itself."""
    if not item.entry.isprintable():  # whatever a reader let pass has to be kept and answered
        item = replace(item, entry=storable(item.entry))
    if item.error:  # the name is looked for all the same: it stands in the document
        found = read_item(replace(item, error=""), register, settings)
        nameless = found.reason is ItemReason.MALFORMED
        return JudgedItem(item, found.value, found.address, ItemReason.MALFORMED, item.error, nameless)
    if input_values.is_address(item.entry):
        return _address(item, register, settings)
    host, precise = host_of(item.entry)
    if _TOP.fullmatch(host.strip()):
        return JudgedItem(item, host[:253], reason=ItemReason.NOT_EXECUTABLE, detail=SUFFIX_NEEDS)
    try:
        name = input_values.name(host)
    except OperationError as error:
        return JudgedItem(item, item.entry[:253], reason=ItemReason.MALFORMED, detail=str(error))
    judged = JudgedItem(item, name)
    if not precise and not register.overblocking:
        return judged.refused(ItemReason.NOT_EXECUTABLE, URL_NEEDS)
    if item.act is ItemAct.UNBLOCK:  # of one that could not be blocked today, too
        return judged
    if name in icann_suffixes():
        return judged.refused(ItemReason.NOT_EXECUTABLE, SUFFIX_NEEDS)
    try:
        limits.require_name(name)
    except OperationError as error:
        return judged.refused(ItemReason.NOT_EXECUTABLE, str(error))
    return judged


def _address(item: ParsedItem, register: RegisterSettings, settings: Settings) -> JudgedItem:
    try:
        network = ip_network(input_values.prefix(item.entry))
    except (OperationError, ValueError) as error:
        return JudgedItem(item, item.entry[:64], True, ItemReason.MALFORMED, str(error))
    judged = JudgedItem(item, str(network), address=True)
    if network.version == 6 and register.as_kind is RegisterKind.TICKETS:
        return judged.refused(ItemReason.NOT_EXECUTABLE, NO_IPV6)
    if not register.overblocking:
        return judged.refused(ItemReason.NOT_EXECUTABLE, ADDRESS_NEEDS)
    try:
        value = limits.prefix(item.entry, limits.ours(settings), settings.dns.nat64)
    except OperationError as error:
        return judged if item.act is ItemAct.UNBLOCK else judged.refused(ItemReason.PROTECTED, str(error))
    return JudgedItem(item, value, address=True)


def judge_blocks(
    items: Sequence[JudgedItem], register: RegisterSettings, guarding: Guards
) -> list[JudgedItem]:
    """Each item that demands a block, judged with the guards; others are as they were."""
    judged = list(items)
    for test in (guarding.overlap, lambda demand: _reached(guarding, demand)):
        taken = [at for at, each in enumerate(judged) if _is_block(each)]
        for at, detail in _culprits(judged, taken, register, test):
            judged[at] = judged[at].refused(ItemReason.PROTECTED, detail)
    return judged


def fitted(judged: Sequence[JudgedItem], room: CapacityLeft) -> list[JudgedItem]:
    """Each item that demands a block, refused where the room is full; others are as they were."""
    left = _Left(room.names, room.addresses)
    return [_within(each, left) if _is_block(each) else each for each in judged]


def _is_block(judged: JudgedItem) -> bool:
    return judged.reason is None and judged.item.act is ItemAct.BLOCK


def _reached(guarding: Guards, demand: Demand) -> tuple[str, ...]:
    """The kinds of what a demand hits that two people have not decided on with the register."""
    return tuple(each.kind.value for each in guarding.hits(demand) if each.kind not in OPEN_KINDS)


def _culprits(
    items: Sequence[JudgedItem],
    places: Sequence[int],
    register: RegisterSettings,
    test: Callable[[Demand], tuple[str, ...]],
) -> list[tuple[int, str]]:
    """The places of the items for which a test finds something, and what. By halves: most documents have
    none. Where only several together are found, as with prefixes, all of them are."""
    found = test(demand_of([items[at] for at in places], register)) if places else ()
    if not found:
        return []
    if len(places) == 1:
        return [(places[0], _told(found[0]))]
    half = len(places) // 2
    parts = [_culprits(items, part, register, test) for part in (places[:half], places[half:])]
    single = [each for part in parts for each in part]
    out = {at for at, _ in single}
    rest = [at for at in places if at not in out]
    if len(rest) < len(places) and not (rest and test(demand_of([items[at] for at in rest], register))):
        return single
    together = [at for at in rest if items[at].address] or rest
    return single + [(at, _told(HitKind.ADDRESSES.value)) for at in together]


def _told(found: str) -> str:
    if found in {each.value for each in HitKind}:
        return f"it reaches what people decide on: {found}"
    return "it is protected, or above or below what is"


def demand_of(items: Sequence[JudgedItem], register: RegisterSettings) -> Demand:
    """The demand of these items."""
    names = sorted({each.value for each in items if not each.address})
    return Demand(
        authority=register.authority,
        official=register.official,
        document="",
        ground=register.ground,
        names=tuple((each, Scope.SUBTREE) for each in names),
        addresses=tuple(sorted({each.value for each in items if each.address})),
        overblocking_accepted=register.overblocking,
        law=register.law,
    )


def _within(judged: JudgedItem, left: _Left) -> JudgedItem:
    """The item, refused where the room is full. What stands twice takes room once."""
    if judged.value in left.seen:
        return judged
    room = left.addresses if judged.address else left.names
    if room is not None and room <= 0:
        return judged.refused(ItemReason.OVER_CAPACITY, FULL)
    left.seen.add(judged.value)
    if room is not None and judged.address:
        left.addresses = room - 1
    elif room is not None:
        left.names = room - 1
    return judged

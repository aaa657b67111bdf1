"""Reads the documents of the policies directory, one function each: plain values become ``policy.documents``.

Problems go to the list of the value; the result is whole only if there are none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TypeVar

from filterd.config.policy_values import DocumentValue
from filterd.model.rule import NameRule
from filterd.model.slot import Slot
from filterd.policy.documents import (
    AllowedGroup,
    Bypass,
    Category,
    ConsentText,
    Expected,
    Level,
    Profile,
    Protected,
    SafeSearch,
    Service,
    ServiceGroup,
)

T = TypeVar("T")
_Set = tuple[T, ...]

_PROTECTED = ("names", "never_overridden", "addresses", "always_allowed")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")


def read_category(found: DocumentValue) -> Category:
    """An item of categories.yaml."""
    keys = found.keys(("id", "title", "description"), ("empty", "optional", "equivalents"))
    equivalents = [
        (scheme, item.string()) for scheme, at in keys["equivalents"].pairs() for item in at.items()
    ]
    return Category(
        id=keys["id"].id(),
        title=keys["title"].text(),
        description=keys["description"].text(),
        empty=keys["empty"].flag(),
        optional=keys["optional"].flag(),
        equivalents=tuple(equivalents),
    )


def read_profile(found: DocumentValue, name: str) -> Profile:
    """The file profiles/<name>.yaml."""
    keys = found.keys(
        ("title", "description", "audience"),
        ("categories", "services", "safe_search", "bypass", "blocking_mode", "schedule", "limits", "warning"),
    )
    return Profile(
        id=DocumentValue(name, found.path, found.problems).id(),
        title=keys["title"].text(),
        description=keys["description"].text(),
        audience=keys["audience"].text(),
        categories=keys["categories"].ids(),
        services=keys["services"].ids(),
        safe_search=keys["safe_search"].ids(),
        bypass=keys["bypass"].ids(),
        blocking_mode=keys["blocking_mode"].blocking_mode(),
        schedule=tuple(read_slot(item) for item in keys["schedule"].items()),
        limits=None if keys["limits"].missing() else keys["limits"].text(),
        warning=None if keys["warning"].missing() else keys["warning"].text(),
    )


def read_slot(found: DocumentValue) -> Slot:
    """``block`` is ``everything``, a list of categories, or ``{categories: [...], services: [...]}``."""
    keys = found.keys(("days", "from", "until", "block"), ("leaves",))
    block, leaves = keys["block"], keys["leaves"]
    everything = block.value == "everything"
    if not everything and not leaves.missing():
        leaves.wrong("is for block: everything, which closes what it does not leave")
    categories, services = ((), ()) if everything else _blocked(block)
    start, end = _minutes(keys["from"]), _minutes(keys["until"])
    if start == end or start == 1440:
        found.wrong("must have a from before 24:00 that is not its until")
    return Slot(
        days=read_days(keys["days"]),
        start=start,
        end=end,
        everything=everything,
        categories=categories,
        services=services,
        leaves=None if leaves.missing() else leaves.ids(),
    )


def _blocked(block: DocumentValue) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The categories and the services that a slot blocks."""
    if not isinstance(block.value, dict):
        return block.ids(), ()
    keys = block.keys((), ("categories", "services"))
    return keys["categories"].ids(), keys["services"].ids()


def read_days(found: DocumentValue) -> tuple[int, ...]:
    """``daily``, or a list of days of the week: 0 is Monday."""
    if found.value == "daily":
        return tuple(range(7))
    known = [item for item in found.items() if item.value in DAYS]
    for item in found.items():
        if item.value not in DAYS:
            item.wrong(f"{item.value!r} is none of {', '.join(DAYS)}")
    if not found.missing() and not known:
        found.wrong("must be daily, or a list of days")
    return tuple(sorted(found.different(tuple(DAYS.index(item.value) for item in known))))


def _minutes(found: DocumentValue) -> int:
    """A time of day. A bare number is none: 21 would be taken for minutes, and was meant as an hour."""
    value = found.value
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        if value is not None:
            found.wrong(f"{value!r} is no time of day (write 21:00)")
        return 0
    return 1440 if match[1] is None else int(match[1]) * 60 + int(match[2])


def read_service(found: DocumentValue) -> Service:
    """An item of services.yaml."""
    keys = found.keys(("id", "title", "names"), ("group",))
    return Service(
        id=keys["id"].id(),
        title=keys["title"].text(),
        names=_some_names(keys["names"]),
        group=keys["group"].id(),
    )


def read_service_group(found: DocumentValue) -> ServiceGroup:
    """An item of service-groups.yaml."""
    keys = found.keys(("id", "title"))
    return ServiceGroup(id=keys["id"].id(), title=keys["title"].text())


def read_safe_search(found: DocumentValue) -> SafeSearch:
    """An item of safesearch.yaml."""
    keys = found.keys(("id", "engine", "title", "target", "names"), ("source",))
    return SafeSearch(
        id=keys["id"].id(),
        engine=keys["engine"].id(),
        title=keys["title"].text(),
        target=keys["target"].name(),
        names=_some_names(keys["names"]),
        source=keys["source"].string(),
    )


def _some_names(found: DocumentValue) -> tuple[NameRule, ...]:
    names = found.names()
    if not names and not found.missing():
        found.wrong("has no names")
    return names


def read_bypass(found: DocumentValue) -> Bypass:
    """An item of bypass.yaml."""
    keys = found.keys(("id", "title"), ("names", "addresses", "level", "strip_ech"))
    strips = keys["strip_ech"].flag()
    if not keys["names"].value and not keys["addresses"].value and not strips:
        found.wrong("has neither names nor addresses")
    return Bypass(
        id=keys["id"].id(),
        title=keys["title"].text(),
        names=keys["names"].names(),
        addresses=keys["addresses"].networks(),
        level=keys["level"].choice(Level, Level.TUNNEL, lambda each: each.value),
        strip_ech=strips,
    )


def read_protected(found: DocumentValue) -> Protected:
    """The file protected.yaml."""
    keys = found.keys(("public_suffixes",), (*_PROTECTED, "groups"))
    return Protected(
        public_suffixes=keys["public_suffixes"].flag(),
        names=keys["names"].names(),
        never_overridden=keys["never_overridden"].names(),
        addresses=keys["addresses"].networks(),
        always_allowed=keys["always_allowed"].names(),
        groups=_groups(keys["groups"]),
    )


def _groups(found: DocumentValue) -> tuple[AllowedGroup, ...]:
    read = tuple(_group(item) for item in found.items())
    found.different(tuple(group.id for group in read))
    return read


def _group(found: DocumentValue) -> AllowedGroup:
    keys = found.keys(("id", "title", "names"))
    return AllowedGroup(keys["id"].id(), keys["title"].text(), _some_names(keys["names"]))


def lay_protected(below: Protected, found: DocumentValue, remarks: list[str]) -> Protected:
    """The file protected.yaml of the operator, over the shipped one: it adds, and takes out what it names
    under ``without``. Only an explicit ``public_suffixes: false`` lifts the protection of public suffixes. A
    group replaces the shipped one of its id; ``without: {groups: [...]}`` takes groups out by their ids."""
    own = found.keys((), ("public_suffixes", *_PROTECTED, "groups", "without"))
    without = {} if own["without"].missing() else own["without"].keys((), (*_PROTECTED, "groups"))

    def laid(kind: str, read: Callable[[DocumentValue], _Set[T]], shipped: _Set[T]) -> _Set[T]:
        out = read(without[kind]) if without else ()
        strange = [each for each in out if each not in shipped]
        remarks.extend(
            f"{without[kind].path}: takes out {_written(each)}, which is not shipped" for each in strange
        )
        return tuple(dict.fromkeys((*(each for each in shipped if each not in out), *read(own[kind]))))

    return Protected(
        public_suffixes=own["public_suffixes"].flag(below.public_suffixes),
        names=laid("names", DocumentValue.names, below.names),
        never_overridden=laid("never_overridden", DocumentValue.names, below.never_overridden),
        addresses=laid("addresses", DocumentValue.networks, below.addresses),
        always_allowed=laid("always_allowed", DocumentValue.names, below.always_allowed),
        groups=_laid_groups(own["groups"], without.get("groups"), below.groups, remarks),
    )


def _laid_groups(
    own: DocumentValue,
    without: DocumentValue | None,
    shipped: tuple[AllowedGroup, ...],
    remarks: list[str],
) -> tuple[AllowedGroup, ...]:
    out = without.ids() if without is not None else ()
    laid = {group.id: group for group in shipped if group.id not in out}
    known = {group.id for group in shipped}
    place = "" if without is None else without.path
    remarks.extend(f"{place}: takes out {each}, which is not shipped" for each in out if each not in known)
    return tuple((laid | {group.id: group for group in _groups(own)}).values())


def _written(value: object) -> str:
    return f"{value.name} ({value.scope.word})" if isinstance(value, NameRule) else str(value)


def read_expected(found: DocumentValue, *, laid: bool = False) -> list[tuple[str, str, Expected | None]]:
    """The file expected.yaml, a mapping of names to lists of categories: path, name and entry. Where it is
    laid over another, a name's value may be ``disabled``: None stands for it."""
    entries: list[tuple[str, str, Expected | None]] = []
    for name, at in found.pairs():
        if laid and at.value == "disabled":
            entries.append((at.path, name, None))
        else:
            domain = DocumentValue(name, at.path, at.problems).name()
            entries.append((at.path, domain, Expected(domain, at.ids() if at.value else ())))
    return entries


def read_consent_text(found: DocumentValue, name: str) -> ConsentText:
    """The file consent/<name>.yaml."""
    keys = found.keys(("since", "text"))
    since = str(keys["since"].value)
    try:
        date.fromisoformat(since)
    except ValueError:
        keys["since"].wrong("is no day like 2026-11-01")
    return ConsentText(
        id=DocumentValue(name, found.path, found.problems).id(), since=since, text=keys["text"].text()
    )

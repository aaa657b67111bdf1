"""Checks between the policy documents: each id that is named exists, and the snapshot can hold them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zoneinfo import available_timezones

from filterd.config.policy_layers import READY
from filterd.config.policy_values import Problem
from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.verdict import Kind
from filterd.policy.classes import FIXED, ClassesError, assign
from filterd.policy.documents import Policies, Profile
from filterd.policy.jurisdictions import Jurisdiction
from filterd.policy.overlaps import overlaps

MOST_LISTED = 40
"""ids that a problem lists whole"""

_REWRITTEN = (
    "would answer protected names with the safe host: {}; protected.yaml says that they stay as they are"
)

Places = dict[tuple[str, str], str]
"""document and id -> the entry's path, as problems name it"""
_NO_RESTRICTION = (
    "restricts nothing, as a file that was cut off does: "
    "write its categories, services, safe_search, bypass or schedule"
)
_LISTED = "the id {} stands in feeds.yaml too: a feed is in force by one entry (disabled: true takes one out)"


def check(policies: Policies, places: Places) -> list[Problem]:
    """Every reference that leads nowhere."""
    problems: list[Problem] = []
    assignable = {each.id for each in policies.categories} | {way.id for way in policies.bypass}
    problems += _check_feeds(policies, places)
    problems += _check_room(policies)
    for expected in policies.expected:
        path = places["expected.yaml", expected.name]
        problems += _unknown(path, expected.categories, assignable, "category or bypass")
    problems += _check_groups(policies)
    problems += _check_services(policies, places)
    problems += [
        Problem(place, _REWRITTEN.format(names))
        for engine, place, names in _rewritten(policies, places)
        if ("safesearch.yaml", engine) not in policies.shipped
    ]
    for profile in policies.profiles:
        problems += _check_profile(profile, policies, places["profiles", profile.id])
    for jurisdiction in policies.jurisdictions:
        problems += _check_jurisdiction(jurisdiction, places["jurisdictions", jurisdiction.id])
    return problems


def remarks(policies: Policies, places: Places) -> list[str]:
    """Remarks on what is valid, and yet not as it should be, in the operator's own files."""
    found = [
        f"{place}: {_REWRITTEN.format(names)}; disabled: true takes the entry out"
        for engine, place, names in _rewritten(policies, places)
        if ("safesearch.yaml", engine) in policies.shipped
    ]
    for profile in policies.profiles:
        if ("profiles", profile.id) not in policies.shipped:
            found += _remarks_on(profile, places["profiles", profile.id])
    return found


def _remarks_on(profile: Profile, place: str) -> Iterator[str]:
    if profile.warning is None and any(slot.everything for slot in profile.schedule):
        yield f"{place}: blocks everything at some hours, for adults too, and has no warning that says so"
    for index, slot in enumerate(profile.schedule):
        if not (slot.everything or slot.categories or slot.services):
            yield f"{place}.schedule[{index}].block: blocks nothing, so that these hours change nothing"


def _rewritten(policies: Policies, places: Places) -> Iterator[tuple[str, str, str]]:
    """The safe search entries that would answer a protected name with their safe host: the id of each, its
    place, and the protected names."""
    for engine in policies.safe_search:
        kept = [
            rule.name
            for rule in policies.protected.names
            if any(overlaps(rule, each) for each in engine.names)
        ]
        if kept:
            yield engine.id, f"{places['safesearch.yaml', engine.id]}.names", ", ".join(kept)


def _check_room(policies: Policies) -> list[Problem]:
    """More lists than a snapshot has numbers for: none could be built."""
    if sum(feed.mandatory is not None for feed in policies.feeds) > FIRST_ORDER_ID:
        return [Problem("feeds.yaml", f"more than {FIRST_ORDER_ID} mandatory feeds")]
    try:
        assign(policies)
    except ClassesError as error:
        sizes = {
            "feeds.yaml": len(policies.feeds),
            "services.yaml": len(policies.services),
            "safesearch.yaml": len(policies.safe_search),
            "bypass.yaml": len(policies.bypass),
            "protected.yaml.groups": len(policies.protected.groups),
        }
        counted = ", ".join(f"{count} in {file}" for file, count in sizes.items() if count)
        message = f"{error}; there are {counted}: take out what no profile uses"
        return [Problem(max(sizes, key=sizes.__getitem__), message)]
    return []


def _check_feeds(policies: Policies, places: Places) -> list[Problem]:
    problems: list[Problem] = []
    ways = {each.id for each in policies.bypass}
    listed = {feed.id for feed in policies.feeds}
    entries = [(feed, places["feeds.yaml", feed.id]) for feed in policies.feeds]
    entries += [(each.feed, places[READY, each.feed.id]) for each in policies.ready]
    for feed, place in entries:
        if feed.category is not None:
            problems += _unknown_categories(f"{place}.category", [feed.category], policies)
        if feed.bypass is not None:
            problems += _unknown(f"{place}.bypass", [feed.bypass], ways, "bypass")
            if feed.id in ways:
                problems.append(Problem(place, "has the id of a way around"))
    for each in policies.ready:
        if each.feed.id in listed:
            problems.append(Problem(places[READY, each.feed.id], _LISTED.format(each.feed.id)))
    return problems


def _check_groups(policies: Policies) -> list[Problem]:
    """A group has a bit of its own, beside the list of the names that belong to none."""
    fixed = {each.id for each in FIXED if each.kind is Kind.ALWAYS_ALLOWED}
    return [
        Problem("protected.yaml.groups", f"the id {group.id} is taken")
        for group in policies.protected.groups
        if group.id in fixed
    ]


def _check_services(policies: Policies, places: Places) -> list[Problem]:
    """A service that names a group needs one that has a title, where the directory has any."""
    groups = {each.id for each in policies.service_groups}
    problems: list[Problem] = []
    for service in policies.services if groups else ():
        path = places["services.yaml", service.id] + ".group"
        problems += _unknown(path, [service.group], groups, "group of services")
    return problems


def _check_profile(profile: Profile, policies: Policies, path: str) -> list[Problem]:
    engines = {each.id: each.engine for each in policies.safe_search}
    problems = _unknown_categories(f"{path}.categories", profile.categories, policies)
    services = {each.id for each in policies.services}
    groups = {each.id for each in policies.protected.groups}
    problems += _unknown(f"{path}.services", profile.services, services, "service")
    problems += _unknown(f"{path}.safe_search", profile.safe_search, engines.keys(), "safe search entry")
    problems += _unknown(f"{path}.bypass", profile.bypass, {each.id for each in policies.bypass}, "bypass")
    for index, slot in enumerate(profile.schedule):
        slot_path = f"{path}.schedule[{index}]"
        problems += _unknown_categories(f"{slot_path}.block", slot.categories, policies)
        problems += _unknown(f"{slot_path}.block", slot.services, services, "service")
        problems += _unknown(
            f"{slot_path}.leaves", slot.leaves or (), groups, "group of always-allowed names"
        )
    for engine in _repeated([engines[each] for each in profile.safe_search if each in engines]):
        problems.append(Problem(f"{path}.safe_search", f"more than one entry for the engine {engine}"))
    return problems


def without_restrictions(policies: Policies, places: Places) -> list[Problem]:
    """A problem for each profile that restricts nothing: its file was cut off, or it is of no use."""
    return [
        Problem(places["profiles", each.id], _NO_RESTRICTION)
        for each in policies.profiles
        if not (each.categories or each.services or each.safe_search or each.bypass or each.schedule)
    ]


def _check_jurisdiction(jurisdiction: Jurisdiction, path: str) -> list[Problem]:
    authorities = [each.id for each in jurisdiction.authorities]
    problems = []
    places = {f"{path}.calendar.zone": jurisdiction.zone}
    places |= {f"{path}.authorities[{at}].zone": one.zone for at, one in enumerate(jurisdiction.authorities)}
    known = available_timezones()
    for place, zone in places.items():
        if zone and zone not in known:
            problems.append(Problem(place, f"{zone!r} is no time zone"))
    for ids in (authorities, [each.id for each in jurisdiction.grounds]):
        problems += [Problem(path, f"the id {each} stands twice") for each in _repeated(ids)]
    for index, ground in enumerate(jurisdiction.grounds):
        at = f"{path}.grounds[{index}]"
        problems += _unknown(f"{at}.authorities", ground.authorities, set(authorities), "authority")
        own = [authority for authority, _ in ground.by_authority]
        problems += _unknown(f"{at}.by_authority", own, ground.authorities, "authority of this ground")
    return problems


def _unknown_categories(path: str, ids: Iterable[str], policies: Policies) -> list[Problem]:
    """As :func:`_unknown`; of a category that another country's rules have, which one."""
    known = {each.id for each in policies.categories}
    elsewhere = {one.id: pack.id for pack in policies.jurisdictions for one in pack.categories}
    return [
        Problem(
            path,
            f"no category {each} here: jurisdictions/{elsewhere[each]}.yaml has it, which counts "
            f"where the configuration says jurisdiction: {elsewhere[each]}",
        )
        if each in elsewhere and each not in known
        else problem
        for each in ids
        for problem in _unknown(path, [each], known, "category")
    ]


def _unknown(path: str, ids: Iterable[str], known: Iterable[str], word: str) -> list[Problem]:
    """A problem for each id that is not known; empty ids have a problem of their own already."""
    known = set(known)
    return [
        Problem(path, f"no {word} {each} ({_offered(each, known)})")
        for each in ids
        if each and each not in known
    ]


def _offered(wanted: str, known: Iterable[str]) -> str:
    """The ids that there are; of many, the ones that the wanted id may have been meant for."""
    from difflib import get_close_matches  # here, since most commands never guess

    listing = sorted(known)
    if len(listing) <= MOST_LISTED:
        return f"there are: {', '.join(listing) or 'none'}"
    near = get_close_matches(wanted, listing, n=5)
    return f"there are {len(listing)}" + (f"; did you mean {', '.join(near)}?" if near else "")


def _repeated(ids: list[str]) -> list[str]:
    return [each for each in dict.fromkeys(ids) if each and ids.count(each) > 1]

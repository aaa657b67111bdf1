"""``filterd profile``: the restrictions on offer, as the policies directory defines them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import in_force, output, profile_changes
from filterd.cli.group import Group
from filterd.cli.options import common, policies_of, settings_of
from filterd.model.rule import Scope

if TYPE_CHECKING:
    from filterd.model.slot import Slot
    from filterd.policy.documents import (
        AllowedGroup,
        Bypass,
        Category,
        Policies,
        Profile,
        SafeSearch,
        Service,
        Text,
    )

    Titled = Category | Service | SafeSearch | Bypass | AllowedGroup

LISTED = 12
"""names of a group that are shown; ``--json`` has all"""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@click.group(cls=Group)
def profile() -> None:
    """Show the profiles on offer."""


@profile.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the profiles, titled as subscribers read them."""
    policies = policies_of(settings_of(config))
    if as_json:
        output.show_json(
            [{**output.plain(each), "origin": _origin(policies, each)} for each in policies.profiles]
        )
        return
    rows = [
        (
            each.id,
            each.title.es,
            each.audience.es,
            len(each.categories),
            "yes" if each.schedule else "no",
            _origin(policies, each),
        )
        for each in policies.profiles
    ]
    empty = "there is no profile; profiles/ of the policies directory defines them"
    output.show_table(("profile", "title", "for", "categories", "schedule", "from"), rows, empty)


@profile.command()
@click.argument("profile")
@common
def show(profile: str, config: Path | None, as_json: bool) -> None:
    """Show what a profile restricts, in the words that subscribers read, and in English."""
    from filterd.cli.failure import Failure
    from filterd.operations.nearest import did_you_mean

    settings = settings_of(config)
    policies = policies_of(settings)
    known = {each.id: each for each in policies.profiles}
    if profile not in known:
        remedy = did_you_mean((profile,), known) + f"choose one of: {', '.join(known)}"
        raise Failure("unknown profile " + repr(profile), remedy)
    found = known[profile]
    titles = _titles(policies, found)
    lacking, unread = in_force.unfilled(settings, policies, found.every_category)
    empty = lacking.unlisted
    if as_json:
        more = {"titles": titles, "open_at_night": open_at_night(policies, found)}
        more |= {"empty": empty, "unread": lacking.unread}
        output.show_json({**output.plain(found), **more, "origin": _origin(policies, found)})
        return
    groups = open_at_night(policies, found).items()
    output.show_fields(
        [
            ("profile", found.id),
            ("from", _origin(policies, found)),
            ("title", found.title.es),
            ("for", found.audience.es),
            ("description", found.description.es),
            ("in English", f"{found.title.en}. {found.audience.en}. {found.description.en}"),
            *((kind.replace("_", " "), _called(named)) for kind, named in titles.items()),
            *((f"open: {group}", _first(names)) for group, names in groups),
            ("blocking mode", found.blocking_mode),
            ("schedule", [_slot(each, policies) for each in found.schedule]),
            *_in_both("warning", found.warning),
            *_in_both("limits", found.limits),
            ("empty", list(empty)),
            ("never read", list(lacking.unread)),
        ]
    )
    _tell_empty(found, empty, unread)
    if lacking.unread:
        output.warn(
            f"no list was ever read of {', '.join(lacking.unread)}: lines with {found.id} get what"
            " dns.parental_fail says",
            "see why: filterd feed list; read them: filterd feed update",
        )


def _tell_empty(found: Profile, empty: Sequence[str], unread: str) -> None:
    if unread:
        output.done(f"feeds that a person enabled were not looked at: {unread}")
    if empty:
        output.warn(
            f"empty: nothing is listed yet of {', '.join(empty)}, so {found.id} closes nothing there",
            "enable a feed that fills it: filterd feed list --ready",
        )


def read_out(chosen: Profile, subscriber: str) -> None:
    """Print on standard error what a line's holder must hear before a profile is chosen."""
    if chosen.limits is not None:
        output.done(f"{chosen.id}, what it does not do: {chosen.limits.es}")
    if chosen.warning is not None:
        output.warn(
            chosen.warning.es,
            f"read it to the line's holder; for another: filterd subscriber set-profile {subscriber} PROFILE",
        )


def _in_both(label: str, text: Text | None) -> list[tuple[str, str]]:
    """A text's fields: as subscribers read it, and in English."""
    return [(label, text.es), ("in English", text.en)] if text else [(label, "")]


def _origin(policies: Policies, profile: Profile) -> str:
    return output.origin(shipped=("profiles", profile.id) in policies.shipped)


def _titles(policies: Policies, profile: Profile) -> dict[str, dict[str, Text]]:
    """The restrictions of the profile, and what its schedule leaves open, by kind: id and title."""
    kinds: dict[str, tuple[Sequence[str], Sequence[Titled]]] = {
        "categories": (profile.categories, policies.categories),
        "services": (profile.services, policies.services),
        "safe_search": (profile.safe_search, policies.safe_search),
        "bypass": (profile.bypass, policies.bypass),
        "left_open": (_left_open(policies, profile), policies.protected.groups),
    }
    return {
        kind: {each.id: each.title for each in documents if each.id in chosen}
        for kind, (chosen, documents) in kinds.items()
    }


def _left_open(policies: Policies, profile: Profile) -> list[str]:
    """The groups that some slot leaves open while it blocks everything."""
    slots = [slot for slot in profile.schedule if slot.everything]
    every = [group.id for group in policies.protected.groups]
    return [each for each in every if any(slot.leaves is None or each in slot.leaves for slot in slots)]


def open_at_night(policies: Policies, profile: Profile) -> dict[str, list[str]]:
    """The names of each group that some slot leaves open while it blocks everything, those first with which
    all below them is open."""
    left = _left_open(policies, profile)
    return {
        group.id: [rule.name for rule in sorted(group.names, key=lambda rule: rule.scope is Scope.EXACT)]
        for group in policies.protected.groups
        if group.id in left
    }


def _first(names: list[str]) -> list[str]:
    more = len(names) - LISTED
    return [*names[:LISTED], f"and {more} more (all: --json)"] if more > 0 else names


def _called(named: dict[str, Text]) -> list[str]:
    return [f"{identifier} ({title.es})" for identifier, title in named.items()]


def _slot(slot: Slot, policies: Policies) -> str:
    """``Mon Tue 21:00-07:00 everything but messaging banks``."""
    days = " ".join(DAYS[day] for day in slot.days)
    start, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (slot.start, slot.end))
    what = " ".join((*slot.categories, *slot.services))
    if slot.everything:
        every = tuple(group.id for group in policies.protected.groups)
        left = " ".join(every if slot.leaves is None else slot.leaves)
        what = f"everything but {left}" if left else "everything"
    return f"{days} {start}-{end} {what}"


profile.add_command(profile_changes.changes)
profile.add_command(profile_changes.hasten)

"""Prints a line with its choices, as every command that changes one does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filterd.cli import output
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.adjustments import Adjustments
    from filterd.model.line import OwnName
    from filterd.model.slot import OneSlot, Slot
    from filterd.model.subscriber import Subscriber
    from filterd.operations.context import Context

RECORDED = "recorded"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def change(config: Path | None, as_json: bool, use_case: Callable[[Context], Awaitable[Subscriber]]) -> None:
    """Run a use case that changes a line, and print the line."""
    show_line(perform(config, use_case), as_json, RECORDED)


def show_line(
    found: Subscriber, as_json: bool, what: str = "", looked: Mapping[str, object] | None = None
) -> None:
    """Print a line. ``looked``: what was found out beside it, for JSON; ``protected_own_names`` of it, where
    that was asked, is for people too; its value is None if nobody knows."""
    from filterd.operations.erasure import choices_of

    if as_json:
        output.show_json({**choices_of(found), **(looked or {})})
        return
    choices = found.choices
    output.show_fields(
        [
            ("subscriber", found.id),
            ("line", found.line),
            ("opted in", choices.opted_in),
            ("profile", choices.profile),
            ("adjustments", adjustments_in_words(choices.adjustments, choices.zone)),
            ("zone", choices.zone),
            ("paused until", output.local_moment(choices.paused_until, choices.zone)),
            ("security left", choices.security_left),
            ("own names", [_own_name(each, choices.zone) for each in choices.own_names]),
            ("bindings", found.bindings),
        ]
    )
    protected = (looked or {}).get("protected_own_names")
    for name in protected if isinstance(protected, tuple) else ():
        output.done(
            f"{name} blocks what is protected (it was recorded before that was refused)\n"
            f"  what to do: ask the line's holder, then filterd subscriber remove {found.id} {name}"
        )
    if what:
        output.done(f"{what}; nodes apply it within a second")


def warn_of_empty(categories: Sequence[str]) -> None:
    """Say that nothing is listed of these categories, so that to close them closes nothing."""
    if categories:
        output.warn(
            f"empty: nothing is listed yet of {', '.join(categories)}, so nothing is closed there",
            "enable a feed that fills it: filterd feed list --ready",
        )


def adjustments_in_words(adjustments: Adjustments, zone: str) -> list[str]:
    """A line's adjustments, in short."""
    from filterd.operations.choices import differences

    found = differences(adjustments)
    if adjustments.plan is not None:
        found.append(f"slots of its own plan: {len(adjustments.plan)}")
    if adjustments.holidays:
        found.append(f"holidays: {len(adjustments.holidays)}")
    return [*found, *(closing_in_words(each, zone) for each in adjustments.once)]


def closing_in_words(slot: OneSlot, zone: str) -> str:
    """A closing that comes once: what, from when and until when."""
    begin, end = (output.local_moment(each, zone) for each in (slot.begin, slot.end))
    return f"closed once: {closed_in_words(slot)} from {begin} until {end}"


def closed_in_words(slot: Slot | OneSlot) -> str:
    """The things that a slot closes: ``everything``, or ids."""
    if not slot.everything:
        return " ".join((*slot.categories, *slot.services))
    if slot.leaves is None:
        return "everything but the groups that stay open"
    return f"everything but {' '.join(slot.leaves)}" if slot.leaves else "everything"


def _own_name(own: OwnName, zone: str) -> str:
    end = f" until {output.local_moment(own.until, zone)}" if own.until else ""
    return f"{own.action.word} {own.name} ({own.scope.word}){end}"

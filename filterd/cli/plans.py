"""``filterd subscriber plan``, ``close`` and ``open``: the hours of a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from filterd.cli import output
from filterd.cli.line_view import DAYS, RECORDED, closed_in_words, closing_in_words, warn_of_empty
from filterd.cli.options import ReadText, common, optional_time_span
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.slot import OneSlot, Slot
    from filterd.model.subscriber import Subscriber
    from filterd.operations.closings import Closed
    from filterd.operations.context import Context
    from filterd.operations.plans import LineHours

STDIN = "<stdin>"
"""the name of standard input in Python"""
APPLIED = f"{RECORDED}; nodes apply it within a second"


@click.command()
@click.argument("id")
@click.option("--file", type=ReadText(), help="The plan to set, in YAML; - reads standard input.")
@click.option("--as-profile", is_flag=True, help="Go back to the profile's hours.")
@click.option("--holiday", "holidays", multiple=True, metavar="DATE", help="A day without hours; repeatable.")
@click.option("--no-holiday", "workdays", multiple=True, metavar="DATE", help="A day with hours again.")
@common
def plan(
    id: str,
    file: TextIO | None,
    as_profile: bool,
    config: Path | None,
    as_json: bool,
    **days: tuple[str, ...],
) -> None:
    """Show the week of a line, or set a plan of its own in the place of its profile's hours.

    \b
    schedule:
      - {days: daily, from: "21:00", until: "06:00", block: {childrens: true}}
      - {days: [sat], from: "14:00", until: "16:00", block: [games, video]}
      - days: [mon, fri]
        from: "01:00"
        until: "05:00"
        block: everything
        leaves: [messaging]

    A slot belongs to the day on which it begins. childrens stands for games, video, series and social
    networks. On a holiday no slot begins.
    """
    from filterd.operations import plans
    from filterd.operations.filling import empty_categories

    if file is not None and as_profile:
        message = "give --file or --as-profile, not both"
        raise click.UsageError(message)
    text, name = (None, "") if file is None else (file.read(), _name(file))
    wanted = plans.PlanChange(text, name, as_profile, **days)
    changes = wanted != plans.PlanChange(name=name)

    async def run(context: Context) -> tuple[Subscriber, LineHours, tuple[str, ...]]:
        found, hours = await (plans.change(context, id, wanted) if changes else plans.show(context, id))
        return found, hours, await empty_categories(context, _categories(*hours.slots))

    found, hours, empty = perform(config, run)
    warnings = [plans.ADULTS_TOO.es] if text is not None and hours.everything else []
    if as_json:
        output.show_json({**_plain(found, hours, warnings), "empty": empty})
    else:
        _show(found, hours)
        if changes:
            output.done(APPLIED)
    warn_of_empty(empty)
    for each in warnings:
        output.warn(
            each, f"read it to the line's holder; to undo it: filterd subscriber plan {id} --as-profile"
        )


def _categories(*slots: Slot | OneSlot) -> set[str]:
    return {each for slot in slots for each in slot.categories}


def _name(file: TextIO) -> str:
    name = str(getattr(file, "name", STDIN))
    return "standard input" if name == STDIN else Path(name).name


def _plain(found: Subscriber, hours: LineHours, warnings: list[str]) -> dict[str, Any]:
    from filterd.operations.plans import closed_words, slot_words

    return {
        "subscriber": found.id,
        "zone": found.choices.zone,
        "hours_of": "line" if hours.own else "profile",
        "schedule": [slot_words(each) for each in hours.slots],
        "holidays": hours.holidays,
        "once": [{"begins_at": each.begin, "ends_at": each.end, **closed_words(each)} for each in hours.once],
        "warnings": warnings,
    }


def _show(found: Subscriber, hours: LineHours) -> None:
    zone = found.choices.zone
    whose = "of the line's own plan" if hours.own else f"of the profile {found.choices.profile or '-'}"
    output.show_table(("day", "from", "until", "closes"), list(_week(hours)), f"no weekly hours {whose}")
    if hours.slots:
        output.done(f"hours {whose}, by the clock of {zone}")
    if hours.holidays:
        output.done(f"holidays, on which none of them begins: {', '.join(hours.holidays)}")
    for each in hours.once:
        output.done(closing_in_words(each, zone))


def _week(hours: LineHours) -> Iterator[tuple[str, str, str, str]]:
    from filterd.operations.plans import clock

    for number, day in enumerate(DAYS):
        for slot in sorted(hours.slots, key=lambda slot: slot.start):
            if number in slot.days:
                later = "" if slot.end > slot.start else " (next day)"
                yield day, clock(slot.start), clock(slot.end) + later, closed_in_words(slot)


@click.command()
@click.argument("id")
@click.option("--for", "seconds", callback=optional_time_span, default="", help="How long: 45m, 2h, 1d.")
@click.option("--until", default="", metavar="TIME", help="The end: 21:00, 2026-12-24T21:00.")
@click.option("--from", "begin", default="", metavar="TIME", help="The begin; default: now.")
@click.option("--everything", is_flag=True, help="All but protected names and the groups that stay open.")
@click.option("--childrens", is_flag=True, help="Games, video, series and social networks.")
@click.option("--category", "categories", multiple=True, metavar="ID", help="A category; repeatable.")
@click.option("--service", "services", multiple=True, metavar="ID", help="A service; repeatable.")
@common
def close(id: str, config: Path | None, as_json: bool, **said: Any) -> None:
    """Close something on a line for a stretch that comes once and ends by itself, after 7 days at most.

    It counts for the whole house. filterd subscriber open ID ends it before its time.
    """
    from filterd.operations import closings
    from filterd.operations.ends import End
    from filterd.operations.filling import empty_categories
    from filterd.operations.plans import ADULTS_TOO

    if bool(said["seconds"]) == bool(said["until"]):
        message = "give one end: --for or --until"
        raise click.UsageError(message)
    end, closed = End(said["seconds"], said["until"]), _closed(said)

    async def run(context: Context) -> tuple[Subscriber, OneSlot, tuple[str, ...]]:
        found, made = await closings.close(context, id, closed, end, begin=said["begin"])
        return found, made, await empty_categories(context, _categories(made))

    found, made, empty = perform(config, run)
    paused = found.choices.paused_until > made.begin
    warnings = [ADULTS_TOO.es] if made.everything else []
    if as_json:
        output.show_json({**_closing(found, made), "warnings": warnings, "paused": paused, "empty": empty})
    else:
        output.done(f"{closing_in_words(made, found.choices.zone)}; {APPLIED}")
    warn_of_empty(empty)
    for each in warnings:
        output.warn(each, f"read it to the line's holder; to end it: filterd subscriber open {id}")
    if paused:
        output.warn(
            "the line is paused, so nothing of it closes before the pause ends",
            f"end the pause: filterd subscriber resume {id}",
        )


def _closed(said: dict[str, Any]) -> Closed:
    from filterd.operations.closings import Closed

    return Closed(**{each: said[each] for each in ("everything", "childrens", "categories", "services")})


def _closing(found: Subscriber, made: OneSlot) -> dict[str, Any]:
    from filterd.operations.plans import closed_words

    return {
        "subscriber": found.id,
        "begins_at": made.begin,
        "ends_at": made.end,
        **closed_words(made),
        "once": len(found.choices.adjustments.once),
    }


@click.command("open")
@click.argument("id")
@click.option("--all", "coming", is_flag=True, help="Those that begin later too.")
@common
def open_(id: str, coming: bool, config: Path | None, as_json: bool) -> None:
    """End what was closed on a line once. Weekly hours and the profile go on."""
    from filterd.operations import closings

    found, ended = perform(config, lambda context: closings.reopen(context, id, coming=coming))
    left = len(found.choices.adjustments.once)
    if as_json:
        output.show_json({"subscriber": found.id, "ended": ended, "once": left})
        return
    begins_later = f"; {left} begin later" if left else ""
    output.done(f"opened: {ended} ended{begins_later}; {APPLIED}")

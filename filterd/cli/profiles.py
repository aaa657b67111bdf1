"""``filterd profile``: the restrictions on offer, as the policies directory defines them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.options import common, policies_of, settings_of

if TYPE_CHECKING:
    from filterd.policy.documents import Slot

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@click.group()
def profile() -> None:
    """Show the profiles on offer."""


@profile.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the profiles."""
    found = policies_of(settings_of(config)).profiles
    if as_json:
        output.show_json(found)
        return
    rows = [(each.id, each.title.es, each.title.en, len(each.categories), each.audience.en) for each in found]
    output.show_table(("profile", "título", "title", "categories", "audience"), rows, "there is no profile")


@profile.command()
@click.argument("profile")
@common
def show(profile: str, config: Path | None, as_json: bool) -> None:
    """Show what a profile restricts."""
    from filterd.cli.failure import Failure

    known = {each.id: each for each in policies_of(settings_of(config)).profiles}
    if profile not in known:
        raise Failure("unknown profile " + repr(profile), f"choose one of: {', '.join(known)}")
    found = known[profile]
    if as_json:
        output.show_json(found)
        return
    output.show_fields(
        [
            ("profile", found.id),
            ("title", f"{found.title.es} / {found.title.en}"),
            ("description", found.description.en),
            ("audience", found.audience.en),
            ("categories", found.categories),
            ("services", found.services),
            ("safe search", found.safe_search),
            ("bypass", found.bypass),
            ("blocking mode", found.blocking_mode),
            ("schedule", [_slot(each) for each in found.schedule]),
        ]
    )


def _slot(slot: Slot) -> str:
    """``Mon Tue 21:00-07:00 everything``."""
    days = " ".join(DAYS[day] for day in slot.days)
    start, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (slot.start, slot.end))
    what = "everything" if slot.everything else " ".join(slot.categories)
    return f"{days} {start}-{end} {what}"

"""``filterd subscriber choose``: what a line has beyond its profile, and without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.line_view import RECORDED, warn_of_empty
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.subscriber import Subscriber
    from filterd.operations.choices import OwnChoices, Wish
    from filterd.operations.context import Context

KIND_ID = "KIND:ID"
UNDO = "filterd subscriber choose {} --as-profile way:..."


@click.command()
@click.argument("id")
@click.option("--add", "added", multiple=True, metavar=KIND_ID, help="Close it for the line; repeatable.")
@click.option("--take", "taken", multiple=True, metavar=KIND_ID, help="Leave it open; repeatable.")
@click.option(
    "--as-profile", "reset_to", multiple=True, metavar=KIND_ID, help="Let the profile decide; repeatable."
)
@click.option(
    "--youtube", type=click.Choice(("off", "moderate", "strict")), help="The restricted mode of YouTube."
)
@click.option("--reset", is_flag=True, help="Let the profile decide on all of them; hours stay.")
@common
def choose(
    id: str, youtube: str | None, reset: bool, config: Path | None, as_json: bool, **wished: tuple[str, ...]
) -> None:
    """Add single categories and services to a line's profile, or take them from it.

    KIND is category, service, safe-search or way (around the filter); filterd policies list shows the ids.
    Without an option it shows what the line has. It counts for the whole house, within a second.
    """
    from filterd.operations import choices
    from filterd.operations.filling import empty_categories
    from filterd.operations.policies import policies

    wishes = _wishes(wished)
    changes = bool(wishes or youtube or reset)

    warnings: list[str] = []

    async def run(context: Context) -> tuple[Subscriber, OwnChoices, tuple[str, ...]]:
        found, own = await change(context)
        return found, own, await empty_categories(context, found.choices.adjustments.categories.added)

    async def change(context: Context) -> tuple[Subscriber, OwnChoices]:
        if not changes:
            return await choices.show(context, id)
        warning = choices.warning_of(wishes, policies(context))
        if warning is not None:
            warnings.append(warning.es)
            output.warn(warning.es, f"read it to the line's holder; to undo it: {UNDO.format(id)}")
        return await choices.choose(context, id, wishes, youtube=youtube or "", reset=reset)

    found, own, empty = perform(config, run)
    if as_json:
        line = {"subscriber": found.id, "line": found.line}
        output.show_json({**line, **output.plain(own), "warnings": warnings, "empty": empty})
    else:
        _show(found, own, RECORDED if changes else "")
    warn_of_empty(empty)


def _show(found: Subscriber, own: OwnChoices, what: str) -> None:
    output.show_fields(
        [
            ("subscriber", found.id),
            ("profile", own.profile),
            ("closed beyond it", list(map(str, own.beyond))),
            ("open without it", list(map(str, own.without))),
        ]
    )
    if what:
        output.done(f"{what}; nodes apply it within a second")


def _wishes(wished: dict[str, tuple[str, ...]]) -> list[Wish]:
    from filterd.operations.choices import ADD, AS_PROFILE, TAKE, Wish

    acts = {"added": ADD, "taken": TAKE, "reset_to": AS_PROFILE}
    return [Wish(acts[option], text) for option, texts in wished.items() for text in texts]


def tell_what_stays(found: Subscriber, dropped: Sequence[str]) -> None:
    """Say, after a change of profile, which of the line's adjustments are left, and which are dropped."""
    from filterd.operations.choices import differences

    adjustments = found.choices.adjustments
    if dropped:
        output.done(f"no difference from this profile any more, and dropped: {', '.join(dropped)}")
    kept = differences(adjustments)
    if kept:
        output.done(f"the line's own choices stay: {', '.join(kept)}")
    if adjustments.plan is not None:
        output.done(f"its own plan stays; see it with: filterd subscriber plan {found.id}")

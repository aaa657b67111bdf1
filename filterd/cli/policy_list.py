"""``filterd policies list``: what a line can choose beside its profile, by kind."""

from __future__ import annotations

from pathlib import Path

import click

from filterd.cli import output
from filterd.cli.options import common, policies_of, settings_of


@click.command("list")
@click.option(
    "--kind", type=click.Choice(("category", "service", "safe-search", "way")), help="Of this kind alone."
)
@common
def list_(kind: str | None, config: Path | None, as_json: bool) -> None:
    """List categories, services, safe search and ways around, titled as subscribers read them.

    A line can have each beside its profile: filterd subscriber choose ID --add KIND:ID.
    """
    from filterd.operations.choices import FIELDS, choosable

    policies = policies_of(settings_of(config))
    kinds = [each for each in FIELDS if kind in (None, each)]
    found = [(each, item.id, item.title) for each in kinds for item in choosable(policies, each)]
    if as_json:
        output.show_json([dict(zip(("kind", "id", "title"), each, strict=True)) for each in found])
        return
    rows = [(each, identifier, title.es, title.en) for each, identifier, title in found]
    empty = "the policies have nothing of the kind; the files of the policies directory define it"
    output.show_table(("kind", "id", "title", "in English"), rows, empty)

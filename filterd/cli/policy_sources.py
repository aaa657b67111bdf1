"""``filterd policies source`` and ``filterd policies sources``: where the shipped names come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import in_force, output
from filterd.cli.failure import Failure
from filterd.cli.options import common, policies_of, refused, settings_of

if TYPE_CHECKING:
    from filterd.config.policy_sources import NameSource, Sources
    from filterd.config.settings import Settings
    from filterd.operations.provenance import Passage


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME [NAME ...]")
@common
def source(names: tuple[str, ...], config: Path | None, as_json: bool) -> None:
    """Say which lists and pages a name of the policies is from, and under which licence.

    For each document that speaks of the name: the entry, the name as it is written there, and its sources.
    A name that you added yourself is from your own file. Lists that are fetched are looked at as they are in
    force; a confidential one never.
    """
    from filterd.operations.errors import OperationError
    from filterd.operations.provenance import NamePassages, fetched_passages, passages

    settings = settings_of(config)
    policies = policies_of(settings)
    sources = _recorded(config, settings)
    try:
        found = [passages(settings, policies, sources, name) for name in names]
    except OperationError as error:
        raise refused(config, str(error), error.remedy) from None
    fetched, unread = in_force.ask(settings, lambda context: fetched_passages(context, policies, names))
    if fetched is not None:
        found = [
            NamePassages(each.name, each.passages + more) for each, more in zip(found, fetched, strict=True)
        ]
    if as_json:
        output.show_json(found)
    else:
        rows = [row for each in found for passage in each.passages for row in _rows(each.name, passage)]
        columns = ("name", "document", "entry", "as", "source", "from", "commit", "date", "licence")
        output.show_table(columns, rows, "no policy has a name that was asked for")
    if unread:
        output.done(f"lists that are fetched were not looked at: {unread}")
    unknown = [each.name for each in found if not each.passages]
    if unknown:
        messages = [f"no policy here has {name}, nor a name above it" for name in unknown]
        remedy = f"filterd check {unknown[0]} says what it gets, with orders and own names"
        raise Failure(messages, remedy)


@click.command()
@common
def sources(config: Path | None, as_json: bool) -> None:
    """List the public lists and pages that the shipped names are from, each with its licence."""
    from filterd.operations.provenance import uses

    found = uses(_recorded(config, settings_of(config)))
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            each.source.id,
            each.source.place,
            each.source.commit,
            each.source.date,
            each.source.licence,
            each.names,
            each.documents,
        )
        for each in found
    ]
    output.show_table(("source", "from", "commit", "date", "licence", "names", "documents"), rows, "")


def _recorded(config: Path | None, settings: Settings) -> Sources:
    from filterd.operations.errors import OperationError
    from filterd.operations.provenance import read

    try:
        return read(settings)
    except OperationError as error:
        raise refused(config, str(error), error.remedy) from None


def _rows(name: str, passage: Passage) -> list[tuple[str, ...]]:
    """A row for each source of a passage."""
    head = (name, passage.document, passage.entry or "-", passage.name)
    if not passage.sources:
        return [(*head, "your own file", "", "", "", "")]
    if passage.origin == "feed":
        return [(*head, each.notice or each.id, *_cells(each)[1:]) for each in passage.sources]
    return [(*head, *_cells(each)) for each in passage.sources]


def _cells(source: NameSource) -> tuple[str, ...]:
    return source.id, source.place, source.commit or "-", source.date, source.licence or "-"

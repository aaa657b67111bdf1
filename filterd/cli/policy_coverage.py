"""``filterd policies coverage``: the profiles against independent lists, both ways."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output, sudo
from filterd.cli.failure import Failure
from filterd.cli.options import common, policies_of, refused, settings_of
from filterd.disk.given_file import GivenFile

if TYPE_CHECKING:
    from filterd.config.settings import Settings
    from filterd.operations.coverage.engine import Engine, Tell
    from filterd.operations.coverage.measuring import Coverage, ProfileCoverage, Request, Row, Totals

SHOWN = 10
"""sites that a failure names; the report names them all"""
FIGURES = ("names", "blocked", "safe", "pass", "closed")


@click.command()
@click.option(
    "--against",
    "folder",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of independent lists, with a coverage.yaml that describes them.",
)
@click.option("--profile", "profiles", multiple=True, help="This profile, list by list; may be repeated.")
@click.option("--at", default="", help="At this time, ISO 8601 with offset; default outside of hours.")
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=5000,
    show_default=True,
    help="Ask for this many names of each list to be closed; 0: all.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, another sample.")
@click.option("--list", "names", is_flag=True, help="Name what passes.")
@click.option("--compile", "anew", is_flag=True, help="Compile the policies, even with a snapshot in force.")
@click.option("--strict", is_flag=True, help="Fail if a site is blocked that must pass.")
@common
def coverage(anew: bool, strict: bool, config: Path | None, as_json: bool, **wanted: Any) -> None:
    """Say how much of independent lists each profile closes, and what passes.

    Every name is asked for as a line with the profile would. Sites of area must-pass are named if a profile
    blocks them. Orders, mandatory lists and the security policy take no part, nor do addresses in answers.
    """
    from filterd.operations.coverage.measuring import measure
    from filterd.operations.errors import OperationError

    settings = settings_of(config)
    try:
        request = _request(settings, **wanted)
        with output.progress("coverage") as tell:
            found = measure(_engine(settings, anew, tell), request, opened, tell)
    except OperationError as error:
        raise refused(config, str(error), error.remedy) from None
    warn_of_unasked(found)
    if as_json:
        output.show_json(_plain(found))
    else:
        show(found, by_list=bool(request.profiles), names=request.names)
    if strict:
        require_open(found)


def _request(
    settings: Settings,
    *,
    folder: Path,
    profiles: tuple[str, ...],
    at: str,
    sample: int,
    seed: int,
    names: bool,
) -> Request:
    """The options as the use case takes them."""
    from filterd.operations import input_values
    from filterd.operations.coverage.measuring import Request

    return Request(
        folder=folder,
        now=int(time.time()),
        zone=settings.zone,
        profiles=profiles,
        at=input_values.when(at, "--at") if at else None,
        sample=sample,
        seed=seed,
        names=names,
    )


def _engine(settings: Settings, anew: bool, tell: Tell | None) -> Engine:
    from filterd.operations.coverage.engine import compiled, in_force

    engine = None if anew else in_force(settings)
    return engine or compiled(policies_of(settings), settings.policies, tell)


@contextmanager
def opened(path: Path) -> Iterator[GivenFile]:
    """A file of the folder, judged as any that a person gives (:mod:`filterd.cli.sudo`)."""
    # Not blocking: a named pipe would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        sudo.require_readable(descriptor, str(path))
        yield GivenFile(path, descriptor)
    finally:
        os.close(descriptor)


def warn_of_unasked(found: Coverage) -> None:
    """Say which lists were not asked for as a whole."""
    for row in found.unasked:
        output.warn(
            f"{row.title}: names asked for: {row.asked}; lines that give no name: {row.skipped}",
            "filterd feed parse FILE shows each line and why; before a public suffix write www.",
        )


def require_open(found: Coverage) -> None:
    """Fail if a profile blocks a site that must pass."""
    wrongly = found.blocked_wrongly
    if wrongly:
        verb = "sites are" if len(wrongly) > 1 else "site is"
        more = f" and {len(wrongly) - SHOWN} more" if len(wrongly) > SHOWN else ""
        message = f"{len(wrongly)} {verb} blocked that must pass: {', '.join(wrongly[:SHOWN])}{more}"
        raise Failure(message, "; ".join(_remedies(found)))


def _remedies(found: Coverage) -> Iterator[str]:
    """The remedies for what a schedule blocks with everything else, and for what lists block."""
    from filterd.operations.coverage.measuring import blocking_everything

    profiles, by_lists = blocking_everything(found)
    if profiles:
        names = ", ".join(profiles)
        yield (
            f"a schedule that blocks everything ({names}) leaves open the groups of protected.yaml: put the "
            "name into one; an exception does not open it at that hour"
        )
    if by_lists:
        yield (
            "take the name out of what is named in brackets, or ask its publisher to; until then: "
            "filterd exception add NAME --for 1d --reason TEXT (a line NAME: [] in expected.yaml keeps "
            "other lists from blocking it)"
        )


def _plain(found: Coverage) -> dict[str, object]:
    """The report as JSON, with the figures that follow from others."""

    def row(each: Row) -> dict[str, object]:
        return {**output.plain(each), "passing": each.passing}

    def totals(each: ProfileCoverage) -> dict[str, object]:
        return {area: _figures(sums) for area, sums in _areas(each)}

    return {
        **output.plain(found),
        "profiles": [
            {"profile": each.profile, "at": each.at, "totals": totals(each), "rows": [*map(row, each.rows)]}
            for each in found.profiles
        ],
        "offered": [*map(row, found.offered)],
        "blocked_wrongly": list(found.blocked_wrongly),
    }


def _figures(sums: Totals) -> dict[str, object]:
    return {**output.plain(sums), "passing": sums.passing, "share": sums.share}


def _areas(found: ProfileCoverage) -> Iterator[tuple[str, Totals]]:
    """The areas that have lists, each with its totals."""
    from filterd.operations.coverage.folder import Area

    present = {row.area for row in found.rows}
    return ((area.value, found.totals(area)) for area in Area if area in present)


def show(found: Coverage, *, by_list: bool, names: bool) -> None:
    """Print the report for people."""
    output.done(f"measured: {found.made_of}")
    if found.sample:
        asked = f"of each list that is to be closed at most {found.sample} names were asked for"
        output.done(f"{asked} (--sample 0: all)")
    if found.left_out:
        output.done(f"not fetched, so left out: {', '.join(found.left_out)}")
    if by_list:
        for number, each in enumerate(found.profiles):
            click.echo("\n" * bool(number) + f"{each.profile}, at {output.moment(each.at)}")
            rows = [(_title(row), row.area, row.wanted, *figures(row)) for row in each.rows]
            output.show_table(("list", "area", "meant", *FIGURES), rows, "")
    else:
        table = [
            (each.profile, area, sums.lists, *figures(sums))
            for each in found.profiles
            for area, sums in _areas(each)
        ]
        output.show_table(("profile", "area", "lists", *FIGURES), table, "no list was measured")
        click.echo()
        output.show_table(("on offer", "lists", *FIGURES), [*_offers(found.offered)], "")
    for each in found.profiles:
        _show_names(each, names=names)


def _offers(rows: Iterable[Row]) -> Iterator[tuple[object, ...]]:
    """The lists of services and of categories together: what any profile could close."""
    from filterd.operations.coverage.measuring import total

    found = list(rows)
    for area in dict.fromkeys(row.area for row in found):
        sums = total(row for row in found if row.area is area)
        yield (f"all {area.value}", sums.lists, *figures(sums))


def figures(found: Row | Totals) -> tuple[object, ...]:
    """The columns of :data:`FIGURES`. The share is rounded down: 100 % is all."""
    closed = found.blocked + found.rewritten
    share = f"{closed * 1000 // found.asked / 10:.1f} %" if found.asked else "-"
    return (found.asked, found.blocked, found.rewritten, found.passing, share)


def _title(row: Row) -> str:
    return f"{row.title} ({row.id})" if row.id and row.id != row.title else row.title


def _show_names(found: ProfileCoverage, *, names: bool) -> None:
    """Print the names that pass, and always those that must and do not."""
    from filterd.operations.coverage.folder import Area

    for row in found.rows:
        if not row.names or not (names or row.area is Area.MUST_PASS):
            continue
        what, count = ("blocked", row.blocked) if row.area.stays_open else ("pass", row.passing)
        click.echo(f"\n{found.profile}, {row.title}: {count} {what}")
        for name in row.names:
            click.echo(f"  {name}")
        if count > len(row.names):
            click.echo(f"  and {count - len(row.names)} more")

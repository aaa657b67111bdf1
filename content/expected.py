"""Writes down where each name of ``policies/expected.yaml`` is from: ``policies/provenance/expected.tsv``.

::

    python -m content.expected --v2fly PATH --nextdns PATH --lists PATH

The lines themselves are reviewed by hand. A name that no source has, and for which ``content/expected.yaml``
gives no page, is told, and nothing is written. ``tests/meta/test_policy_expected.py`` tells which popular
names have no line yet. The same sources give the same file.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from content.sources import POLICIES, Community, read_names, read_text, write_provenance
from filterd.config.yamlfile import read_yaml
from filterd.policy.overlaps import above

PAGES = Path(__file__).with_suffix(".yaml")
SHIPPED = POLICIES / "expected.yaml"
V2FLY, NEXTDNS = "v2fly", "nextdns-services"
FREE = ("MIT", "Unlicense")
"""the licences of lists whose names may be shipped"""


def free_lists() -> frozenset[str]:
    """The ids of the sources whose names may be shipped."""
    return frozenset(each["id"] for each in read_yaml(POLICIES / "sources.yaml") if each["licence"] in FREE)


def _community(path: Path, names: frozenset[str]) -> Iterator[str]:
    """The names that a list has, and those below an entry that holds all below it."""
    community = Community.read(path)
    entries = [entry for name in community for entry in community.entries(name, included=False)]
    yield from (entry.name for entry in entries)
    whole = {entry.name for entry in entries if not entry.exact and "." in entry.name}
    yield from (name for name in names if not whole.isdisjoint(above(name)))


def _texts(value: object) -> Iterator[str]:
    """Every text in a value of JSON: the file of services is read for its names, whatever holds them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def sources_of(names: frozenset[str], v2fly: Path, nextdns: Path, lists: Path) -> dict[str, set[str]]:
    """The sources that have each name; a name that none has is left out."""
    found: dict[str, set[str]] = defaultdict(set)

    def take(source: str, there: set[str]) -> None:
        for name in names & there:
            found[name].add(source)

    take(V2FLY, set(_community(v2fly, names)))
    take(NEXTDNS, set(_texts(json.loads(read_text(nextdns)))))
    free = free_lists()
    for file in sorted(lists.glob("*/*.txt*")):
        source = file.name.partition(".")[0]
        if source in free:
            take(source, read_names([file]))
    for name, page in read_yaml(PAGES).items():
        if name in names and not found.get(name):
            found[name].add(page)
    return dict(found)


@click.command(help="Write policies/provenance/expected.tsv.")
@click.option("--v2fly", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--nextdns", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--lists", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(v2fly: Path, nextdns: Path, lists: Path) -> None:
    """Look for each name in the sources."""
    names = frozenset(read_yaml(SHIPPED))
    found = sources_of(names, v2fly, nextdns, lists)
    missing = sorted(names - found.keys())
    if missing:
        click.echo(f"no source has {', '.join(missing)}: give its page in {PAGES.name}", err=True)
        sys.exit(1)
    write_provenance("expected", found)
    click.echo(f"{len(found):,} names")


if __name__ == "__main__":
    main()

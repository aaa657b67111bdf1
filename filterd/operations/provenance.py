"""The passages of the policies that speak of a name, and the public source of each: licences by one command.

A passage is an entry of a document whose names cover the one asked for. What the operator wrote has no source
here but the operator's own file. Of feeds that are fetched the list in force is looked at
(:func:`fetched_passages`). Confidential feeds are passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filterd.config.policies import icann_suffixes
from filterd.config.policy_sources import NameSource, Sources, SourcesError, read_sources
from filterd.config.settings import Settings
from filterd.feed.parsing import ParseReport, parse
from filterd.feed.rules import collect
from filterd.feed.source import SourceError, line_blocks, read_chunks
from filterd.model.records import FeedVersion
from filterd.model.rule import Action, NameRule, Scope
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.feeds import adoption, rule_files
from filterd.policy.canonical import CanonicalError, parse_line
from filterd.policy.compiler import whole_lines
from filterd.policy.documents import Feed, Policies, Publication
from filterd.policy.overlaps import above
from filterd.store import feeds as feed_rows


@dataclass(frozen=True, slots=True)
class Passage:
    """An entry of the policies that speaks of a name."""

    document: str
    entry: str
    """the id of the entry; of a document without entries, the document's part"""
    name: str
    """the name that is written there: the one asked for, or one above it"""
    scope: str
    origin: str
    """``shipped``, ``own``, or ``feed`` for a list that is fetched"""
    sources: tuple[NameSource, ...] = ()


@dataclass(frozen=True, slots=True)
class NamePassages:
    """A name, as the policies write names, and the passages that speak of it."""

    name: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class SourceUse:
    """A source and how many of the shipped names it has."""

    source: NameSource
    names: int
    documents: tuple[str, ...]


def read(settings: Settings) -> Sources:
    """The recorded sources of the shipped policies. Raises OperationError where there are none to read."""
    directory = settings.policies_base or settings.policies
    try:
        return read_sources(directory)
    except SourcesError as error:
        message = f"the sources of the names in {directory} cannot be told:\n{error}"
        remedy = "set policies_base to the shipped policies: they have sources.yaml and provenance/"
        raise OperationError(message, remedy) from error


def uses(sources: Sources) -> list[SourceUse]:
    """Every source, with the names that the shipped policies have of it."""
    names: dict[str, set[str]] = {each: set() for each in sources.sources}
    documents: dict[str, set[str]] = {each: set() for each in sources.sources}
    for document, found in sources.documents.items():
        for name, ids in found.items():
            for each in ids:
                names[each].add(name)
                documents[each].add(document)
    return [
        SourceUse(source, len(names[key]), tuple(sorted(documents[key])))
        for key, source in sources.sources.items()
    ]


def passages(settings: Settings, policies: Policies, sources: Sources, asked: str) -> NamePassages:
    """The passages that speak of a name, in the order of the documents. Raises OperationError for what is no
    name."""
    name = input_values.name(asked)
    layered = settings.policies_base is not None
    found = []
    for document, entry, rule in _covering(settings, policies, name):
        of = sources.of(document, rule.name)
        if not of and document == "popular":
            of = sources.anywhere(rule.name)  # popular names are picked from the other documents
        kept = {"lists": "feeds.yaml"}.get(document, f"{document}.yaml")
        own = layered and document not in _WITHOUT_ENTRIES and (kept, entry) not in policies.shipped
        origin = "own" if own or not of else "shipped"
        found.append(
            Passage(document, entry, rule.name, rule.scope.word, origin, of if origin == "shipped" else ())
        )
    return NamePassages(name, tuple(found))


_WITHOUT_ENTRIES = ("protected", "expected", "popular")
"""documents whose names belong to no entry: their own file may add to the shipped one"""


FEEDS = "feeds"
"""stands for the document of a passage in a list that is fetched"""


async def fetched_passages(
    context: Context, documents: Policies, asked: Sequence[str]
) -> list[tuple[Passage, ...]]:
    """For each name the passages in the fetched lists in force. The source of one is the feed itself:
    a ready one with its publisher and licence. Raises OperationError."""
    found = await adoption.policies_in_force(context, documents)
    async with context.store.read() as connection:
        current = await feed_rows.current(connection)
    tops = [tuple(above(input_values.name(name))) for name in asked]
    wanted = {top for some in tops for top in some}
    published = {each.feed.id: each.publication for each in documents.ready}
    passages: list[list[Passage]] = [[] for _ in asked]
    for feed in found.policies.feeds:
        version = current.get(feed.id)
        if not feed.remote or feed.confidential or version is None:
            continue
        source = _published(feed, published.get(feed.id), version.at)
        rules = await asyncio.to_thread(_rules_on, context.settings.state_dir, version, wanted)
        for place, names in zip(passages, tops, strict=True):
            place += [
                Passage(FEEDS, feed.id, rule.name, rule.scope.word, "feed", (source,))
                for rule in rules
                if _speaks(rule, names[0])
            ]
    return [tuple(each) for each in passages]


def _published(feed: Feed, publication: Publication | None, at: float) -> NameSource:
    date = datetime.fromtimestamp(at, UTC).date().isoformat()
    if publication is None:
        return NameSource(feed.id, "", date, "", page=feed.source)
    return NameSource(feed.id, publication.licence, date, publication.publisher, page=feed.source)


def _rules_on(state_dir: Path, version: FeedVersion, names: Collection[str]) -> list[NameRule]:
    """The rules of a version that block one of the names, or what is below it."""
    wanted = {each.encode("ascii") for each in names}
    path = rule_files.rule_file(state_dir, version.feed, version.version)
    try:
        lines = (line for piece in whole_lines(rule_files.read_pieces(path)) for line in piece.split(b"\n"))
        rules = [parse_line(line) for line in lines if line.partition(b" ")[0] in wanted]
    except (OSError, CanonicalError) as error:
        message = f"the list of the feed {version.feed} cannot be read: {error}"
        raise OperationError(
            message, f"run it as the user of filterd; filterd feed show {version.feed}"
        ) from error
    return [rule for rule in rules if isinstance(rule, NameRule) and rule.action is Action.BLOCK]


def _covering(settings: Settings, policies: Policies, name: str) -> Iterator[tuple[str, str, NameRule]]:
    """Document, entry and rule of each passage."""
    tops = tuple(above(name))
    for feed in policies.feeds:
        if not feed.remote and not feed.confidential:
            yield from (("lists", feed.id, rule) for rule in _in_list(settings, feed, tops))
    protected = policies.protected
    groups: list[tuple[str, str, Iterable[NameRule]]] = [
        *(("services", each.id, each.names) for each in policies.services),
        *(("safesearch", each.id, each.names) for each in policies.safe_search),
        *(("safesearch", each.id, [NameRule(each.target, Scope.EXACT)]) for each in policies.safe_search),
        *(("bypass", each.id, each.names) for each in policies.bypass),
        ("protected", "names", protected.names),
        ("protected", "always_allowed", protected.always_allowed),
        *(("protected", each.id, each.names) for each in protected.groups),
        ("expected", "", [NameRule(each.name, Scope.EXACT) for each in policies.expected]),
        ("popular", "", [NameRule(each, Scope.EXACT) for each in tops[:1] if each in policies.popular]),
    ]
    for document, entry, rules in groups:
        yield from ((document, entry, rule) for rule in rules if _speaks(rule, name))


def _speaks(rule: NameRule, name: str) -> bool:
    below = name.endswith("." + rule.name)
    return (name == rule.name and rule.scope is not Scope.BELOW) or (below and rule.scope is not Scope.EXACT)


def _in_list(settings: Settings, feed: Feed, tops: tuple[str, ...]) -> list[NameRule]:
    """The rules of a list on the name and on those above it. A list that cannot be read has none here:
    ``feed list`` says what is wrong with it."""
    try:
        blocks = line_blocks(read_chunks(settings.policies / feed.source))
        rules = collect(parse(blocks, feed.format, feed.scope, icann_suffixes(), ParseReport()))
    except (OSError, SourceError):
        return []
    found = [
        NameRule(each, scope) for scope, names in rules.blocks_among(tops).items() for each in sorted(names)
    ]
    return [rule for rule in found if _speaks(rule, tops[0])]

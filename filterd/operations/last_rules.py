"""The rules that a list goes on with while its own cannot be had.

A list of a category, of a way around or of security whose row or file is not what was read keeps no mandatory
list from being compiled, and its names stay blocked: it is compiled with the last of its rules whose file is
whole, as the audit trail or the snapshot in force names them. So is one that the snapshot in force has and a
restored store does not know. Only where no file of it is whole is it left out; and where that would lift its
names, only if a mandatory list would wait for it otherwise. A mandatory list has no stand-in: a person looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.settings import Settings
from filterd.disk.keys import DIGEST_KEY
from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.records import FeedVersion
from filterd.operations.compile import SourceVersion, StandIn
from filterd.operations.context import OperationError
from filterd.operations.feeds import rule_files
from filterd.operations.keys import load_key
from filterd.policy.classes import MANDATORY, kind_of
from filterd.policy.documents import Feed
from filterd.store import feeds as rows

Listed = Sequence[Mapping[str, Any]]
"""the lists in the meta of the snapshot in force"""


@dataclass(frozen=True, slots=True)
class Stored:
    """The versions of feeds as one transaction of the store has them."""

    current: Mapping[str, FeedVersion]
    told: Mapping[str, Mapping[str, Any]]
    ended: frozenset[str]

    def fault(self, feed: str) -> str:
        """The fault in the row of the feed's current version; empty where there is none."""
        if feed in self.ended and feed not in self.current:
            return ""
        return rows.fault_of(self.current.get(feed), self.told.get(feed))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The versions to compile, in the order of the feeds."""

    versions: tuple[SourceVersion, ...]
    stand_ins: tuple[StandIn, ...]


async def stored(connection: AsyncConnection) -> Stored:
    """The same as the store is now."""
    return Stored(
        await rows.current(connection), await rows.recorded(connection), await rows.ended(connection)
    )


def choose(
    settings: Settings, feeds: Iterable[Feed], known: Stored, listed: Listed, *, look: bool = False
) -> Chosen:
    """The version of each feed that is compiled. With ``look`` the files of all but the mandatory lists are
    read. Raises OperationError where names would be lifted though nothing asks for that."""
    versions, stand_ins, lifted = [], [], []
    for feed in feeds:
        row = known.current.get(feed.id)
        if feed.mandatory is not None:
            versions += [] if row is None else [_of_row(row)]
            continue
        fault = known.fault(feed.id)
        if row is not None and not fault and not (look and not _is_whole(settings, feed, _of_row(row))):
            versions.append(_of_row(row))
            continue
        entry = _entry(feed, listed)
        if row is None and not fault and entry is None:
            continue  # it was never read
        found = next(
            (each for each in _named(feed.id, fault, known, entry) if _is_whole(settings, feed, each)), None
        )
        versions += [] if found is None else [found]
        stand_ins.append(StandIn(feed.id, 0 if found is None else found.version))
        if found is None and entry is not None:
            lifted.append(feed.id)
    if lifted and not _mandatory_wait(versions, feeds, listed):
        raise _lost(lifted)
    return Chosen(tuple(versions), tuple(stand_ins))


def _of_row(row: FeedVersion) -> SourceVersion:
    return SourceVersion(row.feed, row.version, row.digest)


def _entry(feed: Feed, listed: Listed) -> Mapping[str, Any] | None:
    """The feed among the lists of the snapshot in force."""
    kind = kind_of(feed).word
    return next((each for each in listed if (each["id"], each["kind"]) == (feed.id, kind)), None)


def _named(feed: str, fault: str, known: Stored, entry: Mapping[str, Any] | None) -> Iterator[SourceVersion]:
    """The versions that somebody vouches for, the newest first."""
    told = known.told.get(feed) if fault else None
    for each in (told, entry):
        version, digest = ("", "") if each is None else (str(each.get("version")), str(each.get("digest")))
        if version.isdecimal():
            yield SourceVersion(feed, int(version), digest)


def _is_whole(settings: Settings, feed: Feed, version: SourceVersion) -> bool:
    secret = load_key(settings, DIGEST_KEY) if feed.confidential else None
    path = rule_files.rule_file(settings.state_dir, feed.id, version.version)
    return rule_files.digest_of(path, secret) == version.digest


def _mandatory_wait(versions: Sequence[SourceVersion], feeds: Iterable[Feed], listed: Listed) -> bool:
    """True if a mandatory list is another one than in the snapshot in force."""
    mandatory = {each.id for each in feeds if each.mandatory is not None}
    wanted = {each.feed: each.digest for each in versions if each.feed in mandatory}
    return wanted != {
        each["id"]: each["digest"]
        for each in listed
        if each["kind"] == MANDATORY and each["mandatory_id"] < FIRST_ORDER_ID
    }


def _lost(feeds: Sequence[str]) -> OperationError:
    names = " ".join(feeds)
    message = f"no rules of these lists are whole any more, and the snapshot in force has them: {names}"
    return OperationError(message, f"read them again: filterd feed update {names}")

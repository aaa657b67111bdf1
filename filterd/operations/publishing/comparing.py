"""Compares the digests of one's lists with those that other providers signed.

Lists are the same by their id, else by their digest. Confidential ones are compared by label and keyed
digest, and only where both sides tell of the same key: otherwise nobody can say whether they agree.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.plain_values import moment
from filterd.operations.publishing import digests, foreign, openness
from filterd.operations.publishing.foreign import ToldList, ToldLists
from filterd.operations.publishing.openness import ListOpenness
from filterd.store import publications as rows
from filterd.store.publications import KeptComparison

LOOKED_BACK = 100
"""versions of one's own among which a digest of others is looked for"""
MOST_AT_ONCE = 32
AHEAD = 86400.0
"""seconds by which the clock of another provider may be ahead"""


class ListResult(StrEnum):
    """The outcome for one list."""

    SAME = "same"
    OURS_BEHIND = "ours_behind"
    """ours is a former version of theirs"""
    THEIRS_BEHIND = "theirs_behind"
    DIFFERENT = "different"
    """neither is a former version of the other, as far as is told"""
    ONLY_OURS = "only_ours"
    ONLY_THEIRS = "only_theirs"
    NOT_COMPARABLE = "not_comparable"
    """confidential, and not under the same key as far as is told"""


DIFFERING = frozenset((ListResult.OURS_BEHIND, ListResult.THEIRS_BEHIND, ListResult.DIFFERENT))


@dataclass(frozen=True, slots=True)
class GivenDigests:
    """A signed text that was given, and where it is from."""

    named: str
    text: bytes


async def compare(
    context: Context, given: Sequence[GivenDigests], keys: Sequence[bytes]
) -> tuple[KeptComparison, ...]:
    """Compare with each, and keep the results. ``keys``: files of public keys, PEM. Raises OperationError;
    then nothing is kept."""
    if not 0 < len(given) <= MOST_AT_ONCE:
        message = f"from 1 to {MOST_AT_ONCE} files are compared at a time"
        raise OperationError(message, "give fewer")
    known = foreign.read_keys(list(keys))
    others = [(foreign.read(each.text, known, each.named), each) for each in given]
    ours = foreign.told(await digests.body_of(context, min(LOOKED_BACK, foreign.MOST_FORMER)))
    found = tuple(_compared(context, ours, other, each.named) for other, each in others)
    async with context.store.write(context.actor, context.clock()) as write:
        last = {each.installation: each.told_at for each in await rows.comparisons(write.connection)}
        for kept, (_, each) in zip(found, others, strict=True):
            _require_newer(kept, last, each.named)
            await rows.keep(write.connection, kept)
            write.audit(rows.COMPARED, f"list:{kept.installation}", after=_audited(kept, each.text))
    return found


def _require_newer(kept: KeptComparison, last: dict[str, float], named: str) -> None:
    """Refuse what was signed before the last that was compared: somebody may show an old one."""
    before = last.get(kept.installation, 0.0)
    if kept.told_at < before:
        message = f"{named} is of {moment(kept.told_at)}, and a later one was compared, of {moment(before)}"
        raise ConflictError(message, foreign.REMEDY)
    last[kept.installation] = kept.told_at


def _compared(context: Context, ours: ToldLists, other: ToldLists, named: str) -> KeptComparison:
    if other.installation == ours.installation:
        message = f"{named} is of this installation"
        raise OperationError(message, "give a file of another provider")
    if other.at > context.clock() + AHEAD:
        message = f"{named} is of {moment(other.at)}, which is to come"
        raise OperationError(message, "see which clock is wrong, theirs or this one: timedatectl")
    results = compared(ours, other)
    return KeptComparison(other.installation, other.provider, other.at, context.clock(), results)


def compared(ours: ToldLists, other: ToldLists) -> list[dict[str, Any]]:
    """The result of each list, by authority and id."""
    theirs = {each.id: each for each in other.lists}
    pairs: list[tuple[ToldList | None, ToldList | None]] = []
    alone = []
    for each in ours.lists:
        if (met := theirs.pop(each.id, None)) is not None:
            pairs.append((each, met))
        else:
            alone.append(each)
    by_digest = {each.digest: each for each in theirs.values() if not each.confidential}
    for each in alone:
        met = None if each.confidential else by_digest.pop(each.digest, None)
        pairs.append((each, met))
        if met is not None:
            del theirs[met.id]
    pairs += [(None, each) for each in theirs.values()]
    one_key = bool(ours.digest_key) and ours.digest_key == other.digest_key
    rows_of = [_result(own, met, one_key=one_key) for own, met in pairs]
    return sorted(rows_of, key=lambda row: (row["authority"], row["list"]))


def _result(own: ToldList | None, met: ToldList | None, *, one_key: bool) -> dict[str, Any]:
    result, since = _judged(own, met, one_key=one_key)
    some = own or met
    assert some is not None  # noqa: S101 - a pair has one at least
    return {
        "list": some.id,
        "their_list": "" if met is None else met.id,
        "kind": some.kind,
        "authority": some.authority,
        "confidential": some.confidential,
        "result": result.value,
        "since": moment(since),
        "version": None if own is None else own.version,
        "their_version": None if met is None else met.version,
        "names": None if own is None else own.names,
        "their_names": None if met is None else met.names,
        "digest": "" if own is None else own.digest,
        "their_digest": "" if met is None else met.digest,
    }


def _judged(own: ToldList | None, met: ToldList | None, *, one_key: bool) -> tuple[ListResult, float]:
    """The result, and since when one is behind; 0: not known."""
    if own is None or met is None:
        return (ListResult.ONLY_THEIRS if own is None else ListResult.ONLY_OURS), 0.0
    if (own.confidential or met.confidential) and not (own.confidential and met.confidential and one_key):
        return ListResult.NOT_COMPARABLE, 0.0
    if not (own.digest and met.digest):
        return ListResult.NOT_COMPARABLE, 0.0
    if own.digest == met.digest:
        return ListResult.SAME, 0.0
    ours_since, theirs_since = met.since(own.digest), own.since(met.digest)
    if (ours_since is None) == (theirs_since is None):
        return ListResult.DIFFERENT, 0.0
    if ours_since is not None:
        return ListResult.OURS_BEHIND, ours_since
    return ListResult.THEIRS_BEHIND, theirs_since or 0.0


def _audited(kept: KeptComparison, text: bytes) -> dict[str, Any]:
    return {
        "provider": kept.provider,
        "signed_at": moment(kept.told_at),
        "text": hashlib.sha256(text.rstrip(b"\n")).hexdigest(),
        "results": dict(sorted(Counter(each["result"] for each in kept.lists).items())),
    }


async def last(context: Context) -> tuple[KeptComparison, ...]:
    """The last comparison with each provider, the newest first. A list that became confidential since stands
    there by its label, without its digests."""
    async with context.store.read() as connection:
        found = await rows.comparisons(connection)
    if not found:
        return ()
    told = await openness.look(context)
    return tuple(replace(each, lists=[_masked(row, told) for row in each.lists]) for each in found)


def _masked(row: dict[str, Any], told: ListOpenness) -> dict[str, Any]:
    if row["list"] not in told.confidential:
        return row
    hidden = dict.fromkeys(("their_list", "authority", "digest", "their_digest"), "")
    return {**row, **hidden, "list": told.label(row["list"]), "confidential": True}


def differ(found: Sequence[KeptComparison]) -> bool:
    """True if a list that both have is not the same."""
    return any(each["result"] in DIFFERING for kept in found for each in kept.lists)


async def counts(context: Context) -> dict[str, int]:
    """How many lists had each result in the last comparisons; nothing where none was made."""
    async with context.store.read() as connection:
        found = await rows.results(connection)
    return {each.value: found[each.value] for each in ListResult} if found else {}

"""Compiles the canonical text of every list into the bytes of a policy snapshot. Pure: no files.

The snapshot's meta is JSON::

    {"lists": [{"id", "kind", "bit" | "mandatory_id", ...     the list's number (``classes.Classes.to_meta``)
                "version", "digest", "names", "confidential", "title"}, ...],
     "address_prefixes": {"4": [lengths], "6": [lengths]},    those that the address rules have
     ...}                                                     and whatever the caller adds
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filterd.model.mandatory import label_of
from filterd.policy import canary, test_names
from filterd.policy.build import MANDATORY_TARGET, Builder
from filterd.policy.canonical import MAX_LINE, CanonicalError
from filterd.policy.classes import Classes, ListClass
from filterd.policy.digests import begin_list_digest, policy_digest


class CompileError(ValueError):
    """A list that cannot be compiled; the message names it (by its opaque label if it is confidential), the
    line and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ListSource:
    """One list, or one order, to be compiled."""

    classes: tuple[ListClass, ...]
    """the classes of a name in the list; more than one where the list fills several categories"""
    version: str
    runs: Iterable[bytes]
    """the canonical text in pieces, cut anywhere"""
    title: str = ""
    secret: bytes | None = None
    """of a confidential list: the key of its digest"""
    canary: str = ""
    """a name that is blocked as the list is, outside its digest; empty: there is none"""
    test_names: tuple[str, ...] = ()
    """the names of the test page that are closed as the list is, outside its digest"""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled snapshot."""

    pieces: tuple[bytes, ...]
    """the file's content, to be written one after the other"""
    digest: str
    """the policy digest, 64 hexadecimal digits"""
    lists: tuple[Mapping[str, Any], ...]
    """the entry of each list in the meta"""

    @property
    def size(self) -> int:
        """The file's length in bytes."""
        return sum(map(len, self.pieces))


def compile_snapshot(
    sources: Iterable[ListSource],
    key: bytes,
    *,
    revision: int,
    built_at: int,
    meta: Mapping[str, Any] | None = None,
) -> Compiled:
    """Compile all lists, each read once and dropped before the next.

    ``key`` is the installation's fingerprint key (16 bytes), ``revision`` the store's, ``built_at`` in Unix
    seconds; ``meta`` goes into the snapshot's meta as it is. Raises CompileError for a list that is not
    canonical and ``build.BuildError`` for more than fits into a snapshot.
    """
    builder = Builder(key)
    lists: list[dict[str, Any]] = []
    canaries: list[str] = []
    tests: set[str] = set()
    for source in sources:
        lists += _add(builder, source)
        canaries += [source.canary] if source.canary else []
        tests.update(source.test_names)
    digest = policy_digest([*_digests(lists), *_canary_digest(canaries), *_test_digest(tests)])
    pieces = builder.finish({**(meta or {}), "lists": lists}, revision, built_at, bytes.fromhex(digest))
    return Compiled(tuple(pieces), digest, tuple(lists))


def _digests(lists: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    return ((entry["id"], entry["version"], entry["digest"]) for entry in lists)


def _canary_digest(canaries: Sequence[str]) -> list[tuple[str, str, str]]:
    """The canaries' part of the policy digest, under an id that no list has; none without canaries."""
    return [("", canary.META, canary.canaries_digest(canaries))] if canaries else []


def _test_digest(names: Collection[str]) -> list[tuple[str, str, str]]:
    """The part of the test page's names; none without them."""
    return [("", test_names.META, test_names.digest_of(names))] if names else []


def _add(builder: Builder, source: ListSource) -> list[dict[str, Any]]:
    """Feed one list to the builder. Returns its entries in the meta, one for each of its classes."""
    digest = begin_list_digest(source.secret)
    names = 0
    builder.begin_list(map(_target, source.classes))
    try:
        for run in whole_lines(source.runs):
            names += builder.add_run(run)
            digest.update(run)
        _add_beside(builder, source)
    except CanonicalError as error:
        label = label_of(source.classes[0].id, confidential=source.secret is not None)
        message = f"the list {label}, version {source.version}: {error}"
        raise CompileError(message) from error
    facts = {
        "version": source.version,
        "digest": digest.hexdigest(),
        "names": names,
        "confidential": source.secret is not None,
        "title": source.title,
    }
    return [{**entry, **facts} for entry in Classes(source.classes).to_meta()]


def _add_beside(builder: Builder, source: ListSource) -> None:
    """Feed what stands beside the list: its canary, and names of the test page."""
    texts = [canary.rule_text(source.canary)] if source.canary else []
    texts += [test_names.rule_text(source.test_names)] if source.test_names else []
    for text in texts:
        builder.begin_list(map(_target, source.classes))
        builder.add_run(text)


def _target(list_class: ListClass) -> int:
    """The builder's number for a class."""
    number = list_class.number
    return MANDATORY_TARGET + number if list_class.kind is None else number


def whole_lines(runs: Iterable[bytes]) -> Iterator[bytes]:
    """The same text in pieces of whole lines. CanonicalError for a line without end or too long."""
    rest = b""
    for run in runs:
        cut = run.rfind(b"\n") + 1
        if cut:
            yield rest + run[:cut]
            rest = run[cut:]
        else:
            rest += run
        if len(rest) > MAX_LINE:
            message = f"a line longer than {MAX_LINE} bytes: {rest[:100]!r}"
            raise CanonicalError(message)
    if rest:
        message = f"the text is cut: the last line has no line feed: {rest[:100]!r}"
        raise CanonicalError(message)

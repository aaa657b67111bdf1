"""Reads the policies of an installation for a use case; its problems become one OperationError."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from filterd.config.policies import PartRead, PoliciesError, PolicyPart, load_part, load_policies
from filterd.config.settings import Settings
from filterd.model.mandatory import label_of
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import UnknownError, UnusableError
from filterd.operations.nearest import did_you_mean
from filterd.operations.own_hosts import own_hosts, with_own_hosts
from filterd.policy.documents import Feed, Policies, Profile


def policies(context: Context) -> Policies:
    """The documents of the configured directories; the hosts of our own pages are protected too."""
    if context.kept_policies is not None:
        return context.kept_policies(context.settings)
    return _read(context.settings)


LOOK_SECONDS = 0.5
"""between two looks at the files of the policies"""


@dataclass(frozen=True, slots=True)
class _Kept:
    policies: Policies
    state: object
    """of the files that they were read of"""
    settings: Settings
    looked_at: float


class KeptPolicies:
    """The policies for a process that stays: read again only where one of their files has changed, which is
    looked for every :data:`LOOK_SECONDS`. Threads may call it at the same time."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        """``ticks`` does not go back."""
        self._ticks = ticks
        self._kept: _Kept | None = None

    def __call__(self, settings: Settings) -> Policies:
        """The documents as the files were when they were looked at last."""
        tick, kept = self._ticks(), self._kept
        if kept is None or kept.settings is not settings or tick - kept.looked_at >= LOOK_SECONDS:
            hosts = own_hosts(settings)
            state = (settings.jurisdiction, hosts, *map(_files, (settings.policies, settings.policies_base)))
            found = kept.policies if kept is not None and kept.state == state else _read(settings)
            self._kept = kept = _Kept(found, state, settings, tick)
        return kept.policies


def _files(folder: Path | None) -> tuple[tuple[str, int, int, int], ...]:
    """Every file of a directory, with what changes where it is written or replaced."""
    if folder is None:
        return ()
    try:
        found = [(path, path.stat()) for path in sorted(folder.rglob("*"))]
    except OSError:  # one went meanwhile: reading them says what is wrong
        return ()
    return tuple((str(path), each.st_mtime_ns, each.st_size, each.st_ino) for path, each in found)


def _read(settings: Settings) -> Policies:
    try:
        read = load_policies(settings.policies, settings.policies_base, settings.jurisdiction)
    except PoliciesError as error:
        message = f"the policies in {settings.policies} have errors:\n{error}"
        raise UnusableError(message, f"{error.remedy}; filterd config check shows the same list") from error
    return with_own_hosts(read, settings)


def part(context: Context, which: PolicyPart) -> PartRead:
    """One part of the documents, as far as it can be read, whatever is wrong with the others."""
    read = load_part(which, context.settings.policies, context.settings.policies_base)
    if which is not PolicyPart.PROTECTED:
        return read
    return replace(read, policies=with_own_hosts(read.policies, context.settings))


def profile(documents: Policies, identifier: str) -> Profile:
    """The profile of that id; the error lists those that exist."""
    for each in documents.profiles:
        if each.id == identifier:
            return each
    ids = [each.id for each in documents.profiles]
    message = f"unknown profile {identifier[:64]!r}"
    known = f"profiles that exist: {', '.join(ids) or 'none'}"
    raise UnknownError(message, did_you_mean((identifier,), ids) + known)


def feed(documents: Policies, identifier: str) -> Feed:
    """The feed of that id, or with that label where it is confidential; the error lists those that exist."""
    for each in documents.feeds:
        if identifier in (each.id, label_of(each.id, confidential=each.confidential)):
            return each
    if identifier in {each.feed.id for each in documents.ready}:
        message = f"the feed {identifier} is off: it is a ready feed that nobody enabled"
        raise OperationError(message, f"enable it with: filterd feed enable {identifier}")
    ids = [each.id for each in documents.feeds]
    message = f"unknown feed {identifier[:64]!r}"
    known = f"feeds that exist: {', '.join(ids) or 'none'}"
    raise OperationError(message, did_you_mean((identifier,), ids) + known)

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
    """The policies as they were read last, and what they were read from."""

    policies: Policies
    settings: Settings
    files: object
    """the state of the files, and of the settings that decide what is read"""
    looked_at: float

    def is_current(self, settings: Settings, now: float, look_seconds: float) -> bool:
        """Return whether it is of these settings, and the files need no look yet."""
        return self.settings is settings and now - self.looked_at < look_seconds


class KeptPolicies:
    """The policies for a process that stays: read again only where one of their files has changed. Threads
    may call it at the same time."""

    def __init__(
        self, ticks: Callable[[], float] = time.monotonic, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        """``ticks`` does not go back. ``look_seconds``: between two looks at the files; 0: at each call."""
        self._ticks = ticks
        self._look_seconds = look_seconds
        self._kept: _Kept | None = None

    def __call__(self, settings: Settings) -> Policies:
        """The documents as the files were when they were looked at last."""
        now, kept = self._ticks(), self._kept
        if kept is None or not kept.is_current(settings, now, self._look_seconds):
            kept = self._kept = _look(kept, settings, now)
        return kept.policies


def _look(kept: _Kept | None, settings: Settings, now: float) -> _Kept:
    """The same policies where no file has changed, or those that the files have now."""
    folders = (settings.policies, settings.policies_base)
    files = (settings.jurisdiction, own_hosts(settings), *map(_files, folders))
    if kept is not None and kept.files == files:
        return replace(kept, settings=settings, looked_at=now)
    return _Kept(_read(settings), settings, files, now)


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

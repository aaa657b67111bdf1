"""Reasons that people give for what they do with a confidential list: they must not hold a name of it.

The trail and its exports show those texts, as they show those on confidential orders
(:mod:`filterd.operations.orders.nameless`). All versions that are kept count, and what is held for review.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, rule_files
from filterd.operations.orders.nameless import plain

_NAMED = re.compile(r"[\w-]+(?:\.[\w-]+)+(?:/[0-9]{1,3})?|[0-9a-f]*:[0-9a-f:]+(?:/[0-9]{1,3})?")
_ENCODED = b"xn--"


async def require_nameless_reason(context: Context, identifier: str, reason: str) -> None:
    """Refuse a reason that holds a name or an address of a feed, if that is confidential. A version that
    cannot be read is left out: what people decide may not wait for a key. Raises OperationError, which does
    not quote the reason."""
    said = plain(reason)
    wanted = {part.encode() for each in _NAMED.findall(said) for part in _above(each)}
    if not wanted:
        return
    try:
        known = (await adoption.policies_in_force(context)).policies.feeds
    except OperationError:
        return  # nobody can tell, and an end may not wait until the policies are mended
    if not any(each.id == identifier and each.confidential for each in known):
        return
    directory = rule_files.rule_file(context.settings.state_dir, identifier, 0).parent
    if await asyncio.to_thread(_stands_in, directory, wanted):
        message = "the reason holds a name or an address of the list, which is confidential"
        raise OperationError(message, "say it without them: --reason")


def _above(name: str) -> Iterator[str]:
    """A name, and those above it: who names a site below a listed one names that."""
    yield name
    labels = name.split(".")
    yield from (".".join(labels[start:]) for start in range(1, len(labels) - 1))


def _stands_in(directory: Path, wanted: set[bytes]) -> bool:
    return any(_has(path, wanted) for path in directory.glob("*.rules"))


def _has(path: Path, wanted: set[bytes]) -> bool:
    try:
        for line in rule_files.lines_of(path):
            name = line.partition(b" ")[0]
            if name in wanted or (_ENCODED in name and plain(name.decode("ascii")).encode() in wanted):
                return True
    except OSError:
        return False
    return False

"""The files of a pack, one after the other: what each is, and where it comes from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import resources

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model import evidence_format, signed_text
from filterd.model.audit_chain import canonical
from filterd.model.page_record import PageRecord
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError
from filterd.operations.evidence_pack.scope import PackScope, day_of
from filterd.operations.plain_values import moment
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating
from filterd.operations.trail.verifying import VERIFIER
from filterd.store import change_log, exports, statements

SCRIPTS = VERIFIER.parent / "independent"
"""the independent script and its modules, which need Python and the verifier beside them"""


@dataclass(frozen=True, slots=True)
class PackPart:
    """A file of a pack before it is packed."""

    name: str
    content: bytes | AsyncIterator[bytes]


def instructions() -> list[PackPart]:
    """The pages on how to verify the pack, and the two scripts that do it without filterd."""
    pages = resources.files(__package__)
    return [
        *(PackPart(each, pages.joinpath(each).read_bytes()) for each in evidence_format.INSTRUCTIONS),
        *(PackPart(each.name, each.read_bytes()) for each in (*sorted(SCRIPTS.glob("*.py")), VERIFIER)),
    ]


async def keys(context: Context) -> list[PackPart]:
    """The public keys. They are here as help: which is to be trusted the reader knows from elsewhere."""
    found = []
    names = (evidence_format.CHECKPOINT_KEYS, evidence_format.RECEIPT_KEYS)
    for purpose, name in zip((Purpose.CHECKPOINT, Purpose.RECEIPT), names, strict=True):
        try:
            found.append(PackPart(name, (await rotating.public_pem(context, purpose)).encode()))
        except UnknownError:
            continue
    return found


async def statements_of(context: Context, scope: PackScope) -> AsyncIterator[PackPart]:
    """The statements of the days, and the newest before them. A pack of one order has those of the days on
    which something happened to it, and the newest."""
    async with context.store.read() as connection:
        days = await _days(connection, context, scope)
    for day in days:
        async with context.store.read() as connection:
            found = await statements.find(connection, day)
        if found is not None:
            yield PackPart(f"{evidence_format.STATEMENTS}{day}.json", found.text.encode())


async def _days(connection: AsyncConnection, context: Context, scope: PackScope) -> list[str]:
    every = [each for each in await statements.days(connection, 10_000) if each <= scope.last][::-1]
    if not scope.order:
        before = [each for each in every if each < scope.first][-1:]  # growth is counted from it
        return before + [each for each in every if each >= scope.first]
    entries = await change_log.entries_of(connection, f"order:{scope.order}")
    happened = {day_of(context, each.entry.at).isoformat() for each in entries}
    return [each for each in every if each in happened or each == every[-1]]


async def pages(context: Context, scope: PackScope) -> list[PackPart]:
    """The records of the public pages that were published in the range, or stood at its beginning."""
    async with context.store.read() as connection:
        every = await exports.page_records(connection)
    before = [each for each in every if each.stamp.at < scope.begins_at][-1:]
    within = [each for each in every if scope.begins_at <= each.stamp.at < scope.ends_at]
    content = "".join(f"{canonical(_page(each))}\n" for each in (*before, *within))
    return [PackPart(evidence_format.PAGES, content.encode())]


def _page(record: PageRecord) -> dict[str, object]:
    return {
        "number": record.stamp.number,
        "at": moment(record.stamp.at),
        "digest": record.digest,
        "facts": record.facts,
        "exported_at": moment(record.exported_at),
        "files": {path: each.digest for path, each in record.files.items()},
    }


def receipt_name(text: str) -> str:
    """The name of a receipt's file without suffix."""
    order = signed_text.read(text).body["order"]["reference"]
    return f"{evidence_format.RECEIPTS}{order}"

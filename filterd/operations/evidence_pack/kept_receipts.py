"""The receipts that packs have: the last one of each order, which is issued anew only once it would say
something else.

So a second pack of an order on which nothing happened has the same bytes, and making packs does not fill the
trail (decision 0384). The texts stand in ``state_dir/receipts``, for the service's user alone; one that is
not what the trail tells by its digest counts as none.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.disk.files import make_directory, replace_file
from filterd.model import signed_text
from filterd.model.order import NOT_ACCEPTED
from filterd.model.signed_text import SignedTextError
from filterd.operations.context import Context
from filterd.operations.errors import UnusableError
from filterd.operations.orders.finding import find
from filterd.operations.receipts import issuing
from filterd.operations.receipts.body import body_of
from filterd.operations.reviews.terms import country_of
from filterd.store import change_log

DIRECTORY = "receipts"
_NEWEST = 100
"""receipts of one order that are looked at"""
_MOMENTARY = ("issued_at", "version")


async def receipt_of(context: Context, reference: str, *, issue: bool) -> tuple[str, str]:
    """The text of the receipt on an order, and why there is none; one of them is empty. ``issue``: issue one
    where the last would say something else now; False: take the last, whatever its time, and write nothing.
    Raises UnusableError where there is no key, or the disk takes nothing."""
    path = context.settings.state_dir / DIRECTORY / f"{reference}.json"
    async with context.store.read() as connection:
        order = await find(connection, reference)
        if order.damage:
            return "", f"the order is damaged in the store: {order.damage}"
        if order.state in NOT_ACCEPTED:
            return "", f"the order is {order.state.value}: nothing was done that could be attested"
        kept = await _kept(connection, path, reference)
        now = body_of(
            await issuing.facts_of(connection, context, order, country_of(context), context.clock())
        )
    if kept and (not issue or _lasting(signed_text.read(kept).body) == _lasting(now)):
        return kept, ""
    if not issue:
        return "", "no receipt was issued for a pack yet"
    issued = await issuing.issue(context, reference)
    await asyncio.to_thread(_keep, path, issued.text)
    return issued.text, ""


async def _kept(connection: AsyncConnection, path: Path, reference: str) -> str:
    """The text that was kept, if the trail tells of it; else nothing."""
    try:
        text = (await asyncio.to_thread(path.read_bytes)).decode()
        signed_text.read(text)
    except (OSError, UnicodeDecodeError, SignedTextError):
        return ""
    told = await change_log.newest_entries(connection, _NEWEST, f"order:{reference}", (issuing.ACTION,))
    digests = {each.entry.after.get("digest") for each in told if isinstance(each.entry.after, dict)}
    return text if signed_text.digest(text) in digests else ""


def _keep(path: Path, text: str) -> None:
    try:
        make_directory(path.parent)
        replace_file(path, (text.encode(),))
    except OSError as error:
        message = f"the receipt cannot be kept in {path.parent}: {error.strerror}"
        raise UnusableError(message, "see that state_dir has room and belongs to this user") from error


def _lasting(body: dict[str, Any]) -> dict[str, Any]:
    """The content of a receipt without the moment at which it was issued."""
    said = {key: value for key, value in body.items() if key not in _MOMENTARY}
    nodes = [{**each, "reported_at": None} for each in body["nodes"]]
    return {**said, "nodes": nodes, "trail": body["trail"]["entries"]}

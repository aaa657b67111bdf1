"""Nodes and the history of the store: which node follows it, and which orders nodes alone keep in force.

A kept order is one that was in force when the store lost it, by a restore or a replacement. It stays in force
on the node until somebody confirms its end (:func:`end`): because it has ended, or because it was taken in
again (``filterd order add``) and the new one is in force.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from filterd.config.settings import Settings
from filterd.dataplane.listeners.commands import node_line, node_of, require_begun, resync_line
from filterd.disk.checked_file import DamagedFileError
from filterd.model.order import OFF_NODES
from filterd.operations import nodes
from filterd.operations.asking import ask
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.nodes import ANOTHER, SILENT_AFTER, THIS, history_of
from filterd.operations.orders import ending
from filterd.store import orders as order_rows
from filterd.store import snapshots as rows
from filterd.store.errors import StoreRolledBackError

POLL_SECONDS = 0.1
ACCEPT_POLLS = 300
"""how often the node is asked until the orders of the accepted history are in force on it"""
_REFERENCE = re.compile(r"O-([1-9][0-9]{0,8})")
_SILENT = "see its log; the command can be repeated"
_ABSENT = "start it on this machine: filterd serve; a history is accepted on each node"


@dataclass(frozen=True, slots=True)
class Kept:
    """An order that a node keeps in force though the store does not demand it."""

    reference: str
    since: float
    """Unix seconds; 0 where only a report of the node was heard, which does not say it"""


@dataclass(frozen=True, slots=True)
class NodeHistory:
    """A node and the history that it follows."""

    name: str
    history: str
    """THIS, ANOTHER or UNKNOWN"""
    revision: int
    """up to which it has the orders"""
    seen_at: float
    """when it reported last; 0: it was asked just now"""
    silent: bool
    kept: tuple[Kept, ...]


async def histories(context: Context) -> Sequence[NodeHistory]:
    """Every node that ever reported, by name. The resolver on this machine is asked itself, if it runs."""
    asked = await _asked(context.settings)
    now = context.clock()
    async with context.store.read() as connection:
        found = {
            report.name: NodeHistory(
                report.name,
                await history_of(connection, report),
                report.mandatory_revision,
                report.seen_at,
                abs(now - report.seen_at) > SILENT_AFTER,
                tuple(Kept(reference, 0.0) for reference in report.kept_orders),
            )
            for report in await rows.nodes(connection)
        }
        if asked is not None:
            found[asked.name] = asked
    return [found[name] for name in sorted(found)]


async def accept(context: Context) -> NodeHistory:
    """Tell the resolver on this machine to follow the history that the store has now, and wait until its
    orders are in force. Raises OperationError, also where it follows that history already, and for a store
    that no command would write in."""
    settings = context.settings
    if (await _ask(settings)).history == THIS:
        message = "this node follows the store already; nothing to accept"
        raise OperationError(message, "see the other nodes with: filterd node resync")
    await _require_newest(context)
    await ask(settings.state_dir, resync_line(), require_begun, silent=_SILENT, absent=_ABSENT)
    for _ in range(ACCEPT_POLLS):
        found = await _ask(settings)
        if found.history == THIS:
            return found
        await asyncio.sleep(POLL_SECONDS)
    message = "the node does not follow the store yet"
    raise OperationError(message, "see the log of the resolver; then run: filterd node resync")


async def end(context: Context, reference: str, *, reason: str, replaced_by: str = "") -> bool:
    """Confirm the end of a kept order, on every node. False where it was confirmed before.

    Of an order that is withdrawn in the store, the nodes are told again. ``replaced_by``: the order as which
    it was taken in again; empty where there is none. Raises OperationError unless that one is in force, for
    any other order that the store has, and for one that no node keeps or lost.
    """
    number = _number(reference)
    reference = f"O-{number}"
    async with context.store.read() as connection:
        known = await order_rows.find(connection, reference)
    if known is not None and (known.damage or known.state not in OFF_NODES):
        message = f"the store has order {reference}, which is {known.state.value}"
        raise OperationError(message, f"run: filterd order withdraw {reference} --reason ...")
    kept = {order.reference for each in await histories(context) for order in each.kept}
    if reference not in kept | await _lost(context):
        message = f"no node keeps order {reference} in force"
        raise OperationError(message, "see those that are kept: filterd node resync")
    if known is not None:
        await ending.tell_again(context, reference, reason=reason)
        return True
    return await ending.end_lost(context, number, reason=reason, replaced_by=replaced_by)


async def _lost(context: Context) -> set[str]:
    try:
        return {each for lost in (await nodes.lost_orders(context)).values() for each in lost}
    except (OSError, DamagedFileError) as error:
        message = f"the note of the kept orders that nodes lost cannot be read: {error}"
        remedy = f"compare your papers with filterd order list, then remove {nodes.losses_file(context)}"
        raise OperationError(message, remedy) from error


async def _require_newest(context: Context) -> None:
    """Refuse a store that is behind the ledger: the node would follow what no command may change."""
    try:
        async with context.store.write(context.actor, context.clock()):
            pass  # nothing is written: the store compares itself with the ledger, under its lock
    except StoreRolledBackError as error:
        remedy = (
            "put the newest store back, or restore a backup: filterd restore DIRECTORY --reason ...; if this"
            " store is the right one: filterd restore --in-place --reason ..., and nodes follow it"
        )
        raise OperationError(str(error), remedy) from error


def _number(reference: str) -> int:
    found = _REFERENCE.fullmatch(reference.strip().upper())
    if found is None:
        message = f"not the reference of an order: {reference.strip()[:32]!r}"
        raise OperationError(message, "write it like O-12; filterd node resync shows those that are kept")
    return int(found[1])


async def _asked(settings: Settings) -> NodeHistory | None:
    """The node on this machine; None where it does not run or cannot be asked."""
    try:
        return await _ask(settings)
    except OperationError:
        return None


async def _ask(settings: Settings) -> NodeHistory:
    return await ask(settings.state_dir, node_line(), _described, silent=_SILENT, absent=_ABSENT)


def _described(reply: bytes) -> NodeHistory:
    """The node in a resolver's reply. Raises CommandRefused and ValueError for any other."""
    fields = node_of(reply)
    try:
        return NodeHistory(
            name=str(fields["name"]),
            history=ANOTHER if fields["other_history"] else THIS,
            revision=int(fields["mandatory_revision"]),
            seen_at=0.0,
            silent=False,
            kept=tuple(Kept(str(each["reference"]), float(each["since"])) for each in fields["kept"]),
        )
    except (KeyError, TypeError) as error:
        message = "not the description of a node"
        raise ValueError(message) from error

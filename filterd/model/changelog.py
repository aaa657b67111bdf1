"""The change log: the changes that nodes apply, their encoding, and the SQL that reads them.

``store`` writes these rows; the resolver reads them with a plain read-only ``sqlite3`` connection. Both use
this module, so that they cannot disagree.

A node follows the log in these steps, inside one short read transaction:

1. Read :data:`HEAD_SQL`: the newest revision, and the floor. A cursor below the floor has missed changes:
   do a full resync. A cursor above the newest revision, or with another hash than its revision has
   (:data:`HASH_SQL`), belongs to another history: apply nothing.
2. Read :data:`CHANGES_SQL` for one stream, above the stream's cursor and up to the head, at most ``limit``
   rows. Fewer rows than the limit: the cursor becomes the head. Otherwise it becomes the last row's revision.

The full resync is described in :mod:`filterd.model.full_state`.

Revisions become visible in order, since they are assigned under the write lock, which is held until the
commit. One transaction may contain several.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from filterd.model.adjustments import read_key
from filterd.model.blocking_mode import BlockingMode
from filterd.model.lifting import LiftingKind
from filterd.model.line import LineChoices, OwnName
from filterd.model.mandatory import Mandate
from filterd.model.profile_meaning import read_key_of
from filterd.model.rule import Action, Scope
from filterd.model.sealed_entries import Fingerprints

MANDATORY = "mandatory"
"""the stream of orders: read and applied before all else"""
PARENTAL = "parental"
"""the stream of lines and bindings"""
LIFTING = "lifting"
"""the stream of exceptions and suspensions: read and applied after the orders, before lines"""
CONTROL = "control"
"""the stream of changes that no node applies (feeds, quarantined orders, snapshots)"""

SEALED_ORDER = "sealed_order"
"""the kind of a confidential order, which has fingerprints and no names: one that an earlier version, which
would take it for an order without names, refuses to read"""
LINE_REMOVED = "line_removed"
"""the kind of the end of a line"""
ERASED = "erased"
"""the kind of a row whose content was erased; it stands in the control stream, with its hash"""

HEAD_SQL = "SELECT head.revision, head.change_hash, log_floor.revision, log_floor.hash FROM head, log_floor"
"""one row: newest revision and its hash, floor and its hash; changes at or below the floor may be gone"""

CHANGES_SQL = (
    "SELECT c.revision, c.stream, c.kind, c.at, c.payload, c.salt, c.hash, p.hash"
    " FROM change AS c LEFT JOIN change AS p ON p.revision = c.revision - 1"
    " WHERE c.stream = ? AND c.revision > ? AND c.revision <= ? ORDER BY c.revision LIMIT ?"
)
"""parameters: stream, cursor, head, limit. The last column is the hash of the row before, NULL where that is
the floor"""

CHANGED_LINES_SQL = (
    "SELECT line, revision FROM change WHERE stream = ? AND revision > ? AND line <= ? ORDER BY revision"
)
"""the lines of a stream's changes above a cursor, up to the highest number asked for, each as often as it
changed. Parameters: stream, cursor, highest"""

PRUNED_LINES_SQL = (
    "SELECT line, revision FROM changed_line WHERE revision > ? AND line <= ? ORDER BY revision"
)
"""the last of a line's changes that were pruned; all are older than those in the log. Parameters: cursor,
highest"""

HASH_SQL = "SELECT hash FROM change WHERE revision = ?"
"""the hash at a cursor above the floor"""


class ChangeError(ValueError):
    """A change row that this version cannot read: unknown kind, missing field, or wrong type."""


@dataclass(frozen=True, slots=True)
class OrderChange:
    """The whole of one order; it replaces the order on the node. A withdrawn one has no names."""

    id: int
    """its mandatory id (model.mandatory)"""
    reference: str
    names: tuple[tuple[str, Scope], ...] = ()
    """lower-case ASCII names without the final dot"""
    addresses: tuple[str, ...] = ()
    """prefixes in canonical text, ``192.0.2.0/24``"""
    mode: BlockingMode = BlockingMode.NXDOMAIN
    not_before: int = 0
    not_after: int = 0
    """Unix seconds, exclusive; 0 for no bound"""
    withdrawn: bool = False
    confidential: bool = False
    accepted_at: float = 0.0
    """when the order was accepted, Unix seconds; 0 for one that was not"""
    pending: bool = False
    """it waits for another person's approval: known to the node, and never in force"""
    fingerprints: Fingerprints | None = None
    """the entries of a confidential order, in the place of ``names`` and ``addresses``"""

    @property
    def mandate(self) -> Mandate:
        """The part of it that a verdict needs, without the names."""
        return Mandate(
            id=self.id,
            reference=self.reference,
            mode=self.mode,
            not_before=self.not_before,
            not_after=self.not_after,
            withdrawn=self.withdrawn,
            confidential=self.confidential,
            pending=self.pending,
        )


@dataclass(frozen=True, slots=True)
class LineChange:
    """All choices of one line."""

    choices: LineChoices


@dataclass(frozen=True, slots=True)
class LineRemoved:
    """A line that was removed, with its choices, own names and bindings."""

    line: int


@dataclass(frozen=True, slots=True)
class BindingChange:
    """A static prefix that belongs to a line from now on."""

    prefix: str
    line: int


@dataclass(frozen=True, slots=True)
class BindingRemoved:
    """A static prefix that belongs to no line any more."""

    prefix: str
    line: int | None = None
    """the line that had it: in the column of the log, not in the payload; None in a change that was read"""


@dataclass(frozen=True, slots=True)
class LiftingChange:
    """The whole of one exception or suspension; it replaces the lifting on the node. An ended one has no
    name."""

    number: int
    kind: LiftingKind
    made_at: int
    until: int
    """Unix seconds, exclusive"""
    name: str = ""
    """canonical, of an exception"""
    scope: Scope = Scope.SUBTREE
    ended: bool = False


Change = OrderChange | LiftingChange | LineChange | LineRemoved | BindingChange | BindingRemoved


def encode(change: Change) -> tuple[str, str, str]:
    """The row's stream, kind and payload (compact JSON)."""
    stream, kind, fields = _fields(change)
    return stream, kind, json.dumps(fields, separators=(",", ":"))


def line_of(change: Change) -> int | None:
    """The line whose choices or bindings it changes; None for all else."""
    match change:
        case LineChange(choices):
            return choices.line
        case LineRemoved(line) | BindingChange(line=line) | BindingRemoved(line=line):
            return line
    return None


def _fields(change: Change) -> tuple[str, str, dict[str, Any]]:
    match change:
        case OrderChange():
            kind = "order" if change.fingerprints is None else SEALED_ORDER
            return MANDATORY, kind, _order_fields(change)
        case LiftingChange():
            return LIFTING, "lifting", _lifting_fields(change)
        case LineChange(choices):
            return PARENTAL, "line", _line_fields(choices)
        case LineRemoved(line):
            return PARENTAL, LINE_REMOVED, {"line": line}
        case BindingChange(prefix, line):
            return PARENTAL, "binding", {"prefix": prefix, "line": line}
        case BindingRemoved(prefix):
            return PARENTAL, "binding_removed", {"prefix": prefix}


def _order_fields(order: OrderChange) -> dict[str, Any]:
    """The fields of a row. A reader of before there were pending ones takes such an order for withdrawn: it
    must not put it in force."""
    fields: dict[str, Any] = {
        "id": order.id,
        "reference": order.reference,
        "names": [[name, int(scope)] for name, scope in order.names],
        "addresses": list(order.addresses),
        "mode": int(order.mode),
        "not_before": order.not_before,
        "not_after": order.not_after,
        "withdrawn": order.withdrawn or order.pending,
        "confidential": order.confidential,
        "accepted_at": order.accepted_at,
    }
    if order.fingerprints is not None:
        fields["fingerprints"] = order.fingerprints.fields()
    return {**fields, "pending": True} if order.pending and not order.withdrawn else fields


def _lifting_fields(lifting: LiftingChange) -> dict[str, Any]:
    return {
        "number": lifting.number,
        "kind": lifting.kind.value,
        "made_at": lifting.made_at,
        "until": lifting.until,
        "name": lifting.name,
        "scope": int(lifting.scope),
        "ended": lifting.ended,
    }


def _line_fields(choices: LineChoices) -> dict[str, Any]:
    fields = {
        "line": choices.line,
        "opted_in": choices.opted_in,
        "profile": choices.policy_key,
        "zone": choices.zone,
        "paused_until": choices.paused_until,
        "security_left": choices.security_left,
        "own_names": [[own.name, int(own.action), int(own.scope)] for own in choices.own_names],
    }
    # Beside the names: a reader of before there were ends takes each name as one that stays.
    ends = {own.name: own.until for own in choices.own_names if own.until}
    return {**fields, "own_ends": ends} if ends else fields


def decode(kind: str, payload: str) -> Change:
    """The change of one row; raises :class:`ChangeError` for what it cannot read."""
    reader = _READERS.get(kind)
    if reader is None:
        message = f"unknown kind of change {kind!r}"
        raise ChangeError(message)
    try:
        return reader(json.loads(payload))
    except (KeyError, TypeError, ValueError) as error:
        # The payload may contain a subscriber's choices: it stays out of the message.
        message = f"malformed change of kind {kind!r}: {type(error).__name__}"
        raise ChangeError(message) from None


def _read_order(fields: dict[str, Any]) -> OrderChange:
    return OrderChange(
        id=int(fields["id"]),
        reference=str(fields["reference"]),
        names=tuple((str(name), Scope(scope)) for name, scope in fields["names"]),
        addresses=tuple(str(prefix) for prefix in fields["addresses"]),
        mode=BlockingMode(fields["mode"]),
        not_before=int(fields["not_before"]),
        not_after=int(fields["not_after"]),
        withdrawn=bool(fields["withdrawn"]) and not fields.get("pending", False),
        confidential=bool(fields["confidential"]),
        accepted_at=float(fields["accepted_at"]),
        pending=bool(fields.get("pending", False)),
    )


def _read_sealed_order(fields: dict[str, Any]) -> OrderChange:
    return replace(_read_order(fields), fingerprints=Fingerprints.from_fields(fields["fingerprints"]))


def _read_lifting(fields: dict[str, Any]) -> LiftingChange:
    return LiftingChange(
        number=int(fields["number"]),
        kind=LiftingKind(fields["kind"]),
        made_at=int(fields["made_at"]),
        until=int(fields["until"]),
        name=str(fields["name"]),
        scope=Scope(fields["scope"]),
        ended=bool(fields["ended"]),
    )


def _read_line(fields: dict[str, Any]) -> LineChange:
    key, adjustments = read_key(str(fields["profile"]))
    profile, meaning = read_key_of(key)
    ends = {str(name): int(until) for name, until in dict(fields.get("own_ends", ())).items()}
    return LineChange(
        LineChoices(
            line=int(fields["line"]),
            opted_in=bool(fields["opted_in"]),
            profile=profile,
            zone=str(fields["zone"]),
            paused_until=int(fields["paused_until"]),
            security_left=bool(fields["security_left"]),
            own_names=tuple(
                OwnName(str(name), Action(action), Scope(scope), ends.get(str(name), 0))
                for name, action, scope in fields["own_names"]
            ),
            adjustments=adjustments,
            meaning=meaning,
        )
    )


_READERS: dict[str, Callable[[dict[str, Any]], Change]] = {
    "order": _read_order,
    SEALED_ORDER: _read_sealed_order,
    "lifting": _read_lifting,
    "line": _read_line,
    LINE_REMOVED: lambda fields: LineRemoved(int(fields["line"])),
    "binding": lambda fields: BindingChange(str(fields["prefix"]), int(fields["line"])),
    "binding_removed": lambda fields: BindingRemoved(str(fields["prefix"])),
}

"""Orders as the rows of the store hold them, each compared with what the audit trail says was decided.

The audit entry of every decision on an order holds a digest of its whole row, its names, addresses and
approvals among it. So one flipped bit, a row that was changed by hand and one that is gone are noticed by
every reader: the compile, a node's resync, ``check`` and the commands on orders. The digest also covers a
random seal, which the row alone holds: the trail lets nobody try out whether a guessed name is in an order.

``store`` and the resolver read by this module, so that they cannot disagree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any, Protocol

from filterd.model import order_sql
from filterd.model.audit_chain import canonical
from filterd.model.blocking_mode import BlockingMode
from filterd.model.changelog import OrderChange
from filterd.model.mandatory import order_id
from filterd.model.order import NOT_ACCEPTED, OFF_NODES, Demand, Order, OrderState, OrderStep, StepKind
from filterd.model.rule import Scope
from filterd.model.sealed_entries import Fingerprints, SealedEntries

ROW_DIGEST = "row_digest"
"""the key of the digest in the audited state of an order; empty: it was ended and has no row any more"""
CONTINUES = "continues"
"""the key of the reference of the order that one goes on from, in the audited state that it was taken in"""
ALTERED = "its row is not what was decided"
UNREADABLE = "its row cannot be read"
GONE = "its row is gone"
UNKNOWN = "no decision on it is on record"
UNSEALED = "no digest of its row is on record yet"


Row = tuple[Any, ...]


class Execute(Protocol):
    """Runs one statement and yields its rows: ``connection.execute`` of ``sqlite3``."""

    def __call__(self, sql: str, parameters: tuple[int | str, ...] = (), /) -> Iterable[tuple[Any, ...]]:
        """The rows of ``sql`` with its question marks filled in."""


@dataclass(frozen=True, slots=True)
class OrderRows:
    """Every order of the store, by number. One whose row is gone is made of what the trail says of it."""

    orders: tuple[Order, ...]

    @property
    def damaged(self) -> tuple[Order, ...]:
        """Those that are not what was decided."""
        return tuple(order for order in self.orders if order.damage)


@dataclass(frozen=True, slots=True)
class _Decision:
    """The newest decision on an order, as the trail has it."""

    at: float
    after: Mapping[str, Any]
    actor: str = ""
    reason: str = ""

    @property
    def digest(self) -> str | None:
        found = self.after.get(ROW_DIGEST)
        return None if found is None else str(found)


def row_digest(order: Order) -> str:
    """SHA-256 of the seal and of everything that the order's rows hold, in hexadecimal. Of sealed entries the
    sealed form counts, opened or not: who has no key can tell, too, whether the row is what was decided."""
    return _digest(digested(order))


def earlier_digest(order: Order) -> str:
    """The digest as earlier versions recorded it, which for a confidential order covers all of the sealed
    form: nobody can compute it again who is not given that."""
    sealed = order.demand.sealed
    return _digest(digested(order) if sealed is None else _listed(order, sealed.in_whole()))


def digested(order: Order) -> list[object]:
    """The values that :func:`row_digest` covers, in their order. The export of the trail shows them."""
    sealed = order.demand.sealed
    return _listed(order, None if sealed is None else sealed.digested())


def _digest(row: list[object]) -> str:
    return hashlib.sha256(canonical(row).encode()).hexdigest()


def _listed(order: Order, sealed: list[Any] | None) -> list[object]:
    demand = order.demand
    entries = demand if sealed is None else Demand("", "", "", "")
    row: list[object] = [
        order.seal,
        order.number,
        order.reference,
        order.state.value,
        *(demand.authority, demand.official, demand.document, demand.document_digest, demand.ground),
        *(int(demand.mode), demand.not_before, demand.not_after, demand.review_at),
        *(demand.confidential, demand.overblocking_accepted, demand.received_at),
        sorted([name, int(scope)] for name, scope in entries.names),
        sorted(entries.addresses),
        *(order.reason, order.added_by, order.added_at, order.accepted_at),
        *(order.withdrawn_by, order.withdrawn_at, order.withdrawal_reason),
        sorted({order.added_by, *order.approvals}),
    ]
    if sealed is not None:
        row.append(sealed)
    life: list[object] = [
        *(demand.law, demand.proportionality, demand.protection_overridden),
        *(demand.enforce_by, demand.report_by, [list(astuple(each)) for each in order.steps]),
    ]
    if any(life):  # one from before there was any of it has the digest of then
        row.append(life)
    return row


@dataclass(frozen=True, slots=True)
class StoredOrders:
    """The rows of orders as the statements gave them."""

    orders: Sequence[Row]
    names: Sequence[Row]
    prefixes: Sequence[Row]
    approvals: Sequence[Row]
    sealed: Sequence[Row]
    steps: Sequence[Row]
    decisions: Sequence[Row]

    @property
    def size(self) -> int:
        """The number of rows with entries and orders: what :func:`orders_of` takes grows with it."""
        return len(self.orders) + len(self.names) + len(self.prefixes)


def read_orders(execute: Execute) -> OrderRows:
    """All orders, each with what is wrong with it in ``damage``."""
    return orders_of(read_rows(execute))


def read_rows(execute: Execute, numbers: Sequence[int] = ()) -> StoredOrders:
    """The rows of all orders, or of those with these numbers, ascending; no other order may have a row
    between the first and the last. At most as many as a statement has parameters."""
    if numbers:
        subjects = tuple(f"order:O-{number}" for number in numbers)
        told = execute(order_sql.decisions_on(len(subjects)), subjects)
        between = (numbers[0], numbers[-1])
    else:
        told = execute(order_sql.DECISIONS_SQL, order_sql.EVERY_SUBJECT)
        between = order_sql.EVERY_NUMBER
    return StoredOrders(
        decisions=list(told),
        names=list(execute(order_sql.NAMES_SQL, between)),
        prefixes=list(execute(order_sql.ADDRESSES_SQL, between)),
        approvals=list(execute(order_sql.APPROVALS_SQL, between)),
        sealed=list(execute(order_sql.SEALED_SQL, between)),
        steps=list(execute(order_sql.STEPS_SQL, between)),
        orders=list(execute(order_sql.ORDERS_SQL, between)),
    )


def orders_of(rows: StoredOrders) -> OrderRows:
    """The orders of these rows, each compared with the decision on it."""
    parted = (rows.names, rows.prefixes, rows.approvals, rows.sealed, rows.steps)
    grouped = [_grouped(each) for each in parted]
    decisions = {_decoded(subject): _decision(*rest) for subject, *rest in rows.decisions}
    found: list[Order] = []
    for row in rows.orders:
        values = dict(zip(order_sql.COLUMNS, row, strict=True))
        decision = decisions.pop(f"order:{_decoded(values['reference'])}", None)
        found.append(_checked(values, tuple(each.get(row[0], []) for each in grouped), decision))
    found += [_of_trail(subject, decision) for subject, decision in decisions.items()]
    return OrderRows(tuple(sorted(found, key=lambda order: (order.number, order.reference))))


def change_of(order: Order) -> OrderChange:
    """The order as nodes apply it. One that they shall not enforce any more carries no names, a sealed one
    fingerprints; one that was not accepted is pending."""
    withdrawn = order.state in OFF_NODES
    demand = Demand("", "", "", "") if withdrawn else order.demand
    sealed = demand.sealed
    return OrderChange(
        id=order_id(order.number),
        reference=order.reference,
        names=demand.names if sealed is None else (),
        addresses=demand.addresses if sealed is None else (),
        mode=order.demand.mode,
        not_before=order.not_before,
        not_after=order.demand.not_after,
        withdrawn=withdrawn,
        confidential=order.demand.confidential,
        accepted_at=order.accepted_at,
        pending=order.state in NOT_ACCEPTED,
        fingerprints=None if sealed is None else sealed.fingerprints,
    )


def audited(order: Order) -> dict[str, Any]:
    """The order as the audit trail shows it, with the digest of its row. ``digest`` stands for names that are
    no secret; of a confidential order it does not tell why its reach is bearable: exports show entries."""
    demand = order.demand
    shown: dict[str, Any] = {
        "state": order.state.value,
        "approvals": list(order.approvals),
        "authority": demand.authority,
        "official": demand.official,
        "document": demand.document,
        "document_digest": demand.document_digest,
        "ground": demand.ground,
        "mode": demand.mode.word,
        "not_before": demand.not_before,
        "not_after": demand.not_after,
        "review_at": demand.review_at,
        "received_at": demand.received_at,
        "confidential": demand.confidential,
        "overblocking_accepted": demand.overblocking_accepted,
        "entries": order.entries,
        ROW_DIGEST: row_digest(order),
    }
    for part in ("law", "proportionality", "protection_overridden", "enforce_by", "report_by"):
        hidden = part == "proportionality" and demand.confidential
        if (value := getattr(demand, part)) and not hidden:
            shown[part] = value
    if order.steps:
        shown["steps"] = len(order.steps)
        shown["step"] = {name: value for name, value in asdict(order.steps[-1]).items() if value}
    if not demand.confidential:
        entries = canonical([[[n, int(s)] for n, s in demand.names], list(demand.addresses)])
        shown["digest"] = hashlib.sha256(entries.encode()).hexdigest()
    return shown


def number_of(reference: str) -> int:
    """The number in a reference, ``O-17``; 0 where there is none."""
    digits = reference.removeprefix("O-")
    return int(digits) if digits.isascii() and digits.isdecimal() else 0


def _decision(at: Any, after: Any, actor: Any, reason: Any) -> _Decision:
    try:
        told = json.loads(_decoded(after))
        kept = told if isinstance(told, dict) else {}
        return _Decision(float(at), kept, _decoded(actor), _decoded(reason))
    except ValueError:
        return _Decision(0.0, {})


def _checked(
    values: Mapping[str, Any], parts: tuple[list[tuple[Any, ...]], ...], decision: _Decision | None
) -> Order:
    """The order of one row. One that differs from what was decided keeps what its row says, for its damage to
    be looked at: no reader may enforce or lift anything by it."""
    try:
        order = _order(values, parts)
        digest = row_digest(order)
    except (ValueError, TypeError, KeyError):
        broken = _of_trail(f"order:{_decoded(values['reference'])}", decision or _Decision(0.0, {}))
        return replace(broken, number=values["number"], damage=UNREADABLE)
    if decision is None:
        return replace(order, damage=UNKNOWN)
    if decision.digest is None:
        return replace(order, damage=UNSEALED)
    same = decision.digest == digest or decision.digest == earlier_digest(order)
    return order if same else replace(order, damage=ALTERED)


def _order(values: Mapping[str, Any], parts: tuple[list[tuple[Any, ...]], ...]) -> Order:
    *entries, behind, rows, steps = parts
    text = {column: _decoded(values[column]) for column in order_sql.TEXTS}
    demand = _demand(values, text, entries, _sealed(rows[0]) if rows else None)
    sealed = demand.sealed
    return Order(
        number=values["number"],
        reference=text["reference"],
        state=OrderState(text["state"]),
        demand=demand,
        reason=text["reason"],
        added_by=text["added_by"],
        added_at=values["added_at"],
        entries=len(demand.names) + len(demand.addresses) + (0 if sealed is None else sealed.count),
        approvals=_people(text["added_by"], [_decoded(actor) for (actor,) in behind]),
        accepted_at=values["accepted_at"],
        withdrawn_by=text["withdrawn_by"],
        withdrawn_at=values["withdrawn_at"],
        withdrawal_reason=text["withdrawal_reason"],
        steps=tuple(_step(*each) for each in steps),
        seal=text["seal"],
    )


def _people(added_by: str, behind: Sequence[str]) -> tuple[str, ...]:
    """The people who approve an order, the one who added it first. A register's machine that added one is not
    among them: people stand behind it by its adoption."""
    first = (added_by,) if added_by in behind or not behind else ()
    return tuple(dict.fromkeys((*first, *behind)))


def _demand(
    values: Mapping[str, Any],
    text: Mapping[str, str],
    entries: Sequence[list[tuple[Any, ...]]],
    sealed: SealedEntries | None,
) -> Demand:
    """The demand of one row; raises ValueError where its entries stand there twice."""
    names, prefixes = entries
    if sealed is not None and (names or prefixes):
        message = "an order has its entries sealed and in clear"
        raise ValueError(message)
    return Demand(
        authority=text["authority"],
        official=text["official"],
        document=text["document"],
        ground=text["ground"],
        names=tuple(sorted((_decoded(name), Scope(scope)) for name, scope in names)),
        addresses=tuple(sorted(_decoded(prefix) for (prefix,) in prefixes)),
        mode=BlockingMode(values["mode"]),
        not_before=values["not_before"],
        not_after=values["not_after"],
        review_at=values["review_at"],
        received_at=values["received_at"],
        document_digest=text["document_digest"],
        confidential=bool(values["confidential"]),
        overblocking_accepted=bool(values["overblocking_accepted"]),
        law=text["law"],
        proportionality=text["proportionality"],
        protection_overridden=bool(values["protection_overridden"]),
        enforce_by=values["enforce_by"],
        report_by=values["report_by"],
        sealed=sealed,
    )


def _step(number: Any, kind: Any, at: Any, actor: Any, *rest: Any) -> OrderStep:
    """A step; raises ValueError for a kind that there is not."""
    reason, document, received_at, until, evidence, digest = rest
    return OrderStep(
        number=number,
        kind=StepKind(_decoded(kind)),
        at=at,
        actor=_decoded(actor),
        reason=_decoded(reason),
        document=_decoded(document),
        received_at=received_at,
        until=until,
        evidence=_decoded(evidence),
        digest=_decoded(digest),
    )


def _sealed(row: tuple[Any, ...]) -> SealedEntries:
    """Sealed entries; raises ValueError, TypeError or KeyError for a row that cannot be read."""
    key_id, text, count, fingerprints = row
    found = json.loads(_decoded(fingerprints))
    return SealedEntries(_decoded(key_id), _decoded(text), count, Fingerprints.from_fields(found))


def _of_trail(subject: str, decision: _Decision) -> Order:
    """The order as its last audit entry tells of it, without its names. It is no damage that an order which
    was ended because its row was damaged has no row."""
    reference = subject.removeprefix("order:")
    told = decision.after.get
    ended = decision.digest == ""
    return Order(
        number=number_of(reference),
        reference=reference,
        state=OrderState.WITHDRAWN if ended else OrderState.PENDING,
        demand=Demand(
            authority=str(told("authority", "")),
            official=str(told("official", "")),
            document=str(told("document", "")),
            ground=str(told("ground", "")),
            confidential=told("confidential") is not False,
        ),
        reason="",
        added_by="",
        added_at=0.0,
        accepted_at=decision.at if ended else 0.0,
        withdrawn_by=decision.actor if ended else "",
        withdrawn_at=decision.at if ended else 0.0,
        withdrawal_reason=decision.reason if ended else "",
        damage="" if ended else GONE,
    )


def _decoded(value: Any) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)


def _grouped(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    """The rows without their first column, by that column."""
    groups: dict[int, list[tuple[Any, ...]]] = {}
    for key, *rest in rows:
        groups.setdefault(key, []).append(tuple(rest))
    return groups

"""The full state behind the change log, for a node that has no state or is below the floor of the log.

A full resync of the orders reads the head and :func:`mandatory_state` in one transaction; the cursor then
becomes that head. An order that is in force on the node, and that this state lacks, has as a pending one or
has with fewer names, stays in force there: it is a *kept order*, until a change with its id arrives.

A full resync of lines and bindings takes too long for one transaction: while it is open, the store's
write-ahead log cannot be checkpointed. So the node notes the head first, and reads :func:`lines_page` and
:func:`bindings_page` until they are empty, each page in its own short transaction. Then it applies the
changes above the noted head, at least up to the head at which the last page was read. A page shows each row
as it was at some revision between these two heads, and every change replaces the whole of its object: so the
result is the state at the second head.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from filterd.model import order_rows
from filterd.model.adjustments import Adjustments, AdjustmentsError, from_text
from filterd.model.changelog import BindingChange, ChangeError, LiftingChange, LineChange, OrderChange
from filterd.model.lifting import LiftingKind
from filterd.model.line import LineChoices, OwnName
from filterd.model.mandatory import order_id
from filterd.model.order import OFF_NODES, Order, OrderState
from filterd.model.order_rows import Execute
from filterd.model.rule import Action, Scope

LOST_ORDERS_SQL = (
    "SELECT number, reference FROM lost_order"
    " WHERE number NOT IN (SELECT number FROM orders WHERE accepted_at > 0) ORDER BY number"
)
LIFTINGS_SQL = (
    "SELECT number, kind, made_at, until, name, scope FROM lifting WHERE ended_at = 0 AND until > ?"
    " ORDER BY number"
)
LINES_SQL = (
    "SELECT line, opted_in, profile, zone, paused_until, security_left, adjustments, meaning"
    " FROM line_state"
    " WHERE line > ? ORDER BY line LIMIT ?"
)
OWN_NAMES_SQL = (
    "SELECT line, name, action, scope, ends_at FROM own_name WHERE line > ? AND line <= ?"
    " ORDER BY line, name, action, scope"
)
BINDINGS_SQL = "SELECT prefix, line FROM binding WHERE prefix > ? ORDER BY prefix LIMIT ?"
BEFORE_LINES = -1
"""less than every line's number: the start for :func:`lines_page`"""
BEFORE_BINDINGS = ""
"""the start for :func:`bindings_page`"""


class DamagedRowsError(ChangeError):
    """The store holds orders that are not what was decided; the message has their public numbers."""


def mandatory_state(execute: Execute) -> list[OrderChange]:
    """Every order that is pending, or was ever accepted or withdrawn, by id, for a full resync of the
    mandatory stream; before them, as withdrawn ones, those of a lost history whose end was confirmed. No
    quarantined ones: nobody has decided yet that they may be followed.

    A withdrawn one that was never accepted here may be in force on a node, from a lost history.

    Raises DamagedRowsError where an order is not what was decided: a node that took the rest would drop it.
    """
    rows = order_rows.read_orders(execute)
    if rows.damaged:
        message = f"damaged orders: {', '.join(order.reference for order in rows.damaged)}"
        raise DamagedRowsError(message)
    ended = [
        OrderChange(id=order_id(number), reference=reference, withdrawn=True)
        for number, reference in execute(LOST_ORDERS_SQL)
    ]
    return ended + [order_rows.change_of(order) for order in rows.orders if _concerns_nodes(order)]


def lifting_state(execute: Execute, after: int) -> list[LiftingChange]:
    """Every exception and suspension that nobody ended and whose own end lies behind the moment ``after``,
    for a full resync of their stream. A row that makes no sense lifts nothing."""
    found = []
    for number, kind, made_at, until, name, scope in execute(LIFTINGS_SQL, (after,)):
        with contextlib.suppress(ValueError):
            found.append(LiftingChange(number, LiftingKind(kind), made_at, until, name, Scope(scope)))
    return found


def _concerns_nodes(order: Order) -> bool:
    return bool(order.accepted_at) or order.state is OrderState.PENDING or order.state in OFF_NODES


def lines_page(execute: Execute, after: int, limit: int) -> list[LineChange]:
    """The next ``limit`` lines above the number ``after``, with their own names; none: there are no more."""
    found = list(execute(LINES_SQL, (after, limit)))
    if not found:
        return []
    own = _Groups(execute(OWN_NAMES_SQL, (after, found[-1][0])))
    return [
        LineChange(
            LineChoices(
                line,
                bool(opted_in),
                profile,
                zone,
                paused_until,
                bool(security_left),
                tuple(
                    OwnName(name, Action(action), Scope(scope), ends_at)
                    for name, action, scope, ends_at in own.of(line)
                ),
                _adjustments(adjustments),
                meaning,
            )
        )
        for line, opted_in, profile, zone, paused_until, security_left, adjustments, meaning in found
    ]


def _adjustments(text: str) -> Adjustments:
    try:
        return from_text(text)
    except AdjustmentsError as error:
        raise ChangeError(str(error)) from None


def bindings_page(execute: Execute, after: str, limit: int) -> list[BindingChange]:
    """The next ``limit`` bindings after the prefix ``after``; none: there are no more."""
    return [BindingChange(prefix, line) for prefix, line in execute(BINDINGS_SQL, (after, limit))]


class _Groups:
    """Hands out rows group by group; rows and groups are ordered by the first column."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows = iter(rows)
        self._next = next(self._rows, None)

    def of(self, key: int) -> Iterator[tuple[Any, ...]]:
        """The rows of ``key`` without their first column; skips rows of smaller keys."""
        while self._next is not None and self._next[0] <= key:
            row, self._next = self._next, next(self._rows, None)
            if row[0] == key:
                yield row[1:]

"""Texts of the later steps of a confidential order: they must not hold a name of it either.

The trail and its exports show those texts, as they show the ones of the intake.
"""

from __future__ import annotations

from contextlib import suppress

from filterd.model.order import Order
from filterd.operations import confidential
from filterd.operations.context import Context, OperationError
from filterd.operations.orders.nameless import CONFIDENTIAL, require_nameless


def require_nameless_texts(context: Context, order: Order, **texts: str) -> None:
    """Refuse a text that holds an entry of the order, if it is confidential or its entries are sealed, as
    those of a damaged one; each under the name of its option. Where its entries do not open, the text is
    taken: an end may not wait for a key. Raises OperationError, which does not quote the text."""
    if not order.demand.confidential and order.demand.sealed is None:
        return
    found = order
    with suppress(OperationError):
        found = confidential.opened(context.settings, order)
    for option, text in texts.items():
        require_nameless(found.demand, text, option, f"--{option}", CONFIDENTIAL)

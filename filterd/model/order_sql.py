"""The statements that read the rows of orders, and their columns."""

from __future__ import annotations

ORDERS_SQL = (
    "SELECT number, CAST(reference AS BLOB), CAST(state AS BLOB), CAST(authority AS BLOB),"
    " CAST(official AS BLOB), CAST(document AS BLOB), CAST(document_digest AS BLOB), CAST(ground AS BLOB),"
    " CAST(reason AS BLOB), CAST(added_by AS BLOB), CAST(withdrawn_by AS BLOB),"
    " CAST(withdrawal_reason AS BLOB), CAST(seal AS BLOB), CAST(law AS BLOB),"
    " CAST(proportionality AS BLOB), mode, not_before, not_after, review_at,"
    " confidential, overblocking_accepted, received_at, added_at, accepted_at, withdrawn_at,"
    " protection_overridden, enforce_by, report_by"
    " FROM orders WHERE number BETWEEN ? AND ? ORDER BY number"
)
"""texts as bytes: what is no UTF-8 any more must be told apart, and not end the read"""
NAMES_SQL = (
    "SELECT order_number, CAST(name AS BLOB), scope FROM order_name WHERE order_number BETWEEN ? AND ?"
)
ADDRESSES_SQL = (
    "SELECT order_number, CAST(prefix AS BLOB) FROM order_address WHERE order_number BETWEEN ? AND ?"
)
SEALED_SQL = (
    "SELECT order_number, CAST(key_id AS BLOB), CAST(sealed AS BLOB), entries, CAST(fingerprints AS BLOB)"
    " FROM sealed_order WHERE order_number BETWEEN ? AND ?"
)
APPROVALS_SQL = (
    "SELECT order_number, CAST(actor AS BLOB) FROM order_approval WHERE order_number BETWEEN ? AND ?"
    " ORDER BY at, actor"
)
STEPS_SQL = (
    "SELECT order_number, number, CAST(kind AS BLOB), at, CAST(actor AS BLOB), CAST(reason AS BLOB),"
    " CAST(document AS BLOB), received_at, until, CAST(evidence AS BLOB), CAST(digest AS BLOB)"
    " FROM order_step WHERE order_number BETWEEN ? AND ? ORDER BY order_number, number"
)
DECISIONS = (
    *("order.add", "order.approve", "order.withdraw", "order.seal", "order.suspend", "order.resume"),
    *("order.lift", "order.confirm", "order.report", "order.execute", "order.expire", "order.review"),
)
"""the actions of the trail that tell of an order's whole row; each has its digest"""
_NEWEST_SQL = (
    "SELECT CAST(subject AS BLOB), at, CAST(after AS BLOB), CAST(actor AS BLOB), CAST(reason AS BLOB)"  # noqa: S608 - made of constants alone
    " FROM audit WHERE sequence IN"
    " (SELECT max(sequence) FROM audit WHERE subject {}"
    f" AND action IN ({', '.join(map(repr, DECISIONS))}) GROUP BY subject)"
)
DECISIONS_SQL = _NEWEST_SQL.format("BETWEEN ? AND ?")


def decisions_on(subjects: int) -> str:
    """The statement for the newest decision on each of so many subjects."""
    return _NEWEST_SQL.format(f"IN ({', '.join('?' * subjects)})")


TEXTS = (
    "reference",
    "state",
    "authority",
    "official",
    "document",
    "document_digest",
    "ground",
    "reason",
    "added_by",
    "withdrawn_by",
    "withdrawal_reason",
    "seal",
    "law",
    "proportionality",
)
NUMBERS = (
    "mode",
    "not_before",
    "not_after",
    "review_at",
    "confidential",
    "overblocking_accepted",
    "received_at",
    "added_at",
    "accepted_at",
    "withdrawn_at",
    "protection_overridden",
    "enforce_by",
    "report_by",
)
COLUMNS = ("number", *TEXTS, *NUMBERS)
"""those of :data:`ORDERS_SQL`"""
EVERY_NUMBER = (-(2**63), 2**63 - 1)
EVERY_SUBJECT = ("order:", "order;")

"""An alarm on a deadline of an order, and its way to those who are told."""

from __future__ import annotations

from dataclasses import dataclass

MAIL = "mail"
"""the channel of e-mail; the others are ``webhook:`` and the id of a receiver"""
OVERDUE = 0
"""the lead of the alarm that says that a deadline has passed"""


@dataclass(frozen=True, slots=True, order=True)
class AlarmKey:
    """One alarm: of a duty of an order, at a lead before it is due. Each is raised once."""

    due_at: int
    """Unix seconds"""
    order: int
    kind: str
    """of the duty: ``enforce``"""
    lead: int
    """seconds"""


@dataclass(frozen=True, slots=True)
class AlarmDelivery:
    """A channel that has not taken an alarm yet."""

    key: AlarmKey
    channel: str
    failed: bool
    """it was given up"""
    attempts: int
    next_at: float
    trouble: str
    """why the last attempt failed"""
    raised_at: float

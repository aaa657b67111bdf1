"""The record that reports are made from: rows of facts, without any line, person asked for, or query. Pure.

Every figure of a report is computed from these rows alone (``operations.reports``); an evidence pack holds
the same rows as JSON Lines, one file for each table, so that anybody can compute the figures again
(``docs/report-record.md``). Times are Unix seconds, 0 for never; days are ISO dates in the zone of the
installation. Nothing of a confidential order or list is in a row but its label, its count of entries and its
digest.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

FORMAT = "filterd report record v1"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order that stood, was received or ended in the range."""

    order: str
    """its reference, ``O-17``"""
    authority: str
    ground: str
    law: str
    confidential: bool
    wide: bool
    """two people decided on it with reasons: it reaches beyond its names"""
    state: str
    entries: int
    received_at: float
    accepted_at: float
    ended_at: float
    approvals: int
    """people"""
    emergency: bool
    """one person ended it at once"""
    reviewed_at: float
    """when another person looked at that end"""
    source: str = ""
    """the register or platform that it came by; empty: by hand"""
    origin: str = "order"
    """``order``, or ``list`` of an adopted list"""
    quarantined: bool = False
    """a protected name kept it waiting when it came"""
    continues: str = ""
    """the order that this one goes on from with what was not unblocked; empty: it is one of its own"""


@dataclass(frozen=True, slots=True)
class DeadlineRow:
    """A deadline of an order, and the moment when it was met."""

    order: str
    kind: str
    """``enforce``, ``report``, ``unblock``, ``reconfirm``, ``review``, ``emergency_review``"""
    due_at: float
    """the last second in which it is met in time"""
    met_at: float
    over_at: float = 0.0
    """since when nobody has to meet it any more; 0 for one that was met, or still is to be"""


@dataclass(frozen=True, slots=True)
class EffectRow:
    """An order taking effect, or its end."""

    order: str
    effect: int
    """the number, from 1"""
    kind: str
    """``enforce`` or ``lift``"""
    decided_at: float
    due_at: float
    everywhere_at: float
    """when the last node had it; 0: not yet, -1: another effect came first"""
    nodes: int


@dataclass(frozen=True, slots=True)
class ArrivalRow:
    """The moment when a node had an effect in force, and on its disk."""

    order: str
    effect: int
    node: str
    applied_at: float
    exact: bool
    probe: str
    probed_at: float


@dataclass(frozen=True, slots=True)
class ListPeriodRow:
    """A version of a list that ran on a node."""

    node: str
    label: str
    """of the list; empty: the node as a whole"""
    version: str
    digest: str
    since: float
    until: float
    """0: it lasts"""


@dataclass(frozen=True, slots=True)
class NodeStateRow:
    """A change of a node's availability, as the trail has it."""

    node: str
    state: str
    """``available``, ``unready``, ``silent``"""
    since: float


@dataclass(frozen=True, slots=True)
class ListRow:
    """A list that was in use at the end of the range."""

    label: str
    kind: str
    """``mandatory``, ``security``, ``category``"""
    confidential: bool
    authority: str
    ground: str
    category: str
    version: int
    digest: str
    names: int


@dataclass(frozen=True, slots=True)
class CountDayRow:
    """One number of one day. A number that is about people is None where it is smaller than the least one
    that is told, and not zero, or where it would tell such a one; it is of whole calendar months alone, on
    the last day of each that was counted."""

    day: str
    subject: str
    """``mandatory.names`` and ``mandatory.orders`` of each day's statement, and of the newest day before the
    range; ``take-up.opted-in``, ``take-up.profile:children``, and ``opt-ins``, ``opt-outs`` of the month"""
    count: int | None


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """A request to look at a block again: no site, no asker, no words."""

    review: int
    kind: str
    claim: str
    received_at: float
    due_on: str
    requests: int
    decided_at: float
    outcome: str
    appealed_at: float
    appeal_due_on: str
    appeal_decided_at: float
    appeal_outcome: str
    effect: str = ""
    """what followed: ``order``, ``exception``, ``list``; empty: nothing"""
    effective_at: float = 0.0
    """when every node had it"""
    decided_on: str = ""
    """the day of the decision, where terms are counted; empty: none yet"""
    appeal_decided_on: str = ""


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """A run of the job that deletes what is past its term."""

    data_class: str
    ran_at: float
    deleted: int | None
    """rows or files; None: too few to tell"""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """The answer to one item of a register or platform."""

    source: str
    authority: str
    document: str
    item: int
    received_at: float
    answered_at: float
    due_at: float
    answer: str
    """``processed`` or ``unprocessed``"""
    reason: str = ""
    """from the fixed list; empty for what was processed"""


@dataclass(frozen=True, slots=True)
class CapacityRow:
    """The room that an authority's entries may take, and what they took at the end of the range."""

    authority: str
    kind: str
    """``names`` or ``addresses``"""
    declared: int
    used: int


@dataclass(frozen=True, slots=True)
class PrivacyRow:
    """One figure of how the data of people were handled, such as ``arco.received``, ``holds.active``,
    ``own-names.viewed``, ``consent.shared``. None: too small to tell, or it would tell one that is."""

    subject: str
    count: int | None


@dataclass(frozen=True, slots=True)
class RecordHead:
    """The range and the place of a record."""

    installation: str
    provider: str
    country: str
    zone: str
    begins_at: float
    ends_at: float
    """exclusive"""
    made_at: float
    audit_sequence: int
    audit_hash: str
    """the head of the trail when it was read"""
    least: int
    """the smallest number about people that is told"""
    format: str = FORMAT
    begins_on: str = ""
    """the day of the beginning, in the zone of the installation"""
    small: int = 5
    """the smallest number of orders of one authority on one ground that the public is told apart"""
    growth_share: float = 0.2
    growth_names: int = 1000
    """growth of mandatory names in a month, from which on the public is told"""
    growth_floor: int = 100
    """the smallest number of names of which a share counts"""


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """All that reports of a range are made from. Each table is in the order of its columns."""

    head: RecordHead
    orders: tuple[OrderRow, ...] = ()
    deadlines: tuple[DeadlineRow, ...] = ()
    effects: tuple[EffectRow, ...] = ()
    arrivals: tuple[ArrivalRow, ...] = ()
    list_periods: tuple[ListPeriodRow, ...] = ()
    node_states: tuple[NodeStateRow, ...] = ()
    lists: tuple[ListRow, ...] = ()
    days: tuple[CountDayRow, ...] = ()
    complaints: tuple[ComplaintRow, ...] = ()
    retention: tuple[RetentionRow, ...] = ()
    answers: tuple[AnswerRow, ...] = ()
    capacity: tuple[CapacityRow, ...] = ()
    privacy: tuple[PrivacyRow, ...] = ()

    def tables(self) -> dict[str, tuple[Any, ...]]:
        """Table name -> rows."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "head"}

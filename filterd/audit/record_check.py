"""Compares a record of reports with what the trail tells: each row is proven, or signed, or a fault. Pure.

*Proven*: the trail, or a statement that the trail tells of, says all that the row says. *Signed*: the
operator says it, and the trail does not contradict it; it withholds what is about people. A row that the
trail contradicts is a fault, and so is one that the trail has and the record lacks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from filterd.audit.pack_facts import PackFacts
from filterd.audit.pack_guard import guarded
from filterd.audit.pack_lists import ListSwitch, NodeLists
from filterd.model.report_record import ArrivalRow, EffectRow, ListPeriodRow, ReportRecord

NAMES, ORDERS = "mandatory.names", "mandatory.orders"
MOST_FAULTS = 200
OVERTAKEN, PATIENCE = -1.0, 60.0
WITHHELD = ("complaints", "retention", "privacy", "days of take-up")
"""the tables about people"""
OPERATORS = ("complaints", "retention", "privacy", "answers", "capacity")


@dataclass(slots=True)
class RecordComparison:
    """The result: how many rows of each table are proven and signed, and the faults."""

    proven: Counter[str] = field(default_factory=Counter)
    signed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, where: str, fault: str) -> None:
        """Add a fault."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(f"{where}: {fault}")

    def count(self, table: str, *, proven: bool) -> None:
        """Count a row."""
        (self.proven if proven else self.signed)[table] += 1


@dataclass(frozen=True, slots=True)
class RecordCheck:
    """One record beside one trail. ``statements``: the bodies of the statements of the pack, by day, whose
    signatures are verified."""

    record: ReportRecord
    facts: PackFacts
    statements: Mapping[str, Mapping[str, Any]]
    until: str
    """the day of the record's moment, in the zone of the installation"""
    deleted_periods: bool = False
    """True if the pack says that periods of lists which ended long ago were deleted"""
    found: RecordComparison = field(default_factory=RecordComparison)

    @property
    def now(self) -> float:
        """The moment as of which the record speaks, Unix seconds."""
        return min(self.record.head.made_at, self.record.head.ends_at)

    def run(self, *, whole: bool) -> RecordComparison:
        """Compare every table. ``whole``: not of one order alone."""
        head = self.record.head
        if self.facts.hashes.get(head.audit_sequence) != head.audit_hash:
            self.found.add(
                "record/head.json", f"the trail has another entry {head.audit_sequence} than it says"
            )
        parts = [self._orders, self._deadlines, self._effects, self._arrivals]
        for part in (*parts, *(self._states, self._periods, self._lists, self._days) * whole):
            guarded("record/", part, self._add)
        for table in OPERATORS:
            self.found.signed[table] += len(self.record.tables()[table])
        return self.found

    def _add(self, fault: str) -> None:
        if len(self.found.faults) < MOST_FAULTS:
            self.found.faults.append(fault)

    def _orders(self) -> None:
        rows = {each.order: each for each in self.record.orders}
        if len(rows) < len(self.record.orders):
            self.found.add("orders", "one stands there twice")
        for name, row in rows.items():
            known = self.facts.orders.get(name)
            if known is None or not known.newest:
                self.found.add(f"orders {name}", "the trail has no such order")
                continue
            wanted = known.columns(self.now)
            self._compare(f"orders {name}", row, wanted)
            self.found.count("orders", proven="wide" in wanted and not row.source)
        for name, order in self.facts.lasting_orders():
            belongs = order.first <= self.record.head.audit_sequence and order.added_at < self.now
            over = order.over_at(self.now)
            if belongs and name not in rows and not 0 < over < self.record.head.begins_at:
                self.found.add(f"orders {name}", "the trail has it, and the record lacks it")

    def _compare(self, where: str, row: object, wanted: Mapping[str, Any]) -> None:
        for column, value in wanted.items():
            if getattr(row, column) != value:
                self.found.add(where, f"{column} is {getattr(row, column)!r}, and {value!r} by the trail")

    def _deadlines(self) -> None:
        moments: dict[str, set[float]] = {}
        for name, order in self.facts.lasting_orders():
            moments[name] = order.moments | order.received
            moments[name] |= {order.over_at(self.now), float(order.newest["not_after"])}
        for effect in self.record.effects:
            moments.setdefault(effect.order, set()).add(effect.everywhere_at)
        for row in self.record.deadlines:
            known = moments.get(row.order, set()) | {0.0}
            if not {row.met_at, row.over_at} <= known:
                self.found.add(f"deadlines {row.order} {row.kind}", "nothing happened then by the trail")
            self.found.count("deadlines", proven=False)

    def _effects(self) -> None:
        rows = {(each.order, each.effect): each for each in self.record.effects}
        if len(rows) < len(self.record.effects):
            self.found.add("effects", "one stands there twice")
        told = {(name, number): each.after for (name, number, _), each in self.facts.arrivals.items()}
        for place, row in rows.items():
            where = f"effects {place[0]} {place[1]}"
            order = self.facts.orders.get(row.order)
            if order is None or row.decided_at not in order.moments:
                self.found.add(where, "the trail has no decision at that moment")
            after = told.get(place)
            if after is not None and (after["kind"], after["due_at"]) != (row.kind, row.due_at):
                self.found.add(where, "nodes told of another kind or another moment")
            later = [each for other, each in rows.items() if other[0] == row.order and other[1] > row.effect]
            is_told = self._everywhere(where, row, later)
            self.found.count("effects", proven=is_told and after is not None)
        orders = {each.order for each in self.record.orders}
        for name, number in sorted(self._effects_told()):
            if name in orders and (name, number) not in rows:
                self.found.add(f"effects {name} {number}", "the trail tells of it, and it is missing")

    def _effects_told(self) -> set[tuple[str, int]]:
        """The effects of which the trail tells that they came by the moment of the record."""
        last = self.record.head.audit_sequence
        found = {
            place[:2]
            for place, each in self.facts.arrivals.items()
            if each.sequence <= last and each.after["applied_at"] < self.now
        }
        for place, told in self.facts.everywhere.items():
            found |= {place} if told.sequence <= last and told.after["at"] < self.now else set()
        return found

    def _everywhere(self, where: str, row: EffectRow, later: list[EffectRow]) -> bool:
        told = self.facts.everywhere.get((row.order, row.effect))
        if told is not None and told.after["at"] < self.now:
            if told.sequence > self.record.head.audit_sequence and not row.everywhere_at:
                return False
            if (row.everywhere_at, row.nodes) != (told.after["at"], told.after["nodes"]):
                self.found.add(where, f"it was everywhere at {told.after['at']!r} by the trail")
            return True
        if row.everywhere_at > 0 and not self.facts.settled_together:
            self.found.add(where, "the trail does not tell that it was everywhere")
        if row.everywhere_at == OVERTAKEN:
            over = any(each.due_at + PATIENCE <= self.record.head.made_at for each in later)
            if not over:
                self.found.add(where, "no later effect overtook it")
            return over
        return row.everywhere_at == 0

    def _arrivals(self) -> None:
        rows = {(each.order, each.effect, each.node): each for each in self.record.arrivals}
        if len(rows) < len(self.record.arrivals):
            self.found.add("arrivals", "one stands there twice")
        for place, row in rows.items():
            where, told = f"arrivals {' '.join(map(str, place))}", self.facts.arrivals.get(place)
            if told is None:
                if row.node not in self.facts.told_together:
                    self.found.add(where, "the trail does not tell of it")
                self.found.count("arrivals", proven=False)
                continue
            self._compare(where, row, {each: told.after[each] for each in ("applied_at", "exact")})
            self.found.count("arrivals", proven=self._probe(where, row))
        orders = {each.order for each in self.record.orders}
        for place, told in self.facts.arrivals.items():
            belongs = told.sequence <= self.record.head.audit_sequence and told.after["applied_at"] < self.now
            if belongs and place[0] in orders and place not in rows:
                self.found.add(
                    f"arrivals {' '.join(map(str, place))}", "the trail tells of it, and it is missing"
                )

    def _probe(self, where: str, row: ArrivalRow) -> bool:
        told = self.facts.probes.get((row.order, row.effect, row.node), [])
        if (row.probe, row.probed_at) in told or not (row.probe or told):
            return True
        if row.probe and not told and row.node in self.facts.told_together:
            return False
        if row.probe or any(at < self.now for _, at in told):
            self.found.add(where, "the trail does not tell this of its probe")
        return True

    def _states(self) -> None:
        before: dict[str, tuple[str, str, float, int]] = {}
        within = []
        for each in sorted(self.facts.states, key=lambda one: one[2]):
            if each[2] <= self.record.head.begins_at:
                before[each[0]] = each
            elif each[2] < self.now:
                within.append(each)
        told = [*before.values(), *within]
        may = Counter(each[:3] for each in told)
        must = Counter(each[:3] for each in told if each[3] <= self.record.head.audit_sequence)
        have = Counter((each.node, each.state, each.since) for each in self.record.node_states)
        for node, state, since in have - may:
            self.found.add(
                f"node_states {node}", f"the trail does not tell that it was {state} since {since!r}"
            )
        for node, state, since in must - have:
            self.found.add(f"node_states {node}", f"that it was {state} since {since!r} is missing")
        self.found.proven["node_states"] += len(self.record.node_states)

    def _periods(self) -> None:
        rows: dict[tuple[str, ...], list[ListPeriodRow]] = defaultdict(list)
        for row in self.record.list_periods:
            node = self.facts.nodes.get(row.node, NodeLists())
            version = (row.label, row.version, row.digest)
            rows[row.node, *version].append(row)
            same = [each for each in node.switches if (each.label, each.version, each.digest) == version]
            if row.label and not same and not node.has_gaps:
                self.found.add(
                    f"list_periods {row.node} {row.label}", "the trail does not tell that it ran there"
                )
            is_told = any(abs(each.since - row.since) <= 1 for each in same)
            self.found.count("list_periods", proven=is_told)
        for name, node in self.facts.nodes.items():
            for each in self._switches(node):
                here = rows.get((name, each.label, each.version, each.digest), [])
                if not any(self._is_of(row, each) for row in here):
                    self.found.add(
                        f"list_periods {name} {each.label}", f"that {each.version} ran there is missing"
                    )

    def _switches(self, node: NodeLists) -> Iterator[ListSwitch]:
        """The switches of a node after which the version ran in the range: those in it, and those before it
        that last."""
        begins = self.record.head.begins_at + 1
        lasting = set(node.lasting()) if node.was_awake(begins - 1, self.now) else set()
        for each in node.switches:
            known = each.sequence <= self.record.head.audit_sequence and each.latest < self.now
            within = each.earliest > begins and not self.deleted_periods
            if known and (within or each in lasting):
                yield each

    def _is_of(self, row: ListPeriodRow, switch: ListSwitch) -> bool:
        """True if a period is that which a switch began, or goes on from it."""
        if self.deleted_periods or switch.earliest <= self.record.head.begins_at + 1:
            return True
        return row.since <= switch.latest + 1 and (not row.until or row.until >= switch.earliest - 1)

    def _lists(self) -> None:
        for row in self.record.lists:
            wanted = self.facts.lists.get(row.label)
            if wanted is None:
                self.found.add(f"lists {row.label}", "the trail has no such list")
                continue
            version = self.facts.version_at(row.label, self.now)
            self._compare(f"lists {row.label}", row, {**wanted, **version})
            self.found.count("lists", proven=True)
        there = {each.label for each in self.record.lists}
        for label in self.facts.lists_in_force(self.now, self.record.head.audit_sequence):
            if label not in there:
                self.found.add(f"lists {label}", "it was in force by the trail, and it is missing")

    def _days(self) -> None:
        first, sequence = self.record.head.begins_on, self.record.head.audit_sequence
        past = sorted(day for day in self.statements if day < self.until)
        used = [*[each for each in past if each < first][-1:], *(each for each in past if each >= first)]
        wanted = {key: count for day in used for key, count in _counted(day, self.statements[day]).items()}
        rows = [each for each in self.record.days if each.subject in (NAMES, ORDERS)]
        have = {(each.day, each.subject): each.count for each in rows}
        for key in sorted(wanted.keys() | have.keys()):
            if wanted.get(key) != have.get(key):
                self.found.add(f"days {' '.join(key)}", "it is not as the statement of the day says")
        for day, told in self.facts.statements.items():
            if first <= day < self.until and told.sequence <= sequence and day not in self.statements:
                self.found.add(f"statements/{day}.json", "the trail tells of it, and it is missing")
        self.found.proven["days of blocking"] += len(rows)
        self.found.signed["days of take-up"] += len(self.record.days) - len(rows)


def _counted(day: str, body: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    in_force = body["orders"]["in_force"]
    names = sum(each["names"] for each in body["lists"] if each["kind"] == "mandatory")
    return {(day, NAMES): in_force["entries"] + names, (day, ORDERS): in_force["orders"]}

"""Compares the rows of a record with the trail of the same pack. Plain Python 3.8+.

It is a part of recompute-report.py. A row is *proven* where the trail, or a statement that the trail tells
of, says all that the row says; else it is *signed*: the operator's signature alone stands for it. A row that
the trail contradicts is a fault, and so is one that the trail has and the record lacks.
"""

import collections
import csv
import hashlib

from pack_bounds import day_of
from pack_trail import OrderInTrail

PEOPLE = ("complaints", "retention", "privacy", "days.take-up")
"""about people: the trail withholds what they rest on"""
OVERTAKEN, PATIENCE = -1, 60
BROKEN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, csv.Error)
"""the errors of code that takes a file for what it is not"""


class RowComparison:
    """The rows of each table that are proven and signed, and the faults."""

    def __init__(self, record, trail, statements, zone, left_out=()):
        self.record, self.trail, self.now = record, trail, record.now
        self.statements, self.zone = statements, zone
        self.deleted = "record/list_periods.jsonl" in left_out
        self.sequence = record.head["audit_sequence"]
        self.proven, self.signed, self.faults = collections.Counter(), collections.Counter(), []
        decided = {name: told for name, told in trail.decisions.items() if told[-1][3]["row_digest"]}
        self.orders = {name: OrderInTrail(name, told, trail.rows.get(name)) for name, told in decided.items()}

    def all(self, whole):
        """Compare every table; of the record of one order those that it has."""
        head = self.record.head
        if self.trail.seen.get("entry %d" % self.sequence) != head["audit_hash"]:
            self.fault("record/head.json", "the trail has another entry %d than it says" % self.sequence)
        parts = [self.compare_orders, self.deadlines, self.effects, self.arrivals]
        for part in parts + [self.node_states, self.list_periods, self.lists, self.days] * whole:
            try:
                part()
            except BROKEN as error:
                self.fault("record/", "it has not the form that it must have: %s" % error)
        for table in ("complaints", "retention", "privacy", "answers", "capacity"):
            self.signed[table] += len(self.record.rows(table))
        return self

    def fault(self, where, why):
        if len(self.faults) < 200:
            self.faults.append("%s: %s" % (where, why))

    def take(self, table, is_proven):
        (self.proven if is_proven else self.signed)[table] += 1

    def compare_orders(self):
        begins, there = self.record.head["begins_at"], set()
        for row in self.record.rows("orders"):
            name = "orders %s" % row["order"]
            if row["order"] in there:
                self.fault(name, "it stands there twice")
            there.add(row["order"])
            order = self.orders.get(row["order"])
            if order is None:
                self.fault(name, "the trail has no such order")
                continue
            wanted = order.columns(self.now)
            for column in wanted:
                if wanted[column] != row[column]:
                    self.fault(name, "%s is %r, and %r by the trail" % (column, row[column], wanted[column]))
            self.take("orders", "wide" in wanted and not row["source"])
        for name, order in self.orders.items():
            known = order.decisions[0][0] <= self.sequence and order.added_at < self.now
            if known and name not in there and not 0 < order.ended_at(self.now) < begins:
                self.fault("orders %s" % name, "the trail has it, and the record lacks it")

    def deadlines(self):
        """The moments at which they were met are in the trail; when they were due the operator says."""
        moments = collections.defaultdict(set)
        for name, order in self.orders.items():
            moments[name] |= order.moments() | order.received()
        for row in self.record.rows("effects"):
            moments[row["order"]].add(row["everywhere_at"])
        for row in self.record.rows("deadlines"):
            known = set(moments[row["order"]])
            order = self.orders.get(row["order"])
            known |= {order.ended_at(self.now), order.after["not_after"]} if order else set()
            for column in ("met_at", "over_at"):
                if row[column] and row[column] not in known:
                    name = "deadlines %s %s" % (row["order"], row["kind"])
                    self.fault(name, "nothing happened at its %s by the trail" % column)
            self.take("deadlines", False)

    def effects(self):
        rows = {(row["order"], row["effect"]): row for row in self.record.rows("effects")}
        if len(rows) < len(self.record.rows("effects")):
            self.fault("effects", "one stands there twice")
        for (name, number), row in rows.items():
            where, order = "effects %s %d" % (name, number), self.orders.get(name)
            if order is None or row["decided_at"] not in order.moments():
                self.fault(where, "the trail has no decision at its decided_at")
            told = [after for after, _ in self.trail.arrivals.get((name, number), {}).values()]
            if any((after["kind"], after["due_at"]) != (row["kind"], row["due_at"]) for after in told):
                self.fault(where, "nodes told of another kind or due_at")
            follower = rows.get((name, number + 1)) or next(
                (rows[k] for k in rows if k[0] == name and k[1] > number), 0
            )
            self.take("effects", self.everywhere(where, row, follower) and bool(told))
        there = {row["order"] for row in self.record.rows("orders")}
        for name, number in sorted(self.came() - {*rows}):
            if name in there:
                self.fault("effects %s %d" % (name, number), "the trail tells of it, and it is missing")

    def came(self):
        """(order, effect) of each of which the trail tells that a node, or all, had it by then."""
        found = [(key, *self.trail.everywhere[key], "at") for key in self.trail.everywhere]
        for key, nodes in self.trail.arrivals.items():
            found += [(key, after, sequence, "applied_at") for after, sequence in nodes.values()]
        return {
            key
            for key, after, sequence, word in found
            if sequence <= self.sequence and after[word] < self.now
        }

    def everywhere(self, where, row, follower):
        """Compare when an effect was everywhere; True if the trail tells it."""
        after, sequence = self.trail.everywhere.get((row["order"], row["effect"]), (None, 0))
        if after is not None and after["at"] < self.now:
            told = (after["at"], after["nodes"])
            late = sequence > self.sequence and row["everywhere_at"] == 0
            if told != (row["everywhere_at"], row["nodes"]) and not late:
                self.fault(where, "it was everywhere at %r on %r nodes by the trail" % told)
            return not late
        if row["everywhere_at"] > 0 and not self.trail.settled:
            self.fault(where, "the trail does not tell that it was everywhere")
        if row["everywhere_at"] == OVERTAKEN:
            if not follower or follower["due_at"] + PATIENCE > self.record.head["made_at"]:
                self.fault(where, "no later effect overtook it")
            return bool(follower)
        return row["everywhere_at"] == 0

    def arrivals(self):
        rows = {(row["order"], row["effect"], row["node"]): row for row in self.record.rows("arrivals")}
        if len(rows) < len(self.record.rows("arrivals")):
            self.fault("arrivals", "one stands there twice")
        for (name, number, node), row in rows.items():
            where = "arrivals %s %d %s" % (name, number, node)
            after, _ = self.trail.arrivals.get((name, number), {}).get(node, (None, 0))
            if after is None:
                self.take("arrivals", False)
                if node not in self.trail.together:
                    self.fault(where, "the trail does not tell of it")
                continue
            if (after["applied_at"], after["exact"]) != (row["applied_at"], row["exact"]):
                self.fault(where, "by the trail it was at %r" % after["applied_at"])
            self.take("arrivals", self.probe(where, (name, number, node), row))
        there = {row["order"] for row in self.record.rows("orders")}
        for (name, number), told in self.trail.arrivals.items():
            for node, (after, sequence) in told.items():
                known = name in there and sequence <= self.sequence and after["applied_at"] < self.now
                if known and (name, number, node) not in rows:
                    self.fault(
                        "arrivals %s %d %s" % (name, number, node), "the trail tells of it, and it is missing"
                    )

    def probe(self, where, key, row):
        """Compare what the node saw over DNS; True if the trail tells it."""
        told = [(each["probe"], each["probed_at"]) for each in self.trail.probes.get(key, [])]
        if (row["probe"], row["probed_at"]) in told or not (row["probe"] or told):
            return True
        if row["probe"] and not told and key[2] in self.trail.together:
            return False
        if row["probe"] or any(at < self.now for _, at in told):
            self.fault(where, "the trail does not tell this of its probe")
        return True

    def node_states(self):
        begins, rows = self.record.head["begins_at"], self.record.rows("node_states")
        before, within = {}, []
        for node, state, since, sequence in sorted(self.trail.states, key=lambda each: each[2]):
            if since <= begins:
                before[node] = (node, state, since, sequence)
            elif since < self.now:
                within.append((node, state, since, sequence))
        told = [*before.values(), *within]
        wanted = collections.Counter(each[:3] for each in told)
        must = collections.Counter(each[:3] for each in told if each[3] <= self.sequence)
        have = collections.Counter((row["node"], row["state"], row["since"]) for row in rows)
        for each in have - wanted:
            self.fault("node_states", "the trail does not tell of %s %s since %r" % each)
        for each in must - have:
            self.fault("node_states", "%s %s since %r is missing" % each)
        self.proven["node_states"] += len(rows)

    def list_periods(self):
        """A period that the trail does not tell of is a fault, but of a node whose changes were too many for
        the trail to have each; so is a switch in the range, or a list that went on into it, without one."""
        rows = collections.defaultdict(list)
        for row in self.record.rows("list_periods"):
            told = self.trail.switched.get((row["node"], row["label"]), [])
            version = (row["version"], row["digest"])
            rows[(row["node"], row["label"], *version)].append(row)
            same = [each for each in told if each[:2] == version]
            is_told = any(abs(each[2] - row["since"]) <= 1 for each in same)
            if row["label"] and not same and row["node"] not in self.trail.left_out:
                name = "list_periods %s %s" % (row["node"], row["label"])
                self.fault(name, "the trail does not tell that this version ran there")
            self.take("list_periods", is_told)
        begins = self.record.head["begins_at"] + 1
        for node, label, told in self.ran():
            early, late = min(told[2:4]), max(told[2:4])
            there = [
                row
                for row in rows[node, label, told[0], told[1]]
                if self.deleted
                or early <= begins
                or (row["since"] <= late + 1 and (row["until"] == 0 or row["until"] >= early - 1))
            ]
            if not there:
                self.fault("list_periods %s %s" % (node, label), "version %s is missing" % told[0])

    def ran(self):
        """(node, label, switch) of each version that ran in the range by the trail."""
        begins, found = self.record.head["begins_at"] + 1, []
        for (node, label), every in self.trail.switched.items():
            if not self.deleted:
                found += [(node, label, told) for told in every if min(told[2:4]) > begins]
        for node, lists in self.trail.have.items():
            if node not in self.trail.inexact | self.trail.restless and self.was_up(node):
                found += [(node, label, told) for label, (_, told) in lists.items()]
        return [each for each in found if each[2][4] <= self.sequence and max(each[2][2:4]) < self.now]

    def was_up(self, node):
        """True if the trail tells that a node ran at some time of the range."""
        begins = self.record.head["begins_at"]
        told = sorted((each for each in self.trail.states if each[0] == node), key=lambda each: each[2])
        before = [each for each in told if each[2] <= begins][-1:]
        later = [each for each in told if each[2] > begins]
        if any(state != "silent" and since < self.now for _, state, since, _ in later):
            return True
        if not before or before[0][1] == "silent":
            return False
        ran = self.trail.processes[before[0][3]]
        return not later or self.trail.processes[later[0][3]] == ran

    def lists(self):
        labels = {}
        for name in self.trail.feeds:
            labels[name] = labels["confidential-" + hashlib.sha256(name.encode()).hexdigest()[:8]] = name
        for row in self.record.rows("lists"):
            name = labels.get(row["label"])
            if name is None:
                self.fault("lists %s" % row["label"], "the trail has no such list")
                continue
            past = [told for at, told in self.trail.feeds[name] if at < self.now]
            told = dict(past[-1]) if past else dict.fromkeys(("version", "digest", "names"))
            entry = self.trail.adopted.get(name, {}).get("entry", {})
            terms = entry.get("mandatory") or {}
            told["category"] = entry.get("category") or ""
            told["confidential"] = bool(terms.get("confidential"))
            told["authority"] = "" if told["confidential"] else terms.get("authority", "")
            told["ground"] = "" if told["confidential"] else terms.get("ground", "")
            for column in told if entry else ("version", "digest", "names"):
                if told[column] != row[column]:
                    why = "%s is %r, and %r by the trail" % (column, row[column], told[column])
                    self.fault("lists %s" % row["label"], why)
            self.take("lists", bool(entry))
        self.missing_lists({row["label"] for row in self.record.rows("lists")})

    def missing_lists(self, there):
        for name in self.trail.standing_lists(self.sequence):
            past = [told for at, told in self.trail.feeds[name] if at < self.now]
            terms = self.trail.adopted[name]["entry"].get("mandatory") or {}
            secret = "confidential-" + hashlib.sha256(name.encode()).hexdigest()[:8]
            label = secret if terms.get("confidential") else name
            if past and past[-1]["version"] is not None and label not in there:
                self.fault("lists %s" % label, "it was in force by the trail, and it is missing")

    def days(self):
        """Mandatory blocking is counted from the signed statements; take-up the operator says."""
        first, until = self.record.head["begins_on"], day_of(self.now, self.zone)
        there = sorted(day for day in self.statements if day < until)
        within = [day for day in there if day >= first] if first else []
        used = [*[day for day in there if day < first][-1:], *within]
        wanted = {}
        for day in used:
            body = self.statements[day]
            names = sum(each["names"] for each in body["lists"] if each["kind"] == "mandatory")
            in_force = body["orders"]["in_force"]
            wanted[day, "mandatory.names"] = in_force["entries"] + names
            wanted[day, "mandatory.orders"] = in_force["orders"]
        have = {
            (row["day"], row["subject"]): row["count"]
            for row in self.record.rows("days")
            if row["subject"].startswith("mandatory.")
        }
        for key in sorted({*have, *wanted}):
            if have.get(key) != wanted.get(key):
                self.fault("days %s %s" % key, "it is not as the statement of the day says")
        for day, (_, sequence) in self.trail.statements.items():
            if first <= day < until and sequence <= self.sequence and day not in self.statements:
                self.fault("statements/%s.json" % day, "the trail tells of it, and it is missing")
        self.proven["days.mandatory"] += len(have)
        self.signed["days.take-up"] += len(self.record.rows("days")) - len(have)

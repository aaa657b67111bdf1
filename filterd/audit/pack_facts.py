"""The facts that the entries of an export tell of what a record of reports has.

The columns of a row of the record are compared with these. A fact that the trail told together with others,
by a digest, is not among them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from filterd.audit.pack_lists import NodeLists
from filterd.audit.pack_lists import seconds as _seconds
from filterd.model.mandatory import label_of
from filterd.model.order_rows import CONTINUES, ROW_DIGEST

Facts = dict[str, Any]
_VERSION = ("version", "digest", "names")
_ADOPTIONS = ("feed.adopt", "feed.enable", "feed.change", "feed.retire")
_IN_FORCE = ("active", "retiring")
_LIVE = ("accepted", "suspended", "expired")
_AFTER_STEP = {"suspended": "suspended", "resumed": "accepted", "executed": "outside_dns"}


@dataclass(slots=True)
class TrailOrder:
    """An order: its decisions, and its row where the export shows it."""

    first: int = 0
    """the sequence of the first decision"""
    first_at: float = 0.0
    quarantined: bool = False
    continues: str = ""
    accepted_at: float = 0.0
    ended_at: float = 0.0
    newest: Facts = field(default_factory=dict)
    row: list[Any] | None = None
    moments: set[float] = field(default_factory=set)
    told_steps: list[Facts] = field(default_factory=list)

    def decide(self, record: Facts) -> None:
        """Take a decision."""
        after, at = record["after"], record["at"]
        if not self.first:
            self.first, self.first_at = record["sequence"], at
            self.quarantined = after["state"] == "quarantined"
            self.continues = after.get(CONTINUES, "")
        if not self.accepted_at and after["state"] in (*_LIVE, "outside_dns"):
            self.accepted_at = at
        if not self.ended_at and after["state"] in ("withdrawn", "lifted"):
            self.ended_at = at
        if "step" in after:
            self.told_steps.append(after["step"])
        self.newest = after
        self.moments.add(at)

    def take_row(self, row: object) -> None:
        """Take its row, which tells more exactly."""
        if isinstance(row, list):
            self.row = row
            self.accepted_at, self.ended_at = row[21], row[23]
            self.moments |= {self.added_at, self.accepted_at, *(each["at"] for each in self.steps)}

    @property
    def is_gone(self) -> bool:
        """True if it was ended without a row, being damaged."""
        return not self.newest[ROW_DIGEST]

    @property
    def _life(self) -> list[Any]:
        last = self.row[-1] if self.row else None
        return last if isinstance(last, list) and len(last) == 6 and isinstance(last[5], list) else []

    @property
    def steps(self) -> list[Facts]:
        """Its steps, in order."""
        if self.row is None:
            return self.told_steps
        every = self._life[5] if self._life else []
        return [{"number": each[0], "kind": each[1], "at": each[2], "received_at": each[6]} for each in every]

    @property
    def received(self) -> set[float]:
        """When the instruments and acknowledgements of its steps came in."""
        return {float(each.get("received_at", 0.0)) for each in self.steps}

    @property
    def added_at(self) -> float:
        """When it was taken in."""
        return float(self.row[20]) if self.row else self.first_at

    def over_at(self, now: float) -> float:
        """When it had ended by a moment; 0: it had not."""
        ends = self.newest["not_after"]
        if self.newest["state"] in _LIVE and 0 < ends < now:
            return float(ends)
        return self.ended_at if self.ended_at < now else 0.0

    def _state(self, now: float) -> str:
        if self.over_at(now):
            return "expired" if self.newest["state"] in _LIVE else str(self.newest["state"])
        if not 0 < self.accepted_at < now:
            return "quarantined" if self.quarantined else "pending"
        past = [
            _AFTER_STEP[each["kind"]]
            for each in self.steps
            if each["at"] < now and each["kind"] in _AFTER_STEP
        ]
        return past[-1] if past else "accepted"

    def columns(self, now: float) -> Facts:
        """The columns of its row in a record, as far as the trail shows them."""
        told = self.newest
        found = {each: told[each] for each in ("authority", "ground", "confidential", "entries")}
        found |= {
            "law": told.get("law", ""),
            "state": self._state(now),
            "received_at": told["received_at"] or self.added_at,
            "accepted_at": self.accepted_at if self.accepted_at < now else 0.0,
            "ended_at": self.over_at(now),
            "approvals": len(told["approvals"]),
            "quarantined": self.quarantined,
            "continues": self.continues,
        }
        if self.row is not None:
            found["wide"] = bool(told["overblocking_accepted"] or (self._life and any(self._life[1:3])))
            found |= self._emergency(now)
        return found

    def _emergency(self, now: float) -> Facts:
        last = {each["kind"]: each for each in self.steps if each["at"] < now}
        urgent, looked = last.get("emergency"), last.get("reviewed")
        seen = urgent is not None and looked is not None and looked["number"] > urgent["number"]
        return {"emergency": urgent is not None, "reviewed_at": looked["at"] if seen and looked else 0.0}


@dataclass(frozen=True, slots=True)
class ToldEntry:
    """The content of an entry, and its place."""

    sequence: int
    after: Facts


class PackFacts:
    """Takes the entries and rows of an export, and keeps what a record can be compared with."""

    def __init__(self, wanted: Collection[int], made_at: float) -> None:
        """``wanted``: the sequences of the entries whose hashes are asked for. ``made_at``: when the pack was
        made, Unix seconds."""
        self._wanted, self._made_at = wanted, made_at
        self.newest_before = 0
        """the sequence of the newest entry from before the pack was made"""
        self.orders: dict[str, TrailOrder] = defaultdict(TrailOrder)
        self.arrivals: dict[tuple[str, int, str], ToldEntry] = {}
        self.probes: dict[tuple[str, int, str], list[tuple[str, float]]] = defaultdict(list)
        self.everywhere: dict[tuple[str, int], ToldEntry] = {}
        self.told_together: set[str] = set()
        """nodes of which many arrivals were told by one digest"""
        self.settled_together = False
        self.states: list[tuple[str, str, float, int]] = []
        """node, state, since, sequence"""
        self.nodes: dict[str, NodeLists] = defaultdict(NodeLists)
        self.lists: dict[str, Facts] = defaultdict(dict)
        """label -> columns, those of its version apart"""
        self._taken: dict[str, list[tuple[float, Facts]]] = {}
        self.statements: dict[str, ToldEntry] = {}
        self.pages: dict[str, Facts] = {}
        self.receipts: set[str] = set()
        self.hashes: dict[int, str] = {}
        self._feeds: dict[str, Facts] = defaultdict(dict)
        self._versions: dict[str, list[tuple[float, Facts]]] = defaultdict(list)
        self._labels: dict[str, str] = {}
        self._reading: dict[str, list[int]] = defaultdict(list)
        self._adoptions: dict[str, list[tuple[int, Facts]]] = defaultdict(list)
        self._kept: dict[str, Facts] = {}

    def take(self, record: Facts) -> None:
        """Take an entry, or a row."""
        if record.get("sequence") in self._wanted:
            self.hashes[record["sequence"]] = record["hash"]
        if record["kind"] == "withheld":
            return
        if record["kind"] != "row" and record["at"] < self._made_at:
            self.newest_before = record["sequence"]
        kind, _, name = record["subject"].partition(":")
        if record["kind"] == "row":
            self._row(record["table"], name, record["row"])
        elif isinstance(record["after"], dict):
            takers = {"order": self._order, "node": self._node, "feed": self._feed}
            takers.get(kind, self._other)(name, record)

    def finish(self) -> None:
        """Name the lists as a record does, once everything was taken."""
        for feed, told in self._feeds.items():
            terms = told.get("mandatory") or {}
            secret = bool(terms.get("confidential"))
            open_terms = {} if secret else terms
            self.lists[label_of(feed, confidential=secret)] = {
                "confidential": secret,
                "category": told.get("category") or "",
                "authority": open_terms.get("authority", ""),
                "ground": open_terms.get("ground", ""),
            }
            self._taken[label_of(feed, confidential=secret)] = self._versions[feed]
            self._labels[feed] = label_of(feed, confidential=secret)

    def version_at(self, label: str, now: float) -> Facts:
        """The version of a list at a moment; its columns are None where it had none yet."""
        past = [told for at, told in self._taken.get(label, ()) if at < now]
        return past[-1] if past else dict.fromkeys(_VERSION)

    def _row(self, table: str, name: str, row: Any) -> None:
        if table == "order":
            self.orders[name].take_row(row)
        elif table == "adoption":
            self._feeds[name] |= row.get("entry", {})
            self._kept[name] = row

    def lists_in_force(self, now: float, sequence: int) -> Iterator[str]:
        """The labels of the lists that had a version by ``now`` and were in force at an entry, and are
        still."""
        for feed, row in self._kept.items():
            steps = [told for at, told in self._adoptions[feed] if at <= sequence]
            reading = max((at for at in self._reading[feed] if at <= sequence), default=0)
            retired = [at for at, told in self._adoptions[feed] if told["state"] == "retired"]
            if not steps or not _is_in_force(steps[-1]) or not _is_in_force(row):
                continue
            has = self.version_at(self._labels[feed], now)["version"] is not None
            if has and reading > max((at for at in retired if at <= sequence), default=0):
                yield self._labels[feed]

    def _order(self, name: str, record: Facts) -> None:
        action, after = record["action"], record["after"]
        node = record["actor"].partition(":")[2]
        if action.startswith("order.") and ROW_DIGEST in after:
            self.orders[name].decide(record)
        elif action == "order.receipt":
            self.receipts.add(after["digest"])
        elif action in ("node.applied", "node.lifted"):
            self.arrivals[name, after["effect"], node] = ToldEntry(record["sequence"], after)
        elif action == "node.probed":
            self.probes[name, after["effect"], node].append((after["probe"], after["probed_at"]))
        elif action == "node.everywhere":
            self.everywhere[name, after["effect"]] = ToldEntry(record["sequence"], after)

    def _node(self, name: str, record: Facts) -> None:
        action, after = record["action"], record["after"]
        if action in ("node.applied", "node.settled"):
            self.settled_together = True
            self.told_together |= {name} if action == "node.applied" else set()
        elif action == "node.state":
            since = _seconds(after.get("since", ""), record["at"])
            self.states.append((name, after["state"], since, record["sequence"]))
            self.nodes[name].take_state(after, since)
        elif action == "node.lists":
            self.nodes[name].take(record)

    def _feed(self, name: str, record: Facts) -> None:
        if record["action"] in ("feed.update", "feed.hold"):
            told = {each: record["after"].get(each) for each in _VERSION}
            self._versions[name].append((record["at"], told))
            self._feeds[name] |= {}  # one that has no row is known, too
            self._reading[name].append(record["sequence"])
        elif record["action"] in _ADOPTIONS:
            self._adoptions[name].append((record["sequence"], record["after"]))

    def _other(self, name: str, record: Facts) -> None:
        if record["action"] == "statement.publish":
            self.statements[name] = ToldEntry(record["sequence"], record["after"])
        elif record["action"] == "page.record":
            self.pages[name] = {each: record["after"][each] for each in ("digest", "facts")}

    def lasting_orders(self) -> Iterator[tuple[str, TrailOrder]]:
        """Every order that has a row, by reference."""
        return ((name, each) for name, each in self.orders.items() if each.newest and not each.is_gone)


def _is_in_force(adoption: Facts) -> bool:
    return adoption["state"] in _IN_FORCE and not adoption["entry"].get("observe")

"""Computes the figures about orders from the tables of a record, by the definitions of docs/report-record.md.

It is part of recompute-report.py, which goes with every evidence pack: plain Python 3.8 or newer, nothing of
filterd, and made from the definitions alone, so that it and filterd can be compared.
"""

from __future__ import annotations

import hashlib
import re

DEADLINES = ("enforce", "report", "unblock", "reconfirm", "review", "emergency_review")
STANDING = ("accepted", "suspended", "outside_dns")
MOST_COVERED = 500


class ReportRows:
    """The head and the tables of a pack: each table is a list of rows, each row a dict."""

    def __init__(self, head: dict, tables: dict) -> None:
        self.head, self.tables = head, tables
        self.now = min(head["made_at"], head["ends_at"])

    def rows(self, name: str) -> list:
        return self.tables[name]

    def within(self, moment: float) -> bool:
        return self.head["begins_at"] <= moment < self.head["ends_at"]


def key(text: str) -> str:
    if re.fullmatch("[A-Za-z0-9_-]{1,64}", text):
        return text
    return "x-" + hashlib.sha256(text.encode()).hexdigest()[:12] if text else "none"


def share(part: float, whole: float):
    return round(part / whole, 4) if whole else None


def rank(values, percent: int):
    ordered = sorted(values)
    return ordered[-(-percent * len(ordered) // 100) - 1] if ordered else None


def seconds(value):
    return None if value is None else round(value, 3)


def spans(name: str, times: list, *percents: int) -> dict:
    found = {"%s.p%d_seconds" % (name, each): seconds(rank(times, each)) for each in percents}
    return {**found, name + ".max_seconds": seconds(max(times, default=None))}


def subjects(record: ReportRows, table: str, prefix: str = "") -> dict:
    return {row["subject"]: row["count"] for row in record.rows(table) if row["subject"].startswith(prefix)}


def grouped(rows, *columns: str) -> dict:
    found: dict = {}
    for row in rows:
        found.setdefault(tuple(row[each] for each in columns), []).append(row)
    return found


# Orders


def continued(record: ReportRows) -> dict:
    """The orders that a row of the record continues, with the entries of that row."""
    return {row["continues"]: row["entries"] for row in record.rows("orders") if row["continues"]}


def first_of_chains(record: ReportRows, rows: list) -> list:
    there = {row["order"] for row in record.rows("orders")}
    return [row for row in rows if row["continues"] not in there]


def last_of_chains(record: ReportRows, rows: list) -> list:
    after = continued(record)
    return [row for row in rows if row["order"] not in after]


def order_counts(record: ReportRows, rows: list) -> dict:
    """Every count about orders, over these rows."""
    firsts, after = first_of_chains(record, rows), continued(record)
    came = [row for row in firsts if record.within(row["received_at"])]
    taken = [row for row in firsts if record.within(row["accepted_at"])]
    over = [row for row in rows if record.within(row["ended_at"])]
    ended = [row for row in over if row["order"] not in after]
    standing = [row for row in rows if row["state"] in STANDING]
    urgent = [row for row in ended if row["emergency"]]
    return {
        "received": len(came),
        "accepted": len(taken),
        "ended": len(ended),
        "standing": len(standing),
        "waiting": sum(row["state"] in ("pending", "quarantined") for row in rows),
        "confidential": sum(row["confidential"] for row in came),
        "wide": sum(row["wide"] for row in came),
        "quarantined": sum(row["quarantined"] for row in came),
        "by_register": sum(row["source"] != "" for row in came),
        "emergency_ends": len(urgent),
        "emergency_reviewed": sum(row["reviewed_at"] > 0 for row in urgent),
        "entries_added": sum(row["entries"] for row in taken),
        "entries_removed": sum(
            row["entries"] - after.get(row["order"], 0) for row in over if row["accepted_at"]
        ),
        "entries_standing": sum(row["entries"] for row in standing),
    }


def orders(record: ReportRows) -> dict:
    found = {"orders." + name: value for name, value in order_counts(record, record.rows("orders")).items()}
    for (authority, ground), rows in grouped(record.rows("orders"), "authority", "ground").items():
        counts = order_counts(record, rows)
        for column in ("received", "accepted", "ended", "standing"):
            found["orders_by.%s.%s.%s" % (key(authority), key(ground), column)] = counts[column]
        found["orders_by.%s.%s.entries" % (key(authority), key(ground))] = counts["entries_standing"]
    return found


def deadlines(record: ReportRows) -> dict:
    found = {}
    for kind in (*DEADLINES, "all"):
        kept = missed = void = 0
        for row in record.rows("deadlines"):
            due, late = row["due_at"], row["due_at"] + 1
            counts = record.within(due) and (late <= record.now or row["met_at"] > 0)
            if not counts or kind not in (row["kind"], "all"):
                continue
            if 0 < row["met_at"] < late:
                kept += 1
            elif 0 < row["over_at"] < late:
                void += 1
            else:
                missed += 1
        told = (kept + missed, kept, missed, void, share(kept, kept + missed))
        names = ("due", "kept", "missed", "void", "kept_share")
        found.update({"deadlines.%s.%s" % (kind, name): value for name, value in zip(names, told)})
    return found


def counting(record: ReportRows, kind: str) -> list:
    """The effects of a kind that count."""
    return [
        row
        for row in record.rows("effects")
        if row["kind"] == kind
        and record.within(row["due_at"])
        and row["due_at"] < record.now
        and row["everywhere_at"] != -1
    ]


def reach_times(effects: list) -> list:
    return [max(0, row["everywhere_at"] - row["due_at"]) for row in effects if row["everywhere_at"] > 0]


def reaching(record: ReportRows, name: str, kind: str) -> dict:
    effects = counting(record, kind)
    times = reach_times(effects)
    counts = {"effects": len(effects), "everywhere": len(times), "waiting": len(effects) - len(times)}
    return {**{name + "." + each: value for each, value in counts.items()}, **spans(name, times, 50, 90, 99)}


def acceptance(record: ReportRows) -> dict:
    times = [
        max(0, row["accepted_at"] - row["received_at"])
        for row in first_of_chains(record, record.rows("orders"))
        if record.within(row["accepted_at"])
    ]
    return {"acceptance.orders": len(times), **spans("acceptance", times, 50, 90, 99)}


def coverage(record: ReportRows) -> dict:
    nodes = len({row["node"] for row in record.rows("node_states")})
    newest: dict = {}
    after = continued(record)
    for row in counting(record, "enforce"):
        if row["order"] in after:
            continue
        if row["order"] not in newest or row["effect"] > newest[row["order"]]["effect"]:
            newest[row["order"]] = row
    everywhere = sum(row["everywhere_at"] > 0 for row in newest.values())
    found = {"coverage.orders": len(newest), "coverage.everywhere": everywhere}
    found["coverage.share"] = share(everywhere, len(newest))
    arrivals = grouped(record.rows("arrivals"), "order", "effect")
    shown = sorted(newest, key=lambda each: int(each.split("-")[1]))[-MOST_COVERED:]
    for order in shown:
        effect = newest[order]
        here = [row for row in arrivals.get((order, effect["effect"]), []) if row["applied_at"] > 0]
        have = len({row["node"] for row in here})
        whole = effect["nodes"] if effect["everywhere_at"] > 0 else max(have, nodes)
        told = {
            "nodes": have,
            "of": whole,
            "share": share(have, whole),
            "first_at": min((row["applied_at"] for row in here), default=None),
            "everywhere_at": effect["everywhere_at"] if effect["everywhere_at"] > 0 else None,
        }
        found.update({"coverage_of.%s.%s" % (key(order), name): value for name, value in told.items()})
    return found

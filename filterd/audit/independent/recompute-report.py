"""Verifies an evidence pack of filterd, and computes every figure of its reports again. Plain Python 3.8 or
newer and nothing else: no filterd, no network. verify-export.py must stand beside it.

usage: python3 recompute-report.py PACK.tar PUB.pem     PUB.pem: the operator's keys, from elsewhere than PACK

It prints each fault, and says of each table and report what the trail proves, and what the operator's
signature alone stands for. Exit code 0: no fault; 1: some; 2: no verdict.
"""

import collections
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import pack_bounds
import pack_files
import pack_record
import pack_trail
import report_figures
import shown_figures
from pack_files import VERIFY, PackError
from pack_record import BROKEN

SCRIPTS = (
    *(
        "verify-export.py",
        "recompute-report.py",
        "pack_bounds.py",
        "pack_files.py",
        "pack_record.py",
        "pack_trail.py",
    ),
    *("order_figures.py", "report_figures.py", "shown_figures.py"),
)
TABLES = (
    *("orders", "deadlines", "effects", "arrivals", "list_periods", "node_states", "lists", "days"),
    *("complaints", "retention", "answers", "capacity", "privacy"),
)
RESTS_ON = {
    "orders": "orders",
    "orders_by": "orders",
    "totals": "orders",
    "acceptance": "orders",
    "by_ground": "orders effects",
    "deadlines": "deadlines",
    "enforcement": "effects",
    "lifting": "effects",
    "coverage": "effects arrivals node_states",
    "coverage_of": "effects arrivals node_states",
    "lists": "list_periods",
    "lists_in_use": "lists list_periods",
    "public_lists": "lists",
    "categories": "lists",
    "category_lists": "lists",
    "availability": "node_states",
    "take_up": "days.take-up",
    "profiles": "days.take-up",
    "consent": "privacy",
    "privacy": "privacy",
    "complaints": "complaints",
    "complaints_by": "complaints",
    "retention": "retention",
    "answers": "answers",
    "answers_by": "answers",
    "refusals": "answers",
    "refusals_by": "answers",
    "capacity": "capacity",
    "growth": "days.mandatory",
    "blocking": "days.mandatory",
}  # the first word of a figure -> the tables that it is computed from


class PackCheck:
    """One pack, step by step."""

    def __init__(self, pack, pem):
        self.pack, self.said = pack, []
        self.faults = self.pack.faults
        self.trusted = pack_files.keys_of(pem, "checkpoint")
        self.pack.take_manifest()
        self.scope = self.pack.body["scope"]

    def step(self, name, check, *given):
        """Make a check; what a file does to it is a fault, and the others go on."""
        try:
            return check(*given)
        except (*BROKEN, PackError) as error:
            self.faults.append("%s: it cannot be verified: %s" % (name, str(error) or type(error).__name__))
            return None

    def all(self):
        """Every check; those of what the manifest lists only where that is signed."""
        if not self.step("trail/export", self.trail):
            self.faults.append("nothing else was looked at: the manifest is not signed as it must be")
            return
        statements = self.step("statements", self.statements) or {}
        for check in (self.receipts, self.pages, self.scripts):
            self.step(check.__name__, check)
        record = self.step("record", self.record, statements)
        if record and not self.scope["order"]:
            self.reports(record)

    def trail(self):
        """The export, and the signature of the manifest by the key that the trail vouches for; True if that
        holds."""
        found = pack_trail.PackTrail(self.pack.lines("trail/export"), list(self.trusted.values()))
        self.faults += found.finish(self.scope)
        self.keys = {**found.signers, **self.trusted}
        seal = self.last_line()
        key, before = found.keys.get(self.pack.key_id), len(self.faults)
        if seal["key_id"] != self.pack.key_id or not key:
            self.faults.append("manifest.json: another key signed it than the export's seal")
        elif not pack_files.signed_by(key, "evidence", self.pack.value):
            self.faults.append("manifest.json: its signature is wrong")
        is_signed = found.vouched and len(self.faults) == before
        end = {"sequence": found.at[0], "hash": found.at[1]}
        if (self.pack.body["installation"], self.pack.body["trail"]) != (found.head["installation"], end):
            self.faults.append("manifest.json: it is of another installation or end of the trail")
        self.told = found
        self.say("the trail: %s entries, checkpoint %s" % (found.at[0], found.point[:1]))
        return is_signed

    def last_line(self):
        last = collections.deque(self.pack.lines("trail/export"), 1)
        try:
            return VERIFY.read(last[0])["object"]
        except (IndexError, KeyError, TypeError, ValueError):
            return {"key_id": ""}

    def statements(self):
        """The statements of the days: each signed, told by the trail, and of a head that it has."""
        found = {}
        for name in self.pack.names("statements/", ".json"):
            self.step(name, self.statement, name, found)
        self.say("statements: %d" % len(found))
        return found

    def statement(self, name, found):
        value = VERIFY.read(self.pack.read(name, pack_files.LARGEST_SIGNED) + b"\n")
        body, day = value["body"], name[len("statements/") : -len(".json")]
        key, found[day] = self.told.keys.get(value["key_id"]), body
        if not key or not pack_files.signed_by(key, "statement", value):
            self.faults.append(name + ": its signature is wrong, or by no key of the trail")
        told = self.told.statements.get(day, ("", 0))[0]
        same = told == VERIFY.sha(VERIFY.canonical(value))
        if body["day"] != day or not (same or self.scope["order"]):
            self.faults.append(name + ": it is not the one that the trail tells of")
        head = body["head"]
        if self.told.seen.get("entry %d" % head["sequence"]) != head["hash"]:
            self.faults.append(name + ": it is of another trail")

    def receipts(self):
        names = self.pack.names("receipts/", ".json")
        keys = pack_files.keys_of(self.pack.read("keys/receipt.pem"), "receipt") if names else {}
        for name in names:
            self.step(name, self.receipt, name, keys)
        self.say("receipts: %d" % len(names))

    def receipt(self, name, keys):
        value = VERIFY.read(self.pack.read(name, pack_files.LARGEST_SIGNED) + b"\n")
        key = keys.get(value["key_id"])
        if not key or self.told.uses.get(value["key_id"]) != {"receipt"}:
            self.faults.append(name + ": the trail announces no such key for receipts")
        elif not pack_files.signed_by(key, "receipt", value):
            self.faults.append(name + ": its signature is wrong")
        if VERIFY.sha(VERIFY.canonical(value)) not in self.told.receipts:
            self.faults.append(name + ": the trail does not tell of it")
        if name != "receipts/%s.json" % value["body"]["order"]["reference"]:
            self.faults.append(name + ": it is of another order")

    def pages(self):
        for row in [] if self.scope["order"] else self.pack.rows("pages/records.jsonl"):
            told = {"digest": row["digest"], "facts": row["facts"]}
            if self.told.pages.get(str(row["number"])) != told:
                self.faults.append("pages/records.jsonl: the trail has another record %s" % row["number"])

    def record(self, statements):
        """The rows of the record, each compared with the trail."""
        head = VERIFY.read(self.pack.read("record/head.json"))
        tables = {name: self.pack.rows("record/%s.jsonl" % name) for name in TABLES}
        record = report_figures.ReportRows(head, tables)
        left_out = {each["name"] for each in self.pack.body["left_out"]}
        self.told_of = pack_record.RowComparison(record, self.told, statements, head["zone"], left_out)
        self.told_of.all(whole=not self.scope["order"])
        self.faults += self.told_of.faults
        self.step("record/head.json", self.bounds, head)
        for table in sorted({*self.told_of.proven, *self.told_of.signed}):
            proven, signed = self.told_of.proven[table], self.told_of.signed[table]
            if proven or signed:
                why = ": the trail withholds what is about people" if table in pack_record.PEOPLE else ""
                self.say(
                    "%s: %d proven by the trail, %d from the record, signed%s" % (table, proven, signed, why)
                )
        return record

    def bounds(self, head):
        faults, notes = pack_bounds.of_bounds(
            self.pack.body, head, self.pack.moments, self.told.newest_before
        )
        self.faults += faults
        self.said += notes

    def reports(self, record):
        """Every figure of every report, computed again, and what their forms for machines show."""
        self.step(shown_figures.DIGESTS, self.digests, record)
        self.say(
            "the titles of sections and their order, and the rows that a table leaves off: not compared. HTML"
            " and PDF: what they show rests on the signature of the manifest alone"
        )
        left_out, wanted = {each["name"] for each in self.pack.body["left_out"]}, set()
        for kind in sorted(report_figures.REPORTS):
            plain, table = "reports/%s.json" % kind, "reports/%s.csv" % kind
            wanted |= {plain, table}
            if not {plain, table} & {*self.pack.places} and {plain, table} <= left_out:
                continue
            report = self.step(plain, self.report, kind, record, plain)
            if report and (table in self.pack.places or table not in left_out):
                self.step(table, self.table, report, table)
        for name in self.pack.names("reports/", ""):
            kind = name[len("reports/") :].partition(".")[0]
            is_known = kind in report_figures.REPORTS
            if not is_known or (name.endswith(("json", "csv")) and name not in wanted):
                self.faults.append(name + ": no program verifies it")

    def digests(self, record):
        self.faults += shown_figures.of_digests(self.pack, record)

    def report(self, kind, record, plain):
        """One report as JSON."""
        report, computed = json.loads(self.pack.read(plain)), report_figures.REPORTS[kind](record)
        figures = report["figures"]
        wrong = report_figures.differences(record, kind, figures)
        for each in wrong[:100]:
            self.faults.append("%s: %s is %r, and %r as computed" % (plain, *each))
        told = shown_figures.of_report(kind, report, computed, record.head)
        self.faults += ["%s: %s" % (plain, each) for each in told]
        signed = sum(self.is_signed(each) for each in figures)
        self.say(
            "%s: %d figures computed again, %d differ; %d proven by the trail, %d from the record, signed"
            % (plain, len(figures), len(wrong), len(figures) - signed, signed)
        )
        return report

    def table(self, report, table):
        """The CSV of a report."""
        told = shown_figures.of_table(self.pack.read(table), report)
        self.faults += ["%s: %s" % (table, each) for each in told]

    def is_signed(self, figure):
        """True if a figure rests on a row for which the operator's signature alone stands."""
        tables = RESTS_ON.get(figure.partition(".")[0], "complaints").split()
        return any(self.told_of.signed[table] or table in pack_record.PEOPLE for table in tables)

    def scripts(self):
        here = os.path.dirname(os.path.abspath(__file__))
        for name in SCRIPTS:
            path = os.path.join(here, name)
            if not os.path.exists(path):
                continue
            with open(path, "rb") as file:
                same = VERIFY.sha(file.read()) == self.pack.digests.get(name)
            if not same:
                self.say("note: %s in the pack is another one than the one that runs" % name)

    def left_out(self):
        told = self.pack.body.get("left_out")
        return (
            [each for each in told if isinstance(each, dict) and {*each} == {"name", "why"}] if told else []
        )

    def say(self, text):
        self.said.append(text)


def main(path, pem):
    with open(pem, "rb") as file:
        pack = pack_files.EvidencePack(path)
        with pack.archive:
            check = PackCheck(pack, file.read())
            check.all()
    check.said += ["left out: %(name)s: %(why)s" % each for each in check.left_out()]
    verdict = "FAULTS: %d" % len(check.faults) if check.faults else "no fault found"
    for line in (*check.said, *check.faults[:1000], verdict):
        print(ascii(line[:400])[1:-1])
    return 1 if check.faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (PackError, OSError, *BROKEN) as error:
        print(__doc__, error, sep="\n")
        sys.exit(2)

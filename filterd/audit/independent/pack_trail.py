"""Keeps what the sealed export of a pack tells of orders, nodes, lists and pages. Plain Python 3.8+.

It is a part of recompute-report.py. The walk of verify-export.py proves the export; this one keeps, of what
is proven, the facts with which a record can be compared.
"""

import calendar
import collections
import time

from pack_files import VERIFY

DECIDED = "order."


def moment(text):
    """Unix seconds of a time as the trail writes it, in UTC to the second."""
    return float(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")))


class PackTrail(VERIFY.Walk):
    """The facts. Of each stands the sequence of the entry that told it."""

    def __init__(self, lines, trusted):
        self.decisions, self.rows = collections.defaultdict(list), {}
        self.arrivals, self.probes = collections.defaultdict(dict), collections.defaultdict(list)
        self.everywhere, self.together, self.settled = {}, set(), False
        self.states, self.switched, self.left_out = [], collections.defaultdict(list), set()
        self.have, self.inexact, self.restless = collections.defaultdict(dict), set(), set()
        self.processes = {}
        self.feeds, self.adopted = collections.defaultdict(list), {}
        self.decided_feeds, self.times = collections.defaultdict(list), []
        self.statements, self.pages = {}, {}
        self.receipts = set()
        super().__init__(lines, trusted, True)

    def entry(self, r, line):
        super().entry(r, line)
        if r["kind"] == "entry":
            self.times.append((r["at"], r["sequence"]))
        if r["kind"] == "entry" and isinstance(r["after"], dict):
            kind, _, name = r["subject"].partition(":")
            getattr(self, "of_" + kind, lambda *_: None)(name, r, r["after"])

    def row(self, r, line):
        super().row(r, line)
        name = r["subject"].partition(":")[2]
        if r["table"] == "order":
            self.rows[name] = r["row"]
        elif r["table"] == "adoption":
            self.adopted[name] = r["row"]

    def of_order(self, name, r, after):
        """Decisions, and what nodes told of the order."""
        action, node = r["action"], r["actor"].partition(":")[2]
        if action.startswith(DECIDED) and "row_digest" in after:
            self.decisions[name].append((r["sequence"], r["at"], action, after))
        elif action == "order.receipt":
            self.receipts.add(after["digest"])
        elif action in ("node.applied", "node.lifted"):
            self.arrivals[name, after["effect"]][node] = (after, r["sequence"])
        elif action == "node.probed":
            self.probes[name, after["effect"], node].append(after)
        elif action == "node.everywhere":
            self.everywhere[name, after["effect"]] = (after, r["sequence"])

    def of_node(self, name, r, after):
        """Availability, lists, and what was told together."""
        action = r["action"]
        if action == "node.applied":
            self.together.add(name)
            self.settled = True
        elif action == "node.settled":
            self.settled = True
        elif action == "node.state":
            since = moment(after["since"]) if after.get("since") else r["at"]
            self.states.append((name, after["state"], since, r["sequence"]))
            self.processes[r["sequence"]] = after.get("process")
            if "left_out" in after:
                self.restless.add(name)
        elif action == "node.lists":
            self.of_lists(name, r, after)

    def of_lists(self, name, r, after):
        """The switches of a node's lists, and the lists that it has by now."""
        have, new = self.have[name], {}
        for each in after["switched"]:
            since = moment(each["since"]) if each["since"] else 0
            told = (str(each["version"]), each["digest"], since, r["at"], r["sequence"])
            self.switched[name, each["list"]].append(told)
            same = have.get(each["list"], ("",))[0] == [each["version"], each["digest"]]
            new[each["list"]] = have[each["list"]] if same else ([each["version"], each["digest"]], told)
        for label in after.get("ended", []):
            have.pop(label, None)
        # lists that ended while control was away are told by nothing but the digest of what is there
        both = [{**have, **new}, new]
        good = [each for each in both if self.digest_of(each) == after.get("lists")]
        self.have[name] = (good or both)[0]
        (self.inexact.discard if good else self.inexact.add)(name)
        if "left_out" in after:
            self.left_out.add(name)
            self.restless.add(name)

    @staticmethod
    def digest_of(lists):
        return VERIFY.sha(VERIFY.canonical({label: each[0] for label, each in lists.items()}))

    def of_feed(self, name, r, after):
        if r["action"] in ("feed.update", "feed.hold"):
            told = {part: after.get(part) for part in ("version", "digest", "names")}
            self.feeds[name].append((r["at"], told))
            self.decided_feeds[name].append((r["sequence"], "read", {}))
        elif r["action"] in ("feed.adopt", "feed.enable", "feed.change", "feed.retire"):
            self.decided_feeds[name].append((r["sequence"], after["state"], after["entry"]))

    def of_statement(self, name, r, after):
        if r["action"] == "statement.publish":
            self.statements[name] = (after["digest"], r["sequence"])

    def of_page(self, name, r, after):
        if r["action"] == "page.record":
            self.pages[name] = {"digest": after["digest"], "facts": after["facts"]}

    def standing_lists(self, sequence):
        """The ids of the lists that had been read and were in force at an entry, and still are."""
        for name, told in self.decided_feeds.items():
            state, is_read, entry = "", False, {}
            for _, word, terms in (each for each in told if each[0] <= sequence):
                if word == "read":
                    is_read = True
                else:
                    state, entry, is_read = word, terms, is_read and word != "retired"
            last = self.adopted.get(name, {"state": "", "entry": {}})
            lasts = {state, last["state"]} <= {"active", "retiring"}
            if lasts and is_read and not entry.get("observe") and not last["entry"].get("observe"):
                yield name

    def newest_before(self, at):
        """The newest entry that is shown and older than a moment."""
        return max((sequence for told, sequence in self.times if told < at), default=0)

    def finish(self, scope):
        """The faults of the whole, once every line was taken. ``scope``: of the manifest."""
        faults, head = ["trail/export: " + each for each in self.faults], self.head
        lost = [key for key, told in self.told.items() if told[0] and told[1]]
        faults += ["trail/export: the row %s %s is missing" % key for key in lost[:100]]
        if not self.sealed or self.at != (head.get("sequence"), head.get("hash")):
            faults.append("trail/export: its end is missing, or not as it says")
        if not self.vouched:
            faults.append("trail/export: none of the given keys vouches for it")
        if head.get("order") != scope["order"] or not head.get("tables"):
            faults.append("trail/export: it is of another order, or not whole")
        return faults


ROW = {"authority": 4, "ground": 8, "confidential": 13, "received_at": 15}
ADDED, ACCEPTED, WITHDRAWN, NOT_AFTER, WIDE = 20, 21, 23, 11, 14
TERMS = ("accepted", "suspended", "expired")
STEPS = {"suspended": "suspended", "resumed": "accepted", "executed": "outside_dns"}


class OrderInTrail:
    """An order as the trail has it: from its row where that is shown, else from its decisions."""

    def __init__(self, name, decisions, row):
        self.name, self.decisions, self.row = name, decisions, row if isinstance(row, list) else None
        self.after = decisions[-1][3]
        self.held = decisions[0][3].get("state") == "quarantined"
        life = self.row[-1] if self.row else None
        self.life = life if isinstance(life, list) and len(life) == 6 else ["", "", False, 0, 0, []]
        self.added_at = self.row[ADDED] if self.row else decisions[0][1]

    @property
    def steps(self):
        """(number, kind, at, until) of each."""
        if self.row:
            return [(each[0], each[1], each[2], each[7]) for each in self.life[5]]
        told = [after["step"] for _, _, _, after in self.decisions if "step" in after]
        return [(each["number"], each["kind"], each["at"], each.get("until", 0)) for each in told]

    @property
    def accepted_at(self):
        if self.row:
            return self.row[ACCEPTED]
        return next(
            (at for _, at, _, after in self.decisions if after["state"] in (*TERMS, "outside_dns")), 0.0
        )

    @property
    def withdrawn_at(self):
        if self.row:
            return self.row[WITHDRAWN]
        return next(
            (at for _, at, _, after in self.decisions if after["state"] in ("withdrawn", "lifted")), 0.0
        )

    def ended_at(self, now):
        """When it had ended by ``now``; 0: it had not."""
        ends = self.after["not_after"]
        if self.after["state"] in TERMS and 0 < ends < now:
            return float(ends)
        return self.withdrawn_at if self.withdrawn_at < now else 0.0

    def state(self, now):
        if self.ended_at(now):
            return "expired" if self.after["state"] in TERMS else self.after["state"]
        if not 0 < self.accepted_at < now:
            return "quarantined" if self.held else "pending"
        state = "accepted"
        for _, kind, at, _ in self.steps:
            state = STEPS.get(kind, state) if at < now else state
        return state

    def columns(self, now):
        """The columns that a record must have of it; those that the trail does not show are left out."""
        after, came = self.after, [each for each in self.steps if each[2] < now]
        urgent = [each[0] for each in came if each[1] == "emergency"]
        looked = [each for each in came if each[1] == "reviewed"]
        found = {
            "authority": after["authority"],
            "ground": after["ground"],
            "law": after.get("law", ""),
            "confidential": after["confidential"],
            "state": self.state(now),
            "entries": after["entries"],
            "received_at": after["received_at"] or self.added_at,
            "accepted_at": self.accepted_at if self.accepted_at < now else 0.0,
            "ended_at": self.ended_at(now),
            "approvals": len(after["approvals"]),
            "quarantined": self.held,
            "continues": self.decisions[0][3].get("continues", ""),
        }
        if self.row or not after["confidential"]:
            found["wide"] = bool(after["overblocking_accepted"] or self.life[1] or self.life[2])
            found["emergency"] = bool(urgent)
            seen = bool(urgent and looked and looked[-1][0] > urgent[-1])
            found["reviewed_at"] = looked[-1][2] if seen else 0.0
        return found

    def moments(self):
        """Every moment at which something was decided or noted on it."""
        decided = {at for _, at, _, _ in self.decisions} | {self.accepted_at, self.added_at}
        return decided | {each[2] for each in self.steps}

    def received(self):
        """When the instruments and acknowledgements of its steps came in."""
        if self.row:
            return {each[6] for each in self.life[5]}
        told = [after["step"] for _, _, _, after in self.decisions if "step" in after]
        return {each.get("received_at", 0) for each in told}

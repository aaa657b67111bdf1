"""Computes the figures of reports from the tables of a record, by the definitions of docs/report-record.md.

It is part of recompute-report.py, which goes with every evidence pack: plain Python 3.8 or newer, nothing of
filterd, and made from the definitions alone, so that it and filterd can be compared.
"""

from order_figures import (
    ReportRows,
    acceptance,
    counting,
    coverage,
    deadlines,
    grouped,
    key,
    last_of_chains,
    order_counts,
    orders,
    rank,
    reach_times,
    reaching,
    seconds,
    share,
    spans,
    subjects,
)

KINDS = ("mandatory", "parental", "security", "unknown")


def lists(record: ReportRows) -> dict:
    found, begins, now = {}, record.head["begins_at"], record.now
    for (node, label), rows in grouped(record.rows("list_periods"), "node", "label").items():
        newest = max(rows, key=lambda row: row["since"])
        ran = sum(max(0, min(row["until"] or now, now) - max(row["since"], begins)) for row in rows)
        told = {
            "version": newest["version"],
            "digest": newest["digest"],
            "since": newest["since"],
            "lasts": int(lasts(record, newest)),
            "switches": sum(record.within(row["since"]) for row in rows),
            "share": share(ran, now - begins),
        }
        found.update({"lists.%s.%s.%s" % (key(node), key(label), name): told[name] for name in told})
    return found


def lasts(record: ReportRows, row: dict) -> bool:
    return row["until"] == 0 or row["until"] >= record.now


def lists_in_use(record: ReportRows) -> dict:
    newest: dict = {}
    for (_, label), rows in grouped(record.rows("list_periods"), "node", "label").items():
        last = max(rows, key=lambda row: row["since"])
        newest.setdefault(label, []).extend([last] * lasts(record, last))
    found = {}
    for row in record.rows("lists"):
        ran = newest.get(row["label"], [])
        told = {name: row[name] for name in ("kind", "version", "digest", "names")}
        told["nodes"], told["digests"] = len(ran), len({each["digest"] for each in ran})
        found.update({"lists_in_use.%s.%s" % (key(row["label"]), name): told[name] for name in told})
    return found


def availability(record: ReportRows) -> dict:
    found = {}
    for (node,), rows in grouped(record.rows("node_states"), "node").items():
        rows = sorted(rows, key=lambda row: row["since"])
        ends = [*(row["since"] for row in rows[1:]), record.now]
        parts = {"available": 0, "unready": 0, "silent": 0}
        for row, end in zip(rows, ends):
            begin = max(row["since"], record.head["begins_at"])
            parts[row["state"]] += max(0, min(end, record.now) - begin)
        total, name = sum(parts.values()), "availability.%s." % key(node)
        found[name + "seconds"] = seconds(total)
        found.update({name + each + "_share": share(parts[each], total) for each in parts})
        found[name + "interruptions"] = sum(
            record.within(row["since"]) and row["state"] != "available" and before["state"] == "available"
            for before, row in zip(rows, rows[1:])
        )
    return found


# People


def take_up(record: ReportRows) -> dict:
    found, columns = {}, {"take-up.opted-in": "opted_in", "opt-ins": "opt_ins", "opt-outs": "opt_outs"}
    days = [row for row in record.rows("days") if row["subject"] in columns]
    for row in days:
        for column in columns.values():
            found.setdefault("take_up.%s.%s" % (row["day"][:7], column), None)
    for row in days:
        found["take_up.%s.%s" % (row["day"][:7], columns[row["subject"]])] = row["count"]
    last = max((row["day"] for row in days if row["subject"] == "take-up.opted-in"), default="")
    for row in record.rows("days"):
        word, _, profile = row["subject"].partition(":")
        if word == "take-up.profile" and row["day"] == last:
            found["profiles.%s.lines" % key(profile)] = row["count"]
    return found


def consent(record: ReportRows) -> dict:
    told = subjects(record, "privacy", "consent.")
    parts = [told.get("consent." + each) for each in ("own", "shared", "repeated", "none")]
    found = dict(zip(("consent.own", "consent.shared", "consent.repeated", "consent.none"), parts))
    found["consent.shared_share"] = None if None in parts else share(parts[1], sum(parts))
    return found


def complaints(record: ReportRows) -> dict:
    told = subjects(record, "complaints")
    names = ("opened", "requests", "decided", "in_time", "upheld", "median_days", "appealed")
    found = {"complaints." + name: told.get(name) for name in (*names, "appeals_decided", "effective")}
    missing = None in (told.get("upheld"), told.get("decided"))
    found["complaints.upheld_share"] = None if missing else share(told["upheld"], told["decided"])
    found.update({"complaints_by.%s.opened" % kind: told.get("kind." + kind) for kind in KINDS})
    return found


def privacy(record: ReportRows) -> dict:
    found = {
        "privacy." + subject.replace(".", "-"): count
        for subject, count in subjects(record, "privacy").items()
        if not subject.startswith("consent.")
    }
    for (data_class,), rows in grouped(record.rows("retention"), "data_class").items():
        known = [row["deleted"] for row in rows if row["deleted"] is not None]
        name = "retention.%s." % key(data_class)
        found.update({name + "runs": len(rows), name + "deleted": sum(known)})
        found.update({name + "untold": len(rows) - len(known), name + "last_at": max_of(rows, "ran_at")})
    return found


def max_of(rows: list, column: str):
    return max(row[column] for row in rows)


# Registers, growth


def answers(record: ReportRows) -> dict:
    rows = record.rows("answers")
    done = [row for row in rows if row["answered_at"]]
    times = [max(0, row["answered_at"] - row["received_at"]) for row in done]
    found = {
        "answers.items": len(rows),
        "answers.processed": sum(row["answer"] == "processed" for row in rows),
        "answers.unprocessed": sum(row["answer"] == "unprocessed" for row in rows),
        "answers.in_time": sum(not row["due_at"] or row["answered_at"] < row["due_at"] + 1 for row in done),
        **spans("answers", times, 50),
    }
    for row in record.rows("capacity"):
        name = "capacity.%s.%s." % (key(row["authority"]), key(row["kind"]))
        found.update({name + "declared": row["declared"], name + "used": row["used"]})
        found[name + "share"] = share(row["used"], row["declared"])
    return {**found, **reasons(record, "answers_by")}


def reasons(record: ReportRows, name: str) -> dict:
    unprocessed = [row for row in record.rows("answers") if row["answer"] == "unprocessed"]
    by = grouped(unprocessed, "reason")
    return {"%s.%s.items" % (name, key(reason)): len(rows) for (reason,), rows in by.items()}


def growth(record: ReportRows) -> dict:
    found, head = {}, record.head
    days = sorted(
        (row["day"], row["count"]) for row in record.rows("days") if row["subject"] == "mandatory.names"
    )
    for month in sorted({day[:7] for day, _ in days if day >= head["begins_on"]}):
        within = [count for day, count in days if day[:7] == month]
        before = [count for day, count in days if day[:7] < month]
        end, base = within[-1], (before or within[:1])[-1]
        change = end - base
        many = base >= head["growth_floor"] and change >= head["growth_share"] * base
        large = change >= head["growth_names"] or many
        told = {"names": end, "change": change, "share": share(change, base)}
        told["beyond"] = int(change > 0 and large)
        found.update({"growth.%s.%s" % (month, name): value for name, value in told.items()})
    return found


# The reports


def compliance(record: ReportRows) -> dict:
    parts = (orders, deadlines, acceptance, coverage, lists, lists_in_use, availability, take_up)
    more = (consent, complaints, privacy, answers, growth)
    found = {**reaching(record, "enforcement", "enforce"), **reaching(record, "lifting", "lift")}
    for part in (*parts, *more):
        found.update(part(record))
    return found


TOTALS = (
    *("received", "accepted", "ended", "standing", "entries_added", "entries_removed", "entries_standing"),
    *("confidential", "wide", "emergency_ends", "quarantined"),
)
BY_GROUND = ("received", "ended", "standing", "entries_added", "entries_removed", "entries_standing")


def by_ground(record: ReportRows) -> dict:
    every, small, found = record.rows("orders"), record.head["small"], {}

    def size(rows: list) -> int:
        return len(last_of_chains(record, rows))

    open_ones = grouped((row for row in every if not row["confidential"]), "authority", "ground")
    groups = {key(a) + "." + key(g): rows for (a, g), rows in open_ones.items() if size(rows) >= small}
    groups["others"] = [row for rows in open_ones.values() if size(rows) < small for row in rows]
    groups["confidential"] = [row for row in every if row["confidential"]]
    effects = counting(record, "enforce")
    for name, rows in groups.items():
        if not rows:
            continue
        named = {row["order"] for row in rows}
        times = reach_times([row for row in effects if row["order"] in named])
        counts = order_counts(record, rows)
        values = {each: counts[each] for each in BY_GROUND}
        enough = size(rows) >= small
        values["median_seconds"] = seconds(rank(times, 50)) if enough else None
        values["max_seconds"] = seconds(max(times, default=None)) if enough else None
        found.update({"by_ground.%s.%s" % (name, each): value for each, value in values.items()})
    return found


def transparency(record: ReportRows) -> dict:
    counts = order_counts(record, record.rows("orders"))
    found = {"totals." + name: counts[name] for name in TOTALS}
    found["refusals.unprocessed"] = sum(row["answer"] == "unprocessed" for row in record.rows("answers"))
    found.update(reasons(record, "refusals_by"))
    found.update(reaching(record, "enforcement", "enforce"))
    found.update(reaching(record, "lifting", "lift"))
    for part in (by_ground, deadlines, growth, complaints, blocking):
        found.update(part(record))
    for row in record.rows("lists"):
        if row["kind"] == "mandatory":
            told = {name: row[name] for name in ("names", "version", "digest")}
            told["confidential"] = int(row["confidential"])
            told["digest"] = "" if row["confidential"] else told["digest"]
            found.update({"public_lists.%s.%s" % (key(row["label"]), name): told[name] for name in told})
    return found


def blocking(record: ReportRows) -> dict:
    found = {}
    rows = [row for row in record.rows("days") if row["subject"] in ("mandatory.orders", "mandatory.names")]
    months = {row["day"][:7] for row in rows if row["day"] >= record.head["begins_on"]}
    for row in sorted(rows, key=lambda row: row["day"]):
        if row["day"][:7] in months:
            found["blocking.%s.%s" % (row["day"][:7], row["subject"].split(".")[1])] = row["count"]
    return found


def categories(record: ReportRows) -> dict:
    found = {}
    of_categories = [row for row in record.rows("lists") if row["category"]]
    for (category,), rows in grouped(of_categories, "category").items():
        found["categories.%s.lists" % key(category)] = len(rows)
        found["categories.%s.names" % key(category)] = sum(row["names"] for row in rows)
    for row in of_categories:
        told = {name: row[name] for name in ("category", "version", "digest", "names")}
        found.update({"category_lists.%s.%s" % (key(row["label"]), name): told[name] for name in told})
    return found


REPORTS = {"compliance": compliance, "transparency": transparency, "categories": categories}


def same(left, right) -> bool:
    """True if two figures are the same: of the same kind, and equal."""
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    return left == right and (numbers or type(left) is type(right))


def differences(record: ReportRows, kind: str, figures: dict) -> list:
    """(id, figure of the report, figure as computed) of each that differs, is missing or is too much."""
    computed = REPORTS[kind](record)
    return [
        (each, figures.get(each, "missing"), computed.get(each, "none"))
        for each in sorted({*figures, *computed})
        if each not in figures or each not in computed or not same(figures[each], computed[each])
    ]

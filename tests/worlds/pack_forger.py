"""Changes of an evidence pack: by whoever has it, and by whoever has the operator's own key."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from filterd.disk.signing_keys import SigningKey
from filterd.model import evidence_format
from filterd.model.audit_chain import canonical
from filterd.model.report_record import ReportRecord
from filterd.operations.evidence_pack import record_files
from filterd.operations.reports import figures, forms
from tests.worlds import packed

Files = dict[str, bytes]
Change = tuple[str, bytes]
"""what was done, and the archive"""


def by_anybody(files: Files, moment: int, seed: int) -> Iterator[Change]:
    """Each file flipped, removed and swapped, files added and moved, and bytes of the archive changed."""
    chance, names = random.Random(seed), list(files)
    for number, name in enumerate(names[::2]):
        data = bytearray(files[name] or b"\0")
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield f"flipped {name}", packed.archive_of({**files, name: bytes(data)}, moment)
        if number % 4:
            continue
        rest = {each: data for each, data in files.items() if each != name}
        yield f"removed {name}", packed.archive_of(rest, moment)
        other = chance.choice([each for each in names if files[each] != files[name]])
        swapped = {**files, name: files[other], other: files[name]}
        yield f"swapped {name}", packed.archive_of(swapped, moment)
    yield "added", packed.archive_of({"added.txt": b"more", **files}, moment)
    yield (
        "another moment",
        packed.archive_of(files, moment)[:512] + packed.archive_of(files, moment + 1)[512:],
    )
    yield "another order", packed.archive_of(dict(sorted(files.items(), reverse=True)), moment)
    yield from _of_bytes(packed.archive_of(files, moment), chance)


def _of_bytes(whole: bytes, chance: random.Random) -> Iterator[Change]:
    yield "cut", whole[:-512]
    yield "longer", whole + b"\0" * 512
    yield "something behind it", whole + b"more"
    for _ in range(10):
        at = chance.randrange(len(whole))
        yield f"byte {at}", whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :]


def by_key(files: Files, moment: int, key: SigningKey, record: ReportRecord) -> Iterator[Change]:
    """Rows of the record removed, doubled and changed, where the trail tells of them; the reports are made
    anew, and the manifest is signed by a key."""
    for table, row, column, value in _lies(record):
        told = packed.rows_of(files, table)
        told[row] = {**told[row], column: value}
        yield f"{table}.{column}", _sealed(files, moment, key, table, told)
    for table in ("orders", "effects", "arrivals", "node_states"):
        told = packed.rows_of(files, table)
        yield f"{table} without one", _sealed(files, moment, key, table, told[1:])
        yield f"{table} with one twice", _sealed(files, moment, key, table, [*told, told[0]])
    for name in (each for each in files if each.startswith("reports/") and each.endswith(".json")):
        report = json.loads(files[name])
        figure = next(each for each, value in report["figures"].items() if isinstance(value, int))
        report["figures"][figure] += 1
        lied = {**files, name: json.dumps(report).encode()}
        yield f"{name} {figure}", packed.archive_of(packed.resealed(lied, key), moment)
    signed = [each for each in files if each[:9] in ("statement", "receipts/") and each.endswith("json")]
    for name in signed[::4]:
        told_object = json.loads(files[name])
        told_object["body"]["provider"] = "another"
        lied = {**files, name: canonical(told_object).encode()}
        yield f"{name} changed", packed.archive_of(packed.resealed(lied, key), moment)
    yield from _shown(files, moment, key)
    without = {name: data for name, data in files.items() if not name.startswith("statements/")}
    yield "no statements", packed.archive_of(packed.resealed(without, key), moment)


def _shown(files: Files, moment: int, key: SigningKey) -> Iterator[Change]:
    """Figures that a pack shows for spreadsheets and in a report's sections, changed; the figures stay."""
    for name, before, after in (
        ("reports/compliance.csv", b"orders.received,8,", b"orders.received,999,"),
        ("reports/transparency.csv", b"totals.received,8,", b"totals.received,8.5,"),
        ("reports/compliance.csv", b"complaints.opened,,", b"complaints.opened,3,"),
        ("digests/list-digests.csv", b",worst,", b",best,"),
    ):
        assert before in files[name], (name, before)
        lied = {**files, name: files[name].replace(before, after, 1)}
        yield f"{name} {after!r}", packed.archive_of(packed.resealed(lied, key), moment)
    name = "reports/compliance.json"
    report = json.loads(files[name])
    report["sections"][0]["tables"][0]["rows"][0]["figures"][0]["value"] = 999
    text = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
    lied = {**files, name: text.encode()}
    yield f"{name} in its sections", packed.archive_of(packed.resealed(lied, key), moment)


def by_leaving_out(files: Files, moment: int, key: SigningKey) -> Iterator[Change]:
    """Rows that the trail has and the record lacks; and deadlines that were met when nothing happened."""
    for number, each in enumerate(packed.rows_of(files, "effects")):
        rest = packed.rows_of(files, "effects")
        del rest[number]
        if each["order"] in ("O-1", "O-8"):  # the slowest, and one with two
            yield (
                f"effect {each['order']} {each['effect']} dropped",
                _sealed(files, moment, key, "effects", rest),
            )
    for table in ("effects", "arrivals", "list_periods", "lists", "node_states"):
        yield f"no {table}", _sealed(files, moment, key, table, [])
    for number in range(len(packed.rows_of(files, "lists"))):
        rest = packed.rows_of(files, "lists")
        del rest[number]
        yield f"list {number} dropped", _sealed(files, moment, key, "lists", rest)
    rows = packed.rows_of(files, "deadlines")
    kept = [{**each, "met_at": each["due_at"]} for each in rows]
    yield "every deadline kept", _sealed(files, moment, key, "deadlines", kept)
    void = [{**each, "over_at": each["due_at"]} for each in rows]
    yield "every deadline void", _sealed(files, moment, key, "deadlines", void)


def by_other_bounds(files: Files, moment: int, key: SigningKey) -> Iterator[Change]:
    """Another range, and another moment, than the record is of."""
    scope = {"order": "", "from": "2026-12-06", "to": "2027-02-24"}
    for name, changed in (
        ("range widened", {"scope": {**scope, "from": "2020-01-01", "to": "2031-12-31"}}),
        ("range begins earlier", {"scope": {**scope, "from": "2026-12-05"}}),
        ("range ends later", {"scope": {**scope, "to": "2027-02-25"}}),
        ("made later", {"made_at": "2027-01-19T08:00:00Z"}),
        ("provider", {"provider": "another"}),
        ("zone", {"zone": "UTC"}),
        ("no moment", {"made_at": "soon"}),
    ):
        yield name, packed.archive_of(packed.resealed(files, key, **changed), moment)
    yield "archive of another moment", packed.archive_of(files, moment + 1)
    head = json.loads(files[evidence_format.HEAD])
    for column, value in (
        ("begins_at", head["begins_at"] + 86_400),
        ("ends_at", head["ends_at"] + 86_400),
        ("begins_on", "2026-12-07"),
        ("made_at", head["made_at"] - 1),
        ("made_at", head["made_at"] + 30 * 86_400),
        ("made_at", 1e300),
    ):
        yield f"head {column} {value}", _with_head(files, moment, key, {**head, column: value})
    yield "record of an earlier moment", _earlier(files, moment, key, head)


def _earlier(files: Files, moment: int, key: SigningKey, head: dict[str, Any]) -> bytes:
    """The record as it may have been when all orders were taken, and no node had one."""
    entries = [json.loads(line) for line in files[evidence_format.EXPORT].splitlines()]
    before = [each for each in entries if each["kind"] == "entry" and each["at"] <= 1_800_000_000]
    place = {"audit_sequence": before[-1]["sequence"], "audit_hash": before[-1]["hash"]}
    changed = dict(files)
    for table in ("effects", "arrivals", "list_periods", "deadlines"):
        changed = packed.with_rows(changed, table, [])
    states: list[dict[str, Any]] = packed.rows_of(files, "node_states")
    states = [each for each in states if each["since"] < 1_800_000_001]
    changed = packed.with_rows(changed, "node_states", states)
    orders = [
        {**each, "state": "accepted", "ended_at": 0.0, "emergency": False, "reviewed_at": 0.0}
        for each in packed.rows_of(files, "orders")
    ]
    changed = packed.with_rows(changed, "orders", orders)
    return _with_head(changed, moment, key, {**head, **place, "made_at": 1_800_000_000.5})


def _with_head(files: Files, moment: int, key: SigningKey, head: dict[str, Any]) -> bytes:
    changed = {**files, evidence_format.HEAD: f"{canonical(head)}\n".encode()}
    return _sealed(changed, moment, key, "days", packed.rows_of(files, "days"))


def by_reports(files: Files, moment: int, key: SigningKey) -> Iterator[Change]:
    """Reports removed and added, and what they show beside their figures."""

    def archive(changed: Files) -> bytes:
        return packed.archive_of(packed.resealed(changed, key), moment)

    for gone in ("reports/compliance.json", "reports/categories.csv", "reports/", "record/capacity.jsonl"):
        rest = {name: data for name, data in files.items() if not name.startswith(gone)}
        yield f"without {gone}", archive(rest)
    table = files["reports/compliance.csv"]
    forged = table.replace(b"orders.received,8,", b"orders.received,999,")
    without = {name: data for name, data in files.items() if name != "reports/compliance.json"}
    yield "JSON gone, CSV forged", archive({**without, "reports/compliance.csv": forged})
    for name in ("reports/extra.csv", "reports/extra.json", "reports/compliance.es.csv", "compliance.csv"):
        yield f"with {name}", archive({**files, name: forged})
    unit = table.replace(b"orders.received,8,count,", b"orders.received,8,thousands,")
    label = table.replace(b",orders.received,value", b",orders.ended,value")
    for what, data in (("unit", unit), ("label", label), ("blank line", table + b"\n")):
        assert data != table
        yield f"CSV {what}", archive({**files, "reports/compliance.csv": data})
    for what in ("provider", "begins_at", "warnings", "kind", "format", "double", "unit", "label", "columns"):
        report = json.loads(files["reports/compliance.json"])
        _change(report, what)
        text = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
        yield f"JSON {what}", archive({**files, "reports/compliance.json": text.encode()})


def _change(report: dict[str, Any], what: str) -> None:
    """Change one thing of a report's JSON that is none of its figures."""
    rows = report["sections"][0]["tables"][0]["rows"]
    if what in report["head"]:
        report["head"][what] = "another" if what == "provider" else 0.0
    elif what in ("kind", "format"):
        report[what] = "transparency"
    elif what == "warnings":
        report[what] = ["report.warning.growth"]
    elif what == "double":
        rows.insert(0, {**rows[0], "figures": [{**rows[0]["figures"][0], "value": 999}]})
    elif what == "unit":
        rows[0]["figures"][0]["unit"] = "share"
    elif what == "label":
        rows[0]["label"], rows[1]["label"] = rows[1]["label"], rows[0]["label"]
    else:
        report["sections"][1]["tables"][0]["columns"].reverse()


def hostile(files: Files, moment: int, key: SigningKey) -> Iterator[tuple[str, str, bytes]]:
    """The forgery in words, a word that the faults must have beside it, and the archive: files that break
    programs, each in a pack in which another fault stands as well."""
    lied = {**files, "receipts/O-1.json": files["receipts/O-2.json"]}
    deep, receipt = b"[" * 200_000, "receipts/O-1.json"
    head = json.loads(files[evidence_format.HEAD])
    blank = files["reports/compliance.csv"] + b"\n"
    for name, data in (
        ("reports/compliance.json", deep),
        ("reports/compliance.json", b"[]"),
        ("reports/compliance.json", b'{"figures":{"orders.received":{}},"sections":7}'),
        ("reports/compliance.csv", blank),
        ("reports/compliance.csv", b"\xff" * 200),
        ("reports/compliance.csv", b'"' + b"a" * 200_000),
        ("record/head.json", f"{canonical({**head, 'made_at': 1e300})}\n".encode()),
        ("record/head.json", f"{canonical({**head, 'zone': 7})}\n".encode()),
        ("record/orders.jsonl", deep),
        ("record/orders.jsonl", b"{}\n"),
        ("record/effects.jsonl", b"a" * (1 << 21)),
        ("statements/2027-01-15.json", deep),
        ("pages/records.jsonl", b"[1]\n"),
        ("digests/list-digests.csv", b"\xff"),
    ):
        changed = {**lied, name: data}
        assert name in files, name
        yield f"{name} {data[:20]!r}", receipt, packed.archive_of(packed.resealed(changed, key), moment)


def unreadable(files: Files, moment: int) -> Iterator[Change]:
    """Packs of anybody's that would take a program's memory or its stack."""
    for data in (b"[" * 200_000, b'{"body":{"a":[' + b"{}," * 1_700_000 + b"{}]}}"):
        yield f"manifest of {len(data)}", packed.archive_of({**files, evidence_format.MANIFEST: data}, moment)
    deep = b"[" * 200_000 + b"\n"
    for data in (b"", b"{}\n", b"[]\n", deep):
        yield f"export of {len(data)}", packed.archive_of({**files, evidence_format.EXPORT: data}, moment)
        named = {**files, "statements/2027-01-15.json": data, evidence_format.HEAD: deep}
        yield f"statement of {len(data)}", packed.archive_of(named, moment)
    for size in (-512, 0):
        form = b"%011o\0%011o\0" % (size, moment if size else -5)
        before = b"a.txt".ljust(100, b"\0") + b"0000644\0" + 2 * b"0000000\0" + form
        after = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + 2 * b"0000000\0" + bytes(167)
        whole = before + b"%06o\0 " % (sum(before) + 256 + sum(after)) + after
        yield f"size {size}", whole + packed.archive_of(files, moment)


def _lies(record: ReportRecord) -> Iterator[tuple[str, int, str, Any]]:
    """Table, row, column and another value, of the columns that the trail proves."""
    columns = {
        "orders": (
            *("authority", "law", "confidential", "wide", "state", "entries", "received_at"),
            *("accepted_at", "ended_at", "approvals", "emergency", "reviewed_at", "quarantined"),
        ),
        "effects": ("kind", "decided_at", "due_at", "everywhere_at", "nodes"),
        "arrivals": ("node", "applied_at", "exact", "probe"),
        "node_states": ("node", "state", "since"),
        "lists": ("confidential", "version", "digest"),
        "deadlines": ("met_at",),
    }
    for table, wanted in columns.items():
        rows = record.tables()[table]
        for number, column in enumerate(wanted):
            row = 0 if number % 2 else len(rows) - 1
            yield table, row, column, _another(getattr(rows[row], column))
    days = [number for number, each in enumerate(record.days) if each.subject.startswith("mandatory")]
    for row in days[:2]:
        yield "days", row, "count", (record.days[row].count or 0) + 1
    told = next(number for number, each in enumerate(record.list_periods) if each.label)
    yield "list_periods", told, "digest", "0" * 64


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return "available" if value == "unready" else f"{value}x"
    return value + 7


def _sealed(files: Files, moment: int, key: SigningKey, table: str, rows: list[dict[str, object]]) -> bytes:
    """The archive with other rows, and with reports that follow from them."""
    lied = packed.with_rows(files, table, rows)
    record = packed.record_of(lied)
    for kind, make in figures.REPORTS.items():
        lied[f"reports/{kind}.json"] = forms.as_json(make(record))
        lied[f"reports/{kind}.csv"] = forms.as_csv(make(record))
    lied[evidence_format.DIGESTS] = record_files.digests(record)
    return packed.archive_of(packed.resealed(lied, key), moment)

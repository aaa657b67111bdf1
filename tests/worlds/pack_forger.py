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
        if table != "effects":
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

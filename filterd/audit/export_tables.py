"""Compares the rows of an export with what the trail in it says of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from filterd.audit.export_lines import ExportFormatError, require_parts
from filterd.model.audit_chain import canonical
from filterd.model.export_format import TABLES, ExportTable
from filterd.model.order_rows import ROW_DIGEST

MOST_SUBJECTS = 5_000_000
"""rows that are kept in mind"""


@dataclass(slots=True)
class _Told:
    """The trail's word on a row."""

    digest: str
    required: bool = True
    confidential: bool = False


@dataclass(slots=True)
class TableDigest:
    """The rows of a table as they were read."""

    rows: int = 0
    state: Any = field(default_factory=hashlib.sha256)

    @property
    def told(self) -> dict[str, Any]:
        """As the seal tells it."""
        return {"rows": self.rows, "sha256": self.state.hexdigest()}


class TableWalk:
    """Takes every entry, then every row."""

    def __init__(self, tables: list[str], order: str) -> None:
        """``tables``: those that the export has; ``order``: the one that it is about, if only one."""
        self._tables = [each for each in TABLES if each.name in tables]
        self._order = order
        self._told: dict[tuple[str, str], _Told] = {}
        self._at = 0
        self.digests = {each.name: TableDigest() for each in self._tables}
        self.not_recomputed = 0
        """confidential orders whose row the export does not show"""

    def take_entry(self, record: dict[str, Any]) -> None:
        """Note what an entry says of a row."""
        if self._order and record["subject"] != f"order:{self._order}":
            return
        for table in self._tables:
            key = (table.name, record["subject"])
            after = record["after"] if isinstance(record["after"], dict) else {}
            if _tells(table, record["action"], after):
                self._told[key] = _told(table, after)
                if len(self._told) > MOST_SUBJECTS:
                    msg = f"it has more than {MOST_SUBJECTS} rows"
                    raise ExportFormatError(msg)
            elif record["action"] in table.ends and after.get("state") == "retired" and key in self._told:
                self._told[key].required = False

    def take_row(self, record: dict[str, Any], data: bytes) -> str:
        """Compare a row; why it is not what the trail says, or empty."""
        require_parts(record, {"kind": str, "table": str, "subject": str, "row": object})
        names = [each.name for each in self._tables]
        if record["table"] not in names[self._at :]:
            return "it is of a table that does not belong here"
        self._at = names.index(record["table"])
        digest = self.digests[record["table"]]
        digest.rows += 1
        digest.state.update(data)
        told = self._told.pop((record["table"], record["subject"]), None)
        if told is None or not told.digest:
            return "the trail knows no such row, or it stands here twice"
        row = record["row"]
        if told.confidential and isinstance(row, str) and row:
            self.not_recomputed += 1
            same = row == told.digest
        else:
            same = _digest(row) == told.digest
        return "" if same else "it is not what the trail says was decided"

    def missing(self) -> list[str]:
        """The rows that the trail tells of and the export has not."""
        return [
            f"{table} {subject}"
            for (table, subject), told in self._told.items()
            if told.digest and told.required
        ]


def _tells(table: ExportTable, action: str, after: dict[str, Any]) -> bool:
    """True if an entry says what the row of its subject in this table is."""
    if table.actions:
        return action in table.actions
    return action.startswith(f"{table.name}.") and all(each in after for each in table.parts)


def _told(table: ExportTable, after: dict[str, Any]) -> _Told:
    if table.parts == (ROW_DIGEST,):
        return _Told(str(after.get(ROW_DIGEST, "")), confidential=after.get("confidential") is True)
    return _Told(_digest({each: after.get(each) for each in table.parts} if table.parts else after))


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()

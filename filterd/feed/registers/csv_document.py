"""Reads a document as CSV (RFC 4180): a header with ``entry`` and, in any order, ``document``, ``item``,
``action`` (``block``, ``unblock``) and ``official``; UTF-8, commas."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from filterd.feed.registers.parsed import (
    EVERY,
    ParsedDocument,
    ParsedItem,
    RegisterSyntaxError,
    Tell,
    act_of,
    decoded,
    entry_error,
    quiet,
    require_few,
)
from filterd.model.register import ItemAct

COLUMNS = ("document", "item", "action", "entry", "official")


def parse_csv(data: bytes, *, whole: bool = False, tell: Tell = quiet) -> ParsedDocument:
    """The document. All its rows have one document number. Raises RegisterSyntaxError."""
    reader = csv.reader(io.StringIO(decoded(data), newline=""), strict=True)
    items: list[ParsedItem] = []
    numbers: set[int] = set()
    shared = {"document": "", "official": ""}
    try:
        header = _header(next(reader, []))
        for cells in reader:
            if not cells:
                continue
            row = _row(header, cells)
            _share(shared, row, reader.line_num)
            item = _item(len(items) + 1, row, reader.line_num, numbers)
            items.append(item)
            require_few(len(items), reader.line_num)
            if len(items) % EVERY == 0:
                tell(len(items))
    except csv.Error as error:
        raise RegisterSyntaxError(str(error), reader.line_num) from None
    return ParsedDocument(tuple(items), shared["document"], shared["official"], whole=whole)


def _header(cells: list[str]) -> list[str]:
    header = [each.strip().lower() for each in cells]
    if "entry" not in header:
        message = f"the header has no column entry (columns: {', '.join(COLUMNS)})"
        raise RegisterSyntaxError(message, 1)
    for each in header:
        if each not in COLUMNS or header.count(each) > 1:
            message = f"an unknown column, or one that stands twice: {each[:32]!r}"
            raise RegisterSyntaxError(message, 1)
    return header


def _row(header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        return {"error": f"it has {len(cells)} cells, and the header {len(header)}"}
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def _share(shared: dict[str, str], row: Mapping[str, str], line: int) -> None:
    """Note the parts that all rows share. Raises RegisterSyntaxError where a row says something else."""
    for name in shared:
        given = row.get(name, "")
        if given and shared[name] and given != shared[name]:
            message = f"another {name} than in the rows before: a file holds one document"
            raise RegisterSyntaxError(message, line)
        shared[name] = shared[name] or given


def _item(ordinal: int, row: Mapping[str, str], line: int, numbers: set[int]) -> ParsedItem:
    number, error = _number(row.get("item", ""), ordinal, numbers)
    act = act_of(row.get("action", ""))
    entry = row.get("entry", "")
    wrong = row.get("error", "") or error or entry_error(entry)
    if act is None:
        wrong = wrong or "its action is neither block nor unblock"
    return ParsedItem(number, entry, act or ItemAct.BLOCK, line, row.get("item", "")[:64], error=wrong)


def _number(text: str, ordinal: int, numbers: set[int]) -> tuple[int, str]:
    """The number of the item in the document, which is its ordinal; its own is kept as its place."""
    if not text:
        return ordinal, ""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return ordinal, f"its item number is no number: {text[:32]!r}"
    if int(text) in numbers:
        return ordinal, f"its item number {text} stands twice"
    numbers.add(int(text))
    return ordinal, ""

"""Reads a document as JSON: ``{"document": "…", "official": "…", "items": [{"item": 1, "action": "block",
"entry": "name.example"}, …]}``."""

from __future__ import annotations

import json
from typing import Any

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

_KEYS = frozenset(("document", "official", "items"))
_ITEM_KEYS = frozenset(("item", "action", "entry"))


def parse_json(data: bytes, *, whole: bool = False, tell: Tell = quiet) -> ParsedDocument:
    """The document. Raises RegisterSyntaxError."""
    found = load_object(data)
    strange = sorted(found.keys() - _KEYS)
    if strange:
        message = f"an unknown key: {strange[0][:32]!r}"
        raise RegisterSyntaxError(message)
    rows = found.get("items")
    if not isinstance(rows, list):
        message = "the document has no list of items"
        raise RegisterSyntaxError(message)
    require_few(len(rows))
    items, numbers = [], set[int]()
    for ordinal, row in enumerate(rows, start=1):
        items.append(_item(ordinal, row, numbers))
        if ordinal % EVERY == 0:
            tell(ordinal)
    return ParsedDocument(tuple(items), _text(found, "document"), _text(found, "official"), whole=whole)


def load_object(data: bytes) -> dict[str, Any]:
    """The object of a JSON text, no key twice. Raises RegisterSyntaxError, with its line."""
    try:
        found = json.loads(decoded(data), object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise RegisterSyntaxError(error.msg, error.lineno) from None
    except RecursionError:
        message = "the document is nested too deeply"
        raise RegisterSyntaxError(message) from None
    except RegisterSyntaxError:
        raise
    except ValueError:  # a number of more digits than Python reads
        message = "the document has a number that is too long"
        raise RegisterSyntaxError(message) from None
    if not isinstance(found, dict):
        message = "the document is no object"
        raise RegisterSyntaxError(message)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "an object has a key twice"
        raise RegisterSyntaxError(message)
    return found


def _no_constant(text: str) -> None:
    message = f"{text} is no JSON"
    raise RegisterSyntaxError(message)


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key, "")
    if not isinstance(value, str):
        message = f"{key} is no text"
        raise RegisterSyntaxError(message)
    return value.strip()


def _item(ordinal: int, row: object, numbers: set[int]) -> ParsedItem:
    if not isinstance(row, dict) or not row.keys() <= _ITEM_KEYS:
        return ParsedItem(ordinal, "", error="it is no object of item, action and entry")
    entry, word, own = row.get("entry", ""), row.get("action", ""), row.get("item", ordinal)
    if not isinstance(entry, str) or not isinstance(word, str):
        return ParsedItem(ordinal, "", error="its entry or its action is no text")
    act, entry = act_of(word), entry.strip()
    wrong = entry_error(entry)
    if type(own) is not int or not 0 <= own < 10**18 or own in numbers:
        return ParsedItem(ordinal, entry, error=wrong or "its item number is no number, or stands twice")
    numbers.add(own)
    wrong = wrong or ("its action is neither block nor unblock" if act is None else "")
    place = str(own) if "item" in row else ""
    return ParsedItem(ordinal, entry, act or ItemAct.BLOCK, 0, place, error=wrong)

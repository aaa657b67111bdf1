"""Reads ``notices/<version>.yaml``: the texts that tell a line's holder of a change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from string import Formatter

from filterd.config.policy_values import DocumentValue
from filterd.model.notice import FIELDS
from filterd.policy.documents import Text
from filterd.policy.notice_texts import NoticeTexts

FRAME = frozenset({"when", "what"})


def read_notice_texts(found: DocumentValue, name: str) -> NoticeTexts:
    """The file notices/<name>.yaml. Every kind of notice must have its sentence."""
    keys = found.keys(("since", "frame", "sentences"))
    since = str(keys["since"].value)
    try:
        date.fromisoformat(since)
    except ValueError:
        keys["since"].wrong("is no day like 2026-11-01")
    sentences = keys["sentences"].keys(tuple(FIELDS))
    return NoticeTexts(
        id=DocumentValue(name, found.path, found.problems).id(),
        since=since,
        frame=_text(keys["frame"], FRAME),
        sentences=tuple((kind, _text(sentences[kind], fields)) for kind, fields in FIELDS.items()),
    )


def _text(found: DocumentValue, fields: Iterable[str]) -> Text:
    """A text whose placeholders are among these fields."""
    text = found.text()
    for each in (text.es, text.en):
        try:
            used = [name for _, name, _, _ in Formatter().parse(each) if name is not None]
        except ValueError:
            found.wrong("has a brace that belongs to no field")
            continue
        unknown = sorted(set(used) - set(fields))
        if unknown:
            known = ", ".join(sorted(fields)) or "none"
            found.wrong(f"has unknown fields: {', '.join(unknown)} (known: {known})")
    return text

"""Compares the range and the moment that a manifest states with the head of the record. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from filterd.model import evidence_format
from filterd.model.report_record import RecordHead
from filterd.operations.plain_values import moment

MAKING = 86_400.0
"""seconds from the beginning of the making by which the record must have been read"""
_SHARED = ("installation", "provider", "country", "zone")


def made_at(body: Mapping[str, Any]) -> float:
    """When a pack was made by its manifest, Unix seconds. Raises ValueError, TypeError, KeyError."""
    return datetime.fromisoformat(body["made_at"]).timestamp()


def faults(body: Mapping[str, Any], head: RecordHead, files_at: int, newest_before: int) -> Iterator[str]:
    """The faults. ``files_at``: the moment of the archive's files; ``newest_before``: the sequence of the
    newest entry of the trail from before the pack was made. Raises what :func:`made_at` does, and
    OverflowError."""
    name, made, scope = evidence_format.HEAD, made_at(body), body["scope"]
    for each in _SHARED:
        if getattr(head, each) != body[each]:
            yield f"{name}: its {each} is another than that of the manifest"
    zone, last = ZoneInfo(head.zone), date.fromisoformat(scope["to"])
    days = (date.fromisoformat(scope["from"]), last + timedelta(days=1))
    begins, ends = (datetime.combine(each, time(), zone).timestamp() for each in days)
    if (head.begins_at, head.ends_at, head.begins_on) != (begins, ends, scope["from"]):
        yield f"{name}: it is of another range than the manifest, which is of {scope['from']} to {last}"
    if moment(files_at) != body["made_at"]:
        yield f"{evidence_format.MANIFEST}: it was made at another moment than the archive"
    if not made <= head.made_at <= made + MAKING:
        yield f"{name}: it was not made when the pack was, but at {moment(head.made_at)}"
    if head.audit_sequence < newest_before:
        yield f"{name}: it ends at entry {head.audit_sequence}, and entry {newest_before} is older than it"

"""Records of the pages and checks of them as plain values, for commands and the API."""

from __future__ import annotations

from typing import Any

from filterd.model.page_record import PageRecord
from filterd.operations.plain_values import plain
from filterd.operations.service_page.drift import PageCheck


def plain_record(record: PageRecord) -> dict[str, Any]:
    """A record without its files' bytes."""
    return {
        "number": record.stamp.number,
        "at": record.stamp.at,
        "revision": record.stamp.revision,
        "digest": record.digest,
        "facts": record.facts,
        "exported_at": record.exported_at,
        "files": {
            path: {"digest": each.digest, "since": each.since} for path, each in sorted(record.files.items())
        },
    }


def plain_check(found: PageCheck) -> dict[str, Any]:
    """A check."""
    return {"record": found.record, "same": found.same, "differences": plain(found.differences)}

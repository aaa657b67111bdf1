"""The entries that an export shows, and those that it withholds."""

from __future__ import annotations

from typing import Any

import pytest

from filterd.model.audit_chain import AuditEntry
from filterd.model.export_format import is_shown


def entry(action: str, subject: str, after: dict[str, Any] | None = None) -> AuditEntry:
    return AuditEntry(1, 0.0, "ana", action, subject, "", None, after)


@pytest.mark.parametrize(
    ("action", "subject"),
    [
        *(("order.add", "order:O-1"), ("feed.update", "feed:adult"), ("node.probed", "order:O-1")),
        *(("page.record", "page:1"), ("store.restore", "store"), ("checkpoint.countersign", "checkpoint:3")),
    ],
)
def test_what_is_on_the_list_is_shown(action: str, subject: str) -> None:
    assert is_shown(entry(action, subject))


@pytest.mark.parametrize(
    ("action", "subject"),
    [
        *(("subscriber.pause", "line:7"), ("order.add", "line:7"), ("subscriber.add", "order:O-1")),
        *(("token.add", "token:3"), ("arco.add", "arco:3"), ("evidence.share", "evidence:1")),
        *(("portal.sign_in_refused", "portal"), ("review.decide", "review:7"), ("of.tomorrow", "tomorrow:1")),
    ],
)
def test_all_else_is_withheld(action: str, subject: str) -> None:
    assert not is_shown(entry(action, subject))


def test_what_tells_of_a_line_is_withheld_whatever_it_is() -> None:
    assert is_shown(entry("hold.add", "hold:1", {"until": 1, "lines": []}))
    assert not is_shown(entry("hold.add", "hold:1", {"until": 1, "lines": ["8c2f"]}))
    assert is_shown(entry("hold.end", "hold:1", {"until": 1, "line_count": 0}))
    assert not is_shown(entry("hold.end", "hold:1", {"until": 1, "line_count": 1}))
    assert not is_shown(entry("store.restore", "store", {"ended": [{"what": "line:7"}]}))
    assert not is_shown(entry("feed.update", "feed:x", {"by": {"subscriber": "ana"}}))

"""When a node's report says anything new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.model.records import NodeReport
from filterd.serve.node_reports import PACE_SECONDS, is_news

REPORT = NodeReport("node", 0.0, 5, 5, "digest", ready=True, lists={})


@pytest.mark.parametrize(
    ("present", "silent", "news"),
    [
        (REPORT, 60.0, False),
        (replace(REPORT, parental_revision=6), 0.0, False),
        (replace(REPORT, parental_revision=6), PACE_SECONDS, True),
        (replace(REPORT, parental_revision=6, mandatory_revision=6), 0.0, True),
        (replace(REPORT, parental_revision=6, ready=False), 0.0, True),
        (replace(REPORT, lag=1.0), 0.0, True),
    ],
)
def test_changes_of_lines_alone_are_paced(present: NodeReport, silent: float, *, news: bool) -> None:
    assert is_news(present, REPORT, silent) is news


def test_the_first_report_is_news_and_a_growing_lag_is_none() -> None:
    assert is_news(REPORT, None, 0.0)
    late = replace(REPORT, lag=1.0)
    assert not is_news(replace(late, lag=2.0), late, 60.0)

"""The dashboards: each file is what the source makes, in both languages, of metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from monitoring.source.panels import PanelRow
from monitoring.source.rows import AUDITORS, OPERATORS
from tests.monitoring.test_alerts import SERIES, metrics_served

FOLDER = Path(__file__).parents[2] / "monitoring/dashboards"
PAGES: dict[str, tuple[tuple[PanelRow, ...], bool]] = {
    "operators.json": (OPERATORS, False),
    "operators-es.json": (OPERATORS, True),
    "auditors.json": (AUDITORS, False),
    "auditors-es.json": (AUDITORS, True),
}
WRITE = "python -m monitoring.source, with grafana-foundation-sdk"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return found


def charts(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels below the rows' headings."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def test_there_is_no_other_dashboard() -> None:
    assert {path.name for path in FOLDER.iterdir()} == PAGES.keys()


def test_the_library_makes_what_is_written() -> None:
    pytest.importorskip("grafana_foundation_sdk")
    from monitoring.source import dashboards

    for name, text in dashboards.texts().items():
        assert (FOLDER / name).read_text() == text, WRITE


@pytest.mark.parametrize("name", PAGES)
def test_a_file_has_the_panels_of_the_source(name: str) -> None:
    rows, spanish = PAGES[name]
    wanted = [
        ((panel.spanish if spanish else panel.english).title, panel.expression, panel.unit)
        for row in rows
        for panel in row.panels
    ]
    found = [
        (panel["title"], panel["targets"][0]["expr"], panel["fieldConfig"]["defaults"]["unit"])
        for panel in charts(read(name))
    ]
    assert found == wanted, WRITE
    headings = [panel["title"] for panel in read(name)["panels"] if panel["type"] == "row"]
    assert headings == [(row.spanish if spanish else row.english).title for row in rows]


@pytest.mark.parametrize("name", PAGES)
def test_panels_neither_overlap_nor_leave_the_page(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in read(name)["panels"]:
        place = panel["gridPos"]
        cells = {
            (column, line)
            for column in range(place["x"], place["x"] + place["w"])
            for line in range(place["y"], place["y"] + place["h"])
        }
        assert max(column for column, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_panel_asks_for_metrics_that_exist() -> None:
    for row in OPERATORS:
        for panel in row.panels:
            assert set(SERIES.findall(panel.expression)) <= metrics_served() | {"up"}, panel.english.title


def test_every_metric_is_on_a_dashboard_or_in_an_alert() -> None:
    from monitoring.source.catalogue import GROUPS

    texts = [panel.expression for row in OPERATORS for panel in row.panels]
    texts += [alert.expression for group in GROUPS for alert in group.alerts]
    asked = {name for text in texts for name in SERIES.findall(text)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    unused = {name for name in metrics_served() if re.sub(r"_(bucket|count|sum)$", "", name) not in families}
    assert unused <= SHOWN_ELSEWHERE.keys()


SHOWN_ELSEWHERE = {
    "filterd_snapshot_generation": "a number that only tells that something was published",
    "filterd_crash_packets_total": "in the runbooks of crashes",
    "filterd_fast_threads": "a setting",
    "filterd_sessions_dropped_total": "of a damaged file of sessions: in the log and filterd session list",
    "filterd_session_records_dropped_total": "the same, in control",
}
"""metrics that neither a panel nor an alert asks for -> the reason"""


def test_every_title_is_in_both_languages() -> None:
    for row in OPERATORS:
        assert row.english.title != row.spanish.title
        for panel in row.panels:
            assert panel.spanish.title, panel.english.title
            assert bool(panel.english.description) == bool(panel.spanish.description)
            assert panel.english.title != panel.spanish.title

"""The dashboards for Grafana, made with its own library from the panels of ``panels``."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from monitoring.source.panels import AUDITORS, OPERATORS, ChartPanel, PanelRow

SOURCE = DataSourceRef(type_val="prometheus", uid="$source")
HEIGHT = 7
WIDTHS = {"stat": 6, "graph": 12}
"""of 24 columns"""


def texts() -> dict[str, str]:
    """File name -> JSON."""
    return {
        "operators.json": _text("filterd-operators", "filterd: operators", OPERATORS, spanish=False),
        "operators-es.json": _text("filterd-operators-es", "filterd: operación", OPERATORS, spanish=True),
        "auditors.json": _text("filterd-auditors", "filterd: auditors", AUDITORS, spanish=False),
        "auditors-es.json": _text("filterd-auditors-es", "filterd: auditoría", AUDITORS, spanish=True),
    }


def _text(uid: str, title: str, rows: tuple[PanelRow, ...], *, spanish: bool) -> str:
    page = (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags(["filterd"])
        .readonly()
        .time("now-6h", "now")
        .refresh("30s")
        .with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
        .with_variable(
            dashboard.QueryVariable("instance")
            .label("Nodo" if spanish else "Node")
            .datasource(SOURCE)
            .query("label_values(filterd_build_info, instance)")
            .include_all(True)
            .all_value(".*")
            .multi(True)
        )
    )
    for row in rows:
        page = page.with_row(dashboard.Row((row.spanish if spanish else row.english).title))
        for panel in row.panels:
            page = page.with_panel(_panel(panel, spanish=spanish))
    return JSONEncoder(sort_keys=True, indent=2).encode(page.build()) + "\n"


def _panel(panel: ChartPanel, *, spanish: bool) -> stat.Panel | timeseries.Panel:
    words = panel.spanish if spanish else panel.english
    made = stat.Panel() if panel.kind == "stat" else timeseries.Panel()
    target = prometheus.Dataquery().expr(panel.expression).legend_format(panel.legend or "__auto").ref_id("A")
    if panel.kind == "stat":
        target = target.instant()
    return (
        made.title(words.title)
        .description(words.description)
        .datasource(SOURCE)
        .unit(panel.unit)
        .height(HEIGHT)
        .span(WIDTHS[panel.kind])
        .with_target(target)
    )

"""The dashboards for Grafana, made with its own library from the panels of ``panels``."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueGraphMode, BigValueTextMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos

from monitoring.source.panels import ChartPanel, PanelRow
from monitoring.source.rows import AUDITORS, OPERATORS

SOURCE = DataSourceRef(type_val="prometheus", uid="$source")
HEIGHT = 7
COLUMNS = 24
WIDTHS = {"stat": 6, "graph": 12}
"""of the columns"""


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
    line, column, identity = 0, 0, 0
    for row in rows:
        title = (row.spanish if spanish else row.english).title
        page = page.with_row(dashboard.Row(title).id(identity + 1).grid_pos(GridPos(1, COLUMNS, 0, line)))
        line, column, identity = line + 1, 0, identity + 1
        for panel in row.panels:
            width = WIDTHS[panel.kind]
            if column + width > COLUMNS:
                line, column = line + HEIGHT, 0
            identity += 1
            place = GridPos(HEIGHT, width, column, line)
            page = page.with_panel(_panel(panel, spanish=spanish).id(identity).grid_pos(place))
            column += width
        line += HEIGHT
    encoded: str = JSONEncoder(sort_keys=True, indent=2).encode(page.build())
    return encoded + "\n"


def _panel(panel: ChartPanel, *, spanish: bool) -> stat.Panel | timeseries.Panel:
    words = panel.spanish if spanish else panel.english
    made: stat.Panel | timeseries.Panel
    if panel.kind == "stat":
        last = common.ReduceDataOptions().calcs(["lastNotNull"])
        made = stat.Panel().text_mode(BigValueTextMode.VALUE_AND_NAME).graph_mode(BigValueGraphMode.NONE)
        made = made.reduce_options(last)
    else:
        legend = common.VizLegendOptions().show_legend(True).placement(LegendPlacement.BOTTOM)
        made = timeseries.Panel().legend(legend).fill_opacity(10)
    target = prometheus.Dataquery().expr(panel.expression).legend_format(panel.legend or "__auto").ref_id("A")
    if panel.kind == "stat":
        target = target.instant()
    return (
        made.title(words.title)
        .description(words.description)
        .datasource(SOURCE)
        .unit(panel.unit)
        .with_target(target)
    )

"""The form of an alert, and its rendering for Prometheus and for promtool.

An alert stands beside the series that fire it and those that do not: one without a test cannot be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

NOTE = "# Generated: python -m monitoring.source writes it anew. Change monitoring/source instead.\n"
BASE = "{{ with $externalLabels.filterd_docs }}{{ . }}{{ else }}file:///usr/share/doc/filterd{{ end }}"
"""the place of the runbooks: the external label ``filterd_docs`` of Prometheus, or the package's folder"""

Severity = Literal["page", "ticket"]
Series = Mapping[str, str]
"""a series -> its values a minute, as promtool writes them: ``0+5x60`` is 0, 5, ... 300"""

Cases = Mapping[str, Series]
"""a case in words, as "while a schedule begins" -> its series"""


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule. ``page``: somebody is woken; ``ticket``: somebody looks on the next working day."""

    name: str
    severity: Severity
    expression: str
    wait: str
    """how long the expression holds before the alert fires"""
    summary: str
    description: str
    summary_es: str
    description_es: str
    fires: Series
    """series that fire it at :attr:`at`"""
    quiet: Series
    """series near to those that do not"""
    at: str = "45m"
    """the time of the test"""
    fires_too: Cases = field(default_factory=dict)
    quiet_too: Cases = field(default_factory=dict)
    """further cases of the test"""


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """Alerts with a runbook page of their own."""

    name: str
    title: str
    title_es: str
    alerts: tuple[Alert, ...] = field(default_factory=tuple)

    @property
    def page(self) -> str:
        """The name of the runbook page."""
        return f"{self.name}.md"


def grown(series: str, window: str = "10m") -> str:
    """An expression for a counter that has grown. A counter that only appears with its first event has no
    earlier value to be compared with, so that one counts too."""
    return f"increase({series}[{window}]) > 0 or ({series} > 0 unless {series} offset {window})"


def anchor(alert: Alert) -> str:
    """The anchor of the alert's heading in its runbook page."""
    return alert.name.lower()


def rules(groups: Iterable[AlertGroup]) -> str:
    """The rules file for Prometheus."""
    document = {
        "groups": [
            {"name": f"filterd-{group.name}", "rules": [_rule(group, alert) for alert in group.alerts]}
            for group in groups
        ]
    }
    return NOTE + _dumped(document)


def _rule(group: AlertGroup, alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.wait,
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "summary_es": alert.summary_es,
            "description_es": alert.description_es,
            "runbook_url": f"{BASE}/runbooks/{group.page}#{anchor(alert)}",
            "runbook_url_es": f"{BASE}/es/runbooks/{group.page}#{anchor(alert)}",
        },
    }


def is_long(alert: Alert) -> bool:
    """True if the test of an alert takes a day of samples."""
    return int(alert.at.removesuffix("m")) > 120


def rule_tests(groups: Iterable[AlertGroup], *, long: bool = False) -> str:
    """A file for ``promtool test rules``: each alert once with series that fire it, once with others. Those
    that compare with yesterday stand in a file of their own, evaluated every five minutes."""
    alerts = [alert for group in groups for alert in group.alerts if is_long(alert) == long]
    tests = []
    for alert in alerts:
        tests += [_test(alert, each, case, fires=True) for case, each in _cases(alert.fires, alert.fires_too)]
        tests += [
            _test(alert, each, case, fires=False) for case, each in _cases(alert.quiet, alert.quiet_too)
        ]
    interval = "5m" if long else "1m"
    return NOTE + _dumped({"rule_files": ["alerts.yaml"], "evaluation_interval": interval, "tests": tests})


def _cases(first: Series, further: Cases) -> list[tuple[str, Series]]:
    return [("", first), *further.items()]


def _test(alert: Alert, series: Series, case: str, *, fires: bool) -> dict[str, Any]:
    firing = f'count(ALERTS{{alertname="{alert.name}",alertstate="firing"}}) > bool 0'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "name": f"{alert.name} {'fires' if fires else 'is quiet'} {case}".rstrip(),
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": alert.at, "exp_samples": samples}],
    }


def _dumped(document: object) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)

"""The alerts: what is written is what the source says, promtool takes it, and each fires when it should."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from filterd.telemetry.metrics import ControlMetrics, ResolverMetrics, control_registry, resolver_registry
from monitoring.source.alerting import AlertGroup, rule_tests, rules
from monitoring.source.catalogue import GROUPS

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
WRITE = "python -m monitoring.source"
ALERTS = [(group, alert) for group in GROUPS for alert in group.alerts]
FOREIGN = {"up", "probe_success"}
"""metrics of Prometheus itself and of its exporter for probes"""
SERIES = re.compile(r"\b(?:filterd_[a-z0-9_]+|up|probe_success)\b")


def promtool(*words: str, folder: Path = MONITORING) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)


def metrics_served() -> set[str]:
    """The names of all samples of both roles."""
    found = set()
    for registry in (resolver_registry(ResolverMetrics), control_registry(ControlMetrics)):
        for family in registry.collect():
            endings = {
                "counter": ("_total",),
                "info": ("_info",),
                "histogram": ("_bucket", "_count", "_sum"),
            }.get(family.type, ("",))
            found |= {family.name + ending for ending in endings}
    return found


def test_the_files_are_fresh() -> None:
    assert (MONITORING / "alerts.yaml").read_text() == rules(GROUPS), WRITE
    assert (MONITORING / "alerts_test.yaml").read_text() == rule_tests(GROUPS), WRITE


def test_every_alert_has_a_name_of_its_own_and_every_text() -> None:
    names = [alert.name for _, alert in ALERTS]
    assert len(set(names)) == len(names)
    for rule in (rule for group in written()["groups"] for rule in group["rules"]):
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert all(rule["annotations"].values())
        assert rule["annotations"]["summary"] != rule["annotations"]["summary_es"]


def written() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    return found


@pytest.mark.parametrize(("group", "alert"), ALERTS, ids=lambda each: getattr(each, "name", ""))
def test_an_alert_asks_for_metrics_that_exist(group: AlertGroup, alert: Any) -> None:
    assert set(SERIES.findall(alert.expression)) <= metrics_served() | FOREIGN
    tried = {name.partition("{")[0] for name in (*alert.fires, *alert.quiet)}
    assert tried <= metrics_served() | FOREIGN


@pytest.mark.system("promtool")
def test_prometheus_takes_the_rules() -> None:
    done = promtool("check", "rules", "alerts.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


@pytest.mark.system("promtool")
def test_every_alert_fires_and_is_quiet() -> None:
    done = promtool("test", "rules", "alerts_test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


NEVER, ALWAYS = "vector(1) < 0", "vector(1)"


@pytest.mark.system("promtool")
@pytest.mark.parametrize(("expression", "which"), [(NEVER, "fires"), (ALWAYS, "is quiet")])
def test_every_broken_alert_fails_its_test(expression: str, which: str, tmp_path: Path) -> None:
    groups = [
        replace(
            group, alerts=tuple(replace(alert, expression=expression, wait="0s") for alert in group.alerts)
        )
        for group in GROUPS
    ]
    (tmp_path / "alerts.yaml").write_text(rules(groups))
    (tmp_path / "alerts_test.yaml").write_text(rule_tests(groups))
    done = promtool("test", "rules", "alerts_test.yaml", folder=tmp_path)
    failed = set(re.findall(r'alertname=\\?"(\w+)', done.stdout + done.stderr))
    assert failed == {alert.name for _, alert in ALERTS}, f"a test that it {which} passes without its rule"


@pytest.mark.system("promtool")
@pytest.mark.parametrize(
    ("external", "base"),
    [
        ({}, "file:///usr/share/doc/filterd"),
        ({"filterd_docs": "https://docs.example"}, "https://docs.example"),
    ],
)
def test_the_link_to_the_runbook_follows_the_external_label(
    external: dict[str, str], base: str, tmp_path: Path
) -> None:
    labels = {"severity": "page", "instance": "r1", "job": "filterd-resolver"}
    _, alert = next(each for each in ALERTS if each[1].name == "FilterdTargetDown")
    annotations = {
        "summary": "filterd-resolver on r1 does not answer Prometheus",
        "description": alert.description,
        "summary_es": "filterd-resolver en r1 no responde a Prometheus",
        "description_es": alert.description_es,
        "runbook_url": f"{base}/runbooks/answers.md#filterdtargetdown",
        "runbook_url_es": f"{base}/es/runbooks/answers.md#filterdtargetdown",
    }
    expected = [{"exp_labels": labels, "exp_annotations": annotations}]
    document = {
        "rule_files": [str(MONITORING / "alerts.yaml")],
        "tests": [
            {
                "external_labels": external,
                "input_series": [
                    {"series": 'up{job="filterd-resolver",instance="r1"}', "values": "0x20"},
                ],
                "alert_rule_test": [
                    {"eval_time": "10m", "alertname": "FilterdTargetDown", "exp_alerts": expected}
                ],
            }
        ],
    }
    (tmp_path / "links.yaml").write_text(yaml.safe_dump(document))
    done = promtool("test", "rules", "links.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_group_is_a_page_of_its_own() -> None:
    assert len({group.page for group in GROUPS}) == len(GROUPS)

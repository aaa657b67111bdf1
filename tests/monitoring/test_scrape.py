"""A real Prometheus reads a running filterd: every panel and every alert finds what it asks for."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from filterd.model.mandatory import label_of
from monitoring.source.alerts_upstreams import FAILURES
from monitoring.source.catalogue import GROUPS
from monitoring.source.rows import OPERATORS
from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import FINE, small
from tests.worlds.system import command

pytestmark = pytest.mark.system("prometheus")

MONITORING = Path(__file__).parents[2] / "monitoring"
SELECTOR = re.compile(r"\b(?:filterd_[a-z0-9_]+|up|probe_success)\b(?:\{[^}]*\})?")
ON_FAULT = {
    'filterd_order_deadline_seconds{kind!="review"}': "an order whose ground sets a deadline waits",
    'filterd_api_requests_total{status=~"5.."}': "a call of the API that failed",
    'probe_success{job="filterd-canary"}': "of the blackbox exporter, which asks for canary names",
    'up{job="filterd-canary"}': "of the job of the blackbox exporter",
    'filterd_handovers_total{outcome!="taken"}': "appears with a restart that fails to take over",
    'filterd_upstream_queries_total{outcome=~"doubted|given_up"}': "appears when somebody forges answers",
    'filterd_upstream_queries_total{outcome="untrusted"}': "appears with an invalid certificate",
    'filterd_upstream_queries_total{outcome=~"wrong_source|wrong_id|wrong_question"}': "stray replies",
    "filterd_category_unread": "appears when no list of a category was ever read",
    "filterd_snapshots_refused_total": "appears when a snapshot is refused",
    "filterd_tcp_shortages_total": "appears when the system has no file or memory left",
    'filterd_tcp_connections_ended_total{reason=~"full|prefix_full"}': "appears at the limit",
    'filterd_tcp_connections_ended_total{reason=~"made_room|incomplete|unread"}': "of clients that hold "
    "connections",
    f'filterd_upstream_queries_total{{outcome=~"{FAILURES}"}}': "of questions that fail",
    'filterd_self_queries_total{outcome=~"unanswered|crowded_out"}': "of a resolver that is too busy",
    'filterd_drops_total{reason="crashed_before"}': "of packets that killed the resolver",
    "filterd_api_requests_total": "of the web process, where web.health is set",
    "filterd_rate_limited_total": "appears with the first query over the limit",
    'filterd_feed_holds{reason="popular"}': "of a list of which names are held back",
    "filterd_register_pull_failing": "of registers, where there are any",
    "filterd_register_held": "of registers",
    "filterd_register_answers_late": "of registers",
    "filterd_register_answers_undelivered": "of registers",
    "filterd_capacity_declared": "of authorities whose room is declared",
    "filterd_capacity_used": "of the same",
    "filterd_duty_roster_gap_seconds": "of a roster with a gap",
}
"""selectors of alerts that find nothing while all is well -> the reason"""
ON_REQUEST = {
    "filterd_feed_observed_total": "of lists that are observed",
    "filterd_register_pulled_timestamp_seconds": "of registers",
    "filterd_list_comparisons": "of lists that were compared with another provider's",
    "filterd_duty_due": "of what is due at the duty desk",
    "filterd_api_response_seconds_bucket": "of the web process",
    "filterd_api_in_flight": "of the web process",
    "filterd_api_connections": "of the web process",
    "filterd_api_imports": "of the web process",
    "filterd_page_requests_total": "of the web process",
    "filterd_page_connections": "of the web process",
    "filterd_sign_ins_refused_total": "of the web process",
    "filterd_block_page_requests_total": "of the block page's process",
    "filterd_block_page_connections": "of the block page's process",
}
"""the same of panels without an alert"""


@dataclass(frozen=True, slots=True)
class Watcher:
    """A running Prometheus."""

    port: int

    def get(self, path: str, **parameters: str) -> Any:
        """An answer of its API."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}?{query}", timeout=10) as reply:
            return json.load(reply)["data"]

    def finds(self, expression: str) -> bool:
        """True if the expression gives a series now."""
        return bool(self.get("/api/v1/query", query=expression)["result"])


def plain(expression: str) -> str:
    """A panel's expression as Grafana sends it."""
    return expression.replace("$__rate_interval", "20s").replace("$instance", ".*")


@contextmanager
def prometheus(folder: Path, filterd: Deployment) -> Iterator[Watcher]:
    """Prometheus, with the shipped rules, once both roles were read."""
    jobs = {"filterd-resolver": filterd.metrics, "filterd-control": filterd.control}
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(MONITORING / "alerts.yaml")],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            for job, port in jobs.items()
        ],
    }
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
    watcher = Watcher(free_port())
    words = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{watcher.port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(command("prometheus")), *words], stdout=log, stderr=log)
    try:
        assert soon(lambda: both_up(watcher), seconds=60), (folder / "log").read_text()[-3000:]
        yield watcher
    finally:
        process.terminate()
        process.wait(timeout=30)


def both_up(watcher: Watcher) -> bool:
    try:
        return watcher.finds("count(up == 1) == 2")
    except OSError:
        return False


def traffic(filterd: Deployment) -> None:
    """One turn of ordinary questions: from the cache, from upstream, blocked, over TCP, from a stranger."""
    for source in ("127.0.0.1", "127.0.0.2"):
        for name in ("fine.example", "ordered.example", "localhost"):
            filterd.ask(name, source=source)
    filterd.ask("fine.example", tcp=True)
    filterd.ask(ADULT, source="127.0.0.2")


ADULT = "adult.example"
CANARY = f"{label_of('worst-of', confidential=True)}.canary.example"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """filterd with a line, an order and lists, asked once a second while Prometheus reads it."""
    folder = tmp_path_factory.mktemp("watched")
    with small(folder, {**FINE, (CANARY, "A"): ["192.0.2.7"]}) as filterd:
        (folder / "nas.secret").write_text("a secret of this test")
        nas = {"prefix": "127.0.0.9", "secret_file": str(folder / "nas.secret")}
        radius = {"listen": f"127.0.0.1:{free_port()}", "clients": [nas]}
        canary = {"zone": "canary.example", "interval": "10s"}
        outside = {"id": "outside", "kind": "file", "path": str(folder / "anchored")}
        signing = {"anchors": [outside]}
        filterd.write_config(canary=canary, accounting={"radius": radius}, signing=signing)
        filterd.register("child", "127.0.0.2", "child")
        filterd.cli("feed", "update")
        filterd.cli("snapshot", "build")
        with filterd.serving(), prometheus(folder / "prometheus", filterd) as watcher:
            filterd.order("ordered.example")
            until = time.monotonic() + 12
            while time.monotonic() < until:
                traffic(filterd)
                time.sleep(0.5)
            assert soon(lambda: watcher.finds("filterd_canary == 1"), seconds=60)
            yield watcher


def test_every_panel_has_data(watched: Watcher) -> None:
    panels = [panel for row in OPERATORS for panel in row.panels]
    empty = {panel.expression for panel in panels if not watched.finds(plain(panel.expression))}
    unexplained = {
        expression
        for expression in empty
        if not any(each in plain_selectors(expression) for each in (*ON_FAULT, *ON_REQUEST))
    }
    assert unexplained == set()


def plain_selectors(expression: str) -> set[str]:
    """The selectors of an expression without the choice of a node."""
    found = SELECTOR.findall(expression)
    return {re.sub(r'instance=~"\$instance",?', "", each).replace("{}", "") for each in found}


def test_every_alert_has_data(watched: Watcher) -> None:
    selectors = {
        selector
        for group in GROUPS
        for alert in group.alerts
        for selector in plain_selectors(alert.expression)
    }
    empty = {each for each in selectors if not watched.finds(f"last_over_time({each}[1m])")}
    assert empty - ON_FAULT.keys() == set()
    assert ON_FAULT.keys() <= selectors, "an exception that no alert asks for"


def test_no_rule_fails_and_nothing_is_wrong_with_a_sound_node(watched: Watcher) -> None:
    rules = [rule for group in watched.get("/api/v1/rules")["groups"] for rule in group["rules"]]
    assert len(rules) == sum(len(group.alerts) for group in GROUPS)
    assert soon(lambda: all(rule["health"] == "ok" for rule in every_rule(watched)))
    firing = {
        each["labels"]["alertname"]
        for each in watched.get("/api/v1/alerts")["alerts"]
        if each["state"] == "firing"
    }
    assert firing == set()


def every_rule(watcher: Watcher) -> list[dict[str, Any]]:
    return [rule for group in watcher.get("/api/v1/rules")["groups"] for rule in group["rules"]]


def test_an_expression_without_data_is_noticed(watched: Watcher) -> None:
    assert not watched.finds("filterd_no_such_metric")

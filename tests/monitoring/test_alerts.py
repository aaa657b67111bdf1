"""The alerts: what is written is what the source says, promtool takes it, and each fires when it should."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from filterd.telemetry.api_metrics import ApiMetrics
from filterd.telemetry.block_metrics import BlockMetrics
from filterd.telemetry.metrics import (
    ControlMetrics,
    ResolverMetrics,
    block_registry,
    control_registry,
    resolver_registry,
    web_registry,
)
from monitoring.source.alerting import BASE, Alert, AlertGroup, is_long, rule_tests, rules
from monitoring.source.catalogue import GROUPS
from monitoring.source.runbook_form import PACKAGES
from monitoring.source.runbooks import RUNBOOKS

pytestmark = pytest.mark.ring("night")

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
    """The names of all samples of all roles."""
    found = set()
    for registry in (
        resolver_registry(ResolverMetrics),
        control_registry(ControlMetrics),
        web_registry(ApiMetrics),
        block_registry(BlockMetrics),
    ):
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
    assert (MONITORING / "alerts_days_test.yaml").read_text() == rule_tests(GROUPS, long=True), WRITE


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
def test_an_alert_asks_for_metrics_that_exist(group: AlertGroup, alert: Alert) -> None:
    assert set(SERIES.findall(alert.expression)) <= metrics_served() | FOREIGN
    shown = {name.partition("{")[0] for name in (*alert.fires, *alert.quiet)}
    assert shown <= metrics_served() | FOREIGN


@pytest.mark.system("promtool")
def test_prometheus_takes_the_rules() -> None:
    done = promtool("check", "rules", "alerts.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


def tried(group: AlertGroup, folder: Path, *, long: bool = False) -> subprocess.CompletedProcess[str]:
    """The tests of one group, with its rules alone: all with all take minutes."""
    (folder / "alerts.yaml").write_text(rules([group]))
    (folder / "alerts_test.yaml").write_text(rule_tests([group], long=long))
    return promtool("test", "rules", "alerts_test.yaml", folder=folder)


@pytest.mark.system("promtool")
@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_alert_fires_and_is_quiet(group: AlertGroup, long: bool, tmp_path: Path) -> None:
    done = tried(group, tmp_path, long=long)
    assert done.returncode == 0, done.stdout + done.stderr


NEVER, ALWAYS = "vector(1) < 0", "vector(1)"


@pytest.mark.system("promtool")
@pytest.mark.parametrize(("expression", "which"), [(NEVER, "fires"), (ALWAYS, "is quiet")])
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_broken_alert_fails_its_test(
    group: AlertGroup, expression: str, which: str, tmp_path: Path
) -> None:
    alerts = tuple(broken(group, expression))
    done = tried(replace(group, alerts=alerts), tmp_path)
    failed = set(re.findall(r'alertname=\\?"(\w+)', done.stdout + done.stderr))
    assert failed == {alert.name for alert in alerts}, f"a test that it {which} passes without its rule"


def broken(group: AlertGroup, expression: str) -> Iterator[Alert]:
    """The alerts of a group whose tests are short, with this expression."""
    for alert in group.alerts:
        if not is_long(alert):
            yield replace(alert, expression=expression, wait="0s")


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


def test_a_number_in_a_text_needs_no_plural() -> None:
    counted = re.compile(r"\{\{ \$value \}\} [a-z]")
    always_many = {"FilterdSnapshotsDiffer", "FilterdVersionsDiffer", "FilterdOverlayLarge"}
    for _, alert in ALERTS:
        texts = (alert.summary, alert.summary_es, alert.description, alert.description_es)
        assert alert.name in always_many or not any(map(counted.search, texts)), alert.name


def test_the_canary_is_asked_where_the_guide_has_the_resolver_listen() -> None:
    jobs = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())["scrape_configs"]
    (canary,) = [job for job in jobs if job["job_name"] == "filterd-canary"]
    (target,) = canary["static_configs"][0]["targets"]
    listen = re.search(r'^  listen: \["([^"]+)"', (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert listen is not None
    assert target == listen[1]


HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def unanchored(docs: Path, rules: dict[str, Any]) -> list[str]:
    """The links of the rules that lead to no heading of a page below ``docs``."""
    found = []
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        for key in ("runbook_url", "runbook_url_es"):
            path, _, anchor = rule["annotations"][key].removeprefix(BASE + "/").partition("#")
            page = docs / path
            headings = HEADING.findall(page.read_text()) if page.is_file() else []
            if anchor not in {heading.lower() for heading in headings}:
                found.append(f"{path}#{anchor}")
    return found


def test_every_alert_has_a_runbook_in_both_languages() -> None:
    assert unanchored(ROOT / "docs", written()) == []
    assert RUNBOOKS.keys() == {alert.name for _, alert in ALERTS}


@pytest.mark.parametrize("page", ["runbooks/node.md", "es/runbooks/node.md"])
def test_a_missing_runbook_is_found(page: str, tmp_path: Path) -> None:
    docs = Path(shutil.copytree(ROOT / "docs", tmp_path / "docs"))
    text = (docs / page).read_text()
    (docs / page).write_text(text.replace("## FilterdNodeLag\n", "## FilterdNodeLags\n"))
    assert unanchored(docs, written()) == [f"{page}#filterdnodelag"]


def test_a_runbook_says_all_in_both_languages() -> None:
    for name, runbook in RUNBOOKS.items():
        assert runbook.bad != runbook.bad_es, name
        assert runbook.remedy != runbook.remedy_es, name
        assert len(set(runbook.commands)) == 3, name


READING = (
    "curl -s ",
    "df -h ",
    "dig @",
    "dmesg",
    "filterd audit anchors",
    "filterd audit checkpoints",
    "filterd audit statement",
    "filterd audit tail",
    "filterd audit verify",
    "filterd binding list",
    "filterd check ",
    "filterd config check",
    "filterd config show",
    "filterd canary list",
    "filterd exception list",
    "filterd page check",
    "filterd page list",
    "filterd review list",
    "filterd review show",
    "filterd feed diff ",
    "filterd arco list",
    "filterd doctor",
    "filterd duty due",
    "filterd duty roster show",
    "filterd feed list",
    "filterd feed show ",
    "filterd key list --signing",
    "filterd node history",
    "filterd node list",
    "filterd notice list",
    "filterd register answers",
    "filterd register list",
    "filterd register pull REGISTER --dry-run",
    "filterd register show ",
    "filterd report transparency",
    "filterd retention show",
    "filterd node resync",
    "filterd order due",
    "filterd order list",
    "filterd order show ",
    "filterd parental status",
    "filterd profile list",
    "filterd session list",
    "filterd snapshot show",
    "filterd snapshot verify",
    "filterd subscriber list",
    "ip address",
    "journalctl -u ",
    "kdig +tls-ca @",
    "ls -l ",
    "mtr -rn ",
    "nft list ruleset",
    "nstat -az ",
    "promtool check config ",
    "ss -lnup ",
    "ss -tn ",
    "systemctl show ",
    "systemctl status ",
    "timedatectl",
    "top -b -n 1",
)
"""the beginnings of commands that only read"""
WHOLE = {
    "filterd audit statement",
    "filterd report transparency",
    "filterd node resync",
    "timedatectl",
    "ip address",
    "dmesg",
}
"""commands that only read as long as nothing follows"""
CHANGING = re.compile(r"[;&><`]|\$\(|\|(?! grep )")
"""what would make a second command of one, but a search in its output"""


def only_reads(command: str) -> bool:
    beginning = next((each for each in READING if command.startswith(each)), None)
    if beginning is None or (beginning in WHOLE and command != beginning):
        return False
    return CHANGING.search(re.sub(r'"[^"]*"', "", command)) is None


def test_no_first_command_of_a_runbook_changes_anything() -> None:
    changing = {
        name: each for name, book in RUNBOOKS.items() for each in book.commands if not only_reads(each)
    }
    assert changing == {}


@pytest.mark.parametrize(
    "command",
    [
        "filterd order approve O-1",
        "filterd audit statement --sign",
        "filterd node resync --accept",
        "filterd snapshot build",
        "filterd feed update FEED",
        "systemctl restart filterd-resolver",
        "curl -s http://127.0.0.1:9353/readyz | sh",
        "filterd order list; filterd order approve O-1",
    ],
)
def test_a_changing_command_is_found(command: str) -> None:
    assert not only_reads(command)


def test_no_runbook_has_a_command_with_the_number_of_an_order_or_the_name_of_a_shipped_list() -> None:
    for name, book in RUNBOOKS.items():
        for text in (*book.commands, book.remedy, book.remedy_es):
            assert not re.search(r"\bO-[0-9]|gambling-full", text), name


SHELL = re.compile(r"^```sh\n(.*?)^```\n(.*?)^(?:Then|Después): ", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("folder", ["docs/runbooks", "docs/es/runbooks"])
def test_a_runbook_names_the_package_of_a_command_that_debian_may_lack(folder: str) -> None:
    found = set()
    for page in (ROOT / folder).glob("*.md"):
        text = page.read_text()
        head = " ".join(text.partition("## ")[0].split())
        assert all(word in head for word in ("root", "`sudo -u filterd filterd …`", "`curl`")), page
        for block, sentence in SHELL.findall(text):
            for command in (line.partition(" ")[0] for line in block.splitlines()):
                if command in PACKAGES:
                    assert f"`{PACKAGES[command]}`" in sentence, f"{page}: {command}"
                    found.add(command)
    assert found == PACKAGES.keys()


def test_every_group_is_a_page_of_its_own() -> None:
    assert len({group.page for group in GROUPS}) == len(GROUPS)


def test_no_event_leads_to_a_runbook_that_is_not_there() -> None:
    links = re.findall(r"\((runbooks/[a-z]+\.md)#([a-z0-9]+)\)", (ROOT / "docs/log-events.md").read_text())
    assert links
    for path, anchor in links:
        headings = HEADING.findall((ROOT / "docs" / path).read_text())
        assert anchor in {heading.lower() for heading in headings}, f"{path}#{anchor}"

"""The documents of the package: all of them, as readable files; links and addresses of alerts lead to one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.meta.test_documents import ANCHOR, LINK, anchors
from tests.worlds.machine_package import package

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.timeout(900), pytest.mark.system("dpkg-deb")]
AT_HOME = re.compile(r"^.*file:///usr/share/doc/filterd\{\{ end \}\}/([^#]+)#(.+)$", re.DOTALL)
"""the address of a runbook where Prometheus was told of no other place"""


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """usr/share of the unpacked package."""
    folder = tmp_path_factory.mktemp("documents")
    subprocess.run(["dpkg-deb", "--extract", str(package()), str(folder)], check=True)
    return folder / "usr/share"


@pytest.fixture(scope="module")
def pages(share: Path) -> list[Path]:
    return sorted((share / "doc/filterd").rglob("*.md"))


def test_every_document_of_the_tree_is_there_under_its_name(share: Path) -> None:
    shipped = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*") if path.is_file()}
    wanted = {path for path in shipped if path.parts[0] != "changelog.d"} | {Path("README.md")}
    home = share / "doc/filterd"
    assert wanted > {Path("es/runbooks/answers.md"), Path("pictures/check.svg"), Path("decisions/README.md")}
    assert {path for path in wanted if not (home / path).is_file()} == set()
    assert list(home.rglob("*.md.gz")) == []


def test_links_lead_to_a_file_of_the_package(share: Path, pages: list[Path]) -> None:
    links = [(page, target) for page in pages for target in LINK.findall(page.read_text())]
    inside = [(page, target) for page, target in links if "://" not in target]
    assert len(inside) > 150
    assert [(page.name, target) for page, target in inside if not (page.parent / target).exists()] == []
    assert all((page.parent / target).resolve().is_relative_to(share) for page, target in inside)


def test_links_to_a_heading_find_it(pages: list[Path]) -> None:
    links = [(page, *link) for page in pages for link in ANCHOR.findall(page.read_text())]
    assert len(links) > 50
    lost = [
        (page.name, path, anchor)
        for page, path, anchor in links
        if anchor not in anchors(page.parent / path if path else page)
    ]
    assert lost == []


def test_alerts_lead_to_their_runbook_in_both_languages(share: Path) -> None:
    rules = yaml.safe_load((share / "filterd/monitoring/alerts.yaml").read_text())
    notes = [rule["annotations"] for group in rules["groups"] for rule in group["rules"]]
    addresses = [note[kind] for note in notes for kind in ("runbook_url", "runbook_url_es")]
    assert len(addresses) > 40
    places = set()
    for address in addresses:
        found = AT_HOME.match(address)
        assert found, address
        assert found[2] in anchors(share / "doc/filterd" / found[1]), address
        places.add(found[1].split("/")[0])
    assert places == {"es", "runbooks"}


def test_monitoring_has_what_prometheus_and_grafana_read_and_no_program(share: Path) -> None:
    folder = share / "filterd/monitoring"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"alerts.yaml", "prometheus.yaml", "dashboards/operators-es.json"} <= names
    assert {name for name in names if not name.endswith((".yaml", ".json"))} == set()

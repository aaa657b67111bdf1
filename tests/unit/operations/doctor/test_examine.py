"""The whole examination: bounded, never silent about what it did not see, and with any configuration."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from filterd.operations.doctor import clock, configuration, examine, memory
from filterd.operations.doctor.case import Case, Machine
from filterd.operations.doctor.finding import Finding, Severity, found
from tests.worlds.findings import ids, values


def read(config: Path | None, machine: Machine) -> tuple[list[Finding], Case]:
    """The findings on the configuration, and the case that was made of it."""
    cases: list[Case] = []
    findings = list(configuration.read(config, machine, cases.append))
    return findings, cases[0]


@pytest.fixture
def config(case: Case, tmp_path: Path) -> Path:
    """A file with the settings of the installation."""
    path = tmp_path / "filterd.yaml"
    write(path, case)
    return path


def write(path: Path, case: Case, **sections: object) -> None:
    """Write the configuration with these sections beside those that say where everything is."""
    document = {
        "store": {"url": case.settings.store.url},
        "state_dir": str(case.state),
        "policies": str(case.settings.policies),
        "dns": {"upstreams": ["192.0.2.53"]},
        **sections,
    }
    path.write_text(yaml.safe_dump(document))


def test_a_sound_configuration(config: Path, case: Case) -> None:
    findings, made = read(config, case.machine)
    assert findings == []
    assert made.settings == case.settings
    assert "dns.upstreams" in made.written


@pytest.mark.parametrize(
    "dns",
    [
        {"listen": ["127.0.0.1"], "upstreams": ["192.0.2.9"]},
        {"allow_from": ["all"], "rate_limit": {"burst": -1}, "upstreams": ["192.0.2.9"]},
        {"unknown": 1, "upstreams": ["192.0.2.9"]},
    ],
)
def test_what_is_right_beside_an_error_is_kept(config: Path, case: Case, dns: dict[str, object]) -> None:
    write(config, case, dns=dns, cache={"size": "much"})
    findings, made = read(config, case.machine)
    assert set(ids(findings)) == {"config.invalid"}
    assert len(findings) >= 2
    assert [str(each.address) for each in made.settings.dns.upstreams] == ["192.0.2.9:53"]
    assert made.state == case.state


@pytest.mark.parametrize(
    "text", ["", "dns: [", "- 1\n", "dns: 5\n", "dns:\n", "dns: {listen: }\nstate_dir: /s\n", "\0"]
)
def test_any_file_gives_a_case(config: Path, case: Case, tmp_path: Path, text: str) -> None:
    config.write_text(text)
    (tmp_path / "resolv.conf").write_text("")
    machine = replace(case.machine, resolv_conf=tmp_path / "resolv.conf")
    findings, made = read(config, machine)
    assert "config.invalid" in ids(findings)
    assert made.settings.dns.upstreams == ()


def test_no_file(case: Case) -> None:
    assert "config.none" in ids(read(None, case.machine)[0])


def test_a_file_that_is_not_there(case: Case, tmp_path: Path) -> None:
    assert "config.invalid" in ids(read(tmp_path / "absent.yaml", case.machine)[0])


def test_policies_with_errors(config: Path, case: Case) -> None:
    (case.settings.policies / "feeds.yaml").write_text("[")
    assert ids(read(config, case.machine)[0]) == ["config.policies"]


@pytest.mark.parametrize(("zone", "told"), [("test.help.example", True), ("prueba.isp.example", False)])
def test_names_of_the_test_page_below_a_protected_name(
    config: Path, case: Case, zone: str, told: bool
) -> None:
    (case.settings.policies / "protected.yaml").write_text(
        "{public_suffixes: true, names: {subtree: [help.example], exact: [isp.example]}}"
    )
    document = yaml.safe_load(config.read_text())
    document["web"] = {"public": {"listen": "127.0.0.1:21297", "test_zone": zone}}
    config.write_text(yaml.safe_dump(document))
    assert ids(read(config, case.machine)[0]) == (["config.test_zone"] if told else [])


def told(report: examine.Report) -> list[str]:
    """The ids of the errors and warnings, without those on this machine and on what is not there."""
    about = {"config", "doctor", "ports", "service", "upstreams", "clients", "store", "access", "feeds"}
    return [each.id for each in report.findings if each.area in about]


@pytest.mark.parametrize("text", ["", "dns: [", "- 1\n", "dns: {listen: []}\ndns: 1\n"])
def test_a_file_that_says_nothing_is_one_error_and_one_warning(config: Path, case: Case, text: str) -> None:
    config.write_text(text)
    report = examine.examine(config, case.machine)
    assert told(report) == ["config.invalid", "doctor.unread_file"]
    left_out = str(values(report.findings, "doctor.unread_file")["areas"]).split(", ")
    assert set(left_out) == {"access", *examine.NEEDS}


@pytest.mark.ring("merge")
def test_a_mistyped_key_is_told_once(config: Path, case: Case) -> None:
    write(config, case, dns={"lisen": ["127.0.0.1:5300"], "upstreams": ["192.0.2.53"]})
    report = examine.examine(config, case.machine)
    found = values(report.findings, "doctor.unread_keys")
    assert found["keys"] == "dns.listen"
    left_out = str(found["areas"]).split(", ")
    assert left_out == ["ports", "service", "resolvers", "kernel"]
    assert {each.area for each in report.findings}.isdisjoint(left_out)
    assert told(report).count("config.invalid") == 1


@pytest.mark.parametrize(
    ("sections", "unread"),
    [
        ({"cache": {"size": "much"}}, {"cache.size"}),
        ({"cache": 5}, {"cache"}),
        ({"dns": {"upstreams": ["192.0.2.53"], "zzzzzz": 1}}, {"dns"}),
        ({"polices": "/p"}, {"policies"}),
        ({"zzzzzz": 1}, set()),
    ],
)
def test_the_keys_that_an_error_leaves_unknown(
    config: Path, case: Case, sections: dict[str, object], unread: set[str]
) -> None:
    write(config, case, **sections)
    assert read(config, case.machine)[1].unread == unread


def test_a_user_who_may_not_read_the_file_is_told_that_alone(
    config: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "kept_from", lambda path: "filterd" if path == config else "")
    report = examine.examine(config, case.machine)
    assert ids(report.findings) == ["config.forbidden"]
    assert values(report.findings, "config.forbidden")["reader"] == "filterd"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An examination of two areas with short waits."""
    monkeypatch.setattr(examine, "AREAS", ("clock", "memory"))
    monkeypatch.setattr(examine, "AREA_SECONDS", 0.3)
    return iter(())


def test_what_hangs_is_a_finding(
    config: Path, case: Case, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = threading.Event()

    def hang(_: Case) -> Iterator[Finding]:
        yield found("clock.unsynchronised")
        end.wait()

    monkeypatch.setattr(clock, "check", hang)
    told: list[tuple[str, int, int]] = []
    report = examine.examine(config, case.machine, tell=lambda *each: told.append(each))
    end.set()
    assert report.hanging
    assert ids(report.findings) == ["doctor.unfinished", "clock.unsynchronised"]
    assert report.count(Severity.ERROR) == report.count(Severity.WARNING) == 1
    assert told == [("clock", 1, 2), ("memory", 2, 2)]


def test_a_fault_of_a_check_and_what_may_not_be_read_are_findings(
    config: Path, case: Case, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Case) -> Iterator[Finding]:
        yield found("clock.unsynchronised")
        raise RuntimeError

    def refuse(_: Case) -> list[Finding]:
        raise PermissionError(13, "Permission denied", "/secret")

    monkeypatch.setattr(clock, "check", fail)
    monkeypatch.setattr(memory, "check", refuse)
    findings = examine.examine(config, case.machine).findings
    assert ids(findings) == ["doctor.unread", "doctor.failed", "clock.unsynchronised"]
    assert values(findings, "doctor.failed") == {"what": "clock", "error": "RuntimeError"}
    assert values(findings, "doctor.unread") == {"what": "/secret", "reason": "permission denied"}


def test_a_sound_machine_is_told_nothing(config: Path, case: Case, few: None) -> None:
    report = examine.examine(config, case.machine)
    assert report.findings == ()
    assert not report.hanging

"""Kea's script: the commands that each hook point leads to, and that nothing of it can fail Kea."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.worlds.command_socket import Control

SCRIPT = Path(__file__).parents[4] / "packaging" / "kea" / "filterd-kea-lease"

COMMITTED4 = {
    "DELETED_LEASES4_SIZE": "1",
    "DELETED_LEASES4_AT0_ADDRESS": "192.0.2.9",
    "LEASES4_SIZE": "1",
    "LEASES4_AT0_ADDRESS": "192.0.2.10",
    "LEASES4_AT0_CLIENT_ID": "01:96:18:5e:a8:82:ea",
    "LEASES4_AT0_CLTT": "1795735251",
    "LEASES4_AT0_HOSTNAME": "",
    "LEASES4_AT0_HWADDR": "96:18:5e:a8:82:ea",
    "LEASES4_AT0_VALID_LIFETIME": "600",
}
COMMITTED6 = {
    "DELETED_LEASES6_SIZE": "0",
    "LEASES6_SIZE": "2",
    "LEASES6_AT0_ADDRESS": "2001:db8::7",
    "LEASES6_AT0_CLTT": "1795735251",
    "LEASES6_AT0_DUID": "00:03:00:01:96:18:5e:a8:82:ea",
    "LEASES6_AT0_PREFIX_LEN": "128",
    "LEASES6_AT0_TYPE": "IA_NA",
    "LEASES6_AT0_VALID_LIFETIME": "4294967295",
    "LEASES6_AT1_ADDRESS": "2001:db8:100::",
    "LEASES6_AT1_CLTT": "1795735251",
    "LEASES6_AT1_DUID": "00:03:00:01:96:18:5e:a8:82:ea",
    "LEASES6_AT1_PREFIX_LEN": "56",
    "LEASES6_AT1_TYPE": "IA_PD",
    "LEASES6_AT1_VALID_LIFETIME": "600",
}


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with a settings file of the test's own."""
    loader = importlib.machinery.SourceFileLoader("filterd_kea_lease", str(SCRIPT))
    spec = importlib.util.spec_from_loader("filterd_kea_lease", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    settings = tmp_path / "kea.json"
    settings.write_text(json.dumps({"socket": str(tmp_path / "s")}))
    monkeypatch.setattr(module, "SETTINGS", str(settings))
    return module


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """The command socket."""
    path = tmp_path / "s"
    found = Control(path)
    yield found
    found.close(path)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines for syslog."""
    lines: list[str] = []
    monkeypatch.setattr("syslog.syslog", lambda _level, text: lines.append(text))
    return lines


def call(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, point: str, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", [str(SCRIPT), point])
    assert script.main() == 0


def test_committed_leases_are_put_and_those_that_went_are_ended(
    script: ModuleType, control: Control, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call(script, monkeypatch, "leases4_committed", COMMITTED4)
    lease = {"subscriber": "96:18:5e:a8:82:ea", "until": 1795735851, "source": "lease"}
    assert control.commands == [
        {"command": "end", "sessions": [{"addresses": ["192.0.2.9"], "source": "lease"}]},
        {"command": "put", "sessions": [{"addresses": ["192.0.2.10"], **lease}]},
    ]
    assert told == []


def test_ipv6_has_prefixes_and_leases_without_an_end(
    script: ModuleType, control: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kea.json").write_text(json.dumps({"socket": str(tmp_path / "s"), "line": "duid"}))
    call(script, monkeypatch, "leases6_committed", COMMITTED6)
    (command,) = control.commands
    assert [each["addresses"] for each in command["sessions"]] == [["2001:db8::7"], ["2001:db8:100::/56"]]
    assert {each["subscriber"] for each in command["sessions"]} == {"00:03:00:01:96:18:5e:a8:82:ea"}
    assert [each["until"] - 1795735251 for each in command["sessions"]] == [365 * 86_400, 600]


@pytest.mark.parametrize("point", ["lease4_release", "lease4_expire", "lease4_decline", "lease4_recover"])
def test_what_ends_a_lease_ends_its_session(
    script: ModuleType, control: Control, told: list[str], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    control.reply = (
        b'{"taken": 0, "unregistered": 0, "refused": [{"at": 0, "reason": "no session has it"}]}\n'
    )
    call(script, monkeypatch, point, {"LEASE4_ADDRESS": "192.0.2.10"})
    expected = {"command": "end", "sessions": [{"addresses": ["192.0.2.10"], "source": "lease"}]}
    assert control.commands == [expected]
    assert told == []


@pytest.mark.parametrize("point", ["lease4_renew", "lease6_rebind", "lease4_select", "", "leases4_"])
def test_offers_and_unknown_points_lead_to_nothing(
    script: ModuleType, control: Control, told: list[str], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    call(script, monkeypatch, point, {"LEASE4_ADDRESS": "192.0.2.10"} | COMMITTED4)
    assert control.commands == []
    assert told == []


def test_a_lease_that_names_no_line_is_not_put(
    script: ModuleType, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(script, monkeypatch, "leases4_committed", COMMITTED4 | {"LEASES4_AT0_HWADDR": ""})
    assert [each["command"] for each in control.commands] == ["end"]


def test_a_refused_lease_is_told_without_its_address(
    script: ModuleType, control: Control, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    control.reply = b'{"taken": 0, "unregistered": 0, "refused": [{"at": 0, "reason": "full 192.0.2.10"}]}\n'
    call(script, monkeypatch, "leases4_committed", COMMITTED4)
    assert told == ["filterd did not take a lease; see its counts: filterd session list"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ('{"socket": "/nowhere/s"}', "/nowhere/s: No such file or directory; see: systemctl"),
        (
            '{"line": "colour"}',
            "line is one of hw-address, client-id, duid, hostname, and socket is",
        ),
        ("{", "it is no object of JSON; mend the file"),
        ("7", "it is no object of JSON; mend the file"),
    ],
)
def test_trouble_is_told_to_syslog_and_kea_sees_success(
    script: ModuleType,
    told: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: str,
    reason: str,
) -> None:
    (tmp_path / "kea.json").write_text(settings)
    call(script, monkeypatch, "leases4_committed", COMMITTED4)
    (line,) = told
    assert line.startswith("filterd was not told of a lease: ")
    assert reason in line


def test_the_script_runs_alone() -> None:
    done = subprocess.run([SCRIPT, "lease4_renew"], capture_output=True, check=True, cwd="/", env={})
    assert (done.stdout, done.stderr) == (b"", b"")
    assert "filterd." not in SCRIPT.read_text().replace("/etc/filterd", "")


@pytest.mark.system("systemd-analyze")
def test_the_units_that_let_kea_in_are_sound() -> None:
    for unit in ("filterd-kea.service", "filterd-kea.socket"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", SCRIPT.with_name(unit)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")

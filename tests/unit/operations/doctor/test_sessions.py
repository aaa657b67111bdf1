"""Accounting that nobody can use, secrets, what control counted, and bindings that move."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.disk.session_place import LIVE, note_use
from filterd.operations import bindings, subscribers
from filterd.operations.doctor import clients, sessions
from filterd.operations.doctor.case import Account, Case
from filterd.operations.doctor.finding import Finding
from filterd.operations.doctor.processes import Process
from filterd.telemetry.metrics import ControlMetrics, control_registry
from filterd.telemetry.session_metrics import SessionMetrics
from tests.worlds.findings import ids, values
from tests.worlds.installation import NOW, Installation
from tests.worlds.pages import serving

SERVICE = 64_001
WITH_CASE = Callable[..., Case]
POOLS = ["10.0.0.0/8"]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("shared\n")
    path.chmod(0o600)
    return path


def radius(secret: Path, **changes: object) -> dict[str, object]:
    """The section of a NAS that may send."""
    clients = [{"prefix": "10.0.0.1/32", "secret_file": str(secret)}]
    return {"radius": {"listen": "127.0.0.1:1813", "clients": clients, **changes}, "pools": POOLS}


def open_ways(path: Path) -> None:
    """Let everybody reach the file: the folders of a test are its owner's."""
    for each in path.parents:
        if each.stat().st_mode & 0o055 != 0o055:
            each.chmod(each.stat().st_mode | 0o055)


def look(case: Case) -> list[Finding]:
    return list(sessions.check(case))


def test_an_installation_without_sessions_has_no_findings(case: Case) -> None:
    assert ids(look(case)) == []


def test_accounting_that_is_right_has_no_findings(with_settings: WITH_CASE, secret: Path) -> None:
    assert ids(look(with_settings(accounting=radius(secret)))) == []


@pytest.mark.parametrize(
    ("listen", "identifier"),
    [("127.0.0.1:1813", "sessions.no_clients"), ("0.0.0.0:1813", "sessions.open_listener")],
)
def test_a_listener_that_takes_from_nobody(
    with_settings: WITH_CASE, secret: Path, listen: str, identifier: str
) -> None:
    found = look(with_settings(accounting=radius(secret, listen=listen, clients=[])))
    assert ids(found) == [identifier]
    assert values(found, identifier) == {"listen": listen}


def test_a_secret_that_cannot_be_used(with_settings: WITH_CASE, secret: Path) -> None:
    case = with_settings(accounting=radius(secret))
    secret.write_text("\n")
    assert "first line is empty" in values(look(case), "sessions.secret_unusable")["says"]
    secret.unlink()
    assert "No such file" in values(look(case), "sessions.secret_unusable")["says"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("shared \n", True),
        (" shared\n", True),
        ("shared\nold\t\n", True),
        ("shared\r\n", False),
        ("two words\n", False),
    ],
)
def test_white_space_at_the_end_of_a_secret(
    with_settings: WITH_CASE, secret: Path, text: str, told: bool
) -> None:
    """Seen: a space behind the secret, and every packet was refused."""
    secret.write_text(text)
    found = look(with_settings(accounting=radius(secret)))
    assert ids(found) == (["sessions.secret_spaced"] if told else [])
    assert all(each.values == {"path": str(secret)} for each in found)


def test_a_secret_that_others_may_read(with_settings: WITH_CASE, secret: Path) -> None:
    secret.chmod(0o644)
    found = look(with_settings(accounting=radius(secret)))
    told = values(found, "sessions.secret_open")
    assert (told["path"], told["mode"]) == (str(secret), "0644")


@pytest.mark.parametrize(
    ("owner", "group", "mode", "told"),
    [
        (SERVICE, 64_001, 0o600, []),
        (SERVICE, 64_001, 0o640, []),
        (0, 64_001, 0o640, []),
        (0, 64_002, 0o640, ["sessions.secret_open"]),
        (SERVICE, 64_002, 0o640, ["sessions.secret_open"]),
        (SERVICE, 64_009, 0o640, ["sessions.secret_open"]),
        (SERVICE, 64_001, 0o644, ["sessions.secret_open"]),
        (64_003, 64_001, 0o640, ["sessions.secret_open"]),
    ],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_service_s_own_group_may_read_a_secret_and_no_other_one(
    with_settings: WITH_CASE, secret: Path, owner: int, group: int, mode: int, told: list[str]
) -> None:
    """Seen: 0640 root:filterd, as sessions.md has it, was told as open to others."""
    os.chown(secret, owner, group)
    secret.chmod(mode)
    service = Account("service", SERVICE, frozenset({64_001, 64_002}), 64_001)
    open_ways(secret)
    found = look(replace(with_settings(accounting=radius(secret)), account=service))
    assert [each for each in ids(found) if each != "sessions.secret_unreadable"] == told


def test_a_secret_that_the_service_may_not_read(with_settings: WITH_CASE, secret: Path) -> None:
    case = replace(with_settings(accounting=radius(secret)), account=Account("service", 64_001, frozenset()))
    found = values(look(case), "sessions.secret_unreadable")
    assert found == {"path": str(secret), "user": "service"}


@pytest.mark.parametrize(
    ("counted", "age", "expected"),
    [
        ({"accepted": 5}, 60, []),
        ({"accepted": 5}, 9000, ["sessions.silent"]),
        ({"accepted": 0}, 60, []),
        ({"accepted": 5, "unknown_client": 3}, 60, ["sessions.strangers"]),
        ({"accepted": 5, "bad_authenticator": 3}, 60, ["sessions.bad_secret"]),
    ],
)
def test_the_packets_that_control_counted(
    with_settings: WITH_CASE,
    secret: Path,
    resolver: Process,
    counted: dict[str, int],
    age: int,
    expected: list[str],
) -> None:
    metrics = SessionMetrics(packets=counted, silence=age)
    found = look_at(metrics, with_settings, secret, resolver)
    assert ids(found) == expected
    assert not any("count" in each.values and each.values["count"] != 3 for each in found)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (SessionMetrics(sources={"radius": {"registered": 9, "unregistered": 0}}, most=10), []),
        (
            SessionMetrics(sources={"radius": {"registered": 9, "unregistered": 1}}, most=10, refused=3),
            ["sessions.full"],
        ),
        (SessionMetrics(most=10, refused=3), ["sessions.refused"]),
        (SessionMetrics(packets={"accepted": 1}, silence=1.0, within=2400), []),
        (SessionMetrics(packets={"accepted": 1}, silence=1.0, within=2460), ["sessions.stale_soon"]),
    ],
)
def test_the_room_of_the_table_and_the_interval_of_packets(
    with_settings: WITH_CASE,
    secret: Path,
    resolver: Process,
    metrics: SessionMetrics,
    expected: list[str],
) -> None:
    """Seen: a full table was no finding, and the interval was promised to be compared and was not."""
    assert ids(look_at(metrics, with_settings, secret, resolver)) == expected


def look_at(
    metrics: SessionMetrics, with_settings: WITH_CASE, secret: Path, resolver: Process
) -> list[Finding]:
    """The findings beside a control with these values."""
    registry = control_registry(lambda: ControlMetrics(sessions=metrics))
    with serving({"/metrics": (200, registry.exposition().decode())}) as port:
        case = with_settings(accounting=radius(secret), control={"listen": f"127.0.0.1:{port}"})
        return look(replace(case, roles={"control": replace(resolver, role="control")}))


@pytest.mark.parametrize(
    ("clocks", "age", "expected"),
    [
        ({"right": 3, "off": 0, "unproven": 0}, 9000, []),
        ({"right": 0, "off": 0, "unproven": 3}, 60, []),
        ({"right": 0, "off": 0, "unproven": 3}, 9000, ["sessions.clocks_unproven"]),
        ({"right": 1, "off": 3, "unproven": 0}, 60, ["sessions.clocks_off"]),
    ],
)
def test_the_clocks_of_the_nases(
    with_settings: WITH_CASE,
    secret: Path,
    resolver: Process,
    clocks: dict[str, int],
    age: int,
    expected: list[str],
) -> None:
    text = f'{sessions.PACKETS}{{outcome="accepted"}} 5.0\n'
    text += "".join(f'{sessions.CLOCKS}{{clock="{key}"}} {value}.0\n' for key, value in clocks.items())
    with serving({"/metrics": (200, text)}) as port:
        case = with_settings(accounting=radius(secret), control={"listen": f"127.0.0.1:{port}"})
        control = replace(resolver, role="control", started=NOW - age)
        found = look(replace(case, roles={"control": control}))
    assert ids(found) == expected
    assert all(each.values["count"] == 3 for each in found)


def test_addresses_that_no_session_may_have(
    with_settings: WITH_CASE, secret: Path, resolver: Process
) -> None:
    """Seen: addresses outside of the pools were counted, and the doctor found nothing."""
    none = dict.fromkeys(("radius", "lease", "command"), 0)
    counted = SessionMetrics(packets={"accepted": 1}, refused_claims=none)
    assert ids(look_at(counted, with_settings, secret, resolver)) == []
    refused = replace(counted, refused_claims=none | {"radius": 3, "lease": 2})
    found = look_at(refused, with_settings, secret, resolver)
    assert values(found, "sessions.claims_refused") == {"radius": 3, "lease": 2, "command": 0}


def leases(file: Path) -> dict[str, object]:
    """The section of a lease file."""
    return {"leases": [{"format": "kea", "file": str(file)}], "pools": POOLS}


def test_a_lease_file_that_is_not_there_or_not_for_the_service(
    with_settings: WITH_CASE, tmp_path: Path
) -> None:
    """Seen: the log had an error, the readiness page named the file, and the doctor found nothing."""
    file = tmp_path / "leases.csv"
    case = with_settings(accounting=leases(file))
    assert values(look(case), "sessions.lease_file")["reason"] == "it is not there"
    file.write_text("")
    file.chmod(0o600)
    assert ids(look(case)) == []
    stranger = replace(case, account=Account("service", SERVICE, frozenset()))
    told = values(look(stranger), "sessions.lease_file")
    assert told == {"path": str(file), "reason": "the user service may not read it", "user": "service"}


def test_a_lease_file_that_control_cannot_use(
    with_settings: WITH_CASE, tmp_path: Path, resolver: Process
) -> None:
    file, other = tmp_path / "leases.csv", tmp_path / "other.csv"
    for each in (file, other):
        each.write_text("")
    text = f"ready; the lease file {other}: it is empty; the lease file {file}: it has no header; more\n"
    with serving({"/readyz": (200, text)}) as port:
        case = with_settings(accounting=leases(file), control={"listen": f"127.0.0.1:{port}"})
        found = look(replace(case, roles={"control": replace(resolver, role="control")}))
    assert values(found, "sessions.lease_file")["reason"] == "it has no header"


@pytest.mark.parametrize("fail", ["closed", "open"])
def test_without_pools_everybody_waits_for_sessions(
    with_settings: WITH_CASE, secret: Path, fail: str
) -> None:
    accounting = radius(secret) | {"pools": []}
    found = look(with_settings(accounting=accounting, dns={"parental_fail": fail}))
    assert ids(found) == (["sessions.no_pools"] if fail == "closed" else [])


def test_bindings_that_move(case: Case, installation: Installation) -> None:
    async def move() -> None:
        async with installation.open("ana") as context:
            await subscribers.add(context, "one")
            for each in range(4):
                await bindings.add(context, f"192.0.2.{each}", "one")

    asyncio.run(move())
    assert values(look(case), "sessions.moving_bindings") == {"count": 1, "most": 3}


@pytest.mark.parametrize("prefix", ["100.64.0.9", "100.65.0.9"])
def test_shared_addresses_that_lead_to_nobody(
    with_settings: WITH_CASE, installation: Installation, prefix: str
) -> None:
    async def bind() -> None:
        async with installation.open("ana") as context:
            await subscribers.add(context, "one", prefixes=(prefix, "cpe:Serial.7"))

    asyncio.run(bind())
    rule = {"outside": "198.51.100.0/28", "inside": "100.64.0.0/24", "ports": 1000}
    found = look(with_settings(dns={"shared_addresses": [rule]}))
    assert ids(found) == ([] if prefix.startswith("100.64.") else ["sessions.shared_idle"])


def test_a_table_that_control_has_made_tells_of_nobody(with_settings: WITH_CASE) -> None:
    """Seen: the file of sessions is there from the first start of control on, and the finding was gone."""
    rule = {"outside": "198.51.100.0/28", "inside": "100.64.0.0/24", "ports": 1000}
    case = with_settings(dns={"shared_addresses": [rule]})
    live = case.state / LIVE
    live.parent.mkdir(parents=True)
    live.touch()
    assert ids(look(case)) == ["sessions.shared_idle"]
    note_use(case.state)
    assert ids(look(case)) == []


def test_lines_of_ports_and_identities_are_compared_with_the_clients(
    with_settings: WITH_CASE, installation: Installation
) -> None:
    async def bind() -> None:
        async with installation.open("ana") as context:
            await subscribers.add(context, "one", prefixes=("cpe:Serial.7", "mac:00:11:22:aa:bb:cc"))
            await subscribers.add(context, "two", prefixes=("203.0.113.9:1024-2047",))

    asyncio.run(bind())
    served = with_settings(dns={"allow_from": ["203.0.113.0/24"]})
    assert ids(clients.check(served)) == []
    other = list(clients.check(with_settings(dns={"allow_from": ["192.0.2.0/24"]})))
    assert values(other, "clients.lines_outside") == {"count": 1}


def test_ports_that_are_bound_inside_a_rule(with_settings: WITH_CASE, installation: Installation) -> None:
    """Seen: a binding of ports and a rule contradicted each other, and nothing said so."""

    async def bind() -> None:
        async with installation.open("ana") as context:
            await subscribers.add(context, "one", prefixes=("100.64.0.9", "198.51.100.3:1024-2047"))
            await subscribers.add(context, "two", prefixes=("203.0.113.9:1024-2047",))

    asyncio.run(bind())
    rule = {"outside": "198.51.100.0/28", "inside": "100.64.0.0/24", "ports": 1000}
    found = values(look(with_settings(dns={"shared_addresses": [rule]})), "sessions.ports_in_rule")
    assert found == {"count": 1, "bound": "198.51.100.3:1024-2047", "rule": "dns.shared_addresses[0]"}
    assert ids(look(with_settings())) == []

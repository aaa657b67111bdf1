"""The settings on sessions and identities reach the stages of a query, at the start and with a reload."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address
from pathlib import Path
from typing import Any, cast

import pytest

from filterd.config.load import from_value
from filterd.config.settings import Settings
from filterd.dataplane.nodestate.bindings import KnownBindings
from filterd.dataplane.packet.plane_types import IdentityRules, SessionTables
from filterd.serve import node_sessions
from filterd.serve.node_sessions import NodeSessions, bound_tables, identity_rules
from filterd.serve.wiring import SystemClock
from filterd.wire.session_stream import FrameKind
from tests.worlds.session_control import ScriptedControl, entry

PATIENCE = 20.0
LEASES = [{"format": "dnsmasq", "file": "leases"}]


@dataclass
class Stages:
    """Notes what the stages of a query were given."""

    rules: list[IdentityRules] = field(default_factory=list)
    tables: list[SessionTables] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def use_identity_rules(self, rules: IdentityRules) -> None:
        self.rules.append(rules)

    def use_sessions(self, tables: SessionTables) -> None:
        self.tables.append(tables)

    def note(self, event: str, **fields: object) -> None:
        self.notes.append(event)

    def enforced(self, seconds: float) -> None: ...

    def failed(self, error: Exception) -> None:
        raise error


def settings_of(directory: Path, **sections: Any) -> Settings:
    return from_value({"state_dir": str(directory), **sections}, base=directory)


def sessions_of(settings: Settings, stages: Stages) -> NodeSessions:
    return NodeSessions(settings, cast("Any", stages), stages, SystemClock())


def until(sessions: NodeSessions, ready: bool) -> None:
    end = time.monotonic() + PATIENCE
    while sessions.caught_up is not ready:
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.005)


def test_without_settings_nobody_is_trusted_and_every_client_may_come_by_session(tmp_path: Path) -> None:
    rules = identity_rules(settings_of(tmp_path))
    assert rules.pools is None
    assert rules.edns_id_from is None
    assert (rules.proxy_id_tlv, rules.shared, rules.maps) == (0, (), ())


def test_each_setting_reaches_its_rule(tmp_path: Path) -> None:
    rules = identity_rules(
        settings_of(
            tmp_path,
            dns={
                "edns_id_from": ["192.0.2.0/28"],
                "proxy_id_tlv": 0xE1,
                "shared_addresses": [
                    {"outside": "198.51.100.0/30", "inside": "100.64.0.0/26", "ports": 1008}
                ],
                "map_rules": [{"ipv4": "203.0.113.0/24", "ipv6": "2001:db8::/40", "ea_bits": 16}],
            },
            accounting={"pools": ["10.0.0.0/9"]},
        )
    )
    assert rules.pools is not None
    assert ip_address("10.1.1.1").packed in rules.pools
    assert ip_address("10.200.1.1").packed not in rules.pools
    assert rules.edns_id_from is not None
    assert ip_address("192.0.2.1").packed in rules.edns_id_from
    assert rules.proxy_id_tlv == 0xE1
    assert [each.inside for each in rules.shared] == [IPv4Network("100.64.0.0/26")]
    assert [each.ea_bits for each in rules.maps] == [16]


def test_the_three_tables_of_bindings_stand_in_their_places() -> None:
    bindings = KnownBindings()
    tables = bound_tables(bindings)
    assert tables.addresses is bindings.addresses
    assert tables.ports is bindings.ports
    assert tables.identities is bindings.identities


def test_sessions_are_not_ready_before_they_are_loaded(tmp_path: Path) -> None:
    stages = Stages()
    sessions = sessions_of(settings_of(tmp_path, accounting={"leases": LEASES}), stages)
    assert [(each.ready, each.used) for each in stages.tables] == [(False, True)]
    with ScriptedControl(tmp_path / "sessions.sock") as control:
        sessions.start()
        conversation = control.accept()
        assert not sessions.caught_up
        conversation.tell_all([entry("192.0.2.1/32", 7)])
        until(sessions, ready=True)
        conversation.send(FrameKind.BEAT)
        sessions.stop()
    last = stages.tables[-1]
    assert (last.ready, last.used) == (True, True)
    assert last.addresses.find(ip_address("192.0.2.1").packed, int(time.monotonic())) == 7


async def test_a_start_waits_for_sessions_that_are_on_their_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_sessions, "LOADING_SECONDS", PATIENCE)
    sessions = sessions_of(settings_of(tmp_path, accounting={"leases": LEASES}), Stages())
    with ScriptedControl(tmp_path / "sessions.sock") as control:
        sessions.start()
        conversation = control.accept()
        conversation.send(FrameKind.BEGIN)
        waiting = asyncio.create_task(sessions.loaded())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        conversation.send(FrameKind.FULL, [entry("192.0.2.1/32", 7)])
        conversation.send(FrameKind.END)
        await waiting
        assert sessions.caught_up
        sessions.stop()


async def test_a_start_does_not_wait_for_a_control_that_lost_its_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_sessions, "LOADING_SECONDS", PATIENCE)
    sessions = sessions_of(settings_of(tmp_path, accounting={"leases": LEASES}), Stages())
    with ScriptedControl(tmp_path / "sessions.sock") as control:
        sessions.start()
        control.accept().tell_all([], complete=False)
        await sessions.loaded()
        assert sessions.follower.begun.is_set()
        assert not sessions.caught_up
        sessions.stop()


async def test_a_start_waits_no_longer_than_a_moment_and_not_where_there_are_no_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sessions_of(settings_of(tmp_path), Stages()).loaded()
    monkeypatch.setattr(node_sessions, "LOADING_SECONDS", 0.01)
    sessions = sessions_of(settings_of(tmp_path, accounting={"leases": LEASES}), Stages())
    await sessions.loaded()  # its thread was never started: nothing comes
    assert not sessions.follower.begun.is_set()


@pytest.mark.parametrize("exists", [False, True])
def test_a_file_of_sessions_says_that_they_are_in_use(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "sessions").mkdir()
        (tmp_path / "sessions/live").write_bytes(b"damaged")
    stages = Stages()
    sessions = sessions_of(settings_of(tmp_path), stages)
    assert stages.tables[-1].used is exists
    sessions.start()
    assert sessions.follower.begun.wait(PATIENCE)
    sessions.stop()
    assert sessions.caught_up is not exists
    assert stages.notes == (["the sessions file cannot be read"] if exists else [])


def test_a_reload_brings_new_rules_and_sources(tmp_path: Path) -> None:
    stages = Stages()
    sessions = sessions_of(settings_of(tmp_path), stages)
    assert not stages.tables[-1].used
    sessions.change(settings_of(tmp_path, accounting={"leases": LEASES, "pools": ["192.0.2.0/24"]}))
    assert stages.tables[-1].used
    assert len(stages.rules) == 2
    assert stages.rules[-1].pools is not None

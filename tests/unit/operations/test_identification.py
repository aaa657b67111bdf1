"""The line of a client, as check tells it: by identity, session or binding, in the order of trust."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest

from filterd.accounting.sessions import Sessions
from filterd.config.accounting_settings import MapRuleSettings, PortOrder, SharedAddressesSettings
from filterd.config.settings import Settings
from filterd.model.subscriber import RequestEvidence
from filterd.operations import audit, bindings, snapshots, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.explain import explain
from filterd.operations.feeds import updating
from filterd.operations.identification import LIVE, QueryClient
from filterd.operations.portal.on_line import line_of_address
from filterd.operations.sessions import commands
from filterd.operations.sessions.protocol import SOCKET, ToldSession
from filterd.serve.sessions.commands import SessionCommands, Terms
from filterd.serve.sessions.follower import subscriber_fingerprint
from filterd.store import change_log
from tests.worlds.installation import Installation

EVIDENCE = RequestEvidence("holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
KEY = bytes(range(16))
ALLOWED = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


def trusting(settings: Settings, **dns: Any) -> Settings:
    """Settings that serve the addresses of these tests, and trust one sender for identities."""
    trusted = (ip_network("10.255.0.1"),)
    changed: dict[str, Any] = {
        "allow_from": ALLOWED,
        "edns_id_from": trusted,
        "proxy_from": trusted,
        "proxy_id_tlv": 0xE0,
    }
    return replace(settings, dns=replace(settings.dns, **changed | dns))


@dataclass
class World:
    """A context whose control runs, with the table of sessions."""

    context: Context
    table: Sessions
    commands: SessionCommands

    async def put(self, address: str, subscriber: str) -> None:
        await commands.put(self.context, ToldSession((address,), subscriber))

    async def known(self, client: QueryClient | str, context: Context | None = None) -> dict[str, Any]:
        found = await explain(context or self.context, "adult.example", client=client)
        blocked = found.verdict == "block"
        assert blocked == (found.identity["line"] == 1), "the verdict is that of the line"
        return found.identity


@pytest.fixture
async def world(installation: Installation) -> AsyncIterator[World]:
    """Lines child (1), which opted in, other (2) and third (3); control has a table of sessions."""
    async with installation.open() as opened:
        context = replace(opened, settings=trusting(opened.settings))
        for each in ("child", "other", "third"):
            await subscribers.add(context, each)
        await subscribers.opt_in(context, "child", "child", EVIDENCE)
        await updating.update(context)
        await snapshots.build(context)
        live = context.settings.state_dir / LIVE
        live.parent.mkdir(mode=0o700, parents=True)
        table = Sessions(live, KEY, 1000, 7200, context.clock)
        for line, each in enumerate(("child", "other", "third"), start=1):
            table.register(subscriber_fingerprint(KEY, each), line)
        terms = Terms(KEY, context.clock, lambda: 7200)
        served = SessionCommands(context.settings.state_dir / SOCKET, table, terms, dict)
        await served.start()
        try:
            yield World(context, table, served)
        finally:
            await served.close()
            table.close()


@pytest.mark.ring("night")
async def test_the_order_of_trust(world: World) -> None:
    context = world.context
    await bindings.add(context, "10.1.0.0/24", "child")
    await bindings.add(context, "10.1.0.7:1024-2047", "other")
    assert (await world.known("10.1.0.7"))["bound"] == "10.1.0.0/24"
    assert "--client 10.1.0.7:PORT" in (await world.known("10.1.0.7"))["remarks"][0]
    for client in ("10.1.0.7#1024", "10.1.0.7:1024"):
        assert (await world.known(client))["bound"] == "10.1.0.7:1024-2047"
    await world.put("10.1.0.7", "third")
    for port in (0, 1024):
        assert (await world.known(QueryClient("10.1.0.7", port)))["line"] == 3
    await world.put("10.1.0.7:2000-2010", "child")
    by_port = await world.known("10.1.0.7#2005")
    assert (by_port["method"], by_port["line"]) == ("session", 1)
    await bindings.add(context, "cpe:Serial.7", "other")
    await bindings.add(context, "tlv:olt1", "third")
    by_option = await world.known(QueryClient("10.1.0.7", 2005, "cpe:Serial.7"))
    assert (by_option["method"], by_option["line"], by_option["bound"]) == ("edns-id", 2, "cpe:Serial.7")
    by_front = await world.known(QueryClient("10.1.0.7", 2005, "tlv:olt1"))
    assert (by_front["method"], by_front["line"]) == ("proxy-id", 3)
    unbound = await world.known(QueryClient("10.1.0.7", 2005, "cpe:unknown"))
    assert unbound["method"] == "session"
    assert (await world.known(QueryClient(identity="cpe:Serial.7")))["line"] == 2


async def test_a_session_tells_its_source_and_its_age_and_no_address(world: World) -> None:
    await world.put("2001:db8:1::/56", "child")
    aged = replace(world.context, clock=lambda: world.context.clock() + 61)
    found = await world.known("2001:db8:1:2::9", aged)
    assert found["method"] == "session"
    assert found["session"] == {
        "source": "command",
        "confirmed_seconds_ago": 61,
        "until": round(world.context.clock() + 7200),
    }
    assert "2001:db8" not in str(found)


async def test_a_session_of_nobody_registered_falls_through_to_the_binding(world: World) -> None:
    await world.put("10.1.0.9", "stranger")
    assert (await world.known("10.1.0.9"))["method"] == "unknown"
    await bindings.add(world.context, "10.1.0.9", "child")
    assert (await world.known("10.1.0.9"))["method"] == "binding"


async def test_without_control_the_bindings_are_gone_through_and_it_is_said(world: World) -> None:
    await world.put("10.1.0.7", "other")
    await bindings.add(world.context, "10.1.0.7", "child")
    await world.commands.close()
    found = await world.known("10.1.0.7")
    assert (found["method"], found["line"]) == ("binding", 1)
    (remark,) = found["remarks"]
    assert "sessions are unknown: no control runs" in remark
    assert "filterd serve" in remark


async def test_where_nothing_tells_of_sessions_control_is_not_asked(world: World) -> None:
    await world.commands.close()
    (world.context.settings.state_dir / LIVE).unlink()
    assert await world.known("10.1.0.7") == {"method": "unknown", "line": None}


async def test_an_identity_that_nobody_is_trusted_to_add_is_not_believed(world: World) -> None:
    await bindings.add(world.context, "cpe:Serial.7", "child")
    await bindings.add(world.context, "tlv:olt1", "child")
    nobody = trusting(world.context.settings, edns_id_from=(), proxy_from=())
    for identity, key in (("cpe:Serial.7", "dns.edns_id_from"), ("tlv:olt1", "dns.proxy_from")):
        found = await world.known(QueryClient(identity=identity), replace(world.context, settings=nobody))
        assert found["line"] is None
        assert key in found["remarks"][0]


@pytest.mark.parametrize(
    "client",
    [
        "10.1.0.7#0",
        "10.1.0.7#65536",
        "10.1.0.7#x",
        "10.1.0.0/24",
        "#5",
        "10.1.0.7:0",
        "10.1.0.7:1-2",
        "[::1]x",
    ],
    ids=lambda each: each,
)
async def test_what_is_no_client_is_refused(world: World, client: str) -> None:
    with pytest.raises(OperationError):
        await explain(world.context, "adult.example", client=client)
    with pytest.raises(OperationError):
        QueryClient.of("10.1.0.7#5", port=6)


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("192.0.2.1", ("192.0.2.1", 0)),
        ("192.0.2.1:1500", ("192.0.2.1", 1500)),
        ("192.0.2.1#1500", ("192.0.2.1", 1500)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("2001:db8::1#1500", ("2001:db8::1", 1500)),
        ("[2001:db8::1]:1500", ("2001:db8::1", 1500)),
        ("[2001:db8::1]#1500", ("2001:db8::1", 1500)),
        ("[2001:db8::1]", ("2001:db8::1", 0)),
    ],
)
def test_a_port_is_written_behind_the_address(text: str, client: tuple[str, int]) -> None:
    found = QueryClient.of(text)
    assert (found.address, found.port) == client


async def test_an_address_that_two_lines_claim_is_said_to_be_nobodys(world: World) -> None:
    """The binding holds then, as on a node, and the clocks are named."""
    await bindings.add(world.context, "10.1.0.7", "child")
    assert await line_of_address(world.context, "10.1.0.7") is not None
    contest(world.table, "10.1.0.7", world.context.clock())
    found = await world.known("10.1.0.7")
    assert (found["method"], found["line"]) == ("binding", 1)
    assert "two lines claimed it" in found["remarks"][0]
    assert "NTP" in found["remarks"][0]
    shown = await commands.show_address(world.context, "10.1.0.7")
    assert (shown.sessions, shown.ambiguous) == ([], True)
    assert not (await commands.show_address(world.context, "10.1.0.8")).ambiguous
    assert await line_of_address(world.context, "10.1.0.7") is None, "PIN sign-in is refused there"


def contest(table: Sessions, address: str, now: float) -> None:
    """Let two NASes tell of two lines on an address, by clocks that agree, at one time."""
    entry = (ip_address(f"::ffff:{address}").packed, 128, None)
    for subscriber in (b"1" * 16, b"2" * 16):
        table.give(
            [entry],
            subscriber=subscriber,
            session=subscriber,
            nas=b"n" * 16,
            stamp=now + 10,
            arrival=now + 10,
            lasts=7200,
            kind=1,
        )


@pytest.mark.ring("night")
async def test_a_shared_address_is_looked_up_by_the_inside_one(world: World) -> None:
    rule = SharedAddressesSettings(
        IPv4Network("10.200.0.1/32"), IPv4Network("10.1.0.0/26"), 1024, 1000, PortOrder("sequential")
    )
    mapped = MapRuleSettings(
        ipv4=IPv4Network("10.201.0.0/24"), ipv6=IPv6Network("2001:db8:a000::/40"), ea_bits=16, psid_offset=6
    )
    settings = trusting(world.context.settings, shared_addresses=(rule,), map_rules=(mapped,))
    context = replace(world.context, settings=settings)
    await bindings.add(context, "10.1.0.2", "child")
    await bindings.add(context, "10.200.0.1", "other")
    found = await world.known("10.200.0.1#3024", context)
    assert (found["method"], found["line"], found["inside"]) == ("binding", 1, "10.1.0.2")
    await world.put("10.1.0.2", "third")
    assert (await world.known("10.200.0.1#4023", context))["line"] == 3
    for client, said in (
        ("10.200.0.1:1023", "outside of what dns.shared_addresses"),
        ("10.200.0.1", "10.200.0.1:PORT"),
    ):
        unknown = await world.known(client, context)
        assert unknown["line"] is None
        assert said in unknown["remarks"][0]
    await bindings.add(context, "10.200.0.1:1000-1023", "child")
    assert (await world.known("10.200.0.1#1023", context))["bound"] == "10.200.0.1:1000-1023"
    port = 1 << 10 | 0x5A << 2
    await world.put("2001:db8:a005:5a00::/56", "child")
    by_map = await world.known(f"10.201.0.5#{port}", context)
    assert (by_map["method"], by_map["inside"]) == ("session", "2001:db8:a005:5a00::")


async def test_a_look_at_a_session_is_audited_without_its_address(world: World) -> None:
    await bindings.add(world.context, "10.1.0.8", "other")
    await world.put("10.1.0.7", "child")
    for client in ("10.1.0.7", "10.1.0.8", "10.1.0.9"):
        await world.known(client)
    found = [
        each.entry for each in await audit.tail(world.context, 100) if each.entry.action == "session.show"
    ]
    assert [each.subject for each in found] == ["line:1"]
    assert "10.1.0" not in str(found)


@pytest.mark.ring("night")
async def test_a_day_of_sessions_leaves_nothing_in_the_store(world: World) -> None:
    context = world.context
    for hour in range(24):
        await world.put(f"10.9.{hour}.77", "child")
        await world.known(f"10.9.{hour}.77")
    kept = [each.payload async for each in change_log.all_changes(context.store.read, 10_000)]
    assert kept, "the subscribers are in it"
    content = b"".join(each.read_bytes() for each in context.settings.state_dir.parent.rglob("*.db*"))
    assert b"child" in content, "the files are the store's"
    for hour in range(24):
        assert f"10.9.{hour}.77".encode() not in content
        assert bytes((10, 9, hour, 77)) not in content
        assert f"10.9.{hour}.77" not in "".join(kept)

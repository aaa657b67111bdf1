"""An installation with registers that ana and bob have adopted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from filterd.config.load import from_value
from filterd.model.order import OrderState
from filterd.model.records import FeedInForce, NodeReport
from filterd.operations import nodes
from filterd.operations.context import Context
from filterd.operations.orders import showing
from filterd.operations.registers import adopting, answering
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.ticket_channel import TicketChannel
from filterd.operations.registers.ticket_turns import TicketTurn, turn
from filterd.store import change_log, feeds
from tests.worlds.installation import Installation, as_person
from tests.worlds.threaded_https import serving
from tests.worlds.ticket_platform import EMAIL, PASSWORD, TicketPlatform

JURISDICTION = """
title: {es: Casa, en: Home}
calendar: {zone: Europe/Warsaw, weekend: [sat, sun]}
authorities:
  - {id: mf, title: {es: Ministerio, en: Ministry}}
grounds:
  - id: gambling-register
    title: {es: Registro, en: Register}
    law: "Act on gambling, art. 15f"
    authorities: [mf]
    enforce: {hours: 48, from: notified}
    unblock: {hours: 48, from: demanded}
"""
COMMON = {"authority": "mf", "ground": "gambling-register"}


def with_registers(installation: Installation, *registers: dict[str, Any]) -> None:
    """Give the installation these registers and a jurisdiction that knows their authority."""
    installation.write_policy("jurisdictions/mx.yaml", JURISDICTION)
    base = installation.base
    value = {
        "store": {"url": f"sqlite:///{base}/filterd.db"},
        "state_dir": str(base / "state"),
        "policies": str(base / "policies"),
        "dns": {"upstreams": ["192.0.2.53:53"]},
        "registers": [{**COMMON, **each} for each in registers],
    }
    installation.settings = replace(installation.settings, registers=from_value(value, base=base).registers)


def with_list(installation: Installation, register: str = "pl") -> None:
    """Give the installation the mandatory feed of a register."""
    path = installation.base / "state" / "registers" / f"{register}.list"
    feeds = Path(installation.base / "policies" / "feeds.yaml").read_text("utf-8")
    entry = (
        f"- id: {register}-list\n  source: {path}\n  format: domains\n  scope: subtree\n"
        "  mandatory: {authority: mf, ground: gambling-register}\n  guard: {max_shrink: 1.0}\n"
    )
    installation.write_policy("feeds.yaml", feeds + entry)


async def adopted(context: Context, register: str) -> None:
    """Let two people adopt a register."""
    for person in ("ana", "bob"):
        await adopting.adopt(as_person(context, person), register, reason="the ministry's letter")


async def node_has_all(context: Context, name: str = "resolver-1") -> NodeReport:
    """Let a node report that it has all that the store has; returns the report."""
    async with context.store.read() as connection:
        cursor = (await change_log.ends(connection))[1]
        lists = await feeds.current(connection)
    in_force = tuple(
        FeedInForce(each.feed, "mandatory", str(each.version), each.digest, each.names, 0.0)
        for each in lists.values()
    )
    report = NodeReport(
        name,
        context.clock(),
        cursor.revision,
        cursor.revision,
        "",
        ready=True,
        lists={},
        mandatory_hash=cursor.hash,
        effective_digest="e" * 64,
        feeds=in_force,
    )
    await nodes.record(context, report)
    return report


@pytest.fixture
async def own(installation: Installation) -> AsyncIterator[Context]:
    """A context with an adopted register in CSV."""
    with_registers(installation, {"id": "own", "kind": "csv", "capacity": {"names": 4}})
    async with installation.open("ana") as context:
        await adopted(context, "own")
        yield context


@pytest.fixture
async def polish(installation: Installation) -> AsyncIterator[Context]:
    """A context with Poland's register, adopted, its list a mandatory feed."""
    guard = {"max_removals": 2}
    with_registers(installation, {"id": "pl", "kind": "poland", "list": "pl-list", "guard": guard})
    with_list(installation)
    async with installation.open("ana") as context:
        await adopted(context, "pl")
        yield context


LIVE_JURISDICTION = """
title: {es: Casa, en: Home}
calendar: {zone: Europe/Rome, weekend: [sat, sun]}
authorities:
  - {id: mf, title: {es: Autoridad, en: Authority}}
grounds:
  - id: gambling-register
    title: {es: Directo, en: Live}
    law: "Legge 93/2023, art. 2"
    authorities: [mf]
    enforce: {minutes: 30, from: received}
    report: {minutes: 30, from: received}
"""
TICKETS: dict[str, Any] = {"id": "live", "kind": "tickets", "overblocking": True, "answer_within": "30m"}


@asynccontextmanager
async def no_lookup(_settings: object) -> AsyncIterator[Any]:
    """No name is looked up: the platform is an address."""

    async def nobody(host: str) -> tuple[str, ...]:
        raise LookupError(host)

    yield nobody


@dataclass
class Live:
    """The platform, and a context that has adopted it."""

    platform: TicketPlatform
    installation: Installation
    context: Context
    channel: TicketChannel

    async def turn(self, *, compare: bool = False) -> TicketTurn:
        """One turn."""
        register = require_register(self.context, "live")
        return await turn(self.context, register, self.channel, compare=compare)

    async def deliver(self) -> int:
        """The replies that are due, a later time."""
        self.installation.now += 3600
        return await answering.deliver_due(self.context, lambda: 0.0, {"tickets": self.channel})

    async def state(self, reference: str) -> OrderState:
        """The state of an order."""
        return (await showing.show(self.context, reference)).state

    async def names(self, reference: str) -> list[str]:
        """The names of an order."""
        return [name for name, _ in (await showing.show(self.context, reference)).demand.names]


@pytest.fixture
def platform() -> TicketPlatform:
    return TicketPlatform()


@pytest.fixture
async def live(
    installation: Installation, platform: TicketPlatform, request: pytest.FixtureRequest
) -> AsyncIterator[Live]:
    base = installation.base
    (base / "password").write_text(PASSWORD)
    with serving(platform, base / "tls") as server:
        account = {"account": EMAIL, "password_file": "password", "protected": ["own.example", "192.0.2.1"]}
        register = {**TICKETS, "source": server.url, "ca": str(server.ca), "platform": account}
        with_registers(installation, {**register, **getattr(request, "param", {})})
        installation.write_policy("jurisdictions/mx.yaml", LIVE_JURISDICTION)
        async with installation.open("control") as context:
            await adopted(context, "live")
            yield Live(platform, installation, context, TicketChannel(no_lookup))

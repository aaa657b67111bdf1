"""The installation of the agreement tests: its lines, its orders, and how they change between two rounds."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import dns.message

from filterd.config.load import load
from filterd.model.blocking_mode import BlockingMode
from filterd.model.order import OrderState
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import bindings, snapshots, subscribers
from filterd.operations.context import Context, OperationError, open_context
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.store.store import Store
from tests.e2e.agreement import LISTED, LISTED6, MODES, PROFILES, Case, Draw
from tests.e2e.deployment import Deployment
from tests.worlds.installation import as_person

EVIDENCE = RequestEvidence("holder", "phone", 1_793_600_000.0, "2026-11", "T-1")


@dataclass
class Client:
    """Sockets that ask from loopback addresses."""

    port: int
    sockets: dict[str, socket.socket] = field(default_factory=dict)

    def ask(self, case: Case, number: int) -> dns.message.Message:
        """One question and its answer; whatever the time to wait, one try."""
        edns = 0 if case.edns else None
        query = dns.message.make_query(
            case.name, case.kind, use_edns=edns, want_dnssec=case.edns and case.dnssec, id=number
        )
        wire = query.to_wire()
        if case.tcp:
            with socket.create_connection(("127.0.0.1", self.port), 5, (case.source, 0)) as stream:
                stream.sendall(struct.pack("!H", len(wire)) + wire)
                with stream.makefile("rb") as file:
                    (length,) = struct.unpack("!H", file.read(2))
                    return dns.message.from_wire(file.read(length))
        sock = self.sockets.get(case.source) or self._open(case.source)
        sock.send(wire)
        answer = dns.message.from_wire(sock.recv(65535))
        assert answer.id == number
        return answer

    def _open(self, source: str) -> socket.socket:
        sock = self.sockets[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", self.port))
        sock.settimeout(5)
        return sock

    def close(self) -> None:
        """Close them."""
        for sock in self.sockets.values():
            sock.close()


@dataclass
class Lab:
    """A running installation, its store open in this process, and what was found."""

    filterd: Deployment
    process: subprocess.Popen[bytes]
    draw: Draw
    client: Client
    lines: dict[str, str]
    """subscriber by address"""
    asked: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    markers: int = 0


async def _order(context: Context, draw: Draw, entries: Iterable[str], **more: Any) -> str:
    bits = draw.bits
    request = OrderRequest(
        authority="Authority",
        official="Official",
        document="D-1",
        ground="Law 1",
        reason="reason",
        entries=tuple((entry, bits.choice(list(Scope))) for entry in entries),
        mode=BlockingMode[bits.choice(MODES).upper()],
        confidential=bits.random() < 0.3,
        accept_overblocking=True,
        proportionality="weighed",
    )
    made = await taking.add(context, replace(request, **more))
    if made.state is OrderState.PENDING:  # a service or a search engine: it takes two people
        await taking.approve(as_person(context, "second"), made.reference)
    return made.reference


async def add_orders(context: Context, draw: Draw, count: int) -> list[str]:
    """Orders on random names; some begin later, some end soon enough to have ended, one is on addresses."""
    now = int(time.time())
    made = []
    for number in range(count):
        more = {0: {"not_before": now + 86_400}, 1: {"not_after": now + 86_400}}.get(number, {})
        entries = [draw.bits.choice(("", "www.", "b.")) + base for base in draw.some(2)]
        made.append(await _order(context, draw, entries, **more))
    made.append(await _order(context, draw, (f"{draw.bits.choice(LISTED[3:5])}/32", f"{LISTED6[0]}/128")))
    return made


async def _own_names(context: Context, draw: Draw, subscriber: str) -> None:
    for _ in range(8):
        own = draw.bits.choice((subscribers.allow, subscribers.allow, subscribers.deny))
        name = draw.bits.choice(
            (draw.query_name(), draw.query_name(), f"r{draw.bits.randrange(60)}.alias.example")
        )
        with suppress(OperationError):  # a protected name cannot be denied
            await own(context, subscriber, name, draw.bits.choice((Scope.SUBTREE, Scope.EXACT)))
    for name in ("safe.search.example", "n1.com.mx"):
        own = draw.bits.choice((subscribers.allow, subscribers.deny))
        with suppress(OperationError):
            await own(context, subscriber, name)


async def _register(context: Context, draw: Draw) -> dict[str, str]:
    """Lines with every kind of choice, each on an address of its own; the subscriber by address."""
    lines: dict[str, str] = {}

    async def line(name: str, profile: str = "", *, own: bool = False, security_left: bool = False) -> None:
        address = f"127.0.0.{10 + len(lines)}"
        lines[address] = name
        await subscribers.add(context, name, prefixes=(address,))
        if profile:
            await subscribers.opt_in(context, name, profile, EVIDENCE)
        if own:
            await _own_names(context, draw, name)
        if security_left:
            await subscribers.leave_security(context, name)

    for profile in PROFILES:
        await line(profile, profile)
        await line(f"{profile}-own", profile, own=True)
    await line("none")
    await line("none-own", own=True)
    await line("left", "all-null", security_left=True)
    await line("left-own", own=True, security_left=True)
    await line("paused-own", "night", own=True)
    await subscribers.pause(context, "paused-own", 3600)
    await bindings.add(context, "127.0.1.0/24", "all-sinkhole")
    await bindings.add(context, "127.0.1.64/26", "few-own")
    lines |= {"127.0.1.9": "all-sinkhole", "127.0.1.70": "few-own"}
    return lines


async def prepare(filterd: Deployment, draw: Draw) -> dict[str, str]:
    settings = load(filterd.config)
    await Store.migrate(settings.store.url, settings.store.ledger)
    async with open_context(settings) as context:
        lines = await _register(context, draw)
        await add_orders(context, draw, 6)
        await updating.update(context)
        await snapshots.build(context)
    return lines


async def change_lines(context: Context, draw: Draw) -> None:
    """Other choices for some, so that nothing is only ever read once."""
    await subscribers.resume(context, "paused-own")
    await subscribers.pause(context, "all-null", 3600)
    await subscribers.pause(context, "all-nxdomain-own", 3600)
    await subscribers.opt_out(context, "few-own")
    await subscribers.opt_in(context, "none-own", "all-sinkhole", EVIDENCE)
    await subscribers.set_profile(context, "all-nodata", "night")
    await subscribers.leave_security(context, "left-own", left=False)
    for subscriber in ("evening", "left", "all-null-own"):
        await _own_names(context, draw, subscriber)

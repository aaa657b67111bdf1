"""The zones behind filterd: a signed one, and below it for each blocking mode a signed and an unsigned one.

An order blocks each of them with everything below, in its mode. What they hold is served positively, so that
an address of theirs in an answer is one that came past the order.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dns.dnssec
import dns.dnssectypes
import dns.rdata
import yaml

from filterd.config.load import load
from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.operations import snapshots
from filterd.operations.context import open_context
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.store.store import Store
from tests.e2e.authority import nsd, signed
from tests.e2e.deployment import Deployment

ROOT = "example."
SERVED = "192.0.2.10"
"""the address of every name here"""
MODES = tuple(mode.word for mode in BlockingMode)
SIGNED = ("unsigned", "signed")
FREE = "free"
"""in the place of a mode: zones that no order blocks"""
REQUEST = OrderRequest("Authority", "Official", "D-1", "Law 1", "test", (), accept_overblocking=True)
_HEAD = """$TTL 3600
@ IN SOA ns.example. hostmaster.example. 1 3600 900 86400 300
@ IN NS ns.example.
"""
_CHILD = f"{_HEAD}@ IN A {SERVED}\nwww IN A {SERVED}\n"


def zone_name(mode: str, kind: str) -> str:
    """The zone that is blocked in a mode (or FREE), signed or not."""
    return f"{mode}-{kind}.{ROOT}"


@dataclass(frozen=True)
class Zones:
    """Master files by zone, and the DNSKEY of the uppermost as text."""

    texts: dict[str, str]
    key: str

    @property
    def anchor(self) -> str:
        """The key as a trust anchor's record."""
        return f"{ROOT} IN DNSKEY {self.key}"

    @property
    def digest(self) -> str:
        """The data of its DS record."""
        return _digest(ROOT, self.key)


def _digest(zone: str, key: str) -> str:
    rdata = dns.rdata.from_text("IN", "DNSKEY", key)
    return dns.dnssec.make_ds(zone, rdata, dns.dnssectypes.DSDigest.SHA256).to_text()


def make_zones() -> Zones:
    """All of them; every second child has a DS record above it, and signatures."""
    texts, above = {}, f"{_HEAD}ns IN A 127.0.0.1\n"
    for mode in (*MODES, FREE):
        for kind in SIGNED:
            zone = zone_name(mode, kind)
            above += f"{zone} IN NS ns.example.\n"
            texts[zone] = _CHILD.replace("$TTL 3600\n", f"$TTL 3600\n$ORIGIN {zone}\n")
            if kind == "signed":
                texts[zone], anchor = signed(zone, _CHILD, time.time())
                above += f"{zone} IN DS {_digest(zone, anchor.partition(' IN DNSKEY ')[2])}\n"
    text, anchor = signed(ROOT, above, time.time())
    return Zones({ROOT: text, **texts}, anchor.partition(" IN DNSKEY ")[2])


def _policies(folder: Path) -> Path:
    """Policies without a list: orders alone block here."""
    policies = folder / "policies"
    (policies / "profiles").mkdir(parents=True)
    for name in ("categories", "feeds", "services", "safesearch", "bypass"):
        (policies / f"{name}.yaml").write_text("[]\n")
    (policies / "protected.yaml").write_text(yaml.safe_dump({"public_suffixes": True}))
    (policies / "expected.yaml").write_text("{}\n")
    return policies


async def _orders(filterd: Deployment) -> None:
    settings = load(filterd.config)
    await Store.migrate(settings.store.url, settings.store.ledger)
    async with open_context(settings) as context:
        for mode in BlockingMode:
            names = tuple((zone_name(mode.word, kind).rstrip("."), Scope.SUBTREE) for kind in SIGNED)
            await taking.add(context, replace(REQUEST, entries=names, mode=mode))
        await snapshots.build(context)


@contextlib.contextmanager
def filtered(folder: Path, zones: Zones) -> Iterator[Deployment]:
    """NSD with the zones, and a running filterd above it."""
    with nsd(folder / "authority", zones.texts) as authority:
        filterd = Deployment(folder / "filterd", authority, _policies(folder))
        asyncio.run(_orders(filterd))
        with filterd.serving():
            yield filterd

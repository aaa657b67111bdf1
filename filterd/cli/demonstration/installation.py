"""Makes the demonstration's files, lines and order, and keeps them for the next run."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from filterd.cli.demonstration.zone import LISTED, ORDERED
from filterd.config.load import load
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import bindings, migrate, snapshots, subscribers
from filterd.operations.context import Context, open_context
from filterd.operations.feeds import updating
from filterd.operations.orders import showing, taking
from filterd.operations.orders.intake import OrderRequest


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the demonstration on 127.0.0.1."""

    dns: int = 5300
    metrics: int = 9353
    control: int = 8080
    portal: int = 8081
    """of the portal and the public pages"""
    desk: int = 8082
    web: int = 8083
    """of the web process, for who watches it"""
    block: int = 8084
    """of the block page, on the addresses of :data:`SINKHOLES`"""
    regulator: int = 8085


SINKHOLES = {
    "parental": "127.0.0.81",
    "security": "127.0.0.82",
    "mandatory": "127.0.0.83",
    "confidential": "127.0.0.84",
}
"""kind of the block page -> its address"""


@dataclass(frozen=True, slots=True)
class Line:
    """A loopback address that stands for a customer."""

    address: str
    subscriber: str
    profile: str
    """the profile that it asked for; empty for none"""


LINES = (
    Line("127.0.0.2", "demonstration-2", "children"),
    Line("127.0.0.3", "demonstration-3", "teenagers"),
    Line("127.0.0.4", "demonstration-4", ""),
)


def write_files(folder: Path, policies: Path, ports: Ports, upstream_port: int) -> Path:
    """Write configuration and a copy of the shipped policies to ``folder``; return the former's path."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_policies(folder / "policies", policies)
    configuration = {
        "node": {"name": "demonstration"},
        "dns": {"listen": [f"127.0.0.1:{ports.dns}"], "upstreams": [f"127.0.0.1:{upstream_port}"]},
        "block_page": {kind: {"ipv4": address} for kind, address in SINKHOLES.items()},
        "cache": {"size": "16MiB"},
        "store": {"url": f"sqlite:///{folder.absolute()}/filterd.db"},
        "state_dir": "state",
        "policies": "policies",
        "control": {"listen": f"127.0.0.1:{ports.control}"},
        "metrics": {"listen": f"127.0.0.1:{ports.metrics}"},
        "orders": {"approvals": 1},
        "web": {
            "portal": {
                "listen": f"127.0.0.1:{ports.portal}",
                "public_url": f"http://127.0.0.1:{ports.portal}",
            },
            "public": {
                "listen": f"127.0.0.1:{ports.portal}",
                "public_url": f"http://127.0.0.1:{ports.portal}",
            },
            "desk": {"listen": f"127.0.0.1:{ports.desk}", "public_url": f"http://127.0.0.1:{ports.desk}"},
            "regulator": {
                "listen": f"127.0.0.1:{ports.regulator}",
                "public_url": f"http://localhost:{ports.regulator}",
            },
            "block": {"listen": [f"{address}:{ports.block}" for address in SINKHOLES.values()]},
            "health": f"127.0.0.1:{ports.web}",
        },
    }
    path = folder / "filterd.yaml"
    path.write_text("# Written anew by every make run.\n" + yaml.safe_dump(configuration, sort_keys=False))
    return path


def _write_policies(target: Path, shipped: Path) -> None:
    """Copy the shipped policies, and add a list to each category of the demonstration's names. Those of an
    earlier run stay as they are: somebody may have edited them."""
    if target.is_dir():
        return
    made = target.with_name(f"{target.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(shipped, made)
    feeds = ""
    for category, names in LISTED.items():
        source = f"lists/demonstration-{category}.txt"
        (made / source).write_text("\n".join([f"# names of make run, in {category}", *names, ""]))
        feed = {
            "id": f"demonstration-{category}",
            "source": source,
            "format": "domains",
            "category": category,
        }
        feeds += f"- {json.dumps(feed)}\n"
    with (made / "feeds.yaml").open("a") as file:
        file.write("\n# the demonstration's own\n" + feeds)
    made.rename(target)


async def prepare(config: Path, say: Callable[[str], None]) -> None:
    """Bring the store, the lines, the order, the lists and the snapshot in line with the files."""
    settings = load(config)
    await migrate.migrate(settings)
    async with open_context(settings) as context:
        say("reading the lists")
        for update in await updating.update(context):
            if update.problem:
                say(f"  {update.feed}: {update.problem}")
        say("registering three lines and one order, and compiling the policy snapshot")
        await _register(context)
        record = await snapshots.build(context)
        say(f"  {record.names} names, digest {record.digest[:16]}")


async def _register(context: Context) -> None:
    """The three lines and the order, unless they are there already."""
    known = {each.id async for each in subscribers.list_subscribers(context)}
    for line in LINES:
        if line.subscriber in known:
            continue
        await subscribers.add(context, line.subscriber)
        await bindings.add(context, line.address, line.subscriber)
        if line.profile:
            evidence = RequestEvidence("demonstration", "make run", time.time(), "2026-11", "make run")
            await subscribers.opt_in(context, line.subscriber, line.profile, evidence)
    if not await showing.list_orders(context):
        await taking.add(context, _order())


def _order() -> OrderRequest:
    return OrderRequest(
        authority="judge",
        official="Nobody",
        document="DEMO-1",
        ground="lmtr-182",
        law="None: this order is made by make run",
        reason="to show what a mandatory rule does",
        entries=((ORDERED, Scope.SUBTREE),),
    )

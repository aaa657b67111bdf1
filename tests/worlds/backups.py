"""An installation with a backup, and its restore without a command around it."""

from __future__ import annotations

from pathlib import Path

from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import restore, subscribers
from filterd.operations.backup import backup
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.restore import Restored
from tests.worlds.installation import NOW, Installation

EVIDENCE = RequestEvidence("Ana", "shop", NOW, "2026-11", "T-1")


def request(name: str) -> OrderRequest:
    """An order on one name."""
    return OrderRequest(
        authority="Court",
        official="Judge",
        document="D-1",
        ground="art. 1",
        reason="told to",
        entries=((name, Scope.SUBTREE),),
        mode=BlockingMode.NXDOMAIN,
    )


def silent(*_: object) -> None:
    """No progress is shown."""


async def put_back(installation: Installation, source: Path | None, *, accept_lost: bool = False) -> Restored:
    """Restore it; ``source`` None: in place."""
    settings, clock = installation.settings, installation.clock
    return await restore.restore(
        settings, source, "the disk broke", "root", clock, silent, accept_lost=accept_lost
    )


async def filled(installation: Installation, tmp_path: Path) -> Path:
    """Two orders, three lines of which two opted in, and a backup of that; its directory."""
    async with installation.open(approvals=1) as context:
        installation.write_policy("lists/adult.txt", "adult.example\n")
        installation.write_policy("lists/gambling.txt", "bets.example\n")
        installation.write_policy("lists/worst.txt", "worst.example\n")
        await updating.update(context)
        for name in ("one.example", "two.example"):
            await taking.add(context, request(name))
        for line in ("home", "shop", "farm"):
            await subscribers.add(context, line)
        for line in ("home", "shop"):
            await subscribers.opt_in(context, line, "child", EVIDENCE)
        await backup(context, tmp_path / "backup")
    return tmp_path / "backup"

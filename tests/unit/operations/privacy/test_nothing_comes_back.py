"""Backups put back after opt-outs, erasures and ends of consent: nothing of what ended comes back.

``LINES=1000 pytest -s`` on this file shows the counts for as many lines.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from filterd.model.arco import ArcoKind, ArcoOutcome
from filterd.model.subscriber import RequestEvidence, Subscriber
from filterd.operations import audit, closings, erasure, subscribers
from filterd.operations.backup import backup
from filterd.operations.closings import Closed
from filterd.operations.consent import ContractEvent, end
from filterd.operations.context import Context, OperationError
from filterd.operations.ends import End
from filterd.operations.importing import import_file
from filterd.operations.privacy import arco, retention
from tests.meta.test_known_failures import ROOT
from tests.worlds.backups import put_back
from tests.worlds.installation import NOW, Installation

LINES = int(os.environ.get("LINES", "60"))
BACKUPS = 4
EVIDENCE = RequestEvidence("Zacarias", "paper", NOW, "2026-11", "T-1")
MEXICO = "jurisdictions/mx.yaml"


@dataclass
class Ended:
    """All that ended after the first backup, by line and by request."""

    opted_out: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    transferred: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)


async def fill(context: Context, tmp_path: Path) -> list[str]:
    """Lines that all opted in, with own names, closings and addresses; every tenth has an ARCO request."""
    ids = [f"line-{number}" for number in range(LINES)]
    file = tmp_path / "lines.csv"
    rows = [
        f"{each},10.0.{number // 250}.{number % 250},child,Holder {number},ticket {number}"
        for number, each in enumerate(ids)
    ]
    file.write_text("subscriber,prefixes,profile,who,reference\n" + "\n".join(rows) + "\n")
    assert (await import_file(context, file, evidence=EVIDENCE)).added == LINES
    for number, each in enumerate(ids):
        await subscribers.deny(context, each, f"own-{number}.example")
        await closings.close(context, each, Closed(categories=("adult",)), End(seconds=86_400))
        if number % 10 == 0:
            await arco.add(context, each, ArcoKind.CANCELLATION, channel="letter", ticket=f"K-{number}")
    return ids


async def end_some(context: Context, ids: list[str], random_: random.Random, ended: Ended) -> None:
    """End a seventh of the lines that are left, each in one of three ways."""
    gone = ended.opted_out | ended.erased | ended.transferred
    for each in random_.sample([each for each in ids if each not in gone], LINES // 7):
        way = random_.choice(("opt-out", "erasure", "transfer"))
        if way == "opt-out":
            await subscribers.opt_out(context, each)
            ended.opted_out.add(each)
        elif way == "erasure":
            await erasure.erase(context, each, reason="asked")
            ended.erased.add(each)
        else:
            await end(context, each, ContractEvent.TRANSFERRED, reference="C-1")
            ended.transferred.add(each)
    for shown in (await arco.list_requests(context))[:1]:
        await arco.answer(context, shown.reference, ArcoOutcome.GRANTED)
        await arco.close(context, shown.reference)
        ended.requests.add(shown.reference)


async def come_back(context: Context, ended: Ended) -> list[str]:
    """Everything that is there and should not be."""
    found = {each.id: each async for each in subscribers.list_subscribers(context, limit=LINES + 1)}
    back = [f"{each} is there" for each in ended.erased & found.keys()]
    back += [
        f"{each} {what}"
        for each in ended.opted_out | ended.transferred
        for what in _choices(found[each], own=each in ended.transferred)
    ]
    open_ = {each.reference for each in await arco.list_requests(context)}
    back += [f"{each} is open" for each in ended.requests & open_]
    for each in ended.erased:
        with pytest.raises(OperationError, match="unknown subscriber"):
            await erasure.export(context, each)
    return back


def _choices(found: Subscriber, *, own: bool) -> list[str]:
    """The choices that a line still has; own names too, where consent ended with the contract."""
    choices = found.choices
    wrong = ["opted in"] if choices.opted_in or choices.profile else []
    wrong += ["has differences"] if choices.adjustments else []
    return wrong + (["has own names"] if own and choices.own_names else [])


@pytest.mark.ring("merge")
async def test_no_older_backup_brings_anything_back(installation: Installation, tmp_path: Path) -> None:
    random_ = random.Random(20261127)
    installation.write_policy(MEXICO, (ROOT / "policies" / MEXICO).read_text())
    ended, places = Ended(), []
    async with installation.open() as context:
        ids = await fill(context, tmp_path)
        for number in range(BACKUPS):
            places.append(tmp_path / f"backup-{number}")
            await backup(context, places[-1])
            await end_some(context, ids, random_, ended)
        assert await come_back(context, ended) == []
    for place in random_.sample(places, len(places)):
        done = await put_back(installation, place)
        async with installation.open() as context:
            assert await come_back(context, ended) == []
            assert (await audit.verify(context)).holds
        count = {"lines": done.lines, **done.ended_again}
        print(f"{place.name}: {count}; came back: 0")
    assert min(map(len, (ended.opted_out, ended.erased, ended.transferred, ended.requests))) > 0
    left = LINES - len(ended.erased)
    assert done.lines == left
    held = b"".join(path.read_bytes() for path in installation.base.glob("filterd.db*"))
    for each in ended.erased:
        assert f"own-{each.partition('-')[2]}.example".encode() not in held


@pytest.mark.ring("merge")
async def test_what_was_past_its_term_does_not_come_back(installation: Installation, tmp_path: Path) -> None:
    """The backup is older than the run that deleted it; the restore's clock is that of :data:`NOW`."""
    installation.now = NOW - 1900 * 86_400.0
    async with installation.open() as context:
        await subscribers.add(context, "home")
        evidence = RequestEvidence("Zacarias", "paper", installation.now, "2026-11", "T-1")
        await subscribers.opt_in(context, "home", "child", evidence)
        await subscribers.opt_out(context, "home")
        await backup(context, tmp_path / "copy")
        installation.now = NOW
        assert (await retention.run(context)).deleted["consent"] == 1
    await put_back(installation, tmp_path / "copy")
    async with installation.open() as context:
        assert (await erasure.export(context, "home"))["requests"] == []
        assert (await retention.prove(context)).residue.clean

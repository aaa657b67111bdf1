"""Control's watch over drift: each change is logged once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.records import NodeReport
from filterd.operations import nodes
from filterd.serve.list_watch import ListWatch
from filterd.telemetry import log
from tests.worlds.installation import NOW, install

REPORT = NodeReport("a", NOW, 0, 0, "0" * 64, ready=True, lists={})
RIGHT = replace(REPORT, snapshot_digest="")


async def test_each_change_is_told_once_and_the_drifted_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("control")
    watch = ListWatch()
    async with (await install(tmp_path)).open() as context:
        counts = []
        for reports in ((RIGHT,), (REPORT,), (REPORT, replace(REPORT, name="b")), (RIGHT,), (RIGHT,)):
            for each in reports:
                await nodes.record(context, each)
            counts.append(await watch.look(context))
    assert counts == [0, 1, 2, 1, 1]
    told = [line for line in capsys.readouterr().err.splitlines() if "lists" in line]
    assert len(told) == 3
    assert all("the store has no record of its snapshot 000000000000" in line for line in told[:2])
    assert "filterd node show NODE" in told[0]
    assert "runs the right lists again" in told[2]

"""Lines on a role's standard input: settings, and the word to hand over."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

import pytest

from filterd.config.load import from_value
from filterd.serve.settings_input import HAND_OVER, SettingsWatcher


@pytest.mark.parametrize("cut", [1, 7, len(HAND_OVER)])
async def test_each_line_has_its_effect_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    settings = from_value({"dns": {"upstreams": ["192.0.2.53"]}}, base=tmp_path)
    heard: list[object] = []
    ended = asyncio.Event()
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", 0) as to:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(source))
        watcher = SettingsWatcher(
            heard.append, lambda: heard.append("refused"), ended.set, lambda: heard.append("hand over")
        )
        watcher.start()
        to.write(settings.to_json().encode() + b"\nnonsense\n" + HAND_OVER[:cut])
        await asyncio.sleep(0.05)
        to.write(HAND_OVER[cut:] + b"\n")
        to.close()
        await asyncio.wait_for(ended.wait(), 30)
    assert heard == [settings, "refused", "hand over"]

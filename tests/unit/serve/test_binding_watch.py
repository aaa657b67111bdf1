"""Control says once a day that bindings change as only sessions do."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from filterd.operations import bindings, subscribers
from filterd.serve.binding_watch import BindingWatch
from filterd.telemetry import log
from tests.worlds.installation import install

EVENT = "bindings change as only sessions do"


async def test_it_is_said_once_a_day_and_names_no_address(tmp_path: Path) -> None:
    said = io.StringIO()
    log.configure("control", said)
    watch = BindingWatch()
    async with (await install(tmp_path)).open() as context:
        await subscribers.add(context, "S-1")
        for each in range(3):
            await bindings.add(context, f"192.0.2.{each}", "S-1")
        await BindingWatch().look(context)
        assert EVENT not in said.getvalue()
        await bindings.add(context, "192.0.2.9", "S-1")
        await watch.look(context)
        await watch.look(context)
        assert said.getvalue().count(EVENT) == 1
        assert "192.0.2" not in said.getvalue()
        later = replace(context, clock=lambda: context.clock() + bindings.DAY)
        await bindings.remove(context, "192.0.2.9")
        for each in range(4):
            await bindings.add(later, f"192.0.2.{each + 10}", "S-1")
        await watch.look(later)
        assert said.getvalue().count(EVENT) == 2

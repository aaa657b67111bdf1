"""Unit tests compile snapshots in their own process.

The compiler's process starts Python anew and runs only while no other process wants the processor (sched(7),
SCHED_IDLE): beside other tests it waits for seconds. Tests of the process itself carry the mark
``compiler_process``; all tests outside tests/unit have the real one.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from filterd.operations import compile as compiling
from filterd.operations import compiler_process
from filterd.operations.compiler_process import Progress


async def compile_here(job: bytes, rules: int, progress: Progress | None) -> dict[str, Any]:
    """What :func:`filterd.operations.compiler_process.compile_job` returns and raises, without a process."""

    def told(reading: str, taken: int) -> None:
        if progress is not None:
            loop.call_soon_threadsafe(compiler_process.tell, progress, reading, taken, rules)

    loop = asyncio.get_running_loop()
    try:
        answer = await asyncio.to_thread(compiling.run, json.loads(job), told)
    except Exception as error:
        raise compiler_process.not_built(compiling.reason_of(error)) from None
    decoded: dict[str, Any] = json.loads(json.dumps(answer))
    return decoded


@pytest.fixture(autouse=True)
def compiler_in_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the compiler's process."""
    if request.node.get_closest_marker("compiler_process") is None:
        monkeypatch.setattr(compiler_process, "compile_job", compile_here)

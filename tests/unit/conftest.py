"""Unit tests compile snapshots in their own process.

The compiler's process starts Python anew and runs only while no other process wants the processor (sched(7),
SCHED_IDLE): beside other tests it waits for seconds. Tests of the process itself carry the mark
``compiler_process``; all tests outside tests/unit have the real one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from filterd.operations.compiler_process import Progress

PROCESS = "filterd.operations.compiler_process"


async def compile_here(job: bytes, rules: int, progress: Progress | None) -> dict[str, Any]:
    """What :func:`filterd.operations.compiler_process.compile_job` returns and raises, without a process."""
    from filterd.operations import compile as compiling
    from filterd.operations import compiler_process

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
    """Replace the compiler's process, for tests that import it: those of the data plane and the native core,
    also under a sanitizer, do without the libraries of the control plane."""
    process = sys.modules.get(PROCESS)
    if process is not None and request.node.get_closest_marker("compiler_process") is None:
        monkeypatch.setattr(process, "compile_job", compile_here)

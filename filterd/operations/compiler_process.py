"""Runs a compiler's job in a process of its own, and reads its answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

from filterd.operations.context import OperationError

Progress = Callable[[str, int, int], None]
"""called with what is being done, how many rules were taken, and of how many"""


async def compile_job(job: bytes, rules: int, progress: Progress | None) -> dict[str, Any]:
    """Run a job in a process of its own; ``rules`` is how many its feeds have, for ``progress``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # not from whatever directory the command was typed in
        "-m",
        "filterd.operations.compile",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        answer, errors = await _answer_of(process, job, rules, progress)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        raise not_built(lines[-1] if lines else f"exit {process.returncode}")
    return answer


def not_built(reason: str) -> OperationError:
    """The error of a job that failed."""
    message = f"the snapshot was not built: {reason}"
    return OperationError(message, "the snapshot before it stays in force; mend the cause and build again")


async def _answer_of(
    process: asyncio.subprocess.Process, job: bytes, rules: int, progress: Progress | None
) -> tuple[dict[str, Any], bytes]:
    """The last line of the compiler's output, and all of its standard error, when it has ended."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        message = "the compiler has no pipes"
        raise RuntimeError(message)
    errors = asyncio.ensure_future(process.stderr.read())
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended; standard error says why
        process.stdin.write(job)
        await process.stdin.drain()
    process.stdin.close()
    answer: dict[str, Any] = {}
    async for line in process.stdout:
        answer = json.loads(line)
        if progress is not None and "rules" in answer:
            tell(progress, answer["list"], answer["rules"], rules)
    await process.wait()
    return answer, await errors


def tell(progress: Progress, reading: str, taken: int, rules: int) -> None:
    """Tell ``progress`` of the list that is being read, and of the rules taken so far."""
    progress(f"{reading}: {taken:,} rules", min(taken, rules), rules)

"""A process that performs use cases in children of its own, so that each can be killed at any moment.

    python -m tests.chaos.performer

A fork of a process with everything imported: a kill hits the use case, and not the imports of a command. One
request a line of JSON comes in, one line goes out with the child's process id and one with the way it ended,
as ``os.waitstatus_to_exitcode`` tells it: 0 is the acknowledgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from filterd.config.load import from_value
from filterd.config.settings import OrderSettings
from filterd.operations import backup, key_rotation, restore, snapshots, subscribers
from filterd.operations.context import Context, OperationError, open_context
from filterd.operations.feeds import updating
from filterd.operations.orders import ending, taking
from filterd.operations.privacy import retention
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating
from filterd.store.errors import StoreError
from tests.chaos import site as sites

REFUSED = 3
"""the exit code of a use case that was refused"""
USUAL: dict[str, float] = {}
"""an act -> the seconds that it took when it came to its end; one that has not yet is not killed"""


async def _update(context: Context) -> None:
    await updating.update(context)
    await snapshots.build(context)


async def _rotate(context: Context) -> None:
    await key_rotation.rotate(context, reason="yearly")
    await rotating.rotate(context, Purpose.CHECKPOINT, reason="yearly")


ACTS: dict[str, Callable[..., Awaitable[object]]] = {
    "opt-in": sites.opt_in,
    "opt-out": lambda context, who: subscribers.opt_out(context, who, reason="asked"),
    "order": lambda context, *names: taking.add(context, sites.order_of(*names)),
    "approve": taking.approve,
    "withdraw": lambda context, reference: ending.withdraw(context, reference, reason="lifted"),
    "update": _update,
    "backup": lambda context, target: backup.backup(context, Path(target)),
    "retention": retention.run,
    "rotate": _rotate,
}
RESTORE = "restore"
"""the one act that opens no store by itself"""


async def _done(config: Path, act: str, actor: str, approvals: int, words: list[str]) -> None:
    settings = from_value(yaml.safe_load(config.read_text()), base=config.parent)
    settings = replace(settings, orders=OrderSettings(approvals))
    if act == RESTORE:
        await restore.restore(
            settings, Path(words[0]), "the disk was lost", actor, time.time, lambda *_: None
        )
        return
    async with open_context(settings, actor=actor) as context:
        await ACTS[act](context, *words)


def serve() -> None:
    """Perform what is asked for on standard input, until it ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(asked)
        _tell(pid)
        _tell(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _child(asked: dict[str, Any]) -> None:
    code = 1
    try:
        asyncio.run(_done(Path(asked.pop("config")), **asked))
        code = 0
    except (OperationError, StoreError) as error:
        print(f"{asked['act']}: {error}", file=sys.stderr, flush=True)
        code = REFUSED
    finally:
        os._exit(code)


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


@dataclass
class Performer:
    """That process, as a round has it."""

    log: Path
    _process: subprocess.Popen[str] | None = None

    def perform(
        self,
        config: Path,
        act: str,
        *words: str,
        after: float | None = None,
        actor: str = "ana",
        approvals: int = 1,
    ) -> int:
        """How the act ended: 0, 3 where it was refused, or -9. ``after``: the part of its usual time after
        which it is killed; None: never."""
        process = self._process or self._begin()
        assert process.stdin is not None
        assert process.stdout is not None
        asked = {"config": str(config), "act": act, "actor": actor, "approvals": approvals, "words": words}
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        pid, began = int(process.stdout.readline()), time.monotonic()
        if after is not None and act in USUAL:
            time.sleep(after * USUAL[act])
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended = int(process.stdout.readline())
        if ended == 0:
            USUAL[act] = time.monotonic() - began
        return ended

    def _begin(self) -> subprocess.Popen[str]:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.performer"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self._process

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


if __name__ == "__main__":
    serve()

"""A clock on the wall that a test moves, for the processes of an installation that runs."""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")


class ShiftedClock:
    """The clock of the processes that are started with :attr:`environment`."""

    def __init__(self, folder: Path) -> None:
        """Skips the test where there is no compiler."""
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("a clock that can be moved takes a C compiler")
        built, file = folder / "shifted_clock.so", folder / "clock"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", built, SOURCE, "-ldl"], check=True)
        file.write_bytes(struct.pack("q", 0))
        with file.open("r+b") as opened:
            self._ahead = mmap.mmap(opened.fileno(), 8)
        preload = ":".join(filter(None, (os.environ.get("LD_PRELOAD"), str(built))))
        self.environment = {"LD_PRELOAD": preload, "SHIFTED_CLOCK": str(file)}

    def now(self) -> float:
        """The time that it shows, Unix seconds."""
        return time.time() + float(struct.unpack("q", self._ahead[:8])[0])

    def move_to(self, moment: float) -> None:
        """Show this time from now on."""
        self._ahead[:8] = struct.pack("q", int(moment - time.time()))

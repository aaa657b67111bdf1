"""A file that a person gave to a command: opened once, judged, and read by its descriptor from then on."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GivenFile:
    """An open file; its text is the path as it was typed. Whatever stands at that path meanwhile does not
    matter. It offers what readers use of a :class:`~pathlib.Path`."""

    path: Path
    descriptor: int

    def __str__(self) -> str:
        return str(self.path)

    def stat(self) -> os.stat_result:
        """The status of the open file."""
        return os.fstat(self.descriptor)

    @property
    def is_regular(self) -> bool:
        """False for a pipe, a device or a directory."""
        return stat.S_ISREG(self.stat().st_mode)

    def open(self, mode: str = "rb") -> BufferedReader:
        """The file from its beginning. One reader at a time: they share their place in it."""
        if mode != "rb":
            message = "a given file is read as bytes"
            raise ValueError(message)
        copy = os.dup(self.descriptor)
        with contextlib.suppress(OSError):  # a pipe has no beginning to go back to
            os.lseek(copy, 0, os.SEEK_SET)
        return os.fdopen(copy, "rb")

    def read_bytes(self) -> bytes:
        """The whole content."""
        with self.open() as file:
            return file.read()

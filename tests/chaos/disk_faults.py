"""Faults of disk and clock for a process that a test starts, steered while it runs: errors and delays below
two paths, and a wrong time.

The library is compiled once in a run; ``available`` says no where there is no C compiler.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).with_name("disk_faults.c")
FIELDS = ("writes", "partly", "syncs", "reads", "opens", "wait", "hang", "met", "ahead")
"""of ``struct slot`` in disk_faults.c, each an int32"""
SLOTS = 2
SIZE = 4 * len(FIELDS)
NODE, STORE = range(SLOTS)
"""the slots of an installation: the node's directory, and the store with the files beside it"""


def available() -> bool:
    """True if the library can be compiled here."""
    return shutil.which("gcc") is not None


def compile_library(folder: Path) -> Path:
    """Compile it in a folder; its path."""
    library = folder / "disk_faults.so"
    words = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(words, check=True, capture_output=True)
    return library


@dataclass
class DiskFaults:
    """The faults of the processes that are started with :attr:`environment`."""

    library: Path
    control: Path
    paths: tuple[Path, Path]
    """what lies below these, in the order of the slots"""
    _map: mmap.mmap = field(init=False)

    def __post_init__(self) -> None:
        self.control.write_bytes(bytes(SLOTS * SIZE))
        descriptor = os.open(self.control, os.O_RDWR | os.O_CLOEXEC)
        self._map = mmap.mmap(descriptor, SLOTS * SIZE)
        os.close(descriptor)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the process."""
        return {
            "LD_PRELOAD": str(self.library),
            "CHAOS_DISK": str(self.control),
            "CHAOS_DISK_PATHS": ":".join(map(str, self.paths)),
        }

    def set(self, slot: int, **values: int) -> None:
        """Set some fields of a slot; the others stay."""
        for name, value in values.items():
            struct.pack_into("=i", self._map, slot * SIZE + 4 * FIELDS.index(name), value)

    def full(self, slot: int, partly: int = 0) -> None:
        """No room: of the next write ``partly`` bytes still fit."""
        self.set(slot, writes=errno.ENOSPC, opens=errno.ENOSPC, partly=partly)

    def broken(self, slot: int, *, reads: bool = False) -> None:
        """Writes and syncs fail with EIO, or reads alone."""
        if reads:
            self.set(slot, reads=errno.EIO)
        else:
            self.set(slot, writes=errno.EIO, syncs=errno.EIO)

    def step_clock(self, seconds: int) -> None:
        """The clock of the processes is ahead by so much; negative: behind."""
        self.set(NODE, ahead=seconds)

    def met(self, slot: int) -> int:
        """How often a fault of the slot was met."""
        found: int = struct.unpack_from("=i", self._map, slot * SIZE + 4 * FIELDS.index("met"))[0]
        return found

    def mend(self) -> None:
        """Disk and clock are well again."""
        for slot in range(SLOTS):
            self.set(slot, **{name: 0 for name in FIELDS if name != "met"})

    def close(self) -> None:
        """End the mapping; processes keep theirs."""
        self.mend()
        self._map.close()

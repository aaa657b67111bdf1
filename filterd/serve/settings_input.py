"""Reads a role's settings from its standard input: one line of JSON at the start, and one for each reload.

The line :data:`HAND_OVER` is no settings: the end of the input that follows does not end the resolver, which
answers until its successor does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from filterd.config.settings import Settings

HAND_OVER = b'{"hand_over":true}'
_LARGEST = 1 << 20


def first_settings() -> Settings:
    """Wait for the first line. Raises ValueError if it is not settings, and at the end of input."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)  # unbuffered: what follows belongs to the watcher
        if not byte or len(line) > _LARGEST:
            msg = "the settings are a line of JSON on standard input; filterd serve writes it"
            raise ValueError(msg)
        line += byte
    return Settings.from_json(line.decode())


@dataclass(slots=True)
class SettingsWatcher:
    """Calls ``reload`` with the settings of each further line, ``refuse`` for an invalid line, ``end`` at the
    end of input, and ``hand_over`` when the role is told so."""

    reload: Callable[[Settings], None]
    refuse: Callable[[], None]
    end: Callable[[], None]
    hand_over: Callable[[], None] = lambda: None
    _waiting: bytes = b""

    def start(self) -> None:
        """Begin to watch, on the running loop."""
        descriptor = sys.stdin.fileno()
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            piece = os.read(sys.stdin.fileno(), 65536)
        except BlockingIOError:
            return
        if not piece:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.end()
            return
        *lines, self._waiting = (self._waiting + piece).split(b"\n")
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        if line == HAND_OVER:
            self.hand_over()
            return
        try:
            settings = Settings.from_json(line.decode())
        except (ValueError, TypeError):
            self.refuse()
            return
        self.reload(settings)

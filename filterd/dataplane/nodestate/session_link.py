"""The connection to control's stream of sessions: a plain Unix socket, read by one thread, frame by frame."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Self

from filterd.wire.session_stream import ENTRY_SIZE, FRAME_SIZE, Frame, FrameKind

_CONNECT_SECONDS = 1.0
_READ_SIZE = 65_536


class SessionLink:
    """One connection. A context manager that closes it."""

    def __init__(self, path: Path) -> None:
        """Connects. Raises ``OSError`` where control does not listen there."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._received = bytearray()
        try:
            self._socket.settimeout(_CONNECT_SECONDS)
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def hello(self, stream: int, sequence: int) -> None:
        """Ask for what comes behind this place; 0 and 0: for everything."""
        self._socket.sendall(Frame(FrameKind.HELLO, sequence, stream).to_bytes())

    def next(self, seconds: float) -> tuple[Frame, bytes] | None:
        """The next frame and its entries; None where it is not complete within ``seconds``, and nothing of it
        is lost. Raises StreamError for bytes that are no frame, and ``OSError`` at the end."""
        self._socket.settimeout(seconds)
        while True:
            if len(self._received) >= FRAME_SIZE:
                frame = Frame.from_bytes(bytes(self._received[:FRAME_SIZE]))
                end = FRAME_SIZE + ENTRY_SIZE * frame.entries
                if len(self._received) >= end:
                    entries = bytes(self._received[FRAME_SIZE:end])
                    del self._received[:end]
                    return frame, entries
            try:
                found = self._socket.recv(_READ_SIZE)
            except TimeoutError:
                return None
            if not found:
                msg = "control closed the stream of sessions"
                raise ConnectionResetError(msg)
            self._received += found

"""A control that says on the stream of sessions what a test tells it to."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from filterd.wire.session_stream import FRAME_SIZE, MOST_ENTRIES, EntryTable, Frame, FrameKind, SessionEntry

PATIENCE = 20.0


def entry(text: str, line: int, left: int = 3600) -> SessionEntry:
    """The entry for a prefix, or for ``192.0.2.1:1024-2047`` where the range is one aligned prefix."""
    if ":" in text and "." in text:
        address, _, ports = text.partition(":")
        first, last = map(int, ports.split("-"))
        place = ip_network(address).network_address.packed + first.to_bytes(2) + bytes(10)
        return SessionEntry(place, 48 - (last - first).bit_length(), line, left, EntryTable.PORTS, 1)
    network = ip_network(text)
    packed, length = network.network_address.packed, network.prefixlen
    if network.version == 4:
        packed, length = bytes(10) + b"\xff\xff" + packed, 96 + length
    return SessionEntry(packed, length, line, left, EntryTable.ADDRESSES, 1)


class Conversation:
    """One connection of a resolver; ``hello`` is what it asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.settimeout(PATIENCE)
        self.hello = Frame.from_bytes(connection.recv(FRAME_SIZE, socket.MSG_WAITALL))

    def send(
        self,
        kind: FrameKind,
        entries: Sequence[SessionEntry] = (),
        *,
        place: tuple[int, int] = (1, 1),
        complete: bool = True,
    ) -> None:
        """One frame; ``place`` is the stream and the sequence number."""
        frame = Frame(kind, place[1], place[0], len(entries), complete)
        self.connection.sendall(frame.to_bytes() + b"".join(each.to_bytes() for each in entries))

    def tell_all(
        self, entries: Sequence[SessionEntry], *, place: tuple[int, int] = (1, 1), complete: bool = True
    ) -> None:
        """The full state."""
        self.send(FrameKind.BEGIN, place=place, complete=complete)
        for start in range(0, len(entries), MOST_ENTRIES):
            part = entries[start : start + MOST_ENTRIES]
            self.send(FrameKind.FULL, part, place=place, complete=complete)
        self.send(FrameKind.END, place=place, complete=complete)

    def close(self) -> None:
        """End the connection."""
        self.connection.close()


class ScriptedControl:
    """The listening side."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self._listener.settimeout(PATIENCE)
        self._open: list[Conversation] = []

    def accept(self) -> Conversation:
        """The next resolver that connects."""
        found = Conversation(self._listener.accept()[0])
        self._open.append(found)
        return found

    def close(self) -> None:
        """Be gone, as after a kill: the socket's file stays."""
        self._listener.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

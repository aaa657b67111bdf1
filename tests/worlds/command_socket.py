"""Control's end of the command socket of sessions, for tests of those who speak to it."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any


class Control:
    """Takes every command, and answers each with one reply."""

    def __init__(self, path: Path) -> None:
        self.commands: list[dict[str, Any]] = []
        self.reply = b'{"taken": 1, "unregistered": 0, "refused": []}\n'
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    if line == b"stop\n":
                        return
                    self.commands.append(json.loads(line))
                    connection.sendall(self.reply)

    def close(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as to:
            to.connect(str(path))
            to.sendall(b"stop\n")
        self._thread.join()
        self._socket.close()

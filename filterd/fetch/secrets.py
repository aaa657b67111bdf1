"""Secrets of logins, read from their files at each use: a changed one needs no restart."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CREDENTIAL = "credential:"
"""what begins the name of a systemd credential: ``LoadCredential=`` in the unit (systemd.exec(5))"""
LONGEST = 8192
"""bytes of a secret"""


class SecretError(Exception):
    """A secret cannot be used; the message names its file and nothing of its content."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The places where secrets lie: paths are relative to ``base``."""

    base: Path
    environment: Mapping[str, str] | None = None
    """None: that of the process"""

    def path(self, name: str) -> Path:
        """The file of a secret: ``/path``, ``path``, or ``credential:NAME``. Raises SecretError."""
        if not name.startswith(CREDENTIAL):
            return self.base / name
        credential = name.removeprefix(CREDENTIAL)
        directory = (os.environ if self.environment is None else self.environment).get(
            "CREDENTIALS_DIRECTORY", ""
        )
        if not directory:
            message = f"{name}: this process has no credentials (LoadCredential={credential}:... in its unit)"
            raise SecretError(message)
        if "/" in credential or credential in {"", ".", ".."}:
            message = f"{name}: is no name of a credential"
            raise SecretError(message)
        return Path(directory) / credential

    def read(self, name: str) -> str:
        """The secret, without the newline at its end. Raises SecretError."""
        path = self.path(name)
        try:
            with path.open("rb") as file:
                content = file.read(LONGEST + 1)
        except OSError as error:
            message = f"{path}: {error.strerror}"
            raise SecretError(message) from None
        text = content.rstrip(b"\r\n")
        if not text or len(content) > LONGEST:
            message = f"{path}: is empty" if not text else f"{path}: has more than {LONGEST} bytes"
            raise SecretError(message)
        if any(byte < 32 or byte == 127 for byte in text):
            message = f"{path}: has more than one line, or control characters"
            raise SecretError(message)
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError:
            message = f"{path}: is not UTF-8"
            raise SecretError(message) from None

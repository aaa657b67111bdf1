"""The secrets that accounting clients share with filterd, each in the first line of its file."""

from __future__ import annotations

from pathlib import Path

LONGEST = 4096
"""bytes of a secret"""


class SecretFileError(Exception):
    """A secret cannot be used; the message names its file and nothing of its content."""


def read_secret(path: Path) -> bytes:
    """The first line of the file, without its end. Raises SecretFileError."""
    try:
        with path.open("rb") as file:
            line = file.readline(LONGEST + 2)
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise SecretFileError(message) from error
    secret = line.rstrip(b"\r\n")
    if not secret or len(secret) > LONGEST:
        message = f"{path}: its first line is empty" if not secret else f"{path}: more than {LONGEST} bytes"
        raise SecretFileError(message)
    return secret

"""The secrets that accounting clients share with filterd, each in a line of its file."""

from __future__ import annotations

from pathlib import Path

LONGEST = 4096
"""bytes of a secret"""
MOST = 2
"""secrets of a file: the new one, and the old one until all senders have the new one"""


class SecretFileError(Exception):
    """A secret cannot be used; the message names its file and nothing of its content."""


def read_secrets(path: Path) -> tuple[bytes, ...]:
    """The first line of the file and, where it has one, the second, without their ends. Raises
    SecretFileError."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST * (LONGEST + 2) + 1)
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise SecretFileError(message) from error
    lines = [each.rstrip(b"\r") for each in text.rstrip(b"\r\n").split(b"\n")]
    if not lines[0]:
        message = f"{path}: its first line is empty"
    elif max(map(len, lines)) > LONGEST:
        message = f"{path}: more than {LONGEST} bytes"
    elif len(lines) > MOST:
        message = f"{path}: it has more than two lines; the first is the secret, the second one of before"
    else:
        return tuple(filter(None, lines))
    raise SecretFileError(message)

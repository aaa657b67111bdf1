"""The secrets that accounting clients share with filterd, each in a line of its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from filterd.config.accounting_settings import RadiusSettings
from filterd.config.cautions import Caution

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


def has_white_space(secrets: tuple[bytes, ...]) -> bool:
    """True where a secret begins or ends with white space: it belongs to the secret, and nobody sees it."""
    return any(each != each.strip() for each in secrets)


def cautions_on_secrets(radius: RadiusSettings | None) -> Iterator[Caution]:
    """The warnings on secret files: those that cannot be used, and those with white space at a line's end. Of
    their content nothing is told."""
    told: set[Path] = set()
    for at, client in enumerate(() if radius is None else radius.clients):
        path, key = client.secret_file, f"accounting.radius.clients[{at}].secret_file"
        if path in told:
            continue
        told.add(path)
        try:
            secrets = read_secrets(path)
        except SecretFileError as error:
            yield Caution(
                key,
                f"it cannot be used, and the packets of its clients are dropped: {error}",
                "write the secret into its first line and let the service read it; control takes it within a "
                "second",
            )
            continue
        if has_white_space(secrets):
            yield Caution(
                key,
                f"{path}: a line of it begins or ends with white space, which belongs to the secret",
                "take the white space out, unless the senders have it in theirs too",
            )

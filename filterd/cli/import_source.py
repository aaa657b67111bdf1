"""Opens the file of an import: one that this user can read, or standard input."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from filterd.cli import sudo
from filterd.cli.failure import Failure
from filterd.disk.given_file import GivenFile

STDIN = Path("-")


def named(file: Path) -> str:
    """The file as messages name it."""
    return "standard input" if file == STDIN else str(file)


@contextmanager
def opened(file: Path, form: str = "a CSV file") -> Iterator[tuple[Path | GivenFile, int]]:
    """The file to read, judged (:mod:`filterd.cli.sudo`), and its size. Standard input is kept in a file of
    this user for as long: an import reads its file twice. ``form``: what to give. Raises Failure."""
    if file == STDIN:
        with NamedTemporaryFile(prefix="filterd-import-") as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.flush()
            yield Path(kept.name), kept.tell()
        return
    try:
        # Not blocking: a named pipe would wait for its writer.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(file, form, error) from None
    try:
        os.set_blocking(descriptor, True)
        sudo.require_readable(descriptor, str(file))
        yield GivenFile(file, descriptor), os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _unreadable(file: Path, form: str, error: OSError) -> Failure:
    from filterd.operations.rights import this_user

    message = f"{file} cannot be read as {this_user()}: {error.strerror}"
    if not isinstance(error, PermissionError):
        return Failure(message, f"give {form} that is there, or - for standard input")
    arguments = ["-" if each == str(file) else each for each in sys.argv]
    command = f"{shlex.join(arguments)} < {shlex.quote(str(file))}"
    return Failure(
        message,
        f"put it where {this_user()} can read it; or let the shell read it: sudo -u {this_user()} {command}",
    )

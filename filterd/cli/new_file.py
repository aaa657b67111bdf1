"""Writes what a command made to a file that is new: whole, or not at all."""

from __future__ import annotations

from pathlib import Path

from filterd.cli import sudo
from filterd.cli.failure import Failure
from filterd.disk.files import write_new


def write(out: Path, content: bytes, purpose: str) -> None:
    """Write it where the person behind sudo may have it written. ``purpose``: what it is, in the plural.
    Raises Failure; nothing of it then stands there."""
    place = sudo.written_place(out, purpose)
    try:
        write_new(place, content)
    except OSError as error:
        message = f"{out} was not written: {error.strerror}"
        remedy = "name a file that is not there yet, in a directory of yours that has room, and repeat it"
        raise Failure(message, remedy) from error

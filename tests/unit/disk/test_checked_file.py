"""Small files with a checksum: what was written comes back, an old file is read once, a damaged one never."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from filterd.disk import checked_file
from filterd.disk.checked_file import DamagedFileError

OLD = re.compile(rb"[a-z]+\n?")


@pytest.mark.parametrize("content", [b"", b"text\n", bytes(range(256)), b"filterd-file 1 0 \n"])
def test_the_content_comes_back(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one"
    checked_file.write(path, content)
    assert checked_file.read(path) == content
    assert path.read_bytes().endswith(b"\n" + content)


def test_a_file_of_the_version_before_is_read(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"old\n")
    assert checked_file.read(path, OLD) == b"old\n"
    with pytest.raises(DamagedFileError, match="one does not begin as it has to"):
        checked_file.read(path)
    for text in (b"", b"\0" * 90, b"old\nand more\n"):
        path.write_bytes(text)
        with pytest.raises(DamagedFileError, match="does not begin"):
            checked_file.read(path, OLD)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text[:-1], "has 3 bytes behind its first line, which says 4"),
        (lambda text: text + b"x", "has 5 bytes"),
        (lambda text: text[:-1] + b"x", "does not match its checksum"),
        (
            lambda text: text.replace(b"file 1", b"file 2"),
            "is of version 2, and this filterd reads version 1",
        ),
        (lambda text: text[:40], "has an altered first line"),
        (lambda text: bytes(90) + text[90:], "does not begin as it has to"),
        (lambda text: b"g" + text[1:], "does not begin as it has to"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: object, says: str) -> None:
    path = tmp_path / "one"
    assert callable(damage)
    path.write_bytes(damage(checked_file.checked(b"text")))
    with pytest.raises(DamagedFileError, match=says):
        checked_file.read(path, OLD)


def test_what_could_not_be_read_to_its_end_is_refused(tmp_path: Path) -> None:
    """A pointer of 30 GB took the resolver's memory at each start, and a pipe kept it from starting."""
    pipe, long = tmp_path / "pipe", tmp_path / "long"
    os.mkfifo(pipe)
    with pytest.raises(DamagedFileError, match="is no regular file"):
        checked_file.read(pipe)
    with long.open("wb") as file:
        file.truncate(30 << 30)
    with pytest.raises(DamagedFileError, match="has 32212254720 bytes"):
        checked_file.read(long)
    with pytest.raises(IsADirectoryError):
        checked_file.read(tmp_path)

"""Durable files: what is synced and when, and what stands when the disk refuses."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from filterd.disk import files


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The order of what is asked of the disk: the kind of each synced file, and renames."""
    seen: list[str] = []
    sync, rename = os.fsync, os.rename

    def fsync(descriptor: int) -> None:
        seen.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def renamed(source: Path, target: Path) -> None:
        seen.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", renamed)
    return seen


def test_a_file_is_synced_before_it_gets_its_name_and_the_directory_after(
    tmp_path: Path, calls: list[str]
) -> None:
    files.replace_file(tmp_path / "name", [b"con", bytearray(b"te"), memoryview(b"nt")])
    assert calls == ["file", "rename", "directory"]
    assert (tmp_path / "name").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "name").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["name"]


def test_the_old_content_stands_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.replace_file(tmp_path / "name", [b"old"])

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as disk, pytest.raises(OSError, match="full"):
        disk.setattr(os, "fsync", full)
        files.replace_file(tmp_path / "name", [b"new"])
    assert (tmp_path / "name").read_bytes() == b"old"
    files.replace_file(tmp_path / "name", [b"newer"])
    assert (tmp_path / "name").read_bytes() == b"newer"


def test_a_long_file_is_synced_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    sync = os.fdatasync

    def fdatasync(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    monkeypatch.setattr(files, "SYNC_STEP", 4)
    files.replace_file(tmp_path / "name", [b"0123456789"])
    assert sizes == [4, 8]
    assert (tmp_path / "name").read_bytes() == b"0123456789"


def test_a_new_directory_is_for_its_owner_and_durable(tmp_path: Path, calls: list[str]) -> None:
    files.make_directory(tmp_path / "state")
    files.make_directory(tmp_path / "state")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert calls == ["directory"]


def test_bytes_are_written_in_place_whole_and_then_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    write, sync = os.pwrite, os.fdatasync

    def short(descriptor: int, data: memoryview, offset: int) -> int:
        done.append("write")
        return write(descriptor, data[:2], offset)

    def fdatasync(descriptor: int) -> None:
        done.append("sync")
        sync(descriptor)

    monkeypatch.setattr(os, "pwrite", short)
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    path = tmp_path / "log"
    path.write_bytes(b"0123456789")
    descriptor = os.open(path, os.O_RDWR)
    try:
        files.write_at(descriptor, b"abcde", 3)
        assert done == ["write", "write", "write", "sync"]
        assert files.read_at(descriptor, 2, 7) == b"2abcde8"
        with pytest.raises(OSError, match="lost its end"):
            files.read_at(descriptor, 8, 3)
    finally:
        os.close(descriptor)

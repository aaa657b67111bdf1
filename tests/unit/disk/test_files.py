"""Durable files: what is synced and when, and what stands when the disk refuses."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from filterd.disk import files
from tests.worlds.small_disk import FILL, run_on_small_disk


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


FULL = (
    FILL
    + """
from filterd.disk.files import replace_file
replace_file(DISK / "name", [b"old"])
fill()
os.truncate(DISK / "filler", os.stat(DISK / "filler").st_size - 65536)
for _ in range(3):
    try:
        replace_file(DISK / "name", [bytes(1 << 20)])
    except OSError as error:
        print(error.errno == errno.ENOSPC, sorted(os.listdir(DISK)), (DISK / "name").read_bytes())
replace_file(DISK / "other", [bytes(60000)])
"""
)


def test_a_full_disk_gets_its_room_back(tmp_path: Path) -> None:
    said = run_on_small_disk(tmp_path / "disk", FULL)
    assert said.splitlines() == ["True ['filler', 'name'] b'old'"] * 3


def test_left_over_drafts_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".name.new", "name", ".name", "name.new"):
        (tmp_path / name).touch()
    (tmp_path / ".directory.new").mkdir()
    files.drop_drafts(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == [".directory.new", ".name", "name", "name.new"]
    files.drop_drafts(tmp_path / "none")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_directories_and_files_are_for_their_owner_alone_whoever_made_them(
    tmp_path: Path, umask: int
) -> None:
    (tmp_path / "old").mkdir(0o777)
    (tmp_path / "old").chmod(0o755)
    (tmp_path / ".name.new").touch(0o666)
    (tmp_path / ".name.new").chmod(0o666)
    before = os.umask(umask)
    try:
        files.make_directory(tmp_path / "old")
        files.make_directory(tmp_path / "new" / "below")
        files.replace_file(tmp_path / "name", [b"content"])
    finally:
        os.umask(before)
    modes = {each: stat.S_IMODE((tmp_path / each).stat().st_mode) for each in ("old", "new", "new/below")}
    assert set(modes.values()) == {0o700}, modes
    assert stat.S_IMODE((tmp_path / "name").stat().st_mode) == 0o600


def test_what_others_share_by_intention_is_left_alone(tmp_path: Path) -> None:
    shared, link, file = tmp_path / "shared", tmp_path / "link", tmp_path / "file"
    shared.mkdir()
    shared.chmod(0o1777)
    file.touch(0o644)
    link.symlink_to(file)
    assert not files.close_to_others(shared)
    assert not files.close_to_others(link)
    assert not files.close_to_others(tmp_path / "none")
    assert (shared.stat().st_mode & 0o7777, file.stat().st_mode & 0o777) == (0o1777, 0o644)
    assert files.close_to_others(file)
    assert not files.close_to_others(file)


def test_a_file_in_the_place_of_a_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file"):
        files.make_directory(tmp_path / "file")


def test_a_new_file_stands_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def linkless(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    path = tmp_path / "report.pdf"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            files.write_new(path, b"content")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".report.pdf.new").write_bytes(b"left by a killed process")
    files.write_new(path, b"content")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "hardlink_to", linkless)
        files.write_new(tmp_path / "other", b"other")
        with pytest.raises(FileExistsError):
            files.write_new(path, b"other")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {
        "report.pdf": b"content",
        "other": b"other",
    }

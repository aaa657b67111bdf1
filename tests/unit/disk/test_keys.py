"""Key files: made once, for their owner alone, and never replaced by another."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from filterd.disk import checked_file, files, keys
from filterd.disk.keys import COOKIE_KEY, DIGEST_KEY, FINGERPRINT_KEY, KeyFile
from filterd.disk.locks import sharing


@pytest.mark.parametrize(
    ("key_file", "name", "size"),
    [
        (FINGERPRINT_KEY, "fingerprint.key", 16),
        (DIGEST_KEY, "digest.key", 32),
        (COOKIE_KEY, "cookie.key", 16),
    ],
)
def test_a_key_is_made_once_for_its_owner_alone(
    tmp_path: Path, key_file: KeyFile, name: str, size: int
) -> None:
    key = key_file.load(tmp_path)
    assert len(key) == size
    assert key_file.load(tmp_path) == key
    path = tmp_path / "keys" / name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_key_of_another_length_is_refused_with_a_remedy(tmp_path: Path) -> None:
    FINGERPRINT_KEY.load(tmp_path)
    FINGERPRINT_KEY.path(tmp_path).write_bytes(b"short")
    with pytest.raises(ValueError, match="has 5 bytes, not 16: restore it from a backup, or remove it and"):
        FINGERPRINT_KEY.load(tmp_path)


def test_a_directory_in_the_place_of_a_key_is_refused_with_a_remedy(tmp_path: Path) -> None:
    FINGERPRINT_KEY.path(tmp_path).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"fingerprint.key is a directory and no file: restore it from a"):
        FINGERPRINT_KEY.load(tmp_path)


def test_a_key_that_others_could_read_is_closed(tmp_path: Path) -> None:
    key = FINGERPRINT_KEY.load(tmp_path)
    path = FINGERPRINT_KEY.path(tmp_path)
    path.chmod(0o644)
    assert FINGERPRINT_KEY.load(tmp_path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_whoever_comes_second_takes_the_key_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firsts: list[bytes] = []

    def overtaken(path: Path, chunks: tuple[bytes, ...]) -> None:
        """Another process makes the key while this one writes its draft."""
        files.replace_file(path, chunks)
        FINGERPRINT_KEY.path(tmp_path).write_bytes(b"another process!")
        firsts.append(chunks[0])

    monkeypatch.setattr(keys, "replace_file", overtaken)
    assert FINGERPRINT_KEY.load(tmp_path) == b"another process!"
    assert firsts != [b"another process!"]
    assert [each.name for each in (tmp_path / "keys").iterdir()] == ["fingerprint.key"]


def test_drafts_of_keys_are_removed_where_nobody_makes_one(tmp_path: Path) -> None:
    key = COOKIE_KEY.load(tmp_path)
    directory = tmp_path / "keys"
    names = (
        ".cookie.key.17",
        "..cookie.key.17.new",
        ".checkpoint.key.next.17-4",
        "..checkpoint.key.next.17-4.new",
    )
    left = [directory / each for each in names]
    for path in left:
        path.write_bytes(key)
    with sharing(directory, 0.0):
        keys.drop_key_drafts(tmp_path)
    assert all(path.exists() for path in left)
    keys.drop_key_drafts(tmp_path)
    assert [each.name for each in directory.iterdir()] == ["cookie.key"]
    keys.drop_key_drafts(tmp_path / "none")


def test_a_key_without_a_checksum_gets_one(tmp_path: Path) -> None:
    """A version before made it, or a person put it there."""
    path = FINGERPRINT_KEY.path(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"sixteen letters!")
    assert FINGERPRINT_KEY.load(tmp_path) == b"sixteen letters!"
    assert checked_file.read(path) == b"sixteen letters!"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert FINGERPRINT_KEY.load(tmp_path) == b"sixteen letters!"
    assert list(path.parent.iterdir()) == [path]


def test_a_key_of_another_user_or_behind_a_link_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = FINGERPRINT_KEY.path(tmp_path), tmp_path / "kept"
    path.parent.mkdir()
    kept.write_bytes(b"sixteen letters!")
    path.symlink_to(kept)
    assert FINGERPRINT_KEY.load(tmp_path) == kept.read_bytes() == b"sixteen letters!"
    path.unlink()
    path.write_bytes(b"sixteen letters!")
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    assert FINGERPRINT_KEY.load(tmp_path) == path.read_bytes() == b"sixteen letters!"


@pytest.mark.parametrize("place", [0, 13, 15, 20, -1])
def test_a_damaged_key_is_refused_and_stays(tmp_path: Path, place: int) -> None:
    FINGERPRINT_KEY.load(tmp_path)
    path = FINGERPRINT_KEY.path(tmp_path)
    altered = bytearray(path.read_bytes())
    altered[place] ^= 1
    path.write_bytes(altered)
    with pytest.raises(ValueError, match="restore it from a backup, or remove it and"):
        FINGERPRINT_KEY.load(tmp_path)
    assert path.read_bytes() == bytes(altered)

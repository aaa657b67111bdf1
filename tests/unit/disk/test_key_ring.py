"""The keys of confidential names: made once, never lost by a further one, and refused when altered."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from filterd.disk import key_ring
from filterd.disk.key_ring import KeyRingError


def test_the_first_key_is_made_once_whoever_comes_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: key_ring.sealing_key(tmp_path, 7.0), range(16)))
    assert len(made) == 1
    assert key_ring.read(tmp_path).keys == tuple(made)
    path = key_ring.path_of(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_further_key_seals_and_the_earlier_ones_stay(tmp_path: Path) -> None:
    first = key_ring.sealing_key(tmp_path, 7.0)
    second = key_ring.add_key(tmp_path, 3.0)  # the clock was put back
    assert key_ring.sealing_key(tmp_path, 1.0) == second
    assert key_ring.read(tmp_path).find(first.id) == first.key
    key_ring.drop_key(tmp_path, first.id)
    assert key_ring.read(tmp_path).keys == (second,)


def test_a_lost_key_is_put_back_by_its_line(tmp_path: Path) -> None:
    lost = key_ring.sealing_key(tmp_path, 7.0)
    path = key_ring.path_of(tmp_path)
    line = path.read_bytes()
    path.unlink()
    present = key_ring.sealing_key(tmp_path, 9.0)
    path.write_bytes(path.read_bytes() + line)
    assert key_ring.read(tmp_path).find(lost.id) == lost.key
    assert key_ring.sealing_key(tmp_path, 0.0) == present, "the newest seals, wherever its line stands"


@pytest.mark.parametrize("position", [0, 3, 20, 40, 60])
def test_an_altered_line_is_refused_and_no_key_is_shown(tmp_path: Path, position: int) -> None:
    made = key_ring.sealing_key(tmp_path, 7.0)
    path = key_ring.path_of(tmp_path)
    content = bytearray(path.read_bytes())
    content[position] = ord("0") if content[position] != ord("0") else ord("1")
    path.write_bytes(content)
    with pytest.raises(KeyRingError, match="damaged in line 1") as refused:
        key_ring.read(tmp_path)
    text = path.read_text(encoding="ascii").split()[1]
    assert text not in str(refused.value)
    assert made.key.hex() not in repr(made)


def test_a_file_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    key_ring.sealing_key(tmp_path, 7.0)
    key_ring.path_of(tmp_path).chmod(0o644)
    key_ring.read(tmp_path)
    assert stat.S_IMODE(key_ring.path_of(tmp_path).stat().st_mode) == 0o600

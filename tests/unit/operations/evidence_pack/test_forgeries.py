"""Packs that were changed: both programs find every change, whoever made it."""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from filterd.disk import signing_keys
from filterd.disk.signing_keys import SigningKey
from filterd.operations.evidence_pack import parts
from tests.unit.operations.evidence_pack.conftest import Packed
from tests.worlds import pack_forger, packed

pytestmark = pytest.mark.ring("night")


@pytest.fixture(scope="module")
def script() -> Any:
    """The independent script, loaded once: a process for each change would take minutes."""
    before = list(sys.path)
    found = runpy.run_path(str(parts.SCRIPTS / "recompute-report.py"))
    sys.path[:] = before
    return SimpleNamespace(**found)


def missed(changes: Iterable[pack_forger.Change], where: Path, script: Any) -> tuple[int, list[str]]:
    """The number of changes, and those that a program did not find."""
    made, kept = 0, []
    for what, data in changes:
        (where / "pack.tar").write_bytes(data)
        made += 1
        if packed.by_filterd(where / "pack.tar").holds:
            kept.append(f"filterd: {what}")
        code, said = by_script(where, script)
        if code == 0:
            kept.append(f"script: {what}: {said[-100:]}")
    return made, kept


def by_script(where: Path, script: Any) -> tuple[int, str]:
    """The exit code of the script on the pack, and what it says."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        try:
            code = script.main(str(where / "pack.tar"), str(where / "PUB.pem"))
        except (script.PackError, OSError, *script.BROKEN):
            code = 2
    return code, said.getvalue()


@pytest.fixture
def where(range_pack: Packed, tmp_path: Path) -> Path:
    """A directory with the operator's keys."""
    (tmp_path / "PUB.pem").write_bytes(range_pack.path.with_name("PUB.pem").read_bytes())
    return tmp_path


def test_what_anybody_changes_is_found_by_both(range_pack: Packed, where: Path, script: Any) -> None:
    changes = pack_forger.by_anybody(range_pack.files, range_pack.moment, 19)
    made, kept = missed(changes, where, script)
    assert kept == []
    assert made >= 40


def test_what_another_key_signs_is_found_by_both(range_pack: Packed, where: Path, script: Any) -> None:
    other = signing_keys.make(where / "other")
    files = packed.resealed(range_pack.files, other)
    _, kept = missed([("another key", packed.archive_of(files, range_pack.moment))], where, script)
    assert kept == []


def test_a_row_that_the_trail_contradicts_is_found_though_the_operators_key_signs_it(
    range_pack: Packed, where: Path, script: Any, key: SigningKey
) -> None:
    record = packed.record_of(range_pack.files)
    changes = pack_forger.by_key(range_pack.files, range_pack.moment, key, record)
    made, kept = missed(changes, where, script)
    assert kept == []
    assert made >= 30


@pytest.mark.parametrize(
    ("forge", "least"),
    [
        (pack_forger.by_leaving_out, 12),
        (pack_forger.by_other_bounds, 14),
        (pack_forger.by_reports, 20),
    ],
)
def test_what_is_left_out_restated_or_added_is_found_though_the_operators_key_signs_it(
    range_pack: Packed,
    where: Path,
    script: Any,
    key: SigningKey,
    forge: Callable[[pack_forger.Files, int, SigningKey], Iterator[pack_forger.Change]],
    least: int,
) -> None:
    made, kept = missed(forge(range_pack.files, range_pack.moment, key), where, script)
    assert kept == []
    assert made >= least


def test_a_file_that_breaks_a_check_is_a_fault_and_hides_no_other(
    range_pack: Packed, where: Path, script: Any, key: SigningKey
) -> None:
    for what, word, data in pack_forger.hostile(range_pack.files, range_pack.moment, key):
        (where / "pack.tar").write_bytes(data)
        faults = packed.by_filterd(where / "pack.tar").faults
        code, said = by_script(where, script)
        name = what.partition(" ")[0].partition("/")[0]
        assert code == 1, what
        for found in ("\n".join(faults), said.partition("left out")[2]):
            assert word in found, what
            assert name in found, what


def test_what_takes_memory_or_the_stack_is_no_pack(range_pack: Packed, where: Path, script: Any) -> None:
    _, kept = missed(pack_forger.unreadable(range_pack.files, range_pack.moment), where, script)
    assert kept == []

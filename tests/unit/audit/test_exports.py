"""Exports of the audit trail: what they hold, and what both verifiers find in one that was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds import exported
from tests.worlds.installation import Installation, install


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    made = await install(tmp_path / "filterd")
    await exported.script(made)
    return made


async def test_both_verifiers_find_nothing_in_an_honest_export(
    installation: Installation, tmp_path: Path
) -> None:
    done = await exported.write(installation, tmp_path / "export")
    first, second = exported.by_filterd(tmp_path / "export"), exported.by_script(tmp_path / "export")
    assert (first.code, second.code) == (0, 0), (first.said, second.said)
    assert done.hash in first.said
    assert done.hash in second.said
    assert "it does not prove" in first.said


async def test_a_changed_byte_is_found_by_both(installation: Installation, tmp_path: Path) -> None:
    await exported.write(installation, tmp_path / "export")
    whole = bytearray((tmp_path / "export").read_bytes())
    whole[len(whole) // 2] ^= 1
    (tmp_path / "export").write_bytes(whole)
    assert exported.by_filterd(tmp_path / "export").code == 1
    assert exported.by_script(tmp_path / "export").code == 1

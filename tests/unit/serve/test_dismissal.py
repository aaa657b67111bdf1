"""A predecessor that waits for a successor ends with a plain stop of its own role, and with no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.config.load import load_configuration
from filterd.serve import supervisor


@pytest.mark.parametrize(
    ("roles", "dismissed"), [(["resolver"], 1), (["resolver", "control"], 1), (["control"], 0)]
)
async def test_a_stop_of_control_alone_dismisses_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, roles: list[str], dismissed: int
) -> None:
    config = tmp_path / "filterd.yaml"
    config.write_text(f"state_dir: {tmp_path}\n")
    told: list[Path] = []
    monkeypatch.setattr(supervisor, "dismiss", told.append)

    async def stopped(_: supervisor.Supervisor) -> int:
        return 0

    monkeypatch.setattr(supervisor.Supervisor, "run", stopped)
    assert await supervisor._run(config, load_configuration(config), roles) == 0
    assert told == [tmp_path] * dismissed

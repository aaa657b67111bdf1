"""One pack of a range for all tests of this folder: the making takes seconds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from filterd.operations.signing import Purpose
from tests.worlds import exported, packed, reported
from tests.worlds.installation import Installation, install


@dataclass(frozen=True)
class Packed:
    """A filled installation, and its pack of the range of the reports."""

    installation: Installation
    path: Path
    files: dict[str, bytes]

    @property
    def moment(self) -> int:
        """The moment of the archive's files."""
        return int(self.installation.now)


@pytest.fixture(scope="session")
def range_pack(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """The pack; nobody changes it."""
    base = tmp_path_factory.mktemp("packed")

    async def make() -> Installation:
        installation = await install(base / "filterd")
        async with installation.open("ana", approvals=1) as context:
            await reported.fill(context, installation)
            await packed.write(context, base / "pack.tar", packed.RANGE)
        return installation

    installation = asyncio.run(make())
    return Packed(installation, base / "pack.tar", packed.files_of(base / "pack.tar"))


@pytest.fixture
def key(range_pack: Packed) -> object:
    """The key that signed it."""
    return exported.signing_key(range_pack.installation, Purpose.CHECKPOINT)

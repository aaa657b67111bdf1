"""A pack has nothing of any line and no confidential name: every byte is searched, also inside of PDFs."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from filterd.operations.context import OperationError
from filterd.operations.evidence_pack import scope, writing
from filterd.operations.evidence_pack.stream import EvidenceStream
from filterd.store import change_log
from filterd.store import orders as order_rows
from tests.worlds import exported, packed
from tests.worlds.installation import Installation

WORDS = (exported.SUBSCRIBER, "line:1", "T-1", "secret.example", "worst.example")
JANUARY = {"since": "2027-01-01", "until": "2027-01-31"}
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)


def unpacked(data: bytes) -> Iterator[bytes]:
    """A file, and of a PDF what its streams hold."""
    yield data
    for stream in _STREAM.findall(data) if data.startswith(b"%PDF") else ():
        with contextlib.suppress(zlib.error):
            yield zlib.decompress(stream)


@pytest.mark.ring("merge")
async def test_nothing_of_a_line_and_no_confidential_name_is_in_it(
    installation: Installation, tmp_path: Path
) -> None:
    await exported.script(installation)
    installation.now += 60
    async with installation.open() as context:
        await packed.write(context, tmp_path / "pack.tar", JANUARY, pdf=True)
        async with context.store.read() as connection:
            orders = {each.reference: each for each in (await order_rows.all_orders(connection)).orders}
            salts = [
                each.salt
                for each in await change_log.entries(connection)
                if each.entry.subject.startswith("line:")
            ]
    sealed = orders["O-2"].demand.sealed
    assert sealed is not None
    hidden = [
        *WORDS,
        *filter(None, salts),
        sealed.text,
        *(each.hex() for each, _ in sealed.fingerprints.names),
    ]
    files = packed.files_of(tmp_path / "pack.tar")
    pieces = [piece for data in files.values() for piece in unpacked(data)]
    assert sum(name.endswith(".pdf") for name in files) == 9
    assert any(b"banned.example" in each for each in pieces), "an open order's name is found, so are others"
    for word in hidden:
        for form in (word.encode(), word.encode("utf-16-be")):
            assert not any(form in each for each in pieces), word
    assert packed.by_script(tmp_path / "pack.tar").code == 0


@pytest.mark.ring("night")
async def test_one_that_breaks_off_is_taken_by_nobody_and_leaves_nothing(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        wanted = await scope.scope_of(context, **JANUARY)
        pieces = EvidenceStream(context, wanted, pdf=False).chunks()
        (tmp_path / "broken.tar").write_bytes(await anext(pieces) + await anext(pieces))
        await pieces.aclose()
        await packed.write(context, tmp_path / "pack.tar", JANUARY)

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OperationError) as refused:
            await writing.write(context, tmp_path / "other.tar", wanted, pdf=False)
    assert "No space left" in str(refused.value)
    assert {each.name for each in tmp_path.glob("*.tar*")} | {each.name for each in tmp_path.glob(".*")} == {
        "broken.tar",
        "pack.tar",
    }
    assert not packed.by_filterd(tmp_path / "broken.tar").holds
    assert packed.by_script(tmp_path / "broken.tar").code == 2

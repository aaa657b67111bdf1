"""Control and signed lists: a proof that arrives after its list is noticed, another key is not believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filterd.feed.signing import MANIFEST, SIGNATURE
from filterd.operations.feeds import listing
from tests.worlds.maintenance import Kept
from tests.worlds.signers import Signer

pytestmark = pytest.mark.ring("night")

SIGNER, OTHER = Signer.new(), Signer.new()
FEED = "signed-list"


def written(kept: Kept, signer: Signer) -> Path:
    """The entry of a signed mandatory feed among the shipped ones, by this key; the path of its list."""
    document = kept.policies / "feeds.yaml"
    shipped = document.read_text().partition(f"- id: {FEED}\n")[0]
    document.write_text(
        f"{shipped}- id: {FEED}\n  source: lists/adopted.txt\n  format: domains\n"
        "  mandatory: {authority: interpol, ground: adopted-list}\n"
        f"  signature: {{public_key: {signer.public_key}}}\n"
    )
    return kept.policies / "lists/adopted.txt"


async def names(kept: Kept) -> int:
    status = await listing.show(kept.maintenance.context, FEED)
    return status.version.names if status.version else 0


async def test_files_may_arrive_in_any_order(kept: Kept) -> None:
    path = written(kept, SIGNER)
    SIGNER.place(path, b"worst.example\n", FEED, 1)
    await kept.maintenance.turn()
    assert await names(kept) == 1
    content = b"worst.example\nworse.example\n"
    manifest, signature = SIGNER.proof(content, FEED, 2, path.name)
    files = {path: content, Path(f"{path}{MANIFEST}"): manifest, Path(f"{path}{SIGNATURE}"): signature}
    for number, (file, new) in enumerate(files.items(), start=1):
        file.write_bytes(new)
        await kept.maintenance.turn()
        assert await names(kept) == (2 if number == len(files) else 1)
    assert "a feed was not read" in kept.events()


async def test_another_key_is_said_once_with_its_remedy(kept: Kept) -> None:
    path = written(kept, SIGNER)
    SIGNER.place(path, b"worst.example\n", FEED, 1)
    await kept.maintenance.turn()
    written(kept, OTHER)
    OTHER.place(path, b"innocent.example\n", FEED, 2)
    for _ in range(2):
        await kept.maintenance.turn()
    lines = [json.loads(line) for line in kept.stream.getvalue().splitlines()]
    (said,) = [each for each in lines if each["event"].startswith("a feed's entry has another key")]
    assert (said["feed"], said["remedy"]) == (
        FEED,
        "put the entry back, or: filterd feed trust signed-list --reason ...",
    )
    assert kept.maintenance.remarks() == ["feeds without their entry in the policies: 1 (filterd feed list)"]
    status = await listing.show(kept.maintenance.context, FEED)
    assert status.version is not None
    assert (status.version.version, status.feed.signature and status.feed.signature.public_key) == (
        1,
        SIGNER.public_key,
    )

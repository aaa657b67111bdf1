"""Anchors: what they take, judged by OpenSSL; what they do wrong counts as nothing."""

from __future__ import annotations

import base64
import errno
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.signing_settings import AnchorKind, AnchorSettings
from filterd.config.value_types import Seconds
from filterd.disk import worm
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.trail import anchors, checkpoints, countersigning
from filterd.store import anchors as rows
from tests.worlds.authority import Authority, Conduct
from tests.worlds.installation import Installation, install
from tests.worlds.trail import record, tamper


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A time-stamp authority."""
    made = Authority(tmp_path / "tsa")
    made.found()
    return made


def anchor_of(kind: AnchorKind, **values: object) -> AnchorSettings:
    """An anchor of this kind."""
    plain = AnchorSettings("outside", kind, None, "", None, None, None, Seconds(0), Seconds(20))
    return replace(plain, **values)  # type: ignore[arg-type]


def stamping(authority: Authority) -> AnchorSettings:
    """The anchor of an authority."""
    return anchor_of(AnchorKind.RFC3161, url=authority.url, ca=authority.ca)


def with_anchors(context: Context, *found: AnchorSettings) -> Context:
    """The same context with these anchors."""
    settings = context.settings
    return replace(context, settings=replace(settings, signing=replace(settings.signing, anchors=found)))


@pytest.mark.system("openssl")
async def test_openssl_verifies_the_stamp_that_is_kept(
    installation: Installation, authority: Authority
) -> None:
    async with installation.open("control") as opened, authority.serving():
        context = with_anchors(opened, stamping(authority))
        made = await checkpoints.make(context)
        noted = await anchors.deliver(context, stamping(authority))
        assert (noted.trouble, noted.failures) == ("", 0)
        async with context.store.read() as connection:
            row = await rows.newest(connection, "outside")
        assert made
        assert row
        assert (row.checkpoint, row.digest) == (1, made.digest)
        assert row.told_at > 0
        reply = base64.b64decode(row.proof)
        assert authority.verifies(made.text, reply)
        assert not authority.verifies(made.text + " ", reply)
        assert await anchors.check(context) == {"outside": ""}
        (shown,) = await anchors.status(context)
        assert (shown.checkpoint, shown.waiting, shown.due) == (1, 0, False)


@pytest.mark.system("openssl")
async def test_an_authority_whose_certificate_is_known_need_not_send_it(
    installation: Installation, authority: Authority
) -> None:
    bundle = authority.where / "bundle.pem"
    bundle.write_bytes(authority.ca.read_bytes() + (authority.where / "tsa.pem").read_bytes())
    async with installation.open("control") as context, authority.serving():
        made = await checkpoints.make(context)
        assert not (await anchors.deliver(context, replace(stamping(authority), ca=bundle))).trouble
        async with context.store.read() as connection:
            row = await rows.newest(connection, "outside")
        assert made
        assert row
        assert authority.verifies(made.text, base64.b64decode(row.proof))


@pytest.mark.system("openssl")
@pytest.mark.parametrize(
    ("conduct", "says"),
    [
        (Conduct.OTHER_DIGEST, "not valid"),
        (Conduct.REFUSES, "not valid"),
        (Conduct.NONSENSE, "not valid"),
        (Conduct.FAILS, "status 503"),
        (Conduct.ENDLESS, "more than"),
    ],
)
async def test_what_is_no_stamp_on_the_checkpoint_counts_as_none(
    installation: Installation, authority: Authority, conduct: Conduct, says: str
) -> None:
    authority.conduct = conduct
    async with installation.open("control") as context, authority.serving():
        await checkpoints.make(context)
        noted = await anchors.deliver(context, stamping(authority))
        assert says in noted.trouble
        assert noted.failures == 1
        async with context.store.read() as connection:
            assert await rows.newest(connection, "outside") is None


@pytest.mark.system("openssl")
async def test_a_stamp_that_was_given_before_counts_as_none(
    installation: Installation, authority: Authority
) -> None:
    authority.conduct = Conduct.REPLAY
    async with installation.open("control") as context, authority.serving():
        await checkpoints.make(context)
        assert not (await anchors.deliver(context, stamping(authority))).trouble
        noted = await anchors.deliver(
            context, stamping(authority)
        )  # of the same checkpoint: the nonce differs
        assert "Nonce mismatch" in noted.trouble
        await record(context)
        await checkpoints.make(context)
        noted = await anchors.deliver(context, stamping(authority))
        assert noted.failures == 2
        async with context.store.read() as connection:
            row = await rows.newest(connection, "outside")
        assert row
        assert row.checkpoint == 1


@pytest.mark.system("openssl")
async def test_a_stamp_of_another_authority_counts_as_none(
    installation: Installation, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    other.found()
    async with installation.open("control") as context, other.serving():
        await checkpoints.make(context)
        lying = replace(stamping(other), ca=authority.ca)
        assert "not valid" in (await anchors.deliver(context, lying)).trouble
        missing = replace(stamping(other), ca=tmp_path / "none.pem")
        assert "cannot be read" in (await anchors.deliver(context, missing)).trouble


@pytest.mark.system("openssl")
async def test_an_authority_that_is_away_is_tried_again_at_growing_intervals(
    installation: Installation, authority: Authority
) -> None:
    away = anchor_of(AnchorKind.RFC3161, url="http://127.0.0.1:9/tsr", ca=authority.ca)
    async with installation.open("control") as opened:
        context = with_anchors(opened, away)
        await checkpoints.make(context)
        for expected in (1, 2, 3):
            assert await anchors.is_due(context, away)
            noted = await anchors.deliver(context, away)
            assert noted.trouble.startswith("no connection")
            assert noted.failures == expected
            assert not await anchors.is_due(context, away)
            installation.now += anchors.wait_after(expected)
        installation.now -= 86_400  # a clock that was set back does not put it off for ever
        assert await anchors.is_due(context, away)


@pytest.mark.parametrize("kind", [AnchorKind.FILE, AnchorKind.DIRECTORY])
async def test_every_checkpoint_goes_to_a_file(
    installation: Installation, tmp_path: Path, kind: AnchorKind
) -> None:
    path = tmp_path / "worm"
    if kind is AnchorKind.DIRECTORY:
        path.mkdir()
    anchor = anchor_of(kind, path=path)
    async with installation.open("control") as opened:
        context = with_anchors(opened, anchor)
        for _ in range(3):
            await record(context)
            await checkpoints.make(context)
        assert not (await anchors.deliver(context, anchor)).trouble
        texts = [each.text for each in await checkpoints.listed(context)]
        if kind is AnchorKind.FILE:
            assert path.read_text().splitlines() == texts
        else:
            assert [each.read_text() for each in sorted(path.iterdir())] == texts
        assert await anchors.check(context) == {"outside": ""}
        victim = path if kind is AnchorKind.FILE else max(path.iterdir())
        victim.write_text("gone")
        assert "not there" in (await anchors.check(context))["outside"]


async def test_a_full_disk_costs_nothing_but_time(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor = anchor_of(AnchorKind.FILE, path=tmp_path / "worm.ndjson")
    really, room = os.write, [100]

    def write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        some = data[: room[0]]
        room[0] -= len(some)
        return really(descriptor, some)

    async with installation.open("control") as opened:
        context = with_anchors(opened, anchor)
        made = await checkpoints.make(context)
        with monkeypatch.context() as full:
            full.setattr(os, "write", write)
            noted = await anchors.deliver(context, anchor)
        assert noted.trouble == os.strerror(errno.ENOSPC)
        assert not (await anchors.deliver(context, anchor)).trouble
        assert made
        torn, whole = (tmp_path / "worm.ndjson").read_text().splitlines()
        assert (torn, whole) == (made.text[:100], made.text)
        (shown,) = await anchors.status(context)
        assert (shown.waiting, shown.trouble) == (0, "")


def test_a_line_that_is_the_last_one_is_not_written_twice(tmp_path: Path) -> None:
    for text in ("one", "two", "two"):
        worm.append_line(tmp_path / "file", text)
    assert (tmp_path / "file").read_text() == "one\ntwo\n"


def test_a_file_that_was_cut_short_stays_and_the_whole_one_stands_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("ha")
    assert worm.add_file(tmp_path, "a.json", "half").name == "a-2.json"
    assert worm.add_file(tmp_path, "a.json", "half").name == "a-2.json"
    assert (tmp_path / "a.json").read_text() == "ha"
    assert worm.has_file(tmp_path, "a.json", "half")
    assert not worm.has_file(tmp_path, "a.json", "other")


@pytest.mark.system("openssl")
async def test_a_countersignature_by_openssl_is_kept(installation: Installation, tmp_path: Path) -> None:
    _openssl(tmp_path, "genpkey", "-algorithm", "ed25519", "-out", "their.pem")
    _openssl(tmp_path, "pkey", "-in", "their.pem", "-pubout", "-out", "pub.pem")
    anchor = anchor_of(AnchorKind.COUNTERSIGN, key=tmp_path / "pub.pem", every=3600)
    async with installation.open() as opened:
        context = with_anchors(opened, anchor)
        made = await checkpoints.make(context)
        assert made
        (tmp_path / "checkpoint.json").write_text(made.text)
        _openssl(tmp_path, "pkeyutl", "-sign", "-rawin", "-inkey", "their.pem", *_FILES)
        key, signature = (tmp_path / "pub.pem").read_bytes(), (tmp_path / "signature").read_bytes()
        for wrong in (signature[:-1], signature[:-1] + bytes([signature[-1] ^ 1]), b"no"):
            with pytest.raises(OperationError):
                await countersigning.record(context, 1, key=key, signature=wrong)
        with pytest.raises(OperationError, match="no Ed25519"):
            await countersigning.record(context, 1, key=b"no", signature=signature)
        row = await countersigning.record(context, 1, key=key, signature=base64.encodebytes(signature))
        assert row.anchor == "outside"
        with pytest.raises(ConflictError):
            await countersigning.record(context, 1, key=key, signature=signature)
        assert await anchors.check(context) == {"outside": ""}
        assert not await anchors.is_due(context, anchor)
        tamper(installation, "UPDATE countersigner SET public_key = ?", base64.b64encode(bytes(32)).decode())
        assert "wrong" in (await anchors.check(context))["outside"]


_FILES = ("-in", "checkpoint.json", "-out", "signature")


def _openssl(where: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=where, capture_output=True, check=True)

"""A process that is killed between the file of a key and what the trail says of it: the next one goes on."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from filterd.disk import signing_keys
from filterd.model import signed_text
from filterd.model.checkpoint import body_of
from filterd.operations import signing
from filterd.operations.context import Context
from filterd.operations.signing import Purpose, file_of, signer
from filterd.operations.trail import announcing, checkpoints, rotating
from tests.worlds.installation import Installation, install


class KilledError(BaseException):
    """The end of a process at this place."""


def killed(*_: object, **__: object) -> object:
    """Do nothing of what was asked."""
    raise KilledError


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


async def test_a_key_that_was_made_and_not_announced_is_the_first(installation: Installation) -> None:
    made = signer(installation.settings, Purpose.CHECKPOINT)
    async with installation.open("control") as context:
        first = await checkpoints.make(context)
        assert first is not None
        assert first.key_id == made.key_id
        assert [each.how.value for each in (await announcing.known(context)).keys] == ["made", "made"]


async def test_a_next_key_that_was_not_announced_is_discarded(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        first = await checkpoints.make(context)
        with monkeypatch.context() as here, pytest.raises(KilledError):
            here.setattr(announcing, "announce", killed)
            await rotating.rotate(context, Purpose.CHECKPOINT, reason="yearly")
        path = file_of(context.settings, Purpose.CHECKPOINT)
        assert signing_keys.next_of(path).exists()
        assert checkpoints.keys_differ(context, await announcing.known(context))
        assert await checkpoints.make(context) is None
        assert not signing_keys.next_of(path).exists()
        assert first is not None
        assert signer(context.settings, Purpose.CHECKPOINT).key_id == first.key_id
        assert len((await announcing.known(context)).keys) == 2


@pytest.mark.parametrize("place", [(checkpoints, "_sign"), (announcing, "complete")])
@pytest.mark.parametrize("purpose", list(Purpose))
async def test_a_rotation_that_was_announced_is_completed(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[object, str],
    purpose: Purpose,
) -> None:
    signing.make_key(purpose, file_of(installation.settings, purpose))  # that of lists is made by publishing
    async with installation.open() as context:
        first = await checkpoints.make(context)
        assert first is not None
        rest, before = checkpoints.make, len((await announcing.known(context)).keys)

        async def make(context: Context) -> object:
            if len((await announcing.known(context)).keys) > before:
                monkeypatch.setattr(*place, killed)
            return await rest(context)

        with monkeypatch.context() as here, pytest.raises(KilledError):
            here.setattr(checkpoints, "make", make)
            await rotating.rotate(context, purpose, reason="yearly")
        monkeypatch.undo()
        await checkpoints.make(context)
        new = (await announcing.known(context)).keys[-1]
        announces = await checkpoints.show(context, new.checkpoint)
        assert announces.key_id == first.key_id, "the old key vouches for the new one"
        assert [each["key_id"] for each in body_of(announces)["keys"]] == [new.key_id]
        stands = signing.load_key(purpose, file_of(context.settings, purpose))
        assert stands is not None
        assert stands.key_id == new.key_id
        assert not signing_keys.next_of(file_of(context.settings, purpose)).exists()
        assert (await announcing.known(context)).unexplained == ()
        assert await checkpoints.verify(context) == ()


async def test_whoever_has_the_first_public_key_alone_can_follow(installation: Installation) -> None:
    async with installation.open() as context:
        await checkpoints.make(context)
        first = (await rotating.status(context))[0]
        for _ in range(3):
            await rotating.rotate(context, Purpose.CHECKPOINT, reason="yearly")
        await checkpoints.make(context, if_moved=False)
        trusted = {first.id: signing_keys.public_key_of(first.public_key.encode())}
        for row in await checkpoints.listed(context):
            found = signed_text.read(row.text)
            message = signed_text.signed_bytes("checkpoint", found.body)
            assert signing_keys.signature_holds(trusted[found.key_id], found.signature, message)
            for key in found.body["keys"]:
                if key["how"] == "rotated":
                    trusted[key["key_id"]] = base64.b64decode(key["public_key"])
        assert len(trusted) == 4

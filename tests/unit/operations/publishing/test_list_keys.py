"""The key of published lists is rotated: readers follow by minisign alone, the store has what it takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filterd.disk import signing_keys
from filterd.model.checkpoint import KeyOrigin
from filterd.operations import signing
from filterd.operations.backup import backup
from filterd.operations.errors import UnknownError, UnusableError
from filterd.operations.feeds import updating
from filterd.operations.feeds.taking import FeedUpdate
from filterd.operations.publishing import editions, publish, standing
from filterd.operations.restore import restore
from filterd.operations.signing import Purpose
from filterd.operations.trail import announcing, checkpoints, rotating
from tests.unit.operations.publishing.test_publish import believed, contents, held, published, put_back
from tests.worlds.fetched import fetched
from tests.worlds.installation import Installation

OTHER = "adult.example\nblue.example\ngreen.example\n"


async def rotated(installation: Installation) -> rotating.SigningKeyStatus:
    installation.now += 86_400
    async with installation.open() as context:
        return await rotating.rotate(context, Purpose.LIST, reason="yearly")


def followed(out: Path, first: str, key_id: str) -> str:
    """The public key of an id, for who has the first one alone: minisign believes each step to it."""
    steps = {}
    for path in out.glob("key-*.json"):
        step = json.loads(path.read_text())
        steps[step["previous_key"]] = path, step
    known = first
    while True:
        path, step = steps[known]
        assert believed(out, path.name, f"{path.name}.minisig", known) == "filterd publication key"
        known = step["public_key"]
        if step["key_id"] == key_id:
            return str(known)


@pytest.mark.ring("night")
@pytest.mark.system("minisign")
async def test_who_has_the_first_key_alone_follows_the_manifests(
    installation: Installation, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = await published(installation, out, "adult-starter")
    assert sorted(path.name for path in out.glob("key*")) == ["keys.json", "keys.json.minisig"]
    await rotated(installation)
    second = await rotated(installation)
    async with installation.open() as context:
        assert await standing.behind(context) == ["adult-starter"]
        last = await published(installation, out, "adult-starter")
        assert await standing.behind(context) == []
        assert await checkpoints.verify(context) == ()
        shown = [each for each in await rotating.status(context) if each.purpose == "list"]
    assert (last.changed, last.public_key) == (True, second.minisign)
    assert [each.in_use for each in shown] == [False, False, True]
    folder = out / "adult-starter"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["previous"] == first.manifest_digest
    key = followed(out, first.public_key, manifest["key_id"])
    said = f"serial:{last.serial} feed:adult-starter"
    assert believed(folder, "manifest.json", "manifest.json.minisig", key) == said
    assert believed(out, "keys.json", "keys.json.minisig", key) == "filterd publication key"
    told = json.loads((out / "keys.json").read_text())["keys"]
    assert [each["public_key"] for each in told] == [each.minisign for each in shown]
    assert [each["until"] for each in told] == [told[1]["since"], told[2]["since"], ""]
    assert told[0]["since"] == manifest["at"][:10] + told[0]["since"][10:] < told[1]["since"]


@pytest.mark.ring("merge")
@pytest.mark.system("minisign")
async def test_a_restored_backup_has_the_endorsements(installation: Installation, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = await published(installation, out, "adult-starter")
    new = await rotated(installation)
    async with installation.open() as context:
        await backup(context, tmp_path / "monday")
    installation.write_policy("lists/adult.txt", OTHER)
    second = await published(installation, out, "adult-starter")
    when = installation.now
    await restore(installation.settings, tmp_path / "monday", "disk", "root", lambda: when, lambda *_: None)
    for path in (*out.glob("key*"), out / "minisign.pub"):
        path.unlink()
    third = await published(installation, out, "adult-starter")
    assert third.serial >= second.serial
    assert followed(out, first.public_key, third.key_id) == new.minisign
    async with installation.open() as context:
        assert [each.how for each in await rotating.status(context) if each.purpose == "list"] == [
            "made",
            "rotated",
        ]


@pytest.mark.ring("night")
@pytest.mark.system("minisign")
async def test_another_installation_goes_on_with_the_key_that_it_followed(
    installation: Installation, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (tmp_path / "taker").mkdir()
    async with fetched(tmp_path / "taker") as taker:
        url = taker.server.url("isp", "/adult-starter/names.txt")

        async def take(key: str) -> FeedUpdate:
            taker.entries["adult-starter"] = (
                f"{{id: adult-starter, source: '{url}', format: domains, refresh: 1h, category: adult,"
                f" signature: {{public_key: {key}}}}}"
            )
            taker.write()
            files = contents(out / "adult-starter")
            taker.server.files |= {f"/adult-starter/{name}": body for name, body in files.items()}
            (done,) = await taker.update("adult-starter")
            return done

        first = (await published(installation, out, "adult-starter")).public_key
        assert (await take(first)).outcome == "updated"
        await rotated(installation)
        installation.write_policy("lists/adult.txt", OTHER)
        second = await published(installation, out, "adult-starter")
        assert "not by the key" in str((await take(first)).problem)
        taken = await take(followed(out, first, second.key_id))
        assert (taken.outcome, taken.version and taken.version.version) == ("updated", 2)


@pytest.mark.ring("night")
async def test_an_edition_by_the_key_before_is_gone_on_from_where_the_store_does_not_know_it(
    installation: Installation, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await published(installation, out, "adult-starter")
    old = held(installation, out)
    installation.write_policy("lists/adult.txt", OTHER)
    second = await published(installation, out, "adult-starter")
    put_back(old)
    new = await rotated(installation)
    await published(installation, out, "adult-starter")
    there = editions.standing(out, "adult-starter", new.minisign)
    assert there is not None
    assert there.body["previous"] == second.manifest_digest


@pytest.mark.ring("night")
async def test_a_rotation_that_was_cut_off_is_completed_by_publishing(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    first = await published(installation, out, "adult-starter")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(announcing, "complete", killed)
        async with installation.open() as context, announcing.alone(context):
            path = signing.file_of(context.settings, Purpose.LIST)
            before, key = (
                signing.make_key(Purpose.LIST, each) for each in (path, signing_keys.next_of(path))
            )
            how = KeyOrigin.ROTATED
            await announcing.announce(context, Purpose.LIST, key, how, "yearly", by=before)
        async with installation.open() as context:
            await checkpoints.make(context)
    done = await published(installation, out, "adult-starter")
    assert done.public_key != first.public_key
    assert not signing_keys.next_of(path).exists()


@pytest.mark.ring("night")
@pytest.mark.parametrize("fault", ["lost", "damaged", "locked"])
async def test_a_key_that_cannot_be_used_is_replaced_by_a_person_alone(
    installation: Installation, tmp_path: Path, fault: str
) -> None:
    out = tmp_path / "out"
    first = await published(installation, out, "adult-starter")
    path = signing.file_of(installation.settings, Purpose.LIST)
    before = path.read_bytes()
    if fault == "lost":
        path.unlink()
    else:
        path.write_bytes(b"damaged" if fault == "damaged" else locked())
    async with installation.open() as context:
        await updating.update(context)
        await checkpoints.make(context)
        assert not checkpoints.keys_differ(context, await announcing.known(context))
        with pytest.raises(UnusableError, match=r"gone|no secret key|password"):
            await publish.publish(context, ("adult-starter",), out=out)
        assert path.exists() == (fault != "lost"), "nobody put another key there"
    new = await rotated(installation)
    assert (new.how, new.accepted) == ("replaced", False)
    done = await published(installation, out, "adult-starter")
    assert done.public_key == new.minisign
    assert not list(out.glob("key-*")), "nothing vouches for it"
    path.write_bytes(before)  # found again: it is told of, and signs
    assert (await published(installation, out, "adult-starter")).public_key == first.public_key


def locked() -> bytes:
    """A key with a password, as ``minisign -G`` writes it."""
    import minisign

    key = minisign.KeyPair.generate().secret_key
    key.encrypt("secret")
    return bytes(key) + b"\n"


async def test_a_damaged_key_that_the_trail_never_told_of_is_followed_by_a_first_one(
    installation: Installation, tmp_path: Path
) -> None:
    path = signing.file_of(installation.settings, Purpose.LIST)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"damaged")
    with pytest.raises(UnusableError, match="no secret key"):
        await published(installation, tmp_path / "out", "adult-starter")
    new = await rotated(installation)
    assert (new.how, new.accepted) == ("made", True)
    assert (await published(installation, tmp_path / "out", "adult-starter")).public_key == new.minisign


async def test_before_anything_is_published_there_is_no_key_to_rotate(installation: Installation) -> None:
    with pytest.raises(UnknownError, match="yet"):
        await rotated(installation)
    async with installation.open() as context:
        assert [each.purpose for each in await rotating.status(context)] == ["checkpoint", "receipt"]

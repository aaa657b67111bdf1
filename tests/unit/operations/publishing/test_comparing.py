"""Digests are compared between providers: who is behind, and confidential lists only under one key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from filterd.disk.keys import DIGEST_KEY
from filterd.model import signed_text
from filterd.operations import signing
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError
from filterd.operations.feeds import updating
from filterd.operations.publishing import comparing, digests, fetching, foreign
from filterd.operations.publishing.comparing import GivenDigests
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating, statements
from tests.worlds.fetched import fetched
from tests.worlds.fetched import fetching as quick
from tests.worlds.installation import Installation, install


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        await updating.update(context)
        yield context


@pytest.fixture
async def other(tmp_path: Path, installation: Installation) -> Installation:
    """Another provider, to whom the authority gave the same key."""
    made = await install(tmp_path / "other")
    place = DIGEST_KEY.path(made.settings.state_dir)
    place.parent.mkdir(parents=True, exist_ok=True)
    DIGEST_KEY.load(installation.settings.state_dir)
    place.write_bytes(DIGEST_KEY.path(installation.settings.state_dir).read_bytes())
    return made


@asynccontextmanager
async def told(other: Installation) -> AsyncIterator[tuple[Context, bytes, bytes]]:
    """The other's context with its lists read, its signed digests, and its keys."""
    async with other.open() as context:
        await updating.update(context)
        text = await digests.make(context)
        yield context, text.encode(), (await rotating.public_pem(context, Purpose.CHECKPOINT)).encode()


def results(found: tuple[Any, ...]) -> dict[str, str]:
    return {each["list"]: each["result"] for each in found[0].lists}


async def compared(context: Context, text: bytes, keys: bytes) -> tuple[Any, ...]:
    return await comparing.compare(context, [GivenDigests("theirs", text)], [keys])


@pytest.mark.ring("night")
async def test_it_is_told_who_is_behind_and_since_when(
    context: Context, installation: Installation, other: Installation
) -> None:
    async with told(other) as (_, text, keys):
        found = await compared(context, text, keys)
    assert set(results(found).values()) == {"same"}
    assert not comparing.differ(found)
    installation.now += 100
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
    installation.write_policy("lists/worst.txt", "worst.example\nworse.example\n")
    await updating.update(context)
    other.now += 50
    other.write_policy("lists/gambling.txt", "*.bets.example\ncasino.example\ndice.example\n")
    async with told(other) as (_, text, keys):
        found = await compared(context, text, keys)
    by_list = {each["list"]: each for each in found[0].lists}
    label = next(each for each in by_list if each.startswith("confidential-"))
    assert {each: row["result"] for each, row in by_list.items()} == {
        "adult-starter": "theirs_behind",
        "gambling-starter": "ours_behind",
        label: "theirs_behind",
    }
    assert by_list["adult-starter"]["since"] == "2027-01-15T08:01:40Z"
    assert by_list["gambling-starter"]["since"] == "2027-01-15T08:00:50Z"
    assert comparing.differ(found)
    kept = await comparing.last(context)
    assert kept == found
    assert (await comparing.counts(context))["theirs_behind"] == 2


@pytest.mark.ring("merge")
async def test_confidential_lists_without_one_key_cannot_be_compared(
    context: Context, other: Installation, tmp_path: Path
) -> None:
    DIGEST_KEY.path(other.settings.state_dir).unlink()
    async with told(other) as (theirs, text, keys):
        found = await compared(context, text, keys)
        statement = (await statements.make(theirs)).text.encode()
        of_statement = await compared(context, statement, keys)
    for each in (found, of_statement):
        outcome = results(each)
        assert sorted(outcome.values()) == ["not_comparable", "same", "same"]
        assert all(name.startswith("confidential-") for name, said in outcome.items() if said != "same")
    assert b"worst" not in text


async def test_a_list_that_became_confidential_is_told_by_its_key_alone(
    context: Context, installation: Installation
) -> None:
    """The store has the digest without a key, which anybody could try out."""
    plain = "- {id: own, source: lists/worst.txt, format: domains, mandatory: {authority: A, ground: g%s}}\n"
    installation.write_policy("feeds.yaml", plain % "")
    await updating.update(context, ("own",))
    (before,) = (each for each in (await digests.body_of(context))["lists"] if each["id"] == "own")
    installation.write_policy("feeds.yaml", plain % ", confidential: true")
    after = (await digests.body_of(context))["lists"]
    assert before["digest"] not in json.dumps(after)
    assert "own" not in [each["id"] for each in after]


@pytest.mark.ring("night")
async def test_what_is_forged_old_or_ones_own_is_refused(context: Context, other: Installation) -> None:
    async with told(other) as (_, text, keys):
        with pytest.raises(OperationError, match="altered"):
            await compared(context, text.replace(b'"names":3', b'"names":4'), keys)
        odd = (b"[" * 100_000, b"\xff", b'{"body":{"a":"\\ud800"},"key_id":"","signature":""}')
        for each in (*odd, b'{"body":{"a":NaN},"key_id":"","signature":""}', b'{"body":' * 900):
            with pytest.raises(OperationError, match=r"no signed file|not signed by"):
                await compared(context, each, keys)
        with pytest.raises(OperationError, match="longer than"):
            await compared(context, b" " * (foreign.LARGEST + 1), keys)
        with pytest.raises(OperationError, match="no public key"):
            await compared(context, text, keys.replace(b"# checkpoint", b"# receipt"))
        own = (await digests.make(context)).encode()
        mine = (await rotating.public_pem(context, Purpose.CHECKPOINT)).encode()
        with pytest.raises(OperationError, match="this installation"):
            await compared(context, own, mine)
        assert await comparing.last(context) == ()
        other.now += 10
    async with told(other) as (_, later, keys):
        await compared(context, later, keys)
        with pytest.raises(ConflictError, match="a later one was compared"):
            await compared(context, text, keys)
    other.now += 2 * comparing.AHEAD
    async with told(other) as (_, text, keys):
        with pytest.raises(OperationError, match="to come"):
            await compared(context, text, keys)


@pytest.mark.ring("night")
@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("id", "UP"),
        ("id", "x" * 65),
        ("kind", ["category"]),
        ("confidential", 1),
        ("digest", "z" * 64),
        ("names", -1),
        ("version", True),
        ("authority", "\x1b[2J"),
        ("at", "9999-99-99T00:00:00Z"),
        ("former", [{"digest": "a" * 64}]),
        ("former", [{}] * 65),
    ],
)
async def test_each_part_of_what_others_sign_is_checked(
    context: Context, other: Installation, part: str, value: object
) -> None:
    async with other.open() as theirs:
        await updating.update(theirs)
        body = await digests.body_of(theirs)
        body["lists"][0][part] = value
        key = signing.signer(theirs.settings, Purpose.CHECKPOINT)
        signed = signed_text.signed(signed_text.DIGESTS, body, key.key_id, key.sign)
        keys = (await rotating.public_pem(theirs, Purpose.CHECKPOINT)).encode()
    with pytest.raises(OperationError, match="is signed, and its part"):
        await compared(context, signed_text.text_of(signed).encode(), keys)


async def test_what_others_publish_is_fetched_within_bounds(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    async with fetched(tmp_path / "far") as world, world.open() as context:
        world.server.files["/digests.json"] = b"signed"
        url = world.server.url("isp", "/digests.json")
        assert await fetching.fetched(context, url, quick()) == b"signed"
        world.server.files["/digests.json"] = b"x" * ((1 << 20) + 1)
        with pytest.raises(OperationError):
            await fetching.fetched(context, url, quick())

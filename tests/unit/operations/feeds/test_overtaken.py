"""A feed that a person or another process changes while it is read, and versions that push others out."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from sqlite3 import connect
from typing import Any

import pytest

from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import acceptance, holding, listing, reading, rule_files, updating
from filterd.operations.feeds.taking import FeedUpdate
from tests.worlds.installation import Installation
from tests.worlds.signers import Signer

FEED, WORST = "adult-starter", "worst-of"


async def two_versions(installation: Installation, context: Context) -> None:
    """An older version of a category list, and a newer one with a name too many."""
    await updating.update(context)
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nred.example\nwrong.example\n")
    await updating.update(context)


async def test_a_hold_that_comes_while_the_list_is_read_is_respected(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        await two_versions(installation, context)
        installation.write_policy(
            "lists/adult.txt", "adult.example\nblue.example\nred.example\nworse.example\n"
        )
        loop, read = asyncio.get_running_loop(), reading.read

        def held_meanwhile(*given: Any) -> object:
            hold = holding.hold(context, FEED, reason="wrong.example is in it")
            asyncio.run_coroutine_threadsafe(hold, loop).result()
            return read(*given)

        monkeypatch.setattr(reading, "read", held_meanwhile)
        (done,) = await updating.update(context, [FEED])
        assert (done.outcome, done.problem.partition(";")[0]) == (
            "failed",
            "another version came into force while it was read",
        )
        status = await listing.show(context, FEED)
        assert status.held
        assert status.version is not None
        assert status.version.version == 1


async def test_the_same_content_that_another_process_took_meanwhile_is_in_force(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As control does, which sees a new file at once, beside a command."""
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy(
            "lists/adult.txt", "adult.example\nblue.example\nred.example\nnew.example\n"
        )
        loop, read = asyncio.get_running_loop(), reading.read
        others: list[FeedUpdate] = []

        def taken_meanwhile(*given: Any) -> object:
            monkeypatch.setattr(reading, "read", read)
            others.extend(asyncio.run_coroutine_threadsafe(updating.update(context, [FEED]), loop).result())
            return read(*given)

        monkeypatch.setattr(reading, "read", taken_meanwhile)
        (done,) = await updating.update(context, [FEED])
        (other,) = others
        assert (done.outcome, other.outcome, done.problem) == ("updated", "updated", "")
        assert done.version == other.version
        status = await listing.show(context, FEED)
        assert status.version is not None and status.version.version == 2


async def test_a_list_is_not_stale_before_its_first_check_is_recorded(installation: Installation) -> None:
    """Its version is in the store while other lists of the same turn are read."""
    async with installation.open() as context:
        await updating.update(context, [FEED])
        status = replace(await listing.show(context, FEED), check=None)
        assert status.version is not None
        at = status.version.at
        assert not replace(status, at=at + status.feed.stale_after).stale
        assert replace(status, at=at + status.feed.stale_after + 1).stale
        assert not replace(status, version=None).stale


@pytest.mark.ring("night")
async def test_a_second_hold_goes_back_to_other_content(installation: Installation) -> None:
    async with installation.open() as context:
        await two_versions(installation, context)
        await holding.hold(context, FEED, reason="wrong")
        await holding.release(context, FEED)
        await updating.update(context, [FEED])
        done = await holding.hold(context, FEED, reason="wrong again")
        assert (done.left.version, done.version.version) == (3, 1)


async def test_versions_that_are_held_back_push_out_none_that_was_in_force(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await two_versions(installation, context)
        for number in range(5):
            installation.write_policy("lists/adult.txt", f"only-{number}.example\n")
            (done,) = await updating.update(context, [FEED])
            assert done.outcome == "quarantined"
        back = await holding.hold(context, FEED, reason="wrong")
        assert back.version.version == 1
        path = rule_files.rule_file(installation.settings.state_dir, FEED, 1)
        assert rule_files.digest_of(path, None) == back.version.digest


async def test_names_that_are_accepted_of_a_signed_list_need_no_newer_serial(
    installation: Installation,
) -> None:
    signer, source = Signer.new(), installation.base / "policies/lists/adult.txt"
    entry = f"source: lists/adult.txt, signature: {{public_key: {signer.public_key}}},"
    text = (installation.base / "policies/feeds.yaml").read_text()
    installation.write_policy("feeds.yaml", text.replace("source: lists/adult.txt,", entry))
    signer.place(source, b"adult.example\n", FEED, 5)
    async with installation.open() as context:
        await updating.update(context, [FEED])
        signer.place(source, b"adult.example\npopular.example\n", FEED, 6)
        (done,) = await updating.update(context, [FEED])
        assert (done.outcome, done.held) == ("unchanged", 1)
        taken = await acceptance.accept(context, FEED, reason="reviewed")
        assert taken.version == 2
        (done,) = await updating.update(context, [FEED])
        assert (done.outcome, done.held) == ("unchanged", 0)


async def test_a_mandatory_list_whose_file_is_lost_is_not_exchanged_unseen(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        rule_files.rule_file(installation.settings.state_dir, WORST, 1).unlink()
        installation.write_policy("lists/worst.txt", "other.example\n")
        (done,) = await updating.update(context, [WORST])
        assert (done.outcome, done.problem) == (
            "quarantined",
            "the file of the version in force is lost: nobody can tell which names are gone",
        )
        installation.write_policy("lists/worst.txt", "worst.example\n")
        (done,) = await updating.update(context, [WORST])
        assert done.outcome == "unchanged", "the same content mends the file"


async def test_no_list_falls_to_no_name(installation: Installation) -> None:
    guard = "guard: {min_names: 0, max_shrink: 1, max_exchange: 1, max_week_shrink: 1}"
    text = (installation.base / "policies/feeds.yaml").read_text()
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", text.replace("mandatory:", f"{guard}\n  mandatory:"))
        installation.write_policy("lists/worst.txt", "# nothing is left\n")
        (done,) = await updating.update(context, [WORST])
        assert (done.outcome, "no name is left of 1" in done.problem) == ("quarantined", True)


async def test_a_disk_that_takes_nothing_is_the_trouble_of_one_feed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = rule_files.write_version

    def full(path: Any, *given: Any) -> str:
        if path.parent.name == FEED:
            raise OSError(28, "No space left on device")
        return write(path, *given)

    monkeypatch.setattr(rule_files, "write_version", full)
    async with installation.open() as context:
        done = {each.feed: each.outcome for each in await updating.update(context)}
    assert done.pop(FEED) == "failed"
    assert set(done.values()) == {"updated"}


async def test_an_exception_that_is_damaged_in_the_store_lifts_nothing(installation: Installation) -> None:
    from filterd.model.full_state import lifting_state
    from filterd.operations import exceptions

    async with installation.open() as context:
        await exceptions.add(context, "good.example", 3600, reason="wrong")
        await exceptions.add(context, "bad.example", 3600, reason="wrong")
    with closing(connect(installation.database)) as raw, raw:
        raw.execute("UPDATE lifting SET scope = 3 WHERE name = 'bad.example'")
        names = [each.name for each in lifting_state(raw.execute, 0)]
    assert names == ["good.example"]


async def test_there_is_no_way_back_from_the_first_version(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        with pytest.raises(OperationError, match="no version before"):
            await holding.hold(context, FEED, reason="wrong")

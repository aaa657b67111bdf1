"""A feed that is held at the version before: at once, for good, and never by one person where it unblocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.operations import audit, integrity
from filterd.operations.context import OperationError
from filterd.operations.feeds import holding, listing, updating
from filterd.operations.feeds.rule_files import rule_file
from tests.worlds.installation import Installation, as_person

FEED, MANDATORY = "adult-starter", "worst-of"
REASON = "google.com in it"


async def two_versions(installation: Installation) -> None:
    """An older version of a category list with less, and of a mandatory one with other names."""
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nwrong.example\n")
        installation.write_policy("lists/worst.txt", "worst.example\nmore.example\n")
        await updating.update(context)


async def test_a_feed_goes_back_and_stays_there_until_it_is_released(installation: Installation) -> None:
    await two_versions(installation)
    async with installation.open() as context:
        done = await holding.hold(context, FEED, reason=REASON)
        assert (done.version.version, done.left.version, done.waits) == (1, 2, False)
        status = await listing.show(context, FEED)
        assert status.version is not None
        assert (status.version.version, status.version.names, status.held) == (1, 3, True)
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nmore.example\n")
        (update,) = await updating.update(context, (FEED,))
        assert (update.outcome, update.problem) == ("held", "")
        assert update.version == status.version
        with pytest.raises(OperationError, match="held at version 1 already") as refused:
            await holding.hold(context, FEED, reason=REASON)
        assert "--release" in refused.value.remedy
        async with context.store.read() as connection:
            assert await integrity.faults(connection) == ()
        await holding.release(context, FEED)
        assert not (await listing.show(context, FEED)).held
        (update,) = await updating.update(context, (FEED,))
        assert update.outcome == "updated"
        assert update.version is not None
        assert update.version.version == 3
        actions = [each.entry.action for each in await audit.tail(context, 3)]
        assert actions == ["feed.hold", "feed.release", "feed.update"]


async def test_a_mandatory_feed_that_would_block_less_takes_two_people(installation: Installation) -> None:
    await two_versions(installation)
    async with installation.open(approvals=2) as context:
        asked = await holding.hold(context, MANDATORY, reason=REASON)
        assert (asked.waits, asked.version.version) == (True, 2)
        status = await listing.show(context, MANDATORY)
        assert status.version is not None
        assert (status.version.version, status.held) == (2, False)
        with pytest.raises(OperationError, match="asked to hold") as refused:
            await holding.hold(context, MANDATORY, reason=REASON)
        assert "another person" in refused.value.remedy
        done = await holding.hold(as_person(context, "berta"), MANDATORY, reason=REASON)
        assert (done.waits, done.version.version, done.hold.asked_by, done.hold.held_by) == (
            False,
            1,
            "ana",
            "berta",
        )
        assert (await listing.show(context, MANDATORY)).held


async def test_what_was_asked_of_another_version_is_asked_anew(installation: Installation) -> None:
    await two_versions(installation)
    async with installation.open(approvals=2) as context:
        await holding.hold(context, MANDATORY, reason=REASON)
        installation.write_policy("lists/worst.txt", "worst.example\nthird.example\n")
        await updating.update(context, (MANDATORY,))
        again = await holding.hold(as_person(context, "berta"), MANDATORY, reason=REASON)
        assert (again.waits, again.hold.asked_by, again.hold.version) == (True, "berta", 2)


async def test_one_person_is_enough_where_the_older_version_blocks_all_of_it(
    installation: Installation,
) -> None:
    async with installation.open(approvals=2) as context:
        await updating.update(context)
        installation.write_policy("lists/worst.txt", "worst.example\nmore.example\n")
        await updating.update(context)
        installation.write_policy("lists/worst.txt", "more.example\n")
        await updating.update(context)
        done = await holding.hold(context, MANDATORY, reason=REASON)
        assert (done.waits, done.version.version) == (False, 2)


async def test_what_cannot_be_held(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        with pytest.raises(OperationError, match="no version before") as refused:
            await holding.hold(context, FEED, reason=REASON)
        assert "exception add" in refused.value.remedy
        with pytest.raises(OperationError, match="is not held"):
            await holding.release(context, FEED)
        with pytest.raises(OperationError, match="unknown feed"):
            await holding.hold(context, "none", reason=REASON)
    await two_versions(installation)
    rule_file(installation.settings.state_dir, FEED, 1).unlink()
    async with installation.open() as context:
        with pytest.raises(OperationError, match="gone or damaged"):
            await holding.hold(context, FEED, reason=REASON)
        assert not (await listing.show(context, FEED)).held


@pytest.mark.parametrize(
    ("older", "newer", "covered"),
    [
        (b"a.example\nb.example\n", b"a.example\n", True),
        (b"a.example\n", b"a.example\nb.example\n", False),
        (b"a.example\n", b"a.example exact\n", False),
        (b"a.example\nb.example allow\n", b"a.example\n", False),
        (b"a.example\n", b"a.example\nb.example allow\n", True),
        (b"", b"", True),
    ],
)
def test_a_list_covers_another_that_blocks_no_more(
    tmp_path: Path, older: bytes, newer: bytes, covered: bool
) -> None:
    paths = [tmp_path / "1.rules", tmp_path / "2.rules"]
    for path, text in zip(paths, (older, newer), strict=True):
        path.write_bytes(text)
    assert holding.covers(*paths) is covered
    paths[1].unlink()
    assert not holding.covers(*paths), "nobody knows what it blocks"

"""The difference that a new version would make, before anybody takes it."""

from __future__ import annotations

import pytest

from filterd.operations.context import OperationError
from filterd.operations.feeds import listing, updating
from filterd.operations.feeds.difference import diff
from tests.worlds.installation import Installation

ADULT, WORST = "adult-starter", "worst-of"


async def test_what_is_held_is_shown_popular_names_first(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy("lists/adult.txt", "a1.example\na2.example\npopular.example\n")
        await updating.update(context, [ADULT])
        found = await diff(context, ADULT, most=2)
    assert (found.new, found.against) == ("held", 1)
    assert found.hold is not None
    assert (found.added.count, found.added.popular) == (3, 1)
    assert found.added.shown == ["popular.example", "a1.example"]
    assert (found.removed.count, found.removed.shown) == (3, ["adult.example", "blue.example"])


async def test_without_a_hold_the_source_is_read_and_nothing_is_kept(installation: Installation) -> None:
    async with installation.open() as context:
        first = await diff(context, ADULT)
        assert (first.against, first.added.count, first.removed.count) == (0, 3, 0)
        assert (await listing.show(context, ADULT)).version is None
        await updating.update(context)
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
        found = await diff(context, ADULT, most=None)
        assert (found.added.shown, found.removed.shown) == (["new.example"], ["red.example"])
        status = await listing.show(context, ADULT)
    assert status.version is not None
    assert status.version.version == 1


async def test_an_older_version_can_be_compared_with(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context, [ADULT])
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
        await updating.update(context, [ADULT])
        found = await diff(context, ADULT, against=1)
        assert (found.added.shown, found.removed.shown) == (["new.example"], ["red.example"])
        with pytest.raises(OperationError, match="no version 7"):
            await diff(context, ADULT, against=7)


async def test_of_a_confidential_list_only_numbers_are_told(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context, [WORST])
        installation.write_policy("lists/worst.txt", "popular.example\nworst.example\nsecond.example\n")
        await updating.update(context, [WORST])
        found = await diff(context, WORST)
    assert (found.added.count, found.added.popular, found.added.shown) == (1, 1, [])
    assert ".example" not in repr(found)


async def test_a_source_that_cannot_be_read_is_told(installation: Installation) -> None:
    (installation.base / "policies/lists/adult.txt").unlink()
    async with installation.open() as context:
        with pytest.raises(OperationError) as caught:
            await diff(context, ADULT)
    assert caught.value.remedy

"""Policies laid over the shipped ones, in use: lists are read and compiled from both directories, and neither
an upgrade nor the operator's files lift what is in force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from filterd.disk.keys import FINGERPRINT_KEY
from filterd.operations import snapshots
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import listing, updating
from filterd.operations.feeds.adoption import retire
from filterd.operations.keys import load_key
from filterd.operations.policies import policies
from filterd.policy.adoption import Orphaned
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.snapshot import Snapshot, contains
from tests.worlds.installation import POLICIES, Installation, install

NAMES = ("worst.example", "adult.example", "casino.example", "own.example")
ENTRIES = POLICIES["feeds.yaml"]
WITHOUT_WORST = ENTRIES[: ENTRIES.index("- id: worst-of")]


@pytest.fixture
async def laid(tmp_path: Path) -> Installation:
    """An installation whose policies are the shipped ones, and a directory of its own over them."""
    made = await install(tmp_path)
    own = tmp_path / "own"
    (own / "lists").mkdir(parents=True)
    made.settings = replace(made.settings, policies=own, policies_base=tmp_path / "policies")
    return made


def write_own(installation: Installation, file: str, text: str) -> None:
    """Write a file of the operator's."""
    (installation.settings.policies / file).write_text(text)


async def built(context: Context) -> set[str]:
    """Build a snapshot in a process of its own; the names that it blocks."""
    await snapshots.build(context)
    path = snapshots.current_file(context.settings.state_dir / "snapshots")
    assert path is not None
    key = load_key(context.settings, FINGERPRINT_KEY)
    snapshot = Snapshot.open(path, key)
    return {name for name in NAMES if contains(snapshot, fingerprint_name(key, name))}


async def lost(context: Context) -> dict[str, Orphaned]:
    """The feeds that lost their entries."""
    return {each.feed.id: each.orphaned for each in await listing.list_feeds(context) if each.orphaned}


async def test_lists_of_both_directories_are_read_and_compiled(laid: Installation) -> None:
    write_own(laid, "feeds.yaml", "[{id: own, source: lists/own.txt, format: domains, category: adult}]")
    write_own(laid, "lists/own.txt", "own.example\n")
    async with laid.open() as context:
        assert {each.outcome for each in await updating.update(context)} == {"updated"}
        assert await built(context) == set(NAMES)
        origins = {each.feed.id: each.shipped for each in await listing.list_feeds(context)}
    assert origins == {"adult-starter": True, "gambling-starter": True, "worst-of": True, "own": False}


async def test_an_upgrade_that_ships_less_lifts_nothing(laid: Installation) -> None:
    async with laid.open() as context:
        await updating.update(context)
        laid.write_policy("feeds.yaml", WITHOUT_WORST)
        (laid.base / "policies/lists/worst.txt").unlink()
        assert await lost(context) == {"worst-of": Orphaned.VANISHED}
        assert "worst.example" in await built(context)
        await updating.update(context)
        assert "worst.example" in await built(context), "its last good version stays"


async def test_an_upgrade_that_weakens_a_mandatory_list_lifts_nothing(laid: Installation) -> None:
    weaker = "- {id: worst-of, source: lists/worst.txt, format: domains, category: gambling}\n"
    async with laid.open() as context:
        await updating.update(context)
        laid.write_policy("feeds.yaml", WITHOUT_WORST + weaker)
        await updating.update(context)
        assert await lost(context) == {"worst-of": Orphaned.WEAKENED}
        found = next(each for each in await listing.list_feeds(context) if each.feed.id == "worst-of")
        assert found.feed.mandatory is not None


@pytest.mark.parametrize(
    ("entry", "how"),
    [
        ("{id: worst-of, disabled: true}", Orphaned.VANISHED),
        ("{id: worst-of, source: lists/own.txt, format: domains, category: adult}", Orphaned.WEAKENED),
    ],
)
async def test_the_operators_files_propose_and_a_person_retires(
    laid: Installation, entry: str, how: Orphaned
) -> None:
    async with laid.open(approvals=1) as context:
        await updating.update(context)
        write_own(laid, "feeds.yaml", f"[{entry}]")
        assert await lost(context) == {"worst-of": how}
        assert "worst.example" in await built(context)
        await retire(context, "worst-of", reason="no longer adopted")
        write_own(laid, "feeds.yaml", "[{id: worst-of, disabled: true}]")
        assert "worst.example" not in await built(context)


async def test_a_feed_disabled_before_it_was_read_is_never_in_force(laid: Installation) -> None:
    write_own(laid, "feeds.yaml", "[{id: adult-starter, disabled: true}]")
    async with laid.open() as context:
        assert [each.feed for each in await updating.update(context)] == ["gambling-starter", "worst-of"]
        assert await built(context) == {"worst.example", "casino.example"}


@pytest.mark.ring("night")
async def test_a_whole_copy_becomes_one_that_is_laid_over(laid: Installation) -> None:
    """The way from an installation of before: definitions move to the shipped files; nothing is lifted."""
    before = replace(laid.settings, policies=laid.base / "policies", policies_base=None)
    laid.settings, after = before, laid.settings
    async with laid.open() as context:
        await updating.update(context)
        assert await built(context) == set(NAMES) - {"own.example"}
    laid.settings = after
    async with laid.open() as context:
        assert {each.outcome for each in await updating.update(context)} == {"unchanged"}
        assert await lost(context) == {}
        assert await built(context) == set(NAMES) - {"own.example"}


async def test_faults_say_which_files_to_mend(laid: Installation) -> None:
    write_own(laid, "feeds.yaml", "")
    async with laid.open() as context:
        with pytest.raises(OperationError, match=r"feeds\.yaml: is empty") as caught:
            policies(context)
    assert str(laid.settings.policies) in caught.value.remedy
    assert "come with the package" in caught.value.remedy

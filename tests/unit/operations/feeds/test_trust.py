"""The key of a mandatory feed changes by the word of people, not by that of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.records import AdoptionState
from filterd.operations import audit
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, listing, updating
from filterd.operations.feeds.trust import trust
from filterd.policy.adoption import Orphaned
from tests.worlds.installation import POLICIES, Installation, as_person
from tests.worlds.signers import Signer

OLD, NEW, THIRD = Signer.new(), Signer.new(), Signer.new()
FEED = "worst-of"
ENTRIES = POLICIES["feeds.yaml"]
UNSIGNED = "source: lists/worst.txt"


def entries(signer: Signer | None) -> str:
    key = "" if signer is None else f"\n  signature: {{public_key: {signer.public_key}}}"
    return ENTRIES.replace(UNSIGNED, UNSIGNED + key)


def source(installation: Installation) -> Path:
    return installation.base / "policies/lists/worst.txt"


@pytest.fixture
async def signed(installation: Installation) -> Installation:
    """An installation that took a signed mandatory list."""
    installation.write_policy("feeds.yaml", entries(OLD))
    OLD.place(source(installation), b"worst.example\n", FEED, 5)
    async with installation.open() as context:
        await updating.update(context)
    return installation


async def problem(context: Context) -> str:
    (done,) = await updating.update(context, [FEED])
    return done.problem


async def lost(context: Context) -> Orphaned | None:
    return (await listing.show(context, FEED)).orphaned


async def test_an_entry_with_another_key_changes_nothing(signed: Installation) -> None:
    NEW.place(source(signed), b"innocent.example\n", FEED, 6)
    async with signed.open(approvals=2) as context:
        for signer in (NEW, None):
            signed.write_policy("feeds.yaml", entries(signer))
            assert "not by the key" in await problem(context)
            assert await lost(context) is Orphaned.REKEYED


async def test_two_people_trust_a_new_key(signed: Installation) -> None:
    signed.write_policy("feeds.yaml", entries(NEW))
    NEW.place(source(signed), b"worst.example\nworse.example\n", FEED, 6)
    async with signed.open(approvals=2) as context:
        asked = await trust(context, FEED, reason="the old key was lost")
        assert asked.waiting is not None
        assert (asked.public_key, asked.waiting.asked_by) == (NEW.public_key, "ana")
        assert (await listing.origin(context, FEED)).asked == asked.waiting
        assert "not by the key" in await problem(context)
        with pytest.raises(OperationError, match="already") as caught:
            await trust(context, FEED, reason="quick")
        assert "another person" in caught.value.remedy
        done = await trust(as_person(context, "bob"), FEED, reason="compared by telephone")
        assert done.waiting is None
        assert (await listing.origin(context, FEED)).asked is None
        assert (await lost(context), await problem(context)) == (None, "")
        entries_ = [each.entry for each in await audit.tail(context, 5) if "trust" in each.entry.action]
        assert [(each.actor, each.reason) for each in entries_] == [("ana", "the old key was lost")]
        (change,) = [
            each.entry for each in await audit.tail(context, 5) if each.entry.action == "feed.change"
        ]
        assert (change.actor, change.reason) == ("bob", "compared by telephone")
        assert (change.before or {})["entry"]["signature"] == {"public_key": OLD.public_key}
        assert (change.after or {})["entry"]["signature"] == {"public_key": NEW.public_key}
        OLD.place(source(signed), b"worst.example\n", FEED, 9)
        assert "not by the key" in await problem(context), "the old key counts no more"


async def test_a_second_person_confirms_only_the_key_that_was_asked_for(signed: Installation) -> None:
    async with signed.open(approvals=2) as context:
        signed.write_policy("feeds.yaml", entries(NEW))
        await trust(context, FEED, reason="rotated")
        signed.write_policy("feeds.yaml", entries(THIRD))
        asked = await trust(as_person(context, "bob"), FEED, reason="rotated")
        assert asked.waiting is not None
        assert (asked.waiting.public_key, asked.waiting.asked_by) == (THIRD.public_key, "bob")
        signed.write_policy("feeds.yaml", entries(None))
        assert (await trust(context, FEED, reason="no signer any more")).waiting is not None
        assert (await trust(as_person(context, "bob"), FEED, reason="seen")).waiting is None
        assert await lost(context) is None


async def test_serials_go_on_across_keys(signed: Installation) -> None:
    async with signed.open(approvals=1) as context:
        signed.write_policy("feeds.yaml", entries(NEW))
        assert (await trust(context, FEED, reason="rotated")).waiting is None
        NEW.place(source(signed), b"worst.example\n", FEED, 4)
        assert "old list" in await problem(context)


async def test_an_unsigned_feed_gets_a_key_by_its_entry(installation: Installation) -> None:
    async with installation.open(approvals=2) as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", entries(OLD))
        OLD.place(source(installation), b"worst.example\nworse.example\n", FEED, 1)
        assert (await problem(context), await lost(context)) == ("", None)
        installation.write_policy("feeds.yaml", entries(None))
        assert await lost(context) is Orphaned.REKEYED


async def test_what_is_no_change_of_a_key_is_refused(signed: Installation) -> None:
    async with signed.open(approvals=1) as context:
        with pytest.raises(OperationError, match="in force already"):
            await trust(context, FEED, reason="why not")
        with pytest.raises(OperationError, match="no feed 'none'"):
            await trust(context, "none", reason="why not")
        weaker = (
            entries(NEW)
            .replace("scope: subtree", "")
            .replace("format: domains\n  mand", "format: domains\n  scope: exact\n  mand")
        )
        signed.write_policy("feeds.yaml", weaker)
        with pytest.raises(OperationError, match="would lift"):
            await trust(context, FEED, reason="why not")
        assert await lost(context) is Orphaned.WEAKENED
        signed.write_policy("feeds.yaml", "[]")
        with pytest.raises(OperationError, match="no entry"):
            await trust(context, FEED, reason="why not")
        await adoption.retire(context, FEED, reason="over")
        with pytest.raises(OperationError, match="no feed 'worst-of'"):
            await trust(context, FEED, reason="why not")


async def test_a_trusted_key_calls_a_retirement_off(signed: Installation) -> None:
    async with signed.open(approvals=2) as context:
        signed.write_policy("feeds.yaml", "[]")
        await adoption.retire(context, FEED, reason="over")
        signed.write_policy("feeds.yaml", entries(NEW))
        await trust(context, FEED, reason="goes on with another signer")
        status = await listing.show(context, FEED)
        assert status.adopted is not None
        assert status.adopted.state is AdoptionState.RETIRING
        await trust(as_person(context, "bob"), FEED, reason="seen")
        status = await listing.show(context, FEED)
        assert status.adopted is not None
        assert (status.adopted.state, status.orphaned) == (AdoptionState.ACTIVE, None)

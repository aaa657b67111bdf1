"""A feed is in force from its first reading until a person retires it, whatever becomes of feeds.yaml."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from filterd.disk.keys import FINGERPRINT_KEY
from filterd.model.mandatory import label_of
from filterd.model.records import AdoptionState
from filterd.operations import audit, snapshots
from filterd.operations import compile as compiling
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, listing, reading, updating
from filterd.operations.keys import load_key
from filterd.operations.lost_rules import NOTHING_ACCEPTED
from filterd.operations.policies import policies
from filterd.policy.adoption import Orphaned
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.snapshot import Snapshot, contains
from tests.worlds.installation import POLICIES, Installation, as_person

ENTRIES = POLICIES["feeds.yaml"]
WORST = ENTRIES[ENTRIES.index("- id: worst-of") :]
NAMES = ("worst.example", "adult.example", "casino.example")


async def built(context: Context) -> set[str]:
    """Build a snapshot; the listed names that it holds."""
    await snapshots.build(context)
    path = snapshots.current_file(context.settings.state_dir / "snapshots")
    assert path is not None
    key = load_key(context.settings, FINGERPRINT_KEY)
    snapshot = Snapshot.open(path, key)
    return {name for name in NAMES if contains(snapshot, fingerprint_name(key, name))}


async def orphans(context: Context) -> dict[str, Orphaned]:
    return {each.feed.id: each.orphaned for each in await listing.list_feeds(context) if each.orphaned}


async def trail(context: Context, subject: str) -> list[tuple[str, str, str]]:
    """Action, reason and the state after it, oldest first."""
    entries = [each.entry for each in await audit.tail(context, 100) if each.entry.subject == subject]
    return [
        (each.action, each.reason, (each.after or {}).get("state", ""))
        for each in entries
        if each.action != "feed.update"
    ]


async def test_an_emptied_feeds_yaml_lifts_nothing(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        assert await built(context) == set(NAMES)
        installation.write_policy("feeds.yaml", "[]")
        assert await built(context) == set(NAMES)
        assert await orphans(context) == dict.fromkeys(
            ("adult-starter", "gambling-starter", "worst-of"), Orphaned.VANISHED
        )
        for text in ("", "# all gone\n"):
            installation.write_policy("feeds.yaml", text)
            with pytest.raises(OperationError, match="is empty, as a file that was cut off is"):
                await snapshots.build(context)
        figures = await listing.figures(context)
        assert [(each.feed.id, each.orphaned) for each in figures] == [
            ("adult-starter", Orphaned.VANISHED),
            ("gambling-starter", Orphaned.VANISHED),
            ("worst-of", Orphaned.VANISHED),
        ], "the alarm does not end where nothing can be read at all"


async def test_a_file_that_loses_its_entries_while_the_compiler_starts_lifts_nothing(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        target = installation.base / "made"
        wanted = snapshots._Job(
            context, target, policies(context), snapshots.Basis(None, {}), NOTHING_ACCEPTED, 0, None
        )
        stored, _ = await snapshots._material(wanted)
        job = compiling.job_of(context.settings, stored, int(installation.now), target)
        installation.write_policy("feeds.yaml", "[]")
        await asyncio.to_thread(compiling.run, json.loads(job), lambda what, rules: None)
        key = load_key(context.settings, FINGERPRINT_KEY)
        for name in NAMES:
            assert contains(Snapshot.open(target, key), fingerprint_name(key, name))


async def test_a_feed_without_its_entry_is_still_read(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", "[]")
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
        assert [each.outcome for each in await updating.update(context)] == [
            "updated",
            "unchanged",
            "unchanged",
        ]


async def test_a_feed_that_was_never_read_may_come_and_go(installation: Installation) -> None:
    installation.write_policy("feeds.yaml", ENTRIES.replace("lists/worst.txt", "lists/none.txt"))
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", ENTRIES.replace(WORST, ""))
        assert await orphans(context) == {}
        with pytest.raises(OperationError, match="no feed 'worst-of' is in force"):
            await adoption.retire(context, "worst-of", reason="over")


async def test_one_person_retires_a_feed_of_a_category(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        with pytest.raises(OperationError, match="has its entry") as caught:
            await adoption.retire(context, "adult-starter", reason="over")
        assert "take the entry out of feeds.yaml" in caught.value.remedy
        installation.write_policy("feeds.yaml", ENTRIES.replace("- {id: adult", "# {id: adult"))
        assert "adult.example" in await built(context)
        ended = await adoption.retire(context, "adult-starter", reason="a better list")
        assert (ended.state, ended.retired_by) == (AdoptionState.RETIRED, "ana")
        assert await built(context) == set(NAMES) - {"adult.example"}
        assert await orphans(context) == {}
        with pytest.raises(OperationError, match="retired already"):
            await adoption.retire(context, "adult-starter", reason="again")
        assert await trail(context, "feed:adult-starter") == [
            ("feed.adopt", "", "active"),
            ("feed.retire", "a better list", "retired"),
        ]


async def test_a_mandatory_feed_takes_two_people_to_retire(installation: Installation) -> None:
    async with installation.open(approvals=2) as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", ENTRIES.replace(WORST, ""))
        asked = await adoption.retire(context, "worst-of", reason="the authority took it back")
        assert asked.state is AdoptionState.RETIRING
        assert "worst.example" in await built(context)
        assert await orphans(context) == {"worst-of": Orphaned.VANISHED}
        with pytest.raises(OperationError, match="in force still") as caught:
            await adoption.retire(context, "worst-of", reason="quick")
        assert "another person" in caught.value.remedy
        ended = await adoption.retire(as_person(context, "bob"), "worst-of", reason="seen the letter")
        assert (ended.state, ended.asked_by, ended.retired_by) == (AdoptionState.RETIRED, "ana", "bob")
        assert "worst.example" not in await built(context)
        assert await trail(context, "feed:worst-of") == [
            ("feed.adopt", "", "active"),
            ("feed.retire", "the authority took it back", "retiring"),
            ("feed.retire", "seen the letter", "retired"),
        ]


async def test_a_confidential_feed_is_known_by_the_label_that_alerts_have(
    installation: Installation,
) -> None:
    label = label_of("worst-of", confidential=True)
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        assert (await listing.show(context, label)).feed.id == "worst-of"
        assert await listing.versions(context, label) == await listing.versions(context, "worst-of") != ()
        installation.write_policy("feeds.yaml", ENTRIES.replace(WORST, ""))
        assert (await listing.show(context, label)).orphaned is Orphaned.VANISHED
        ended = await adoption.retire(context, label, reason="over")
        assert (ended.feed, ended.state) == ("worst-of", AdoptionState.RETIRED)
        with pytest.raises(OperationError, match="unknown feed"):
            await listing.show(context, label_of("adult-starter", confidential=True))


async def test_one_person_is_enough_where_one_approval_is(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", ENTRIES.replace(WORST, ""))
        ended = await adoption.retire(context, "worst-of", reason="over")
        assert ended.state is AdoptionState.RETIRED


async def test_an_entry_that_comes_back_calls_a_retirement_off(installation: Installation) -> None:
    async with installation.open(approvals=2) as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", ENTRIES.replace(WORST, ""))
        await adoption.retire(context, "worst-of", reason="over")
        installation.write_policy("feeds.yaml", ENTRIES)
        await updating.update(context)
        status = await listing.show(context, "worst-of")
        assert status.adopted is not None
        assert (status.adopted.state, status.adopted.asked_by) == (AdoptionState.ACTIVE, "")
        assert (await trail(context, "feed:worst-of"))[-1] == ("feed.change", "", "active")
        installation.write_policy("feeds.yaml", ENTRIES.replace(WORST, ""))
        again = await adoption.retire(as_person(context, "bob"), "worst-of", reason="over")
        assert again.state is AdoptionState.RETIRING, "ana's word was about another time"


@pytest.mark.ring("merge")
@pytest.mark.parametrize(
    "entry",
    [
        "\n- {id: worst-of, source: lists/worst.txt, format: domains, category: adult}\n",
        "\n- {id: worst-of, source: lists/worst.txt, format: domains, security: {}}\n",
        WORST.replace(", confidential: true", ""),
        WORST.replace("format: domains", "format: hosts"),
    ],
)
async def test_a_weaker_entry_changes_nothing_until_the_feed_is_retired(
    installation: Installation, entry: str
) -> None:
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        before = (await listing.show(context, "worst-of")).feed
        installation.write_policy("feeds.yaml", ENTRIES.replace(WORST, entry))
        assert (await listing.show(context, "worst-of")).feed == before
        assert "worst.example" in await built(context)
        view = snapshots.show(context)
        assert [each["kind"] for each in view.lists if each["id"] == "worst-of"] == ["mandatory"]
        assert await orphans(context) == {"worst-of": Orphaned.WEAKENED}
        await adoption.retire(context, "worst-of", reason="as the entry says")
        assert await orphans(context) == {}
        await updating.update(context)
        after = await listing.show(context, "worst-of")
        assert after.feed != before
        assert after.adopted is not None
        assert after.adopted.state is AdoptionState.ACTIVE
        assert "worst.example" in await built(context), "the new entry has it"


async def test_a_changed_entry_is_taken_and_the_trail_says_so(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", ENTRIES.replace("INTERPOL", "FGR"))
        await updating.update(as_person(context, "bob"))
        entry = next(
            each.entry for each in await audit.tail(context, 5) if each.entry.action == "feed.change"
        )
        assert (entry.actor, entry.subject) == ("bob", "feed:worst-of")
        assert entry.before is not None
        assert entry.after is not None
        authorities = [each["entry"]["mandatory"]["authority"] for each in (entry.before, entry.after)]
        assert authorities == ["INTERPOL", "FGR"]
        installation.write_policy("feeds.yaml", "[]")
        terms = (await listing.show(context, "worst-of")).feed.mandatory
        assert terms is not None
        assert terms.authority == "FGR"


async def test_what_was_read_before_adoption_began_is_adopted(installation: Installation) -> None:
    """As after an upgrade from a schema without adoption."""
    async with installation.open() as context:
        await updating.update(context)
        with closing(sqlite3.connect(installation.database)) as raw, raw:
            raw.execute("DELETE FROM adopted_feed")
        found = await adoption.settle(context, policies(context))
        assert found.orphans == {}
        installation.write_policy("feeds.yaml", "[]")
        assert await built(context) == set(NAMES)


@pytest.mark.ring("merge")
async def test_what_the_snapshot_alone_knows_of_is_not_left_out(installation: Installation) -> None:
    """An entry that was lost in the upgrade to adoption itself, or a store that is older than the feed."""
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        await snapshots.build(context)
        with closing(sqlite3.connect(installation.database)) as raw, raw:
            raw.execute("DELETE FROM adopted_feed")
            raw.execute("DELETE FROM audit WHERE action = 'feed.adopt'")
        installation.write_policy("feeds.yaml", "[]")
        assert await built(context) == set(NAMES)
        kinds = {each["id"]: each["kind"] for each in snapshots.show(context).lists}
        assert kinds["worst-of"] == "mandatory"
        assert kinds["adult-starter"] == "category"
        status = await listing.show(context, "worst-of")
        assert status.feed.confidential
        assert status.orphaned is Orphaned.VANISHED
        entries = [each.entry for each in await audit.tail(context, 9) if each.entry.action == "feed.adopt"]
        assert len({each.subject for each in entries if "the snapshot in force" in each.reason}) == 3
        await adoption.retire(context, "adult-starter", reason="over")
        assert await built(context) == set(NAMES) - {"adult.example"}, "it does not come back"
        installation.write_policy("feeds.yaml", ENTRIES.replace("- {id: adult", "# {id: adult"))
        await updating.update(context)
        assert await orphans(context) == {}
        assert (await listing.show(context, "worst-of")).feed.source == "lists/worst.txt"


async def test_a_feed_that_is_put_back_after_its_end_is_adopted_anew(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", ENTRIES.replace(WORST, ""))
        await adoption.retire(context, "worst-of", reason="over")
        installation.write_policy("feeds.yaml", ENTRIES)
        with pytest.raises(OperationError, match="never read"):
            await snapshots.build(context)
        await updating.update(context)
        assert await built(context) == set(NAMES)
        status = await listing.show(context, "worst-of")
        assert status.adopted is not None
        assert (status.adopted.state, status.adopted.reason) == (AdoptionState.ACTIVE, "")


async def test_a_feed_that_is_retired_while_it_is_read_stays_retired(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", ENTRIES.replace("- {id: adult", "# {id: adult"))
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
        loop = asyncio.get_running_loop()
        read = reading.read

        def read_meanwhile(*given: Any) -> object:
            retiring = adoption.retire(context, "adult-starter", reason="over")
            asyncio.run_coroutine_threadsafe(retiring, loop).result()
            return read(*given)

        monkeypatch.setattr(reading, "read", read_meanwhile)
        (done,) = await updating.update(context, ["adult-starter"])
        assert (done.outcome, done.version) == ("retired", None)
        assert "adult.example" not in await built(context)


async def test_a_damaged_record_stops_the_build_and_quotes_nothing(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        before = snapshots.current_file(context.settings.state_dir / "snapshots")
        with closing(sqlite3.connect(installation.database)) as raw, raw:
            raw.execute("UPDATE adopted_feed SET definition = replace(definition, 'worst.txt', '://secret')")
        with pytest.raises(OperationError, match="not what was decided: feed:worst-of") as caught:
            await snapshots.build(context)
        assert "secret" not in str(caught.value)
        assert "filterd audit verify" in caught.value.remedy
        assert snapshots.current_file(context.settings.state_dir / "snapshots") == before


async def test_a_reason_is_needed(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy("feeds.yaml", "[]")
        with pytest.raises(OperationError, match="reason"):
            await adoption.retire(context, "adult-starter", reason=" ")
        found = await listing.show(context, "adult-starter")
        assert found.adopted is not None
        assert replace(found.adopted, state=AdoptionState.ACTIVE) == found.adopted


async def test_a_typo_elsewhere_takes_no_entry_from_a_feed(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        before = await listing.list_feeds(context)
        installation.write_policy("profiles/child.yaml", "")
        statuses, error = await listing.standing(context)
        assert statuses == before
        assert "profiles/child.yaml: is empty" in str(error)
        installation.write_policy("feeds.yaml", "- {")
        statuses, error = await listing.standing(context)
        assert [each.feed.id for each in statuses] == [each.feed.id for each in before]
        assert all(each.unread for each in statuses)

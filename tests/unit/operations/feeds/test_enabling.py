"""A ready feed: never asked while it is off, in force once enabled, until it is retired."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.records import AdoptionState
from filterd.operations import audit, integrity, snapshots
from filterd.operations.backup import backup
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, enabling, listing, updating
from filterd.operations.feeds.lost import feeds_in
from filterd.operations.policies import policies
from filterd.operations.provenance import FEEDS, fetched_passages
from filterd.policy import classes as policy_classes
from filterd.policy.adoption import Orphaned
from filterd.policy.classes import assign
from filterd.policy.documents import MandatoryTerms
from filterd.serve.feed_schedule import FeedSchedule
from filterd.telemetry import log
from tests.worlds.backups import put_back
from tests.worlds.fetched import Fetched, fetched, fetching
from tests.worlds.list_server import Fault

NAMES = b"one.example\ntwo.example\nthree.example\n"

MANDATORY = (
    "- {id: listed, source: lists/worst.txt, format: domains, mandatory: {authority: SAT, ground: art. 1}}\n"
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Fetched]:
    """A server, and an installation with one ready feed."""
    async with fetched(tmp_path) as made:
        made.offer("far", NAMES)
        yield made


async def outcomes(context: Context) -> list[str]:
    return [each.outcome for each in await updating.update(context, fetching=fetching())]


async def actions(context: Context) -> list[tuple[str, str]]:
    entries = [each.entry for each in await audit.tail(context, 100) if each.entry.subject == "feed:far"]
    return [(each.action, each.reason) for each in entries]


async def test_one_that_is_off_is_never_asked_and_nobody_cries(world: Fetched) -> None:
    async with world.open() as context:
        assert await outcomes(context) == []
        assert world.server.requests == []
        assert await listing.figures(context) == ()
        with pytest.raises(OperationError, match="the feed far is off") as caught:
            await updating.update(context, ["far"])
        assert caught.value.remedy == "enable it with: filterd feed enable far"
        status = await listing.show(context, "far")
        assert (status.off, status.publication and status.publication.licence) == (True, "CC BY-NC 4.0")
        (ready,) = await enabling.list_ready(context)
        assert (ready.enabled, ready.version, ready.shipped) == (False, None, False)


async def test_enabling_takes_it_into_force_before_it_is_read(world: Fetched) -> None:
    async with world.open() as context:
        done = await enabling.enable(context, "far", reason="parents ask for it")
        assert (done.adopted.state, done.adopted.adopted_by) == (AdoptionState.ACTIVE, "ana")
        assert await outcomes(context) == ["updated"]
        (status,) = await listing.list_feeds(context)
        assert (status.off, status.orphaned, status.version and status.version.names) == (False, None, 3)
        (ready,) = await enabling.list_ready(context)
        assert (ready.enabled, ready.version and ready.version.names) == (True, 3)
        assert await actions(context) == [("feed.enable", "parents ask for it"), ("feed.update", "")]
        assert await integrity.compare(context) == ()
        with pytest.raises(OperationError, match="enabled already"):
            await enabling.enable(context, "far")
    async with world.open() as context:  # as another process would, after a restart
        assert await outcomes(context) == ["unchanged"]


async def test_one_that_is_retired_is_off_until_it_is_enabled_again(world: Fetched) -> None:
    async with world.open() as context:
        with pytest.raises(OperationError, match="no feed 'far' is in force"):
            await adoption.retire(context, "far", reason="over")
        await enabling.enable(context, "far")
        await outcomes(context)
        ended = await adoption.retire(context, "far", reason="too wide")
        assert ended.state is AdoptionState.RETIRED
        assert await outcomes(context) == [], "its entry does not adopt it again"
        assert (await listing.show(context, "far")).off
        again = await enabling.enable(context, "far")
        assert again.adopted.state is AdoptionState.ACTIVE
        assert await outcomes(context) == ["updated"]
        assert await integrity.compare(context) == ()


@pytest.mark.ring("night")
@pytest.mark.parametrize("again", [False, True])
async def test_one_that_is_enabled_again_begins_anew(world: Fetched, again: bool) -> None:
    """While its server is down it has no version: that is no damage, and keeps nothing else waiting."""
    world.installation.write_policy("feeds.yaml", MANDATORY)
    async with world.open() as context:
        await enabling.enable(context, "far")
        await outcomes(context)
        for _ in range(1 + again):
            await adoption.retire(context, "far", reason="too wide")
            await snapshots.build(context)
            await enabling.enable(context, "far", reason="again")
        world.server.faults["far"] = Fault.GONE
        world.installation.write_policy("lists/worst.txt", "worst.example\nmore.example\n")
        assert await outcomes(context) == ["updated", "failed"]
        assert await integrity.compare(context) == ()
        await snapshots.build(context)
        names = {each["id"]: each["names"] for each in snapshots.show(context).lists}
        assert (names["listed"], "far" in names) == (2, False)
        await backup(context, world.installation.base / "backup")
        world.server.faults.clear()
        assert await outcomes(context) == ["unchanged", "updated"]
        assert await integrity.compare(context) == ()
        with closing(sqlite3.connect(world.installation.database)) as raw, raw:
            raw.execute("UPDATE feed_version SET state = 'superseded' WHERE feed = 'far'")
        (fault,) = await integrity.compare(context)
        assert fault.subject == "feed:far", "once it was read again, a row that is gone is damage"


async def test_one_that_is_retired_while_it_is_fetched_stays_retired(world: Fetched) -> None:
    async with world.open() as context:
        await enabling.enable(context, "far")
        found = await adoption.policies_in_force(context)
        (feed,) = found.policies.feeds
        assert found.entry(feed) is None, "what is read does not adopt it"


async def test_a_new_entry_of_it_applies_where_it_covers(world: Fetched) -> None:
    async with world.open() as context:
        await enabling.enable(context, "far")
        await outcomes(context)
        world.server.lists["near"] = NAMES + b"four.example\n"
        path = world.installation.base / "policies/feeds.d/own.yaml"
        text = path.read_text()
        path.write_text(text.replace(world.server.url("far"), world.server.url("near")))
        assert await outcomes(context) == ["updated"]
        (status,) = await listing.list_feeds(context)
        assert (status.orphaned, status.version and status.version.names) == (None, 4)
        assert "feed.change" in [action for action, _ in await actions(context)]
        path.write_text(text.replace("category: adult", "category: gambling"))
        await outcomes(context)
        (status,) = await listing.list_feeds(context)
        assert (status.orphaned, status.feed.category) == (Orphaned.WEAKENED, "adult")
        path.write_text("[]")
        (status,) = await listing.list_feeds(context)
        assert status.orphaned is Orphaned.VANISHED
        await adoption.retire(context, "far", reason="it is shipped no more")
        assert await listing.list_feeds(context) == ()


async def test_an_unknown_one_is_refused_with_the_one_that_was_meant(world: Fetched) -> None:
    async with world.open() as context:
        with pytest.raises(OperationError, match="no ready feed 'farr'") as caught:
            await enabling.enable(context, "farr")
        assert caught.value.remedy.startswith("did you mean far? see those that there are with")
        world.name("listed", NAMES)
        with pytest.raises(OperationError, match="has its entry in feeds"):
            await enabling.enable(context, "listed")


async def test_one_more_than_a_snapshot_holds_is_refused(
    world: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.open() as context:
        taken = len([each for each in assign(policies(context)).lists if each.kind is not None]) - 5
        monkeypatch.setattr(policy_classes, "CLASS_BITS", policy_classes.FIRST_FREE_BIT + taken)
        with pytest.raises(OperationError, match="cannot be enabled: too many lists") as caught:
            await enabling.enable(context, "far")
        assert "retire a feed" in caught.value.remedy
        assert await actions(context) == []


async def test_a_way_around_stays_closed_by_its_feed(world: Fetched) -> None:
    world.offer("far", NAMES, "bypass: doh")
    async with world.open() as context:
        await enabling.enable(context, "far")
        await outcomes(context)
        found = (await adoption.policies_in_force(context)).policies
        assert found.feeds[0].bypass == "doh"
        lists = [each for each in assign(found).to_meta() if each["id"] == "far"]
        (back,) = feeds_in({"lists": lists, "mandates": []})
        assert (back.bypass, back.security) == ("doh", False), "a lost store gets it back from the snapshot"


async def test_a_popular_name_is_held_back_unless_it_is_assigned_to_the_way(world: Fetched) -> None:
    world.offer("far", NAMES, "bypass: doh")
    expected = "one.example: [doh]\ntwo.example: [adult]\n"
    world.installation.write_policy("expected.yaml", expected)
    async with world.open() as context:
        await enabling.enable(context, "far")
        (done,) = await updating.update(context, fetching=fetching())
        assert (done.version and done.version.names, done.popular) == (2, ("two.example",))


@pytest.mark.ring("merge")
async def test_a_restore_keeps_what_was_enabled(world: Fetched, tmp_path: Path) -> None:
    async with world.open() as context:
        await enabling.enable(context, "far")
        await outcomes(context)
        await backup(context, tmp_path / "backup")
        await adoption.retire(context, "far", reason="after the backup")
    await put_back(world.installation, tmp_path / "backup")
    async with world.open() as context:
        (ready,) = await enabling.list_ready(context)
        assert (ready.enabled, ready.version and ready.version.names) == (True, 3)
        assert await integrity.compare(context) == ()


async def test_a_schedule_reads_it_at_once_each_time_it_is_enabled(world: Fetched) -> None:
    log.configure("control", io.StringIO())
    schedule = FeedSchedule(lambda error: None, fetching(), lambda: 0.5)

    async def turn(context: Context) -> int:
        found = await adoption.policies_in_force(context)
        await schedule.turn(context, found.policies.feeds)
        await schedule.settled()
        return sum(each.host == "far" for each in world.server.requests)

    async with world.open() as context:
        assert await turn(context) == 0
        await enabling.enable(context, "far")
        assert await turn(context) == 1
        assert await turn(context) == 1, "and then when it is due"
        await adoption.retire(context, "far", reason="over")
        assert await turn(context) == 1
        schedule = FeedSchedule(lambda error: None, fetching(), lambda: 0.5)  # control was restarted
        await enabling.enable(context, "far")
        assert await turn(context) == 2, "although it was read well a moment ago"
        await schedule.close()


async def test_a_name_of_an_enabled_feed_has_its_publisher_and_licence(world: Fetched) -> None:
    async with world.open() as context:
        await enabling.enable(context, "far")
        await updating.update(context, fetching=fetching())
        asked = ("www.One.example", "other.example")
        below, other = await fetched_passages(context, policies(context), asked)
    (passage,) = below
    assert (passage.document, passage.entry, passage.name) == (FEEDS, "far", "one.example")
    (source,) = passage.sources
    assert (source.licence, source.notice) == ("CC BY-NC 4.0", "Far Lists")
    assert source.place == world.server.url("far")
    assert other == ()


async def test_a_fetched_feed_of_the_operators_own_has_no_licence_on_record(world: Fetched) -> None:
    """A confidential one is never looked at, whoever asks."""
    world.name("mine", b"mine.example\n")
    terms = MandatoryTerms("INTERPOL", "adopted", confidential=True)
    async with world.open() as context:
        await updating.update(context, fetching=fetching())
        documents = policies(context)
        ((passage,),) = await fetched_passages(context, documents, ["mine.example"])
        (feed,) = documents.feeds
        secret = replace(documents, feeds=(replace(feed, category=None, mandatory=terms),))
        assert await fetched_passages(context, secret, ["mine.example"]) == [()]
    assert (passage.entry, passage.sources[0].licence, passage.sources[0].notice) == ("mine", "", "")

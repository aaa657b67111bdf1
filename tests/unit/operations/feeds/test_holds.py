"""Holds of feeds: popular names alone, whole versions, and their acceptance by people."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.records import FeedVersion
from filterd.operations import audit, integrity
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import acceptance, listing, updating
from filterd.operations.feeds.holds import held_file
from filterd.operations.feeds.rule_files import read_pieces, rule_file
from filterd.operations.feeds.taking import FeedUpdate
from tests.worlds.installation import POLICIES, Installation, as_person

ADULT, WORST = "adult-starter", "worst-of"
DAY = 86400


async def read(context: Context, feed: str = ADULT) -> FeedUpdate:
    (done,) = await updating.update(context, [feed])
    return done


def text(installation: Installation, version: FeedVersion | None) -> str:
    assert version is not None
    path = rule_file(installation.settings.state_dir, version.feed, version.version)
    return b"".join(read_pieces(path)).decode()


async def in_force(context: Context, installation: Installation, feed: str = ADULT) -> str:
    return text(installation, (await listing.show(context, feed)).version)


async def held(context: Context, feed: str = ADULT) -> dict[str, int]:
    return (await listing.show(context, feed)).holds


async def sound(context: Context) -> bool:
    async with context.store.read() as connection:
        return not await integrity.faults(connection, [ADULT, WORST])


async def test_a_popular_name_is_held_back_and_the_rest_loads(installation: Installation) -> None:
    installation.write_policy("lists/adult.txt", "adult.example\npopular.example\nred.example\n")
    async with installation.open() as context:
        done = await read(context)
        assert (done.outcome, done.problem, done.held) == ("updated", "", 1)
        assert done.popular == ("popular.example",)
        assert await in_force(context, installation) == "adult.example\nred.example\n"
        assert await held(context) == {"popular": 1}
        again = await read(context)
        assert (again.outcome, again.held) == ("unchanged", 1)
        installation.write_policy("lists/adult.txt", "adult.example\nred.example\n")
        assert (await read(context)).held == 0
        assert await held(context) == {}
        assert not held_file(installation.settings.state_dir, ADULT).exists()


@pytest.mark.parametrize(
    ("line", "held"),
    [("example.org", 1), ("*.example.org", 1), ("deep.docs.example.org", 0), ("video.example", 1)],
)
async def test_names_of_the_operators_file_are_popular_too(
    installation: Installation, line: str, held: int
) -> None:
    installation.write_policy("popular.txt", "# ours\nDocs.Example.org.\n\nvideo.example  # seen daily\n")
    feeds = POLICIES["feeds.yaml"].replace("adult.txt, format: domains", "adult.txt, format: wildcard")
    installation.write_policy("feeds.yaml", feeds)
    installation.write_policy("lists/adult.txt", f"adult.example\n{line}\n")
    async with installation.open() as context:
        assert (await read(context)).held == held


async def test_a_reviewed_line_assigns_a_name(installation: Installation) -> None:
    installation.write_policy("popular.txt", "popular.example\nother.example\n")
    installation.write_policy("lists/gambling.txt", "casino.example\npopular.example\nother.example\n")
    async with installation.open() as context:
        done = await read(context, "gambling-starter")
        assert done.popular == ("other.example",), "popular.example is assigned to gambling"
        installation.write_policy("expected.yaml", "popular.example: [gambling]\nother.example: [gambling]\n")
        done = await read(context, "gambling-starter")
    assert (done.outcome, done.held) == ("updated", 0)


async def test_what_is_accepted_is_in_force_and_stays(installation: Installation) -> None:
    installation.write_policy("lists/adult.txt", "adult.example\npopular.example\nred.example\n")
    async with installation.open() as context:
        await read(context)
        taken = await acceptance.accept(context, ADULT, reason="reviewed: it is one")
        assert (taken.accepted_by, taken.version) == ("ana", 2)
        assert await in_force(context, installation) == "adult.example\npopular.example\nred.example\n"
        assert await held(context) == {}
        done = await read(context)
        assert (done.outcome, done.held, done.standing) == ("unchanged", 0, ("popular.example",))
        assert await sound(context)
        entries = await audit.tail(context, 20)
    told = [each.entry for each in entries if each.entry.action == acceptance.ACCEPTED]
    assert [(each.actor, each.reason) for each in told] == [("ana", "reviewed: it is one")]


async def test_only_what_was_reviewed_is_accepted(installation: Installation) -> None:
    installation.write_policy("popular.txt", "other.example\n")
    installation.write_policy("lists/adult.txt", "adult.example\npopular.example\nred.example\n")
    async with installation.open() as context:
        await read(context)
        hold = (await listing.show(context, ADULT)).hold
        assert hold is not None
        installation.write_policy("lists/adult.txt", "adult.example\nother.example\npopular.example\n")
        await read(context)
        with pytest.raises(OperationError, match="not what was reviewed"):
            await acceptance.accept(context, ADULT, reason="fine", digest=hold.digest[:16])
        assert "popular.example" not in await in_force(context, installation)


async def test_a_changed_file_of_what_is_held_is_not_taken(installation: Installation) -> None:
    installation.write_policy("lists/adult.txt", "adult.example\npopular.example\nred.example\n")
    async with installation.open() as context:
        await read(context)
        held_file(installation.settings.state_dir, ADULT).write_text("other.example\n")
        with pytest.raises(OperationError, match="not what was read"):
            await acceptance.accept(context, ADULT, reason="fine")
        assert (await read(context)).held == 1
        await acceptance.accept(context, ADULT, reason="fine")


async def test_nothing_to_accept_is_said(installation: Installation) -> None:
    async with installation.open() as context:
        await read(context)
        with pytest.raises(OperationError, match="nothing of the feed"):
            await acceptance.accept(context, ADULT, reason="fine")


async def test_a_mandatory_list_takes_two_people(installation: Installation) -> None:
    installation.write_policy("lists/worst.txt", "popular.example\nworst.example\n")
    async with installation.open(approvals=2) as context:
        done = await read(context, WORST)
        assert (done.held, done.popular) == (1, ()), "no name of a confidential list is told"
        assert await in_force(context, installation, WORST) == "worst.example\n"
        asked = await acceptance.accept(context, WORST, reason="the authority says so")
        assert (asked.version, asked.accepted_by) == (0, "")
        with pytest.raises(OperationError, match="already"):
            await acceptance.accept(context, WORST, reason="again")
        assert await in_force(context, installation, WORST) == "worst.example\n"
        bob = as_person(context, "bob")
        taken = await acceptance.accept(bob, WORST, reason="seen")
        assert (taken.asked_by, taken.accepted_by) == ("ana", "bob")
        assert await in_force(context, installation, WORST) == "popular.example\nworst.example\n"
        assert await sound(context)
        entries = await audit.tail(context, 50)
    assert "popular.example" not in repr(entries)


async def test_the_word_of_the_first_person_does_not_pass_to_another_version(
    installation: Installation,
) -> None:
    installation.write_policy("popular.txt", "other.example\n")
    installation.write_policy("lists/worst.txt", "popular.example\nworst.example\n")
    async with installation.open(approvals=2) as context:
        await read(context, WORST)
        await acceptance.accept(context, WORST, reason="seen")
        installation.write_policy("lists/worst.txt", "other.example\npopular.example\nworst.example\n")
        await read(context, WORST)
        asked = await acceptance.accept(as_person(context, "bob"), WORST, reason="seen")
        assert (asked.asked_by, asked.version) == ("bob", 0)


async def test_a_mandatory_list_whose_names_were_all_exchanged_is_held(installation: Installation) -> None:
    names = [f"name{number}.example" for number in range(40)]
    installation.write_policy("lists/worst.txt", "\n".join(names) + "\n")
    async with installation.open(approvals=2) as context:
        await read(context, WORST)
        installation.write_policy("lists/worst.txt", "\n".join(f"other{each}" for each in names) + "\n")
        done = await read(context, WORST)
        assert done.outcome == "quarantined"
        assert await held(context, WORST) == {"max_exchange": 1}
        assert "othername1.example" not in await in_force(context, installation, WORST)
        await acceptance.accept(context, WORST, reason="a new list was agreed")
        await acceptance.accept(as_person(context, "bob"), WORST, reason="it is the one")
        assert "othername1.example" in await in_force(context, installation, WORST)
        status = await listing.show(context, WORST)
        assert (status.quarantined, status.holds) == (False, {})
        assert status.check is not None
        assert not status.check.error
        assert (await read(context, WORST)).outcome == "unchanged"
        assert await sound(context)


async def test_slow_shrinking_is_held_and_an_acceptance_begins_anew(installation: Installation) -> None:
    names = [f"name{number}.example" for number in range(1000)]

    def write(count: int) -> None:
        installation.write_policy("lists/adult.txt", "\n".join(names[:count]) + "\n")

    write(1000)
    async with installation.open() as context:
        await read(context)
        installation.now += 30 * DAY
        for count, outcome in ((700, "updated"), (550, "updated"), (499, "quarantined")):
            write(count)
            assert (await read(context)).outcome == outcome, count
            installation.now += DAY
        assert await held(context) == {"max_week_shrink": 1}
        await acceptance.accept(context, ADULT, reason="the source was cleaned up")
        write(498)
        assert (await read(context)).outcome == "updated"
        installation.now += 8 * DAY
        write(300)
        assert (await read(context)).outcome == "updated", "of 498 a week ago"


async def test_a_first_version_below_its_guard_can_be_accepted(installation: Installation) -> None:
    feeds = POLICIES["feeds.yaml"].replace("category: adult}", "category: adult, guard: {min_names: 9}}")
    installation.write_policy("feeds.yaml", feeds)
    async with installation.open() as context:
        assert (await read(context)).outcome == "quarantined"
        await acceptance.accept(context, ADULT, reason="a short one")
        status = await listing.show(context, ADULT)
    assert status.version is not None
    assert status.adopted is not None


async def test_what_is_in_force_is_never_taken_out_by_a_hold(installation: Installation) -> None:
    """As after an upgrade: a version of before has a name that is popular now."""
    async with installation.open() as context:
        await read(context)
        await read(context, WORST)
        installation.write_policy("popular.txt", "blue.example\nworst.example\n")
        installation.write_policy(
            "lists/adult.txt", "adult.example\nblue.example\nred.example\nnew.example\n"
        )
        done = await read(context)
        assert (done.held, done.standing) == (0, ("blue.example",))
        installation.write_policy("lists/worst.txt", "worst.example\nsecond.example\n")
        rule_file(installation.settings.state_dir, WORST, 1).unlink()
        done = await read(context, WORST)
        assert (done.outcome, done.held) == ("quarantined", 0), "the loss of a file lifts nothing"
        assert "nobody can tell" in done.problem


async def test_protected_names_and_hosting_suffixes_are_refused_one_by_one(
    installation: Installation,
) -> None:
    lines = (
        "portal.example",
        "help.example",
        "www.help.example",
        "github.io",
        "one.github.io",
        "red.example",
    )
    installation.write_policy("lists/adult.txt", "\n".join(lines) + "\n")
    async with installation.open() as context:
        done = await read(context)
        assert await in_force(context, installation) == "one.github.io\nred.example\nwww.help.example\n"
        assert sorted(each.text for each in done.report.kept) == [
            "github.io",
            "help.example",
            "portal.example",
        ]
        assert done.version is not None
        assert done.version.skipped == 3
        feeds = POLICIES["feeds.yaml"].replace(
            "category: adult}", "category: adult, guard: {private_suffixes: true}}"
        )
        installation.write_policy("feeds.yaml", feeds)
        await read(context)
        assert "github.io\n" in (await in_force(context, installation)).splitlines(keepends=True)


async def test_a_bad_line_of_the_operators_file_is_told_with_its_place(installation: Installation) -> None:
    installation.write_policy("popular.txt", "fine.example\n1,google.com\n")
    async with installation.open() as context:
        with pytest.raises(OperationError, match=r"popular\.txt:2"):
            await read(context)


async def test_a_killed_process_between_version_and_hold_loses_no_hold(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.write_policy("lists/adult.txt", "adult.example\npopular.example\nred.example\n")

    class Killed(BaseException):
        pass

    def killed(*_: object) -> Path:
        raise Killed

    async with installation.open() as context:
        with monkeypatch.context() as patched:
            patched.setattr("filterd.operations.feeds.holds.held_file", killed)
            with pytest.raises(Killed):
                await read(context)
        assert await in_force(context, installation) == "adult.example\nred.example\n"
        assert (await read(context)).held == 1
        assert await held(context) == {"popular": 1}

"""A profile whose list was never read: the first snapshot waits for each list, lines fail closed, and nobody
opts in to it unasked."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from filterd.operations import importing, snapshots, subscribers
from filterd.operations.context import Context
from filterd.operations.feeds import listing, taking, updating
from filterd.operations.filling import EmptyCategoriesError
from filterd.operations.line_stream import RowTally, import_rows
from filterd.operations.registers import list_files
from filterd.operations.snapshots import UntriedListsError, meta_in_force
from filterd.policy.classes import from_meta
from filterd.policy.documents import Feed
from filterd.policy.policy_book import PolicyBook
from filterd.policy.unread_categories import Unread
from filterd.policy.unread_categories import from_meta as unread_of
from filterd.serve.maintenance import Maintenance
from filterd.store.errors import StoreBusyError
from tests.worlds.backups import EVIDENCE
from tests.worlds.installation import POLICIES, Installation

ADULT = "lists/adult.txt"


def in_force(context: Context) -> dict[str, Any]:
    return meta_in_force(snapshots._directory(context)) or {}


def fails(context: Context, profile: str) -> bool:
    """Return whether lines with the profile get what dns.parental_fail says."""
    meta = in_force(context)
    book = PolicyBook.of_meta(meta, from_meta(meta["lists"]))
    index = book.index(profile, "UTC")
    return book.at(0)[index].unread


async def without_adult(installation: Installation, context: Context) -> None:
    """A pass over the feeds that found no adult list."""
    (installation.base / "policies" / ADULT).unlink()
    await updating.update(context)


async def test_a_list_that_is_left_out_of_a_compile_was_not_read(installation: Installation) -> None:
    """Its file and source are gone, and a mandatory list is newer: lines passed its names, unsaid."""
    lists = installation.base / "policies" / "lists"
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        assert not fails(context, "children")
        shutil.rmtree(context.settings.state_dir / "feeds" / "adult-starter")
        (lists / "adult.txt").unlink()
        with (lists / "worst.txt").open("a") as file:
            file.write("newer-worst.example\n")
        await updating.update(context)
        await snapshots.build(context)
        assert unread_of(in_force(context)).categories == ("adult",)
        assert fails(context, "children")


async def test_the_first_snapshot_waits_until_each_list_was_tried(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context, ["worst-of", "gambling-starter"])
        with pytest.raises(UntriedListsError, match="adult-starter"):
            await snapshots.build(context)
        assert in_force(context) == {}
        await updating.update(context, ["adult-starter"])
        await snapshots.build(context)
        assert unread_of(in_force(context)) == Unread()


async def test_control_compiles_nothing_after_a_pass_that_met_a_busy_store(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        maintenance = Maintenance(context)
        await updating.update(context, ["worst-of"])
        busy = [True]
        update = updating.update

        async def passing(*given: Any, **more: Any) -> Any:
            if busy:
                raise StoreBusyError("the store is busy")
            return await update(*given, **more)

        monkeypatch.setattr(updating, "update", passing)
        await maintenance.turn()
        assert in_force(context) == {}
        why = "(not recorded: the store is busy)"
        assert [*maintenance.untried] == [f"adult-starter {why}", f"gambling-starter {why}"]
        assert maintenance.compile_failures == 0
        busy.clear()
        await maintenance.turn()
        assert not fails(context, "child")
        assert [*maintenance.untried] == []


def failing(monkeypatch: pytest.MonkeyPatch, errors: dict[str, Exception]) -> None:
    """Let taking these feeds raise these errors, for as long as they are in the dictionary."""
    take = taking.take

    async def raising(context: Context, found: Any, feed: Feed, *more: Any) -> Any:
        if feed.id in errors:
            raise errors[feed.id]
        return await take(context, found, feed, *more)

    monkeypatch.setattr(taking, "take", raising)


@pytest.mark.parametrize("error", [OSError(5, "the disk"), LookupError("of ours"), PermissionError(13, "no")])
async def test_an_error_of_one_file_is_the_outcome_of_that_feed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async with installation.open() as context:
        failing(monkeypatch, {"adult-starter": error})
        maintenance = Maintenance(context)
        await maintenance.turn()
        checks = await listing.checks(context)
        assert {feed for feed, check in checks.items() if check.error} == {"adult-starter"}
        assert len(checks) == 3
        assert unread_of(in_force(context)) == Unread(("adult",))


async def test_an_error_before_the_list_is_read_is_the_outcome_of_that_feed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(context: Context, feed: Feed) -> None:
        if feed.id == "adult-starter":
            raise OSError(5, "input/output error", "a file")

    monkeypatch.setattr(list_files, "require_sound", broken)
    async with installation.open() as context:
        done = {each.feed: each for each in await updating.update(context)}
        assert "input/output error" in done["adult-starter"].problem
        assert {each.outcome for feed, each in done.items() if feed != "adult-starter"} == {"updated"}


async def test_a_store_that_is_locked_for_one_list_leaves_that_list_untried(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        errors: dict[str, Exception] = {"adult-starter": StoreBusyError("the store is locked")}
        failing(monkeypatch, errors)
        maintenance = Maintenance(context)
        await maintenance.turn()
        assert sorted(await listing.checks(context)) == ["gambling-starter", "worst-of"]
        assert [*maintenance.untried] == ["adult-starter (not recorded: the store is locked)"]
        assert in_force(context) == {}
        errors.clear()
        await maintenance.turn()
        assert [*maintenance.untried] == []
        assert not fails(context, "child")


async def test_lines_fail_until_one_list_of_the_category_was_read(installation: Installation) -> None:
    async with installation.open() as context:
        await without_adult(installation, context)
        await snapshots.build(context)
        assert unread_of(in_force(context)) == Unread(("adult",))
        assert fails(context, "child")
        await snapshots.build(context)
        assert fails(context, "child"), "it stays so"
        installation.write_policy(ADULT, POLICIES[ADULT])
        await updating.update(context)
        await snapshots.build(context)
        assert not fails(context, "child")


async def test_control_names_an_unread_category(installation: Installation) -> None:
    async with installation.open() as context:
        maintenance = Maintenance(context)
        (installation.base / "policies" / ADULT).unlink()
        await maintenance.turn()
        (remark,) = maintenance.remarks()
        assert "categories that profiles restrict: adult (filterd feed list)" in remark
        installation.write_policy(ADULT, POLICIES[ADULT])
        await updating.update(context)
        await maintenance.turn()
        assert maintenance.remarks() == []


async def test_one_dead_list_among_several_takes_nobodys_internet(installation: Installation) -> None:
    more = "- {id: adult-more, source: lists/more.txt, format: domains, category: adult}\n"
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"] + more)
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        assert unread_of(in_force(context)) == Unread()
        await subscribers.add(context, "home")
        assert (await subscribers.opt_in(context, "home", "child", EVIDENCE)).choices.opted_in


async def test_a_profile_in_force_takes_a_new_category_once_it_was_read(installation: Installation) -> None:
    """Whether the profile or the category is what is new."""
    new = "- {id: war, title: {es: Guerra, en: War}, description: {es: Guerra, en: War}}\n"
    installation.write_policy("categories.yaml", POLICIES["categories.yaml"] + new)
    profile = POLICIES["profiles/teen.yaml"]
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        feed = "- {id: war, source: lists/war.txt, format: domains, category: war}\n"
        installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"] + feed)
        installation.write_policy("profiles/teen.yaml", profile.replace("[adult]", "[adult, war]"))
        for _ in range(2):
            await updating.update(context)
            await snapshots.build(context)
            assert unread_of(in_force(context)) == Unread((), {"teen": ("war",)})
            assert in_force(context)["profiles"]["teen"]["categories"] == ["adult"]
            assert not fails(context, "teen")
        installation.write_policy("lists/war.txt", "war.example\n")
        await updating.update(context)
        await snapshots.build(context)
        assert in_force(context)["profiles"]["teen"]["categories"] == ["adult", "war"]
        assert not fails(context, "teen")


async def test_a_category_without_any_list_is_no_such_case(installation: Installation) -> None:
    lists = POLICIES["feeds.yaml"].splitlines()
    installation.write_policy("feeds.yaml", "\n".join(each for each in lists if "adult" not in each))
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        assert unread_of(in_force(context)) == Unread()
        await subscribers.add(context, "home")
        assert (await subscribers.opt_in(context, "home", "child", EVIDENCE)).choices.opted_in


def audited(installation: Installation, action: str) -> list[str]:
    with closing(sqlite3.connect(installation.database)) as raw:
        rows = raw.execute("SELECT after FROM audit WHERE action = ? ORDER BY sequence", (action,))
        return [str(after) for (after,) in rows]


async def test_opting_in_is_refused_once_a_pass_has_ended_and_accepted_on_record(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        for line in ("early", "home"):
            await subscribers.add(context, line)
        await subscribers.opt_in(context, "early", "child", EVIDENCE)
        assert "accepted_empty" not in audited(installation, "subscriber.opt_in")[-1]
        await without_adult(installation, context)
        with pytest.raises(EmptyCategoriesError, match="adult") as refused:
            await subscribers.opt_in(context, "home", "child", EVIDENCE)
        assert "--accept-empty" in refused.value.remedy
        with pytest.raises(EmptyCategoriesError):
            await subscribers.set_profile(context, "early", "teen")
        await subscribers.opt_in(context, "home", "child", EVIDENCE, accept_empty=True)
        await subscribers.set_profile(context, "early", "teen", accept_empty=True)
        for action in ("opt_in", "set_profile"):
            assert '"accepted_empty":["adult"]' in audited(installation, f"subscriber.{action}")[-1]


def asked(number: int) -> str:
    return f"child,Person {number},2026-11-0{number}T10:00:00Z,T-{number}"


async def test_rows_of_an_import_say_that_they_accept_it(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    head = "subscriber,profile,who,at,reference,accept_empty\n"
    async with installation.open() as context:
        await without_adult(installation, context)
        file.write_text(head + f"one,{asked(1)},\ntwo,{asked(2)},yes\nthree,,,,,\nfour,{asked(4)},perhaps\n")
        done = await importing.import_file(context, file, evidence=EVIDENCE)
        assert (done.added, [each.line for each in done.rejections]) == (2, [5, 2])
        assert "adult" in done.rejections[1].reason
        assert '"accepted_empty":["adult"]' in audited(installation, "subscriber.import")[-1]
        file.write_text(head + f"one,{asked(1)},\n")
        done = await importing.import_file(context, file, evidence=EVIDENCE, accept_empty=True)
        assert done.added == 1
        again = await importing.import_file(context, file, evidence=EVIDENCE)
        assert (again.unchanged, again.rejected) == (1, 0), "a line that opted in is left alone"


async def test_rows_of_the_api_say_that_they_accept_it(installation: Installation) -> None:
    own = [
        {"who": f"Person {each}", "channel": "shop", "text_version": "1", "reference": f"R-{each}"}
        | {"at": f"2026-11-0{each}T10:00:00Z"}
        for each in (1, 2)
    ]
    given = (
        {"id": "one", "profile": "teen", "evidence": own[0]},
        {"id": "two", "profile": "teen", "evidence": own[1], "accept_empty": True},
        {"id": "three", "accept_empty": "yes"},
    )

    async def rows() -> Any:
        for each in given:
            yield json.dumps(each).encode()

    async with installation.open() as context:
        await without_adult(installation, context)
        outcomes = [each async for some in import_rows(context, rows(), RowTally()) for each in some]
    assert [each.outcome for each in outcomes] == ["rejected", "added", "rejected"]
    assert "adult" in outcomes[0].problem

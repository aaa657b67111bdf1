"""Published lists are withdrawn: nothing of them stays, the chain says so, and says no more."""

from __future__ import annotations

import errno
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from filterd.operations.context import Context
from filterd.operations.errors import OperationError, UnknownError, UnusableError
from filterd.operations.feeds import updating
from filterd.operations.publishing import (
    again,
    editions,
    key_files,
    leftovers,
    manifests,
    openness,
    publish,
    retiring,
    standing,
    withdrawing,
)
from filterd.serve.page_watch import PageWatch
from filterd.store import change_log
from filterd.store.publications import newest
from filterd.telemetry import log
from tests.worlds.installation import POLICIES, Installation, as_person

OPEN = POLICIES["feeds.yaml"].replace(", confidential: true", "")
WITHOUT = POLICIES["feeds.yaml"].split("- id: worst-of")[0]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "published"


@pytest.fixture
async def context(installation: Installation, out: Path) -> AsyncIterator[Context]:
    """``worst-of`` is published open; what is written next decides."""
    installation.write_policy("feeds.yaml", OPEN)
    async with installation.open() as opened:
        own = replace(opened.settings.publish, directory=out)
        context = replace(opened, settings=replace(opened.settings, publish=own))
        await updating.update(context)
        await publish.publish(context, ("worst-of", "adult-starter"))
        yield context


def texts(directory: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(directory.rglob("*")) if each.is_file())


async def told(context: Context, identifier: str = "worst-of") -> list[tuple[str, str, object]]:
    async with context.store.read() as connection:
        found = await change_log.newest_entries(connection, 9, f"feed:{identifier}", ("feed.unpublish",))
    return [(each.entry.actor, each.entry.reason, each.entry.after) for each in found]


async def test_the_end_of_a_list_is_one_signed_line_on_its_chain(context: Context, out: Path) -> None:
    """Once, whoever asks again; and the next edition goes on from it."""
    async with context.store.read() as connection:
        before = await newest(connection, "worst-of")
    assert before is not None
    with pytest.raises(OperationError, match="reason is empty"):
        await withdrawing.unpublish(context, "worst-of", reason=" ")
    done = await withdrawing.unpublish(context, "worst-of", reason="worst.example asked for it")
    again = await withdrawing.unpublish(context, "worst-of", reason="once more")
    assert (done.changed, again) == (True, replace(done, changed=False))
    assert [reason for _, reason, _ in await told(context)] == ["worst.example asked for it"]
    assert sorted(each.name for each in (out / "worst-of").iterdir()) == [
        "manifest.json",
        "manifest.json.minisig",
    ]
    key = editions.small(out / key_files.PUBLIC_KEY).decode().split("\n")[1]
    there = editions.standing(out, "worst-of", key)
    assert there is not None, "it is signed"
    assert there.withdrawn
    assert there.serial > before.serial
    assert there.body.keys() == {
        *("form", "list", "at", "serial", "previous", "key_id", "public_key", "withdrawn")
    }
    assert there.body["previous"] == before.manifest_digest
    assert b"worst.example" not in texts(out)
    assert b"INTERPOL" not in texts(out)
    with pytest.raises(OperationError, match="no list is named"):  # the nightly run brings nothing back
        await publish.publish(context, (), all_mandatory=True)
    (back,) = await publish.publish(context, ("worst-of",))
    there = editions.standing(out, "worst-of", key)
    assert there is not None
    assert (there.body["previous"], back.serial > done.serial) == (done.manifest_digest, True)


@pytest.mark.ring("merge")
async def test_a_change_to_confidential_removes_its_editions_with_the_command_that_makes_it(
    context: Context, installation: Installation, out: Path
) -> None:
    (out / "_editions" / ".worst-of.new").mkdir()  # of a process that was killed
    (out / "_editions" / ".worst-of.new" / "names.txt").write_text("worst.example\n")
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"])
    (before,) = [each for each in await standing.standing(context) if each.barred]
    assert (before.list[:13], before.behind, before.digest) == ("confidential-", True, "")
    assert await standing.barred(context) == [before.list]
    await updating.update(context, ("adult-starter",))
    assert b"worst.example" not in texts(out)
    assert b"adult.example" in texts(out)
    assert [reason for _, reason, _ in await told(context)] == [withdrawing.MUST_NOT_BE_PUBLIC]
    assert await standing.barred(context) == []
    found = {each.list: (each.behind, each.withdrawn) for each in await standing.standing(context)}
    assert found == {"adult-starter": (False, False), before.list: (False, True)}
    await updating.update(context)
    assert len(await told(context)) == 1
    assert not (await withdrawing.unpublish(context, before.list, reason="by its label")).changed


async def test_the_next_publishing_withdraws_what_a_file_alone_made_confidential(
    context: Context, installation: Installation, out: Path
) -> None:
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"])
    with pytest.raises(OperationError, match="is confidential"):
        await publish.publish(context, ("worst-of",))
    assert b"worst.example" not in texts(out)


async def test_a_retired_list_is_withdrawn_with_the_command_that_ends_it(
    context: Context, installation: Installation, out: Path
) -> None:
    installation.write_policy("feeds.yaml", WITHOUT)
    await retiring.retire(context, "worst-of", reason="over")
    assert b"worst.example" in texts(out), "another person has to say it too"
    await retiring.retire(as_person(context, "bob"), "worst-of", reason="over")
    assert b"worst.example" not in texts(out)
    assert await standing.barred(context) == []


async def test_its_files_go_where_the_withdrawal_cannot_be_signed(
    context: Context, installation: Installation, out: Path
) -> None:
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"])
    key = context.settings.publish.key_file
    good = key.read_bytes()
    key.write_bytes(b"no key")
    with pytest.raises(UnusableError):
        await withdrawing.sweep(context)
    assert b"worst.example" not in texts(out)
    (label,) = await standing.barred(context)  # no signed word says that it is withdrawn
    with pytest.raises(UnusableError):
        await withdrawing.sweep(context)
    assert await standing.barred(context) == [label], "however often it is tried"
    key.write_bytes(good)
    (done,) = await withdrawing.sweep(context)
    assert done.changed and leftovers.withdrawal(out, "worst-of"), "once it can be, it is signed"
    assert await standing.barred(context) == []
    assert await withdrawing.sweep(context) == ()


async def test_what_the_store_does_not_know_is_not_open_and_is_left_to_a_person(
    context: Context, out: Path
) -> None:
    (out / "_editions" / "strange-7").mkdir()
    (out / "_editions" / "strange-7" / "names.txt").write_text("strange.example\n")
    (out / "strange").symlink_to("_editions/strange-7")
    assert "strange" not in (await openness.look(context)).open
    assert await withdrawing.sweep(context) == ()
    assert b"strange.example" in texts(out)
    assert (await withdrawing.unpublish(context, "strange", reason="nobody knows it")).changed
    assert b"strange.example" not in texts(out)
    assert leftovers.withdrawal(out, "strange")
    with pytest.raises(UnknownError):
        await withdrawing.unpublish(context, "gambling-starter", reason="never published")


async def test_entries_count_whatever_is_wrong_with_other_policies(
    context: Context, installation: Installation
) -> None:
    installation.write_policy("profiles/teen.yaml", "{")
    assert "worst-of" in (await openness.look(context)).open
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"])
    assert "worst-of" in (await openness.look(context)).closed
    installation.write_policy("feeds.yaml", "{")
    found = await openness.look(context)
    assert found.open >= {"worst-of"}, "by the store it is in force, and not confidential"
    assert found.closed == frozenset()


async def test_a_process_that_stays_looks_at_the_files_again_within_a_second(
    context: Context, installation: Installation
) -> None:
    ticks = [10.0]
    kept = openness.KeptOpenness(lambda: ticks[0])
    assert "worst-of" in (await kept.look(context)).open
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"])
    ticks[0] += openness.LOOK_SECONDS
    assert "worst-of" in (await kept.look(context)).closed


@pytest.mark.ring("night")
async def test_a_store_that_was_put_back_publishes_nothing_that_was_withdrawn(
    context: Context, installation: Installation, out: Path
) -> None:
    done = await withdrawing.unpublish(context, "worst-of", reason="asked for")
    with damaged(context) as store:
        store.execute("DELETE FROM publication WHERE serial = ?", (done.serial,))
    installation.write_policy("lists/worst.txt", "worst.example\nworse.example\n")
    await updating.update(context)
    assert "worst-of" in await standing.behind(context)
    assert "worst-of" not in (await again.publish_again(context)).lists
    with pytest.raises(OperationError, match="no list is named"):
        await publish.publish(context, (), all_mandatory=True)
    assert b"worst.example" not in texts(out)
    await publish.publish(context, ("worst-of",))  # somebody names it
    assert b"worst.example" in texts(out)


@pytest.mark.ring("night")
async def test_a_damaged_row_stops_nothing(
    context: Context, installation: Installation, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("control")
    await withdrawing.unpublish(context, "worst-of", reason="asked for")
    with damaged(context) as store:
        store.execute("UPDATE publication SET manifest = 'x'")
    watch = PageWatch(context)
    await watch.look()
    assert watch.metrics.lists_behind == 1, "adult-starter"
    (out / "_editions" / ".worst-of.new").mkdir()
    (out / "_editions" / ".worst-of.new" / "names.txt").write_text("worst.example\n")
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"])
    await updating.update(context)
    assert b"worst.example" not in texts(out)
    (edition,) = await publish.publish(context, ("adult-starter",))
    assert edition.changed
    assert "not current" not in capsys.readouterr().err


async def test_a_directory_that_cannot_be_changed_is_told_without_the_id_of_its_list(
    context: Context, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"])

    def refuse(path: Path, **_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(UnusableError, match="Permission denied") as caught:
        await withdrawing.sweep(context)
    assert "worst-of" not in str(caught.value)


@contextmanager
def damaged(context: Context) -> Iterator[sqlite3.Connection]:
    """The store for a hand that knows no rules."""
    store = sqlite3.connect(str(context.settings.store.url).removeprefix("sqlite:///"))
    with store:
        yield store
    store.close()


@pytest.mark.parametrize(
    "change",
    [{"withdrawn": False}, {"authority": "INTERPOL"}, {"serial": -1}, {"previous": "x"}, {"list": "A"}],
)
def test_a_withdrawal_that_tells_more_is_no_manifest(change: dict[str, object]) -> None:
    body = {"form": manifests.FORM, "list": "a", "at": "2026-11-27T00:00:00Z", "serial": 1, "previous": ""}
    body |= {"key_id": "K", "public_key": "RWQ", "withdrawn": True}
    assert manifests.read(manifests.text_of(body)).withdrawn
    with pytest.raises(manifests.ManifestError):
        manifests.read(json.dumps(body | change, sort_keys=True, separators=(",", ":")).encode() + b"\n")

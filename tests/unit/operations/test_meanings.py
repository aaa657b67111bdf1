"""A change of a profile's meaning is told, and takes effect after 30 days for those who had it (R17)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.changelog import LineChange, decode, encode
from filterd.model.subscriber import RequestEvidence
from filterd.operations import inquiry, meanings, snapshots, subscribers
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.feeds import updating
from filterd.operations.held_profiles import meanings_known
from filterd.operations.kept_meanings import SECONDS, KeptMeanings
from filterd.operations.notices import keeping
from filterd.operations.notices.texts import Wording
from filterd.operations.snapshots import meta_in_force
from filterd.store.notices import NoticeFilter
from tests.worlds.installation import NOW, Installation

DAY = 86_400
EVIDENCE = RequestEvidence("the holder", "phone", 1.0, "1", "T-1")
TEXTS = Path(__file__).parents[3] / "policies/notices/2026-11.yaml"


@pytest.fixture
def clock() -> list[float]:
    return [NOW]


@pytest.fixture
async def context(installation: Installation, clock: list[float]) -> AsyncIterator[Context]:
    """A line with the profile ``teen``, which closes ``adult``, and a snapshot."""
    folder = installation.settings.policies / "notices"
    folder.mkdir()
    (folder / "2026-11.yaml").write_text(TEXTS.read_text())
    async with installation.open() as context:
        moving = replace(context, clock=lambda: clock[0])
        await subscribers.add(moving, "old")
        await subscribers.opt_in(moving, "old", "teen", EVIDENCE)
        await updating.update(moving)
        await snapshots.build(moving)
        yield moving


def mean(context: Context, *categories: str) -> None:
    """Let the file say that ``teen`` closes these."""
    file = context.settings.policies / "profiles/teen.yaml"
    lines = [each for each in file.read_text().splitlines() if not each.startswith("categories")]
    file.write_text("\n".join([*lines, f"categories: [{', '.join(categories)}]\n"]))


async def closes(context: Context, subscriber: str, name: str = "casino.example") -> bool:
    """Return whether a line's name is blocked, by the snapshot in force."""
    return (await inquiry.ask(context, name, subscriber=subscriber)).verdict == "block"


async def told(context: Context) -> int:
    count = 0
    while some := await meanings.tell(context):
        count += some
    return count


@pytest.mark.ring("night")
async def test_lines_that_had_it_keep_the_old_meaning_for_30_days(
    context: Context, clock: list[float]
) -> None:
    mean(context, "adult", "gambling")
    await snapshots.build(context)
    await subscribers.add(context, "new")
    await subscribers.opt_in(context, "new", "teen", EVIDENCE)
    await snapshots.build(context)
    assert (await closes(context, "old"), await closes(context, "new")) == (False, True)
    assert await closes(context, "old", "adult.example")
    clock[0] += 30 * DAY - 1
    await snapshots.build(context)
    assert (await closes(context, "old"), await closes(context, "new")) == (False, True)
    clock[0] += 1
    await snapshots.build(context)
    assert (await closes(context, "old"), await closes(context, "new")) == (True, True)
    assert await meanings.settle_early(context) == 1
    assert (await subscribers.show(context, "new")).choices.meaning == 0
    await snapshots.build(context)
    assert (await closes(context, "old"), await closes(context, "new")) == (True, True)
    meta = meta_in_force(context.settings.state_dir / "snapshots")
    assert meta is not None
    assert set(meta["profiles"]) == {"child", "teen"}, "one policy again"


@pytest.mark.ring("night")
async def test_the_holder_is_told_once_with_the_difference_in_words(context: Context) -> None:
    mean(context, "adult", "gambling")
    await snapshots.build(context)
    await snapshots.build(context)
    assert await told(context) == 1
    assert await told(context) == 0
    (*_, shown) = await keeping.list_notices(context, NoticeFilter(subscriber="old"))
    assert shown.notice.kind == "profile_changes"
    assert "tu perfil «Jóvenes» va a cambiar el 14 de febrero" in shown.told.text.es
    assert "Se agrega: Apuestas." in shown.told.text.es
    assert "Closed from then on: Gambling." in shown.told.text.en


async def test_both_sides_of_a_difference_are_told(context: Context) -> None:
    before = {"categories": ["adult"], "services": [], "safe_search": [], "bypass": []}
    after = before | {"categories": ["gambling"]}
    hours = {"schedule": [], "blocking_mode": "nxdomain"}
    found = meanings.difference(before | hours, after | hours | {"schedule": [1]})
    words = Wording(context).difference(found)
    assert words.es == "Se agrega: Apuestas; deja de cerrarse: Adultos; cambian sus horas"


@pytest.mark.ring("night")
async def test_a_line_may_accept_the_change_before_its_date(context: Context) -> None:
    mean(context, "adult", "gambling")
    await snapshots.build(context)
    found = await subscribers.accept_profile(context, "old")
    assert found.choices.meaning == 2
    assert await closes(context, "old")
    change = LineChange(found.choices)
    assert decode(*encode(change)[1:]) == change


@pytest.mark.ring("night")
async def test_what_is_taken_back_before_its_date_never_comes(context: Context, clock: list[float]) -> None:
    mean(context, "adult", "gambling")
    await snapshots.build(context)
    mean(context, "adult")
    await snapshots.build(context)
    clock[0] += 60 * DAY
    await snapshots.build(context)
    assert not await closes(context, "old")


async def test_the_names_of_a_category_are_no_meaning(context: Context) -> None:
    policies = context.settings.policies
    (policies / "lists/adult.txt").write_text("adult.example\nblue.example\nred.example\ncasino.example\n")
    await updating.update(context)
    await snapshots.build(context)
    assert await closes(context, "old")
    assert await meanings.changes(context) == []


@pytest.mark.ring("night")
async def test_a_change_is_hastened_by_two_people(context: Context) -> None:
    mean(context, "adult", "gambling")
    await snapshots.build(context)
    first = await meanings.hasten(context, "teen", reason="mends a mistake")
    assert not first.in_force
    with pytest.raises(ConflictError, match="ana asked for it already"):
        await meanings.hasten(context, "teen", reason="mends a mistake")
    second = await meanings.hasten(replace(context, actor="bob"), "teen", reason="mends a mistake")
    assert second.in_force
    await snapshots.build(context)
    assert await closes(context, "old")
    assert await told(context) == 1
    (*_, shown) = await keeping.list_notices(context, NoticeFilter(subscriber="old"))
    assert "cambió hoy. Se agrega: Apuestas." in shown.told.text.es


async def test_a_snapshot_that_lacks_a_meaning_has_the_one_for_everybody(context: Context) -> None:
    """A node may hear of the line before it has the snapshot."""
    mean(context, "adult", "gambling")
    before = context.settings.state_dir / "snapshots/current"
    pointer = before.read_bytes()
    await snapshots.build(context)
    await subscribers.accept_profile(context, "old")
    before.write_bytes(pointer)
    assert not await closes(context, "old")
    assert await closes(context, "old", "adult.example")
    assert not await closes(context, "old", "doh.example"), "not all profiles together"


async def test_a_profile_that_no_line_has_changes_at_once(context: Context) -> None:
    file = context.settings.policies / "profiles/child.yaml"
    file.write_text(file.read_text().replace("[adult, gambling]", "[adult]"))
    await snapshots.build(context)
    assert await meanings.changes(context) == []
    await subscribers.set_profile(context, "old", "child")
    assert not await closes(context, "old")


async def test_a_process_that_stays_reads_meanings_once_in_some_seconds(context: Context) -> None:
    ticks = [7.0]
    kept = replace(context, kept_meanings=KeptMeanings(lambda: ticks[0]))
    assert len((await meanings_known(kept))["teen"].known) == 1
    mean(context, "adult", "gambling")
    await snapshots.build(context)
    assert len((await meanings_known(context))["teen"].known) == 2
    ticks[0] += SECONDS - 0.1
    assert len((await meanings_known(kept))["teen"].known) == 1
    ticks[0] += 0.1
    assert len((await meanings_known(kept))["teen"].known) == 2

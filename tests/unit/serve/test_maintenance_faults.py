"""What goes wrong around control: the last good lists and snapshot stay, it is said, mending is enough."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.value_types import CountryCode
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import snapshots, subscribers
from filterd.operations.context import OperationError
from filterd.operations.feeds import adoption, listing, updating
from filterd.operations.migrate import migrate
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.serve import maintenance as upkeep_module
from filterd.store.errors import StoreError
from tests.worlds.maintenance import Kept

pytestmark = pytest.mark.ring("night")

EVIDENCE = RequestEvidence("holder", "phone", 1_793_600_000.0, "2026-11", "T-1")


def reasons(kept: Kept) -> str:
    """Every reason and remedy of the log."""
    lines = [json.loads(line) for line in kept.stream.getvalue().splitlines()]
    return "\n".join(f"{line.get('reason', '')} {line.get('remedy', '')}" for line in lines)


def current(kept: Kept) -> Path:
    """The file of the current snapshot."""
    path = snapshots.current_file(kept.snapshots)
    assert path is not None
    return path


async def feed_of(kept: Kept, category: str) -> tuple[str, Path]:
    """A feed of the category and its source."""
    status = await listing.list_feeds(kept.maintenance.context)
    feed = next(each.feed for each in status if each.feed.category == category)
    return feed.id, kept.policies / feed.source


@pytest.mark.ring("merge")
async def test_a_profile_that_lines_have_cannot_vanish(kept: Kept) -> None:
    context = kept.maintenance.context
    await kept.maintenance.turn()
    await subscribers.add(context, "S-1")
    await subscribers.opt_in(context, "S-1", "children", EVIDENCE)
    before = current(kept)
    document = kept.policies / "profiles" / "children.yaml"
    text = document.read_text()
    document.unlink()
    for _ in range(2):
        await kept.maintenance.turn()
    assert kept.events() == ["snapshot built", "compile failed"]
    assert "children" in reasons(kept)
    assert "set-profile" in reasons(kept)
    assert current(kept) == before
    assert kept.maintenance.compile_failures == 1
    document.write_text(text)
    await kept.maintenance.turn()
    assert kept.events()[2:] == [], "the snapshot was made of just this"
    document.unlink()
    await kept.maintenance.turn()
    assert kept.events()[2:] == ["compile failed"], "it is said anew"
    await subscribers.opt_out(context, "S-1")
    kept.ahead += upkeep_module.RETRY_SECONDS
    await kept.maintenance.turn()
    assert kept.events()[3:] == ["snapshot built"], "no line has it any more"


def _no_pointer(path: Path) -> None:
    (path.parent / "current").write_bytes(b"\xff\xfe../../elsewhere\n")


async def test_a_snapshot_that_was_damaged_is_built_anew(kept: Kept) -> None:
    damages: list[Callable[[Path], object]] = [
        lambda path: path.write_bytes(path.read_bytes()[:-7]),
        lambda path: path.write_bytes(path.read_bytes()[:-7] + b"altered"),
        Path.unlink,
    ]
    await kept.maintenance.turn()
    for count, damage in enumerate(damages, 2):
        before = current(kept)
        damage(before)
        await kept.maintenance.turn()
        assert kept.events().count("snapshot built") == count
        snapshots.verify(kept.maintenance.context)
        assert current(kept) != before
    assert kept.events().count("snapshot check failed") == 2


async def test_a_damaged_pointer_names_the_newest_snapshot_again(kept: Kept) -> None:
    await kept.maintenance.turn()
    before = current(kept)
    _no_pointer(before)
    await kept.maintenance.turn()
    assert kept.events().count("snapshot built") == 1, "it is whole, so none is compiled"
    assert current(kept) == before


BAD_SOURCES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("failed", lambda data: b"\x1f\x8b\x08 no gzip"),
    ("failed", lambda data: gzip.compress(data)[:-9]),
    ("failed", lambda data: b"\xfd7zXZ\x00 no xz"),
    ("failed", lambda data: b""),
    ("quarantined", lambda data: b"# nothing but a remark\n"),
    ("quarantined", lambda data: b"\n".join(data.splitlines()[:20])),
    ("failed", lambda data: b"<!DOCTYPE html><html>404</html>\n" * 9),
]


async def test_a_feed_that_went_bad_keeps_its_last_good_list(kept: Kept) -> None:
    context = kept.maintenance.context
    await kept.maintenance.turn()
    feed, source = await feed_of(kept, "adult")
    good = (await listing.show(context, feed)).version
    before, data = current(kept), source.read_bytes()
    for outcome, spoil in BAD_SOURCES:
        source.write_bytes(spoil(data))
        await kept.maintenance.turn()
        status = await listing.show(context, feed)
        assert status.version == good
        assert status.check is not None
        assert status.check.error
        assert status.quarantined is (outcome == "quarantined")
        said = "a feed was not read" if outcome == "failed" else "a feed's new version is held back"
        assert kept.events()[-1] == said
        source.write_bytes(data)
        await kept.maintenance.turn()
        status = await listing.show(context, feed)
        assert not status.quarantined, "mended"
        assert status.version == good
    source.unlink()
    await kept.maintenance.turn()
    status = await listing.show(context, feed)
    assert status.version == good
    assert status.check is not None
    assert "cannot be read" in status.check.error
    assert current(kept) == before


async def test_popular_names_that_are_held_back_are_said_without_any_name(kept: Kept) -> None:
    feed, source = await feed_of(kept, "adult")
    source.write_bytes(source.read_bytes() + b"wikipedia.org\n")
    await kept.maintenance.turn()
    assert (await listing.show(kept.maintenance.context, feed)).holds == {"popular": 1}
    assert feed in remedies(kept, "popular names of a list are held back")
    assert "wikipedia" not in kept.stream.getvalue()


async def test_a_stored_list_that_was_altered_is_not_compiled_and_comes_back_by_an_update(kept: Kept) -> None:
    context = kept.maintenance.context
    await kept.maintenance.turn()
    before = current(kept)
    feed, _ = await feed_of(kept, "adult")
    (stored,) = (context.settings.state_dir / "feeds" / feed).glob("*.rules")
    stored.write_bytes(b"harmless.example\n")
    with pytest.raises(OperationError, match=feed) as refused:
        await snapshots.build(context)
    assert refused.value.remedy
    assert current(kept) == before
    assert [each.outcome for each in await updating.update(context, [feed])] == ["unchanged"]
    await snapshots.build(context)


async def test_a_list_that_was_altered_is_mended_and_compiled_in_one_turn(kept: Kept) -> None:
    """Lists that change meanwhile do not wait for the next try of a compile."""
    context = kept.maintenance.context
    await kept.maintenance.turn()
    before = current(kept)
    feed, _ = await feed_of(kept, "adult")
    _, other = await feed_of(kept, "malware")
    (stored,) = (context.settings.state_dir / "feeds" / feed).glob("*.rules")
    stored.write_bytes(b"harmless.example\n")
    other.write_bytes(other.read_bytes() + b"fresh.example\n")
    await kept.maintenance.turn()
    assert (kept.events()[-1], current(kept) == before) == ("compile failed", True)
    await kept.maintenance.turn()
    assert (kept.events()[-1], current(kept) == before) == ("snapshot built", False)


async def test_a_list_that_cannot_be_mended_is_not_compiled_each_turn(kept: Kept) -> None:
    context = kept.maintenance.context
    await kept.maintenance.turn()
    feed, source = await feed_of(kept, "adult")
    _, other = await feed_of(kept, "malware")
    (stored,) = (context.settings.state_dir / "feeds" / feed).glob("*.rules")
    stored.write_bytes(b"harmless.example\n")
    source.unlink()
    other.write_bytes(other.read_bytes() + b"fresh.example\n")
    for _ in range(5):
        await kept.maintenance.turn()
    assert kept.maintenance.compile_failures == 1


async def test_orders_that_outgrow_the_overlay_are_folded_into_a_snapshot(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_module, "FOLD_SIZE", 2000)
    settings = kept.maintenance.context.settings
    context = replace(
        kept.maintenance.context, settings=replace(settings, orders=replace(settings.orders, approvals=1))
    )
    await kept.maintenance.turn()
    small, large = (
        OrderRequest(
            "sat",
            "B",
            "D-1",
            "liva-18h",
            "r",
            tuple((f"n{each}.example", Scope.SUBTREE) for each in range(count)),
        )
        for count in (10, 200)
    )
    await taking.add(context, small)
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"]
    await taking.add(context, large)
    await kept.maintenance.turn()
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 2


async def test_a_clock_that_was_set_back_stops_no_step(kept: Kept) -> None:
    now = [2_000_000_000.0]
    kept.maintenance.context = replace(kept.maintenance.context, clock=lambda: now[0])
    (kept.policies / "protected.yaml").rename(kept.policies / "away")
    await kept.maintenance.turn()
    assert kept.events() == ["policies failed"]
    (kept.policies / "away").rename(kept.policies / "protected.yaml")
    now[0] -= 1_000_000_000
    await kept.maintenance.turn()
    assert kept.events()[1:] == ["snapshot built"]


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: os.truncate(path, 0)], ids=["gone", "empty"])
async def test_a_store_that_is_gone_is_not_begun_anew(
    kept: Kept, lose: Callable[[Path], object], tmp_path: Path
) -> None:
    """Neither by control nor by the command; also where the ledger is lost with it."""
    settings = kept.maintenance.context.settings
    await kept.maintenance.turn()
    assert not (await migrate(settings)).changed
    await kept.maintenance.context.store.close()
    lose(tmp_path / "filterd.db")
    with pytest.raises(OperationError, match="is gone") as refused:
        await migrate(settings)
    assert "filterd restore" in refused.value.remedy
    shutil.rmtree(settings.store.ledger)
    with pytest.raises(OperationError, match=r"no first installation: .*current is there") as refused:
        await migrate(settings)
    assert "filterd restore" in refused.value.remedy


def remedies(kept: Kept, event: str) -> dict[str, str]:
    """The remedy of each log line of this event, by feed."""
    lines = [json.loads(line) for line in kept.stream.getvalue().splitlines()]
    return {line["feed"]: line["remedy"] for line in lines if line["event"].startswith(event)}


async def test_an_entry_that_vanishes_is_said_once_until_it_is_back_and_lifts_nothing(kept: Kept) -> None:
    await kept.maintenance.turn()
    before = {each["id"] for each in snapshots.show(kept.maintenance.context).lists}
    assert kept.maintenance.remarks() == []
    document = kept.policies / "feeds.yaml"
    text = document.read_text()
    end = text.index("- id: starter-phishing")
    document.write_text(text[:end])
    for _ in range(2):
        await kept.maintenance.turn()
    gone = set(re.findall(r"^- id: (\S+)", text[end:], re.MULTILINE))
    assert {"starter-phishing", "starter-vpn", "security-malware"} <= gone
    said = remedies(kept, "a feed's entry vanished")
    assert said.keys() == gone
    assert said["starter-vpn"] == "put the entry back, or: filterd feed retire starter-vpn --reason ..."
    assert len([each for each in kept.events() if "vanished" in each]) == len(gone)
    assert {each["id"] for each in snapshots.show(kept.maintenance.context).lists} == before
    lost = f"feeds without their entry in the policies: {len(gone)} (filterd feed list)"
    assert kept.maintenance.remarks() == [lost]
    document.write_text(text)
    await kept.maintenance.turn()
    assert kept.maintenance.remarks() == []
    assert kept.events().count("a feed has its entry again, or is retired") == len(gone)


async def test_an_emptied_file_keeps_everything_and_is_a_remark_until_it_is_mended(kept: Kept) -> None:
    await kept.maintenance.turn()
    before = current(kept)
    for file in ("feeds.yaml", "categories.yaml", "services.yaml", "safesearch.yaml", "bypass.yaml"):
        text = (kept.policies / file).read_text()
        (kept.policies / file).write_text("")
        await kept.maintenance.turn()
        assert current(kept) == before, file
        assert f"{file}: is empty" in reasons(kept)
        assert kept.maintenance.remarks() == ["the policies cannot be read (filterd config check)"]
        (kept.policies / file).write_text(text)
        await kept.maintenance.turn()
        assert kept.maintenance.remarks() == []
        before = current(kept)


async def test_a_retired_feed_leaves_with_the_next_turn(kept: Kept) -> None:
    await kept.maintenance.turn()
    context = kept.maintenance.context
    document = kept.policies / "feeds.yaml"
    text = document.read_text()
    document.write_text(text[: text.index("- id: security-phishing")])
    await kept.maintenance.turn()
    await adoption.retire(context, "security-phishing", reason="over")
    await kept.maintenance.turn()
    assert "security-phishing" not in {each["id"] for each in snapshots.show(context).lists}
    assert kept.maintenance.remarks() == []


async def test_a_changed_entry_is_read_at_once(kept: Kept) -> None:
    await kept.maintenance.turn()
    document = kept.policies / "feeds.yaml"
    lists = kept.policies / "lists"
    names = [line for line in (lists / "dating.txt").read_text().splitlines() if line[:1] not in ("", "#")]
    (lists / "other.txt").write_text("".join(f"{name}\n" for name in names[:700]))
    document.write_text(document.read_text().replace("lists/dating.txt", "lists/other.txt"))
    await kept.maintenance.turn()
    status = await listing.show(kept.maintenance.context, "starter-dating")
    assert status.version is not None
    assert status.version.names == 700


async def test_feeds_that_cannot_be_adopted_keep_no_snapshot_waiting(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept.maintenance.turn()

    async def full(*_arguments: object) -> None:
        message = "the disk is full"
        raise StoreError(message)

    monkeypatch.setattr(adoption, "settle", full)
    titles = kept.policies / "categories.yaml"
    titles.write_text(titles.read_text().replace("es: ", "es: Otra ", 1))
    for _ in range(2):
        await kept.maintenance.turn()
    assert kept.events()[1:] == ["adopting feeds failed", "snapshot built"]


async def test_another_country_is_read_though_no_file_changed(kept: Kept) -> None:
    upkeep = kept.maintenance
    await upkeep.turn()
    assert upkeep.remarks() == []
    upkeep.change_settings(replace(upkeep.context.settings, jurisdiction=CountryCode("zz")))
    await upkeep.turn()
    assert any("policies cannot be read" in each for each in upkeep.remarks())

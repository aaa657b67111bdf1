"""What control does by itself: once for each change, and said once for each failure."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.config.shipped_files import SUMS, sums
from filterd.model.mandatory import label_of
from filterd.operations import snapshots, subscribers
from filterd.operations.context import OperationError
from filterd.operations.feeds import updating
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout
from filterd.serve import maintenance
from tests.worlds.backups import EVIDENCE
from tests.worlds.installation import POLICIES, install
from tests.worlds.maintenance import Kept

pytestmark = pytest.mark.ring("night")

SHIPPED = Path(__file__).parents[3] / "policies"


@pytest.mark.ring("merge")
async def test_compiles_when_there_is_something_new_and_then_no_more(kept: Kept) -> None:
    await kept.maintenance.turn()
    first = current_file(kept.snapshots)
    assert first is not None
    assert first.exists()
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"]
    titles = kept.policies / "categories.yaml"
    titles.write_text(titles.read_text().replace("es: ", "es: Otra ", 1))
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 2
    source = next((kept.policies / "lists").rglob("*adult*"))
    source.write_bytes(source.read_bytes() + b"\nanother.example\n")
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 3
    assert current_file(kept.snapshots) != first


async def test_what_changes_nothing_that_is_compiled_compiles_nothing(kept: Kept) -> None:
    """A file that was touched or only has another comment, and keys that say how a list arrives."""
    await kept.maintenance.turn()
    for path in (*kept.policies.rglob("*.yaml"), *(kept.policies / "lists").rglob("*.txt")):
        os.utime(path, (1, 1))
    await kept.maintenance.turn()
    feeds = kept.policies / "feeds.yaml"
    text = feeds.read_text()
    assert "refresh: 1d" in text
    feeds.write_text("# another comment\n" + text.replace("refresh: 1d", "refresh: 12h"))
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"]


@pytest.mark.ring("merge")
async def test_wrong_policies_are_said_once_and_change_nothing(kept: Kept) -> None:
    (kept.policies / "categories.yaml").write_text("nonsense: [")
    await kept.maintenance.turn()
    await kept.maintenance.turn()
    assert kept.events() == ["policies failed"]
    assert current_file(kept.snapshots) is None
    shutil.copy(SHIPPED / "categories.yaml", kept.policies)
    await kept.maintenance.turn()
    assert kept.events()[-1] == "snapshot built"


@pytest.mark.ring("merge")
async def test_a_snapshot_that_went_back_in_time_is_compiled_anew(kept: Kept) -> None:
    """Nodes that start refuse it, whatever it was made of."""
    await kept.maintenance.turn()
    older = kept.snapshots.parent / "older"
    shutil.copytree(kept.snapshots, older)
    await snapshots.build(kept.maintenance.context)
    newest = current_file(kept.snapshots)
    shutil.rmtree(kept.snapshots)
    older.rename(kept.snapshots)
    kept.begin_again()
    await kept.maintenance.turn()
    assert kept.events()[1:] == ["the policy snapshot went back in time", "snapshot built"]
    assert not kept.maintenance.snapshot_behind
    built = current_file(kept.snapshots)
    assert built is not None
    assert newest is not None
    assert snapshot_layout.revision_of(built.name) > snapshot_layout.revision_of(newest.name)
    await kept.maintenance.turn()
    assert kept.events()[-1] == "snapshot built"


@pytest.mark.ring("merge")
async def test_what_a_compile_lacks_is_compiled_once_the_lists_are_read(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every name got SERVFAIL for half a minute more: a failed compile is repeated only then."""
    await kept.maintenance.turn()
    tries = []
    make = snapshots.make

    async def lacking_at_first(*arguments: Any, **more: Any) -> snapshots.Built:
        tries.append(arguments)
        if len(tries) == 1:
            message = "a file of a mandatory list is missing"
            raise OperationError(message, "read it")
        return await make(*arguments, **more)

    monkeypatch.setattr(snapshots, "make", lacking_at_first)
    for path in kept.snapshots.iterdir():
        path.unlink()
    kept.begin_again()
    await kept.maintenance.turn()
    assert kept.events()[-2:] == ["compile failed", "snapshot built"]


YEAR = 366 * 86400.0


async def ahead(kept: Kept) -> float:
    """The time that the current snapshot says after a turn, in years from the right one."""
    await kept.maintenance.turn()
    path = current_file(kept.snapshots)
    assert path is not None
    return round((snapshots.made_at(path) - kept.now() + kept.ahead) / YEAR, 2)


async def test_a_snapshot_of_a_clock_that_was_ahead_is_made_anew_when_it_is_set_right(kept: Kept) -> None:
    kept.ahead = YEAR
    assert await ahead(kept) == 1
    kept.ahead = 0
    assert await ahead(kept) == 0
    assert kept.events() == ["snapshot built"] * 2
    kept.ahead = -30
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 2, "a small correction"


async def test_a_clock_that_may_have_lost_its_time_is_said_once_and_believed_on_request(kept: Kept) -> None:
    assert await ahead(kept) == 0
    kept.begin_again()
    kept.ahead = -10 * YEAR
    assert await ahead(kept) == 0
    assert await ahead(kept) == 0
    titles = kept.policies / "categories.yaml"
    titles.write_text(titles.read_text().replace("es: ", "es: Otra ", 1))
    assert await ahead(kept) == 0, "whatever else asks for a compile"
    assert kept.events() == ["snapshot built", "clock failed", "snapshot built"]
    await snapshots.build(kept.maintenance.context, clock_is_right=True)
    assert await ahead(kept) == -10


def test_a_confidential_feed_has_an_opaque_label() -> None:
    assert label_of("starter-adult", confidential=False) == "starter-adult"
    assert "interpol" not in label_of("interpol", confidential=True)


async def test_changes_that_every_node_has_are_forgotten(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many of the newest are kept as a node may be behind without reading all anew."""
    monkeypatch.setattr(maintenance, "KEPT_CHANGES", 3)
    context = kept.maintenance.context
    for number in range(8):
        await subscribers.add(context, f"line-{number}", zone="UTC", prefixes=())
    await kept.maintenance.turn()
    with closing(sqlite3.connect(kept.snapshots.parent.parent / "filterd.db")) as raw:
        (left,) = raw.execute("SELECT count(*) FROM change").fetchone()
        (floor,) = raw.execute("SELECT revision FROM log_floor").fetchone()
        (head,) = raw.execute("SELECT revision FROM head").fetchone()
    assert left == 3
    assert floor == head - 3


async def test_a_snapshot_of_other_policies_is_compiled_anew(kept: Kept, tmp_path: Path) -> None:
    """A command may have been told of others than control; a snapshot of the same is left alone."""
    await kept.maintenance.turn()
    first = current_file(kept.snapshots)
    others = tmp_path / "others"
    shutil.copytree(kept.policies, others)
    (others / "profiles" / "children.yaml").unlink()
    context = kept.maintenance.context
    await snapshots.build(replace(context, settings=replace(context.settings, policies=others)))
    assert current_file(kept.snapshots) != first
    kept.begin_again()
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 2
    await snapshots.build(context)
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 2


async def test_a_snapshot_of_an_unknown_input_is_compiled_anew(kept: Kept) -> None:
    """A command that was killed once it had published leaves the input of the snapshot before."""
    await kept.maintenance.turn()
    before = (kept.snapshots / ".made_of").read_bytes()
    await subscribers.add(kept.maintenance.context, "line", zone="UTC", prefixes=())
    await snapshots.build(kept.maintenance.context)
    (kept.snapshots / ".made_of").write_bytes(before)
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 2


async def test_an_upgrade_of_the_shipped_policies_is_noticed(kept: Kept, tmp_path: Path) -> None:
    """The operator's directory lies over them and does not change."""
    own = tmp_path / "own"
    own.mkdir()
    settings = replace(kept.maintenance.context.settings, policies=own, policies_base=kept.policies)
    kept.maintenance.change_settings(settings)
    await kept.maintenance.turn()
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"]
    (kept.policies / "profiles" / "children.yaml").unlink()
    (kept.policies / SUMS).write_text(sums(kept.policies))
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 2
    (own / "profiles").mkdir()
    shutil.copy(SHIPPED / "profiles" / "children.yaml", own / "profiles" / "children.yaml")
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 3
    source = next((kept.policies / "lists").rglob("*adult*"))
    source.write_bytes(source.read_bytes() + b"\nanother.example\n")
    (kept.policies / SUMS).write_text(sums(kept.policies))
    await kept.maintenance.turn()
    assert kept.events() == ["snapshot built"] * 4


async def test_a_profile_that_was_cut_off_is_told_of_until_it_is_mended(tmp_path: Path) -> None:
    installation = await install(tmp_path)
    whole = POLICIES["profiles/child.yaml"]
    async with installation.open() as context:
        await subscribers.add(context, "home")
        await subscribers.opt_in(context, "home", "child", EVIDENCE)
        await updating.update(context)
        await snapshots.build(context)
        installation.write_policy("profiles/child.yaml", whole[: whole.index("services:")])
        control = maintenance.Maintenance(context)
        await control.turn()
        assert any("profiles kept as in force" in each for each in control.remarks())
        installation.write_policy("profiles/child.yaml", whole)
        await control.turn()
        assert control.remarks() == []

"""A compile is compared with the newest snapshot of the store whose file is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.value_types import Seconds
from filterd.disk import checked_file
from filterd.operations import snapshot_losses, snapshots, subscribers
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.policy import snapshot_layout
from filterd.serve.maintenance import Maintenance
from tests.worlds.backups import EVIDENCE
from tests.worlds.installation import POLICIES, Installation

WHOLE = POLICIES["profiles/child.yaml"]
CUT = WHOLE[: WHOLE.index("services:")]
UNTRIED = "- {id: adult-more, source: lists/more.txt, format: domains, category: adult}\n"


@pytest.fixture
def installation(installation: Installation) -> Installation:
    """Changes of profiles take effect at once."""
    notices = replace(installation.settings.notices, profile_changes=Seconds(0))
    installation.settings = replace(installation.settings, notices=notices)
    return installation


async def two_snapshots(installation: Installation, context: Context) -> tuple[Path, Path]:
    """The files of two snapshots, of which only the later one has the services of the profile. Afterwards
    the profile is cut off, and there is a list that nothing has tried to read."""
    installation.write_policy("profiles/child.yaml", CUT)
    await updating.update(context)
    await subscribers.add(context, "home")
    await subscribers.opt_in(context, "home", "child", EVIDENCE)
    files = []
    for profile in (CUT, WHOLE):
        installation.write_policy("profiles/child.yaml", profile)
        await snapshots.build(context)
        files.append(current(context))
    installation.write_policy("profiles/child.yaml", CUT)
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"] + UNTRIED)
    return files[0], files[1]


def current(context: Context) -> Path:
    path = snapshots.current_file(snapshots._directory(context))
    assert path is not None
    return path


def point_to(older: Path, _: Path) -> None:
    checked_file.write(older.with_name(snapshot_layout.CURRENT), snapshot_layout.pointer_to(older.name))


def spoil_pointer(older: Path, _: Path) -> None:
    older.with_name(snapshot_layout.CURRENT).write_bytes(b"\0" * 40)


def remove_pointer(older: Path, _: Path) -> None:
    older.with_name(snapshot_layout.CURRENT).unlink()


FAULTS = pytest.mark.parametrize("spoil", [point_to, spoil_pointer, remove_pointer])


@FAULTS
@pytest.mark.ring("merge")
async def test_a_build_keeps_what_the_newest_snapshot_has(
    installation: Installation, spoil: Callable[[Path, Path], None]
) -> None:
    """Compared with nothing, or with the older one, the cut profile was taken; without `current` the build
    waited for a first look at each list."""
    async with installation.open() as context:
        older, newest = await two_snapshots(installation, context)
        spoil(older, newest)
        assert (await snapshots.basis_of(context)).path == newest
        await snapshots.build(context)
        assert set(snapshot_losses.losses_in_force(context).profiles) == {"child"}


@pytest.mark.ring("merge")
async def test_a_damaged_file_leaves_the_snapshot_before_it_to_compare_with(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        _, newest = await two_snapshots(installation, context)
        installation.write_policy("profiles/child.yaml", WHOLE)
        await snapshots.build(context)
        current(context).write_bytes(b"")
        installation.write_policy("profiles/child.yaml", CUT)
        assert (await snapshots.basis_of(context)).path == newest
        await snapshots.build(context)
        assert set(snapshot_losses.losses_in_force(context).profiles) == {"child"}


@FAULTS
async def test_control_takes_up_the_newest_snapshot_without_a_compile(
    installation: Installation, spoil: Callable[[Path, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        older, newest = await two_snapshots(installation, context)
        spoil(older, newest)
        maintenance = Maintenance(context)
        monkeypatch.setattr(snapshots, "make", None)
        assert not await maintenance._went_back()
        assert current(context) == newest
        assert not maintenance.snapshot_behind


async def test_control_compiles_where_the_newest_file_cannot_be_used(installation: Installation) -> None:
    async with installation.open() as context:
        older, newest = await two_snapshots(installation, context)
        point_to(older, newest)
        newest.write_bytes(newest.read_bytes()[:-1] + b"\0")
        maintenance = Maintenance(context)
        assert await maintenance._went_back()
        assert current(context) == older
        assert maintenance.snapshot_behind
        await snapshots.build(context)
        assert not await maintenance._went_back()
        assert not maintenance.snapshot_behind

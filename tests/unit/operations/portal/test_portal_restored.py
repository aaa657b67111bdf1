"""A restored backup brings back no used link, no ended session, and no PIN that was changed or closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.operations.backup import backup
from filterd.operations.portal import links, pins, sessions
from filterd.operations.portal.acting import acting
from filterd.operations.portal.refusals import SignInRefusedError
from filterd.operations.portal.state import PortalState
from tests.unit.operations.portal.conftest import HOME, Portal
from tests.unit.operations.portal.test_pins import ON_LINE, OTHER, by_pin, opted_in, wrong
from tests.worlds.backups import put_back
from tests.worlds.installation import Installation


async def restored(portal: Portal, source: Path) -> dict[str, int]:
    """Put the backup back; what was ended again."""
    return (await put_back(portal.installation, source)).ended_again


@pytest.mark.ring("merge")
async def test_links_and_sessions_of_the_backup_open_nothing(portal: Portal, tmp_path: Path) -> None:
    used, unused = await links.issue(portal.context, "home"), await links.issue(portal.context, "home")
    ended, lasting = await portal.signed_in(), await portal.signed_in()
    await backup(portal.context, tmp_path / "backup")
    await portal.consume(used.url)
    await sessions.sign_out(portal.context, ended.secret)
    await restored(portal, tmp_path / "backup")
    async with portal.installation.open() as context:
        state = PortalState.make(context.settings)
        for each in (used.url, used.code, unused.url):
            with pytest.raises(SignInRefusedError):
                await links.consume(state, context, each.rpartition("=")[2], address=HOME)
        for signed_in in (ended, lasting):
            assert await sessions.find(context, signed_in.secret) is None


async def test_a_pin_of_before_does_not_come_back(portal: Portal, tmp_path: Path) -> None:
    holder = await opted_in(portal)
    await backup(portal.context, tmp_path / "backup")
    context = acting(portal.context, holder.session)
    await pins.choose(portal.state, context, holder.session, "home", OTHER)
    assert await restored(portal, tmp_path / "backup") == {"pin": 1}
    assert not await pin_after(portal.installation)


@pytest.mark.ring("merge")
async def test_a_restore_does_not_open_a_pin_that_wrong_ones_closed(portal: Portal, tmp_path: Path) -> None:
    await opted_in(portal)
    await backup(portal.context, tmp_path / "backup")
    await wrong(portal, pins.FREE_TRIES)
    await restored(portal, tmp_path / "backup")
    assert not await pin_after(portal.installation)


@pytest.mark.ring("merge")
async def test_a_pin_that_is_as_it_was_stays(portal: Portal, tmp_path: Path) -> None:
    await opted_in(portal)
    await backup(portal.context, tmp_path / "backup")
    assert await restored(portal, tmp_path / "backup") == {}
    async with portal.installation.open() as context:
        after = Portal(context, PortalState.make(context.settings), portal.installation)
        assert await by_pin(after, address=ON_LINE)


async def pin_after(installation: Installation) -> bool:
    """Return whether the line has a PIN in the restored store."""
    async with installation.open() as context:
        return await pins.has_pin(context, "home")

"""Who acts, whose store it is, and how the store's own troubles reach the people who run a command."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.settings import StoreSettings
from filterd.config.value_types import StoreUrl
from filterd.model.records import NodeReport
from filterd.operations import audit, migrate, nodes, subscribers
from filterd.operations.context import OperationError, open_context, os_actor, require_owner
from tests.worlds.installation import Installation

ME = pwd.getpwuid(os.geteuid()).pw_name


def test_the_actor_is_the_person_behind_sudo_then_behind_the_login(tmp_path: Path) -> None:
    login = tmp_path / "loginuid"
    login.write_text("0")
    assert os_actor({"SUDO_USER": "eva"}, login) == "eva"
    assert os_actor({}, login) == pwd.getpwuid(0).pw_name
    login.write_text("4294967295")
    assert os_actor({}, login) == ME
    login.write_text("54321")
    assert os_actor({}, login) == "uid 54321"
    assert os_actor({}, tmp_path / "none") == ME


def test_a_store_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "filterd.db"
    require_owner(path)
    path.touch()
    require_owner(path)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 54321)
    with pytest.raises(OperationError, match=f"belongs to {ME}") as caught:
        require_owner(path, ["filterd", "subscriber", "add", "two words"])
    assert caught.value.remedy == f"run: sudo -u {ME} filterd subscriber add 'two words'"


async def test_troubles_of_the_store_say_what_to_do(installation: Installation) -> None:
    url = StoreUrl(f"sqlite:///{installation.base}/none.db")
    nowhere = replace(installation.settings, store=StoreSettings(url, installation.base / "none"))
    with pytest.raises(OperationError, match="no store") as caught:
        async with open_context(nowhere):
            pass
    assert (
        caught.value.remedy == "restore: filterd restore (DIRECTORY | --in-place) --reason ...;"
        " a new installation: filterd store migrate"
    )
    installation.database.write_bytes(b"garbage " * 2000)
    for use in (
        open_context(installation.settings).__aenter__,
        lambda: migrate.migrate(installation.settings),
    ):
        with pytest.raises(OperationError, match="not a database") as caught:
            await use()
        assert "backup" in caught.value.remedy


async def test_a_migration_says_what_it_did(installation: Installation) -> None:
    again = await migrate.migrate(installation.settings)
    assert not again.changed
    installation.database.unlink()
    first = await migrate.migrate(installation.settings)
    assert (first.before, first.after, first.changed) == (None, again.after, True)


async def test_nodes_report_outside_log_and_trail(installation: Installation) -> None:
    async with installation.open() as context:
        report = NodeReport("resolver-1", installation.now, 3, 4, "ab" * 32, True, {"adult": "1"})
        await nodes.record(context, report)
        await nodes.record(context, replace(report, parental_revision=5))
        (status,) = await nodes.list_nodes(context)
        assert (status.report.parental_revision, status.report.lists) == (5, {"adult": "1"})
        assert not status.silent
        installation.now += nodes.SILENT_AFTER + 1
        assert (await nodes.list_nodes(context))[0].silent
        assert (await audit.verify(context)).entries == 0


async def test_the_trail_is_read_from_its_end(installation: Installation) -> None:
    async with installation.open() as context:
        for number in range(3):
            await subscribers.add(context, f"S-{number}")
        assert [each.entry.subject for each in await audit.tail(context, 2)] == ["line:2", "line:3"]
        assert (await audit.verify(context)).entries == 3

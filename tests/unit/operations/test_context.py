"""Who acts, whose store it is, and how the store's own troubles reach the people who run a command."""

from __future__ import annotations

import os
import pwd
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.settings import StoreSettings
from filterd.config.value_types import StoreUrl
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.model.records import NodeReport
from filterd.operations import audit, context, migrate, nodes, subscribers
from filterd.operations.context import OperationError, open_context, os_actor, require_owner
from tests.worlds.installation import Installation

STRANGER = 54_321
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_first_files_of_a_store_are_made_by_the_owner_of_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    for each in (state, elsewhere):
        each.mkdir()
    os.chown(state, STRANGER, STRANGER)
    for path in (state / "filterd.db", elsewhere / "filterd.db"):
        with pytest.raises(OperationError, match=f"directory {state} belongs to uid {STRANGER}") as caught:
            require_owner(path, ["filterd", "feed", "update"], state_dir=state)
        assert caught.value.remedy == f"run: sudo -u '#{STRANGER}' filterd feed update"
        assert not path.exists()
    require_owner(elsewhere / "filterd.db", state_dir=elsewhere)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    require_owner(state / "filterd.db", state_dir=state)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("mode", [0o700, 0o755])
@pytest.mark.parametrize("there", [True, False])
def test_a_state_directory_of_root_is_to_be_given_back(tmp_path: Path, mode: int, there: bool) -> None:
    for each in (tmp_path, *tmp_path.parents[:-1]):
        if not each.stat().st_mode & 0o001:
            each.chmod(0o755)
    state = tmp_path / "state"
    state.mkdir()
    if there:
        (state / "filterd.db").touch()
        os.chown(state / "filterd.db", STRANGER, STRANGER)
    state.chmod(mode)
    said = as_user(STRANGER, state)
    assert f"the directory {state} belongs to root, and this is filterd" in said
    assert f"run: sudo chown -R filterd: {state}" in said


def as_user(uid: int, state: Path) -> str:
    """The refusal and its remedy, as another user gets them who is the service's."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresuid(uid, uid, uid)
        context._user_name = lambda uid: "filterd" if uid == os.geteuid() else ME
        try:
            require_owner(state / "filterd.db", ["filterd", "feed", "list"], state_dir=state)
        except OperationError as error:
            os.write(writer, f"{error}\n{error.remedy}".encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as file:
        return file.read()


async def test_troubles_of_the_store_say_what_to_do(installation: Installation) -> None:
    url = StoreUrl(f"sqlite:///{installation.base}/none.db")
    nowhere = replace(installation.settings, store=StoreSettings(url, installation.base / "none"))
    with pytest.raises(OperationError, match="no store") as caught:
        async with open_context(nowhere):
            pass
    assert (
        caught.value.remedy
        == "see that its disk is mounted; else restore a backup: filterd restore DIRECTORY"
        " --reason ...; for a first installation alone: filterd store migrate"
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


@pytest.mark.ring("night")
async def test_only_a_person_makes_a_store(installation: Installation) -> None:
    """Control does not: where its disk is not mounted every ordered name would be answered."""
    for lose in (lambda path: path.unlink(), lambda path: path.write_bytes(b""), _without_tables):
        lose(installation.database)
        with pytest.raises(OperationError, match=r"no store at|no tables") as caught:
            await migrate.upgrade(installation.settings)
        assert "filterd store migrate" in caught.value.remedy
        assert "filterd restore DIRECTORY" in caught.value.remedy
        assert not installation.database.exists() or not _tables(installation.database)
        assert (await migrate.migrate(installation.settings)).before is None
    assert not (await migrate.upgrade(installation.settings)).changed


def _without_tables(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute("PRAGMA user_version=1").fetchone()


def _tables(path: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name FROM sqlite_master").fetchall()


@pytest.mark.parametrize(
    "trace", ["state/node/mandatory.checkpoint", "state/feeds/worst-of/1.rules", "state/ledger/origin"]
)
async def test_no_store_is_made_beside_what_one_left(installation: Installation, trace: str) -> None:
    installation.database.unlink()
    file = installation.base / trace
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x")
    with pytest.raises(OperationError, match=f"no first installation: .*{file.name} is there") as caught:
        await migrate.migrate(installation.settings)
    assert "filterd restore DIRECTORY" in caught.value.remedy
    assert not installation.database.exists()


async def test_beside_a_key_alone_the_person_is_told_both_ways(installation: Installation) -> None:
    """A resolver that was started too early makes a key, and so does an installation that is lost."""
    installation.database.unlink()
    FINGERPRINT_KEY.load(installation.settings.state_dir)
    with pytest.raises(OperationError, match=r"fingerprint\.key is there") as caught:
        await migrate.migrate(installation.settings)
    assert "remove" in caught.value.remedy
    FINGERPRINT_KEY.path(installation.settings.state_dir).unlink()
    assert (await migrate.migrate(installation.settings)).before is None


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

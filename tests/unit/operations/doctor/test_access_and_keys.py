"""Owners, permissions and keys: real files that are not as they should be."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.portal_settings import OpenidSettings, PortalSettings
from filterd.config.web_settings import WebSettings
from filterd.disk import key_ring
from filterd.disk.keys import PORTAL_KEY
from filterd.operations.doctor import access, keys
from filterd.operations.doctor.case import Account, Case
from filterd.operations.doctor.finding import Finding, describe, found
from filterd.operations.feeds.rule_files import rule_file, write_version
from filterd.operations.orders import ending, taking
from filterd.store import pins
from tests.worlds.backups import request
from tests.worlds.findings import ids, values
from tests.worlds.installation import Installation

STRANGER = Account("stranger", 65533, frozenset((65533,)))


@pytest.mark.ring("merge")
def test_a_sound_installation_has_no_findings(built: Case) -> None:
    assert ids(access.check(built)) == []
    assert ids(keys.check(built)) == []


async def test_a_state_directory_that_others_can_see(built: Case) -> None:
    built.state.chmod(0o750)
    assert values(access.check(built), "access.state_open")["mode"] == "0750"


async def test_a_store_that_others_can_read(built: Case) -> None:
    built.store.chmod(0o644)
    assert values(access.check(built), "access.store_open")["mode"] == "0644"


def test_a_state_directory_that_is_not_there(case: Case) -> None:
    gone = replace(case, settings=replace(case.settings, state_dir=case.state / "gone"))
    assert ids(access.check(gone)) == ["access.state_missing"]


async def test_files_of_another_user_are_named(built: Case) -> None:
    found = list(access.check(replace(built, account=STRANGER)))
    assert values(found, "access.state_owner")["user"] == "stranger"
    told = values(found, "access.file_owner")
    named = str(told["path"]).partition(" (+")[0].split(", ")
    assert len(named) == access.MOST_TOLD
    assert named[0] == str(built.store)
    assert str(built.settings.store.ledger) in named
    assert str(built.state) not in named
    assert told["places"] == f"{built.store} {built.state}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_a_file_beside_the_store_that_root_has_made(built: Case) -> None:
    beside = built.store.with_name(f"{built.store.name}-wal")
    beside.touch()
    os.chown(beside, STRANGER.uid, STRANGER.uid)
    assert values(access.check(built), "access.file_owner")["path"] == str(beside)


async def test_policies_and_configuration_that_the_service_cannot_read(built: Case, tmp_path: Path) -> None:
    config = tmp_path / "filterd.yaml"
    config.write_text("{}")
    config.chmod(0o600)
    (built.settings.policies / "feeds.yaml").chmod(0o600)
    found = ids(access.check(replace(built, config=config, account=STRANGER)))
    assert {"access.config_unreadable", "access.policies_unreadable"} <= set(found)


@pytest.mark.parametrize(("mode", "told"), [(0o644, False), (0o664, True), (0o646, True)])
async def test_a_configuration_that_others_can_write(
    built: Case, tmp_path: Path, mode: int, told: bool
) -> None:
    config = tmp_path / "filterd.yaml"
    config.write_text("{}")
    config.chmod(mode)
    assert ("access.config_writable" in ids(access.check(replace(built, config=config)))) is told


@pytest.mark.parametrize(
    ("owner", "mode", "allowed"),
    [(STRANGER.uid, 0o400, True), (1, 0o044, True), (1, 0o440, False), (STRANGER.uid, 0o044, False)],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_permissions_are_the_kernels(tmp_path: Path, owner: int, mode: int, allowed: bool) -> None:
    for each in (tmp_path, *list(tmp_path.parents)[:2]):
        each.chmod(0o755)
    path = tmp_path / "file"
    path.touch()
    os.chown(path, owner, 1)
    path.chmod(mode)
    assert access.allowed(STRANGER, path, 4) is allowed


def test_a_key_that_others_can_read(built: Case) -> None:
    key = built.state / "keys/digest.key"
    key.chmod(0o640)
    assert values(keys.check(built), "keys.open") == {"path": str(key), "mode": "0640"}


def test_a_key_that_is_gone_or_damaged_or_another_one(built: Case) -> None:
    key = built.state / "keys/fingerprint.key"
    key.write_bytes(bytes(16))
    assert ids(keys.check(built)) == ["keys.other"]
    key.write_bytes(bytes(15))
    assert "has 15 bytes, not 16" in values(keys.check(built), "keys.size")["says"]
    key.unlink()
    assert ids(keys.check(built)) == ["keys.missing"]


def test_a_configuration_is_opened_to_the_service_alone() -> None:
    remedy = describe(found("access.config_unreadable", path="/c", user="filterd"), "en").remedy
    assert remedy.startswith("chown root:filterd /c; chmod 0640 /c")


def test_the_keys_of_confidential_names(built: Case) -> None:
    path = key_ring.path_of(built.state)
    sealed = rule_file(built.state, "secret", 1)
    write_version(sealed, (b"hidden.example\n",), bytes(32))
    assert ids(keys.check(built)) == []
    path.chmod(0o640)
    assert values(keys.check(built), "keys.open") == {"path": str(path), "mode": "0640"}
    assert path.stat().st_mode & 0o777 == 0o640, "it only looks"
    path.chmod(0o600)
    content = path.read_bytes()
    path.write_bytes(b"f" + content[1:] if content[:1] != b"f" else b"0" + content[1:])
    assert ids(keys.check(built)) == ["keys.ring_damaged"]
    path.unlink()
    assert values(keys.check(built), "keys.ring_lacks")["key"] == content[:16].decode()


def test_a_lost_key_of_orders_names_them(built: Case, installation: Installation) -> None:
    """Nothing said that no snapshot could be built any more, but the log."""

    async def take_in() -> None:
        async with installation.open(approvals=1) as context:
            await taking.add(context, replace(request("hidden.example"), confidential=True))
            ended = await taking.add(context, replace(request("other.example"), confidential=True))
            await ending.withdraw(context, ended.reference, reason="lifted")

    asyncio.run(take_in())
    path = key_ring.path_of(built.state)
    key = path.read_bytes()[:16].decode()
    assert ids(keys.check(built)) == []
    path.unlink()
    found = values(keys.check(built), "keys.ring_lacks_orders")
    assert found == {"path": str(path), "key": key, "orders": "O-1"}


def test_a_new_installation_needs_no_keys(case: Case) -> None:
    assert ids(keys.check(case)) == []


def test_the_secrets_of_cookies_that_nodes_share(built: Case, tmp_path: Path) -> None:
    secrets = tmp_path / "cookies"
    dns = replace(built.settings.dns, cookie_secret_file=secrets)
    shared = replace(built, settings=replace(built.settings, dns=dns))
    assert ids(keys.check(shared)) == ["keys.cookie_file"]
    secrets.write_text("00" * 16)
    secrets.chmod(0o644)
    assert ids(keys.check(shared)) == ["keys.open"]


def portal_of(case: Case, secret: Path | None = None) -> Case:
    """The same with a portal, and the provider's own sign-in where a secret is given."""
    openid = (
        None
        if secret is None
        else OpenidSettings("https://login.example", "portal", secret, "lines", ("openid",), None)
    )
    web = WebSettings(None, None, sign_in=PortalSettings("https://filtro.example", openid))
    return replace(case, settings=replace(case.settings, web=web))


async def looked_at(case: Case) -> list[Finding]:
    """The findings, from a thread, as the doctor has each area."""
    return await asyncio.to_thread(lambda: list(keys.check(case)))


async def test_the_portals_key(built: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    case, path = portal_of(built), PORTAL_KEY.path(built.state)
    assert ids(await looked_at(case)) == [], "it is made when somebody signs in"

    async def of_a_restored_backup(_connection: object) -> int:
        return 3

    monkeypatch.setattr(pins, "number", of_a_restored_backup)
    assert values(await looked_at(case), "keys.portal_lost") == {"path": str(path), "count": 3}
    PORTAL_KEY.load(built.state)
    assert ids(await looked_at(case)) == []
    path.write_bytes(b"x" * 31)
    assert "has 31 bytes, not 32" in values(await looked_at(case), "keys.portal_damaged")["says"]


async def test_the_secret_at_the_providers_sign_in(built: Case, tmp_path: Path) -> None:
    secret = tmp_path / "openid"
    case = portal_of(built, secret)
    assert values(await looked_at(case), "keys.openid_secret")["path"] == str(secret)
    secret.write_text("a secret of the client\n")
    secret.chmod(0o600)
    assert ids(await looked_at(case)) == []

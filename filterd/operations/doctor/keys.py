"""The installation's keys: there, of the right size, their owner's alone, and those of the snapshot."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path

from filterd.disk import key_ring
from filterd.disk.checked_file import DamagedFileError
from filterd.disk.key_ring import KeyRingError
from filterd.disk.keys import DIGEST_KEY, FINGERPRINT_KEY, PORTAL_KEY, KeyFile
from filterd.fetch.secrets import SecretError, Secrets
from filterd.model.order import ENDED_BY_PEOPLE
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case, stands
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.errors import OperationError
from filterd.operations.feeds.rule_files import sealed_with
from filterd.operations.snapshots import current_file, is_of_another_key
from filterd.policy import snapshot_layout
from filterd.store import orders, pins
from filterd.store.errors import StoreError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check(case: Case) -> Iterator[Finding]:
    """Look at the keys, and at the secrets of cookies that nodes share. No key is shown."""
    snapshot = current_file(case.state / snapshot_layout.DIRECTORY)
    for key in (FINGERPRINT_KEY, DIGEST_KEY):
        yield from _key(case, key, snapshot)
    yield from _ring(case)
    secrets = case.settings.dns.cookie_secret_file
    if secrets is not None:
        if not stands(secrets):
            yield found("keys.cookie_file", path=str(secrets))
        elif secrets.stat().st_mode & _OTHERS:
            yield found("keys.open", path=str(secrets), mode=f"{secrets.stat().st_mode & 0o7777:04o}")
    yield from _portal(case)


def _portal(case: Case) -> Iterator[Finding]:
    """The portal's key, and the secret that the provider's sign-in knows the portal by."""
    web, path = case.settings.web, PORTAL_KEY.path(case.state)
    if stands(path):
        try:
            PORTAL_KEY.key_in(path.read_bytes(), path)
        except DamagedFileError as error:
            yield found("keys.portal_damaged", says=str(error))
    elif web is not None and (count := asyncio.run(_pins(case))):
        yield found("keys.portal_lost", path=str(path), count=count)
    openid = None if web is None else web.sign_in.openid
    if openid is not None and openid.client_secret_file is not None:
        secret = openid.client_secret_file
        try:
            Secrets(secret.parent).read(secret.name)
        except SecretError as error:
            yield found("keys.openid_secret", path=str(secret), says=str(error))


async def _pins(case: Case) -> int:
    """The lines that have a PIN; none where the store cannot be read, which ``store`` says."""
    try:
        async with reading.opened(case) as context, context.store.read() as connection:
            return await pins.number(connection)
    except (StoreError, OperationError, OSError):
        return 0


def _key(case: Case, key: KeyFile, snapshot: Path | None) -> Iterator[Finding]:
    path = key.path(case.state)
    if not stands(path):
        if snapshot is not None and key is FINGERPRINT_KEY:
            yield found("keys.missing", path=str(path))
        return
    status = path.stat()
    if status.st_mode & _OTHERS:
        yield found("keys.open", path=str(path), mode=f"{stat.S_IMODE(status.st_mode):04o}")
    try:
        content = key.key_in(path.read_bytes(), path)
    except DamagedFileError as error:
        yield found("keys.size", says=str(error))
        return
    if snapshot is not None and key is FINGERPRINT_KEY and is_of_another_key(snapshot, content):
        yield found("keys.other", path=str(path), snapshot=snapshot.name)


def _ring(case: Case) -> Iterator[Finding]:
    """The keys of confidential names: whole, their owner's alone, and all that lists and orders need."""
    path = key_ring.path_of(case.state)
    if stands(path) and path.stat().st_mode & _OTHERS:
        yield found("keys.open", path=str(path), mode=f"{stat.S_IMODE(path.stat().st_mode):04o}")
    try:
        known = {each.id for each in key_ring.read(case.state, close=False).keys}
    except KeyRingError as error:
        yield found("keys.ring_damaged", says=str(error))
        return
    needed = {sealed_with(file) for file in (case.state / "feeds").glob("*/*.rules")} - {""}
    for identifier in sorted(needed - known):
        yield found("keys.ring_lacks", path=str(path), key=identifier)
    for identifier, references in sorted(asyncio.run(_sealed(case)).items()):
        if identifier not in known:
            listed = ", ".join(references)
            yield found("keys.ring_lacks_orders", path=str(path), key=identifier, orders=listed)


async def _sealed(case: Case) -> dict[str, list[str]]:
    """The references of confidential orders that a compile has to open, by the key that sealed them; none
    where the store cannot be read, which ``store`` says."""
    try:
        async with reading.opened(case) as context, context.store.read() as connection:
            known = (await orders.all_orders(connection)).orders
    except (StoreError, OperationError, OSError):
        return {}
    sealed: dict[str, list[str]] = {}
    for order in known:
        if order.demand.sealed is not None and order.state not in ENDED_BY_PEOPLE:
            sealed.setdefault(order.demand.sealed.key_id, []).append(order.reference)
    return sealed

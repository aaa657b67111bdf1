"""The context that every use case is given: settings, the open store, the clock, and who acts."""

from __future__ import annotations

import os
import pwd
import shlex
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from filterd.config.settings import Settings
from filterd.operations.errors import OperationError
from filterd.store.engine import database_path
from filterd.store.errors import StoreError
from filterd.store.store import Store

__all__ = ["Context", "OperationError", "open_context", "os_actor", "require_owner"]

_NO_LOGIN = 0xFFFFFFFF
"""what the kernel shows as the login uid of a process outside any login (audit(7))"""


@dataclass(frozen=True, slots=True)
class Context:
    """Passed to every use case. ``clock`` gives Unix seconds."""

    settings: Settings
    store: Store
    clock: Callable[[], float]
    actor: str
    """who acts: an OS user, or the token of an API call"""
    person: bool = True
    """False: the OS user who acts is no account of this system"""

    def require_person(self) -> None:
        """Refuse what a person answers for, where nobody of that name is known here (decision 0166)."""
        if not self.person:
            message = f"{self.actor} is no account of this system, so nobody can answer for this"
            remedy = "run it under your own account, with sudo -u; SUDO_USER and the login say who acts"
            raise OperationError(message, remedy)


@asynccontextmanager
async def open_context(
    settings: Settings, *, actor: str | None = None, clock: Callable[[], float] = time.time
) -> AsyncIterator[Context]:
    """Open the store as its owner, and close it afterwards. The store's errors become OperationErrors."""
    require_owner(database_path(settings.store.url))
    try:
        store = await Store.open(settings.store.url, settings.store.ledger)
        try:
            acting = os_actor() if actor is None else actor
            person = actor is not None or is_account(acting)
            yield Context(settings, store, clock, acting, person)
        finally:
            await store.close()
    except StoreError as error:
        raise OperationError(str(error), error.remedy) from error


def os_actor(environment: Mapping[str, str] | None = None, login: Path = Path("/proc/self/loginuid")) -> str:
    """The person behind this process: ``SUDO_USER``, else the login uid, else the effective user.

    ``SUDO_USER`` can be forged only by someone who already runs as the store's owner, who could write the
    store without us.
    """
    sudo_user = (os.environ if environment is None else environment).get("SUDO_USER", "")
    if sudo_user:
        return sudo_user
    try:
        uid = int(login.read_text())
    except (OSError, ValueError):
        uid = _NO_LOGIN
    return _user_name(os.geteuid() if uid == _NO_LOGIN else uid)


def is_account(actor: str) -> bool:
    """True if this system knows an account of that name."""
    try:
        pwd.getpwnam(actor)
    except (KeyError, ValueError):
        return False
    return True


def require_owner(path: Path, arguments: Sequence[str] | None = None) -> None:
    """Refuse to touch a store of another user: files made beside it would lock its owner out.

    Root is refused too, for the same reason. The remedy is the same command line under ``sudo -u``.
    """
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        return
    except PermissionError:
        owner = _owner_above(path)
    if owner == os.geteuid():
        return
    command = shlex.join(sys.argv if arguments is None else arguments)
    message = f"the store {path} belongs to {_user_name(owner)}, and this is {_user_name(os.geteuid())}"
    raise OperationError(message, f"run: sudo -u {_user_name(owner)} {command}")


def _owner_above(path: Path) -> int:
    """The owner of the nearest readable directory above, who is the one that shuts others out."""
    for directory in path.parents:
        try:
            return directory.stat().st_uid
        except OSError:
            continue
    return 0


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"

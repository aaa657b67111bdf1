"""The context that every use case is given: settings, the open store, the clock, and who acts."""

from __future__ import annotations

import os
import pwd
import shlex
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filterd.config.people_settings import human_of
from filterd.config.settings import Settings
from filterd.model.subscriber import RequestEvidence, Subscriber
from filterd.operations.errors import NotAllowedError, OperationError
from filterd.operations.rights import SERVICE_USER
from filterd.policy.documents import Policies
from filterd.store.engine import PATIENT, Waits, database_path
from filterd.store.errors import StoreError
from filterd.store.store import Store

if TYPE_CHECKING:
    from filterd.model.profile_meaning import Meanings
    from filterd.policy.snapshot import Snapshot

__all__ = ["Context", "OperationError", "open_context", "os_actor", "require_owner"]

_NO_LOGIN = 0xFFFFFFFF
"""what the kernel shows as the login uid of a process outside any login (audit(7))"""


def any_state(_: Subscriber) -> None:
    """Accept a line as it is."""


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
    token_made_by: str = ""
    """the maker of the token that acts, where that is another person; empty: a command, or one's own token"""
    begins: str = ""
    """the beginning of the ids that the token is limited to; empty: all"""
    expected: Callable[[Subscriber], None] = any_state
    """looks at a line under the write lock, before it is changed; raises OperationError where it is not what
    it was when the change was asked for"""
    kept_policies: Callable[[Settings], Policies] | None = None
    """gives the policies of a process that stays (:class:`filterd.operations.policies.KeptPolicies`); None:
    each use case reads them"""
    kept_snapshot: Callable[[Path, bytes], Snapshot] | None = None
    """opens snapshots for a process that stays (:class:`filterd.operations.kept_snapshot.KeptSnapshot`);
    None: each use case reads the file"""
    kept_meanings: Callable[[Store], Awaitable[Mapping[str, Meanings]]] | None = None
    """gives the meanings of profiles to a process that stays
    (:class:`filterd.operations.kept_meanings.KeptMeanings`); None: each use case reads them"""
    evidence: RequestEvidence | None = None
    """of the request that a change of a line is made at, where the use case takes none itself"""
    way: str = ""
    """the way by which a use case is called, as the record of a line has it: ``api``, ``portal``; empty: a
    command"""
    authorisation: int = 0
    """the number of the authorisation of a person who has signed in to the portal; 0: nobody's"""

    @property
    def by_way(self) -> dict[str, str]:
        """The way, for an entry of the audit trail; nothing for a command."""
        return {"way": self.way} if self.way else {}

    @property
    def human(self) -> str:
        """The person behind the account that acts."""
        return self.person_of(self.actor)

    def person_of(self, account: str) -> str:
        """The person behind an account (``people`` of the configuration)."""
        return human_of(self.settings.people, account)

    def require_person(self) -> None:
        """Refuse what a person answers for, where nobody of that name is known here (decision 0166)."""
        if not self.person:
            message = f"{self.actor} is no account of this system, so nobody can answer for this"
            remedy = "run it under your own account, with sudo -u; SUDO_USER and the login say who acts"
            if self.way:  # no command: nobody's login counts
                remedy = "use the token of a person, who has an account here: filterd token add ACCOUNT"
            raise NotAllowedError(message, remedy)


@asynccontextmanager
async def open_context(
    settings: Settings,
    *,
    actor: str | None = None,
    clock: Callable[[], float] = time.time,
    waits: Waits = PATIENT,
) -> AsyncIterator[Context]:
    """Open the store as its owner, and close it afterwards. The store's errors become OperationErrors.
    ``waits``: the longest ones for a lock that another process holds."""
    require_owner(database_path(settings.store.url), state_dir=settings.state_dir)
    try:
        store = await Store.open(settings.store.url, settings.store.ledger, waits=waits)
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


def require_owner(
    path: Path, arguments: Sequence[str] | None = None, *, state_dir: Path | None = None
) -> None:
    """Refuse to touch a store of another user: files made beside it would lock its owner out.

    Root is refused too, for the same reason. Where no store is there yet, the owners of its directory and of
    the state directory count. The remedy is the same command line under ``sudo -u``.
    """
    me, command = os.geteuid(), shlex.join(sys.argv if arguments is None else arguments)
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        _require_own_directories(dict.fromkeys((path.parent, state_dir or path.parent)), command)
        return
    except PermissionError:
        raise _shut_out(path, _shut_directory(path), command) from None
    if owner != me:
        message = f"the store {path} belongs to {_user_name(owner)}, and this is {_user_name(me)}"
        raise OperationError(message, f"run: {_sudo(owner)} {command}")
    if path.is_file() and not _may_write(path.parent):
        raise _shut_out(path, path.parent, command)


def _require_own_directories(directories: Iterable[Path], command: str) -> None:
    """Refuse to make the first files of an installation in a directory of another user."""
    me = os.geteuid()
    for directory in directories:
        try:
            owner = directory.stat().st_uid
        except FileNotFoundError:
            continue
        except PermissionError:
            raise _shut_out(directory, _shut_directory(directory), command) from None
        if owner not in (0, me):
            message = (
                f"the directory {directory} belongs to {_user_name(owner)}, and this is {_user_name(me)}: "
                "what is made there now would lock filterd out"
            )
            raise OperationError(message, f"run: {_sudo(owner)} {command}")
        if not _may_write(directory):
            raise _shut_out(directory, directory, command)


def _may_write(directory: Path) -> bool:
    """False where the directory of another user takes no files of ours. A disk that takes nobody's is told
    by what writes to it."""
    return directory.stat().st_uid == os.geteuid() or os.access(directory, os.W_OK | os.X_OK)


def _shut_out(path: Path, directory: Path, command: str) -> OperationError:
    """The refusal where a directory of another user keeps this one from the path.

    The user of the packaged service takes back its directory from root; anybody else runs the command as the
    directory's owner.
    """
    owner, me = directory.stat().st_uid, _user_name(os.geteuid())
    about = f"{path} cannot be used" if path != directory else "nothing can be made there"
    message = f"the directory {directory} belongs to {_user_name(owner)}, and this is {me}: {about}"
    if me == SERVICE_USER:
        return OperationError(message, f"run: sudo chown -R {me}: {directory}; then the same command again")
    return OperationError(message, f"run: {_sudo(owner)} {command}")


def _shut_directory(path: Path) -> Path:
    """The nearest directory above that this user can look at: the one that shuts it out."""
    for directory in path.parents:
        try:
            directory.stat()
        except OSError:
            continue
        return directory
    return Path("/")


def _sudo(uid: int) -> str:
    """The words before a command that run it as this user (sudo(8))."""
    try:
        return f"sudo -u {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"sudo -u '#{uid}'"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"

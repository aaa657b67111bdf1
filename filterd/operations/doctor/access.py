"""Owners and permissions: the service reads what it needs, and others nothing that is secret."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from filterd.operations.doctor.case import Account, Case, stands, user_name
from filterd.operations.doctor.finding import Finding, found

MOST_FILES = 2_000
"""files of the state directory that are looked at"""
MOST_TOLD = 4
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_READ, _ENTER = 4, 1


def check(case: Case) -> Iterator[Finding]:
    """Look at the configuration, the policies, and every file of the state directory."""
    yield from _configuration(case)
    if case.knows("policies", "policies_base"):
        yield from _unreadable_policies(case)
    if not case.knows("state_dir", "store"):
        return
    yield from _state_dir(case)
    yield from _strangers_files(case)
    if stands(case.store) and case.store.stat().st_mode & _OTHERS:
        mode = f"{stat.S_IMODE(case.store.stat().st_mode):04o}"
        yield found("access.store_open", path=str(case.store), mode=mode)


def _configuration(case: Case) -> Iterator[Finding]:
    path = case.config
    if path is None or not stands(path):
        return
    if not allowed(case.account, path, _READ):
        yield found("access.config_unreadable", path=str(path), user=case.account.name)
    status = path.stat()
    if status.st_uid not in (0, case.account.uid) or status.st_mode & _OTHERS_WRITE:
        yield found(
            "access.config_writable",
            path=str(path),
            owner=user_name(status.st_uid),
            mode=f"{stat.S_IMODE(status.st_mode):04o}",
        )


def _unreadable_policies(case: Case) -> Iterator[Finding]:
    directories = filter(None, (case.settings.policies_base, case.settings.policies))
    files = (path for directory in directories for path in _tree(directory))
    shut = (path for path in files if not allowed(case.account, path, _READ))
    for path in islice(shut, MOST_TOLD):
        yield found("access.policies_unreadable", path=str(path), user=case.account.name)


def _state_dir(case: Case) -> Iterator[Finding]:
    try:
        status = case.state.stat()
    except FileNotFoundError:
        yield found("access.state_missing", path=str(case.state), user=case.account.name)
        return
    owner, user = user_name(status.st_uid), case.account.name
    if status.st_uid != case.account.uid:
        yield found("access.state_owner", path=str(case.state), owner=owner, user=user)
    if status.st_mode & _OTHERS:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        yield found("access.state_open", path=str(case.state), mode=mode)


def _strangers_files(case: Case) -> Iterator[Finding]:
    """Files of the state directory and of the store that belong to somebody else than the service: a finding
    for each owner, with those first that the service needs first."""
    directories = tuple(dict.fromkeys((case.state, case.settings.store.ledger)))
    files = list(case.store.parent.glob(f"{case.store.name}*"))
    files += [path for each in directories for path in islice(_tree(each), MOST_FILES)]
    others: dict[str, list[Path]] = {}
    for path in dict.fromkeys(files):
        uid = path.lstat().st_uid
        if uid != case.account.uid and path != case.state:
            others.setdefault(user_name(uid), []).append(path)
    for owner, paths in others.items():
        yield found(
            "access.file_owner",
            path=_named(paths),
            owner=owner,
            user=case.account.name,
            places=" ".join(_trees(paths, directories)),
        )


def _named(paths: Sequence[Path]) -> str:
    """The paths that lie highest, and the number of the others."""
    told = sorted(paths, key=lambda path: len(path.parts))[:MOST_TOLD]  # stable: the store's come first
    more = len(paths) - len(told)
    return ", ".join(map(str, told)) + (f" (+{more})" if more else "")


def _trees(paths: Sequence[Path], directories: Sequence[Path]) -> tuple[str, ...]:
    """The directories of the service that hold these paths; the path itself where none does."""
    tops = (next((each for each in directories if path.is_relative_to(each)), path) for path in paths)
    return tuple(dict.fromkeys(shlex.quote(str(each)) for each in tops))


def _tree(directory: Path) -> Iterator[Path]:
    """The directory with all below it, where there is one. Raises ``OSError`` where it may not be read."""
    if not stands(directory):
        return
    yield directory
    for folder, folders, files in os.walk(directory, onerror=_refuse):
        folders.sort()  # what is told does not depend on the file system
        yield from (Path(folder) / name for name in (*folders, *sorted(files)))


def _refuse(error: OSError) -> None:
    raise error


def allowed(account: Account, path: Path, bits: int) -> bool:
    """Return whether the permissions let the account read (4) or enter (1) what stands at the path. Access
    lists (acl(5)) are not looked at. Raises ``OSError`` where this user cannot tell."""
    if account.uid == 0:
        return True
    above = (_permitted(account, each, _ENTER) for each in path.resolve().parents)
    own = bits | _ENTER if path.is_dir() else bits
    return all(above) and _permitted(account, path, own)


def _permitted(account: Account, path: Path, bits: int) -> bool:
    status = path.stat()
    shift = 6 if status.st_uid == account.uid else 3 if status.st_gid in account.groups else 0
    return (status.st_mode >> shift) & bits == bits

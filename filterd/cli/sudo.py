"""The limits of a command that a person runs through sudo as the user of filterd.

The sudo rule lets operators run filterd, not be it: its files are closed to them, and what it does is what
root's configuration says. A command that took any file would give both away, so behind sudo

- the configuration is root's, and only root can change it or put another one in its place;
- a file that a command reads is one that the person could read without us;
- backups stand where nobody but root and the user of filterd can put anything.

Root is not limited, nor is somebody who is the user of filterd without sudo.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path

import click

from filterd.cli.failure import Misconfigured

ROOT = 0
_NOBODY = -1
_WRITE = stat.S_IWGRP | stat.S_IWOTH


def caller(environment: Mapping[str, str] | None = None) -> int | None:
    """The uid of the person who called sudo; None without sudo, and for root and the effective user. One that
    cannot be read is somebody who may read nothing of others."""
    said = (os.environ if environment is None else environment).get("SUDO_UID")
    if said is None:
        return None
    uid = int(said) if said.isascii() and said.isdecimal() else _NOBODY
    return None if uid in {ROOT, os.geteuid()} else uid


def refuse_serving() -> None:
    """Refuse to run a role for an operator: it would take the sockets over with whatever it was told."""
    if caller() is not None:
        message = "the service is systemd's: behind sudo, filterd serve is for root alone"
        raise Misconfigured(message, "ask root to run: systemctl restart filterd-resolver (or reload)")


def configuration(path: Path) -> Path:
    """The configuration file to read, without links, so that nobody can exchange it meanwhile. Behind sudo it
    must be root's; raises Misconfigured."""
    if caller() is None:
        return path
    found = _resolved(path)
    reason = _changeable(found, {ROOT}) or _sticky(found.parent)
    if reason:
        message = f"{path} is not taken behind sudo: {reason}"
        remedy = "leave --config and FILTERD_CONFIG away; a configuration must be root's, with all above it"
        raise Misconfigured(message, remedy)
    return found


def backup_place(path: Path) -> Path:
    """A directory of backups without links. Behind sudo nobody but root and the effective user may be able to
    change it; raises Misconfigured."""
    return _safe_place(path, "a backup", "0700 /backup")


def written_place(path: Path, purpose: str = "exported pages") -> Path:
    """A directory that pages or receipts are written to, as :func:`backup_place`: whoever could put a link
    there would have our user write elsewhere."""
    place = path.absolute()
    return _safe_place(place.parent, purpose, "0755 /srv/pages") / place.name


def _safe_place(path: Path, purpose: str, example: str) -> Path:
    if caller() is None:
        return path
    found = _resolved(path)
    reason = _changeable(found, {ROOT, os.geteuid()})
    if reason:
        message = f"{path} is no place for {purpose} behind sudo: {reason}"
        owner = _name(os.geteuid())
        remedy = f"use a directory of {owner} below directories of root: install -d -o {owner} -m {example}"
        raise Misconfigured(message, remedy)
    return found


def require_readable(descriptor: int, shown: str) -> None:
    """Refuse an open file that the person behind sudo could not read without us. It is judged after it was
    opened, so that no exchange of links matters. Raises click's error of wrong use."""
    person = caller()
    if person is None:
        return
    status = os.fstat(descriptor)
    if _may_read(person, status):
        return
    reason = f"{shown} belongs to {_name(status.st_uid)}, and {_name(person)} may not read it"
    message = f"{reason}; give a file that you could read without sudo"
    raise click.UsageError(message)


def _may_read(person: int, status: os.stat_result) -> bool:
    """True if the permission bits let the person read. A right of others inside a closed directory counts:
    filterd gives its own files none."""
    if status.st_uid == person:
        return bool(status.st_mode & stat.S_IRUSR)
    if status.st_gid in _groups(person):
        return bool(status.st_mode & stat.S_IRGRP)
    return bool(status.st_mode & stat.S_IROTH)


def _groups(person: int) -> frozenset[int]:
    try:
        entry = pwd.getpwuid(person)
    except (KeyError, OverflowError):
        return frozenset()
    return frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))


def _resolved(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except OSError as error:
        reason = error.strerror or str(error)
    except RuntimeError:
        reason = "its symbolic links form a circle"
    message = f"{path} cannot be read: {reason}"
    raise Misconfigured(message, "give the path of one that is there")


def _changeable(found: Path, owners: set[int]) -> str:
    """Why others than the owners could change a path without links; empty if they cannot. In a sticky
    directory (/tmp) everybody may make entries, and rename or remove only their own."""
    for each in (found, *found.parents):
        try:
            status = each.lstat()
        except OSError as error:
            return f"{each} cannot be looked at: {error.strerror}"
        if status.st_uid not in owners:
            return f"{each} belongs to {_name(status.st_uid)}"
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_mode & _WRITE and not sticky:
            return f"others than {_name(status.st_uid)} may write {each}"
    return ""


def _sticky(directory: Path) -> str:
    """A configuration stands in no directory in which others may make files."""
    return f"others may write {directory}" if directory.stat().st_mode & _WRITE else ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"

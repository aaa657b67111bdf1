"""Says as whom a command is to be run where this user may not read the configuration."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

SERVICE_USER = "filterd"
"""the user that the packaged service runs as"""


def kept_from(config: Path) -> str:
    """The user who may read the file, where this one may not; empty where it may, and where no file is there.

    It is the account of the file's group (``root:filterd``), its owner, or the service's.
    """
    try:
        config.open("rb").close()
    except PermissionError:
        return _reader(config)
    except OSError:
        return ""
    return ""


def _reader(path: Path) -> str:
    for each in (path, *path.absolute().parents):
        try:
            status = each.stat()
        except OSError:
            continue  # the directory above shuts this user out
        group, owner = _group_name(status.st_gid), _account_name(status.st_uid)
        return next(filter(_is_service, (group, owner, SERVICE_USER)), "root")
    return "root"


def this_user() -> str:
    """The name of the user that this process runs as."""
    return _account_name(os.geteuid()) or f"uid {os.geteuid()}"


def _is_service(name: str) -> bool:
    """True for an account that is not root's, nor this one."""
    try:
        return pwd.getpwnam(name).pw_uid not in (0, os.geteuid())
    except (KeyError, ValueError):
        return False


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""

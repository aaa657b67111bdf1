"""The keys of an installation: one file each below ``state_dir/keys``, made where there is none, readable by
its owner alone.

Both roles and every command may come first, and at the same moment. Each makes a complete file and links it
to the key's name; one of them succeeds, and all read what stands there. Whatever was made with a lost key
(snapshots, the node's state) does not match the new one and is refused, so a lost key opens nothing.

A key has a checksum (:mod:`filterd.disk.checked_file`). A file that holds the bytes of the key alone was
made by a version before that, or by a person who put a key there: it is taken, and gets its checksum at once,
where it belongs to this process's user.

A damaged key is never replaced by :meth:`KeyFile.load`. :meth:`KeyFile.renew` does that, for a key that is
worth less than going on.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

from filterd.disk import checked_file
from filterd.disk.checked_file import DamagedFileError
from filterd.disk.files import drop_drafts, make_directory, replace_file, sync_directory
from filterd.disk.locks import alone, sharing

LOCK_WAIT = 5.0
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One key of the installation, of ``size`` bytes."""

    name: str
    size: int
    loss: str = "and build the snapshot anew"
    """the end of the sentence "remove it …": what removing the file leads to"""

    def path(self, state_dir: Path) -> Path:
        """The file of the key."""
        return state_dir / "keys" / self.name

    def load(self, state_dir: Path) -> bytes:
        """The key, made at the first call. A file that others can read is closed to them.

        Raises ``OSError``, and ``ValueError`` for a damaged key, one of another length, and a directory in
        its place.
        """
        path = self.path(state_dir)
        remedy = f"restore it from a backup, or remove it {self.loss}"
        if path.is_dir():
            msg = f"{path} is a directory and no file: {remedy}"
            raise ValueError(msg)
        if not path.exists():
            _make(path, self.size)
        if path.stat().st_mode & _OTHERS:
            path.chmod(0o600)
        data = path.read_bytes()
        try:
            key = self.key_in(data, path)
        except DamagedFileError as error:
            msg = f"{error}: {remedy}"
            raise ValueError(msg) from error
        if key == data:
            seal(path, key)
        return key

    def key_in(self, data: bytes, path: Path) -> bytes:
        """The key in the bytes of its file. Raises DamagedFileError; its message has no colon."""
        key = checked_file.content_of(data, path) if data.startswith(checked_file.MAGIC) else data
        if len(key) != self.size:
            msg = f"{path} has {len(key)} bytes, not {self.size}"
            raise DamagedFileError(msg)
        return key

    def renew(self, state_dir: Path) -> bytes:
        """Set what stands in the key's place aside, as ``NAME.damaged``, and make another key. Raises
        ``OSError``; where it was the setting aside that failed, nothing has changed."""
        path = self.path(state_dir)
        path.rename(path.with_name(f"{path.name}.damaged"))
        _make(path, self.size)
        return self.key_in(path.read_bytes(), path)


FINGERPRINT_KEY = KeyFile("fingerprint.key", 16)
"""keys the fingerprints of names in snapshots and in the node's state"""
DIGEST_KEY = KeyFile("digest.key", 32)
"""keys the digests of confidential lists; replace the file by the key that the authority holds too"""
COOKIE_KEY = KeyFile("cookie.key", 16, "for a new one")
"""the node's own secret of DNS server cookies"""
PORTAL_KEY = KeyFile("portal.key", 32, "for a new one: every PIN and every open code ends with it")
"""keys the digests of codes and PINs of the portal, and what a sign-in by OpenID Connect begins with"""


def _make(path: Path, size: int) -> None:
    make_directory(path.parent)
    with sharing(path.parent, LOCK_WAIT):
        draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
        replace_file(draft, (checked_file.checked(secrets.token_bytes(size)),))
        try:
            path.hardlink_to(draft)  # unlike a rename, it never takes the place of another's
        except FileExistsError:
            return  # another process was first
        finally:
            draft.unlink()


def seal(path: Path, content: bytes) -> None:
    """Give a file that holds this content without a checksum the form that has one. Nothing is done where the
    file belongs to another user, is a link, or was changed meanwhile, nor where the disk takes nothing."""
    with contextlib.suppress(OSError), sharing(path.parent, LOCK_WAIT):
        if path.is_symlink() or path.stat().st_uid != os.geteuid():
            return
        draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
        replace_file(draft, (checked_file.checked(content),))
        try:
            if path.read_bytes() == content:
                draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
        sync_directory(path.parent)


def drop_key_drafts(state_dir: Path) -> None:
    """Remove the drafts of keys that killed processes left behind, if nobody makes a key just now."""
    with alone(state_dir / "keys") as nobody_else:
        if nobody_else:
            drop_drafts(state_dir / "keys", ".*.key*.[0-9]*", "..*.new")

"""Places of one history, for tests that need no store."""

from __future__ import annotations

from hashlib import sha256

from filterd.model.change_chain import Cursor


def at(revision: int) -> Cursor:
    """The place with this revision."""
    return Cursor(revision, sha256(b"%d" % revision).hexdigest())

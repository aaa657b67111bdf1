"""Folios, and the codes that go with them: both are random, and whoever has both sees the review.

A folio is read out on the telephone and stands in lists; the code is the asker's alone. The store has a
digest of both.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from filterd.model.review import ReviewRequest

LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""those that nobody confuses on the telephone"""
_FOLIO, _CODE = 6, 10
Choose = Callable[[str], str]
"""picks one letter of a text at random, like ``secrets.choice``"""


def new_folio(year: int, choose: Choose) -> str:
    """A folio like R-2026-7KXM9Q."""
    return f"R-{year}-{_letters(choose, _FOLIO)}"


def new_code(choose: Choose) -> str:
    """A code like 7KXM9-QRT2V."""
    letters = _letters(choose, _CODE)
    return f"{letters[: _CODE // 2]}-{letters[_CODE // 2 :]}"


def digest_of(folio: str, code: str) -> str:
    """The digest that the store has."""
    return hashlib.sha256(f"{folio}:{_plain(code)}".encode()).hexdigest()


def written(folio: str) -> str:
    """A folio as people type it, in its form: upper case, without spaces."""
    letters = "".join(folio.upper().split())[:64].replace("-", "")
    return f"{letters[:1]}-{letters[1:5]}-{letters[5:]}"


def opens(found: ReviewRequest | None, folio: str, code: str) -> bool:
    """Return whether the code is that of the request. One that is not there takes as long."""
    stored = found.digest if found is not None else digest_of("", "")
    return hmac.compare_digest(stored, digest_of(folio, code)) and found is not None


def _letters(choose: Choose, count: int) -> str:
    return "".join(choose(LETTERS) for _ in range(count))


def _plain(code: str) -> str:
    return "".join(code.upper().split())[:64].replace("-", "")

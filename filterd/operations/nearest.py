"""Suggests the known word that was probably meant by an unknown one."""

from __future__ import annotations

from collections.abc import Iterable

CLOSE = 0.7
"""the similarity (difflib) from which a word is suggested"""
MOST_GUESSED = 20
"""errors of one request or file after which nothing is guessed any more: a guess takes longer than all the
rest"""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like ``word``, without regard to case; empty if none is alike."""
    import difflib  # here, since most commands never guess

    by_fold = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(word.strip().casefold(), by_fold, n=1, cutoff=CLOSE)
    return by_fold[found[0]] if found else ""


def did_you_mean(words: Iterable[str], known: Iterable[str]) -> str:
    """The beginning of a remedy, ``did you mean X? ``, for the first word that is like a known one; or an
    empty text."""
    all_known = tuple(known)
    found = next(filter(None, (nearest(each, all_known) for each in words)), "")
    return f"did you mean {found}? " if found else ""

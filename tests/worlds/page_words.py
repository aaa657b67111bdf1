"""The words and templates of pages, read and compiled once in a process: no test changes them."""

from __future__ import annotations

from functools import cache

from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import Translations


@cache
def translations() -> Translations:
    """The words of both languages."""
    return Translations()


@cache
def templates() -> Templates:
    """The templates of all pages."""
    return Templates(translations())

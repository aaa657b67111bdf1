"""Help lines that pages show, as ``help-lines.yaml`` has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HelpWords:
    """A text in both languages."""

    es: str
    en: str


@dataclass(frozen=True, slots=True)
class HelpLine:
    """A number to call, or a site to turn to. Texts are in both languages."""

    id: str
    title: HelpWords
    about: HelpWords
    """what it is for, and when it answers"""
    country: str
    """the jurisdiction in which it is shown"""
    phone: str
    """as people dial it; empty: it is a site"""
    url: str
    """empty: it is a number alone"""
    audiences: tuple[str, ...]
    """the pages that show it, of :data:`AUDIENCES`"""
    owner: str
    """who looks after the entry"""
    checked: str
    """the day of the last check, ``2026-11-27``"""
    source: str
    """where that was seen"""


AUDIENCES = ("children", "teenagers", "teachers", "families", "libraries", "complaints")

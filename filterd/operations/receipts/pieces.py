"""Text as a sheet shows it: characters that its fonts have, in pieces between which a line may break.

The fonts are those within typst, the same on every machine. A character beyond :data:`REPERTOIRE` is shown by
its number, ``[U+202E]``: nothing is set that could turn the direction of the writing, hide, or be missing.
The signed JSON has every text as it is.
"""

from __future__ import annotations

import re
import unicodedata

_RANGES = (
    (0x20, 0x7E),
    (0xA1, 0xAC),
    (0xAE, 0x17F),
    (0x218, 0x21B),
    (0x386, 0x386),
    (0x388, 0x38A),
    (0x38C, 0x38C),
    (0x38E, 0x3A1),
    (0x3A3, 0x3CE),
    (0x400, 0x45F),
    (0x490, 0x491),
    (0x1E9E, 0x1E9E),
    (0x2013, 0x2014),
    (0x2018, 0x201E),
    (0x2020, 0x2022),
    (0x2026, 0x2026),
    (0x2030, 0x2030),
    (0x2039, 0x203A),
    (0x20AC, 0x20AC),
    (0x2116, 0x2116),
    (0x2122, 0x2122),
)
REPERTOIRE = frozenset(chr(each) for first, last in _RANGES for each in range(first, last + 1))
"""Latin, Greek and Cyrillic, with the punctuation of their languages"""
NUMBERED = "[U+"
"""begins a character that is shown by its number"""
LONGEST = 24
"""characters of a word that is set in one piece"""
_SPACES = re.compile(r"[\t\n\r\u00a0]+")
_WORD = re.compile(r"\S+|\s+")
_PART = re.compile(rf"[^.\-/_@:]{{0,{LONGEST - 1}}}(?:[.\-/_@:]|$)|[^.\-/_@:]{{{LONGEST}}}")
Pieces = list[str]


def shown(text: str) -> str:
    """The text with only those characters that the fonts have."""
    composed = unicodedata.normalize("NFC", _SPACES.sub(" ", text))
    return "".join(each if each in REPERTOIRE else f"{NUMBERED}{ord(each):04X}]" for each in composed)


def pieces(text: str) -> Pieces:
    """The shown text in pieces; one piece where no word is long. Joined they are the shown text."""
    text = shown(text)
    if all(len(word) <= LONGEST for word in text.split()):
        return [text]
    found: Pieces = []
    for word in _WORD.findall(text):
        found += [word] if len(word) <= LONGEST else [each for each in _PART.findall(word) if each]
    return found


def fixed(text: str) -> Pieces:
    """A digest or a key in pieces of 16."""
    text = shown(text)
    return [text[start : start + 16] for start in range(0, len(text), 16)] or [""]

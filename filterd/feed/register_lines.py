"""Reads the lines of an authority's list of names, and says of each that is not taken why.

A first line such as ``0000311_2024.06.06`` is the list's version. A whole site by its URL is the name; a part
of one is not executable by DNS, nor is an address in a list of names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from filterd.feed.names import RefusedNameError, is_address, normalise

MAX_LINES = 1_000_000
MAX_LINE = 2_048
"""characters of a line that is looked at"""
MAX_SHOWN = 80
"""characters of a line in an error"""
_VERSION = re.compile(r"[0-9]{5,9}[_-][0-9]{4}\.[0-9]{2}\.[0-9]{2}")


class LineFault(StrEnum):
    """The reasons for which a line cannot be taken, whatever the provider does."""

    MALFORMED = "malformed"
    NOT_EXECUTABLE = "not_executable"


class RegisterListError(ValueError):
    """The list as a whole cannot be taken; the message quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that is not taken."""

    line: int
    """from 1"""
    text: str
    """its beginning, printable"""
    fault: LineFault
    because: str


@dataclass(frozen=True, slots=True)
class RegisterLines:
    """The entries of a list, each once, in the order of their first line."""

    entries: tuple[str, ...]
    refused: tuple[RefusedLine, ...] = ()
    version: str = ""
    repeated: int = 0
    """lines that name what another one named"""


@dataclass(frozen=True, slots=True)
class RefusedEntryError(Exception):
    """One text is no entry that can be taken."""

    fault: LineFault
    because: str


def read_names(content: bytes) -> RegisterLines:
    """The names of a text list. Raises RegisterListError where it is no list at all: not text, without any
    line, an HTML page, too long."""
    return _read(content, name_of)


def read_addresses(content: bytes) -> RegisterLines:
    """The IPv4 addresses of a text list. Raises RegisterListError as :func:`read_names` does."""
    return _read(content, address_of)


def name_of(text: str) -> str:
    """The name that an entry means, in the form of the policy. Raises RefusedEntryError."""
    trimmed = text.strip()
    if "://" in trimmed:
        trimmed = _site(trimmed)
    if is_address(trimmed):
        raise RefusedEntryError(LineFault.NOT_EXECUTABLE, "an address in a list of names")
    try:
        return normalise(trimmed)
    except RefusedNameError as refused:
        fault = LineFault.NOT_EXECUTABLE if "/" in trimmed or ":" in trimmed else LineFault.MALFORMED
        raise RefusedEntryError(fault, str(refused)) from None


def address_of(text: str) -> str:
    """The IPv4 address that an entry is. Raises RefusedEntryError."""
    try:
        return str(IPv4Address(text.strip()))
    except ValueError:
        raise RefusedEntryError(LineFault.MALFORMED, "no IPv4 address") from None


def _site(url: str) -> str:
    """The host of a URL that means a whole site."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise RefusedEntryError(LineFault.MALFORMED, "no URL that can be read") from None
    if parts.path not in ("", "/") or parts.query or parts.fragment or port not in (None, 80, 443):
        raise RefusedEntryError(LineFault.NOT_EXECUTABLE, "a part of a site: DNS would block the whole site")
    return host


def _read(content: bytes, entry_of: Callable[[str], str]) -> RegisterLines:
    entries: dict[str, None] = {}
    refused: list[RefusedLine] = []
    version, repeated, seen = "", 0, 0
    for number, text in _lines(content):
        seen += 1
        if seen == 1 and _VERSION.fullmatch(text):
            version = text
            continue
        try:
            entry = _entry(text, entry_of)
        except RefusedEntryError as error:
            refused.append(RefusedLine(number, _shown(text), error.fault, error.because))
            continue
        repeated += entry in entries
        entries[entry] = None
    if not entries and not refused:
        message = "the list has no line with an entry"
        raise RegisterListError(message)
    return RegisterLines(tuple(entries), tuple(refused), version, repeated)


def _entry(text: str, entry_of: Callable[[str], str]) -> str:
    if len(text) > MAX_LINE:
        raise RefusedEntryError(LineFault.MALFORMED, f"longer than {MAX_LINE} characters")
    return entry_of(text)


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    """The lines with something in them, each with its number; comments are not among them."""
    if b"\0" in content:
        message = "the list is no text in UTF-8 or ASCII"
        raise RegisterListError(message)
    text = content.decode("utf-8-sig", "replace")
    if text.lstrip()[:64].lower().startswith(("<!doctype", "<html", "%pdf", "{")):
        message = "the list is no text with one entry a line"
        raise RegisterListError(message)
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if number > MAX_LINES:
            message = f"the list has more than {MAX_LINES} lines"
            raise RegisterListError(message)
        trimmed = line.strip()
        if trimmed and not trimmed.startswith("#"):
            yield number, trimmed


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in text[:MAX_SHOWN])

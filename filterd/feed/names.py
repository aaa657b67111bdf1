"""Normalises one name of a list to the form of the policy, or refuses it with a reason.

The form is lower-case ASCII without the final dot: letters, digits, hyphens and underscores in labels of
at most 63 octets, at most 253 in all (RFC 1035 2.3.4); other scripts as A-labels (RFC 5891).
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import idna

_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+(?=[a-z0-9-]*[a-z-])[a-z0-9-]{1,63}")
_LABEL = re.compile(r"[a-z0-9_-]*")
_MAX_LENGTH = 253
_MAX_LABEL = 63
NOT_EXECUTABLE = "a URL or path: not executable by DNS, which would block the whole site"
"""the reason for each line that names a part of a site"""


def clean_lines(prefix: bytes = b"", but_not: bytes = b"\n", *, suffix: bytes = b"") -> re.Pattern[bytes]:
    """A pattern for a run of lines, each the prefix, a name that :func:`normalise` would return unchanged,
    and the suffix.

    The name does not begin with ``but_not``. The top-level domain begins with a letter, so no address
    matches.
    """
    length = rb"(?=[^\n]{1,%d}\n)" % (_MAX_LENGTH + len(suffix))
    # The labels must give their last dot back to a suffix that begins with one.
    repeat = b"+" if suffix.startswith(b".") else b"++"
    name = rb"(?:[a-z0-9_-]{1,63}+\.)%b[a-z][a-z0-9-]{0,62}+" % repeat
    parts = (re.escape(prefix), re.escape(but_not), length, name, re.escape(suffix))
    return re.compile(rb"(?:%b(?!%b)%b%b%b\n)*+" % parts)


class RefusedNameError(ValueError):
    """The text is not a name that a list can hold; the message is a fixed phrase without the name."""


def normalise(text: str) -> str:
    """The name in the form of the policy. Raises RefusedNameError."""
    name = text.lower() if text.isascii() else _to_ascii(text)
    name = name.removesuffix(".")
    if len(name) > _MAX_LENGTH or _NAME.fullmatch(name) is None:
        raise RefusedNameError(_reason(name, text))
    return name


def _to_ascii(text: str) -> str:
    """Convert labels of other scripts to A-labels; the common check judges ASCII labels."""
    try:
        labels = idna.uts46_remap(text, std3_rules=False, transitional=False).split(".")
        return ".".join(
            label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels
        ).lower()
    except (idna.IDNAError, UnicodeError) as error:
        msg = "not a valid internationalised name"
        raise RefusedNameError(msg) from error


def _reason(name: str, text: str) -> str:
    """The reason why the text is not a name; the most specific one that applies."""
    for wrong, reason in (
        (not name, "the root" if text == "." else "no name"),
        (is_address(name), "an IP address"),
        (_is_prefix(name), "an address prefix"),
        ("/" in name, NOT_EXECUTABLE),
        ("@" in name, "an e-mail address"),
        ("*" in name, "a wildcard in a place where none can stand"),
        (":" in name, "a port: DNS knows only names"),
        (name.startswith("||") or "^" in name, "an adblock rule"),
    ):
        if wrong:
            return reason
    return _label_reason(name)


def _label_reason(name: str) -> str:
    labels = name.split(".")
    if any(_LABEL.fullmatch(label) is None for label in labels):
        return "a character that no host name has"
    if "" in labels:
        return "an empty label"
    if max(map(len, labels)) > _MAX_LABEL or len(name) > _MAX_LENGTH:
        return "too long for a name"
    if len(labels) == 1:
        return "a single label"
    return "a last label that can be no top-level domain"


def is_address(name: str) -> bool:
    """True if it is an IP address."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_prefix(name: str) -> bool:
    try:
        return "/" in name and bool(ip_network(name))
    except ValueError:
        return False

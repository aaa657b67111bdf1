"""The parts of a feed's entry that say how its list arrives: servers, secrets, signatures, bounds.

No secret stands here: each is named by its file. Durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

HTTPS = "https://"
STALE_AFTER = 7 * 86400
"""default age of the last good reading at which a feed alarms"""


@dataclass(frozen=True, slots=True)
class HeaderLogin:
    """A request header whose value is a secret, such as a bearer token."""

    name: str
    value_file: str


@dataclass(frozen=True, slots=True)
class BasicLogin:
    """A user and a password (RFC 7617)."""

    user: str
    password_file: str


@dataclass(frozen=True, slots=True)
class CertificateLogin:
    """A client certificate, as PEM files."""

    file: str
    key_file: str


Login = HeaderLogin | BasicLogin | CertificateLogin


@dataclass(frozen=True, slots=True)
class Signature:
    """The proof of a list's origin: a manifest (one line of ``sha256sum``) with a minisign signature whose
    trusted comment has the serial. Beside ``SOURCE`` are ``SOURCE.sha256`` and ``SOURCE.sha256.minisig``."""

    public_key: str
    """as minisign prints it: ``RWQ`` and 53 more characters"""


@dataclass(frozen=True, slots=True)
class Guard:
    """Bounds on a feed's new version; outside of them the last good version is kept."""

    min_names: int = 1
    max_shrink: float = 0.5
    """the largest share of the last version's names that may be gone: 0.5 is half"""
    max_grow: float = 10.0
    """the largest growth, as a multiple of the last version's names that may be added"""
    max_exchange: float = 0.5
    """the largest share of the last version's names that may be gone although others took their places"""
    max_week_shrink: float = 0.5
    """the largest share of the names of a week ago that may be gone, in whatever steps"""
    private_suffixes: bool = False
    """take a suffix of the public suffix list's PRIVATE section (``github.io``) with all below it"""


def is_remote(source: str) -> bool:
    """Return whether a source is fetched from a server."""
    return source.startswith(HTTPS)


def server_of(source: str) -> str:
    """The host of a remote source, for texts that must not show a whole address; empty for a file."""
    return (urlsplit(source).hostname or "") if is_remote(source) else ""

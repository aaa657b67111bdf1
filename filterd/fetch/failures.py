"""The failures of fetching: one fixed phrase each, with what to do.

::

    FetchError(Exception)      one server did not give the list

A message holds the server's host and a phrase of this file; nothing that a server sent, no query string, no
secret.
"""

from __future__ import annotations

from enum import Enum


class FetchFailure(Enum):
    """One way in which a server fails: its phrase, its remedy, and True where another try may succeed."""

    NO_NAME = ("its name has no address", "check the name in the feed's entry, and feeds.resolvers", True)
    NO_RESOLVER = (
        "no DNS server said its address",
        "check that feeds.resolvers (else dns.upstreams) answer",
        True,
    )
    UNREACHABLE = ("it cannot be reached", "check the network and the firewall between here and it", True)
    PROXY = ("the proxy does not let through to it", "check feeds.proxy", True)
    TIMEOUT = ("it takes too long", "it is overloaded or far away: wait, or name a mirror", True)
    STALLED = ("it stopped sending", "it is overloaded or far away: wait, or name a mirror", True)
    BROKEN = ("the connection broke off", "wait: it is tried again", True)
    SHORT = ("the list came shorter than was announced", "wait: it is tried again", True)
    BUSY = ("it refuses for now", "wait: it is tried again; ask less often with refresh", True)
    SERVER_ERROR = ("it has a fault of its own", "wait, or tell its operator", True)
    EXPIRED = ("its certificate has expired", "tell its operator", False)
    OTHER_NAME = (
        "its certificate is for another name",
        "check the address in the feed's entry, or tell its operator",
        False,
    )
    UNKNOWN_AUTHORITY = (
        "its certificate comes from no authority that is known here",
        "name the authority's file with ca in the feed's entry or feeds.ca in the settings",
        False,
    )
    UNTRUSTED = ("TLS with it fails", "check its certificate with: openssl s_client -connect HOST:443", False)
    OTHER_KEY = (
        "its key is none of the pins",
        "ask its operator whether the key was changed, on another way than this; then change pins",
        False,
    )
    GONE = ("it has no list at this address", "ask its operator for the new address", False)
    LOGIN = ("it does not accept the login", "check the secret that login names, and its rights there", False)
    REFUSED = ("it refuses the request", "check the address in the feed's entry", False)
    NOT_HTTPS = ("it leads to an address without TLS", "ask its operator for an https:// address", False)
    INWARD = (
        "it leads from a public address to a private one",
        "if that is right, write the private address in the feed's entry",
        False,
    )
    REDIRECTS = ("it leads on too often", "write the last address in the feed's entry", False)
    NO_TARGET = ("it leads nowhere", "tell its operator", False)
    UNASKED = (
        "it answers with something that was not asked for",
        "tell its operator; a mirror may serve",
        False,
    )
    NO_LENGTH = (
        "it does not say how long the list is, so that a cut one could not be told",
        "tell its operator: Content-Length or chunks",
        False,
    )
    TOO_LARGE = ("the list is larger than is taken", "if it is right, raise feeds.largest", False)
    DAMAGED = ("what it sends is no sound gzip", "wait, or tell its operator", True)
    SECRET = ("the secret for it cannot be read", "see the file that login names in the feed's entry", False)
    CA = ("the file of its authorities cannot be read", "see ca in the feed's entry or feeds.ca", False)
    DISK = ("the list cannot be written here", "make room below state_dir", False)

    def __init__(self, phrase: str, remedy: str, transient: bool) -> None:
        self.phrase = phrase
        self.remedy = remedy
        self.transient = transient


class FetchError(Exception):
    """One server did not give the list. ``detail`` is of this program: a status, an error of the system."""

    def __init__(self, failure: FetchFailure, host: str, detail: str = "", *, wait: float = 0.0) -> None:
        told = f" ({detail})" if detail else ""
        super().__init__(f"{host}: {failure.phrase}{told}; {failure.remedy}")
        self.failure = failure
        self.host = host
        self.detail = detail
        self.wait = wait
        """seconds that the server asked to wait (Retry-After); 0: it said nothing"""


class TimestampFetchError(Exception):
    """No reply of a time-stamp authority came; the message says why."""

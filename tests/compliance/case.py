"""What a compliance case is: bytes to send, and what must be true of what comes back.

A case is a small frozen value. It cites the section that it stands on, and nothing in it speaks of one
resolver: every system is asked the same bytes and judged by the same checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.name
import dns.rdatatype

ID = 0x4D61
"""the id of every case's first query; its further queries count up from it"""


@dataclass(frozen=True, slots=True)
class Reply:
    """One message that came back, as bytes and as dnspython reads them (None: it cannot)."""

    wire: bytes
    message: dns.message.Message | None = field(init=False)

    def __post_init__(self) -> None:
        try:
            message = dns.message.from_wire(self.wire)
        except (dns.exception.DNSException, ValueError):
            message = None
        object.__setattr__(self, "message", message)

    @property
    def parsed(self) -> dns.message.Message:
        """The message. ValueError where it cannot be read."""
        if self.message is None:
            msg = "it cannot be read"
            raise ValueError(msg)
        return self.message

    @property
    def id(self) -> int:
        """The id in the header."""
        return int.from_bytes(self.wire[:2], "big")

    @property
    def flags(self) -> int:
        """The second 16 bits of the header."""
        return int.from_bytes(self.wire[2:4], "big")


Replies = tuple[Reply, ...]
Check = Callable[[bytes, Replies], str | None]
"""from the first query and what came back: what is wrong with it, in a few words; None: nothing"""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that a resolver must do, or must not."""

    name: str
    """``topic/what``: unique, and never changed, since docs/compliance.md speaks of it"""
    section: str
    """where it is written: "RFC 1035 §4.1.1" """
    says: str
    """what must be so, in one line"""
    sends: tuple[bytes, ...]
    """UDP: datagrams; TCP: what is written to one connection, in these pieces"""
    checks: tuple[Check, ...]
    tcp: bool = False
    replies: int = 1
    """how many messages to wait for; 0: there must be none, and an ordinary query afterwards is answered"""
    half_close: bool = False
    """TCP: the client says that it sends no more, then reads"""

    @property
    def topic(self) -> str:
        """The file that the case stands in."""
        return self.name.partition("/")[0]

    @property
    def query(self) -> bytes:
        """The first message, without TCP's length."""
        return b"".join(self.sends)[2:] if self.tcp else self.sends[0]

    def faults(self, replies: Replies) -> list[str]:
        """What is wrong with these replies; empty: the case passes."""
        if len(replies) != self.replies:
            return ["no answer" if not replies else f"{len(replies)} messages instead of {self.replies}"]
        found = []
        for check in self.checks:
            try:
                fault = check(self.query, replies)
            except ValueError as error:
                fault = str(error)
            if fault is not None:
                found.append(fault)
        return found

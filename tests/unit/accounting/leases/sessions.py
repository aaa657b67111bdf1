"""A table of sessions in a few lines, as the receiver of leases, and a reporter that keeps what it hears."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filterd.accounting.leases.watched import START, STOP, Claim
from filterd.model.identity import IdentityKind, identity_input
from filterd.model.session import SessionSource
from filterd.policy.fingerprint import fingerprint

KEY = bytes(range(16))


def subscriber(value: bytes) -> bytes:
    """The fingerprint of a subscriber's id."""
    return fingerprint(KEY, identity_input(IdentityKind.SUBSCRIBER, value))


@dataclass
class SessionTable:
    """Newest wins; a STOP ends its session whatever its stamp, and only a later second begins it anew."""

    rows: dict[bytes, tuple[Claim, bytes, float, int]] = field(default_factory=dict)
    """session -> claim, subscriber, stamp, seconds that it lasts"""
    events: int = 0
    ended: dict[bytes, int] = field(default_factory=dict)
    """session -> the second of its end; only a later one begins it anew"""
    most: int = 1000
    of_before: list[tuple[bytes, int]] = field(default_factory=list)

    def put(
        self,
        claims: Sequence[Claim],
        *,
        subscriber: bytes,
        session: bytes,
        nas: bytes,
        source: int,
        stamp: float,
        lasts: int,
        kind: int,
    ) -> bool:
        """A lease holds, or is over."""
        assert source == SessionSource.LEASE
        assert len(nas) == len(session) == len(subscriber) == 16
        assert session != bytes(16)
        self.events += 1
        if kind == STOP:
            self.ended[session] = max(int(stamp), self.ended.get(session, 0))
            self.rows.pop(session, None)
            return True
        assert kind == START
        (claim,) = claims
        assert lasts > 0
        known = self.rows.get(session)
        if int(stamp) <= self.ended.get(session, 0) or (known is not None and known[2] > stamp):
            return True
        if known is None and len(self.rows) >= self.most:
            return False
        self.rows[session] = (claim, subscriber, stamp, lasts)
        return True

    def held(self) -> Iterable[tuple[bytes, int]]:
        """The sessions of before the start."""
        return list(self.of_before)

    def line_of(self, address: bytes, length: int = 128) -> bytes | None:
        """The subscriber who has an address."""
        found = [row for row in self.rows.values() if row[0] == (address, length, None)]
        assert len(found) <= 1
        return found[0][1] if found else None


@dataclass
class Heard:
    """What an operator was told."""

    told: list[str] = field(default_factory=list)

    def unreadable(self, file: Path, reason: str) -> None:
        """A file cannot be read."""
        self.told.append(f"{file.name} unreadable: {reason}")

    def readable(self, file: Path) -> None:
        """It can be read again."""
        self.told.append(f"{file.name} readable")

    def skipped(self, file: Path, line: int, reason: str) -> None:
        """A line was passed over."""
        self.told.append(f"{file.name}:{line}: {reason}")

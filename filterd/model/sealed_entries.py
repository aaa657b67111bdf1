"""The entries of a confidential order as store, change log and backups hold them: sealed, and as
fingerprints.

The sealed text is for control, which holds its key. The fingerprints are what a node enforces: it needs no
name and no key but that of its own fingerprints.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from filterd.model.audit_chain import canonical
from filterd.model.rule import Scope


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The names and address prefixes of an order as keyed fingerprints."""

    key_id: str
    """of the fingerprint key, in hexadecimal: with another one they match nothing"""
    names: tuple[tuple[bytes, Scope], ...] = ()
    prefixes: tuple[tuple[bytes, int, int], ...] = ()
    """fingerprint, family and length"""

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "key_id": self.key_id,
            "names": [[value.hex(), int(scope)] for value, scope in self.names],
            "prefixes": [[value.hex(), family, length] for value, family, length in self.prefixes],
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Fingerprints:
        """Reads the result of :meth:`fields`. KeyError, TypeError or ValueError for anything else."""
        return cls(
            str(fields["key_id"]),
            tuple((bytes.fromhex(value), Scope(scope)) for value, scope in fields["names"]),
            tuple(
                (bytes.fromhex(value), int(family), int(length))
                for value, family, length in fields["prefixes"]
            ),
        )


@dataclass(frozen=True, slots=True)
class SealedEntries:
    """The names and addresses of one confidential order."""

    key_id: str
    """of the key that opens ``text``"""
    text: str = field(repr=False)
    """the sealed entries, in base64 (``disk.sealed``)"""
    count: int
    """of names and addresses"""
    fingerprints: Fingerprints = field(repr=False)

    def digested(self) -> list[Any]:
        """Plain values for the digest of the order's row: the key's id, the count, and a digest of the sealed
        text and the fingerprints.

        Who is given them can compute the row's digest again, and try no name: the sealed text has a random
        salt of 32 bytes. With the fingerprints they could compare two orders.
        """
        return [self.key_id, self.count, hashlib.sha256(canonical(self.in_whole()).encode()).hexdigest()]

    def in_whole(self) -> list[Any]:
        """Plain values of everything, which digests of earlier versions cover."""
        return [self.key_id, self.text, self.count, self.fingerprints.fields()]

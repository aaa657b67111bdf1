"""The static bindings of the node state: prefixes, ports of addresses and identities, each with its line.

A step is a place in one of three tables and the line that it leads to. A range of ports has several places,
an identity one, which is its fingerprint: neither the texts of identities nor what they were written for is
kept on a node.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from socket import AF_INET, AF_INET6, inet_pton

from filterd.dataplane.tables.addresses import Addresses
from filterd.disk.files import Chunk
from filterd.model.bound import BoundError, PortsBound, PrefixBound, parse_bound
from filterd.policy.fingerprint import fingerprint

_MAGIC = b"FLTRBND2"
_SIZES = struct.Struct("<8sQQQ")


class BindingTable(IntEnum):
    """The table that a place is in. The numbers stand in journals."""

    ADDRESSES = 0
    PORTS = 1
    IDENTITIES = 2


BindingStep = tuple[str, int, int | None] | tuple[str, int, int | None, int]
"""place in hexadecimal, prefix length, line (None: no longer bound), table; without one it is ADDRESSES, as
journals from before there were others have it"""


def binding_steps(text: str, line: int | None, key: bytes) -> list[BindingStep]:
    """The steps for a bound in its canonical text. ValueError for anything else."""
    prefix = _prefix(text)
    if prefix is not None:
        return [(*prefix, line)]
    try:
        bound = parse_bound(text)
    except BoundError as error:
        msg = "a binding binds nothing that can be read"  # its text is personal: it stays out of the message
        raise ValueError(msg) from error
    if isinstance(bound, PrefixBound):
        network = bound.network
        return [(network.network_address.packed.hex(), network.prefixlen, line)]
    if isinstance(bound, PortsBound):
        return [(place.hex(), length, line, BindingTable.PORTS) for place, length in bound.places()]
    return [(fingerprint(key, bound.input()).hex(), 128, line, BindingTable.IDENTITIES)]


def _prefix(text: str) -> tuple[str, int] | None:
    """Address in hexadecimal, and length; None where it is no prefix. Takes a third of the time of
    ``ipaddress``: a full resync does this two million times."""
    address, _, length = text.partition("/")
    try:
        packed = inet_pton(AF_INET6 if ":" in address else AF_INET, address)
    except OSError:
        return None
    host_bits = 8 * len(packed) - int(length)
    if host_bits < 0 or int.from_bytes(packed) & ((1 << host_bits) - 1):
        msg = "a binding's prefix and its length do not go together"
        raise ValueError(msg)
    return packed.hex(), int(length)


def empty_table() -> Addresses:
    """A table with a seed of its own."""
    return Addresses(os.urandom(16))


@dataclass(slots=True)
class KnownBindings:
    """The bindings by place. Owned by the node's thread; read by the query path."""

    addresses: Addresses = field(default_factory=empty_table)
    ports: Addresses = field(default_factory=empty_table)
    identities: Addresses = field(default_factory=empty_table)

    @classmethod
    def from_body(cls, body: memoryview) -> KnownBindings:
        """Reads the result of :meth:`body`. ValueError or TableError for anything else."""
        if body[: len(_MAGIC)] != _MAGIC:
            return cls(Addresses.load(body))
        if len(body) < _SIZES.size:
            msg = "bindings that are shorter than their header"
            raise ValueError(msg)
        _, *sizes = _SIZES.unpack_from(body)
        tables, at = [], _SIZES.size
        for size in sizes:
            tables.append(Addresses.load(body[at : at + size]))
            at += size
        return cls(*tables)

    def body(self) -> tuple[Chunk, ...]:
        """All bindings, for a checkpoint. Where there are prefixes alone, it is their table and nothing else:
        a version from before there were others can then read it."""
        if not self.ports and not self.identities:
            return self.addresses.dump_parts()
        dumps = [table.dump_parts() for table in (self.addresses, self.ports, self.identities)]
        head = _SIZES.pack(_MAGIC, *(sum(map(len, dump)) for dump in dumps))
        return head, *(part for dump in dumps for part in dump)

    def apply(self, steps: Iterable[BindingStep]) -> None:
        """Put each step into its table."""
        tables = (self.addresses, self.ports, self.identities)
        for step in steps:
            place, length, line = bytes.fromhex(step[0]), step[1], step[2]
            table = tables[step[3] if len(step) > 3 else BindingTable.ADDRESSES]
            if line is None:
                table.remove(place, length)
            else:
                table.set(place, length, line)

    def __len__(self) -> int:
        """Places in all tables."""
        return len(self.addresses) + len(self.ports) + len(self.identities)

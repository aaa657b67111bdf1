"""Kea's memfile: CSV, a journal whose last row on an address holds (Kea ARM, "Memfile - Basic Storage").

The header line names the columns, which differ between versions. A row with lifetime 0 says that the lease is
gone. Characters that CSV needs for itself stand as ``&#x2c``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from filterd.accounting.leases.lease import (
    EMPTY,
    NEVER,
    NO_HEADER,
    BadLineError,
    Lease,
    LineParser,
    colons,
    duid_of_client_id,
    masked,
    octets,
    packed,
    relay_option,
    relay_option6,
)

_ESCAPE = re.compile(rb"&#x([0-9a-fA-F]{2})")
_INFINITE = 0xFFFFFFFF
_ACTIVE, _RECLAIMED = 0, 2
"""of ``state``; 1 is declined, 3 released, 4 registered by the client"""
_PREFIX = 2
"""of ``lease_type``: a delegated prefix (IA_PD)"""
_NEEDED = (b"address", b"valid_lifetime", b"expire")


class KeaParser(LineParser):
    """Reads kea-leases4.csv and kea-leases6.csv."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = _VALUES[value]
        self._columns: dict[bytes, int] = {}

    def fault(self) -> str:
        """NUL bytes, or rows without a header before them."""
        return super().fault() or (NO_HEADER if self._number and not self._headed else "")

    def lacking(self) -> str:
        """Kea begins each file with the header."""
        return "" if self._headed else EMPTY

    @property
    def _headed(self) -> bool:
        return all(each in self._columns for each in _NEEDED)

    def _line(self, line: bytes) -> Lease | None:
        if line.startswith(b"address,"):
            self._columns = {name: at for at, name in enumerate(line.rstrip(b"\r").split(b","))}
            return None
        if not line:
            return None
        if not self._headed:
            msg = "the header line before it lacks address, valid_lifetime or expire"
            raise BadLineError(msg)
        return self._row(line.rstrip(b"\r").split(b","))

    def _row(self, fields: list[bytes]) -> Lease:
        columns = self._columns
        if len(fields) <= max(columns[each] for each in _NEEDED):
            msg = "it has too few fields"
            raise BadLineError(msg)
        address, length = packed(fields[columns[b"address"]]), 128
        row = _Row(columns, fields)
        if row.number(b"lease_type") == _PREFIX:
            length = row.number(b"prefix_len")
            address = masked(address, length)
        lifetime, expire = int(fields[columns[b"valid_lifetime"]]), int(fields[columns[b"expire"]])
        state = row.number(b"state")
        active = state == _ACTIVE and lifetime > 0
        began = expire if state == _RECLAIMED else expire - lifetime
        ends = NEVER if lifetime == _INFINITE else float(expire)
        return Lease(address, length, self._value(row) if active else b"", float(began), ends, active)


class _Row:
    """A row whose fields are asked for by column."""

    __slots__ = ("_columns", "_fields")

    def __init__(self, columns: Mapping[bytes, int], fields: list[bytes]) -> None:
        self._columns = columns
        self._fields = fields

    def text(self, name: bytes) -> bytes:
        at = self._columns.get(name, -1)
        field = self._fields[at] if 0 <= at < len(self._fields) else b""
        return _ESCAPE.sub(lambda each: bytes([int(each[1], 16)]), field) if b"&" in field else field

    def number(self, name: bytes) -> int:
        return int(self.text(name) or b"0")

    @property
    def is_v6(self) -> bool:
        return b"duid" in self._columns


def _client_id(row: _Row) -> bytes:
    return row.text(b"duid" if row.is_v6 else b"client_id").lower()


def _duid(row: _Row) -> bytes:
    if row.is_v6:
        return row.text(b"duid").lower()
    client_id = row.text(b"client_id")
    return colons(duid_of_client_id(octets(client_id))) if client_id else b""


def _relay(v4_suboption: int, v6_option: int, v6_skip: int) -> Callable[[_Row], bytes]:
    def value(row: _Row) -> bytes:
        context = row.text(b"user_context")
        if not context:
            return b""
        for options in _relay_options(context):
            if row.is_v6:
                found = relay_option6(options, v6_option, v6_skip)
            else:
                found = relay_option(options, v4_suboption)
            if found:
                return found
        return b""

    return value


def _relay_options(context: bytes) -> list[bytes]:
    """The raw options of the relays in a user context that ``store-extended-info`` wrote: the relay nearest
    to the client last. ``relay-agent-info`` is a text before Kea 2.3.8, ``relay-info`` was ``relays``."""
    kept = _member(json.loads(context), "ISC")
    agent = _member(kept, "relay-agent-info")
    relays = _member(kept, "relay-info") or _member(kept, "relays")
    texts = [agent if isinstance(agent, str) else _member(agent, "sub-options")]
    if isinstance(relays, list):
        texts += [_member(each, "options") for each in reversed(relays)]
    return [bytes.fromhex(each.removeprefix("0x")) for each in texts if isinstance(each, str)]


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


_VALUES: dict[str, Callable[[_Row], bytes]] = {
    "hw-address": lambda row: row.text(b"hwaddr").lower(),
    "client-id": _client_id,
    "duid": _duid,
    "hostname": lambda row: row.text(b"hostname"),
    "circuit-id": _relay(1, 18, 0),
    "remote-id": _relay(2, 37, 4),
}

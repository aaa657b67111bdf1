"""ISC dhcpd's lease files, of IPv4 and IPv6 (dhcpd.leases(5)): blocks in braces, a journal.

The last block on an address holds. From time to time the server writes the file anew, with every lease that
it knows, and puts it in place by a rename.
"""

from __future__ import annotations

import re
from calendar import timegm

from filterd.accounting.leases.lease import (
    EMPTY,
    LONGEST_LINE,
    NEVER,
    NO_HEADER,
    NO_LEASE,
    BadLineError,
    Lease,
    LineParser,
    colons,
    duid_of_client_id,
    hardware_of_duid,
    masked,
    octets,
    packed,
    readable,
)

_TOP = re.compile(rb"(lease|ia-na|ia-ta|ia-pd)[ \t]")
"""the beginning of a block of leases; dhcpd writes it without indentation, and nothing else so"""
_BEGINNING = re.compile(rb"#|[a-z][a-z0-9-]*[ \t][^\0]*[;{]$")
"""the first line of a file: dhcpd's comment, a statement or a block, which are not indented"""
_DATES = (b"starts", b"ends", b"cltt")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_IAID = 4
"""bytes before the DUID in the name of an ia block"""


class IscParser(LineParser):
    """Reads dhcpd.leases and dhcpd6.leases."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = value
        self._stack: list[tuple[bytes, bytes, dict[str, bytes]]] = []
        """the open blocks: kind, what stands behind it, and its statements"""
        self._joined = b""
        """a statement that goes on in the next line"""
        self._first = b""
        """the first line that is not blank"""

    @property
    def torn(self) -> bool:
        """True while the last line, or a block, has not ended."""
        return super().torn or bool(self._stack or self._joined)

    def fault(self) -> str:
        """NUL bytes, or a beginning that is none of dhcpd's."""
        return super().fault() or (NO_HEADER if self._first and not _BEGINNING.match(self._first) else "")

    def lacking(self) -> str:
        """Leases that were given once stay in the file."""
        return NO_LEASE if self._first else EMPTY

    def _drop(self) -> None:
        self._stack, self._joined = [], b""

    def _line(self, line: bytes) -> Lease | None:
        self._first = self._first or line.rstrip()
        if _TOP.match(line):
            torn, self._stack, self._joined = bool(self._stack), [], b""
            if torn:
                self._skip("the block before it did not end")
        text = (self._joined + b" " + line.strip()).strip()
        self._joined = b""
        if not text or text.startswith(b"#"):
            return None
        if text.endswith(b"{"):
            kind, _, rest = text[:-1].strip().partition(b" ")
            self._stack.append((kind, rest.strip(), {}))
            return None
        if text.startswith(b"}"):
            return self._end()
        if text.endswith(b";") or text.startswith(_DATES):
            self._statement(text)
        elif len(text) <= LONGEST_LINE:
            self._joined = text
        return None

    def _statement(self, text: bytes) -> None:
        if not self._stack:
            return
        words = text.rstrip(b";").split(None, 2)
        statements = self._stack[-1][2]
        match words:
            case [b"binding", b"state", state]:
                statements["state"] = state
            case [b"hardware", _, address]:
                statements["hw-address"] = address
            case [b"option", name, value]:
                statements[name.decode("ascii", "replace").removeprefix("agent.")] = value
            case [b"starts" | b"ends" | b"cltt" as name, *_]:
                statements[name.decode("ascii")] = text[len(name) :].partition(b";")[0]
            case [b"uid" | b"client-hostname" as name, *_]:
                statements[name.decode("ascii")] = text[len(name) : -1].strip()
            case _:
                pass

    def _end(self) -> Lease | None:
        if not self._stack:
            msg = "it ends a block that did not begin"
            raise BadLineError(msg)
        kind, name, statements = self._stack.pop()
        if kind == b"lease" and not self._stack:
            return self._lease4(name, statements)
        if kind in (b"iaaddr", b"iaprefix") and len(self._stack) == 1:
            return self._lease6(name, statements, *self._stack[0][1:])
        return None

    def _lease4(self, name: bytes, statements: dict[str, bytes]) -> Lease:
        return _lease(packed(name), 128, _part4(self._value, statements), statements, statements)

    def _lease6(
        self, name: bytes, statements: dict[str, bytes], identity: bytes, outer: dict[str, bytes]
    ) -> Lease:
        text, _, bits = name.partition(b"/")
        length = int(bits or b"128")
        value = _part6(self._value, octets_of(identity)[_IAID:])
        return _lease(masked(packed(text), length), length, value, statements, outer)


def _lease(
    address: bytes, length: int, value: bytes, statements: dict[str, bytes], outer: dict[str, bytes]
) -> Lease:
    """A block's lease; the client's last word stands in ``outer``, the block itself with IPv4."""
    active = statements.get("state", b"active") == b"active"
    ends = date(statements["ends"]) if "ends" in statements else NEVER
    said = outer.get("cltt", outer.get("starts"))
    began = date(said) if said is not None else 0.0
    if not active and ends != NEVER:
        began = max(began, ends)
    return Lease(address, length, value if active else b"", 0.0 if began == NEVER else began, ends, active)


def _part4(wanted: str, statements: dict[str, bytes]) -> bytes:
    match wanted:
        case "hw-address":
            return statements.get("hw-address", b"").lower()
        case "hostname":
            return octets_of(statements["client-hostname"]) if "client-hostname" in statements else b""
        case "circuit-id" | "remote-id":
            return readable(octets_of(statements[wanted])) if wanted in statements else b""
        case _:
            identifier = octets_of(statements["uid"]) if "uid" in statements else b""
            return colons(duid_of_client_id(identifier) if wanted == "duid" else identifier)


def _part6(wanted: str, duid: bytes) -> bytes:
    if wanted == "hw-address":
        return hardware_of_duid(duid)
    return colons(duid) if wanted in ("duid", "client-id") else b""


def octets_of(text: bytes) -> bytes:
    """The bytes of ``"\\001text"`` with octal escapes, or of ``1:2:ff``. Raises ValueError."""
    if text.startswith(b'"'):
        return _ESCAPE.sub(_unescaped, text.strip(b" ")[1:-1])
    return octets(text)


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else code


def date(text: bytes) -> float:
    """Unix seconds of ``4 2026/11/26 23:21:10`` (UTC), ``epoch SECONDS`` or ``never``. Raises ValueError."""
    words = text.split()
    match words:
        case [b"never"]:
            return NEVER
        case [b"epoch", seconds]:
            return float(int(seconds))
        case [_, day, time]:
            year, month, mday = (int(each) for each in day.split(b"/"))
            hour, minute, second = (int(each) for each in time.split(b":"))
            return float(timegm((year, month, mday, hour, minute, second)))
        case _:
            msg = "its date is in no form of dhcpd's"
            raise BadLineError(msg)

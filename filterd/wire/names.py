"""Converts names between text and wire form (RFC 1035 §5.1). Plain Python: not on the path of queries."""

from __future__ import annotations

from filterd.wire.status import Status

_SPECIAL = frozenset(b'."\\();@$')


class NameTextError(ValueError):
    """The text is not a domain name; the message tells the reason."""

    def __init__(self, reason: str, status: Status) -> None:
        super().__init__(reason)
        self.status = status


def _unescape(text: str, position: int) -> tuple[int, int]:
    """The byte of the escape that begins at a backslash, and the position after it."""
    digits = text[position + 1 : position + 4]
    if len(digits) == 3 and digits.isdecimal():
        if int(digits) > 255:
            reason = f"escape \\{digits} is above 255"
            raise NameTextError(reason, Status.BAD_LABEL)
        return int(digits), position + 4
    if not digits or digits[0].isdecimal():
        reason = "unfinished escape"
        raise NameTextError(reason, Status.BAD_LABEL)
    return ord(digits[0]), position + 2


def _labels(text: str) -> list[bytes]:
    labels = [bytearray()]
    position = 0
    while position < len(text):
        if text[position] == ".":
            labels.append(bytearray())
            position += 1
        elif text[position] == "\\":
            byte, position = _unescape(text, position)
            labels[-1].append(byte)
        else:
            labels[-1].append(ord(text[position]))
            position += 1
    if not labels[-1]:
        labels.pop()
    return [bytes(label) for label in labels]


def name_from_text(text: str) -> bytes:
    """The lower-cased wire form of an ASCII name, with or without its final dot; "." is the root.

    Raises :class:`NameTextError`. Names in other scripts must have been through IDNA before.
    """
    if not text.isascii():
        reason = "name is not ASCII"
        raise NameTextError(reason, Status.BAD_LABEL)
    if not text:
        reason = "name is empty"
        raise NameTextError(reason, Status.BAD_LABEL)
    wire = bytearray()
    for label in _labels(text) if text != "." else []:
        if not 1 <= len(label) <= 63:
            reason = f"label of {len(label)} bytes, 1 to 63 are allowed"
            raise NameTextError(reason, Status.BAD_LABEL)
        wire.append(len(label))
        wire += label.lower()
    wire.append(0)
    if len(wire) > 255:
        reason = f"name of {len(wire)} bytes, at most 255 are allowed"
        raise NameTextError(reason, Status.NAME_TOO_LONG)
    return bytes(wire)


def _escaped(byte: int) -> str:
    if byte in _SPECIAL:
        return f"\\{chr(byte)}"
    return chr(byte) if 0x21 <= byte <= 0x7E else f"\\{byte:03}"


def name_to_text(name: bytes) -> str:
    """The text of an uncompressed name in wire form, without the final dot; "." for the root."""
    labels = []
    position = 0
    while position < len(name) and name[position]:
        label = name[position + 1 : position + 1 + name[position]]
        labels.append("".join(map(_escaped, label)))
        position += 1 + len(label)
    return ".".join(labels) or "."

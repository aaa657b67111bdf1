"""Forms in which an address, or a word that RADIUS said, could be kept on a disk, and a search for all.

They are looked for by eight bytes of each, at every place, in one pass over the data: a pass costs the same
for ten forms as for a hundred thousand. What is shorter than eight bytes comes by chance and is not among
them: an IPv4 address as a varint, or in base64 between other bytes, is not found.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

KEY = 8
CHUNK = 1 << 20
DIGITS = b"0123456789"
Form = tuple[str, bytes]
HASHES: dict[str, Callable[[bytes], bytes]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "SHA-1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "SHA-256": lambda data: hashlib.sha256(data).digest(),
    "SHA-512": lambda data: hashlib.sha512(data).digest(),
    "BLAKE2b": lambda data: hashlib.blake2b(data).digest(),
    "BLAKE2b of 16 bytes": lambda data: hashlib.blake2b(data, digest_size=16).digest(),
    "BLAKE2s": lambda data: hashlib.blake2s(data).digest(),
}
"""without a key: whoever has the disk tries all addresses"""


def hashed(what: str, data: bytes) -> Iterator[Form]:
    """Hashes without a key, as bytes, in hexadecimal and in base64; by their beginnings, as they are cut."""
    for name, of in HASHES.items():
        digest = of(data)
        yield f"{name} of {what}", digest[:KEY]
        yield f"{name} of {what}, hex", digest[:KEY].hex().encode()
        yield f"{name} of {what}, base64", base64.b64encode(digest[:6])


def in_base64(what: str, data: bytes) -> Iterator[Form]:
    """The letters that do not depend on what stands beside, for each place in a group of three bytes."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + data)
        first = -(-before * 8 // 6)
        whole = text[first : (before + len(data)) * 8 // 6]
        if len(whole) >= KEY:
            yield f"{what} in base64, {before} before", whole


def address_forms(address: str) -> Iterator[Form]:
    """More forms of an address or a prefix: hashes, base64, numbers and lists of bytes in text."""
    network = ipaddress.ip_network(address)
    first, packed = network.network_address, network.network_address.packed
    yield from hashed("text", str(first).encode())
    yield from hashed("text with its length", str(network).encode())
    yield from hashed("bytes", packed)
    if network.version == 6:
        yield from in_base64("bytes", packed[:KEY])
        yield "number in text", str(int(first)).encode()
        yield "hex with capitals", packed[:KEY].hex().upper().encode()
        return
    yield from hashed("mapped bytes", bytes(10) + b"\xff\xff" + packed)
    yield "base64 alone", base64.b64encode(packed)
    yield "number in text", str(int(first)).encode()
    for beside in ("-", "_", ",", ", "):
        yield f"with {beside!r}", beside.join(map(str, packed)).encode()
    yield "filled with zeros", ".".join(f"{each:03}" for each in packed).encode()
    yield "escaped", "".join(f"\\x{each:02x}" for each in packed).encode()


def mac_forms(mac: str) -> Iterator[Form]:
    """A hardware address as devices, databases and hashes have it; ``mac`` has colons."""
    pairs = mac.lower().split(":")
    packed = bytes.fromhex("".join(pairs))
    texts = {":".join(pairs), "-".join(pairs), "".join(pairs)}
    texts |= {".".join("".join(pairs[place : place + 2]) for place in (0, 2, 4))}
    for text in sorted(texts | {each.upper() for each in texts}):
        yield text, text.encode()
        yield from hashed(text, text.encode())
    yield "base64", base64.b64encode(packed)
    yield from hashed("bytes", packed)


def word_forms(word: str) -> Iterator[Form]:
    """A word in text, UTF-16, hexadecimal, base64 and hashes."""
    text = word.encode()
    yield "text", text
    yield "UTF-16", word.encode("utf-16-le")
    yield "hex", text.hex().encode()
    yield from in_base64("text", text)
    yield from hashed("text", text)


def pair_forms(first: str, second: str) -> Iterator[Form]:
    """Hashes of two words together, in the ways in which one writes that."""
    for beside in ("", ":", "|", "/", "-", " ", "\0"):
        yield from hashed(f"both with {beside!r}", f"{first}{beside}{second}".encode())
        yield from hashed(f"both turned with {beside!r}", f"{second}{beside}{first}".encode())


class FormSearch:
    """Many forms that are looked for at once."""

    def __init__(self, forms: Iterable[tuple[str, Form]]) -> None:
        """``forms``: the thing that has the form, and the form. ValueError for one of less than 8 bytes."""
        self._keys: dict[int, list[tuple[str, Form]]] = {}
        for thing, form in forms:
            if len(form[1]) < KEY:
                msg = f"{form} is too short to be looked for"
                raise ValueError(msg)
            (key,) = array("Q", form[1][-KEY:])
            self._keys.setdefault(key, []).append((thing, form))

    def found_in(self, data: bytes) -> set[tuple[str, str]]:
        """Each thing that stands in the bytes, and its form."""
        found: set[tuple[str, str]] = set()
        for begin in range(0, len(data), CHUNK):
            chunk = data[begin : begin + CHUNK + KEY - 1]
            if not any(chunk):
                continue
            for shift in range(KEY):
                words = array("Q", chunk[shift : shift + (len(chunk) - shift) // KEY * KEY])
                if not self._keys.keys().isdisjoint(words):
                    found.update(self._at(data, [each for each in words if each in self._keys]))
        return found

    def _at(self, data: bytes, keys: list[int]) -> Iterator[tuple[str, str]]:
        return (
            (thing, name)
            for key in keys
            for thing, (name, text) in self._keys[key]
            if _stands(data, text, whole=text[:1].isdigit() and text[-1:].isdigit())
        )


def _stands(data: bytes, text: bytes, *, whole: bool) -> bool:
    """True if the text is in the data; ``whole``: with no digit beside it."""
    at = data.find(text)
    while at >= 0:
        beside = data[max(at - 1, 0) : at] + data[at + len(text) : at + len(text) + 1]
        if not (whole and any(each in DIGITS for each in beside)):
            return True
        at = data.find(text, at + 1)
    return False


def numbers_in(database: Path) -> set[int]:
    """Every number in every table of an SQLite file: there an IPv4 address would have four bytes, which no
    search of bytes can tell from chance."""
    found: set[int] = set()
    link = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    try:
        tables = [name for (name,) in link.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            for row in link.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - its own names
                found.update(each for each in row if isinstance(each, int))
    finally:
        link.close()
    return found


def written_elsewhere(pid: int, folder: Path) -> list[str]:
    """The files outside of the folder that a process has open for writing: what a search of the folder would
    not see. Memory files, sockets and pipes are none."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            path = Path(link.readlink())
            words = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text().split()
        except OSError:  # closed meanwhile
            continue
        writes = int(words[words.index("flags:") + 1], 8) & 3
        named = path.is_absolute() and not str(path).startswith(("/dev/null", "/memfd:"))
        if writes and named and not path.is_relative_to(folder):
            found.append(str(path))
    return sorted(found)


def core_limit(pid: int) -> str:
    """The most bytes of a core file that the process may leave, as the kernel writes it."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size")).split()[4]

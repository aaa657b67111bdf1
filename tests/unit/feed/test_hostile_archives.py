"""Archives that ask for memory or for time: each is refused, before it gets what it asks for."""

from __future__ import annotations

import struct
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filterd.feed.archive import members
from filterd.feed.decompression import LARGEST_DIRECTORY
from filterd.feed.source import MAX_BYTES, SourceError, read_chunks
from tests.unit.feed.test_decompression import PACKERS

MOST_MEMORY = 48 << 20
"""bytes of Python's own; the buffers of a decompressor are bounded by its library"""
BLOCK = tarfile.BLOCKSIZE
SPARSE_BLOCK = b"00000000001\0" * 42 + b"\x01" + bytes(7)
"""a continued map of an old GNU sparse file: 21 pieces, and another block follows"""


def header(kind: bytes, size: int, name: str = "a/domains") -> bytes:
    """One header of a tar archive."""
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, size
    return made.tobuf(tarfile.USTAR_FORMAT)


def pax(kind: bytes, records: bytes) -> bytes:
    """A pax header with its records."""
    return header(kind, len(records)) + records.ljust(-(-len(records) // BLOCK) * BLOCK, b"\0")


def record(key: str, value: str) -> bytes:
    """One record of a pax header (POSIX.1-2001, pax): its length counts its own digits."""
    rest = f" {key}={value}\n".encode()
    size = len(rest)
    while size != len(str(size)) + len(rest):
        size = len(str(size)) + len(rest)
    return str(size).encode() + rest


GLOBAL = b"".join(
    pax(tarfile.XGLTYPE, b"".join(record(f"k{number}.{each}", "v" * 400) for each in range(100)))
    for number in range(17)
)
SPARSE_1_0 = b"".join(
    record(f"GNU.sparse.{key}", value)
    for key, value in (("major", "1"), ("minor", "0"), ("name", "a"), ("realsize", "9"))
)
FILE = header(tarfile.REGTYPE, 8) + b"a.test\n\n".ljust(BLOCK, b"\0")
TARS = {
    "global-headers": GLOBAL + FILE,
    "global-headers-later": FILE * 40 + GLOBAL,
    "sparse": header(tarfile.GNUTYPE_SPARSE, 0)[:482] + b"\x01" + bytes(29) + SPARSE_BLOCK * 3_000,
    "sparse-1.0": pax(tarfile.XHDTYPE, SPARSE_1_0) + header(tarfile.REGTYPE, 1 << 30) + b"9\n" * 400_000,
    "long-name": header(tarfile.GNUTYPE_LONGNAME, 1 << 30) + b"a" * 400_000,
    "long-link": header(tarfile.GNUTYPE_LONGLINK, 1 << 30) + b"a" * 400_000,
    "large-pax": header(tarfile.XHDTYPE, 1 << 30) + b"a" * 400_000,
    "large-global": header(tarfile.XGLTYPE, 1 << 30) + b"a" * 400_000,
    "large-solaris": header(tarfile.SOLARIS_XHDTYPE, 1 << 30) + b"a" * 400_000,
    "headers-of-headers": pax(tarfile.XHDTYPE, record("path", "a/domains")) * 5_000,
    "names-of-names": (header(tarfile.GNUTYPE_LONGNAME, 5) + b"a/b/c".ljust(BLOCK, b"\0")) * 5_000,
}


def zip_entry(number: int) -> bytes:
    """An entry of a directory, of an empty file."""
    name = b"%06d" % number
    return struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0) + name


ENTRIES = b"".join(zip_entry(number) for number in range(180_000))
LOCAL = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 6, 0) + b"000000"


def zip_end(size: int, count: int, *, at: int = len(LOCAL), comment: bytes = b"") -> bytes:
    """The end record of a directory (APPNOTE 4.3.16)."""
    fields = (0, 0, min(count, 65_535), min(count, 65_535), min(size, 0xFFFFFFFF), at, len(comment))
    return struct.pack("<4s4H2LH", b"PK\x05\x06", *fields) + comment


def zip64_end(size: int, count: int, directory: int) -> bytes:
    """The end record of version 4.5 and its locator (4.3.14, 4.3.15), then one of before."""
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, len(LOCAL))
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(LOCAL) + directory, 1)
    return end + locator + zip_end(0xFFFFFFFF, 65_535, at=0xFFFFFFFF)


WIDE = ENTRIES[: LARGEST_DIRECTORY + 1]
ZIPS = {
    "many-entries": LOCAL + ENTRIES + zip_end(len(ENTRIES), 180_000),
    "many-entries-said-to-be-one": LOCAL + ENTRIES + zip_end(len(ENTRIES), 1),
    "many-entries-zip64": LOCAL + ENTRIES + zip64_end(len(ENTRIES), 180_000, len(ENTRIES)),
    "a-byte-too-wide": LOCAL + WIDE + zip_end(len(WIDE), 9),
    "longer-than-the-file": LOCAL + zip_end(1 << 31, 1),
    "longer-than-the-file-zip64": LOCAL + zip64_end(1 << 62, 1 << 40, 0),
    "a-directory-of-zeros": LOCAL + bytes(10 << 20) + zip_end(10 << 20, 65_535),
    "behind-a-comment": LOCAL + ENTRIES + zip_end(len(ENTRIES), 180_000, comment=b"c" * 65_535),
    "without-an-end": LOCAL + ENTRIES,
    "nothing-but-a-beginning": LOCAL,
}
HOSTILE: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    **{f"tar-{name}": (content, bytes) for name, content in TARS.items()},
    **{
        f"tar-{name}-{kind}": (content, pack)
        for name, content in TARS.items()
        for kind, pack in PACKERS.items()
        if kind != "zip"
    },
    **{f"zip-{name}": (content, bytes) for name, content in ZIPS.items()},
}


def _all_of(path: Path) -> Iterator[int]:
    """The lengths of all that the members hold."""
    for member in members(path, MAX_BYTES, lambda _: None):
        yield from map(len, member.content or ())


def test_there_are_sixty_of_them() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_gets_no_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "list"
    content, pack = HOSTILE[name]
    path.write_bytes(pack(content))
    for read in (_all_of, read_chunks) if name.startswith("zip") else (_all_of,):
        tracemalloc.start()
        try:
            with pytest.raises(SourceError):
                sum(1 for _ in read(path))
            assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
        finally:
            tracemalloc.stop()

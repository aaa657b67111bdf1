"""Archives that ask for memory or time: each is refused with its reason, within a bound of memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from filterd.feed.parsing import ParseReport
from filterd.feed.reading import Form, read_list
from filterd.feed.source import SourceError
from filterd.model.rule import Scope
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes
from tests.unit.feed.test_archive import MEMBERS, tarred, written
from tests.unit.feed.test_archive import zipped as packed
from tests.unit.feed.test_decompression import PACKERS, with_dictionary, zipped

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1 << 20
NAME = "lists/adult/domains"
LIST = b"a.example\n"
SUFFIXES = Suffixes()
BOMB = b"#" * (70 * MIB)
TAR_BOMB = tarred({NAME: BOMB})
XZ_MAGIC, ZIP_MAGIC = b"\xfd7zXZ\x00", b"PK\x03\x04"
DIRECTORY = "a zip directory of"


@dataclass(frozen=True)
class Hostile:
    """An archive with the reason for which it is refused."""

    name: str
    content: Callable[[], bytes]
    reason: str
    forms: tuple[Format, ...] = (Format.UT1,)
    most: int = 32 * MIB
    """bytes of memory"""


BOTH = (Format.UT1, Format.DOMAINS)
ALONE = (Format.DOMAINS,)


def entry(name: bytes = b"", extra: bytes = b"", comment: bytes = b"") -> bytes:
    """An entry of a zip directory (APPNOTE 4.3.12)."""
    sizes = (len(name), len(extra), len(comment))
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, *sizes, 0, 0, 0, 0) + (
        name + extra + comment
    )


def directory(
    entries: bytes, count: int, size: int | None = None, offset: int = 4, disk: int = 0, note: bytes = b""
) -> bytes:
    """A zip archive of a directory alone, with its end record (APPNOTE 4.3.16)."""
    counts = (disk, disk, min(count, 0xFFFF), min(count, 0xFFFF))
    size = len(entries) if size is None else size
    end = struct.pack("<4s4H2IH", b"PK\5\6", *counts, size, offset, len(note)) + note
    return ZIP_MAGIC + entries + end


def zip64(entries: bytes, count: int, size: int) -> bytes:
    """The same with the end record and the locator of zip64 (APPNOTE 4.3.14, 4.3.15)."""
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 4)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, 4 + len(entries), 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return ZIP_MAGIC + entries + record + locator + end


def altered(content: bytes, directory_at: int, local_at: int, value: int) -> bytes:
    """A zip archive with two octets of all its headers changed."""
    changed = bytearray(content)
    for magic, offset in ((b"PK\1\2", directory_at), (ZIP_MAGIC, local_at)):
        at = changed.find(magic)
        while at >= 0:
            changed[at + offset : at + offset + 2] = value.to_bytes(2, "little")
            at = changed.find(magic, at + 4)
    return bytes(changed)


def bzip2_bomb() -> bytes:
    """A member of which zipfile would decompress all at once, whatever size it claims."""
    return zipped_raw(bz2.compress(b"#" * (200 * 10**6)), zipfile.ZIP_BZIP2)


def zipped_raw(data: bytes, method: int, size: int = 1000, crc: int = 0) -> bytes:
    """A zip archive with a member that is compressed already; its size and CRC as they are claimed."""
    name = NAME.encode()
    common = struct.pack("<5H3I2H", 20, 0, method, 0, 33, crc, len(data), size, len(name), 0)
    local = ZIP_MAGIC + common + name + data
    central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<3H2I", 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


def overlapping() -> bytes:
    """A zip archive of which 100 entries mean the same MiB (a bomb without nesting)."""
    single = packed({NAME: b"a" * MIB + b"\n"})
    at, end = single.index(b"PK\1\2"), single.index(b"PK\5\6")
    return single[:at] + single[at:end] * 100 + directory(b"", 100, (end - at) * 100, at)[4:]


def block(kind: bytes, size: int, content: bytes = b"", name: str = "x") -> bytes:
    """A header of a tar archive that announces so many bytes, and what follows it."""
    header = tarfile.TarInfo(name)
    header.type, header.size = kind, size
    return header.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def pax(records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """A header of pax with records."""
    return block(kind, len(records), records)


def record(key: str, value: str) -> bytes:
    """A record of pax, with its length before it."""
    rest = f" {key}={value}\n"
    size = len(rest)
    while len(f"{size}{rest}") != size:
        size = len(f"{size}{rest}")
    return f"{size}{rest}".encode()


def records(count: int) -> bytes:
    """Many small records."""
    return b"".join(record(f"k{number:05}", "") for number in range(count))


def sparse(*pairs: tuple[str, str]) -> bytes:
    """A sparse member as pax writes it."""
    return pax(b"".join(record(f"GNU.sparse.{key}", value) for key, value in pairs)) + tarred({NAME: LIST})


def old_sparse(blocks: int) -> bytes:
    """A sparse member as GNU wrote it first, with a map of many blocks."""
    header = bytearray(block(tarfile.GNUTYPE_SPARSE, 0, name=NAME))
    header[482] = 1  # more of the map follows
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    more = (b"00000000001\0" * 42).ljust(504, b"\0") + b"\1" + bytes(7)
    return bytes(header) + more * blocks


Pack = Callable[[bytes], bytes]


def nested(inner: Pack, outer: Pack) -> bytes:
    """A list that is compressed twice."""
    return outer(inner(LIST))


def in_zip(pack: Pack) -> bytes:
    """A compressed list in a zip archive."""
    return packed({NAME: pack(LIST)})


def in_tar(pack: Pack) -> bytes:
    """A compressed list in a tar archive."""
    return tarred({NAME: pack(LIST)})


MEMBER = tarred({NAME: LIST})
ROW = entry()
CASES = (
    Hostile("zip: a million entries", lambda: directory(ROW * 10**6, 10**6), DIRECTORY, BOTH),
    Hostile(
        "zip: a million entries and a comment", lambda: directory(ROW * 10**6, 9, note=b"x" * 999), DIRECTORY
    ),
    Hostile("zip64: a million entries", lambda: zip64(ROW * 10**6, 10**6, 46 * 10**6), DIRECTORY, BOTH),
    Hostile("zip64: a size of 2^40", lambda: zip64(ROW, 1, 1 << 40), f"{DIRECTORY}|damaged", BOTH),
    Hostile("zip: a number that is a lie", lambda: directory(ROW * 100_000, 1), DIRECTORY, BOTH),
    Hostile("zip: long names", lambda: directory(entry(b"x" * 65535) * 140, 140), DIRECTORY, BOTH),
    Hostile(
        "zip: long extra fields", lambda: directory(entry(extra=b"x" * 65535) * 140, 140), DIRECTORY, BOTH
    ),
    Hostile("zip: long comments", lambda: directory(entry(comment=b"x" * 65535) * 140, 140), DIRECTORY, BOTH),
    Hostile("zip: a directory longer than the file", lambda: directory(ROW, 1, 8 * MIB), "damaged", BOTH),
    Hostile(  # which of them it is depends on the version of zipfile
        "zip: a directory behind the end",
        lambda: directory(ROW, 1, offset=1 << 31),
        "damaged|has no member|cannot be read",
        BOTH,
    ),
    Hostile("zip: no directory", lambda: packed(MEMBERS)[:200], "damaged", BOTH),
    Hostile("zip: a directory of other things", lambda: directory(b"x" * 4600, 100), "damaged", BOTH),
    Hostile("zip: bzip2 that swells", bzip2_bomb, "larger than|grows to", BOTH),
    Hostile("zip: deflate that swells", lambda: packed({NAME: BOMB}), "grows to", BOTH),
    Hostile("zip: entries that overlap", overlapping, "damaged|grows to"),
    Hostile("zip: LZMA", lambda: zipped(LIST, NAME, method=zipfile.ZIP_LZMA), "zip method 14", BOTH),
    Hostile(
        "zip: an unknown method", lambda: altered(packed({NAME: LIST}), 10, 8, 99), "zip method 99", BOTH
    ),
    Hostile("zip: a password", lambda: altered(packed({NAME: LIST}), 8, 6, 1), "password", BOTH),
    Hostile(
        "zip: bzip2 of another size",
        lambda: zipped_raw(bz2.compress(LIST), 12),
        "not what its directory",
        BOTH,
    ),
    Hostile(
        "zip: bzip2 of another sum", lambda: zipped_raw(bz2.compress(LIST), 12, 10), "not what its directory"
    ),
    Hostile("zip: stored of another sum", lambda: zipped_raw(LIST, 0, 10), "CRC", BOTH),
    Hostile(
        "zip: two lists in the place of one", lambda: packed(MEMBERS), "a zip archive with 7 files", ALONE
    ),
    *(
        Hostile(f"zip: {kind} inside", partial(in_zip, pack), f"a {kind} file inside", BOTH)
        for kind, pack in PACKERS.items()
    ),
    *(
        Hostile(f"{kind} in {outer}", partial(nested, inner, pack), f"a {kind} file inside", BOTH)
        for kind, inner in PACKERS.items()
        for outer, pack in PACKERS.items()
        if outer != "zip"
    ),
    *(
        Hostile(f"{kind} in tar", partial(in_tar, pack), f"a {kind} file inside")
        for kind, pack in PACKERS.items()
    ),
    Hostile("tar in tar", lambda: tarred({NAME: MEMBER}), "a tar archive"),
    Hostile("tar in zip", lambda: packed({NAME: MEMBER}), "a tar archive", BOTH),
    Hostile("zip: empty", lambda: directory(b"", 0)[4:], "an empty zip archive", BOTH),
    Hostile("zip: split over disks", lambda: directory(ROW, 1, disk=3), "damaged|no member|0 files", ALONE),
    *(
        Hostile(f"tar.{kind} that swells", partial(pack, TAR_BOMB), "grows to")
        for kind, pack in PACKERS.items()
        if kind != "zip"
    ),
    *(
        Hostile(f"{kind} that swells", partial(pack, BOMB), "grows to", ALONE)
        for kind, pack in PACKERS.items()
    ),
    Hostile(
        "tar: many global headers",
        lambda: pax(record("comment", "x" * 60_000), tarfile.XGLTYPE) * 17 + MEMBER,
        "more than (8|16)",
    ),
    Hostile(
        "tar: a global header before each member",
        lambda: (pax(record("comment", "x"), tarfile.XGLTYPE) + MEMBER[:1024]) * 17,
        "more than 16 global headers",
    ),
    Hostile("tar: nested pax headers", lambda: pax(records(4000)) * 200 + MEMBER, "more than 8 headers"),
    Hostile(
        "tar: nested long names",
        lambda: block(tarfile.GNUTYPE_LONGNAME, 60_000, b"x" * 60_000) * 200 + MEMBER,
        "more than 8 headers",
    ),
    *(
        Hostile(
            f"tar: a header {kind!r} of 1 GiB",
            partial(block, kind, 1 << 30, b"x" * MIB),
            "a header of",
        )
        for kind in (b"x", b"g", b"X", b"L", b"K")
    ),
    Hostile("tar: a header of a negative size", lambda: block(b"x", -(1 << 40)) + MEMBER, "a header of -"),
    Hostile("tar: a sparse file of GNU", lambda: old_sparse(0), "sparse"),
    Hostile("tar: a sparse file with a long map", lambda: gzip.compress(old_sparse(100_000)), "sparse"),
    Hostile("tar: a sparse file, pax 0.0", lambda: sparse(("size", "9"), ("numblocks", "1")), "sparse"),
    Hostile("tar: a sparse file, pax 0.1", lambda: sparse(("map", "0," * 9000 + "1")), "sparse"),
    Hostile("tar: a sparse file, pax 1.0", lambda: sparse(("major", "1"), ("minor", "0")), "sparse"),
    Hostile("tar: a size of 5,000 digits", lambda: pax(b"9" * 5000 + b" a=b\n") + MEMBER, "damaged"),
    Hostile("tar: a record of no length", lambda: pax(b"0 a=b\n") + MEMBER, "damaged"),
    Hostile(
        "tar: a member of a negative size",
        lambda: pax(record("size", "-99999999")) + MEMBER,
        "damaged|no member",
    ),
    Hostile("tar: a member of 8 EiB", lambda: pax(record("size", str(1 << 63))) + MEMBER, "damaged"),
    Hostile("tar: a link header before the end", lambda: block(b"K", 600)[:512], "damaged"),
    Hostile(
        "tar: long names of categories",
        lambda: (
            b"".join(
                pax(record("path", f"lists/{number:05}{'x' * 50_000}/domains")) + MEMBER[:1024]
                for number in range(900)
            )
            + bytes(1024)
        ),
        "has no member",
    ),
    Hostile("gzip: too many streams", lambda: gzip.compress(b"") * 100_001, "streams of gzip", BOTH),
    Hostile("gzip: something behind it", lambda: gzip.compress(LIST) + b"x" * 99, "something else", ALONE),
    Hostile("gzip: another sum", lambda: gzip.compress(LIST)[:-8] + bytes(8), "damaged", BOTH),
    Hostile("xz: a dictionary of 4 GiB", lambda: xz_with_dictionary(40), "[Mm]emory", BOTH),
    Hostile("xz: a dictionary of 96 MiB", lambda: xz_with_dictionary(29), "[Mm]emory", BOTH),
    Hostile("zstd: a window of 3.75 TiB", lambda: zstd_with_window(0xFF), "damaged", BOTH),
    Hostile("zstd: a window of 144 MiB", lambda: zstd_with_window((27 - 10) << 3 | 1), "damaged", BOTH),
    Hostile("zstd: cut off", lambda: PACKERS["zstd"](MEMBER)[:-9], "damaged", BOTH),
    Hostile("bzip2: cut off", lambda: bz2.compress(LIST)[:-9], "damaged", ALONE),
)


def xz_with_dictionary(size: int) -> bytes:
    return with_dictionary(lzma.compress(LIST, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}]), size)


def zstd_with_window(descriptor: int) -> bytes:
    """A frame with a window descriptor (RFC 8878 §3.1.1.1.2) and one raw block."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([descriptor]) + struct.pack("<I", 10 << 3 | 1)[:3] + LIST


@pytest.mark.parametrize(
    ("case", "form"),
    [
        pytest.param(
            case,
            form,
            id=f"{case.name}, {form}",
            marks=[pytest.mark.ring("night")] if "swells" in case.name else [],
        )
        for case in CASES
        for form in case.forms
    ],
)
@pytest.mark.filterwarnings("ignore:Overlapped entries")  # of zipfile from 3.13 on, which reads them
def test_a_hostile_archive_is_refused_in_little_memory(tmp_path: Path, case: Hostile, form: Format) -> None:
    file = written(tmp_path, case.content())
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=case.reason):
            for _ in read_list(file, Form(form, Scope.SUBTREE), SUFFIXES, ParseReport()):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < case.most


_CHILD = """
import re, sys
from pathlib import Path
from filterd.feed.source import read_chunks
from filterd.feed.archive import members

def kibibytes(key):
    return int(re.search(rf"{key}:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

path, before = Path(sys.argv[1]), kibibytes("VmRSS")
for each in members(path, 1 << 30, len) if sys.argv[2] else read_chunks(path):
    pass
print(kibibytes("VmHWM") - before)
"""


def largest_windows() -> dict[str, bytes]:
    """The archives that take most memory of those that are read, by their kind. The largest window is full
    after 128 MiB."""
    content = random.Random(1).randbytes(MIB) * 140
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.compression_level: 1,
    }
    return {
        "zstd": zstd.compress(content, options=options),
        "xz": lzma.compress(content, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 64 * MIB}]),
        "bzip2": bz2.compress(content[: 20 * MIB]),
        "zip": directory(entry(b"x") * 89_000, 89_000),
    }


@pytest.mark.ring("night")
def test_the_largest_archives_take_150_megabytes(tmp_path: Path) -> None:
    """Measured by the system in a process of its own: not all libraries allocate through Python."""
    for kind, content in largest_windows().items():
        file = written(tmp_path, content)
        words = [sys.executable, "-c", _CHILD, str(file), "archive" if kind == "zip" else ""]
        grown = int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        assert grown < 150_000, kind


_LIST = """
import re, sys
from pathlib import Path
from filterd.feed.parsing import ParseReport
from filterd.feed.reading import Form, read_list
from filterd.feed.rules import collect
from filterd.feed.source import SourceError
from filterd.model.rule import Scope
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes

def kibibytes(key):
    return int(re.search(rf"{key}:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

form = Form(Format(sys.argv[2]), Scope.SUBTREE)
before = kibibytes("VmRSS")
try:
    rules = collect(read_list(Path(sys.argv[1]), form, Suffixes(), ParseReport())).count
except SourceError:
    rules = 0
print(rules, kibibytes("VmHWM") - before)
"""
HUNDRED_MEGABYTES = 100_000_000


def repeated(line: bytes) -> Iterator[bytes]:
    """The line, again and again."""
    for _ in range(100):
        yield line * (HUNDRED_MEGABYTES // 100 // len(line))


def numbered(line: str, count: int) -> Iterator[bytes]:
    """The line with so many numbers."""
    for start in range(0, count, 10_000):
        yield "".join(line.format(number) for number in range(start, start + 10_000)).encode()


LARGE_LISTS = (
    (Format.DOMAINS, partial(repeated, b"a.example\n"), 1),
    (Format.HOSTS, partial(repeated, b"0.0.0.0 a.example\n"), 1),
    (Format.ADBLOCK, partial(repeated, b"||a.example^\n"), 1),
    (Format.ADBLOCK, partial(repeated, b"@@||a.example^\n"), 1),
    (Format.ADBLOCK, partial(numbered, "@@||n{}.example^\n", 590_000), 590_000),
    (Format.ADBLOCK, partial(numbered, "@@||n{}.example^\n", 5_000_000), 0),
    (
        Format.ADBLOCK,
        partial(numbered, "||n{0}.example^$denyallow=a.n{0}.example\n", 80_000),
        160_000,
    ),
    (Format.UNBOUND, partial(numbered, 'local-zone: "n{}.example" redirect\n', 590_000), 590_000),
)


@pytest.mark.ring("night")
@pytest.mark.parametrize(("form", "pieces", "rules"), LARGE_LISTS)
def test_a_large_list_of_few_rules_takes_150_megabytes(
    tmp_path: Path, form: Format, pieces: Callable[[], Iterator[bytes]], rules: int
) -> None:
    """Repeated lines take no memory each time, and of entries that cost more than a plain block there is a
    bound."""
    file = tmp_path / "list"
    with file.open("wb") as out:
        out.writelines(pieces())
    words = [sys.executable, "-c", _LIST, str(file), form]
    found, grown = map(int, subprocess.run(words, check=True, capture_output=True, text=True).stdout.split())
    assert found == rules
    assert grown < 150_000

"""Reads an evidence pack of filterd: the archive in its one form, and its signed manifest. Plain Python 3.8+.

It is a part of recompute-report.py. The signatures are verified by verify-export.py, which stands beside it.
"""

import base64
import hashlib
import importlib.util
import io
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK = 512
NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}")
LARGEST = 64 * 1024 * 1024
"""bytes of a file that is read whole"""
LARGEST_SIGNED, LONGEST_ROW, LONGEST_LINE = 4 << 20, 1 << 20, 1 << 26
"""bytes of the manifest, of a row of the record, and of a line of the trail"""
MOST_FILES = 100000
KNOWN = re.compile(
    r"(LEEME|README)\.md|[a-z_-]+\.py|trail/export|keys/(checkpoint|receipt)\.pem|manifest\.json"
    r"|statements/\d{4}-\d\d-\d\d\.json|receipts/O-\d+\.(json|pdf)|record/(head\.json|[a-z_]+\.jsonl)"
    r"|reports/[a-z]+\.(json|csv|[a-z]{2}\.(html|pdf))|digests/list-digests\.csv|pages/records\.jsonl",
    re.ASCII,
)
"""the files that a pack has: of any other nobody knows what must be in it"""


class PackError(Exception):
    """There is no verdict, or nothing more to look at; the text says why."""


def verifier():
    """verify-export.py as a module: in a pack beside this file, in the source of filterd above it."""
    for folder in (HERE, os.path.dirname(HERE)):
        path = os.path.join(folder, "verify-export.py")
        if os.path.exists(path):
            spec = importlib.util.spec_from_file_location("verify_export", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise PackError("verify-export.py must stand beside this script")


VERIFY = verifier()


class FileWindow(io.RawIOBase):
    """The content of one file of the archive, which is read without unpacking."""

    def __init__(self, archive, offset, size):
        self.archive, self.left = archive, size
        archive.seek(offset)

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self.archive.read(min(len(buffer), self.left))
        buffer[: len(data)] = data
        self.left -= len(data)
        return len(data)


class EvidencePack:
    """The archive: where each file stands, and its digest. ``faults`` are in words."""

    def __init__(self, path):
        self.faults, self.places, self.digests, self.body = [], {}, {}, {}
        self.key_id, self.value, self.moments, self.unsigned = "", {}, set(), set()
        self.archive = open(path, "rb")
        try:
            self._index(os.path.getsize(path))
        except BaseException:
            self.archive.close()
            raise

    def _index(self, whole):
        at = 0
        while at < whole and len(self.faults) < 100:
            self.archive.seek(at)
            head = self.archive.read(BLOCK)
            if not head.strip(b"\0"):
                break
            name, size = self._header(head, at)
            self.places[name], self.digests[name] = (at + BLOCK, size), self._digest(at + BLOCK, size)
            at += BLOCK + size + -size % BLOCK
        self._end(at, whole)

    def _digest(self, offset, size):
        digest = hashlib.sha256()
        self.archive.seek(offset)
        while size and (piece := self.archive.read(min(1 << 20, size))):
            digest.update(piece)
            size -= len(piece)
        return "" if size else digest.hexdigest()

    def _header(self, head, at):
        try:
            name, size = head[:100].rstrip(b"\0").decode("ascii"), int(head[124:135], 8)
            moment = int(head[136:147], 8)
        except ValueError:
            raise PackError("byte %d: no header of a file stands there" % at)
        if not NAME.fullmatch(name) or form(name, size, moment) != head:
            self.faults.append("the header of %.99s is not in the form of a pack" % name)
        if size < 0 or len(self.places) >= MOST_FILES:
            raise PackError("byte %d: a file of less than nothing stands there, or there are too many" % at)
        if name in self.places:
            self.faults.append("%.99s stands there twice" % name)
        self.moments.add(moment)
        return name, size

    def _end(self, at, whole):
        for offset, size in self.places.values():
            self.archive.seek(offset + size)
            if self.archive.read(-size % BLOCK).strip(b"\0"):
                self.faults.append("something stands between two files")
        self.archive.seek(at)
        if whole != at + 2 * BLOCK or self.archive.read().strip(b"\0"):
            self.faults.append("it does not end as a pack does")

    def open(self, name):
        """A file of the pack, to be read."""
        if name not in self.places:
            raise PackError("%s is missing" % name)
        return io.BufferedReader(FileWindow(self.archive, *self.places[name]), 1 << 16)

    def read(self, name, most=LARGEST):
        """The content of a file that is what was signed."""
        if self.places.get(name, (0, 0))[1] > most:
            raise PackError("%s is too large" % name)
        return self.signed(name).read()

    def signed(self, name):
        """A file that is what was signed, to be read."""
        if name in self.unsigned:
            raise PackError("%s is not read, since it is not what was signed" % name)
        return self.open(name)

    def lines(self, name):
        """The lines of the trail, each with a limit."""
        file = self.open(name)
        return iter(lambda: file.readline(LONGEST_LINE + 1), b"")

    def names(self, folder, suffix):
        """The files of a folder with this suffix, in order."""
        return sorted(each for each in self.places if each.startswith(folder) and each.endswith(suffix))

    def rows(self, name):
        """The rows of a file of JSON Lines, each in canonical form."""
        file, rows = self.signed(name), []
        for line in iter(lambda: file.readline(LONGEST_ROW + 1), b""):
            if len(line) > LONGEST_ROW:
                raise PackError("a row of %s is too long" % name)
            rows.append(VERIFY.read(line))
        return rows

    def take_manifest(self):
        """Compare the files with the manifest; its signature is verified by :func:`signed_by` later."""
        text = self.read("manifest.json", LARGEST_SIGNED)
        value = VERIFY.read(text + b"\n")
        if set(value) != {"body", "key_id", "signature"}:
            raise PackError("the manifest is no signed object")
        self.value, self.body, self.key_id = value, value["body"], value["key_id"]
        if self.body.get("format") != "filterd evidence v1":
            raise PackError("the manifest is of another format")
        self._compare({each["name"]: each for each in self.body["files"]})
        order = [each["name"] for each in self.body["files"]] + ["manifest.json"]
        if not self.faults and order != list(self.places):
            self.faults.append("the files stand in another order than was signed")

    def _compare(self, listed):
        if len(self.moments) > 1:
            self.faults.append("the files are not all of one moment")
        for name in sorted({*listed, *self.places} - {"manifest.json"}):
            if name not in self.places:
                self.faults.append("%s is missing" % name)
            elif name not in listed:
                self.faults.append("%s is in no manifest" % name)
            elif (listed[name]["size"], listed[name]["sha256"]) != (self.places[name][1], self.digests[name]):
                self.faults.append("%s is not what was signed" % name)
            if name not in listed or listed[name]["sha256"] != self.digests.get(name):
                self.unsigned.add(name)
            if name in self.places and not KNOWN.fullmatch(name):
                self.faults.append("%s: a pack has no such file, and no program verifies it" % name)


def form(name, size, moment):
    """The one header of a file: POSIX ustar, mode 0644, nobody's."""
    before = name.encode().ljust(100, b"\0") + b"0000644\0" + 2 * b"0000000\0"
    before += b"%011o\0%011o\0" % (size, moment)
    after = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + 2 * b"0000000\0" + bytes(167)
    return before + b"%06o\0 " % (sum(before) + 256 + sum(after)) + after


def signed_by(key, kind, value):
    """True if the key signed an object of this kind."""
    text = "filterd %s v1\n%s" % (kind, VERIFY.canonical(value["body"]))
    try:
        return VERIFY.signed_by(key, VERIFY.raw(value["signature"], 64), text.encode())
    except ValueError:
        return False


def keys_of(pem, purpose):
    """The public keys (raw, 32 bytes) of a PEM text by id: those of a purpose, and those without a mark."""
    form = "(?:#([^\n]*)\\s+)?-----BEGIN PUBLIC KEY-----(.+?)-----END"
    found = re.findall(form, pem.decode(), re.S)
    bodies = [body for use, body in found if use.split()[:1] in ([], [purpose])]
    keys = [base64.b64decode("".join(each.split()))[-32:] for each in bodies]
    return {VERIFY.sha(each)[:16]: each for each in keys}

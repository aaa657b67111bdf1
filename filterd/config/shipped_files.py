"""Proves that the shipped policies are as the package laid them down, by the sums in their ``SHA256SUMS``.

A document that is cut off at the end of a line is often a valid one that says less. The operator's own files
have nothing to be compared with; the shipped ones have.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from filterd.config.policy_values import Problem

SUMS = "SHA256SUMS"
_FOLDERS = ("consent", "desk", "feeds.d", "jurisdictions", "lists", "notices", "popular", "profiles")
_ENDINGS = (".yaml", ".txt")
_LINE = re.compile(r"([0-9a-f]{64})  ([\w./-]+)")
_ALTERED = "was altered or cut off"
_STRANGER = f"is not in {SUMS}: it did not come with the package, or {SUMS} was cut off"


def shipped_files(directory: Path) -> list[Path]:
    """The files of a policies directory that filtering goes by, in order. Texts for people, and the record of
    where names come from, are not among them."""
    folders = [directory, *(directory / folder for folder in _FOLDERS)]
    found = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return sorted(path for path in found if path.suffix in _ENDINGS)


def sums(directory: Path) -> str:
    """The text of ``SHA256SUMS`` for the files as they are; ``sha256sum --check`` reads it too."""
    lines = [f"{_sum(path)}  {path.relative_to(directory)}\n" for path in shipped_files(directory)]
    return "".join(lines)


def is_proven(directory: Path) -> bool:
    """True if the directory has sums; a copy of one's own need not have any."""
    return (directory / SUMS).exists()


def altered(directory: Path) -> list[Problem]:
    """A problem for each file that is not as its sum says, of a directory that has sums."""
    path = directory / SUMS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return [Problem(str(path), "cannot be read")]
    read = [_LINE.fullmatch(line) for line in lines]
    if not read or None in read:
        return [Problem(str(path), _ALTERED)]
    told = {directory / each[2]: each[1] for each in read if each is not None}
    problems = [
        Problem(str(file), wrong) for file, told_sum in told.items() if (wrong := _wrong(file, told_sum))
    ]
    return problems + [Problem(str(file), _STRANGER) for file in shipped_files(directory) if file not in told]


def _wrong(file: Path, told: str) -> str:
    """A word on the file; empty if it is as its sum says."""
    try:
        return "" if _sum(file) == told else _ALTERED
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _sum(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()

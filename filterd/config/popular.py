"""Popular names: those of ``popular.txt`` in the operator's directory, and of the shipped ``popular/*.txt``.

One name a line; a ``#`` begins a remark. A list that would block one of them is held back as far as that
name goes (``feed.popular``), unless ``expected.yaml`` assigns the name to the list's category.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from filterd.config.policy_values import Problem

FILE = "popular.txt"
FOLDER = "popular"
LARGEST = 200_000
"""names of all files together: each feed is compared with all of them"""
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")


def popular_files(directory: Path) -> list[Path]:
    """The files of popular names of one layer, in order."""
    own = directory / FILE
    return [*sorted((directory / FOLDER).glob("*.txt")), *([own] if own.exists() else [])]


def read_popular(directories: Sequence[Path], problems: list[Problem]) -> frozenset[str]:
    """The popular names of all layers. What is wrong goes to ``problems``."""
    found: set[str] = set()
    for file in (file for each in directories for file in popular_files(each)):
        try:
            found.update(_names(file, file.read_text(encoding="utf-8"), problems))
        except OSError as error:
            problems.append(Problem(str(file), f"cannot be read: {error.strerror}"))
        except UnicodeDecodeError:
            problems.append(Problem(str(file), "is not UTF-8 text"))
        if len(found) > LARGEST:
            problems.append(Problem(str(file), f"more than {LARGEST:,} popular names: keep fewer"))
            return frozenset()
    return frozenset(found)


def _names(file: Path, text: str, problems: list[Problem]) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), 1):
        name = line.partition("#")[0].strip().lower().removesuffix(".")
        if _NAME.fullmatch(name):
            yield name
        elif name:
            message = f"{name[:64]!r} is no domain name (ASCII, one a line, without a rank)"
            problems.append(Problem(f"{file}:{number}", message))

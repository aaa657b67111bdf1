"""Finds and removes the editions of lists on disk, whoever signed them."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from filterd.operations.publishing import editions, manifests, rendering
from filterd.operations.publishing.manifests import ManifestError

_EDITION = re.compile(r"([a-z0-9][a-z0-9-]{0,63})-[0-9]{1,18}|\.([a-z0-9][a-z0-9-]{0,63})\.new")
"""the directory of an edition, or the draft of one"""


def lists_in(directory: Path) -> frozenset[str]:
    """The lists of which a directory holds an edition, or a draft of one: not those of which the withdrawal
    alone stands there. Raises ``OSError``; a directory that is not there holds none."""
    return frozenset(identifier for identifier, path in _editions(directory) if _tells(path))


def drop(directory: Path, identifier: str, *, kept: int = 0) -> bool:
    """Remove every edition of a list but the one of the serial ``kept``, and the link where none stays. True
    if one was there. Raises ``OSError``."""
    stays = f"{identifier}-{kept}"
    going = [path for each, path in _editions(directory) if each == identifier and path.name != stays]
    link = directory / identifier
    if not kept and link.is_symlink():
        link.unlink()
    for path in going:
        shutil.rmtree(path)
    return bool(going)


def mark(directory: Path, identifier: str) -> None:
    """Leave a sign that a list is to be withdrawn: an empty draft, by which it is found again until its
    withdrawal stands there. Where nothing can be written there is none."""
    with contextlib.suppress(OSError):
        (editions.begun(directory, identifier) / manifests.NAME).touch()


def withdrawal(directory: Path, identifier: str) -> bool:
    """True if the link of a list leads to its withdrawal."""
    path = editions.file_in(directory, identifier, manifests.NAME)
    if path is None:
        return False
    try:
        return manifests.read(editions.small(path)).withdrawn
    except (OSError, ManifestError):
        return False


def _editions(directory: Path) -> Iterator[tuple[str, Path]]:
    with contextlib.suppress(FileNotFoundError):
        for path in sorted((directory / editions.EDITIONS).iterdir()):
            match = _EDITION.fullmatch(path.name)
            if match is not None and path.is_dir() and not path.is_symlink():
                yield match[1] or match[2], path


def _tells(path: Path) -> bool:
    """True if a directory tells of a list: by its names, or by a manifest that is no withdrawal."""
    if any((path / each).exists() for each in (rendering.NAMES, rendering.ZONE)):
        return True
    try:
        return not manifests.read(editions.small(path / manifests.NAME)).withdrawn
    except FileNotFoundError:
        return False
    except (OSError, ManifestError):
        return True

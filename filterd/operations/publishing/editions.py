"""The directory of published lists: an edition is a directory of its own, and a link leads to the newest.

::

    DIR/minisign.pub            the public key; see key_files for those before it
    DIR/LIST -> _editions/LIST-SERIAL
        names.txt, names.txt.sha256, names.txt.sha256.minisig, list.rpz, manifest.json, manifest.json.minisig

An edition is written and synced whole before the link is changed to it, at once: whoever reads through the
link never meets a manifest without its files. The one before stays, for those who are reading it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from filterd.disk.files import sync_directory
from filterd.feed.signing import LARGEST_SERIAL, ProofError, read_signed
from filterd.operations.publishing import key_files, manifests
from filterd.operations.publishing.manifests import ListManifest, ManifestError

EDITIONS = "_editions"
"""no list has such an id"""
KEPT = 2
"""editions of a list that stay"""
FILES = frozenset(
    (
        "names.txt",
        "names.txt.sha256",
        "names.txt.sha256.minisig",
        "list.rpz",
        manifests.NAME,
        manifests.SIGNATURE,
    )
)
_PIECE = 1 << 20
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def begun(directory: Path, identifier: str) -> Path:
    """An empty directory for the files of an edition; one that a killed process left is emptied. Raises
    ``OSError``."""
    for each in (directory, directory / EDITIONS):
        if not each.is_dir():
            each.mkdir(parents=True)
            each.chmod(0o755)  # whatever the umask is: another web server may serve it
    draft = _draft(directory, identifier)
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir()
    draft.chmod(0o755)
    return draft


def _draft(directory: Path, identifier: str) -> Path:
    return directory / EDITIONS / f".{identifier}.new"


def abandon(directory: Path, identifier: str) -> None:
    """Remove the drafts of an edition that is not published: on a full disk they hold the room that is
    needed. What cannot be removed stays."""
    shutil.rmtree(_draft(directory, identifier), ignore_errors=True)
    key_files.abandon(directory)


def put_in_place(directory: Path, draft: Path, identifier: str, serial: int) -> bool:
    """Make a draft the newest edition of its list. False where that one stands there whole already. Raises
    ``OSError``."""
    place = directory / EDITIONS / f"{identifier}-{serial}"
    link = directory / identifier
    whole = place.is_dir() and _same(draft, place)
    if whole and link.is_symlink() and link.resolve() == place.resolve():
        shutil.rmtree(draft)
        return False
    if whole:
        shutil.rmtree(draft)
    else:
        sync_directory(draft)
        if place.exists():
            shutil.rmtree(place)  # somebody altered it
        draft.rename(place)
        sync_directory(place.parent)
    _lead(link, Path(EDITIONS) / place.name)
    _drop_old(directory, identifier, serial)
    return True


def _lead(link: Path, target: Path) -> None:
    draft = link.with_name(f".{link.name}.link")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.rename(link)
    sync_directory(link.parent)


def _same(one: Path, other: Path) -> bool:
    return all(_sum(one / each) == _sum(other / each) for each in FILES)


def _sum(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()


def _drop_old(directory: Path, identifier: str, newest: int) -> None:
    form = re.compile(re.escape(identifier) + r"-(\d+)")
    found = {}
    for path in (directory / EDITIONS).iterdir():
        match = form.fullmatch(path.name)
        if match is not None and int(match[1]) != newest:
            found[int(match[1])] = path
    for _, path in sorted(found.items(), reverse=True)[KEPT - 1 :]:
        with contextlib.suppress(OSError):
            shutil.rmtree(path)


def standing(directory: Path, identifier: str, *public_keys: str) -> ListManifest | None:
    """The manifest that stands in a directory, if one of these keys signed it."""
    try:
        text = small(directory / identifier / manifests.NAME)
        signature = small(directory / identifier / manifests.SIGNATURE)
        found = manifests.read(text)
        if (public_key := found.body.get("public_key")) not in public_keys:
            return None
        signed = read_signed(public_key, text, signature)
    except (OSError, ProofError, ManifestError):
        return None
    told = (found.body["list"], found.serial)
    return found if told == (identifier, signed.serial) == (signed.feed, found.serial) else None


def led_to(directory: Path, identifier: str) -> int:
    """The serial of the edition that the link leads to, whoever signed it; 0: to none."""
    try:
        target = (directory / identifier).readlink()
    except OSError:
        return 0
    match = re.fullmatch(re.escape(f"{EDITIONS}/{identifier}-") + r"([0-9]{1,18})", str(target))
    found = 0 if match is None else int(match[1])
    return found if found < LARGEST_SERIAL else 0


def small(path: Path) -> bytes:
    """The content of a small file; cut beyond what a manifest may have. Raises ``OSError``."""
    with path.open("rb") as file:
        return file.read(manifests.LARGEST + 1)


def published(directory: Path) -> Iterator[ListManifest]:
    """The manifests that stand in a directory, by list. Those that cannot be read are passed over."""
    with contextlib.suppress(OSError):
        for link in sorted(directory.iterdir()):
            if _ID.fullmatch(link.name) and link.is_symlink():
                with contextlib.suppress(OSError, ManifestError):
                    yield manifests.read(small(link / manifests.NAME))


def file_in(directory: Path, identifier: str, name: str) -> Path | None:
    """The file of the newest edition of a list, behind the link; None: there is none of that name."""
    if name not in FILES or _ID.fullmatch(identifier) is None:
        return None
    link = directory / identifier
    try:
        place = directory / link.readlink()
    except OSError:
        return None
    path = place / name
    inside = place.parent == directory / EDITIONS
    return path if inside and not path.is_symlink() and path.is_file() else None

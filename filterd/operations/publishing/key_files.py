"""The public keys of published lists, beside the lists: those that signed before, and who hands over to whom.

::

    DIR/minisign.pub                     the key that signs
    DIR/keys.json, .minisig              every key, and when it signed; by the key that signs
    DIR/key-KEYID.json, .minisig         the key KEYID follows another one; by that one

They are made of what the trail tells, so that a backup of the store has them, and any directory gets all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.disk import list_keys
from filterd.disk.files import drop_drafts
from filterd.model import publication_keys
from filterd.model.signed_text import key_id_of
from filterd.operations.plain_values import moment
from filterd.operations.publishing import rendering
from filterd.operations.publishing.publisher import ListSigner
from filterd.operations.signing import Purpose
from filterd.store import checkpoints, publications, told_rows

PUBLIC_KEY = "minisign.pub"
INDEX = "keys.json"
SIGNATURE = ".minisig"
_NAMES = re.compile(r"minisign\.pub|(?:keys|key-[0-9A-F]{16})\.json(?:\.minisig)?")


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key that signs or signed lists, as the trail tells of it."""

    announced_id: str
    """by which the trail names it"""
    key_id: str
    """as minisign prints it"""
    public_key: str
    """as minisign writes it"""
    how: str
    """``made``, ``rotated`` or ``replaced``"""
    since: float
    until: float
    """when the next one came into use, Unix seconds; 0: it signs"""
    endorsement: str
    """the text by which the key before hands over; empty: none did"""
    signature: str
    """the signature's file of that text"""


async def history(connection: AsyncConnection) -> tuple[PublishedKey, ...]:
    """The keys in the order in which they came into use. One that signed before the trail told of it has the
    time of the first edition."""
    found: list[PublishedKey] = []
    known = {
        f"key:{each.key_id}" for each in await checkpoints.keys(connection) if each.purpose == Purpose.LIST
    }
    if not known:
        return ()
    for each in await told_rows.entries_about(connection, "key.sign", sorted(known)):
        said = each.after or {}
        if said.get("purpose") == Purpose.LIST and (key := _key(said, each.at)) is not None:
            if found:
                found[-1] = replace(found[-1], until=each.at)
            found.append(key)
    first = await publications.first_at(connection) if found else 0.0
    if first:
        found[0] = replace(found[0], since=min(found[0].since, first))
    return tuple(found)


def _key(said: dict[str, object], at: float) -> PublishedKey | None:
    """The key of an entry; None where the entry was altered."""
    public, texts = str(said.get("minisign")), (said.get("endorsement", ""), said.get("endorsed", ""))
    try:
        same = key_id_of(list_keys.raw_of(public)) == said.get("key_id")
    except ValueError:
        same = False
    if not same:
        return None
    shown, announced = list_keys.shown_id(public), str(said["key_id"])
    return PublishedKey(announced, shown, public, str(said.get("how")), at, 0.0, str(texts[0]), str(texts[1]))


def write(directory: Path, signs: ListSigner, installation: str, keys: Sequence[PublishedKey]) -> None:
    """Write the files that are not there yet, or are others. Raises ``OSError``."""
    for name, content in _files(signs, installation, keys):
        path = directory / name
        if path.is_symlink() or not path.exists() or path.read_bytes() != content:
            fresh = directory / f".{name}.new"
            fresh.unlink(missing_ok=True)
            rendering.written(fresh, (content,), "")
            fresh.rename(path)


def abandon(directory: Path) -> None:
    """Remove the drafts. What cannot be removed stays."""
    drop_drafts(directory, f".{PUBLIC_KEY}.new", ".keys.json*.new", ".key-*.new")


def _files(signs: ListSigner, installation: str, keys: Sequence[PublishedKey]) -> Iterator[tuple[str, bytes]]:
    """Each after what it is verified by: who hands over first, the key that signs last."""
    for each in keys:
        if each.endorsement and each.signature:
            name = f"key-{each.key_id}.json"
            yield name + SIGNATURE, each.signature.encode()
            yield name, each.endorsement.encode()
    told = [
        {
            "key_id": each.key_id,
            "public_key": each.public_key,
            "how": each.how,
            "since": moment(each.since),
            "until": moment(each.until) if each.until else "",
        }
        for each in keys
    ]
    text = publication_keys.index(installation, told)
    yield INDEX + SIGNATURE, signs.vouch(text)
    yield INDEX, text
    yield PUBLIC_KEY, signs.public_file


def file_in(directory: Path, name: str) -> Path | None:
    """The file of a name there; None: there is none."""
    path = directory / name
    return path if _NAMES.fullmatch(name) and path.is_file() and not path.is_symlink() else None

"""Publishes lists that are in force: signed editions in a directory, each naming the one before.

The same list, told in the same terms, is the same edition: its bytes do not change, wherever it is written.
A confidential list is refused: its file would tell its names, and its SHA-256 would let anybody try them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filterd.feed.signing import MANIFEST, SIGNATURE, manifest_of
from filterd.operations.context import Context
from filterd.operations.errors import NotAllowedError, OperationError, UnknownError, UnusableError
from filterd.operations.feeds import listing, rule_files
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.plain_values import moment
from filterd.operations.publishing import editions, leftovers, manifests, rendering, withdrawing
from filterd.operations.publishing.current_keys import ListKeys, current_keys
from filterd.operations.publishing.manifests import ListManifest, ManifestError
from filterd.operations.publishing.publisher import ListSigner, alone
from filterd.policy.canonical import CanonicalError
from filterd.store import publications as rows
from filterd.store.publications import PublishedEdition

_VARYING = ("serial", "previous")
"""the parts of a manifest by which two editions of one list always differ"""


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A list as it stands published."""

    list: str
    version: int
    entries: int
    digest: str
    serial: int
    format: str
    """of names.txt: ``domains`` or ``adblock``"""
    manifest_digest: str
    key_id: str
    public_key: str
    changed: bool
    """False: it stood there just so"""


async def publish(
    context: Context, lists: Sequence[str], *, all_mandatory: bool = False, out: Path | None = None
) -> tuple[PublishedList, ...]:
    """Publish these lists, with ``all_mandatory`` every mandatory one that is not confidential, but those
    that were withdrawn. ``out``: the directory; None: that of the settings. Raises OperationError; nothing is
    written where a list is refused. Lists that must not be public any more are withdrawn first."""
    directory = _directory(context, out)
    await withdrawing.sweep(context, out=directory)
    wanted = await _wanted(context, lists, directory if all_mandatory else None)
    async with alone(context):
        keys = await current_keys(context)
        try:
            return tuple([await _Publishing(context, directory, keys, each).done() for each in wanted])
        except OSError as error:
            message = f"{error.filename or directory}: {error.strerror or error}"
            remedy = "make room or give rights there, then publish again: what was published stands whole"
            raise UnusableError(message, remedy) from error


def _directory(context: Context, out: Path | None) -> Path:
    directory = out or context.settings.publish.directory
    if directory is None:
        message = "nobody says where to publish"
        raise OperationError(message, "give --out DIRECTORY, or name one in publish.directory")
    return directory


async def _wanted(context: Context, lists: Sequence[str], every_into: Path | None = None) -> list[FeedStatus]:
    """The lists to publish, each once. ``every_into``: with every mandatory one that was withdrawn neither by
    the store's word nor by that of this directory, which a store that was put back does not know. Raises
    OperationError for one that cannot be."""
    found = {each.feed.id: each for each in await listing.list_feeds(context) if not each.off}
    wanted = dict.fromkeys(lists)
    if every_into is not None:
        async with context.store.read() as connection:
            known = await rows.newest_ones(connection)
        wanted |= dict.fromkeys(
            identifier
            for identifier, each in found.items()
            if each.feed.mandatory is not None and not each.feed.confidential and each.version is not None
            if identifier not in known or not known[identifier].withdrawn
            if not leftovers.withdrawal(every_into, identifier)
        )
    if not wanted:
        message = "no list is named, and there is no mandatory one that may be published"
        raise OperationError(message, "name some; see them with: filterd feed list")
    return [_publishable(each, found.get(each)) for each in wanted]


def _publishable(identifier: str, status: FeedStatus | None) -> FeedStatus:
    if status is None:
        message = f"no list {identifier[:64]!r} is in force"
        raise UnknownError(message, "see those that are with: filterd feed list")
    if status.feed.confidential:
        message = (
            f"the list {identifier} is confidential: a published file would tell its names, and a SHA-256"
            " would let anybody try out what stands in it"
        )
        remedy = "compare it with others by its keyed digest: filterd feed digests --out FILE"
        raise NotAllowedError(message, remedy)
    if status.version is None:
        message = f"the list {identifier} was never read"
        raise OperationError(message, f"read it first: filterd feed update {identifier}")
    return status


@dataclass(frozen=True, slots=True)
class _Publishing:
    """The publishing of one list."""

    context: Context
    directory: Path
    keys: ListKeys
    status: FeedStatus

    @property
    def signs(self) -> ListSigner:
        """The key."""
        return self.keys.signs

    async def done(self) -> PublishedList:
        """The edition in its place: its row is committed before anybody can see it."""
        feed = self.status.feed.id
        async with self.context.store.read() as connection:
            known = await rows.newest(connection, feed)
        try:
            draft, body = await asyncio.to_thread(self._draft)
            edition, fresh = await asyncio.to_thread(self._edition, known, body)
            await asyncio.to_thread(self._sign, draft, edition)
            if fresh:
                async with self.context.store.write(self.context.actor, self.context.clock()) as write:
                    await rows.add(write.connection, edition)
                    write.audit(rows.PUBLISHED, f"feed:{feed}", after=_audited(edition, body))
            serial = edition.serial
            changed = await asyncio.to_thread(editions.put_in_place, self.directory, draft, feed, serial)
        except BaseException:
            await asyncio.to_thread(editions.abandon, self.directory, feed)
            raise
        return PublishedList(
            list=feed,
            version=body["version"],
            entries=body["entries"],
            digest=edition.digest,
            serial=edition.serial,
            format=body["files"][0]["format"],
            manifest_digest=edition.manifest_digest,
            key_id=self.signs.key_id,
            public_key=self.signs.public_key,
            changed=changed,
        )

    def _draft(self) -> tuple[Path, dict[str, Any]]:
        """The files of the list in a draft, and the body of the manifest but for what varies."""
        feed, version = self.status.feed, self.status.version
        assert version is not None  # noqa: S101 - refused before
        source = rule_files.rule_file(self.context.settings.state_dir, feed.id, version.version)
        if rule_files.digest_of(source, None) != version.digest:
            message = f"the file {source} is not the list that was read"
            raise UnusableError(message, f"read it again: filterd feed update {feed.id}; see filterd doctor")
        draft = editions.begun(self.directory, feed.id)
        form = rendering.format_of(rule_files.read_pieces(source))
        try:
            names = rendering.names_lines(rule_files.read_pieces(source), form)
            zone = rendering.zone_lines(rule_files.read_pieces(source), int(version.at))
            files = (
                rendering.written(draft / rendering.NAMES, names, form.value),
                rendering.written(draft / rendering.ZONE, zone, "rpz"),
            )
        except (CanonicalError, KeyError) as error:
            message = f"the list {feed.id} has a rule that no published form has: {error}"
            raise OperationError(message, "publish another list; this one is in force all the same") from None
        if rendering.read_back(draft / rendering.NAMES, form) != version.digest:
            message = f"the list {feed.id} would be read back as another one"
            raise OperationError(message, "publish another list; this one is in force all the same")
        return draft, self._body(files)

    def _body(self, files: Iterable[rendering.RenderedFile]) -> dict[str, Any]:
        status, settings = self.status, self.context.settings
        feed, version, terms = status.feed, status.version, status.feed.mandatory
        assert version is not None  # noqa: S101 - refused before
        licence = settings.publish.licence if status.publication is None else status.publication.licence
        body: dict[str, Any] = {
            "form": manifests.FORM,
            "installation": self.keys.installation,
            "provider": settings.service.name or "",
            "list": feed.id,
            "kind": kind_of(status),
            "version": version.version,
            "at": moment(version.at),
            "entries": version.names,
            "digest": version.digest,
            "files": [
                {"format": each.format, "name": each.name, "size": each.size, "sha256": each.sha256}
                for each in files
            ],
            "licence": licence,
            "key_id": self.signs.key_id,
            "public_key": self.signs.public_key,
        }
        if terms is not None:
            body |= {"authority": terms.authority, "ground": terms.ground}
        return body

    def _edition(self, known: PublishedEdition | None, body: dict[str, Any]) -> tuple[PublishedEdition, bool]:
        """The edition of this body; True if it is a new one. A store that was put back does not know all that
        were published: the directory may, and no serial goes back there."""
        there = editions.standing(self.directory, self.status.feed.id, *self.keys.public_keys)
        serial, previous = (known.serial, known.manifest_digest) if known is not None else (0, "")
        led_to = editions.led_to(self.directory, self.status.feed.id)
        if there is not None and there.serial > serial:
            if _is_of(there, body):
                return self._made(there.body), True
            serial, previous = there.serial, there.digest
        elif known is not None and led_to <= serial and _is_told_by(known, body):
            return known, False
        dated = int(datetime.fromtimestamp(self.context.clock(), UTC).strftime("%Y%m%d%H%M%S"))
        number = max(dated, serial + 1, led_to + 1)
        return self._made({**body, "serial": number, "previous": previous}), True

    def _made(self, body: dict[str, Any]) -> PublishedEdition:
        text = manifests.text_of(body)
        feed, digest, now = self.status.feed.id, manifests.digest_of(text), self.context.clock()
        return PublishedEdition(feed, body["serial"], now, body["digest"], digest, text.decode())

    def _sign(self, draft: Path, edition: PublishedEdition) -> None:
        """Write the manifest and the signatures into the draft, and the public key beside all lists."""
        body = manifests.read(edition.manifest.encode()).body
        named = manifest_of(body["files"][0]["sha256"], rendering.NAMES)
        texts = {
            f"{rendering.NAMES}{MANIFEST}": named,
            f"{rendering.NAMES}{SIGNATURE}": self.signs.sign(named, edition.list, edition.serial),
            manifests.NAME: edition.manifest.encode(),
            manifests.SIGNATURE: self.signs.sign(edition.manifest.encode(), edition.list, edition.serial),
        }
        for name, content in texts.items():
            rendering.written(draft / name, (content,), "")
        self.keys.write(self.directory)


def _is_of(manifest: ListManifest, body: dict[str, Any]) -> bool:
    """True if an edition tells just this."""
    return {key: value for key, value in manifest.body.items() if key not in _VARYING} == body


def _is_told_by(known: PublishedEdition, body: dict[str, Any]) -> bool:
    """True if the row of an edition tells just this; one that is damaged tells nothing."""
    try:
        return _is_of(manifests.read(known.manifest.encode()), body)
    except ManifestError:
        return False


def kind_of(status: FeedStatus) -> str:
    """The use of a list: ``mandatory``, ``security``, ``bypass`` or ``category``."""
    feed = status.feed
    if feed.mandatory is not None:
        return "mandatory"
    return "security" if feed.security else "bypass" if feed.bypass else "category"


def _audited(edition: PublishedEdition, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": body["version"],
        "digest": edition.digest,
        "names": body["entries"],
        "serial": edition.serial,
        "manifest": edition.manifest_digest,
        "key": body["key_id"],
    }

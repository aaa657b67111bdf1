"""Makes sure where a list comes from, before anything of it is parsed.

Of a signed feed the manifest's signature is verified first, by the key in the feed's entry; then its feed and
its serial; then the list against the manifest's digest. A signed list is read from a copy that nobody else
can change. Files placed by hand without a signature are taken with path, size and owner on record.

The newest serial stands in the store and in the ledger, whichever is higher counts: a store that was put back
does not take an old list.

::

    SourceError
    +-- UnprovenError          no signature, a wrong one, or a list that is not the one that was signed
        +-- RolledBackError    a serial below the newest, or the newest with another list
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit, urlunsplit

from filterd.disk.given_file import GivenFile
from filterd.feed.signing import LARGEST_PROOF, MANIFEST, SIGNATURE, ProofError, Statement, read_statement
from filterd.feed.source import SourceError, TooLargeError, UnreadableError
from filterd.model.records import FeedSource, OriginProof
from filterd.operations.context import Context
from filterd.policy.documents import Feed
from filterd.policy.feed_documents import server_of
from filterd.store import proofs
from filterd.store.ledger import Ledger, LedgerDamagedError, Serial
from filterd.store.store import Write

NOT_OWNED = -1
_PIECE = 1 << 20


class UnprovenError(SourceError):
    """The origin of a list is not proven."""


class RolledBackError(UnprovenError):
    """A list was signed before the newest that was taken."""


class FileServer(Protocol):
    """The server at one address of a feed. Both calls raise SourceError."""

    async def fetch_small_file(self, url: str) -> bytes:
        """The content of a small file."""

    async def fetch_list(self, url: str, *, anew: bool) -> Path:
        """A file of ours with the list as it stands on the server. It may be the one that was fetched before
        where the server says that it is the same, unless ``anew``."""


@dataclass(frozen=True, slots=True)
class Source:
    """A list that may be read: an open file, and what goes on record of it."""

    file: GivenFile
    record: FeedSource


@dataclass(frozen=True, slots=True)
class Verifier:
    """Proves where the lists of one feed come from. What it opens is closed with ``opened``. Both calls raise
    SourceError."""

    context: Context
    feed: Feed

    async def placed(self, path: Path, opened: ExitStack) -> Source:
        """The list in a file that lies here."""
        if self.feed.remote:
            message = f"the list at {server_of(self.feed.source)} is fetched, not read from a file"
            raise UnreadableError(message)
        known = await newest(self.context, self.feed)
        return await asyncio.to_thread(_placed, self.context, self.feed, path, known, opened)

    async def fetched(self, address: str, server: FileServer, opened: ExitStack) -> Source:
        """The list at one address of the feed; another one may have what this one does not.

        The manifest comes before the list. Where both do not fit, the list may have been replaced in between:
        all are fetched once more.
        """
        feed = self.feed
        if feed.signature is None:
            if feed.mandatory is not None:
                message = "a mandatory list from a network is taken only with a signature"
                raise UnprovenError(message)
            return _fetched(await server.fetch_list(address, anew=False), address, None, opened)
        known = await newest(self.context, feed)
        for anew in (False, True):
            manifest = await server.fetch_small_file(beside(address, MANIFEST))
            signature = await server.fetch_small_file(beside(address, SIGNATURE))
            statement = await asyncio.to_thread(_statement, feed, manifest, signature)
            proof = _proof(feed, statement, signature)
            require_newer(proof, known)
            path = await server.fetch_list(address, anew=anew)
            source = _fetched(path, address, proof, opened)
            if await asyncio.to_thread(digest_of, source.file) == statement.digest:
                return source
        raise _exchanged(server_of(address))


def _placed(context: Context, feed: Feed, path: Path, known: OriginProof | None, opened: ExitStack) -> Source:
    file = _opened(path, opened)
    status = file.stat()
    record = FeedSource(str(path), status.st_size, status.st_uid)
    if feed.signature is None:
        return Source(file, record)
    proof_files = [small_file(Path(f"{path}{suffix}")) for suffix in (MANIFEST, SIGNATURE)]
    statement = _statement(feed, *proof_files)
    proof = _proof(feed, statement, proof_files[1])
    require_newer(proof, known)
    copy, digest = _copied(file, context, opened, confidential=feed.confidential)
    if digest != statement.digest:
        raise _exchanged(str(path))
    return Source(copy, FeedSource(record.path, record.size, record.owner, proof))


def _fetched(path: Path, address: str, proof: OriginProof | None, opened: ExitStack) -> Source:
    parts = urlsplit(address)
    named = Path(parts.path.rpartition("/")[2] or "list")
    file = GivenFile(named, _opened(path, opened).descriptor)
    shown = urlunsplit((*parts[:3], "", ""))  # a query may hold a secret
    return Source(file, FeedSource(shown, file.stat().st_size, NOT_OWNED, proof))


def source_files(directory: Path, feed: Feed) -> tuple[Path, ...]:
    """The files that the list of a feed is read from: of a signed one also its proof, which may arrive after
    it. None for a list that is fetched."""
    if feed.remote:
        return ()
    suffixes = ("",) if feed.signature is None else ("", MANIFEST, SIGNATURE)
    return tuple(Path(f"{directory / feed.source}{suffix}") for suffix in suffixes)


def beside(address: str, suffix: str) -> str:
    """The address of a file that stands beside a list: the suffix belongs to the path, not to a query."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=parts.path + suffix))


async def newest(context: Context, feed: Feed) -> OriginProof | None:
    """The newest signed list that was taken of a feed, by the store and by the ledger. Raises
    UnprovenError where the ledger cannot tell."""
    async with context.store.read() as connection:
        known = await proofs.newest(connection, feed.id)
    return await asyncio.to_thread(_newest, context, feed, known)


def _newest(context: Context, feed: Feed, known: OriginProof | None) -> OriginProof | None:
    # That of the settings: a store that is being restored has another one beside it.
    ledger = Ledger(context.settings.store.ledger)
    try:
        noted = ledger.serial_of(feed.id)
    except (LedgerDamagedError, OSError) as error:
        message = (
            f"nobody knows whether this list is an old one: {error}; remove that file: the store has them"
        )
        raise UnprovenError(message) from error
    if noted is None or (known is not None and known.serial >= noted.serial):
        return known
    return OriginProof(noted.serial, noted.digest, "")


def require_newer(proof: OriginProof, known: OriginProof | None) -> None:
    """Raise RolledBackError unless this list is the newest that was taken, or one that was signed later."""
    if known is None or proof.serial > known.serial:
        return
    if proof.serial < known.serial:
        message = f"it is an old list: its serial is {proof.serial}, and {known.serial} was taken already"
        raise RolledBackError(message)
    if proof.digest != known.digest:
        message = f"another list was taken with its serial {proof.serial}; sign it with a higher one"
        raise RolledBackError(message)


async def take(write: Write, feed: str, source: FeedSource) -> None:
    """Make the list the newest of its feed, in the transaction that takes it. Raises RolledBackError where a
    newer one was taken since it was verified."""
    if source.proof is None:
        return
    known = await proofs.newest(write.connection, feed)
    require_newer(source.proof, known)
    if known is None or known.serial < source.proof.serial:
        await proofs.raise_newest(write, feed, source.proof)


async def take_again(context: Context, feed: str, source: FeedSource) -> None:
    """Take the serial of a list that was signed anew and has the same content as the current version."""
    async with context.store.read() as connection:
        known = await proofs.newest(connection, feed)
    if source.proof is None or (known is not None and known.serial == source.proof.serial):
        return
    async with context.store.write(context.actor, context.clock()) as write:
        await take(write, feed, source)
        write.audit("feed.serial", f"feed:{feed}", after=audited(source))


def keep_serials(ledger: Ledger, newest: Mapping[str, OriginProof]) -> list[str]:
    """Note the serials of a restored store, which had another ledger while it was made. Returns what a person
    must look at. Raises ``OSError``."""
    try:
        ledger.raise_serials({feed: Serial(each.serial, each.digest) for feed, each in newest.items()})
    except LedgerDamagedError as error:
        return [f"{error}: no signed list is taken until that file is removed"]
    return []


def audited(source: FeedSource) -> dict[str, object]:
    """The file as the audit trail shows it."""
    file: dict[str, object] = {"path": source.path, "size": source.size}
    if source.owner != NOT_OWNED:
        file["owner"] = source.owner
    if source.proof is not None:
        file |= {"serial": source.proof.serial, "signer": source.proof.signer}
    return file


def _statement(feed: Feed, manifest: bytes, signature: bytes) -> Statement:
    """The signer's word on this feed's list. Raises UnprovenError."""
    key = "" if feed.signature is None else feed.signature.public_key
    try:
        statement = read_statement(key, manifest, signature)
    except ProofError as error:
        raise UnprovenError(str(error)) from error
    if statement.feed != feed.id:
        message = f"the list was signed for the feed {statement.feed}, not for this one"
        raise UnprovenError(message)
    return statement


def _proof(feed: Feed, statement: Statement, signature: bytes) -> OriginProof:
    """The proof for the store. The digest of a confidential list would tell whether a guessed list is the
    real one; that of its signature does not, and the list is known again by it as well."""
    _, _, signed = signature.partition(b"\n")  # the untrusted comment may be anything
    told = hashlib.sha256(signed).hexdigest() if feed.confidential else statement.digest
    return OriginProof(statement.serial, told, statement.signer)


def _exchanged(where: str) -> UnprovenError:
    message = (
        f"the list {where} is not the one that was signed: its digest is not that of {MANIFEST}; "
        "where it is just being replaced, the next reading takes it"
    )
    return UnprovenError(message)


def _opened(path: Path, opened: ExitStack) -> GivenFile:
    try:
        # Not blocking: a named pipe would wait for its writer. The reader refuses it.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise UnreadableError(message) from error
    opened.callback(os.close, descriptor)
    return GivenFile(path, descriptor)


def small_file(path: Path) -> bytes:
    """A manifest or a signature. Raises SourceError."""
    with ExitStack() as opened:
        file = _opened(path, opened)
        require_regular(file)
        with file.open() as content:
            data = content.read(LARGEST_PROOF + 1)
    if len(data) > LARGEST_PROOF:
        message = f"{path} is longer than {LARGEST_PROOF} bytes"
        raise UnprovenError(message)
    return data


def require_regular(file: GivenFile) -> None:
    """Raise UnreadableError for a pipe, a device or a directory."""
    if not file.is_regular:
        message = f"{file} is no regular file"
        raise UnreadableError(message)


def _copied(
    file: GivenFile, context: Context, opened: ExitStack, *, confidential: bool
) -> tuple[GivenFile, str]:
    """A copy without a name, which ends with this process, and its digest: whoever can write the file could
    exchange its content between the verification and the reading."""
    require_regular(file)
    try:
        copy = opened.enter_context(_unnamed(context, confidential=confidential))
        digest = digest_of(file, copy.write, limit=context.settings.feeds.largest)
        copy.flush()
    except OSError as error:
        message = f"{file} cannot be copied for its verification: {error.strerror or error}"
        raise UnreadableError(message) from error
    return GivenFile(file.path, copy.fileno()), digest


def _unnamed(context: Context, *, confidential: bool) -> IO[bytes]:
    """A file without a name: on the disk, or in memory where nothing of it may be written in clear."""
    if confidential:
        return os.fdopen(os.memfd_create("list", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile(dir=context.settings.state_dir / "feeds")


def digest_of(file: GivenFile, write: Callable[[bytes], object] = len, limit: int = 0) -> str:
    """SHA-256 of a file as it stands; each piece of it is given to ``write``. 0 is no limit."""
    digest, size = hashlib.sha256(), 0
    with file.open() as content:
        while piece := content.read(_PIECE):
            size += len(piece)
            if limit and size > limit:
                message = f"{file} is larger than {limit} bytes (feeds.largest)"
                raise TooLargeError(message)
            digest.update(piece)
            write(piece)
    return digest.hexdigest()

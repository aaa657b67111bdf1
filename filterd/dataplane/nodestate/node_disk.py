"""The node state on the disk and in memory: three parts, a journal each, and which of them can be trusted.

The parts are ``mandatory`` (orders), ``parental`` (lines) and ``bindings``; the last two together are the
parental part. A part is *missing* until its journal was read, or a full resync from the store has written it
anew. Every change is on the disk before it is in memory. Owned by the node's thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from filterd.dataplane.nodestate import lines as parental
from filterd.dataplane.nodestate import orders as mandatory
from filterd.dataplane.nodestate.lines import KnownLines, ParentalBatch
from filterd.dataplane.nodestate.orders import KnownOrders
from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.dump import TableError
from filterd.disk.files import Chunk, make_directory
from filterd.disk.journal import Journal, JournalDamagedError, Loaded
from filterd.policy.classes import Classes
from filterd.policy.overlay import OrderRules
from filterd.policy.resolve import PolicyBook

LOG_LIMIT = 4 * 1024 * 1024
"""bytes that a log may have in any case before a checkpoint replaces it"""
LOG_SHARE = 4
"""a log may also grow to its checkpoint's size divided by this: a start reads both, and a long import must
not write the checkpoint over and over"""


@dataclass(slots=True)
class Part:
    """One part with its journal. ``revision`` is the newest in it; None while the part is missing."""

    journal: Journal
    revision: int | None = None
    damaged: int = 0
    """how often the journal was found damaged"""
    reason: str = ""
    """why the part is missing, without personal data; empty where it is not"""


def empty_addresses() -> Addresses:
    """A table with a seed of its own."""
    return Addresses(os.urandom(16))


@dataclass(slots=True)
class NodeDisk:
    """The parts of the node state."""

    directory: Path
    key: bytes
    """the installation's fingerprint key"""
    mandatory: Part = field(init=False)
    lines: Part = field(init=False)
    bindings: Part = field(init=False)
    orders: KnownOrders = field(init=False, default_factory=KnownOrders)
    book: PolicyBook = field(init=False)
    known: KnownLines = field(init=False)
    addresses: Addresses = field(init=False, default_factory=empty_addresses)

    def __post_init__(self) -> None:
        make_directory(self.directory)
        self.mandatory = Part(Journal(self.directory, "mandatory", self.key))
        self.lines = Part(Journal(self.directory, "parental", self.key))
        self.bindings = Part(Journal(self.directory, "bindings", self.key))
        self.book = PolicyBook({}, Classes())
        self.known = KnownLines(self.book)

    @property
    def parental_revision(self) -> int | None:
        """The newest revision that both halves of the parental part have; None where one is missing."""
        if self.lines.revision is None or self.bindings.revision is None:
            return None
        return self.lines.revision

    def parts(self) -> dict[str, Part]:
        """The parts by name, for metrics and readiness."""
        return {"mandatory": self.mandatory, "lines": self.lines, "bindings": self.bindings}

    def load(self, book: PolicyBook) -> None:
        """Read all parts; ``book`` is an empty one for the profiles in force. A part that is damaged or not
        there stays missing, with its reason."""
        self.book, self.known = book, KnownLines(book)
        self._load(self.mandatory, self._take_orders)
        self._load(self.bindings, self._take_bindings)
        self._load(self.lines, self._take_lines)

    def _load(self, part: Part, take: Callable[[Loaded], None]) -> None:
        if not part.journal.exists():
            part.reason = "not there yet"
            return
        try:
            loaded = part.journal.load()
            take(loaded)
        except (JournalDamagedError, TableError, ValueError, TypeError) as error:
            part.journal.close()
            part.damaged += 1
            part.reason = (
                str(error) if isinstance(error, JournalDamagedError) else "its content is not readable"
            )
            return
        part.revision = loaded.records[-1].revision if loaded.records else loaded.revision
        part.reason = ""

    def _take_orders(self, loaded: Loaded) -> None:
        orders = KnownOrders.from_body(loaded.body)
        for record in loaded.records:
            orders.apply(mandatory.decode(record.payload))
        self.orders = orders

    def _take_lines(self, loaded: Loaded) -> None:
        known = KnownLines.from_body(loaded.body, self.book)
        for record in loaded.records:
            known.apply(tuple(step) for step in json.loads(record.payload))
        self.known = known

    def _take_bindings(self, loaded: Loaded) -> None:
        addresses = Addresses.load(loaded.body)
        for record in loaded.records:
            parental.apply_bindings(addresses, json.loads(record.payload))
        self.addresses = addresses

    def add_orders(self, revision: int, orders: Iterable[OrderRules]) -> None:
        """Log and apply one batch. Raises ``OSError``: nothing is applied then."""
        batch = tuple(orders)
        self._append(self.mandatory, revision, mandatory.encode(batch), lambda: (self.orders.body(),))
        self.orders.apply(batch)

    def log_parental(self, revision: int, batch: ParentalBatch) -> None:
        """Log one batch. Raises ``OSError``: it must not be applied then.

        Bindings come first. Should the power fail in between, they are ahead; the same batch, read again from
        the store, then leaves them as they are.
        """
        before = self.bindings.revision
        if batch.bindings:
            self._append(self.bindings, revision, parental.encode(batch.bindings), self.addresses.dump_parts)
        try:
            self._append(self.lines, revision, parental.encode(batch.lines), self.known.body)
        except OSError:
            # The bindings in memory are still those of before: a checkpoint of them must not say otherwise.
            self.bindings.revision = before
            raise

    def apply_parental(self, batch: ParentalBatch) -> None:
        """Put a logged batch into the tables. Policies were claimed before
        (``KnownLines.claim_policies``)."""
        parental.apply_bindings(self.addresses, batch.bindings)
        self.known.apply(batch.lines)

    def replace_orders(self, revision: int, orders: Iterable[OrderRules]) -> None:
        """Replace the mandatory part after a full resync. Raises ``OSError``: the old part then stands."""
        fresh = KnownOrders()
        fresh.apply(orders)
        self.mandatory.journal.checkpoint(revision, fresh.body())
        self.orders = fresh
        self.mandatory.revision, self.mandatory.reason = revision, ""

    def replace_parental(
        self, revision: int, book: PolicyBook, known: KnownLines, addresses: Addresses
    ) -> Generator[None]:
        """Replace the parental part after a full resync. Yields while the disk is waited for, and ends when
        the new part is in place. Nothing may be logged meanwhile. Raises ``OSError``: the old part then
        stands.

        Bindings come first, for the same reason as in :meth:`log_parental`.
        """
        for journal, body in (
            (self.bindings.journal, addresses.dump_parts),
            (self.lines.journal, known.body),
        ):
            while not journal.settle():
                yield
            journal.begin(revision, *body())
            while not journal.settle():
                yield
        self.book, self.known, self.addresses = book, known, addresses
        for part in (self.bindings, self.lines):
            part.revision, part.reason = revision, ""

    def settle(self) -> None:
        """Use the checkpoints that are on the disk by now. Raises ``OSError`` if one could not be written."""
        for part in self.parts().values():
            part.journal.settle()

    def reopen(self) -> None:
        """Open each log again after a failed write. One that is not as it was left makes its part missing;
        one that cannot be read is tried again after the next failed write."""
        for part in self.parts().values():
            if part.revision is None or part.journal.is_open:
                continue
            try:
                part.journal.load()
            except JournalDamagedError as error:
                cause = error.__cause__
                if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
                    continue
                part.revision, part.reason = None, str(error)
                part.damaged += 1

    def close(self) -> None:
        """Close the logs."""
        for part in self.parts().values():
            part.journal.close()

    @staticmethod
    def _append(part: Part, revision: int, payload: bytes, body: Callable[[], tuple[Chunk, ...]]) -> None:
        """Add a record. Where the log has grown too long, a checkpoint of the memory is begun first; the log
        goes on while that is written."""
        journal = part.journal
        limit = max(LOG_LIMIT, journal.checkpoint_size // LOG_SHARE)
        if journal.log_size > limit and part.revision is not None and journal.settle():
            journal.begin(part.revision, *body())
        journal.append(revision, payload)
        part.revision = revision

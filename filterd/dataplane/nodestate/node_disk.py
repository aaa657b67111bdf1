"""The node state on the disk and in memory: four parts, a journal each, and which of them can be trusted.

The parts are ``mandatory`` (orders), ``liftings`` (exceptions and suspensions), ``parental`` (lines) and
``bindings``; the last two together are the parental part. Kept orders stand in a file of their own too
(filterd.dataplane.nodestate.kept_file). A part is *missing* until its journal was read, or a full resync from
the store has written it anew. Every change is on the disk before it is in memory. Owned by the node's thread.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from filterd.dataplane.nodestate import lines as parental
from filterd.dataplane.nodestate import orders as mandatory
from filterd.dataplane.nodestate.bindings import KnownBindings
from filterd.dataplane.nodestate.kept_file import KeptFile
from filterd.dataplane.nodestate.liftings import KnownLiftings, LiftingStep
from filterd.dataplane.nodestate.liftings import decode as decode_liftings
from filterd.dataplane.nodestate.liftings import encode as encode_liftings
from filterd.dataplane.nodestate.lines import KnownLines, ParentalBatch
from filterd.dataplane.nodestate.orders import KnownOrders
from filterd.dataplane.tables.dump import TableError
from filterd.disk.files import Chunk, make_directory
from filterd.disk.journal import Journal, JournalDamagedError, Loaded
from filterd.model.change_chain import Cursor
from filterd.policy.classes import Classes
from filterd.policy.overlay import OrderRules
from filterd.policy.policy_book import PolicyBook

LOG_LIMIT = 4 * 1024 * 1024
"""bytes that a log may have in any case before a checkpoint replaces it"""
LOG_SHARE = 4
"""a log may also grow to its checkpoint's size divided by this: a start reads both, and a long import must
not write the checkpoint over and over"""
SHORTEN_SECONDS = 86_400.0
"""between two checkpoints that are written so that former choices go"""
FIRST_SHORTEN_SECONDS = 3_600.0
"""after a start, which has other things to do, until the first of them"""

_GONE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
"""errors of a file that is no more: what the log held is lost"""


@dataclass(slots=True)
class Part:
    """One part with its journal. ``cursor`` is the newest place in it; None while the part is missing."""

    journal: Journal
    cursor: Cursor | None = None
    damaged: int = 0
    """how often the journal was found damaged"""
    reason: str = ""
    """why the part is missing, without personal data; empty where it is not"""


@dataclass(slots=True)
class NodeDisk:
    """The parts of the node state."""

    directory: Path
    key: bytes
    """the installation's fingerprint key"""
    mandatory: Part = field(init=False)
    liftings: Part = field(init=False)
    """while it is missing nothing is lifted, which hinders nobody from serving"""
    lines: Part = field(init=False)
    bindings: Part = field(init=False)
    orders: KnownOrders = field(init=False, default_factory=KnownOrders)
    """those on the disk; while the mandatory part is missing, those that are kept whatever the store says"""
    lifted: KnownLiftings = field(init=False, default_factory=KnownLiftings)
    kept_file: KeptFile = field(init=False)
    kept_damage: str = ""
    """why the file of kept orders could not be read at the start; empty where it was"""
    orders_known: bool = False
    """true once the orders were read, from the disk or from the store: a state can be made of them"""
    not_durable: dict[int, OrderRules] = field(init=False, default_factory=dict)
    """orders by id that are in force in this form, and that the disk did not take yet"""
    book: PolicyBook = field(init=False)
    known: KnownLines = field(init=False)
    bound: KnownBindings = field(init=False, default_factory=KnownBindings)
    _shorten_at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        make_directory(self.directory)
        self.mandatory = Part(Journal(self.directory, "mandatory", self.key))
        self.kept_file = KeptFile(self.directory, self.key)
        self.liftings = Part(Journal(self.directory, "liftings", self.key))
        self.lines = Part(Journal(self.directory, "parental", self.key))
        self.bindings = Part(Journal(self.directory, "bindings", self.key))
        self.book = PolicyBook({}, Classes())
        self.known = KnownLines(self.book)

    @property
    def parental_cursor(self) -> Cursor | None:
        """The newest place that both halves of the parental part have; None where one is missing."""
        if self.lines.cursor is None or self.bindings.cursor is None:
            return None
        return self.lines.cursor

    def in_force(self) -> KnownOrders:
        """The orders in force: those on the disk, and those that it did not take yet."""
        if not self.not_durable:
            return self.orders
        return KnownOrders({**self.orders.by_id, **self.not_durable})

    def parts(self) -> dict[str, Part]:
        """The parts by name, for metrics and readiness."""
        return {
            "mandatory": self.mandatory,
            "liftings": self.liftings,
            "lines": self.lines,
            "bindings": self.bindings,
        }

    def needed(self) -> dict[str, Part]:
        """The parts without which a node is not ready."""
        return {name: part for name, part in self.parts().items() if part is not self.liftings}

    def load(self, book: PolicyBook) -> None:
        """Read all parts; ``book`` is an empty one for the profiles in force. A part that is damaged or not
        there stays missing, with its reason."""
        self.book, self.known = book, KnownLines(book)
        self._load(self.mandatory, self._take_orders)
        self._load_kept()
        self._load(self.liftings, self._take_liftings)
        self._load(self.bindings, self._take_bindings)
        self._load(self.lines, self._take_lines)

    def _load(self, part: Part, take: Callable[[Loaded], None]) -> None:
        if not part.journal.exists():
            part.reason = "not there yet"
            return
        try:
            loaded = part.journal.load()
            take(loaded)
        except (JournalDamagedError, TableError, ValueError, TypeError, LookupError) as error:
            part.journal.close()
            part.damaged += 1
            part.reason = (
                str(error) if isinstance(error, JournalDamagedError) else "its content is not readable"
            )
            return
        part.cursor, part.reason = loaded.newest, ""

    def _load_kept(self) -> None:
        """Take over the kept orders that the mandatory part lacks: all of them, where it is missing."""
        for order in self.kept_file.load():
            self.orders.by_id.setdefault(order.mandate.id, order)
        self.kept_damage = self.kept_file.damage
        with contextlib.suppress(OSError):  # it is written with the next change otherwise
            if self.mandatory.cursor is not None:
                self.kept_file.save(self.orders.kept())

    def _take_orders(self, loaded: Loaded) -> None:
        orders = KnownOrders.from_body(loaded.body)
        for record in loaded.records:
            orders.apply(mandatory.decode(record.payload))
        self.orders, self.orders_known = orders, True

    def _take_liftings(self, loaded: Loaded) -> None:
        lifted = KnownLiftings.from_body(loaded.body)
        for record in loaded.records:
            lifted.apply(decode_liftings(record.payload))
        self.lifted = lifted

    def _take_lines(self, loaded: Loaded) -> None:
        known = KnownLines.from_body(loaded.body, self.book)
        for record in loaded.records:
            known.apply(tuple(step) for step in json.loads(record.payload))
        self.known = known

    def _take_bindings(self, loaded: Loaded) -> None:
        bound = KnownBindings.from_body(loaded.body)
        for record in loaded.records:
            bound.apply(json.loads(record.payload))
        self.bound = bound

    def add_orders(self, cursor: Cursor, orders: Iterable[OrderRules], now: float) -> list[OrderRules]:
        """Log and apply one batch. An order with the number of one in force that blocks more is united with
        it; returns those. Raises ``OSError``: what it adds can be enforced all the same, with
        :meth:`enforce`."""
        orders = tuple(orders)
        batch = self.in_force().joined(orders, now)
        after = KnownOrders(dict(self.orders.by_id))
        after.apply(batch)
        self.kept_file.save(after.kept())
        self._append(self.mandatory, cursor, mandatory.encode(batch), lambda: (self.orders.body(),))
        self.orders.apply(batch)
        for order in batch:
            self.not_durable.pop(order.mandate.id, None)
        return [form for form, order in zip(batch, orders, strict=True) if form is not order]

    def add_liftings(self, cursor: Cursor, steps: Iterable[LiftingStep]) -> None:
        """Log and apply one batch. Raises ``OSError``: only what it ends has ended then."""
        steps = tuple(steps)
        try:
            self._append(self.liftings, cursor, encode_liftings(steps), lambda: (self.lifted.body(),))
        except OSError:
            self.lifted.apply(step for step in steps if step.ended)
            raise
        self.lifted.apply(steps)

    def replace_liftings(self, cursor: Cursor, steps: Iterable[LiftingStep]) -> None:
        """Replace the part after a full resync. Raises ``OSError``: only what the store lacks has ended
        then."""
        fresh = KnownLiftings()
        fresh.apply(steps)
        try:
            self.liftings.journal.checkpoint(cursor, fresh.body())
        except OSError:
            known = self.lifted.by_number
            self.lifted = KnownLiftings({n: known[n] for n in known.keys() & fresh.by_number.keys()})
            raise
        self.lifted = fresh
        self.liftings.cursor, self.liftings.reason = cursor, ""

    def enforce(self, orders: Iterable[OrderRules]) -> bool:
        """Put in force what ``orders`` add, though the disk does not take them now. Returns whether that is
        anything new. Nothing is taken away: a start would bring it back."""
        additions = self.in_force().with_additions(orders)
        self.not_durable.update(additions)
        return bool(additions)

    def keep_remainder(self, cursor: Cursor, now: float) -> None:
        """Keep what is in force, was never durable, and is not demanded by the store at ``cursor`` any more.
        Raises ``OSError``."""
        if self.not_durable:
            kept = [replace(order, kept=order.kept or now) for order in self.not_durable.values()]
            self.add_orders(cursor, kept, now)

    def log_parental(self, cursor: Cursor, batch: ParentalBatch) -> None:
        """Log one batch. Raises ``OSError``: it must not be applied then.

        Bindings come first. Should the power fail in between, they are ahead; the same batch, read again from
        the store, then leaves them as they are.
        """
        before = self.bindings.cursor
        if batch.bindings:
            self._append(self.bindings, cursor, parental.encode(batch.bindings), self.bound.body)
        try:
            self._append(self.lines, cursor, parental.encode(batch.lines), self.known.body)
        except OSError:
            # The bindings in memory are still those of before: a checkpoint of them must not say otherwise.
            self.bindings.cursor = before
            raise

    def apply_parental(self, batch: ParentalBatch) -> None:
        """Put a logged batch into the tables. Policies were claimed before
        (``KnownLines.claim_policies``)."""
        self.bound.apply(batch.bindings)
        self.known.apply(batch.lines)

    def replace_orders(self, cursor: Cursor, orders: Iterable[OrderRules], now: float) -> None:
        """Replace the mandatory part after a full resync; what only this node knows is kept in force. Raises
        ``OSError``: the old part then stands, and what the new one adds can be enforced with
        :meth:`enforce`."""
        fresh = self.in_force().keeping(orders, now)
        self.kept_file.save(fresh.kept())
        self.mandatory.journal.checkpoint(cursor, fresh.body())
        self.orders, self.orders_known = fresh, True
        self.not_durable = {}
        self.mandatory.cursor, self.mandatory.reason = cursor, ""

    def replace_parental(
        self, cursor: Cursor, book: PolicyBook, known: KnownLines, bound: KnownBindings
    ) -> Generator[None]:
        """Replace the parental part after a full resync. Yields while the disk is waited for, and ends when
        the new part is in place. Nothing may be logged meanwhile. Raises ``OSError``: the old part then
        stands.

        Bindings come first, for the same reason as in :meth:`log_parental`.
        """
        for journal, body in (
            (self.bindings.journal, bound.body),
            (self.lines.journal, known.body),
        ):
            while not journal.settle():
                yield
            journal.begin(cursor, *body())
            while not journal.settle():
                yield
        self.book, self.known, self.bound = book, known, bound
        for part in (self.bindings, self.lines):
            part.cursor, part.reason = cursor, ""

    def settle(self) -> None:
        """Use the checkpoints that are on the disk by now. Raises ``OSError`` if one could not be written."""
        for part in self.parts().values():
            part.journal.settle()

    def shorten(self, ticks: float) -> None:
        """Once a day, replace the logs of what lines chose and are bound to by checkpoints of the memory: no
        former choice stays longer. Not during a full resync, which writes them itself. ``ticks``: seconds of
        a clock that does not go back. Raises ``OSError``."""
        if not self._shorten_at:
            self._shorten_at = ticks + FIRST_SHORTEN_SECONDS
        if ticks < self._shorten_at:
            return
        self._shorten_at = ticks + SHORTEN_SECONDS
        for part, body in ((self.bindings, self.bound.body), (self.lines, self.known.body)):
            if part.cursor is not None and part.journal.has_records and part.journal.settle():
                part.journal.begin(part.cursor, *body())

    def reopen(self) -> None:
        """Open each log again after a failed write. One that is not as it was left makes its part missing;
        one that cannot be read is tried again after the next failed write."""
        for part in self.parts().values():
            if part.cursor is None or part.journal.is_open or part.journal.outdated:
                continue
            try:
                part.journal.load()
            except JournalDamagedError as error:
                cause = error.__cause__
                if isinstance(cause, OSError) and not isinstance(cause, _GONE):
                    continue
                part.cursor, part.reason = None, str(error)
                part.damaged += 1

    def close(self) -> None:
        """Close the logs."""
        for part in self.parts().values():
            part.journal.close()

    @staticmethod
    def _append(part: Part, cursor: Cursor, payload: bytes, body: Callable[[], tuple[Chunk, ...]]) -> None:
        """Add a record. Where the log has grown too long, a checkpoint of the memory is begun first; the log
        goes on while that is written."""
        journal = part.journal
        limit = max(LOG_LIMIT, journal.checkpoint_size // LOG_SHARE)
        if journal.log_size > limit and part.cursor is not None and journal.settle():
            journal.begin(part.cursor, *body())
        journal.append(cursor, payload)
        part.cursor = cursor

"""Confidential orders and lists: their entries sealed where they are kept, and opened for those who decide.

Sealed with the newest of the keys in ``state_dir/keys/confidential.key``, for orders together with the
fingerprints that nodes enforce. A lost key opens nothing and lifts nothing: nodes go on with fingerprints and
the snapshot in force, and a compile that cannot read an order or a list refuses.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from filterd.config.settings import Settings
from filterd.disk import key_ring, sealed
from filterd.disk.key_ring import KeyRing, KeyRingError, NamedKey
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.disk.sealed import SealedError
from filterd.model.order import ENDED_BY_PEOPLE, Order
from filterd.model.rule import Scope
from filterd.model.sealed_entries import SealedEntries
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.feeds import rule_files
from filterd.operations.keys import load_key
from filterd.policy import snapshot_layout
from filterd.policy.documents import Feed
from filterd.policy.overlay import fingerprints
from filterd.store import orders as rows
from filterd.store.sealing import reseal

KEYS_REMEDY = (
    f"put back keys/{key_ring.NAME} below the state directory from where you keep it (add its lines to the"
    " file that stands there, which may have a newer key); what is in force stays meanwhile"
)
LOST_REMEDY = (
    KEYS_REMEDY
    + ". If the key is lost for good, take the order in anew (filterd order add), see it in force where"
    " nodes answer, and only then: filterd order withdraw {0} --reason ..."
)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals the entries of orders: called with one that has its entries open."""

    key: NamedKey = field(repr=False)
    fingerprint_key: bytes = field(repr=False)

    def __call__(self, order: Order) -> SealedEntries:
        """The sealed entries of the order, bound to its number."""
        demand = order.demand
        names = [[name, int(scope)] for name, scope in demand.names]
        text = json.dumps([names, list(demand.addresses)], separators=(",", ":")).encode()
        found = b"".join(sealed.seal((text,), self.key, _purpose(order)))
        return SealedEntries(
            self.key.id,
            base64.b64encode(found).decode("ascii"),
            len(demand.names) + len(demand.addresses),
            fingerprints(demand.names, demand.addresses, self.fingerprint_key),
        )


def sealer(settings: Settings, now: float) -> Sealer:
    """The newest key, made at the first call. Raises OperationError."""
    try:
        key = key_ring.sealing_key(settings.state_dir, now)
    except (OSError, KeyRingError) as error:
        raise unusable(settings.state_dir, error) from error
    return Sealer(key, load_key(settings, FINGERPRINT_KEY))


def with_sealed(order: Order, seals: Sealer) -> Order:
    """A confidential order with its entries sealed beside the open ones; any other as it is."""
    if not order.demand.confidential:
        return order
    return replace(order, demand=replace(order.demand, sealed=seals(order)))


def ring(settings: Settings) -> KeyRing:
    """The keys. Raises OperationError where they cannot be read."""
    try:
        return key_ring.read(settings.state_dir)
    except (OSError, KeyRingError) as error:
        raise unusable(settings.state_dir, error) from error


def opened(settings: Settings, order: Order) -> Order:
    """The order with its entries, beside the sealed form where it has one. Raises OperationError where they
    do not open."""
    return order if order.demand.sealed is None else _opened(order, ring(settings))


def _opened(order: Order, keys: KeyRing) -> Order:
    found = order.demand.sealed
    if found is None:
        return order
    try:
        source = io.BytesIO(base64.b64decode(found.text, validate=True))
        names, addresses = json.loads(b"".join(sealed.open_sealed(source.read, keys, _purpose(order))))
        entries = tuple((str(name), Scope(scope)) for name, scope in names)
    except (SealedError, ValueError, TypeError) as error:
        why = str(error) if isinstance(error, SealedError) else "it holds something else"
        message = f"the entries of the confidential order {order.reference} cannot be opened: {why}"
        raise OperationError(message, LOST_REMEDY.format(order.reference)) from None
    return replace(order, demand=replace(order.demand, names=entries, addresses=tuple(addresses)))


def in_clear(settings: Settings, orders: Iterable[Order]) -> list[Order]:
    """The orders with their entries and without the sealed form, for a compile: it is told them through a
    pipe. Raises OperationError where one does not open: a snapshot without it would lift it."""
    wanted = list(orders)
    if all(order.demand.sealed is None for order in wanted):
        return wanted
    keys = ring(settings)
    found = [_opened(order, keys) for order in wanted]
    return [replace(order, demand=replace(order.demand, sealed=None)) for order in found]


async def settle(context: Context, feeds: Iterable[Feed]) -> None:
    """Seal what an earlier version left in clear of these feeds, and make the fingerprints of confidential
    orders anew where the fingerprint key is another one than theirs. Those of :func:`is_past` stay as they
    are.

    Raises OperationError. Control and every build call it: with nothing to do it reads some headers.
    """
    await asyncio.to_thread(_seal_files, context, [each for each in feeds if each.confidential])
    key_id = snapshot_layout.key_id(load_key(context.settings, FINGERPRINT_KEY)).hex()
    keys = await asyncio.to_thread(ring, context.settings)

    def must_be_sealed(order: Order) -> bool:
        return _is_foreign(order, key_id) and not is_past(order, keys)

    async with context.store.read() as connection:
        known = (await rows.all_orders(connection)).orders
    if any(map(must_be_sealed, known)):
        await _reseal_orders(context, must_be_sealed)


def is_past(order: Order, keys: KeyRing) -> bool:
    """Return whether people ended the order and the key of its names is lost: no node needs the names, and
    nothing can open them."""
    found = order.demand.sealed
    return found is not None and order.state in ENDED_BY_PEOPLE and keys.find(found.key_id) is None


def _is_foreign(order: Order, key_id: str) -> bool:
    found = order.demand.sealed
    return found is not None and not order.damage and found.fingerprints.key_id != key_id


def _seal_files(context: Context, feeds: Iterable[Feed]) -> None:
    state_dir = context.settings.state_dir
    try:
        clear = [
            path
            for feed in feeds
            for path in files_of(state_dir, feed.id)
            if not rule_files.sealed_with(path)
        ]
        if clear:
            key = sealer(context.settings, context.clock()).key
            with rule_files.writing(state_dir):
                for path in clear:
                    rule_files.reseal(path, key)
    except OSError as error:
        message = f"a version of a confidential list cannot be sealed: {error.strerror or error}"
        raise OperationError(message, "see that the disk has room (df), then build again") from error


def files_of(state_dir: Path, feed: str) -> Iterator[Path]:
    """The files of the versions of a feed."""
    return (
        path for path in rule_files.rule_file(state_dir, feed, 0).parent.glob("*.rules") if path.is_file()
    )


async def _reseal_orders(context: Context, wanted: Callable[[Order], bool]) -> int:
    """Seal the orders that are wanted anew, in one write. Return how many that were."""
    seals = sealer(context.settings, context.clock())
    count = 0
    async with context.store.write(context.actor, context.clock()) as write:
        for order in (await rows.all_orders(write.connection)).orders:
            if wanted(order):
                await reseal(write, order, seals(opened(context.settings, order)))
                count += 1
    return count


def _purpose(order: Order) -> bytes:
    return f"filterd order {order.number}".encode()


def unusable(state_dir: Path, error: Exception) -> OperationError:
    """The refusal where the keys cannot be read or made."""
    says = error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
    message = f"the keys of confidential names, {key_ring.path_of(state_dir)}, cannot be used: {says}"
    return OperationError(message, KEYS_REMEDY)

"""The policy snapshot: opened into sealed memory, verified once, then only looked up.

The match itself is native (``snapshot.pxd``: match_name, match_address); :class:`Matched` is its Python face.
"""

from collections.abc import Iterable
from os import PathLike
from typing import Any, Protocol, final

class _Readable(Protocol):
    """An unbuffered or buffered binary file."""

    def read(self, size: int, /) -> bytes: ...
    def readinto(self, buffer: Any, /) -> int | None: ...

@final
class Snapshot:
    """A verified snapshot in memory of its own, read-only from the moment it is verified."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Not for use: a snapshot comes from :meth:`open` or :meth:`read`. TypeError."""

    @staticmethod
    def open(path: str | PathLike[str], key: bytes) -> Snapshot:
        """Read, verify and seal the snapshot at ``path``.

        Raises the :class:`~filterd.policy.snapshot_layout.SnapshotError` that says what is wrong with it,
        OSError when it cannot be read, and ValueError for a key that is not 16 bytes long.
        """

    @staticmethod
    def read(file: _Readable, size: int, key: bytes) -> Snapshot:
        """The same from an open file of ``size`` bytes, at its beginning."""

    @property
    def meta(self) -> dict[str, Any]:
        """The compiler's record of the lists: see ``compiler``."""

    @property
    def digest(self) -> str:
        """The policy digest, 64 hexadecimal digits."""

    @property
    def built_at_revision(self) -> int:
        """The store's revision that it was compiled from."""

    @property
    def built_at(self) -> int:
        """When, in Unix seconds."""

    @property
    def names(self) -> int:
        """The number of different names and prefixes in it."""

    @property
    def size(self) -> int:
        """Its memory in bytes, which is the file's length."""

@final
class Opening:
    """A snapshot that is opened step by step, each of which takes about a millisecond at most, for a process
    that has something better to do in between. Any step raises what :meth:`Snapshot.open` raises; there is
    none after that."""

    def __init__(self, file: _Readable, size: int, key: bytes) -> None:
        """Of an open file of ``size`` bytes, at its beginning; it is the caller's to close."""

    def step(self) -> Snapshot | None:
        """Do some more of the work; the snapshot when all is done."""

@final
class Overlay:
    """A small table over the snapshot: what cannot wait for a compile. Built whole, then read-only."""

    def __init__(
        self,
        rules: Iterable[tuple[bytes, int, int, int]] = (),
        prefixes4: Iterable[int] = (),
        prefixes6: Iterable[int] = (),
    ) -> None:
        """Each rule is (fingerprint, target, scope, action): a target is a class bit, or
        ``build.MANDATORY_TARGET`` plus a mandatory id. A rule on an address prefix has scope SUBTREE, and its
        length stands in ``prefixes4`` or ``prefixes6``. ValueError for a value that no table can hold."""

    @property
    def entries(self) -> int:
        """The number of different names and prefixes in it."""

@final
class Matched:
    """The lists that a name or address stands in, as the native match found them."""

    @property
    def bits(self) -> frozenset[int]:
        """The classes, exceptions taken away."""

    @property
    def wide(self) -> frozenset[int]:
        """Those of them that hold for everything below the name too."""

    @property
    def mandatory(self) -> tuple[tuple[int, int, int], ...]:
        """The mandatory ids in force, each with its rule's scope and where the rule's name starts."""

    @property
    def coming(self) -> bool:
        """True if an id that is coming (known and not in force yet) blocks it, exceptions not looked at."""

    @property
    def overflow(self) -> bool:
        """True if there were more ids than a match holds."""

def match_wire(
    snapshot: Snapshot,
    overlay: Overlay | None,
    key: bytes,
    wire: bytes,
    active: bytes,
    *,
    of_parent: bool = False,
) -> Matched:
    """The match of a lower-cased wire name. ``active`` is the active set: a byte per mandatory id.

    ``of_parent``: of a DS question: no list and no mandatory id counts that stands at the name itself.
    """

def match_packed(
    snapshot: Snapshot, overlay: Overlay | None, key: bytes, address: bytes, active: bytes
) -> Matched:
    """The match of an address of 4 or 16 bytes."""

def origin_of_class(
    snapshot: Snapshot, overlay: Overlay | None, key: bytes, wire: bytes, bit: int
) -> tuple[int, int] | None:
    """The rule that gave a class to a name: (label index where the rule's name starts, scope); None: none."""

def origin_of_address_class(
    snapshot: Snapshot, overlay: Overlay | None, key: bytes, address: bytes, bit: int
) -> int | None:
    """The length of the prefix whose rule gave a class to an address, None when none did."""

def contains(table: Snapshot | Overlay, fingerprint: bytes) -> bool:
    """True if a rule stands under this fingerprint."""

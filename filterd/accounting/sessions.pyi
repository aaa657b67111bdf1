"""The table of sessions: which line has an address at this moment."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from filterd.accounting.event import EventSink
from filterd.accounting.session_view import ClockStates, SessionCounts, SessionView
from filterd.model.session import SessionSource

class Sessions(EventSink):
    """The sessions that there are now, in a file that holds nothing else. Any thread may call any method.

    ``path`` None: in memory alone. ``expected``: sessions were in use here, so that a file which is gone is a
    loss. ``note``: the file beside the directory that names its epoch, so that an older copy which was put
    back is a loss as well; None: that is not looked at. ``key`` (16 bytes) is a secret for hashes. ``most``
    sessions fit; later ones are refused. ``stale_after`` (seconds): older evidence of a NAS claims nothing.
    ``clock`` tells Unix seconds.
    Raises LockedError where another process has the file, OSError and MemoryError.
    """

    def __init__(
        self,
        path: Path | None,
        key: bytes,
        most: int,
        stale_after: int,
        clock: Callable[[], float],
        *,
        expected: bool = False,
        note: Path | None = None,
    ) -> None: ...
    @property
    def disordered(self) -> bool:
        """True once another hand changed the file beneath the table: nothing is taken from it or put into it
        any more, and only opening it anew helps. Records are looked at by the sweep, and before a receiver
        gets all of them."""
    @property
    def unsettled(self) -> int:
        """Seconds for which sessions of before may be missing; 0: none are. Kept in the file, so that a start
        meanwhile does not take the rest for everything. After a loss it is more than any setting, until
        ``settle`` is called."""
    def settle(self, left: int) -> None:
        """Sessions may be missing for so many seconds more; 0: all that go on were told again."""
    def change_epoch(self) -> None:
        """Begin a new epoch: copies of the file that were made before are known as such. Raises ``OSError``;
        the epoch of before then goes on. It syncs files, so it is not for an event loop."""
    def anchor(self, boot: bytes, offset: float) -> None:
        """Write into the file that the clock is ``offset`` seconds ahead of the time since this boot (an id
        of 16 bytes), and that it shows the present time. To be called now and then: whoever reads the file in
        another boot takes earlier times for wrong. ValueError for an id of another length."""
    @property
    def begun_empty(self) -> bool:
        """True where the state of before was found lost or damaged at this opening; ``damage`` says how."""
    @property
    def damage(self) -> str: ...
    @property
    def stale_after(self) -> int:
        """The age in seconds from which evidence of a NAS claims nothing; it may be set at any time."""
    @stale_after.setter
    def stale_after(self, seconds: int) -> None: ...
    @property
    def most(self) -> int:
        """The most sessions that there is room for: as many as were asked for, or the room of a file that was
        made for more."""
    @property
    def sequence(self) -> int:
        """The number of the newest change."""
    @property
    def stream(self) -> int:
        """The id of this run's changes: random, never 0."""
    def register(self, subscriber: bytes, line: int) -> None:
        """Tell the line (from 1) of a subscriber, by fingerprint; its sessions count at once."""
    def register_many(self, pairs: bytes | bytearray) -> None:
        """Tell the lines of many subscribers: of each the fingerprint (16 bytes) and the line (8, in this
        machine's order). ValueError where one is no line; then none is taken."""
    def forget(self, subscriber: bytes) -> None:
        """A subscriber is registered no longer: its addresses are nobody's, its sessions are kept."""
    def put(
        self,
        claims: Sequence[tuple[bytes, int, tuple[int, int] | None]],
        *,
        subscriber: bytes,
        session: bytes,
        nas: bytes,
        source: int,
        stamp: float,
        lasts: int,
        kind: int,
    ) -> bool:
        """Give it one event of a lease or command: claims of address (16 bytes), prefix length and ports;
        fingerprints of 16 bytes, zero for none; ``stamp`` in Unix seconds of this machine's clock. False:
        there was no room for a new session, in the table or on its disk. ValueError for what is none."""
    def give(
        self,
        claims: Sequence[tuple[bytes, int, tuple[int, int] | None]],
        *,
        subscriber: bytes,
        session: bytes,
        nas: bytes,
        stamp: float,
        arrival: float,
        lasts: int,
        kind: int,
        delay: float = 0.0,
    ) -> None:
        """Give it one RADIUS event with the NAS's own stamp, as the receiver does, for tests. ``delay``:
        seconds."""
    def find(self, address: bytes, port: int = 0) -> SessionView | None:
        """The session that has the address (16 bytes): its ports first, then the longest prefix."""
    def holder(self, claim: tuple[bytes, int, tuple[int, int] | None]) -> SessionView | None:
        """The session that has this very claim (address of 16 bytes, prefix length, ports), or ports in
        common with it: not one that merely covers it, as ``find`` would give. Bits of the address behind the
        prefix must be zero. ValueError for what is no claim."""
    def is_ambiguous(self, address: bytes) -> bool:
        """True where the newest evidence about the address (16 bytes), or about a prefix around it, is of two
        lines, so that it is nobody's until newer evidence. Ports of an address are not looked for. To be
        asked where ``find`` has nothing. ValueError for another length."""
    def of_line(self, line: int, most: int) -> tuple[list[SessionView], int]:
        """The sessions of a line, ``most`` of them at most, and how many it has in all. The table is visited
        once, in parts."""
    def count_lines(self, lines: array[int]) -> Mapping[SessionSource, int]:
        """The number of sessions of these lines, by what told of them. ``lines``: numbers of 64 bits (type
        code ``Q``) in ascending order, each once. ValueError for others. The table is visited once, in
        parts, without the GIL."""
    def counts(self) -> SessionCounts: ...
    def clock_states(self) -> ClockStates:
        """Numbers of NASes by the state of their clocks; it visits all NASes, in parts."""
    def changes(self, after: int, most: int) -> tuple[int, bytes] | None:
        """The entries of the changes behind ``after`` (at most ``most``), and the number of the last of
        them. None: they are no longer known, begin with ``full``."""
    def full(self, cursor: int, most: int, *, unregistered: bool = False) -> tuple[int, bytes]:
        """The entries of some of the sessions, and the cursor to go on with: 0 to begin, 0 when there are no
        more.

        Raises OSError for a receiver where another hand changed the file. At most ``most`` entries (120 or
        more). A part may be empty and not the last. ``unregistered``: also
        those of subscribers that nobody has registered, with the line 0; not for receivers.
        """
    def sweep(self, most: int) -> int:
        """Visit ``most`` places and drop what is stale or ended by its NAS. Returns how many places are
        still to be visited until all sessions that a NAS ended are gone; 0: there is no hurry."""
    def close(self) -> None:
        """Let the file go. Nobody else may be using the table."""

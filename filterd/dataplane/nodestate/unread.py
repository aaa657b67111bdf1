"""The lines that the store changed while the node was down, until their changes are followed.

A start serves before it has followed lines and bindings, since a long import may be among them. Meanwhile
``dns.parental_fail`` holds for these lines, and for no other: their choices are not what the node has. Owned
by the node's thread; what the query path reads is replaced, never altered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from filterd.dataplane.nodestate.bindings import KnownBindings, binding_steps

MOST_BINDINGS = 10_000
"""bindings that a start takes of lines that changed, and of new ones, the newest first; and ten times as many
of new ones that opted in, and of changed ones that did or have own names: half a second"""


class UnreadChanges:
    """See the module. ``highest`` is the highest number of a line that the node knew: a greater one is a new
    line, unread until ``newest``, the newest revision of the store, is followed."""

    def __init__(
        self,
        highest: int,
        newest: int,
        changes: Sequence[tuple[int, int]],
        bindings: Iterable[tuple[str, int]],
        key: bytes,
    ) -> None:
        """``changes``: line and revision, by revision, of lines that the node knew; ``bindings``: bound and
        line, of all lines with changes; a malformed one is left out."""
        self.highest = highest
        self.newest = newest
        self.bindings = KnownBindings()
        for text, line in bindings:
            with suppress(ValueError):  # a damaged row: the node says so where it follows it
                self.bindings.apply(binding_steps(text, line, key))
        last = dict(changes)
        self._bits = bytearray(max(last, default=0) // 8 + 1)
        for line in last:
            self._bits[line >> 3] |= 1 << (line & 7)
        self._waiting = [each for each in reversed(changes) if last[each[0]] == each[1]]
        self.lines = bytes(self._bits)
        """a bit for each number"""

    def __len__(self) -> int:
        """Known lines that are waited for."""
        return len(self._waiting)

    def follow(self, revision: int) -> bool:
        """The changes up to ``revision`` were followed. Returns whether that was the last one of a line."""
        before = len(self._waiting)
        while self._waiting and self._waiting[-1][1] <= revision:
            line, _ = self._waiting.pop()
            self._bits[line >> 3] &= ~(1 << (line & 7))
        if len(self._waiting) == before:
            return False
        self.lines = bytes(self._bits)
        return True

"""The lines of the node state with their choices, and the steps of the parental part that holds them.

Two journals keep that part, lines and bindings, so that a node whose lines are damaged still knows *which*
addresses belong to a line, and can refuse those alone (``parental_fail: closed``). Own names are kept as
fingerprints only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from filterd.dataplane.nodestate.bindings import BindingStep, binding_steps
from filterd.dataplane.tables.lines import Lines
from filterd.disk.files import Chunk
from filterd.model.changelog import BindingChange, BindingRemoved, Change, LineChange, LineRemoved
from filterd.model.line import LineChoices
from filterd.model.rule import Action, Scope
from filterd.policy.decide import LineHandle
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.policy_book import PolicyBook

OwnRule = tuple[str, int, int]
"""the name's fingerprint in hexadecimal, action, scope"""
LineOfStep = tuple[int, int, str, str, int, list[OwnRule]]
"""line, flags, policy key, zone, paused until, own names"""
LineStep = LineOfStep | tuple[int]
"""the number alone: the line is gone"""

OPTED_IN = 1
SECURITY_LEFT = 2


@dataclass(frozen=True, slots=True)
class ParentalBatch:
    """Changes of the parental stream in the form in which they are logged and applied."""

    lines: tuple[LineStep, ...]
    bindings: tuple[BindingStep, ...]


def batch_of(changes: Iterable[Change], key: bytes) -> ParentalBatch:
    """The changes as steps, names and identities turned into fingerprints. ValueError for a
    malformed name or bound."""
    lines: list[LineStep] = []
    bindings: list[BindingStep] = []
    for change in changes:
        match change:
            case LineChange(choices):
                lines.append(_line_step(choices, key))
            case LineRemoved(line):
                lines.append((line,))
            case BindingChange(prefix, line):
                bindings += binding_steps(prefix, line, key)
            case BindingRemoved(prefix):
                bindings += binding_steps(prefix, None, key)
    return ParentalBatch(tuple(lines), tuple(bindings))


def _line_step(choices: LineChoices, key: bytes) -> LineStep:
    own = [
        (fingerprint_name(key, own.name).hex(), int(own.action), int(own.scope)) for own in choices.own_names
    ]
    flags = (OPTED_IN if choices.opted_in else 0) | (SECURITY_LEFT if choices.security_left else 0)
    return choices.line, flags, choices.policy_key, choices.zone, choices.paused_until, own


class KnownLines:
    """The lines by number, each with its policy. Owned by the node's thread; read by the query path."""

    def __init__(
        self, book: PolicyBook, table: Lines | None = None, keys: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.table = table if table is not None else Lines(os.urandom(16))
        self._book = book
        for number, (key, zone) in enumerate(keys, start=1):
            if self._index(key, zone) != number:
                msg = f"the policies of the lines do not have their places: {key} in {zone}"
                raise ValueError(msg)
        if table is not None:
            for index, lines in table.lines_of_policies().items():
                book.hold(index, lines)
            book.rest_unused()

    @classmethod
    def from_body(cls, body: memoryview, book: PolicyBook) -> KnownLines:
        """Reads the result of :meth:`body`. ValueError or TableError for anything else."""
        size = int.from_bytes(body[:4], "little")
        keys = [(str(profile), str(zone)) for profile, zone in json.loads(bytes(body[4 : 4 + size]))]
        return cls(book, Lines.load(body[4 + size :]), keys)

    def body(self) -> tuple[Chunk, ...]:
        """All lines, for a checkpoint."""
        keys = json.dumps(self._book.keys()).encode()
        return len(keys).to_bytes(4, "little"), keys, *self.table.dump_parts()

    def claim_policies(self, steps: Iterable[LineStep]) -> bool:
        """Give every policy in ``steps`` its index. Returns whether one is new: a state must then be
        published before :meth:`apply`."""
        before = self._book.claimed
        for step in steps:
            if len(step) > 1:
                self._index(step[2], step[3])
        return self._book.claimed > before

    def apply(self, steps: Iterable[LineStep]) -> None:
        """Put each step into the table."""
        for step in steps:
            before = self.table.policy_of(step[0])
            if len(step) == 1:
                self.table.remove(step[0])
            else:
                self._put(step)
            if before is not None:
                self._book.release(before)

    def _put(self, step: LineOfStep) -> None:
        number, flags, key, zone, paused_until, own = step
        index = self._index(key, zone)
        self.table.upsert(
            LineHandle(
                number,
                policy=index,
                opted_in=bool(flags & OPTED_IN),
                paused_until=paused_until,
                security_left=bool(flags & SECURITY_LEFT),
                own_names=[
                    (bytes.fromhex(value), Action(action), Scope(scope)) for value, action, scope in own
                ],
            )
        )
        self._book.hold(index)

    def _index(self, key: str, zone: str) -> int:
        return self._book.index_of_line(key, zone)[0]


def encode(steps: Sequence[LineStep] | Sequence[BindingStep]) -> bytes:
    """Steps as compact JSON, for the log."""
    return json.dumps(steps, separators=(",", ":")).encode()

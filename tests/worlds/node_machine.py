"""A node on a test's own directory, clock and store, and who is told what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterd.dataplane.nodestate.node import Node
from filterd.dataplane.nodestate.node_types import NodePaths, Published
from filterd.model.changelog import LineChange, OrderChange
from filterd.model.line import LineChoices
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Scope
from filterd.model.verdict import Kind
from filterd.policy.classes import FIXED, Classes, ListClass
from filterd.policy.decide import decide_name
from filterd.policy.published import StateSettings
from filterd.policy.trace import Decision
from filterd.wire.names import name_from_text
from tests.worlds.node import KEY, profile, put_snapshot

NOW = 1_800_000_000
CLASSES = Classes((*FIXED, ListClass("adult", Kind.CATEGORY, 8, category="adult")))
PROFILES = {"children": profile("adult")}
CHILD = LineChange(LineChoices(7, opted_in=True, profile="children", zone="America/Mexico_City"))
ORDER = OrderChange(FIRST_ORDER_ID + 1, "1", (("banned.example", Scope.SUBTREE),), ("198.51.100.0/24",))
LOOPBACK = bytes([127, 0, 0, 2])


@dataclass
class Watcher:
    """Takes what the node publishes and says."""

    shown: list[Published] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fields: list[dict[str, object]] = field(default_factory=list)
    """of each note"""
    enforcements: list[float] = field(default_factory=list)

    def note(self, event: str, **fields: object) -> None:
        self.fields.append(fields)
        self.notes.append(f"{event} {fields.get('reason', fields.get('part', ''))}".strip())

    def enforced(self, seconds: float) -> None:
        self.enforcements.append(seconds)

    def failed(self, error: Exception) -> None:
        self.notes.append(type(error).__name__)

    @property
    def last(self) -> Published:
        return self.shown[-1]

    def blocked(self, name: str) -> bool:
        """True if the state shown last blocks the name for everyone."""
        return self._decided(name).verdict.reason == 2

    def coming(self, name: str) -> bool:
        """True if an order that is not in force yet speaks of the name."""
        return self._decided(name).coming

    def _decided(self, name: str) -> Decision:
        assert self.last.state is not None
        return decide_name(self.last.state, None, name_from_text(name), NOW, traced=False)


@dataclass
class Machine:
    """A node's directory and the node that runs in it; :meth:`start` is also a start again."""

    directory: Path
    store: Path | None
    watcher: Watcher = field(default_factory=Watcher)
    now: float = NOW
    ticks: float = 100.0
    """the clock that does not go back"""
    key: bytes = KEY
    node: Node = field(init=False)
    """once it was started"""

    def start(self, **switches: Any) -> Node:
        if hasattr(self, "node"):
            self.node.close()
        self.watcher = Watcher()
        place = NodePaths(self.directory, self.store, self.key)
        self.node = Node(
            place,
            StateSettings(**switches),
            self.watcher.shown.append,
            self.watcher,
            lambda: self.now,
            lambda: self.ticks,
        )
        self.node.load()
        return self.node

    def wait(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.now += seconds
        self.ticks += seconds

    def settle(self) -> None:
        while self.node.turn():
            pass

    def put_snapshot(
        self,
        revision: int,
        rules: Iterable[tuple[str, int]] = (),
        *,
        spoil: Callable[[bytes], bytes] = bytes,
        key: bytes = KEY,
        history: str = "",
        mandates: Iterable[Mandate] = (),
        unread: Iterable[str] = (),
    ) -> str:
        return put_snapshot(
            self.directory,
            revision,
            CLASSES,
            PROFILES,
            rules,
            spoil=spoil,
            key=key,
            history=history,
            mandates=mandates,
            unread=unread,
        )

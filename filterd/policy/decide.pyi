"""The verdict on a query's name, and the published state that it is given on."""

from collections.abc import Iterable, Mapping, Sequence
from types import EllipsisType
from typing import Self, final

from filterd.model.mandatory import Mandate
from filterd.model.rule import Action, Scope
from filterd.policy.classes import Classes
from filterd.policy.policy_table import PolicyTable
from filterd.policy.published import StateSettings
from filterd.policy.resolve import ResolvedPolicy
from filterd.policy.snapshot import Overlay, Snapshot
from filterd.policy.trace import Decision

@final
class LineHandle:
    """A line's choices in native form, with its own names as ``(fingerprint, action, scope)``.

    ``policy`` is the index of a policy of the state; ``paused_until`` is Unix seconds, 0 for "not paused".
    """

    def __new__(
        cls,
        number: int,
        *,
        policy: int = 0,
        opted_in: bool = False,
        paused_until: int = 0,
        security_left: bool = False,
        own_names: Iterable[tuple[bytes, Action, Scope]] = (),
    ) -> Self: ...

@final
class TargetTable:
    """The safe hosts by class bit."""

    def __new__(cls, hosts: dict[int, str]) -> Self: ...

@final
class PublishedState:
    """Everything that a verdict needs at one moment; immutable. ``key``: the snapshot's fingerprint key.

    ``mandates`` are what is known now of orders and mandatory lists; one in the snapshot's meta with the same
    id gives way. ``policies`` stand at the index by which lines refer to them; a table of them is held, not
    copied.
    """

    def __new__(
        cls,
        snapshot: Snapshot,
        key: bytes,
        *,
        now: int,
        generation: int = 1,
        overlay: Overlay | None = None,
        mandates: Iterable[Mandate] = (),
        policies: Sequence[ResolvedPolicy] = (),
        settings: StateSettings | None = None,
    ) -> Self: ...
    @property
    def snapshot(self) -> Snapshot: ...
    @property
    def overlay(self) -> Overlay | None: ...
    @property
    def classes(self) -> Classes: ...
    @property
    def settings(self) -> StateSettings: ...
    @property
    def policies(self) -> PolicyTable: ...
    @property
    def mandates(self) -> Mapping[int, Mandate]: ...
    @property
    def next_change(self) -> int:
        """When a mandate or schedule changes next and the state has to evolve; Unix seconds, 0: never."""

    @property
    def next_beginning(self) -> int:
        """When the next mandate that is coming begins; Unix seconds, 0: none has a beginning."""

    @property
    def generation(self) -> int:
        """The state's number; each evolved state has the next one."""

    def evolve(
        self,
        now: int,
        *,
        overlay: Overlay | EllipsisType | None = ...,
        mandates: Iterable[Mandate] | None = None,
        policies: Sequence[ResolvedPolicy] | None = None,
        settings: StateSettings | None = None,
    ) -> PublishedState:
        """The next state over the same snapshot; what is not given stays, except for what the time changes.

        ``policies`` carry the masks of one moment, so a new moment of theirs has to be given.
        """

def decide_name(
    state: PublishedState,
    line: LineHandle | None,
    name: bytes,
    now: int,
    *,
    qtype: int = 1,
    traced: bool = True,
) -> Decision:
    """The verdict on a query's name, in lower-cased wire form; ValueError when it is no name.

    ``line`` None: unknown. ``qtype`` counts where it is DS: no rule on the name itself blocks that.
    """

def line_strips_ech(state: PublishedState, line: LineHandle | None, excepted: bool, now: int) -> bool:
    """Return whether the line gets its answers without ECH; ``excepted``: an exception holds for the name."""

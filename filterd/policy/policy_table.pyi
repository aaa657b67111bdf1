"""The policies of all lines at one moment, by index."""

from collections.abc import Iterable, Sequence
from typing import final, overload

from filterd.policy.resolve import ResolvedPolicy

@final
class MaskPool:
    """Class masks that the policies of one table after the other share."""

    def __init__(self) -> None: ...

@final
class PolicyTable(Sequence[ResolvedPolicy]):
    """Policies by index, immutable. A published state holds it; an item is made when it is asked for."""

    def __init__(self) -> None: ...
    @staticmethod
    def of(policies: Iterable[ResolvedPolicy]) -> PolicyTable:
        """The table of these policies, each at its place."""

    def with_changes(
        self,
        count: int,
        policies: Iterable[tuple[int, ResolvedPolicy]],
        moments: Iterable[tuple[int, int, bool, int, int]] = (),
    ) -> PolicyTable:
        """The next table, of ``count`` policies or as many as there are: with these whole policies by index,
        and then with these moments of policies that stay: index, mask of what the schedule adds, whether it
        blocks everything, mask of what that leaves open, next boundary.

        Raises ``ValueError`` where one behind the last one is not given, and ``IndexError`` for an index
        that is too high.
        """

    def keep_until_gone(self, thing: object) -> None:
        """Let go of ``thing`` when nobody holds this table any more, no published state either."""

    def policy(self, index: int) -> ResolvedPolicy:
        """The policy at this index; IndexError where there is none."""

    @property
    def masks(self) -> int:
        """The number of masks in the pool."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> ResolvedPolicy: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[ResolvedPolicy, ...]: ...

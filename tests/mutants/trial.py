"""The trial of one mutation: the tests that can notice it, until one does.

A test convicts only if it passes on the original. That is looked at for all of them at once: what fails there
too is left out from then on, and what it convicted is tried again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.mutants.coverage_map import CoverageMap
from tests.mutants.mutation import Mutation
from tests.mutants.private_tree import Ended, PrivateTree

SECONDS = {"near": 240.0, "unit": 1200.0, "suite": 3000.0}
"""stage -> how long its tests may take on one mutation; longer counts as noticed, unless the original takes
longer too"""
STAGES = tuple(SECONDS)
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
NO_TESTS = 5
"""pytest's exit code where nothing was left to run"""


class Fate(StrEnum):
    """How a trial can end."""

    KILLED = "killed"
    TIMED_OUT = "killed by the time limit"
    SURVIVED = "survived"
    INVALID = "does not compile"


@dataclass(frozen=True, slots=True)
class Result:
    """One mutation, its end, and the test that noticed it, if one did; ``named``: by the name of a test."""

    mutation: Mutation
    fate: Fate
    test: str = ""
    named: bool = False


class Trial:
    """Tries mutations one after another in one private tree."""

    def __init__(self, tree: PrivateTree, reach: str, ring: str | None = None) -> None:
        self._tree = tree
        self.root = tree.original
        self._reach = STAGES[: STAGES.index(reach) + 1]
        self._ring = [] if ring is None else [f"--ring={ring}"]
        self._map = CoverageMap(tree.original)
        self._sound: set[str] = set()
        self.left_out: set[str] = set()
        """tests that fail on the original"""

    def of(self, mutation: Mutation) -> Result:
        """Try one mutation; the tree is as before afterwards."""
        try:
            if self._tree.apply(mutation) is not None:
                return Result(mutation, Fate.INVALID)
            for stage, tests in self._stages(mutation):
                result = self._stage(mutation, tests, SECONDS[stage])
                if result is not None:
                    return result
            return Result(mutation, Fate.SURVIVED)
        finally:
            self._tree.restore()

    def confirmed(self, results: list[Result]) -> list[Result]:
        """The results with the convictions by unsound tests replaced by those of a second trial."""
        convicting = {result.test for result in results if result.named}
        unsound = self._failing(sorted(convicting - self._sound)) if convicting - self._sound else set()
        self._sound |= convicting - unsound
        self.left_out |= unsound
        if not unsound:
            return results
        again = [self.of(result.mutation) if result.test in unsound else result for result in results]
        return self.confirmed(again)

    def _failing(self, tests: list[str]) -> set[str]:
        """Those of the tests that fail without any mutation."""
        ended = self._tree.test(self._tree.original, tests, SECONDS["suite"], first=False)
        if ended.code in (0, NO_TESTS):
            return set()
        return set(FAILED.findall(ended.output)) or set(tests)

    def _stages(self, mutation: Mutation) -> Iterator[tuple[str, list[str]]]:
        stages = self._map.stages(mutation.path)
        for stage in self._reach:
            files = stages[stage]
            if files:
                yield stage, [*self._ring, *(f"--part={file}" for file in files)] if self._ring else files

    def _stage(self, mutation: Mutation, tests: list[str], seconds: float) -> Result | None:
        """The result if a test of the stage notices, else None."""
        words = [*tests, *(f"--deselect={test}" for test in sorted(self.left_out))]
        ended = self._tree.test(self._tree.mutant, words, seconds)
        if ended.code is None:
            in_time = self._tree.test(self._tree.original, words, seconds).code is not None
            return Result(mutation, Fate.TIMED_OUT, tests[0]) if in_time else None  # else: a busy machine
        if ended.code in (0, NO_TESTS):
            return None
        failed = FAILED.findall(ended.output)
        if failed:
            return Result(mutation, Fate.KILLED, failed[0], named=True)
        return Result(mutation, Fate.KILLED, _last_words(ended))


def _last_words(ended: Ended) -> str:
    """What is to be said of a run without a failed test: it could not begin, or the interpreter died."""
    lines = [line for line in ended.output.splitlines() if line.strip()]
    return f"exit code {ended.code}: {lines[-1] if lines else 'no output'}"

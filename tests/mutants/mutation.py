"""One mutation: a stretch of a source file and what stands there instead."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Mutation:
    """``source[start:end]`` of the file ``path`` (inside the repository) becomes ``text``, by the rule
    ``operator``."""

    path: str
    start: int
    end: int
    text: str
    operator: str

    @property
    def kind(self) -> str:
        """``native``, ``reference`` (the plain twin of a native module) or ``python``."""
        if not self.path.endswith(".py"):
            return "native"
        return "reference" if self.path.endswith("_reference.py") else "python"

    def applied(self, source: str) -> str:
        """The mutated file."""
        return source[: self.start] + self.text + source[self.end :]

    def line(self, source: str) -> int:
        """The line, from 1, on which the mutation begins."""
        return source.count("\n", 0, self.start) + 1

    def diff(self, source: str) -> str:
        """A unified diff with one line of context."""
        before, after = source.splitlines(keepends=True), self.applied(source).splitlines(keepends=True)
        return "".join(difflib.unified_diff(before, after, self.path, self.path, n=1))


def sources(root: Path) -> list[Path]:
    """The files of the product that are mutated, in a fixed order."""
    return sorted(path for path in (root / "filterd").rglob("*") if path.suffix in {".py", ".pyx", ".pxd"})

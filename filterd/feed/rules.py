"""The rules of a whole list: each one once, sorted, by scope and action."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filterd.feed.parsing import Run
from filterd.model.rule import Action, NameRule, Scope


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The sections of a list, by action and scope; each a :class:`Run` with sorted, different names."""

    sections: tuple[Run, ...]

    @property
    def count(self) -> int:
        """The number of rules."""
        return sum(section.count for section in self.sections)

    def rules(self) -> Iterator[NameRule]:
        """The rules one by one, section by section."""
        for section in self.sections:
            for name in section.names.decode("ascii").splitlines():
                yield NameRule(name, section.scope, section.action)


def collect(runs: Iterable[Run]) -> RuleSet:
    """Sort the rules of a parser and remove repetitions."""
    names: dict[tuple[Action, Scope], set[bytes]] = {}
    for run in runs:
        names.setdefault((run.action, run.scope), set()).update(run.names.split(b"\n"))
    sections = []
    for (action, scope), found in sorted(names.items()):
        found.discard(b"")
        if found:
            ordered = sorted(found)
            found.clear()  # frees them before they are joined, which needs the memory once more
            sections.append(Run(scope, action, b"\n".join(ordered) + b"\n"))
    return RuleSet(tuple(sections))

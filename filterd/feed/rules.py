"""What a list holds once all of it is read: every rule once, sorted, by scope and action."""

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
        """How many rules."""
        return sum(section.count for section in self.sections)

    def rules(self) -> Iterator[NameRule]:
        """The rules one by one, section by section."""
        for section in self.sections:
            for name in section.names.decode("ascii").splitlines():
                yield NameRule(name, section.scope, section.action)


def collect(runs: Iterable[Run]) -> RuleSet:
    """What a parser gave, without the order of the file and without repetition."""
    names: dict[tuple[Action, Scope], set[bytes]] = {}
    for run in runs:
        names.setdefault((run.action, run.scope), set()).update(run.names.split(b"\n"))
    sections = []
    for (action, scope), found in sorted(names.items()):
        found.discard(b"")
        if found:
            ordered = sorted(found)
            found.clear()  # the list's names stand in memory once more only while they are joined
            sections.append(Run(scope, action, b"\n".join(ordered) + b"\n"))
    return RuleSet(tuple(sections))

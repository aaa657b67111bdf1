"""The rules of a whole list: each one once, sorted, by scope and action."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filterd.feed.parsing import Run
from filterd.feed.sorted_names import NameSorter, common_names
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

    def blocks_among(self, names: Iterable[str]) -> dict[Scope, set[str]]:
        """Those of the names that block rules of the list have, by the scope of the rule."""
        wanted = "".join(f"{name}\n" for name in sorted(set(names))).encode("ascii")
        found: dict[Scope, set[str]] = {scope: set() for scope in Scope}
        for section in self.sections:
            if section.action is Action.BLOCK:
                found[section.scope].update(
                    name.decode("ascii") for name in common_names(section.names, wanted)
                )
        return found


def collect(runs: Iterable[Run]) -> RuleSet:
    """Sort the rules of a parser and remove repetitions."""
    sorters: dict[tuple[Action, Scope], NameSorter] = {}
    for run in runs:
        sorters.setdefault((run.action, run.scope), NameSorter()).add(run.names)
    sections = []
    for action, scope in sorted(sorters):
        names = sorters.pop((action, scope)).finish()
        if names:
            sections.append(Run(scope, action, names))
    return RuleSet(tuple(sections))

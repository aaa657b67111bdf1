"""A list in its canonical form: every rule once, sorted; its digest; and the file in which a version is kept.

The file is the list's header and one section for each action and scope that has names::

    filterd-rules 1
    @ block subtree 2
    example.net
    example.org

The digest is SHA-256 over the sections (without the first line), so two nodes with the same rules show the
same digest. Bytes alone; files are the caller's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filterd.feed.parsing import Run
from filterd.model.rule import Action, NameRule, Scope

HEADER = b"filterd-rules 1\n"


class RulesError(ValueError):
    """Not a file of rules, or a damaged one; the text says where."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The sections of a list in canonical order, each a :class:`Run` with sorted, different names."""

    sections: tuple[Run, ...]

    @property
    def count(self) -> int:
        """How many rules."""
        return sum(section.count for section in self.sections)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical sections, 64 hex digits."""
        digest = hashlib.sha256()
        for section in self.sections:
            digest.update(_title(section))
            digest.update(section.names)
        return digest.hexdigest()

    def rules(self) -> Iterator[NameRule]:
        """The rules one by one, in canonical order."""
        for section in self.sections:
            for name in section.names.decode("ascii").splitlines():
                yield NameRule(name, section.scope, section.action)

    def to_pieces(self) -> Iterator[bytes]:
        """The file's content, in pieces."""
        yield HEADER
        for section in self.sections:
            yield _title(section)
            yield section.names


def collect(runs: Iterable[Run]) -> RuleSet:
    """The canonical form of what a parser gave."""
    names: dict[tuple[Action, Scope], set[bytes]] = {}
    for run in runs:
        names.setdefault((run.action, run.scope), set()).update(run.names.split(b"\n"))
    sections = []
    for (action, scope), found in sorted(names.items()):
        found.discard(b"")
        if found:
            ordered = sorted(found)
            found.clear()
            sections.append(Run(scope, action, b"\n".join(ordered) + b"\n"))
    return RuleSet(tuple(sections))


def from_bytes(content: bytes) -> RuleSet:
    """The rules of a file that :meth:`RuleSet.to_pieces` wrote. Raises RulesError."""
    if not content.startswith(HEADER):
        msg = "not a file of rules, or of another version"
        raise RulesError(msg)
    sections: list[Run] = []
    position = len(HEADER)
    while position < len(content):
        section, position = _section(content, position)
        sections.append(section)
    return RuleSet(tuple(sections))


def _title(section: Run) -> bytes:
    return f"@ {section.action.word} {section.scope.word} {section.count}\n".encode("ascii")


def _section(content: bytes, position: int) -> tuple[Run, int]:
    """The section whose title stands at the position, and the position after it."""
    end = content.find(b"\n", position)
    try:
        mark, action, scope, count = content[position:end].decode("ascii").split(" ")
        start = end + 1
        stop = content.find(b"\n@ ", end) + 1 or len(content)
        run = Run(Scope[scope.upper()], Action[action.upper()], content[start:stop])
    except (ValueError, KeyError) as error:
        msg = f"no section title at byte {position}"
        raise RulesError(msg) from error
    if mark != "@" or end < 0 or run.count != int(count) or not run.names.endswith(b"\n"):
        msg = f"the section at byte {position} does not hold the {count} names it claims"
        raise RulesError(msg)
    return run, stop

"""The public suffix list as a value: the names under which the public registers.

A list with one of them whole would block a country or a registry. So feeds refuse them, and the protected
names have them exactly. Only the ICANN section counts: the private section names hosting services, which
lists may rightly have; an order on one takes two people. Rules and exceptions are those of https://publicsuffix.org/list/.
"""

from __future__ import annotations

from dataclasses import dataclass

import idna

ICANN = "ICANN"
"""the section of the suffixes below which anybody registers"""
PRIVATE = "PRIVATE"
"""the section of hosting services, whose customers have names below theirs"""


@dataclass(frozen=True, slots=True)
class Suffixes:
    """The suffixes of one section, lower-case A-labels."""

    exact: frozenset[str] = frozenset()
    """suffixes that stand in the list by name"""
    parents: frozenset[str] = frozenset()
    """names directly below which every name is a suffix (rules ``*.name``)"""
    exceptions: frozenset[str] = frozenset()
    """names below such a parent that are none"""

    def __contains__(self, name: str) -> bool:
        """Return whether the name is a public suffix; every name of one label is, and one that is the parent
        of every suffix directly below."""
        return "." not in name or name in self.parents or self.lists(name)

    def lists(self, name: str) -> bool:
        """Return whether the section has the name."""
        if name in self.exact:
            return True
        return name.partition(".")[2] in self.parents and name not in self.exceptions

    def touches(self, names: str) -> bool:
        """Return whether any of the names, each ended by a newline, may be a suffix: a first filter for long
        runs."""
        if any(f".{parent}\n" in names for parent in self.parents):
            return True
        each = names.split("\n")
        return not (self.exact.isdisjoint(each) and self.parents.isdisjoint(each))


def parse_suffixes(text: str, kind: str = ICANN) -> Suffixes:
    """One section of a public suffix list. Raises ValueError where it has none."""
    lines = [
        line.split("//")[0].strip() if not line.startswith("// ===") else line for line in text.splitlines()
    ]
    section: list[str] = []
    inside = False
    for line in lines:
        if f"===BEGIN {kind} DOMAINS===" in line:
            inside = True
        elif f"===END {kind} DOMAINS===" in line:
            break
        elif inside and line:
            section.append(line.split()[0].lower())
    if not section:
        msg = f"no {kind} section in the public suffix list"
        raise ValueError(msg)
    return Suffixes(
        exact=frozenset(_ascii(rule) for rule in section if rule[0] not in "*!"),
        parents=frozenset(_ascii(rule[2:]) for rule in section if rule.startswith("*.")),
        exceptions=frozenset(_ascii(rule[1:]) for rule in section if rule.startswith("!")),
    )


def _ascii(name: str) -> str:
    return name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")

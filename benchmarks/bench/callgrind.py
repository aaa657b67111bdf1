"""What callgrind writes, read as instructions by function, inlined ones apart from those that they stand in.

A cost belongs to a line of a C file; the function whose body has that line is the one that was written, even
where the compiler put it into another one. Pure but for reading those C files.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_NAME = re.compile(r"\((\d+)\)(?: (.*))?$")
_COST = re.compile(r"([+-]\d+|\d+|\*)(?: (\d+))?$")
_DEFINITION = re.compile(r"^\s*(?:static|int|void|size_t|CYTHON\w*)\b.*?\b(\w+)\([^;]*\{\s*$")
_MANGLED = re.compile(r"__pyx_(?:f|pw|pf)_(?:\d+[a-zA-Z_])")


@dataclass
class _Reader:
    """Names come once in full and by number after that; lines are relative to the one before."""

    files: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    line: int = 0

    def name(self, known: dict[str, str], text: str) -> str:
        found = _NAME.match(text)
        if found is None:
            return text
        if found[2] is not None:
            known[found[1]] = found[2]
        return known.get(found[1], "")

    def move(self, position: str) -> int:
        if position[0] in "+-":
            self.line += int(position)
        elif position != "*":
            self.line = int(position)
        return self.line


def self_costs(lines: Iterable[str]) -> Iterator[tuple[str, str, int, int]]:
    """(file, function, line, instructions) of each place, without what it called."""
    reader, source, function, called = _Reader(), "", "", False
    for line in lines:
        key, _, rest = line.rstrip("\n").partition("=")
        cost = _COST.match(key) if not rest else None
        if cost is not None:
            position = reader.move(cost[1])
            if not called and cost[2]:
                yield source, function, position, int(cost[2])
            called = False
        elif key in {"fl", "fi", "fe"}:
            source = reader.name(reader.files, rest)
        elif key in {"cfl", "cfi"}:
            reader.name(reader.files, rest)
        elif key == "fn":
            function = reader.name(reader.functions, rest)
        elif key == "cfn":
            reader.name(reader.functions, rest)
        elif key == "calls":
            called = True


def definitions(text: str) -> tuple[list[int], list[str]]:
    """The first lines of the functions of a C file, and their names."""
    starts, names = [], []
    for number, line in enumerate(text.splitlines(), 1):
        found = _DEFINITION.match(line)
        if found is not None:
            starts.append(number)
            names.append(found[1])
    return starts, names


def plain_name(mangled: str) -> str:
    """``module.function`` of a Cython function of ours, or the name as it is."""
    found = _MANGLED.match(mangled)
    if found is None:
        return mangled
    rest = mangled[mangled.index("_", len("__pyx_")) + 1 :]
    parts = []
    while (size := re.match(r"\d+", rest)) is not None:
        length = int(size[0])
        rest = rest[size.end() :]
        parts.append(rest[:length])
        rest = rest[length:].removeprefix("_") if rest[length : length + 1] == "_" else rest[length:]
    return f"{parts[-1]}.{rest.split('.')[0]}" if parts else mangled


def by_function(lines: Iterable[str], ours: str) -> Counter[str]:
    """Instructions by function; those of files below a folder named ``ours`` by whose body the line is in."""
    known: dict[str, tuple[list[int], list[str]]] = {}
    found: Counter[str] = Counter()
    for source, function, line, cost in self_costs(lines):
        name = function
        if f"/{ours}/" in source and source.endswith(".c"):
            if source not in known:
                path = Path(source)
                known[source] = definitions(path.read_text(errors="replace")) if path.exists() else ([], [])
            starts, names = known[source]
            place = bisect.bisect_right(starts, line) - 1
            name = names[place] if place >= 0 else function
        found[plain_name(name.split("'")[0])] += cost
    return found

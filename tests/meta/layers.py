"""The picture of the layers in docs/architecture.md, drawn from the contracts and from what is imported.

The contracts of pyproject.toml say how packages stand above each other; the imports of the .py files and the
imports and cimports of the native ones say which of the arrows that they allow are really there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).parents[2]
BEGIN = "<!-- layers: generated from the imports; UPDATE_DOCS=1 make test PYTEST=tests/meta -->\n"
END = "<!-- end of layers -->\n"
WIDTH = 98
MOST_BESIDE = 5
"""boxes in a line"""
_TOP = "filterd"
_SOURCES = ("*.py", "*.pyx", "*.pxd")
_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w., ]+))", re.MULTILINE)

Layers = Sequence[Sequence[str]]
"""full names of packages, the highest layer first"""


def imports(text: str) -> list[str]:
    """The modules that a source imports or cimports."""
    found: list[str] = []
    for module, modules in _IMPORT.findall(text):
        found += [module] if module else [name.split(" as ")[0].strip() for name in modules.split(",")]
    return found


def contracts(root: Path = ROOT) -> dict[str, Layers]:
    """Container -> its layers, by the contracts."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    return {
        container: [[f"{container}.{name.strip(' ()')}" for name in row.split("|")] for row in each["layers"]]
        for each in settings["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers"
        for container in each["containers"]
    }


@dataclass(frozen=True)
class Tree:
    """The packages that are there, by layer, and what each imports."""

    layers: Mapping[str, Layers]
    """container -> its layers, without packages that are not there yet"""
    imported: dict[str, set[str]]
    """package (or wing, where a container has wings) -> the packages and wings that it imports"""

    @property
    def order(self) -> list[str]:
        """Every package, the highest first, those of a container in its place."""
        return list(self._below(_TOP))

    def _below(self, container: str) -> Iterable[str]:
        for row in self.layers[container]:
            for package in row:
                if package in self.layers:
                    yield from self._below(package)
                else:
                    yield package


def read(root: Path = ROOT) -> Tree:
    """The tree as it stands."""
    layers = {
        container: [
            there for row in rows if (there := [p for p in row if (root / p.replace(".", "/")).is_dir()])
        ]
        for container, rows in contracts(root).items()
    }
    tree = Tree(layers, {})
    known = set(tree.order)
    for package in known:
        folder = root / package.replace(".", "/")
        names = {
            name for kind in _SOURCES for path in folder.rglob(kind) for name in imports(path.read_text())
        }
        found = {found for name in names if (found := _package(name, known))}
        tree.imported[package] = found - {package}
    return tree


def _package(module: str, known: set[str]) -> str | None:
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in known), None)


def picture(tree: Tree, container: str = _TOP, width: int = WIDTH) -> list[str]:
    """A container's layers below each other, each package a box that says what it imports."""
    lines: list[str] = []
    for row in tree.layers[container]:
        if lines:
            lines.append("▼".center(width).rstrip())
        lines += _band(tree, row, width)
    return lines


def _band(tree: Tree, row: Sequence[str], width: int) -> list[str]:
    """One layer: first the packages that hold others, then the rest side by side."""
    lines: list[str] = []
    for package in row:
        if package in tree.layers:
            lines += _box(package, picture(tree, package, width - 4), width)
    plain = [package for package in row if package not in tree.layers]
    for small in _side_by_side(plain):
        gaps = len(small) - 1
        widths = [(width - gaps + place) // len(small) for place in range(len(small))]
        inside = [_arrows(tree, name, wide - 4) for name, wide in zip(small, widths, strict=True)]
        height = max(map(len, inside))
        boxes = [
            _box(name, [*text, *[""] * (height - len(text))], wide)
            for name, text, wide in zip(small, inside, widths, strict=True)
        ]
        lines += [" ".join(parts) for parts in zip(*boxes, strict=True)]
    return lines


def _side_by_side(packages: Sequence[str]) -> list[Sequence[str]]:
    """The packages of a layer, in as few lines of boxes as leave each its name."""
    if not packages:
        return []
    lines = -(-len(packages) // MOST_BESIDE)
    size = -(-len(packages) // lines)
    return [packages[start : start + size] for start in range(0, len(packages), size)]


def _box(package: str, inside: Iterable[str], width: int) -> list[str]:
    head = f"┌─ {package.rpartition('.')[2]} "
    return [
        head + "─" * (width - len(head) - 1) + "┐",
        *(f"│ {line:{width - 4}} │" for line in inside),
        "└" + "─" * (width - 2) + "┘",
    ]


def _arrows(tree: Tree, package: str, width: int) -> list[str]:
    """The imports of a package, the highest first; of another container's wings, its name and theirs."""
    home = package.rpartition(".")[0]
    found: list[str] = []
    for name in tree.order:
        above, _, short = name.rpartition(".")
        if name not in tree.imported[package]:
            continue
        if above in (home, _TOP):
            found.append(short)
        elif not any(text.startswith(f"{above.rpartition('.')[2]}/") for text in found):
            found.append(_wings(tree, package, above))
    words = "─► " + "  ".join(found) if found else "imports none of these"
    return wrap(words, width, subsequent_indent="   " if found else "", break_long_words=False)


def _wings(tree: Tree, package: str, container: str) -> str:
    inside = [name for name in tree.order if name.startswith(container + ".")]
    used = [name.rpartition(".")[2] for name in inside if name in tree.imported[package]]
    title = container.rpartition(".")[2]
    if len(used) == len(inside):
        return f"{title}/*"
    return f"{title}/{used[0]}" if len(used) == 1 else f"{title}/{{{','.join(used)}}}"


def page(text: str, tree: Tree | None = None) -> str:
    """A page with the picture between its marks drawn anew; ValueError where the marks are not there."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError("docs/architecture.md has no place for the picture of the layers")
    drawn = "\n".join(picture(tree or read()))
    return f"{head}{begin}\n```text\n{drawn}\n```\n\n{end}{tail}"

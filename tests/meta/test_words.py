"""One meaning for each class name, and docstrings that say what a thing is or does."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

CLASS = re.compile(r"^(?:cdef )?class ([A-Z]\w*)", re.MULTILINE)
RIDDLE = re.compile(r"(What|Who|Whose|Whom|Where)\b")
NATIVE_DOCSTRING = re.compile(r'^\s*"""(What|Who|Whose|Whom|Where)\b.*', re.MULTILINE)
PUBLISHED = {"config/raw.py"}
"""the docstrings of these are descriptions in the JSON schema of the configuration"""
TWINS = {"Matched", "NameSorter", "ParsedQuery"}
"""a native class and that of its reference, which are the same thing"""


def sources(root: Path, *kinds: str) -> Iterator[tuple[str, str]]:
    """Name inside ``filterd`` and text of every source file of these kinds."""
    for kind in kinds:
        for path in sorted((root / "filterd").rglob(f"*.{kind}")):
            yield str(path.relative_to(root / "filterd")), path.read_text()


def test_a_public_class_name_has_one_meaning(root: Path) -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in sources(root, "py", "pyx"):
        for found in CLASS.findall(text):
            homes[found].append(name)
    assert {found: names for found, names in homes.items() if len(names) > 1 and found not in TWINS} == {}
    assert all(len(homes[twin]) == 2 for twin in TWINS)


def docstrings(text: str) -> Iterator[str]:
    """Every docstring of a module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found = ast.get_docstring(node)
            if found:
                yield found


def test_a_docstring_begins_with_what_the_thing_is_or_does(root: Path) -> None:
    riddles = [
        f"{name}: {found.splitlines()[0]}"
        for name, text in sources(root, "py", "pyi")
        if name not in PUBLISHED
        for found in docstrings(text)
        if RIDDLE.match(found)
    ]
    riddles += [
        f"{name}: {found.group().strip()}"
        for name, text in sources(root, "pyx", "pxd")
        for found in NATIVE_DOCSTRING.finditer(text)
    ]
    assert riddles == []


def test_the_folder_of_tests_holds_packages_only(root: Path) -> None:
    assert [path.name for path in (root / "tests").iterdir() if path.is_file()] == ["conftest.py"]

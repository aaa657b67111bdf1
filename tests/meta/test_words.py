"""One meaning for each public class name, a headline for each module, and a tests folder of packages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

CLASS = re.compile(r"^(?:cdef )?class ([A-Z]\w*)", re.MULTILINE)
HEADLINE = re.compile(r'(?:#.*\n|\n)*r?"""\S')
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


def test_a_module_begins_with_a_headline(root: Path) -> None:
    assert [name for name, text in sources(root, "py") if text and not HEADLINE.match(text)] == []


def test_the_folder_of_tests_holds_packages_only(root: Path) -> None:
    assert [path.name for path in (root / "tests").iterdir() if path.is_file()] == ["conftest.py"]

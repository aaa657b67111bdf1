"""The tests that can notice a change of a file, nearest first.

Near are the tests of the mirrored folder and those that import the module, or import what imports it. The
other tests of ``tests/unit`` and its like follow; tests that start processes come last.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from pathlib import Path

IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+c?import[ \t]+(\([^)]*\)|[^\n]*)|c?import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)
IN_PROCESS = ("unit", "twins", "golden", "fuzz", "meta", "concurrency")
"""folders of tests whose subject runs in the process of pytest"""
LATER = ("tests/meta", "tests/concurrency")
"""tests that look at everything, or take long: never near"""
WITH_PROCESSES = ("e2e", "compliance", "comparison")
NEAR = 2
"""imports between a test and a module that it is near to"""


class CoverageMap:
    """Which tests import what, straight or by way of others."""

    def __init__(self, root: Path) -> None:
        self._root = root
        files = [path for folder in ("filterd", "tests") for path in (root / folder).rglob("*")]
        modules: dict[str, str] = {}
        for path in files:
            if path.suffix in {".py", ".pyx", ".pxd"}:
                modules[_name(path.relative_to(root))] = modules.get(_name(path.relative_to(root)), "")
                modules[_name(path.relative_to(root))] += path.read_text()
        self._importers: dict[str, set[str]] = {}
        for module, text in modules.items():
            for imported in _imported(text) & modules.keys():
                self._importers.setdefault(imported, set()).add(module)

    def stages(self, path: str) -> dict[str, list[str]]:
        """``near``, ``unit`` and ``suite``: the test files of each, none twice."""
        distances = self._distances(_name(Path(path)))
        mirrored = self._mirrored(path)

        own = f"test_{Path(path).stem}"

        def rank(test: str) -> tuple[bool, bool, bool, int, str]:
            is_own = Path(test).stem == own
            return test.startswith(LATER), test not in mirrored, not is_own, distances.get(test, 99), test

        ranked = sorted(self._tests(IN_PROCESS), key=rank)
        near = [
            test
            for test in ranked
            if test in mirrored or (distances.get(test, 99) <= NEAR and not test.startswith(LATER))
        ]
        return {
            "near": near,
            "unit": [test for test in ranked if test not in near],
            "suite": self._tests(WITH_PROCESSES),
        }

    def _distances(self, module: str) -> dict[str, int]:
        """Test file -> how many imports lie between it and the module."""
        found = {module: 0}
        waiting = deque([module])
        while waiting:
            imported = waiting.popleft()
            for importer in self._importers.get(imported, ()):
                if importer not in found:
                    found[importer] = found[imported] + 1
                    waiting.append(importer)
        return {name.replace(".", "/") + ".py": distance for name, distance in found.items()}

    def _mirrored(self, path: str) -> set[str]:
        folder = self._root / "tests/unit" / Path(path).parent.relative_to("filterd")
        while not folder.is_dir():
            folder = folder.parent
        return set(self._relative(folder.glob("test_*.py")))

    def _tests(self, folders: Iterable[str]) -> list[str]:
        found = [path for folder in folders for path in (self._root / "tests" / folder).rglob("test_*.py")]
        return self._relative(sorted(found))

    def _relative(self, paths: Iterable[Path]) -> list[str]:
        return [str(path.relative_to(self._root)) for path in paths]


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def _imported(text: str) -> set[str]:
    """The names that may be modules: ``from a import b`` may mean ``a`` or ``a.b``."""
    found: set[str] = set()
    for module, names, plain in IMPORT.findall(text):
        if module:
            found.add(module)
            found |= {f"{module}.{name}" for name in re.findall(r"\w+", names)}
        else:
            found |= set(re.findall(r"[\w.]+", plain))
    return found

"""Rings: the run that a test belongs to. ``make test`` runs the ring ``commit``, ``.ci/run`` adds ``merge``,
``make night`` runs all three (docs/testing.md).

A test belongs to the ring of its folder, or to that of the nearest mark: ``@pytest.mark.ring("night")`` on
a test, a class, a parameter or a module (``pytestmark``). ``pytest --ring NAME`` runs one ring, and with
``--part PATH`` a part of it. A run that names files, folders or tests takes what it names, whatever the ring.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

COMMIT, MERGE, NIGHT = "commit", "merge", "night"
RINGS = (COMMIT, MERGE, NIGHT)
FOLDERS = {
    "browser": MERGE,
    "chaos": NIGHT,
    "comparison": NIGHT,
    "compliance": NIGHT,
    "concurrency": MERGE,
    "e2e": MERGE,
    "feeds_campaign": NIGHT,
    "fronts": NIGHT,
    "machine": NIGHT,
    "monitoring": MERGE,
    "mutants": MERGE,
    "order_kills": MERGE,
    "packaging": NIGHT,
    "recipes": NIGHT,
}
"""folder of ``tests`` -> its ring; of a folder that is not named: ``commit``"""
MARK = re.compile(r"^(pytestmark\b[^\n]*|[^\n]*?)mark\.ring\(\"(\w+)\"\)|mark\.ring\b", re.MULTILINE)
"""in the text of each file whose tests are not all in the ring of their folder; tests/meta/test_suite.py
forbids marks that are made elsewhere"""


def ring_of_file(path: Path) -> str:
    """The ring of a file's tests without a mark; ``path`` is relative to the top of the repository."""
    return FOLDERS.get(path.parts[1] if path.parts[0] == "tests" and len(path.parts) > 1 else "", COMMIT)


def rings_of_text(text: str, ring: str) -> set[str]:
    """The rings that the tests of a file may be in, by its text; ``ring``: without a mark."""
    found = list(MARK.finditer(text))
    if any(each[2] not in RINGS for each in found):
        return set(RINGS)
    rings = {each[2] for each in found}
    whole = any(each[1].startswith("pytestmark") for each in found)
    return rings if whole else rings | {ring}


def ring_of(item: pytest.Item) -> str:
    """The ring of a test. Of one whose mark has another word: ``commit``, where it fails."""
    mark = item.get_closest_marker("ring")
    if mark is None:
        return ring_of_file(Path(item.nodeid.split("::")[0]))
    return str(mark.args[0]) if _sound(mark) else COMMIT


def _sound(mark: pytest.Mark) -> bool:
    return len(mark.args) == 1 and mark.args[0] in RINGS


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose mark has another word."""
    mark = item.get_closest_marker("ring")
    if mark is not None and not _sound(mark):
        pytest.fail(f"mark ring with one of {', '.join(RINGS)}, not {mark.args}", pytrace=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option itself."""
    parser.addoption("--ring", choices=RINGS, help="run the tests of one ring, unless tests are named")
    parser.addoption(
        "--part",
        action="append",
        metavar="PATH",
        help="of the ring, what is below PATH; may be repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a part of no ring, and a part that is not there."""
    if hasattr(config, "workerinput") or not config.option.part:
        return
    if _wanted(config) is None:
        message = "--part is a part of a ring: give --ring too, and name no other files"
        raise pytest.UsageError(message)
    missing = [part for part in config.option.part if not part or not (config.rootpath / part).exists()]
    if missing:
        message = f"--part {missing[0]}: there is no such file or folder below {config.rootpath}"
        raise pytest.UsageError(message)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say where a test may be that a run of one ring did not find."""
    ring = _wanted(config)
    if ring is not None and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        others = " or ".join(each for each in RINGS if each != ring)
        terminalreporter.write_line(
            f"no test of the ring {ring} was asked for; it may be in {others}: name its file instead"
        )


def _wanted(config: pytest.Config) -> str | None:
    """The ring to run; None: all of what is collected."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    ring: str | None = getattr(config, "workerinput", {}).get("ring", None if named else config.option.ring)
    return ring


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give the ring to one of several processes, which is told of folders in any case."""
    node.workerinput["ring"] = _wanted(node.config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files without a test of the ring: most of a collection is their imports."""
    ring = _wanted(config)
    if ring is None or collection_path.suffix != ".py":
        return None
    path = collection_path.relative_to(config.rootpath)
    parts = [(config.rootpath / part).resolve() for part in config.option.part or ()]
    if parts and not any(collection_path.is_relative_to(part) for part in parts):
        return True
    if ring == ring_of_file(path):
        return None
    text = collection_path.read_text(encoding="utf-8")
    return None if ring in rings_of_text(text, ring_of_file(path)) else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of other rings."""
    ring = _wanted(config)
    if ring is None:
        return
    left_out = [item for item in items if ring_of(item) != ring]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if ring_of(item) == ring]

"""``pytest --update-golden`` writes the golden files anew; look at the difference before you commit it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent


UPDATE = 'make test PYTEST="-n 0 --update-golden FILE_OF_THIS_TEST" writes it; look at the difference'


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option itself."""
    parser.addoption("--update-golden", action="store_true", help="write the files of tests/golden anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the golden file of that name, or write it."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path} differs: {UPDATE}"

    return compare


@pytest.fixture
def golden_folder(request: pytest.FixtureRequest) -> Callable[[str, Mapping[str, str]], None]:
    """Compare texts, by the names of their files, with all files of that golden folder, or write them."""

    def compare(name: str, texts: Mapping[str, str]) -> None:
        folder = GOLDEN / name
        if request.config.getoption("--update-golden"):
            write(folder, texts)
        found = "\n".join(differences(folder, texts))
        if found:
            pytest.fail(f"{folder} differs: {UPDATE}\n{found}", pytrace=False)

    return compare


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Make the folder hold these files and no others."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def differences(folder: Path, texts: Mapping[str, str]) -> Iterator[str]:
    """The lines in which the files of the folder differ from these; a missing file counts as an empty one."""
    stored = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*")}
    for name in sorted(stored.keys() | texts.keys()):
        before, after = stored.get(name, "").splitlines(), texts.get(name, "").splitlines()
        yield from difflib.unified_diff(before, after, f"{name} (golden)", f"{name} (now)", lineterm="")

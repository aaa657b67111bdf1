"""The picture of the layers shows what is imported, in .py and native sources alike, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.meta.layers import BEGIN, END, Tree, page, picture, read

CONTRACTS = """
[[tool.importlinter.contracts]]
type = "layers"
containers = ["filterd"]
layers = ["top", "core | (later) | side", "low"]

[[tool.importlinter.contracts]]
type = "layers"
containers = ["filterd.core"]
layers = ["fast", "tables"]
"""
SOURCES = {
    "top/main.py": "from filterd.core.fast.thread import (\n    Thread,\n)\nimport filterd.low.words\n",
    "top/__init__.py": "from filterd.core.tables import lines\n",
    "core/fast/thread.pyx": "from filterd.core.tables.lines cimport Line\n",
    "core/tables/lines.pxd": "from libc.stdint cimport uint64_t\ncimport filterd.low.words\n",
    "side/one.py": "import os\n",
    "low/words.py": "",
}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A small repository, read."""
    (tmp_path / "pyproject.toml").write_text(CONTRACTS)
    for name, text in SOURCES.items():
        path = tmp_path / "filterd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read(tmp_path)


def test_imports_and_cimports_are_seen(tree: Tree) -> None:
    short = {
        name.removeprefix("filterd."): {other.removeprefix("filterd.") for other in others}
        for name, others in tree.imported.items()
    }
    assert short == {
        "top": {"core.fast", "core.tables", "low"},
        "core.fast": {"core.tables"},
        "core.tables": {"low"},
        "side": set(),
        "low": set(),
    }


def test_wings_stand_inside_their_package_and_layers_below_each_other(tree: Tree) -> None:
    text = "\n".join(picture(tree, width=60))
    places = [text.index(f"─ {name} ") for name in ("top", "core", "fast", "tables", "side", "low")]
    assert places == sorted(places)
    assert "│ ┌─ fast ─" in text
    assert "─► core/*  low" in text
    assert "later" not in text
    assert {len(line) for line in text.splitlines() if "▼" not in line} == {60}


def test_a_page_keeps_what_stands_around_the_picture(tree: Tree) -> None:
    first = page(f"before\n{BEGIN}old\n{END}after\n", tree)
    assert first.startswith(f"before\n{BEGIN}") and first.endswith(f"{END}after\n")
    assert "old" not in first
    assert page(first, tree) == first


def test_a_page_without_a_place_for_it_is_an_error(tree: Tree) -> None:
    with pytest.raises(ValueError, match="no place"):
        page(f"{BEGIN}no end\n", tree)


def test_a_new_import_makes_another_picture(tree: Tree) -> None:
    before = picture(tree)
    tree.imported["filterd.side"].add("filterd.low")
    assert picture(tree) != before

"""The native modules obey the layers of pyproject.toml; import-linter sees only .py files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w., ]+))", re.MULTILINE)
IO = {"socket", "os", "io", "time", "asyncio", "threading", "sqlite3", "pathlib"}
"""what model, wire and policy may not touch in native code either, by its Python face"""


def ranks(root: Path) -> dict[str, int]:
    """Package -> height of its layer, 0 the lowest."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    rows = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return {name.strip(" ()"): height for height, row in enumerate(reversed(rows)) for name in row.split("|")}


def imports(text: str) -> list[str]:
    """The modules that a .pyx or .pxd imports or cimports."""
    found: list[str] = []
    for module, modules in IMPORT.findall(text):
        found += [module] if module else [name.split(" as ")[0].strip() for name in modules.split(",")]
    return found


def broken_rules(package: str, text: str, heights: dict[str, int]) -> list[str]:
    """The imports that a native module of ``package`` may not have."""
    bad = []
    for module in imports(text):
        parts = module.split(".")
        if parts[0] == "filterd" and len(parts) > 1:
            other = parts[1]
            if other != package and heights.get(other, len(heights)) >= heights[package]:
                bad.append(module)
        elif package in ("model", "wire", "policy") and parts[0] in IO:
            bad.append(module)
    return bad


def test_native_modules_obey_the_layers(root: Path) -> None:
    heights = ranks(root)
    sources = [path for kind in ("*.pyx", "*.pxd") for path in (root / "filterd").rglob(kind)]
    assert sources, "no native module found"
    bad = {
        str(path.relative_to(root)): broken
        for path in sources
        if (broken := broken_rules(path.relative_to(root / "filterd").parts[0], path.read_text(), heights))
    }
    assert not bad


@pytest.mark.parametrize(
    ("package", "line", "allowed"),
    [
        ("policy", "from filterd.wire.codec cimport Name", True),
        ("wire", "from filterd.policy.decide cimport decide", False),
        ("policy", "cimport filterd.dataplane.lines", False),
        ("dataplane", "    from filterd.store import Store", False),
        ("wire", "from libc.string cimport memcpy", True),
        ("wire", "import os, socket", False),
        ("dataplane", "import os", True),
    ],
)
def test_the_scan_sees_what_it_should(root: Path, package: str, line: str, allowed: bool) -> None:
    assert (not broken_rules(package, f"# cython: x\n{line}\n", ranks(root))) is allowed


FORWARDING = {
    "misses": {"fastpath"},
    "outgoing": {"fastpath", "misses", "hand", "punts", "cache_shard", "decide"},
    "misstable": {"fastpath", "misses", "outgoing", "hand", "punts", "cache_shard", "decide", "ports"},
}
"""module -> what it may not know of: see docs/native-code.md, Forwarding"""


@pytest.mark.parametrize("module", FORWARDING)
def test_what_forwards_misses_imports_downwards(root: Path, module: str) -> None:
    sources = [(root / f"filterd/dataplane/{module}.{kind}").read_text() for kind in ("pyx", "pxd")]
    seen = {name.rpartition(".")[2] for text in sources for name in imports(text)}
    assert "packet" in seen
    assert not seen & FORWARDING[module]


def test_every_package_has_a_layer(root: Path) -> None:
    packages = {path.parent.name for path in (root / "filterd").glob("*/__init__.py")}
    assert packages <= set(ranks(root))

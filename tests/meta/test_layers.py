"""The native modules obey the layers of pyproject.toml; import-linter sees only .py files."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.meta.layers import imports

IO = {"socket", "os", "io", "time", "asyncio", "threading", "sqlite3", "pathlib"}
"""what model, wire and policy may not touch in native code either, by its Python face"""

Heights = dict[str, int]
"""package -> height of its layer, 0 the lowest; ``filterd.dataplane`` has wings below its own name"""


def heights_of(root: Path) -> Heights:
    """Full name -> height, of every package in a contract of layers."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    return {
        f"{container}.{name.strip(' ()')}": height
        for contract in contracts
        if contract["type"] == "layers"
        for container in contract["containers"]
        for height, row in enumerate(reversed(contract["layers"]))
        for name in row.split("|")
    }


def points_up(importer: str, imported: str, heights: Heights) -> bool:
    """True if one package may not import another: they part where the other stands at least as high."""
    mine, other = importer.split("."), imported.split(".")
    for length in range(2, len(mine) + 1):
        if mine[:length] != other[:length]:
            here, there = ".".join(mine[:length]), ".".join(other[:length])
            return here in heights and heights.get(there, len(heights)) >= heights[here]
    return False


def does_no_io(package: str) -> bool:
    """True for the packages without I/O: bytes and time go in, values come out."""
    return package.split(".")[1] in ("model", "wire", "policy")


def broken_rules(package: str, text: str, heights: Heights) -> list[str]:
    """The imports that a native module of ``package`` (full name) may not have."""
    bad = []
    for module in imports(text):
        parts = module.split(".")
        if parts[0] == "filterd":
            if points_up(package, module, heights):
                bad.append(module)
        elif does_no_io(package) and parts[0] in IO:
            bad.append(module)
    return bad


def package_of(path: Path, root: Path) -> str:
    """The package in which a module stands."""
    return ".".join(path.relative_to(root).parts[:-1])


def test_native_modules_obey_the_layers(root: Path) -> None:
    heights = heights_of(root)
    sources = [path for kind in ("*.pyx", "*.pxd") for path in (root / "filterd").rglob(kind)]
    assert sources, "no native module found"
    bad = {
        str(path.relative_to(root)): broken
        for path in sources
        if (broken := broken_rules(package_of(path, root), path.read_text(), heights))
    }
    assert not bad


@pytest.mark.parametrize(
    ("package", "line", "allowed"),
    [
        ("policy", "from filterd.wire.codec cimport Name", True),
        ("wire", "from filterd.policy.decide cimport decide", False),
        ("policy", "cimport filterd.dataplane.tables.lines", False),
        ("dataplane", "    from filterd.store import Store", False),
        ("dataplane.tables", "    from filterd.store import Store", False),
        ("dataplane.tables", "from filterd.dataplane.tables.epoch cimport retire", True),
        ("dataplane.tables", "from filterd.dataplane.cache.shard cimport Cache", False),
        ("dataplane.fast", "from filterd.dataplane.packet.stages cimport Core", True),
        ("dataplane.upstream", "from filterd.dataplane.packet.stages cimport Core", False),
        ("wire", "from libc.string cimport memcpy", True),
        ("wire", "import os, socket", False),
        ("dataplane", "import os", True),
    ],
)
def test_the_scan_sees_what_it_should(root: Path, package: str, line: str, allowed: bool) -> None:
    assert (not broken_rules(f"filterd.{package}", f"# cython: x\n{line}\n", heights_of(root))) is allowed


FORWARDING = {
    "misses": {"thread"},
    "miss_attempts": {"thread", "misses", "turn", "punts", "shard", "decide"},
    "miss_table": {"thread", "misses", "miss_attempts", "turn", "punts", "shard", "decide", "miss_ports"},
}
"""module of the fast path -> what it may not know of: see docs/native-code.md, Forwarding"""


@pytest.mark.parametrize("module", FORWARDING)
def test_what_forwards_misses_imports_downwards(root: Path, module: str) -> None:
    sources = [(root / f"filterd/dataplane/fast/{module}.{kind}").read_text() for kind in ("pyx", "pxd")]
    seen = {name.rpartition(".")[2] for text in sources for name in imports(text)}
    assert "stages" in seen
    assert not seen & FORWARDING[module]


def test_every_package_has_a_layer(root: Path) -> None:
    heights = heights_of(root)
    for container in ("filterd", "filterd.dataplane"):
        folder = root / container.replace(".", "/")
        packages = {f"{container}.{path.parent.name}" for path in folder.glob("*/__init__.py")}
        assert packages <= set(heights)


def test_the_data_plane_has_no_module_outside_its_wings(root: Path) -> None:
    assert [path.name for path in (root / "filterd/dataplane").iterdir() if path.is_file()] == ["__init__.py"]

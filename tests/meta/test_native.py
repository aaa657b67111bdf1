"""The native core is there, is loaded, holds no hidden GIL and has stubs that match it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTENSIONS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
NAMES = [extension["name"] for extension in EXTENSIONS]


def test_every_pyx_is_an_extension() -> None:
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "filterd").rglob("*.pyx")}
    assert sources == {source for extension in EXTENSIONS for source in extension["sources"]}


@pytest.mark.parametrize("name", NAMES)
def test_the_native_module_is_what_loads(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert module.__file__.endswith(".so"), f"{name} is {module.__file__}: make build"


@pytest.mark.parametrize("name", NAMES)
def test_every_native_module_has_a_stub(name: str) -> None:
    assert (ROOT / name.replace(".", "/")).with_suffix(".pyi").is_file()


def test_stubs_match_the_native_modules(tmp_path: Path) -> None:
    allowed = ROOT / "tests/meta/stubtest-allowed.txt"
    command = [
        sys.executable,
        "-m",
        "mypy.stubtest",
        "--allowlist",
        str(allowed),
        "--ignore-unused-allowlist",
        "--ignore-disjoint-bases",
        *NAMES,
    ]
    environment = os.environ | {"MYPY_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_performance_hint(tmp_path: Path) -> None:
    """Each module is translated afresh: an incremental build log speaks only of what it rebuilt."""
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "filterd").rglob("*.pyx"))
    script = (
        "import sys; from Cython.Build import cythonize; "
        "cythonize(sys.argv[2:], build_dir=sys.argv[1], force=True, language_level=3)"
    )
    command = [sys.executable, "-c", script, str(tmp_path), *sources]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    log = done.stdout + done.stderr
    assert done.returncode == 0, log
    assert "performance hint" not in log, log

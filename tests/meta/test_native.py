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


def is_proved_by_make(root: Path) -> bool:
    """True if ``make`` built the native core as it is: a build with a hint fails, and leaves no mark."""
    built = root / "build/built"
    sources = [path for end in ("*.pyx", "*.pxd") for path in (root / "filterd").rglob(end)]
    return built.is_file() and all(path.stat().st_mtime < built.stat().st_mtime for path in sources)


def test_a_build_proves_what_is_older_than_it(tmp_path: Path) -> None:
    source, mark = tmp_path / "filterd/wire/codec.pxd", tmp_path / "build/built"
    source.parent.mkdir(parents=True)
    source.write_text("")
    assert not is_proved_by_make(tmp_path)
    mark.parent.mkdir()
    mark.touch()
    os.utime(source, (1, 1))
    assert is_proved_by_make(tmp_path)
    os.utime(mark, (1, 1))
    assert not is_proved_by_make(tmp_path), "of the same moment"


def test_no_performance_hint(tmp_path: Path) -> None:
    """Without a word of the build, each module is translated afresh (40 s): an incremental build log
    speaks only of what it rebuilt."""
    if is_proved_by_make(ROOT):
        return
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

"""The Debian package that machines install, and a next version of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.worlds.machine_root import keep

ROOT = Path(__file__).parents[2]
BUILDER = ROOT / "packaging/deb"
GIVEN = "FILTERD_TEST_DEB"
"""an environment variable that names a package to take as it is"""
BUILD_SECONDS = 1000.0


def package() -> Path:
    """The package of this tree, built where there is none of the same sources (some minutes). Skips the test,
    with the builder's own line, where it cannot be built."""
    if given := os.environ.get(GIVEN):
        return Path(given)
    if not BUILDER.exists() or shutil.which("dpkg-buildpackage") is None:
        pytest.skip("a package takes dpkg-buildpackage: apt-get install dpkg-dev debhelper")
    keep().mkdir(parents=True, exist_ok=True)
    with (keep() / "deb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [str(BUILDER)], cwd=ROOT, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    if done.returncode and "needs more packages" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-4000:]
    return ROOT / done.stdout.strip().splitlines()[-1]


def version_of(deb: Path) -> str:
    """The version that the package has."""
    command = ["dpkg-deb", "--field", str(deb), "Version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def next_version(deb: Path, folder: Path) -> Path:
    """The same package as the release after it: another version in its control file, paths and code."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(tree)], check=True)
    old = version_of(deb)
    first, _, last = old.rpartition(".")
    new = f"{first}.{int(last) + 1}"
    home = tree / "usr/lib/filterd/package"
    (init,) = home.glob("lib/*/site-packages/filterd/__init__.py")
    for compiled in init.parent.glob("__pycache__/__init__.*"):
        compiled.unlink()
    texts = [tree / "DEBIAN/control", home / "version", home / "pyvenv.cfg", init, *(home / "bin").iterdir()]
    for path in texts:
        if path.is_file() and not path.is_symlink():
            mode = path.stat().st_mode
            path.write_text(path.read_text().replace(old, new))
            path.chmod(mode)
    built = folder / f"filterd_{new}_amd64.deb"
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", str(tree), str(built)]
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(tree)
    return built

"""What ``make wheel`` packs: the whole product, nothing else, and it runs without this repository.

The native modules are taken as built: only the packing is done anew. Nothing is downloaded: the environment
made here sees the dependencies of the one that runs the tests, but not the filterd in it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.rcode
import pytest

import filterd
from tests.e2e.authority import free_port
from tests.e2e.deployment import ROOT, Deployment, ede

pytestmark = pytest.mark.ring("night")

PACKED = ("filterd", "policies", "pyproject.toml", "README.md", "LICENSE")
ORDERED = "ordered.example"


@dataclass(frozen=True)
class Fresh:
    """An environment with the wheel in it, and no filterd of another making."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def run(self, *words: str, **extra: str) -> str:
        """A Python command of the environment that must succeed; its output."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(self.python), *words]
        done = subprocess.run(
            command, cwd=self.folder, env=environment | extra, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pip(self, *words: str, **extra: str) -> None:
        """A pip command that asks no registry."""
        self.run("-m", "pip", *words, "--no-index", "--no-deps", "--disable-pip-version-check", **extra)


def copy_source(target: Path) -> None:
    """What a wheel is made from, with the compiled modules where setuptools looks for what it has built."""
    target.mkdir()
    for name in PACKED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    library = target / "build" / f"lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
    for module in (target / "filterd").rglob("*.so"):
        place = library / module.relative_to(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module, place)
        module.unlink()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """An environment with pip alone."""
    made = Fresh(tmp_path_factory.mktemp("fresh") / "environment")
    subprocess.run([sys.executable, "-m", "venv", made.folder], check=True)
    return made


@pytest.fixture(scope="module")
def wheel(fresh: Fresh, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    copy_source(folder / "source")
    tools = os.pathsep.join(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    where = ("--wheel-dir", str(folder), str(folder / "source"))
    fresh.pip("wheel", "--no-build-isolation", *where, PYTHONPATH=tools)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(fresh: Fresh, wheel: Path) -> Fresh:
    """The wheel installed, then the dependencies made visible: a .pth in a .pth's directory is not read, and
    so neither is the one that leads to this repository."""
    fresh.pip("install", str(wheel))
    site = Path(fresh.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    paths = sorted({sysconfig.get_path(kind) for kind in ("purelib", "platlib")})
    (site / "dependencies.pth").write_text("\n".join(paths) + "\n")
    return fresh


@pytest.fixture(scope="module")
def deployment(installed: Fresh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """An installation whose commands are typed where another package is called filterd too."""
    folder = tmp_path_factory.mktemp("deployment")
    trap = folder / "elsewhere" / "filterd" / "__init__.py"
    trap.parent.mkdir(parents=True)
    trap.write_text("raise SystemExit('the filterd of the current directory was imported')\n")
    yield Deployment(
        folder / "filterd",
        free_port(),
        installed.folder / "share" / "filterd" / "policies",
        program=(str(installed.folder / "bin" / "filterd"),),
        directory=folder / "elsewhere",
    )


PRODUCT = {
    *(".py", ".pyi", ".mako", ".toml", ".txt", ".md"),
    *(".html", ".css", ".js", ".svg", ".po", ".typ"),
}


def test_the_wheel_holds_the_product_and_no_source_of_the_native_core(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    expected = set()
    for path in (ROOT / "filterd").rglob("*"):
        name = str(path.relative_to(ROOT))
        if path.suffix in PRODUCT or path.name == "py.typed":
            expected.add(name)
        elif path.suffix == ".pyx":
            expected.add(name.removesuffix(".pyx") + suffix)
    data = f"filterd-{filterd.__version__}.data/data/share/filterd"
    expected |= {
        f"{data}/{path.relative_to(ROOT)}" for path in (ROOT / "policies").rglob("*") if path.is_file()
    }
    assert (names - expected, expected - names) == (set(), set())


def test_it_is_the_wheel_that_runs(installed: Fresh) -> None:
    program = "import filterd.wire.codec as module; print(module.__file__)"
    assert Path(installed.run("-c", program).strip()).is_relative_to(installed.folder)


def test_from_the_wheel_to_a_blocked_name(deployment: Deployment) -> None:
    version = deployment.run("--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert re.search(rf"\b{re.escape(filterd.__version__)}\b", version.stdout)
    assert deployment.cli("config", "check")["valid"]
    deployment.cli("store", "migrate")
    deployment.cli("feed", "update")
    deployment.cli("snapshot", "build")
    deployment.register("child", "127.0.0.2", "children")
    deployment.order(ORDERED)
    with deployment.serving():
        adult = (deployment.policies / "lists" / "adult.txt").read_text().splitlines()
        listed = next(line for line in adult if line and not line.startswith("#"))
        blocked = deployment.ask(listed, source="127.0.0.2")
        assert (blocked.rcode(), ede(blocked)) == (dns.rcode.NXDOMAIN, [17])
        ordered = deployment.ask(ORDERED)
        assert (ordered.rcode(), ede(ordered)) == (dns.rcode.NXDOMAIN, [16])

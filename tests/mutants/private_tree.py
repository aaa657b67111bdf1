"""A private copy of the repository, in which one mutation at a time stands.

Native modules that depend on the mutated file are built in the copy, the others were there. Nothing of it is
left: neither files nor processes.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutation import Mutation

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "dist", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "build"
)
MARK = "FILTERD_MUTANTS"
"""in the environment of every process that is started here, so that it can be found again"""
FLAGS = ("-O1", "-g0", "-w", "-fno-strict-aliasing")
"""of the compiler: quick to build, and the same behaviour"""
BUILD_SECONDS = 120
CIMPORT = re.compile(
    r"^[ \t]*from[ \t]+(filterd[\w.]*)[ \t]+cimport|^[ \t]*cimport[ \t]+(filterd[\w.]*)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended by itself, or by the time limit (``code`` None)."""

    code: int | None
    output: str


class PrivateTree:
    """Two copies: ``original`` is never changed, ``mutant`` holds the mutation."""

    def __init__(self, root: Path, top: Path) -> None:
        self.original = top / "o"
        self.mutant = top / "m"
        self._top = top
        self._touched = 0
        for copy in (self.original, self.mutant):
            shutil.copytree(root, copy, symlinks=True, ignore=LEFT_OUT)
            (copy / ".venv").symlink_to((root / ".venv").resolve())

    def apply(self, mutation: Mutation) -> str | None:
        """Put the mutation in place and build what depends on it. What the compiler says if it refuses."""
        path = self.mutant / mutation.path
        path.write_text(mutation.applied(path.read_text(encoding="utf-8")), encoding="utf-8")
        self._touched += 1
        later = path.stat().st_mtime + self._touched
        os.utime(path, (later, later))  # compiled Python is told apart by seconds and size alone
        if mutation.kind != "native":
            return None
        for native in native_dependents(self.mutant, mutation.path):
            for command in _build_commands(native):
                built = self.run(command, self.mutant, BUILD_SECONDS, {})
                if built.code != 0:
                    return built.output
        return None

    def restore(self) -> None:
        """Make the mutant the original again, and forget the examples that hypothesis kept."""
        shutil.rmtree(self.mutant / ".hypothesis", ignore_errors=True)
        shutil.rmtree(self._top / "t", ignore_errors=True)
        kept = self.original / "filterd"
        for path in (self.mutant / "filterd").rglob("*"):
            before = kept / path.relative_to(self.mutant / "filterd")
            if path.is_dir() or path.suffix == ".pyc":
                continue
            if not before.exists():
                path.unlink()
            elif path.stat().st_mtime_ns != before.stat().st_mtime_ns:
                shutil.copy2(before, path)

    def test(self, tree: Path, words: list[str], seconds: float, *, first: bool = True) -> Ended:
        """Run pytest in a copy, to the ``first`` failure or to the end; what it started is ended."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            *(["-x"] if first else []),
            "-q",
            "-rfE",
            "--no-header",
            "--tb=no",
        ]
        command += ["-p", "no:cacheprovider", f"--basetemp={self._top / 't'}", "--hypothesis-seed=0", *words]
        return self.run(command, tree, seconds, {})

    def run(self, command: list[str], folder: Path, seconds: float, environment: dict[str, str]) -> Ended:
        """Run a command in its own session, at most so long."""
        chosen = os.environ | {"PYTHONPATH": str(folder), MARK: str(self._top)} | environment
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=chosen, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                code: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                self.end_processes()
                process.wait()
            output.seek(0)
            return Ended(code, output.read())

    def end_processes(self) -> None:
        """End whatever was started in a copy and still lives."""
        mark = f"{MARK}={self._top}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or entry.name == str(os.getpid()):
                continue
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)


def native_dependents(tree: Path, changed: str) -> list[str]:
    """The ``.pyx`` files to build anew: the changed one, or all that read the changed ``.pxd``."""
    if changed.endswith(".pyx"):
        return [changed]
    reads = {
        str(path.relative_to(tree)): {
            f"{''.join(names).replace('.', '/')}.pxd" for names in CIMPORT.findall(path.read_text())
        }
        for path in (tree / "filterd").rglob("*.p[xy][dx]")
    }
    seen, waiting = {changed}, [changed]
    while waiting:
        header = waiting.pop()
        readers = {path for path, read in reads.items() if header in read} | {f"{header[:-4]}.pyx"}
        waiting += [path for path in readers - seen if path.endswith(".pxd")]
        seen |= readers
    return sorted(path for path in seen if path.endswith(".pyx") and path in reads)


def _build_commands(native: str) -> tuple[list[str], list[str]]:
    """From ``.pyx`` to C, and from C to the extension."""
    c_file = native.removesuffix(".pyx") + ".c"
    extension = native.removesuffix(".pyx") + str(sysconfig.get_config_var("EXT_SUFFIX"))
    module = native.removesuffix(".pyx").replace("/", ".")
    headers = f"-I{sysconfig.get_path('include')}"
    return (
        [sys.executable, "-m", "cython", "--module-name", module, "-o", c_file, native],
        ["cc", "-shared", "-fPIC", "-pthread", *FLAGS, headers, "-o", extension, c_file],
    )


@contextlib.contextmanager
def private_tree(root: Path) -> Iterator[PrivateTree]:
    """A copy of the repository at ``root`` for as long as it is needed; its path is short."""
    with tempfile.TemporaryDirectory(prefix="mut", ignore_cleanup_errors=True) as top:
        tree = PrivateTree(root, Path(top))
        try:
            yield tree
        finally:
            tree.end_processes()

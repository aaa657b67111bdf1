"""A fast path built with the hooks of tests, beside the product's, for a resolver process to load instead.

One module is compiled (the C that Cython made of it), and found first through a ``sitecustomize`` on
PYTHONPATH. In that process, SIGUSR1 blocks the event loop for good.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from filterd.dataplane.fast import thread

MODULE = "filterd.dataplane.fast.thread"
_SITE = """
import importlib.abc, importlib.util, signal, sys, threading


class Hooked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, {built!r}) if name == {module!r} else None


sys.meta_path.insert(0, Hooked())
signal.signal(signal.SIGUSR1, lambda *_: threading.Event().wait())
"""


class Hooks:
    """A folder with the build, in which the processes look for what they are to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = os.pathsep.join(filter(None, (str(folder / "site"), os.environ.get("PYTHONPATH"))))
        self.environment = {"PYTHONPATH": path, "FILTERD_TEST_HOOKS": str(folder)}

    def park(self, thread: int) -> None:
        """Stop this thread for good."""
        (self.folder / f"park-{thread}").touch()

    def is_parked(self, thread: int) -> bool:
        """True if it has been stopped since."""
        return not (self.folder / f"park-{thread}").exists()


def build_hooks(folder: Path) -> Hooks:
    """Compile it; skips where there is no compiler."""
    source = Path(thread.__file__).with_name("thread.c")
    compiler, include = shutil.which("cc"), Path(sysconfig.get_path("include"))
    if compiler is None or not (include / "Python.h").is_file() or not source.is_file():
        pytest.skip("a build with hooks needs cc, Python's headers and the C of the native core")
    built = folder / Path(thread.__file__).name
    flags = shlex.split("-O0 -w -fPIC -fno-strict-aliasing -shared -DFILTERD_TEST_HOOKS")
    subprocess.run([compiler, *flags, f"-I{include}", "-o", built, source], check=True, capture_output=True)
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_SITE.format(built=str(built), module=MODULE))
    return Hooks(folder)

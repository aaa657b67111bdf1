"""The comparison's upstream in a process of its own, so that it takes no time from those who ask."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from tests.comparison.script import respond
from tests.compliance.upstream import scripted


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    """Start it; yields its port on 127.0.0.1."""
    words = [sys.executable, "-m", "tests.comparison.upstream"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


if __name__ == "__main__":
    with scripted(respond) as serving:
        print(serving, flush=True)
        sys.stdin.read()

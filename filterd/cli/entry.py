"""The entry of the ``filterd`` command: holds SIGHUP before it imports anything, then runs the command."""

from __future__ import annotations

import gc
import os
import sys

from filterd.disk.dumps import forbid_dumps

GARBAGE_THRESHOLD = 1_000_000
"""new objects after which a command looks for garbage. With Python's default of 700 it would look hundreds of
times at what it imports, none of which is garbage, and take a quarter longer"""


def main() -> None:
    """Run the command line. What it makes is for its owner alone, whatever the umask is, and no other process
    may look into its memory, which may hold keys and names. SIGHUP to ``filterd serve`` waits from here on:
    the imports take long enough for one to come in between."""
    os.umask(0o077)
    forbid_dumps()
    if sys.argv[1:2] == ["serve"]:
        from filterd.serve import hangup

        hangup.hold()
    else:
        gc.set_threshold(GARBAGE_THRESHOLD)
    from filterd.cli.main import main as commands

    commands()


if __name__ == "__main__":
    main()

"""The entry of the ``filterd`` command: holds SIGHUP before it imports anything, then runs the command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line. What it makes is for its owner alone, whatever the umask is. SIGHUP to ``filterd
    serve`` waits from here on: the imports take long enough for one to come in between."""
    os.umask(0o077)
    if sys.argv[1:2] == ["serve"]:
        from filterd.serve import hangup

        hangup.hold()
    from filterd.cli.main import main as commands

    commands()


if __name__ == "__main__":
    main()

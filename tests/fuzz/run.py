"""``python -m tests.fuzz.run TARGET [libFuzzer's arguments]``: one fuzz target, in a process that .ci/fuzz
prepares."""

from __future__ import annotations

import importlib
import sys

from tests.fuzz.exchanges import served


def main() -> None:
    """Does not come back: libFuzzer ends the process."""
    fuzzing = importlib.import_module("tests.fuzz.native.fuzzing")  # there only where .ci/fuzz has built it
    sys.exit(fuzzing.run(sys.argv[1], sys.argv[2:], served()))


if __name__ == "__main__":
    main()

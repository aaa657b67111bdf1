"""``python -m tests.fuzz.run TARGET [libFuzzer's arguments]``: one fuzz target, in a process that .ci/fuzz
prepares, in the folder where ``found/TARGET`` is what earlier runs found."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from filterd.dataplane.packet.crashboard import CrashBoard
from tests.fuzz import exchange_seeds, radius_seeds
from tests.fuzz.world import CLIENTS, Served
from tests.worlds.policy import KEY

SMALL = 1 << 16
"""bytes of a cache that is emptied for each input"""


def served(target: str) -> Served:
    """The world; where lines are held against each other, nobody's queries are limited."""
    if target == "lines":
        return Served(SMALL, limited=False)
    made = Served()
    made.packets.use_board(CrashBoard.make(KEY))
    return made


def radius(target: str, *arguments: str) -> None:
    """The target ``radius``, which has a world of its own. Does not come back."""
    fuzzing = importlib.import_module("tests.fuzz.native.radius_fuzzing")
    radius_seeds.write(Path("found") / target)
    sys.exit(fuzzing.run(target, list(arguments), radius_seeds.clients(), radius_seeds.RULES))


def main() -> None:
    """Does not come back: libFuzzer ends the process."""
    if sys.argv[1] == "radius":
        radius(*sys.argv[1:])
    fuzzing = importlib.import_module("tests.fuzz.native.fuzzing")  # there only where .ci/fuzz has built it
    target, *arguments = sys.argv[1:]
    if target in ("packet", "lines"):
        found = Path("found")
        exchange_seeds.write(found / target)
        words = found / f"{target}.words"
        words.write_text(exchange_seeds.dictionary())
        arguments.append(f"-dict={words}")
    sys.exit(fuzzing.run(target, arguments, served(target), CLIENTS))


if __name__ == "__main__":
    main()

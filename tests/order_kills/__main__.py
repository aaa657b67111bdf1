"""``make order-kills``: kill -9 at random points of changes of orders; nothing acknowledged may be lost.

    python -m tests.order_kills [--kills N] [--commands N] [--seed N] [--keep FOLDER]

After each kill the store is opened anew: what was acknowledged is there, the chain, the change log and all
checkpoints verify, and the rows of orders are what the trail says. Exit code 1: something was lost or torn.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.order_kills import by_command, campaign
from tests.order_kills.campaign import Killed

KILLS, COMMANDS = 1000, 30


def main(words: list[str]) -> int:
    """Play, print; the exit code."""
    chosen = _parser().parse_args(words)
    with tempfile.TemporaryDirectory(prefix="order-kills-", ignore_cleanup_errors=True) as folder:
        base = Path(chosen.keep or folder)
        warm = _shown("kill -9 of a process", campaign.played(base / "warm", chosen.kills, chosen.seed))
        whole = _shown(
            "kill -9 of a command", by_command.played(base / "commands", chosen.commands, chosen.seed)
        )
    return int(not (warm and whole))


def _shown(what: str, kills: Iterable[Killed]) -> bool:
    """Print the progress and the figures; False where something was lost or torn."""
    began, seen = time.monotonic(), []
    for each in kills:
        seen.append(each)
        for fault in each.faults:
            print(f"{what} {each.number} in {each.under_way or 'no act'}: {fault}", flush=True)
        if len(seen) % 100 == 0:
            print(f"{what}: {len(seen)} done, {time.monotonic() - began:.0f} s", flush=True)
    bad = sum(bool(each.faults) for each in seen)
    in_acts = Counter(each.under_way or "between two acts" for each in seen)
    print(
        f"{what}: {len(seen)} kills, {sum(each.acknowledged for each in seen)} acts acknowledged before them,"
        f" {bad} kills after which something was lost or torn, {time.monotonic() - began:.0f} s"
    )
    for name, count in sorted(in_acts.items()):
        in_store = sum(each.came_in for each in seen if each.under_way == name)
        print(f"  killed in {name}: {count}" + (f", of which committed: {in_store}" if in_store else ""))
    return not bad


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="order_kills", description="kill -9 in changes of orders")
    parser.add_argument("--kills", type=int, default=KILLS, help="of a process that is warm")
    parser.add_argument("--commands", type=int, default=COMMANDS, help="kills of whole commands")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    parser.add_argument("--keep", help="a folder in which the installations are left")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``make feeds``: a week of refreshes against a server that misbehaves, and what was in force after each.

    python -m tests.feeds_campaign [--refreshes N] [--each N] [--seed N]

A seed fixes the feeds and faults of all refreshes. Prints each fault with the outcomes of its refreshes.
Exit code 1: something was in force that should not have been, or the other way round.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
import time
from pathlib import Path

from filterd.telemetry import log
from tests.feeds_campaign.campaign import EACH, WEEK, played

STEP = 1000


def main(words: list[str]) -> int:
    """Play a campaign, print; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--refreshes", type=int, default=WEEK)
    parser.add_argument("--each", type=int, default=EACH, help="the least number with each fault")
    parser.add_argument("--seed", type=int, default=13)
    chosen = parser.parse_args(words)
    log.configure("campaign", io.StringIO())
    begun = time.monotonic()

    def tell(done: int) -> None:
        if done % STEP == 0:
            print(f"{done} refreshes, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="feeds-", ignore_cleanup_errors=True) as folder:
        figures = asyncio.run(played(Path(folder), chosen.refreshes, chosen.each, chosen.seed, tell))
    for line in (*figures.table(), *figures.broken[:50]):
        print(line)
    return int(bool(figures.broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

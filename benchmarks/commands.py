"""Measures what commands cost: processor time (user + system) of each, the middle of several runs.

The bar is 0.25 s without the store and 0.35 s with it, on a machine that does nothing else. Beside them
stands what an empty Python and the import of SQLAlchemy alone take: the floor, and the sign of a busy day.

    python benchmarks/commands.py [--runs 5] [--config FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from filterd.store.store import Store

ROOT = Path(__file__).parents[1]
WITHOUT, WITH = 0.25, 0.35
ENTRY = ("-m", "filterd.cli.entry")
FLOORS = (("python", ("-c", "")), ("sqlalchemy alone", ("-c", "import sqlalchemy.ext.asyncio")))
COMMANDS = (
    ("--help", WITHOUT),
    ("subscriber --help", WITHOUT),
    ("config show", WITHOUT),
    ("config schema", WITHOUT),
    ("profile list", WITHOUT),
    ("cache flush", WITHOUT),
    ("config check", WITH),
    ("subscriber list", WITH),
    ("subscriber list --count", WITH),
    ("subscriber find --address 192.0.2.7", WITH),
    ("binding list", WITH),
    ("order list", WITH),
    ("feed list", WITH),
    ("node list", WITH),
    ("audit tail", WITH),
    ("audit verify", WITH),
    ("check example.org", WITH),
)
"""command lines, each with its bar; some fail on an empty installation, which costs the same"""


def main() -> int:
    """Print the table; the exit code is 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--config", type=Path, help="an installation; default: an empty one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        config = chosen.config or installation(Path(directory))
        environment = {**os.environ, "FILTERD_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
        for name, arguments in FLOORS:
            click.echo(f"{cost(arguments, environment, chosen.runs):6.2f} s        {name}")
        missed = 0
        for line, bar in COMMANDS:
            seconds = cost((*ENTRY, *line.split()), environment, chosen.runs)
            missed += seconds > bar
            click.echo(f"{seconds:6.2f} s  {bar:.2f}  filterd {line}{'  missed' if seconds > bar else ''}")
    return 1 if missed else 0


def installation(directory: Path) -> Path:
    """An installation with the shipped policies and an empty store."""
    shutil.copytree(ROOT / "policies", directory / "policies")
    url = f"sqlite:///{directory}/filterd.db"
    config = directory / "filterd.yaml"
    value = {"store": {"url": url}, "state_dir": "state", "policies": "policies"}
    config.write_text(json.dumps({**value, "dns": {"upstreams": ["192.0.2.53"]}}))
    asyncio.run(Store.migrate(url, directory / "state/ledger"))
    return config


def cost(arguments: tuple[str, ...], environment: dict[str, str], runs: int) -> float:
    """Processor seconds of a command: the middle of ``runs``, after one that is not counted."""
    found = []
    for number in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if number:
            found.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(found)


if __name__ == "__main__":
    sys.exit(main())

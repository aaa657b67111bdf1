"""Instructions for a query of the mix, stage by stage: ``make callgrind``.

Counted by callgrind in process, without sockets: a count of instructions is the same on a busy machine as on
a quiet one. What it does not see are the kernel, and memory that is far away.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench import lists
from bench.callgrind import by_function
from bench.inprocess import CACHED
from bench.machine import CannotRunError, program
from bench.ours import compile_apart
from bench.packets import query, write_entries

COLLECT = "*fast_batch*"
"""the function inside which is counted"""
NAMES = 100_000
POPULAR = 2_000
PACKETS = 5_000
TIMES = 4
STAGES = (
    ("parse", r"codec\.(?!walk|service|lifetime|put)|query_options\."),
    ("admit", r"admit\.|ratelimit\.|cookie\.|stages\.(rate_of|limited)|crashboard\."),
    ("identify", r"(seqlock|lines|addresses|identify)\.|stages\.identify"),
    ("decide", r"decide\.|snapshot\.|fingerprint\."),
    ("cache", r"cache\.|shard\.|stages\.(look_up|lookup_key)|filterd_(load|store)"),
    ("inspect", r"inspect\.|layout\.|codec\.(walk|service)"),
    ("respond", r"respond\.|codec\.(lifetime|put)|stages\.(begin_options|complete|blocked|error|sent)"),
    ("hashing (names, tables, cache)", r"siphash\.|hashing\.|filterd_high_product"),
    ("copying", r".*mem(cpy|move|set|cmp)"),
    ("batches", r"thread\.|datagrams\.|turn\.|punts\."),
    ("order of stages", r"stages\."),
)


def main() -> int:
    """Count, and print; the exit status."""
    parser = argparse.ArgumentParser(prog="make callgrind", description=__doc__)
    parser.add_argument("--lists", type=Path, default=Path("../shared/data"), help="the folder of lists")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="filterd-callgrind-") as work:
        try:
            functions, packets = count(Path(work), chosen.lists)
        except CannotRunError as error:
            sys.stdout.write(f"callgrind: skipped, {error}\n")
            return 0
    report(functions, packets)
    return 0


def count(work: Path, folder: Path) -> tuple[Counter[str], int]:
    """Instructions by function, and for how many packets. Raises CannotRunError."""
    prepared = Path("build/bench-lists")
    prepared.mkdir(exist_ok=True)
    names = lists.make_names(folder, prepared, NAMES, POPULAR)
    popular = frozenset(names.popular)
    asked = lists.mix(names.popular, names.some_blocked, lists.BLOCKED_SHARE)[:PACKETS]
    entries = write_entries(
        work / "mix.entries", ((query(name), CACHED if name in popular else 0) for name in asked)
    )
    compile_apart(names.blocked, 0, work / "mix.snapshot")
    output = work / "callgrind.out"
    words = [program("valgrind"), "--tool=callgrind", f"--callgrind-out-file={output}"]
    words += [f"--toggle-collect={COLLECT}", sys.executable, "-m", "bench.inprocess"]
    words += [str(work / "mix.snapshot"), str(entries), str(TIMES)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if int(done.stdout) != PACKETS * TIMES:
        message = f"only {int(done.stdout)} of {PACKETS * TIMES} packets were answered"
        raise CannotRunError(message)
    with output.open(encoding="utf-8") as file:
        return by_function(file, "filterd"), PACKETS * TIMES


def by_stage(functions: Counter[str]) -> dict[str, int]:
    """Instructions by stage; what no stage claims is the last."""
    found = dict.fromkeys([*(name for name, _ in STAGES), "other"], 0)
    for function, cost in functions.items():
        stage = next((name for name, pattern in STAGES if re.match(pattern, function)), "other")
        found[stage] += cost
    return found


def report(functions: Counter[str], packets: int) -> None:
    """Print both tables, and keep them in build/callgrind.json."""
    stages = by_stage(functions)
    whole = sum(stages.values())
    sys.stdout.write(f"instructions for a query: {whole / packets:,.0f}\n")
    for name, cost in stages.items():
        sys.stdout.write(f"  {name:<26} {cost / packets:8,.1f}  {cost / max(whole, 1):6.1%}\n")
    sys.stdout.write("functions:\n")
    for name, cost in functions.most_common(25):
        sys.stdout.write(f"  {name:<44} {cost / packets:8,.1f}\n")
    found = {
        "instructions for a query": whole / packets,
        "stages": {name: cost / packets for name, cost in stages.items()},
        "functions": {name: cost / packets for name, cost in functions.most_common()},
    }
    Path("build/callgrind.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

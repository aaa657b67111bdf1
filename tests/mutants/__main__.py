"""``make mutants``: a random sample of small changes to the product, and which of them no test notices.

    python -m tests.mutants [--sample N] [--seed N] [--skip N] [--kind KIND] [--path TEXT]
                            [--reach near|unit|suite] [--ring RING] [--minutes N] [--list]

A seed fixes the order of all mutations; ``--skip`` goes on where an earlier run ended. Each mutation is
applied in a private copy, its native modules are built there, and the tests that can notice it run until one
fails. Prints the survivors as diffs and the share that was noticed. Exit code 1: a test fails without any
mutation.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.mutants import native_mutations, python_mutations
from tests.mutants.mutation import Mutation, sources
from tests.mutants.private_tree import private_tree
from tests.mutants.trial import STAGES, Fate, Result, Trial
from tests.worlds.rings import RINGS

ROOT = Path(__file__).parents[2]
SAMPLE = 60
MINUTES = 120.0
KINDS = ("python", "reference", "native")


def all_mutations(root: Path) -> Iterator[Mutation]:
    """Every mutation of the product, in a fixed order."""
    for path in sources(root):
        finder = python_mutations if path.suffix == ".py" else native_mutations
        yield from finder.mutations(str(path.relative_to(root)), path.read_text(encoding="utf-8"))


def sample(mutations: Iterable[Mutation], seed: int, skip: int, size: int) -> list[Mutation]:
    """``size`` mutations of the order that ``seed`` gives, after the first ``skip``."""
    shuffled = list(mutations)
    random.Random(seed).shuffle(shuffled)
    return shuffled[skip : skip + size]


def main(words: list[str]) -> int:
    """Try a sample, print; the exit code."""
    chosen = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # by way of the cleaning up
    if chosen.list:
        for mutation in _picked(ROOT, chosen):
            _show(ROOT, mutation)
        return 0
    until = time.monotonic() + 60 * chosen.minutes
    with private_tree(ROOT) as tree:
        picked = _picked(tree.original, chosen)
        trial = Trial(tree, chosen.reach, chosen.ring)
        results = list(_tried(trial, picked, until))
        if len(results) < len(picked):
            print(f"the time is over; go on with --skip {chosen.skip + len(results)}")
        _report(tree.original, trial.confirmed(results))
    for test in sorted(trial.left_out):
        print(f"fails without any mutation: {test}")
    return 1 if trial.left_out else 0


def _picked(root: Path, chosen: argparse.Namespace) -> list[Mutation]:
    """The sample that the command line asks for."""
    possible = [
        mutation
        for mutation in all_mutations(root)
        if mutation.kind in (chosen.kind or KINDS) and chosen.path in mutation.path
    ]
    picked = sample(possible, chosen.seed, chosen.skip, chosen.sample)
    said = f"{len(picked)} of {len(possible)} mutations, seed {chosen.seed} from {chosen.skip}"
    print(f"{said}, tests: up to {chosen.reach}", flush=True)
    return picked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mutants", description="which changes of the product no test notices"
    )
    parser.add_argument("--sample", type=int, default=SAMPLE, help="how many mutations")
    parser.add_argument("--seed", type=int, default=1, help="of the order of all mutations")
    parser.add_argument("--skip", type=int, default=0, help="leave out so many of that order")
    parser.add_argument("--kind", choices=KINDS, action="append", help="one kind alone")
    parser.add_argument("--path", default="", help="only files whose path contains this")
    parser.add_argument(
        "--reach", choices=STAGES, default=STAGES[-1], help="how far from a module tests may be"
    )
    parser.add_argument("--ring", choices=RINGS, help="only tests of this ring, as make test runs commit")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="begin no mutation after so long")
    parser.add_argument("--list", action="store_true", help="show the mutations and try none")
    return parser


def _tried(trial: Trial, picked: list[Mutation], until: float) -> Iterator[Result]:
    """The results, each shown as it comes, until the time is over."""
    for number, mutation in enumerate(picked, 1):
        began = time.monotonic()
        if began > until:
            return
        result = trial.of(mutation)
        line = mutation.line((trial.root / mutation.path).read_text(encoding="utf-8"))
        said = f"{result.fate} {result.test}".strip()
        seconds = time.monotonic() - began
        print(f"{number:4} {mutation.path}:{line} {mutation.operator}: {said} ({seconds:.0f} s)", flush=True)
        yield result


def _report(root: Path, results: list[Result]) -> None:
    """The survivors, and how many were noticed of each kind."""
    for result in results:
        if result.fate is Fate.SURVIVED:
            _show(root, result.mutation)
    fates = Counter((result.mutation.kind, result.fate) for result in results)
    for kinds in (*((kind,) for kind in KINDS), KINDS):
        counts = {fate: sum(fates[kind, fate] for kind in kinds) for fate in Fate}
        tried = sum(counts.values()) - counts[Fate.INVALID]
        if tried:
            share = 100 * (tried - counts[Fate.SURVIVED]) / tried
            told = ", ".join(f"{count} {fate}" for fate, count in counts.items() if count)
            print(f"{kinds[0] if len(kinds) == 1 else 'all':10} {share:5.1f} % noticed ({told})")


def _show(root: Path, mutation: Mutation) -> None:
    print(f"\n{mutation.path}: {mutation.operator}")
    print(mutation.diff((root / mutation.path).read_text(encoding="utf-8")), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

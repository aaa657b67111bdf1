"""The lists and the names that all systems get: the same for each, made once and kept in the build folder."""

from __future__ import annotations

import itertools
import lzma
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.machine import CannotRunError
from filterd.policy.canonical import CanonicalError, canonical_name

FIRST_CATEGORIES = ("adult", "gambling")
"""the categories that fill a list first; the others follow in the order of their names"""
SEED = 1
MIX_QUERIES = 100_000
BLOCKED_SHARE = 10
"""percent of the mix that are blocked"""


@dataclass(frozen=True, slots=True)
class Names:
    """What is blocked and what is asked."""

    blocked: Path
    """a name a line, sorted: it and all below it are blocked"""
    count: int
    popular: tuple[str, ...]
    """names that are not blocked"""
    some_blocked: tuple[str, ...]
    """a sample of the blocked ones"""


def make_names(source: Path, work: Path, count: int, popular: int) -> Names:
    """``count`` listed names and ``popular`` popular ones out of the folder of lists. Raises CannotRunError
    where that folder is absent; where it has fewer names, the rest stands under .example."""
    if not source.is_dir():
        message = f"there is no folder {source} with lists"
        raise CannotRunError(message)
    path = work / f"blocked-{count}.names"
    if not path.exists():
        _write(path, sorted(_fill(_listed(source / "domains"), count)))
    listed = path.read_text().splitlines()
    blocked = frozenset(listed)
    free = (name for name in _popular(source / "popular") if not _is_blocked(name, blocked))
    sample = random.Random(SEED).sample(listed, min(len(listed), 20_000))  # noqa: S311 - a sample is no secret
    return Names(path, len(listed), tuple(itertools.islice(free, popular)), tuple(sample))


def mix(popular: Sequence[str], blocked: Sequence[str], share: int) -> list[str]:
    """A run of names to ask, ``share`` percent of them blocked, the rest popular."""
    chance = random.Random(SEED)  # noqa: S311 - the same queries in each run
    return [
        chance.choice(blocked) if chance.randrange(100) < share else chance.choice(popular)
        for _ in range(MIX_QUERIES)
    ]


def fresh(run: int, count: int) -> Iterator[str]:
    """Names that nobody has asked for yet; ``run`` tells one set of them from another."""
    return (f"x{run}-{number:07d}.cold.example" for number in range(count))


def write_queries(path: Path, names: Iterable[str]) -> Path:
    """A dnsperf file that asks for their addresses."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(f"{name} A\n" for name in names)
    return path


def _write(path: Path, names: Iterable[str]) -> None:
    draft = path.with_suffix(".new")
    draft.write_text("".join(f"{name}\n" for name in names), encoding="ascii")
    draft.rename(path)


def _fill(names: Iterator[str], count: int) -> set[str]:
    """Different names, ``count`` of them, made up under .example where there are not enough."""
    found: set[str] = set()
    made_up = (f"n{number:09d}.fill.example" for number in itertools.count())
    for name in itertools.chain(names, made_up):
        found.add(name)
        if len(found) == count:
            break
    return found


def _listed(folder: Path) -> Iterator[str]:
    """The names of all categories, canonical ones alone."""
    folders = [each.name for each in sorted(folder.iterdir()) if each.is_dir()]
    rest = [name for name in folders if name not in FIRST_CATEGORIES]
    for category in (*FIRST_CATEGORIES, *rest):
        for path in sorted((folder / category).glob("*.txt*")):
            for name in lines_of(path):
                if _is_canonical(name):
                    yield name


def _popular(folder: Path) -> Iterator[str]:
    """Popular names, the most popular first."""
    for line in lines_of(folder / "cloudflare-top100k-tiers.tsv.xz"):
        name = line.split("\t")[-1]
        if _is_canonical(name):
            yield name


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a file, decompressed as they are read."""
    reader = lzma.open if path.suffix == ".xz" else open
    with reader(path, "rt", encoding="ascii", errors="replace") as file:
        for line in file:
            yield line.rstrip("\n")


def _is_canonical(name: str) -> bool:
    """True if every system takes the name as it is."""
    plain = (
        name.isascii() and "." in name and name.replace("-", "").replace(".", "").replace("_", "").isalnum()
    )
    if not plain:
        return False
    try:
        return canonical_name(name) == name
    except CanonicalError:
        return False


def _is_blocked(name: str, blocked: frozenset[str]) -> bool:
    labels = name.split(".")
    return any(".".join(labels[start:]) in blocked for start in range(len(labels)))

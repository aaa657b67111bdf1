"""filterd's snapshot of the names that all systems block: compiled as the product compiles, by its own code.

``python -m bench.snapshots NAMES REVISION TARGET`` compiles one in a process of its own, at the
priority of the product's compiler.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.systems import CATEGORIES, PROFILES
from filterd.disk.files import replace_file
from filterd.model.mandatory import Mandate
from filterd.model.verdict import Kind
from filterd.operations.compile import give_way
from filterd.policy import special_names
from filterd.policy.canonical import join_lines, line_of
from filterd.policy.classes import FIRST_FREE_BIT, FIXED, ListClass
from filterd.policy.compiler import ListSource, compile_snapshot
from filterd.policy.published import mandate_to_meta
from filterd.policy.resolve import ProfileRules, to_meta

KEY = bytes(range(16))
PIECE = 1 << 18
ORDERED = tuple(f"ordered{number}.example" for number in range(1000))
"""blocked for every line"""


def profile_name(number: int) -> str:
    """The profile that blocks the categories whose bits ``number`` has."""
    return f"profile{number}"


def compile_names(names: Path, revision: int, target: Path) -> None:
    """Compile and write durably; no two have the same digest, as no two have the same version."""
    mandate = Mandate(0, "ordered")
    categories = [f"category{number}" for number in range(CATEGORIES)]
    meta: dict[str, Any] = {
        "profiles": {
            profile_name(number): to_meta(
                ProfileRules(
                    profile_name(number),
                    categories=tuple(name for bit, name in enumerate(categories) if number >> bit & 1),
                )
            )
            for number in range(PROFILES)
        },
        "mandates": [mandate_to_meta(mandate)],
    }
    compiled = compile_snapshot(
        _sources(names, categories, str(time.time_ns())),
        KEY,
        revision=revision,
        built_at=int(time.time()),
        meta=meta,
    )
    replace_file(target, compiled.pieces)


def _sources(names: Path, categories: list[str], version: str) -> Iterator[ListSource]:
    for number, category in enumerate(categories):
        place = ListClass(category, Kind.CATEGORY, FIRST_FREE_BIT + number, category)
        yield ListSource((place,), version, _every(names, number))
    ordered = join_lines(f"{name}\n".encode() for name in ORDERED)
    yield ListSource((ListClass("ordered", None, 0),), "1", [ordered])
    fixed = {
        "localhost": special_names.LOCALHOST,
        "resolver.arpa": special_names.RESOLVER_ARPA,
        "special-use": special_names.SPECIAL_USE_NAMES + special_names.REVERSE_ZONES,
    }
    for place in FIXED:
        yield ListSource(
            (place,), "1", [join_lines(map(line_of, special_names.rules(fixed.get(place.id, ()))))]
        )


def _every(names: Path, first: int) -> Iterator[bytes]:
    """Every fourth line of a file, from ``first`` on, in pieces."""
    with names.open("rb") as file:
        while lines := file.readlines(PIECE):
            yield b"".join(lines[first::CATEGORIES])
            first = (first - len(lines)) % CATEGORIES


def main() -> int:
    """The process."""
    give_way()
    names, revision, target = sys.argv[1:]
    compile_names(Path(names), int(revision), Path(target))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The names that are asked: popular ones where the folder of lists is at hand, else as many made up."""

from __future__ import annotations

import lzma
from pathlib import Path

LIST = "cisco-umbrella-top20k-tiers.tsv.xz"
"""20,000 names, a tier and a name a line"""
WHOLE = 20_000


def popular(folder: Path) -> list[str] | None:
    """The names of the list; None where it is not there."""
    path = folder / LIST
    if not path.is_file():
        return None
    with lzma.open(path, "rt") as lines:
        return [line.split()[-1] for line in lines][:WHOLE]


def made_up(count: int) -> list[str]:
    """Names of the shape of real ones, under two public suffixes."""
    return [f"www{number}.site{number // 3}.{'com' if number % 2 else 'com.mx'}" for number in range(count)]

"""Short words for the findings of the doctor, and the kernel's files of a made-up machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filterd.operations.doctor.finding import Finding


def ids(findings: Iterable[Finding]) -> list[str]:
    """The ids of the findings."""
    return [each.id for each in findings]


def values(findings: Iterable[Finding], identifier: str) -> dict[str, Any]:
    """The values of the first finding of this id."""
    return dict(next(each.values for each in findings if each.id == identifier))


def write(path: Path, text: str) -> None:
    """Write a file, with its directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

"""Proves an export that is a part of a larger file, and hands on what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from filterd.audit.export_lines import LineSource
from filterd.audit.export_proof import ExportProof, ExportWalk


@dataclass(frozen=True, slots=True)
class ProvenLines:
    """The result of a walk through an export that is a part of a larger file."""

    proof: ExportProof
    keys: dict[str, bytes]
    """id -> raw public key: those that were given, and those that sign what they vouch for"""
    receipt_keys: frozenset[str]
    """the ids of the keys that the trail announces for receipts alone"""


def prove_lines(
    file: LineSource, trusted: Iterable[bytes], heed: Callable[[dict[str, Any]], None]
) -> ProvenLines:
    """Prove the export that a part of a larger file is. ``heed`` is given each entry and each row in which
    nothing is wrong."""
    walk = ExportWalk(list(trusted), None, None)
    walk.heed = heed
    walk.read_from(file)
    return ProvenLines(walk.finish(), walk.vouching, walk.receipt_keys)

"""The values of taking a document in: what was handed in, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from filterd.model.register import ItemAct, ItemAnswer, RegisterItem, RegisterRun, RunOrigin


@dataclass(frozen=True, slots=True)
class Handed:
    """A document as it came. Times are Unix seconds, 0 for now."""

    content: bytes
    origin: RunOrigin
    document: str = ""
    """its number, where it does not say it itself"""
    received_at: float = 0.0


@dataclass(frozen=True, slots=True)
class TakenDocument:
    """A document that was taken in, or what taking it would do."""

    run: RegisterRun
    items: tuple[RegisterItem, ...]
    repeated: bool = False
    """it was taken in before: these are the answers of then"""
    again: int = 0
    """items of a document that came before, and that were refused then: they are taken up now"""
    dry: bool = False
    """nothing was changed"""
    whole: bool = False
    listed: int = 0
    """entries of a whole list, with those that changed nothing"""

    @property
    def added(self) -> int:
        """Items that block something, or would."""
        return sum(each.act is ItemAct.BLOCK and not _refused(each) for each in self.items)

    @property
    def removed(self) -> int:
        """Items that unblock something, or would."""
        return sum(each.act is ItemAct.UNBLOCK and not _refused(each) for each in self.items)

    @property
    def refused(self) -> dict[str, int]:
        """Items that are not processed, by reason."""
        found = Counter(each.reason.value for each in self.items if each.reason is not None)
        return dict(sorted(found.items()))

    @property
    def waiting(self) -> int:
        """Items without an answer."""
        return sum(each.answer is None for each in self.items)


def _refused(item: RegisterItem) -> bool:
    return item.answer is ItemAnswer.UNPROCESSED

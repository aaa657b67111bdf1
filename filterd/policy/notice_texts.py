"""The texts that tell a line's holder of a change, as the policies have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filterd.policy.documents import Text


@dataclass(frozen=True, slots=True)
class NoticeTexts:
    """One version of them."""

    id: str
    """the version"""
    since: str
    """the day from which it is used, ``2026-11-01``"""
    frame: Text
    """the text around each sentence, with ``{when}`` and ``{what}``"""
    sentences: tuple[tuple[str, Text], ...]
    """kind of notice and its sentence, with the fields of ``model.notice.FIELDS``"""

    def sentence(self, kind: str) -> Text | None:
        """The sentence of a kind; None: this version has none."""
        return dict(self.sentences).get(kind)

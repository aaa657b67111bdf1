"""The state of signing in that one web process keeps in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from filterd.config.settings import Settings


@dataclass(slots=True)
class PortalState:
    """Made once by the web process (:meth:`make`) and passed to what tries secrets."""

    @classmethod
    def make(cls, settings: Settings) -> Self:
        """The state at the start of the process."""
        raise NotImplementedError

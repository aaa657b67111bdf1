"""How a use case says no."""

from __future__ import annotations


class OperationError(Exception):
    """A use case that was refused: what is wrong, and in ``remedy`` what to do next."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

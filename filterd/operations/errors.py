"""The error of every use case that is refused."""

from __future__ import annotations


class OperationError(Exception):
    """A refused use case: the text says what is wrong, and ``remedy`` what to do next."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

"""The errors of use cases that are refused.

::

    OperationError          refused: what was asked for is wrong, or cannot be done now
      UnknownError          what was named is not there
        UnknownLineError      it is a subscriber
      ConflictError         the state of what was named does not allow it
      NotAllowedError       this one may not do it; another one may
      NotReachedError       the process that has to do it does not answer
        UnusableError         a file of the installation is wrong: nobody who asks can do anything about it
"""

from __future__ import annotations

from collections.abc import Callable


class OperationError(Exception):
    """A refused use case: the text says what is wrong, and ``remedy`` what to do next."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class UnknownError(OperationError):
    """There is nothing of the name or number that was given."""


class UnknownLineError(UnknownError):
    """There is no subscriber of the id that was given; the remedy may name others.

    ``guess`` gives the begin of the remedy: it takes so long that it is asked for by whoever shows it, and
    never under the write lock.
    """

    def __init__(self, message: str, remedy: str = "", *, guess: Callable[[], str] = str) -> None:
        super().__init__(message, remedy)
        self._guess = guess

    @property
    def remedy(self) -> str:
        """The next step."""
        return self._guess() + self._rest

    @remedy.setter
    def remedy(self, rest: str) -> None:
        self._rest = rest


class ConflictError(OperationError):
    """The present state of what was named does not allow it."""


class NotAllowedError(OperationError):
    """The one who asks may not do it."""


class NotReachedError(OperationError):
    """The process that has to do it is not there, or does not answer."""


class UnusableError(NotReachedError):
    """A key or a document of the installation cannot be used; whoever runs it mends that, by the remedy.
    Neither text nor remedy has anything of a request."""

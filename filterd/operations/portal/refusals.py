"""The refusals of signing in.

::

    OperationError
      NotAllowedError
        SignInRefusedError      unknown, expired, used, forged: one text for all
          PinRefusedError       the PIN; ``wait`` says when the next one is looked at
      TooManyTriesError         too many at this moment: ``wait`` seconds
"""

from __future__ import annotations

from filterd.operations.errors import NotAllowedError, OperationError

REFUSED = "this link or code does not open the portal: it is wrong, has expired, or was used"
REMEDY = "ask the provider for a new one"
PIN_REFUSED = "the PIN is wrong, or was tried too often"
PIN_REMEDY = "wait as long as is said, or sign in with a link of the provider"


class SignInRefusedError(NotAllowedError):
    """Nobody is signed in. The text is the same whatever the reason is."""

    def __init__(self, message: str = REFUSED, remedy: str = REMEDY) -> None:
        super().__init__(message, remedy)


class PinRefusedError(SignInRefusedError):
    """The PIN is not taken: it is wrong, there is none, the address is on no line, or it is too early."""

    def __init__(self, wait: float) -> None:
        super().__init__(PIN_REFUSED, PIN_REMEDY)
        self.wait = wait
        """seconds until another one is looked at; 0: at once"""


class TooManyTriesError(OperationError):
    """So many try at this moment that no other try is looked at."""

    def __init__(self, wait: float) -> None:
        super().__init__("too many tries at this moment", "wait, then try again")
        self.wait = wait
        """seconds"""

"""The PIN of a line: it stands for the holder towards those who are on the line, the children among them."""

from __future__ import annotations

from filterd.model.portal import PinFault, PortalSession
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.portal.sessions import SignedIn
from filterd.operations.portal.state import PortalState

SHORTEST, LONGEST = 6, 12
"""digits"""


class PinFaultError(OperationError):
    """The digits are none that can be chosen."""

    def __init__(self, fault: PinFault) -> None:
        super().__init__(f"this PIN cannot be chosen: {fault}", "choose other digits, at least six")
        self.fault = fault


def checked(pin: str) -> str:
    """The digits of a PIN that can be chosen; spaces and hyphens are left out. Raises PinFaultError."""
    raise NotImplementedError


async def choose(
    portal: PortalState,
    context: Context,
    session: PortalSession,
    subscriber: str,
    pin: str,
    *,
    old: str = "",
) -> None:
    """Set or change the PIN of a line that has opted in. ``old``: the present one, which all but a holder or
    an organisation, signed in otherwise than by PIN, have to give. ``context``: as of ``acting``.

    Raises PinFaultError, PinRefusedError (``old`` is wrong), ConflictError (not opted in).
    """
    raise NotImplementedError


async def sign_in(
    portal: PortalState, context: Context, address: str, port: int, pin: str, *, previous: str = ""
) -> SignedIn:
    """Sign in for ten minutes by the PIN of the line that the client's address is on.

    Raises PinRefusedError, with the same text and after the same work whether the address is on a line, and
    whether that has a PIN; TooManyTriesError.
    """
    raise NotImplementedError


async def reset(context: Context, subscriber: str, *, reference: str, reason: str) -> bool:
    """Take the PIN off a line, at the holder's request to the provider, which ``reference`` records. The
    holder chooses another one when signed in. False: there was none."""
    raise NotImplementedError


async def has_pin(context: Context, subscriber: str) -> bool:
    """Whether a line has a PIN: for who is signed in to it, and for nobody else."""
    raise NotImplementedError

"""One-time links and codes by which the provider's own systems let a holder into the portal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from filterd.operations.context import Context
from filterd.operations.portal.sessions import SignedIn
from filterd.operations.portal.state import PortalState


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link and the code beside it, which are shown this once; either signs in, once."""

    url: str = field(repr=False)
    """``<web.portal.public_url>/portal/entrar?k=<43 characters>``: a page with a button; GET uses nothing"""
    code: str = field(repr=False)
    """``K7QF2-9XMBA``: it can be spoken; typed in any case, with spaces or hyphens"""
    reference: str
    """``L-7``, for the audit trail"""
    expires_at: float
    """Unix seconds"""
    subscribers: tuple[str, ...]


async def issue(
    context: Context,
    subscriber: str,
    *,
    also: Sequence[str] = (),
    organisation: str = "",
    person: str = "",
    seconds: int = 900,
) -> IssuedLink:
    """Make a link for the holder of a line; with ``person`` (``A-7``) for one whom the holder authorised.

    ``also``: other lines of the same ``organisation``, which needs a name then. At most a day (``seconds``).
    Of the open links of a line the oldest is withdrawn where there are too many. Raises OperationError.
    """
    raise NotImplementedError


async def consume(
    portal: PortalState, context: Context, secret: str, *, address: str, previous: str = ""
) -> SignedIn:
    """Use the secret of a link (``k``) or a code, once, and sign in with it.

    ``address``: the client's, for the limit on tries alone, kept nowhere. ``previous``: the secret in the
    browser's cookie, whose session ends. Raises SignInRefusedError, TooManyTriesError.
    """
    raise NotImplementedError

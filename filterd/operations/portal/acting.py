"""The acts of a session of the portal: under which name, on which lines, with which evidence."""

from __future__ import annotations

from filterd.model.portal import PortalSession
from filterd.model.subscriber import RequestEvidence
from filterd.operations.context import Context


def acting(context: Context, session: PortalSession) -> Context:
    """The context in which a session acts: ``portal:S-7`` in the audit trail, the way ``portal``. Every use
    case that changes a line refuses one that is not of the session."""
    raise NotImplementedError


def require_line(session: PortalSession, subscriber: str) -> str:
    """The id of a line of the session. Raises UnknownLineError for any other, be there such a line or not."""
    raise NotImplementedError


def evidence(context: Context, session: PortalSession, subscriber: str, text_version: str) -> RequestEvidence:
    """The evidence of a request that is made on a page now: who by their authority, channel ``portal``, the
    version of the text that was shown, and a reference of its own. For ``subscribers.opt_in`` and ``opt_out``
    with ``acting(context, session)``, without a credential."""
    raise NotImplementedError

"""The acts of a session of the portal: under which name, on which lines, with which evidence."""

from __future__ import annotations

import secrets
from dataclasses import replace

from filterd.model.portal import PortalRole, PortalSession
from filterd.model.subscriber import AskerRole, RequestEvidence, Subscriber
from filterd.operations.context import Context
from filterd.operations.errors import UnknownLineError

CHANNEL = "portal"


def acting(context: Context, session: PortalSession) -> Context:
    """The context in which a session acts: ``portal:S-7`` in the audit trail, the way ``portal``. Every use
    case that changes a line refuses one that is not of the session."""
    before = context.expected

    def look(found: Subscriber) -> None:
        require_line(session, found.id)
        before(found)

    return replace(
        context,
        actor=f"{CHANNEL}:{session.reference}",
        person=False,
        token_made_by="",
        begins="",
        expected=look,
        way=CHANNEL,
        authorisation=session.authorisation,
    )


def require_line(session: PortalSession, subscriber: str) -> str:
    """The id of a line of the session. Raises UnknownLineError for any other, be there such a line or not."""
    identifier = subscriber.strip()
    if identifier not in session.subscribers:
        message = "this session is not for that line"
        raise UnknownLineError(message, "choose one of the lines that are shown")
    return identifier


def evidence(context: Context, session: PortalSession, subscriber: str, text_version: str) -> RequestEvidence:
    """The evidence of a request that is made on a page now: who by their authority, channel ``portal``, the
    version of the text that was shown, and a reference of its own. For ``subscribers.opt_in`` and ``opt_out``
    with ``acting(context, session)``, without a credential."""
    identifier = require_line(session, subscriber)
    return RequestEvidence(
        who=_who(session, identifier),
        channel=CHANNEL,
        at=context.clock(),
        text_version=text_version,
        reference=f"{session.reference}-{secrets.token_hex(4)}",
        role=AskerRole.AUTHORISED if session.authorisation else AskerRole.HOLDER,
    )


def _who(session: PortalSession, subscriber: str) -> str:
    """The asker, without a word of any language: pages and copies show it, with the role beside it."""
    if session.role is PortalRole.AUTHORISED:
        return f"A-{session.authorisation}, {subscriber}"
    if session.role is PortalRole.ORGANISATION and session.organisation:
        return f"{session.organisation}, {subscriber}"
    return f"{subscriber}, PIN" if session.by_pin else subscriber

"""Requests that may come twice: each is noted under a key before it acts, and is kept for a day.

Neither the change log nor the audit trail has them: they are nobody's decision.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from filterd.model.duty import AuthorityRequest
from filterd.model.lifting import Lifting
from filterd.model.order import Order
from filterd.model.subscriber import SharedEvidence, Subscriber
from filterd.operations import exceptions, lines, shared_evidence
from filterd.operations.authorisations import NewAuthorisation
from filterd.operations.context import Context
from filterd.operations.duty import requests
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.orders import showing
from filterd.operations.portal.links import IssuedLink
from filterd.operations.privacy import arco, preservation
from filterd.operations.privacy.arco import ShownArco
from filterd.operations.privacy.preservation import ShownHold
from filterd.operations.reviews import deciding
from filterd.operations.reviews.asking import IssuedFolio
from filterd.operations.reviews.deciding import ShownReview
from filterd.operations.view_codes import IssuedCode
from filterd.store import answered_requests as rows
from filterd.store import subscribers
from filterd.store.answered_requests import AnsweredRequest

KEPT_SECONDS = 86_400.0
LONGEST_WORK = 60.0
"""seconds after which a request that has no answer counts as broken off; it never acts again by itself"""


@dataclass(frozen=True, slots=True)
class Said:
    """A short reply that tells of nothing that stands anywhere: counts, a yes. It is kept as it was given."""

    values: dict[str, Any]


Found = (
    Subscriber
    | Order
    | ShownArco
    | exceptions.Added
    | Lifting
    | SharedEvidence
    | NewAuthorisation
    | IssuedCode
    | IssuedLink
    | IssuedFolio
    | ShownReview
    | ShownHold
    | AuthorityRequest
    | Said
)


async def begin(context: Context, key: str, digest: str) -> AnsweredRequest | None:
    """Note a request, or return the one that came under this key before."""
    now = context.clock()
    async with context.store.report(shared=True) as connection:
        await rows.prune(connection, now - KEPT_SECONDS)
        before = await rows.find(connection, key)
        if before is not None:
            return before
        await rows.begin(connection, key, digest, now)
    return None


async def answered(context: Context, key: str, found: Found) -> None:
    """Note the thing that the request was about."""
    async with context.store.report(shared=True) as connection:
        await rows.answer(connection, key, 1, _subject(found))


def _subject(found: Found) -> str:
    match found:
        case Subscriber():
            return lines.subject(found.line)
        case Order():
            return f"order:{found.reference}"
        case ShownArco() | ShownReview() | ShownHold() | AuthorityRequest():
            return _subject_of_request(found)
        case exceptions.Added():
            return f"exception:{found.exception.number}"
        case Lifting():
            return f"ended:{found.number}"
        case SharedEvidence():
            return f"evidence:{found.reference}"
        case Said():
            return f"said:{json.dumps(found.values)}"
    return _subject_of_secret(found)


def _subject_of_secret(found: NewAuthorisation | IssuedCode | IssuedLink | IssuedFolio) -> str:
    """The subject of what was shown once."""
    if isinstance(found, NewAuthorisation):
        return f"authorisation:{found.authorisation.reference_text}"
    return f"link:{found.reference}" if isinstance(found, IssuedLink) else "code:"


def _subject_of_request(found: ShownArco | ShownReview | ShownHold | AuthorityRequest) -> str:
    if isinstance(found, AuthorityRequest):
        return requests.subject(found)
    if isinstance(found, ShownHold):
        return preservation.subject(found.hold)
    return arco.subject(found.request) if isinstance(found, ShownArco) else deciding.subject(found.review)


async def forget(context: Context, key: str) -> None:
    """Take a request back, which did nothing: it may come again with the same key."""
    async with context.store.report(shared=True) as connection:
        await rows.forget(connection, key)


async def subject_of(context: Context, subject: str) -> Found:
    """The thing that an earlier request was about, as it is now. Raises ConflictError where it made a secret,
    which was shown that once."""
    kind, _, name = subject.partition(":")
    match kind:
        case "order":
            return await showing.show(context, name)
        case "review" | "arco" | "hold":
            return await _request(context, kind, int(name))
        case "request":
            return await requests.show(context, name)
        case "exception":
            return await exceptions.show(context, int(name))
        case "ended":
            return (await exceptions.show(context, int(name))).exception
        case "evidence":
            return await shared_evidence.show(context, name)
        case "authorisation" | "code":
            raise _shown_once(name)
        case "link":
            message = f"the same request made the link {name} before, which was shown that once"
            raise ConflictError(message, "make another, with a new Idempotency-Key")
        case "said":
            return Said(json.loads(name))
    return await _line(context, int(name))


async def _request(context: Context, kind: str, number: int) -> ShownReview | ShownArco | ShownHold:
    if kind == "hold":
        return await preservation.show(context, f"H-{number}")
    return await (deciding.of_number if kind == "review" else arco.show)(context, number)


def _shown_once(name: str) -> ConflictError:
    if name:
        message = f"the same request made the authorisation {name} before; its credential was shown that once"
        remedy = f"where nobody has it, end {name} and make another, with a new Idempotency-Key"
        return ConflictError(message, remedy)
    message = "the same request made a code before, which was shown that once"
    return ConflictError(message, "make another, which takes its place, with a new Idempotency-Key")


async def _line(context: Context, number: int) -> Subscriber:
    async with context.store.read() as connection:
        found = await subscribers.find_line(connection, number)
    if found is None:
        message = "the line of the earlier request was removed since"
        raise UnknownError(message, "choose a new Idempotency-Key to register one again")
    return found

"""``/revision``: anyone asks, without an account, that a site be looked at again, and sees the decision.

Folio and code travel in forms, never in an address, which histories and proxies keep. The answer to a form
is therefore the page itself. No cookie is set, and no address is kept: limits count in memory.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import TypeVar
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filterd.model.review import ReviewClaim, ReviewKind
from filterd.operations.reviews import asking
from filterd.operations.reviews.asking import (
    LONGEST_PASTED,
    LONGEST_TEXT,
    IssuedFolio,
    ReviewAsked,
    SeenReview,
)
from filterd.operations.reviews.errors import AppealError, FolioError, NoSiteError, TooManyReviewsError
from filterd.operations.reviews.limits import ASKING, LOOKING, WINDOW, NetworkLimits
from filterd.operations.reviews.terms import country_of, terms_of
from filterd.web.pages.forms import SentForm, query_of, read_form
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import language_of, page, state_of

PATH = "/revision"
_FOLIO = PATH + "/folio"
_APPEAL = PATH + "/inconformidad"
MOST_REPEATED = 2_000
"""forms whose answers are kept in memory"""
_LETTERS = bytes(ord("a") + number % 16 for number in range(256))
"""four bits of a byte as a letter"""
Choice = TypeVar("Choice", ReviewClaim, ReviewKind)


def _asking() -> NetworkLimits:
    return NetworkLimits(ASKING, time.monotonic, os.urandom)


def _looking() -> NetworkLimits:
    return NetworkLimits(LOOKING, time.monotonic, os.urandom)


@dataclass(slots=True)
class ReviewPages:
    """The pages, with the limits on those who use them."""

    asking: NetworkLimits = field(default_factory=_asking)
    looking: NetworkLimits = field(default_factory=_looking)
    entropy: Callable[[int], bytes] = os.urandom
    _made: OrderedDict[bytes, tuple[float, IssuedFolio]] = field(
        default_factory=OrderedDict, init=False, repr=False
    )
    """the answers to the newest forms, by a digest of each form with its own random mark: a form that is sent
    again, by a reload or a second tap, gets the answer of the first time"""
    _turns: WeakValueDictionary[bytes, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, init=False, repr=False
    )
    """of forms at work, each held while it is sent once"""

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.form, methods=["GET"]),
            Route(PATH, self.ask, methods=["POST"]),
            Route(_FOLIO, self.folio_form, methods=["GET"]),
            Route(_FOLIO, self.look, methods=["POST"]),
            Route(_APPEAL, self.appeal, methods=["POST"]),
            Route(_APPEAL, self.folio_form, methods=["GET"]),
        ]

    async def form(self, request: Request) -> Response:
        """``GET /revision``: the form; ``?sitio=`` fills the name in."""
        site = query_of(request.query_params, "sitio", LONGEST_PASTED)
        mark = self.entropy(16).translate(_LETTERS).decode()
        empty = {"site": site, "claim": "", "kind": ReviewKind.UNKNOWN.value, "text": "", "mark": mark}
        return _form(request, empty)

    async def ask(self, request: Request) -> Response:
        """``POST /revision``: the folio and its code, which are shown this once."""
        sent = await read_form(request)
        given = {name: sent.one(name) for name in ("site", "claim", "kind", "text")}
        given["mark"] = sent.one("mark")[:64]
        claim = _one_of(ReviewClaim, given["claim"])
        errors = _errors(given, claim)
        if errors or claim is None:
            return _form(request, given, errors)
        kind = _one_of(ReviewKind, given["kind"]) or ReviewKind.UNKNOWN
        language = language_of(request)
        asked = ReviewAsked(given["site"], claim, kind, given["text"], language)
        try:
            made = await self._asked_once(request, asked, given["mark"])
        except TooManyReviewsError:
            raise PageRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "review.refused.full") from None
        values = {"made": made, "due": _day(made.due_on), "routes": _routes(request, language)}
        return page(request, "public/review_made.html", values, HTTPStatus.CREATED)

    async def _asked_once(self, request: Request, asked: ReviewAsked, mark: str) -> IssuedFolio:
        """The answer to a form: that of the first time where it was sent before. Without a mark it is new."""
        form = "\0".join((mark, asked.site, asked.claim, asked.kind, asked.text))
        key = sha256(form.encode()).digest()
        turn = self._turns.setdefault(key, asyncio.Lock()) if mark else asyncio.Lock()
        async with turn:
            self._forget()
            if mark and key in self._made:
                return self._made[key][1]
            _take(self.asking, request)
            made = await asking.ask(state_of(request).context, asked)
            if mark:
                self._made[key] = (self.asking.clock(), made)
        return made

    def _forget(self) -> None:
        """Forget answers that are old, or too many."""
        oldest = self.asking.clock() - WINDOW
        while self._made and (
            next(iter(self._made.values()))[0] < oldest or len(self._made) >= MOST_REPEATED
        ):
            self._made.popitem(last=False)

    async def folio_form(self, request: Request) -> Response:
        """``GET /revision/folio``: where folio and code are typed."""
        return page(request, "public/review_folio.html", {"folio": "", "error": ""})

    async def look(self, request: Request) -> Response:
        """``POST /revision/folio``: the state of a request."""
        sent = await read_form(request)
        _take(self.looking, request)
        folio, code = _folio_and_code(sent)
        try:
            seen = await asking.look(state_of(request).context, folio, code)
        except FolioError:
            return _wrong_folio(request, folio)
        return _status(request, seen, code)

    async def appeal(self, request: Request) -> Response:
        """``POST /revision/inconformidad``: have a decision looked at by another person, once."""
        sent = await read_form(request)
        _take(self.looking, request)
        folio, code = _folio_and_code(sent)
        context = state_of(request).context
        try:
            seen = await asking.appeal(context, folio, code)
        except FolioError:
            return _wrong_folio(request, folio)
        except AppealError:  # a button that was pressed twice
            seen = await asking.look(context, folio, code)
        return _status(request, seen, code)


def _form(request: Request, given: dict[str, str], errors: dict[str, str] | None = None) -> Response:
    values = {
        "given": given,
        "wrong": bool(errors),
        "errors": {"site": "", "claim": "", "text": "", **(errors or {})},
        "claims": [each.value for each in ReviewClaim],
        "kinds": [each.value for each in ReviewKind],
        "longest": LONGEST_TEXT,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return page(request, "public/review.html", values, status)


def _errors(given: dict[str, str], claim: ReviewClaim | None) -> dict[str, str]:
    """The key of what is wrong, by field."""
    wrong = {
        "site": (not _is_site(given["site"]), "review.wrong.site"),
        "claim": (claim is None, "review.wrong.claim"),
        "text": (len(given["text"]) > LONGEST_TEXT, "review.wrong.text"),
    }
    return {name: key for name, (is_wrong, key) in wrong.items() if is_wrong}


def _is_site(text: str) -> bool:
    try:
        asking.site_of(text)
    except NoSiteError:
        return False
    return True


def _status(request: Request, seen: SeenReview, code: str) -> Response:
    language = language_of(request)
    country = country_of(state_of(request).context)
    last = seen.appeal if seen.appeal.at else seen.decision
    titles = {each.id: getattr(each.title, language) for each in country.authorities}
    values = {
        "seen": seen,
        "code": code,
        "waits": bool(seen.due_on),
        "due": _day(seen.due_on) if seen.due_on else None,
        "received": _day(seen.received_on),
        "last": last,
        "effective": _day(seen.effective_on) if seen.effective_on else None,
        "authority": titles.get(last.authority, ""),
        "routes": _routes(request, language),
    }
    return page(request, "public/review_status.html", values)


def _wrong_folio(request: Request, folio: str) -> Response:
    values = {"folio": folio[:32], "error": "review.wrong.folio"}
    return page(request, "public/review_folio.html", values, HTTPStatus.FORBIDDEN)


def _routes(request: Request, language: str) -> list[tuple[str, str]]:
    """Address and title of those to whom people go whom the decision does not content."""
    found = terms_of(country_of(state_of(request).context)).routes
    return [(each.url, getattr(each.title, language)) for each in found]


def _take(limits: NetworkLimits, request: Request) -> None:
    """Count an act. Raises PageRefusedError where it is one too many."""
    if not limits.take(request.client.host if request.client is not None else ""):
        raise PageRefusedError(HTTPStatus.TOO_MANY_REQUESTS, "review.refused.often")


def _folio_and_code(sent: SentForm) -> tuple[str, str]:
    return sent.one("folio")[:64], sent.one("code")[:64]


def _one_of(kind: type[Choice], word: str) -> Choice | None:
    try:
        return kind(word)
    except ValueError:
        return None


def _day(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), datetime.min.time())

"""The state that the pages of one process share, and how a view answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from filterd.config.web_settings import WebSettings
from filterd.operations.context import Context
from filterd.web.listening.whole_reads import WholeReads
from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import LANGUAGES

LANGUAGE_COOKIE = "filterd_language"
RETRY_SECONDS = "60"
"""that the header of a page says which cannot be shown now"""
_YEAR = 365 * 86_400


SIGN_INS = ("link", "code", "pin", "openid", "desk", "regulator", "passkey")
"""the ways to sign in"""


def _none_refused() -> dict[str, int]:
    return dict.fromkeys(SIGN_INS, 0)


@dataclass(slots=True)
class PagesState:
    """The state of the pages while they run. ``context`` is replaced when settings change."""

    context: Context
    web: WebSettings
    templates: Templates
    refused: dict[str, int] = field(default_factory=_none_refused)
    """way to sign in -> how often it was refused; whom is not kept"""
    whole_reads: WholeReads = field(default_factory=WholeReads)
    """those at work; the API of the process counts with it"""

    def url_of(self, place: str, path: str) -> str:
        """A link to ``path`` of the listener ``place`` (portal, public, desk); a path where no URL is set."""
        found = getattr(self.web, place)
        return path if found is None else f"{found.public_url}{path}"


def state_of(request: Request) -> PagesState:
    """The state of the pages that serve a request."""
    found: PagesState = request.app.state.pages
    return found


def language_of(request: Request) -> str:
    """The language: of ``?lang=``, else of the cookie that a choice left, else as the browser asks."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked in LANGUAGES:
            return asked
    return state_of(request).templates.translations.negotiated(request.headers.get("accept-language", ""))


def secure(request: Request) -> bool:
    """Return whether the browser speaks HTTPS, with us or with the proxy in front."""
    return request.url.scheme == "https"


def page(
    request: Request,
    name: str,
    values: Mapping[str, object] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    language: str | None = None,
) -> Response:
    """The template ``name``, rendered for this request. In it ``request_path`` is the path, ``state`` that of
    the pages."""
    state = state_of(request)
    language = language or language_of(request)
    body = state.templates.render(
        name, language, **{"request_path": request.url.path, "state": state, **(values or {})}
    )
    response = HTMLResponse(body, status)
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language, Cookie"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = RETRY_SECONDS
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, language, max_age=_YEAR, path="/", secure=secure(request), httponly=True,
            samesite="lax",
        )  # fmt: skip
    return response


def see_other(path: str) -> Response:
    """The reply to a form: look there."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)

"""The refusals of the API, as problem details (RFC 9457): each says what to do next.

::

    OperationError          422, its kinds 404, 409, 403, 503
    StoreError              503
    RequestValidationError  422, with every error of the request
    RefusedCall                 its own status

Nothing of a request is logged with a fault: the text of an unforeseen exception may quote it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from filterd.operations.errors import (
    ConflictError,
    NotAllowedError,
    NotReachedError,
    OperationError,
    UnknownError,
    UnknownLineError,
)
from filterd.store.errors import StoreError, StoreGroupError
from filterd.telemetry import log

MEDIA_TYPE = "application/problem+json"
_KINDS = "urn:filterd:problem:"
_DOCUMENT = "send one JSON document, in UTF-8"
_RETRY = {"Retry-After": "1"}
MOST_ERRORS = 100
"""that one refusal names"""
_LONGEST_PART = 64
"""characters of a part of a field's place: an unknown field has the name that the client gave it"""
_STATUSES: tuple[tuple[type[OperationError], HTTPStatus], ...] = (
    (UnknownError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (NotAllowedError, HTTPStatus.FORBIDDEN),
    (NotReachedError, HTTPStatus.SERVICE_UNAVAILABLE),
    (OperationError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


class RefusedCall(Exception):  # noqa: N818 - the word of RFC 9457
    """A refused request."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        remedy: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.errors = errors
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The reply to the client."""
        content: dict[str, Any] = {
            "type": _KINDS + self.status.phrase.lower().replace(" ", "-"),
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "remedy": self.remedy,
        }
        if self.errors:
            content["errors"] = list(self.errors)
        body = json.dumps(content, ensure_ascii=False).encode()
        return Response(body, self.status.value, self.headers, MEDIA_TYPE)


def response_of(error: Exception) -> Response:
    """The reply to a request that ended in an exception."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it
    return problem_of(error).response()


def problem_of(error: Exception) -> RefusedCall:
    """The refusal that an exception means; one that nobody foresaw is logged by its place alone."""
    if isinstance(error, RefusedCall):
        return error
    if isinstance(error, UnknownLineError):
        return unknown_subscriber()
    if isinstance(error, OperationError):
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        return RefusedCall(status, str(error), error.remedy or "change the request")
    if isinstance(error, StoreError):
        if isinstance(error, StoreGroupError) and isinstance(error.__cause__, Exception):
            log.get().error("a call of the API failed", **log.fault_fields(error.__cause__))
        remedy = "try again; if it stays so, the operator finds out more with: filterd doctor"
        return RefusedCall(
            HTTPStatus.SERVICE_UNAVAILABLE, "the store cannot be used now", remedy, headers=_RETRY
        )
    if isinstance(error, RequestValidationError):
        return _of_form(error)
    if isinstance(error, HTTPException):
        return _of_http(error)
    log.get().error("a call of the API failed", **log.fault_fields(error))
    remedy = "try again; report the fault with the log of the web process"
    return RefusedCall(HTTPStatus.INTERNAL_SERVER_ERROR, "the call failed by a fault of filterd", remedy)


def unknown_subscriber() -> RefusedCall:
    """The refusal of an id that nobody has, or that the token does not reach: it names no other id."""
    remedy = "see those that exist: GET /api/v1/subscribers"
    return RefusedCall(HTTPStatus.NOT_FOUND, "there is no subscriber of this id", remedy)


def _of_form(error: RequestValidationError) -> RefusedCall:
    for each in error.errors():
        if each["type"] == "json_invalid":
            detail = f"the body cannot be read: it is no JSON at character {each['loc'][-1]}"
            return RefusedCall(HTTPStatus.BAD_REQUEST, detail, _DOCUMENT)
    return invalid(error.errors())


def _of_http(error: HTTPException) -> RefusedCall:
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.NOT_FOUND:
        return RefusedCall(status, "there is nothing at this path", "see /api/docs for the paths that exist")
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        remedy = "see /api/docs for the methods of this path"
        return RefusedCall(status, "this path does not take this method", remedy, headers=error.headers)
    if status is HTTPStatus.BAD_REQUEST:
        return RefusedCall(status, "the body cannot be read", _DOCUMENT)
    return RefusedCall(status, status.description or status.phrase, "see /api/docs", headers=error.headers)


def invalid(errors: Sequence[Mapping[str, Any]]) -> RefusedCall:
    """The refusal of a request with its first errors, and the count of all. No value of it is repeated."""
    found = [
        {
            "field": _field(each["loc"]),
            "detail": str(each["msg"]),
            "remedy": str(each.get("ctx", {}).get("remedy", "")) or "change this field",
        }
        for each in errors[:MOST_ERRORS]
    ]
    count = "one error" if len(errors) == 1 else f"{len(errors)} errors"
    more = f", of which `errors` names {MOST_ERRORS}" if len(errors) > MOST_ERRORS else ""
    remedy = "change what `errors` names; /api/docs says what a field may hold"
    detail = f"the request has {count}{more}"
    return RefusedCall(HTTPStatus.UNPROCESSABLE_ENTITY, detail, remedy, errors=found)


def _field(location: Sequence[int | str]) -> str:
    """``body.evidence.who``; ``body`` where the whole is meant."""
    return ".".join(str(each)[:_LONGEST_PART] for each in location)

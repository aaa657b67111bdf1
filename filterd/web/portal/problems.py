"""Refused use cases in the words of the portal: the texts of errors are for operators, in English."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from filterd.operations.errors import (
    ConflictError,
    NotAllowedError,
    NotReachedError,
    OperationError,
    UnknownError,
    UnknownLineError,
)
from filterd.operations.portal.pins import PinFaultError
from filterd.operations.portal.refusals import PinRefusedError, SignInRefusedError, TooManyTriesError


class ChangedMeanwhileError(ConflictError):
    """The line is not what it was when the page was made."""

    def __init__(self) -> None:
        super().__init__("the line was changed since the page was made", "open the page anew")


@dataclass(frozen=True, slots=True)
class ToldProblem:
    """A text ``KEY.title`` and ``KEY.body``, its values, and the status that goes with it."""

    key: str
    status: HTTPStatus = HTTPStatus.CONFLICT
    values: Mapping[str, object] = field(default_factory=dict)


UNKNOWN = "portal.unknown"
"""the key of what nobody foresaw"""
LATER = ToldProblem("portal.later", HTTPStatus.SERVICE_UNAVAILABLE)


def minutes(seconds: float) -> int:
    """The minutes to tell for a wait: whole, at least one, and never too few."""
    return max(1, math.ceil(seconds / 60))


def problem_of(error: OperationError) -> ToldProblem:
    """The problem that a person is told. Of what nobody foresaw: that nothing was changed, and what to do."""
    if isinstance(error, PinRefusedError):
        return pin_problem(error.wait)
    if isinstance(error, TooManyTriesError):
        return ToldProblem("portal.busy", HTTPStatus.TOO_MANY_REQUESTS, {"minutes": minutes(error.wait)})
    if isinstance(error, PinFaultError):
        return ToldProblem(f"portal.pin_fault.{error.fault}", HTTPStatus.UNPROCESSABLE_ENTITY)
    for kind, problem in _BY_KIND:
        if isinstance(error, kind):
            return problem
    return ToldProblem(UNKNOWN, HTTPStatus.UNPROCESSABLE_ENTITY)


def pin_problem(wait: float) -> ToldProblem:
    """A PIN that is not taken, with the minutes until another one is looked at."""
    if wait <= 0:
        return ToldProblem("portal.pin_wrong", HTTPStatus.FORBIDDEN)
    return ToldProblem("portal.pin_wait", HTTPStatus.TOO_MANY_REQUESTS, {"minutes": minutes(wait)})


_BY_KIND: tuple[tuple[type[OperationError], ToldProblem], ...] = (
    (ChangedMeanwhileError, ToldProblem("portal.stale")),
    (SignInRefusedError, ToldProblem("portal.link_refused", HTTPStatus.FORBIDDEN)),
    (UnknownLineError, ToldProblem("portal.gone", HTTPStatus.NOT_FOUND)),
    (UnknownError, ToldProblem("portal.stale")),
    (NotReachedError, LATER),
    (NotAllowedError, ToldProblem("portal.not_yours", HTTPStatus.FORBIDDEN)),
    (ConflictError, ToldProblem("portal.stale")),
)

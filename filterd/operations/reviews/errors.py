"""Refusals of those who ask without an account; pages have words of their own for each."""

from __future__ import annotations

from filterd.operations.errors import ConflictError, NotAllowedError, OperationError


class NoSiteError(OperationError):
    """The text is no name of a site."""


class TooManyReviewsError(OperationError):
    """More requests wait for a decision than are kept."""


class FolioError(NotAllowedError):
    """There is no such folio, or the code is not its code: one refusal for both."""


class AppealError(ConflictError):
    """Nothing is decided yet, or it was appealed already."""

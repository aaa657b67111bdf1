"""Calls that read the whole store: so many at a time, so that those for one line do not wait behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fastapi import Depends

from filterd.web.api.callers import ApiState
from filterd.web.api.problems import RefusedCall
from filterd.web.api.routing import Called
from filterd.web.listening.whole_reads import MOST_WHOLE_READS, TooManyReadsError


@contextmanager
def whole_read(state: ApiState) -> Iterator[None]:
    """Count one while it lasts. Raises RefusedCall for one beyond the limit."""
    try:
        with state.whole_reads.one():
            yield
    except TooManyReadsError:
        message = f"{MOST_WHOLE_READS} requests that read the whole store are at work already"
        headers = {"Retry-After": "5"}
        raise RefusedCall(
            HTTPStatus.TOO_MANY_REQUESTS, message, "wait for one to end", headers=headers
        ) from None


async def _one_of_few(caller: Called) -> AsyncIterator[None]:
    with whole_read(caller.state):
        yield


ONE_OF_FEW: dict[str, Any] = {"dependencies": [Depends(_one_of_few)]}
"""the arguments of a route whose call reads the whole store"""

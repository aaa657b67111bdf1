"""Idempotency keys: a request that comes again with its key acts once, and gets the thing that it was about
as it is now.

Nothing is kept of the request but digests that are keyed with the token's secret, and the number of that
thing. A secret that was shown once is not shown again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Header, Request

from filterd.operations import repeats
from filterd.web.api.callers import Caller, secret_of
from filterd.web.api.problems import RefusedCall

Found = TypeVar("Found", bound=repeats.Found)
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="A text that you choose for this request alone: repeated with it, it acts once.",
    ),
]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One arrival of a request, with the key by which others of the same are known."""

    request: Request
    key: str | None


async def _attempt(request: Request, idempotency_key: IdempotencyKey = None) -> Attempt:
    return Attempt(request, idempotency_key)


Attempted = Annotated[Attempt, Depends(_attempt)]
"""the parameter of a handler that acts once under a key"""


async def once(attempt: Attempt, caller: Caller, act: Callable[[], Awaitable[Found]]) -> Found:
    """Do what a request asks for, or find what it did when it came before. Without a key it is done."""
    request, key = attempt.request, attempt.key
    if key is None:
        return await act()
    body = await request.body()
    secret = secret_of(request).encode()
    name = _keyed(secret, b"key", key.encode())
    digest = _keyed(secret, request.method.encode(), request.url.path.encode(), body)
    before = await repeats.begin(caller.context, name, digest)
    if before is None:
        return await _first(caller, name, act)
    if before.digest != digest:
        message = "this Idempotency-Key came with another request before"
        raise RefusedCall(HTTPStatus.UNPROCESSABLE_ENTITY, message, "choose a new key for each request")
    if not before.subject and caller.context.clock() - before.at >= repeats.LONGEST_WORK:
        message = "the same request came before and was broken off: whether it acted is not known"
        remedy = "look whether it did; where it did not, send it with a new Idempotency-Key"
        raise RefusedCall(HTTPStatus.CONFLICT, message, remedy)
    if not before.subject:
        message = "the same request is at work at this moment"
        remedy = "wait as long as Retry-After says, then repeat it with the same key"
        raise RefusedCall(HTTPStatus.CONFLICT, message, remedy, headers={"Retry-After": "1"})
    # The path is part of the digest, so that it is of the same kind.
    return cast(Found, await repeats.subject_of(caller.context, before.subject))


async def _first(caller: Caller, name: str, act: Callable[[], Awaitable[Found]]) -> Found:
    try:
        found = await act()
    except Exception:  # one that is cancelled may have acted: its key stays without an answer
        await repeats.forget(caller.context, name)
        raise
    await repeats.answered(caller.context, name, found)
    return found


def _keyed(secret: bytes, *parts: bytes) -> str:
    joined = b"".join(len(part).to_bytes(4) + part for part in parts)
    return hmac.new(secret, joined, hashlib.sha256).hexdigest()

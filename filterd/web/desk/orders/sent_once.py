"""A form that is sent twice acts once: a slow telephone and an impatient thumb make no second order.

Each page with such a form has a mark of its own, drawn at random. The same form with the same content under
the same mark leads to what was made the first time.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from filterd.operations import repeats
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.web.pages.forms import SentForm

Made = TypeVar("Made", bound=repeats.Found)
FIELD = "once"
"""the field with the mark"""
LOOKS = 50
"""how often is looked whether the first of two forms has come to its end"""
REST = 0.1
"""seconds between two looks"""


def mark() -> str:
    """A new mark for a page."""
    return secrets.token_urlsafe(16)


async def once(context: Context, form: SentForm, csrf: str, act: Callable[[], Awaitable[Made]]) -> Made:
    """Do what a form asks for, or find what it made when it came before; without a mark it is done.

    Nothing is kept of it but a digest that is keyed with ``csrf``. Raises ConflictError where the first one
    is at work for long; what ``act`` raises lets the form come again.
    """
    if not form.one(FIELD):
        return await act()
    digest = digest_of(form, csrf)
    for _ in range(LOOKS):
        before = await repeats.begin(context, digest, digest)
        if before is None:
            return await _first(context, digest, act)
        if before.subject:
            return cast(Made, await repeats.subject_of(context, before.subject))
        await asyncio.sleep(REST)
    message = "this form was sent before, and what came of it is not known yet"
    raise ConflictError(message, "look for it in the list before you send it again")


async def _first(context: Context, key: str, act: Callable[[], Awaitable[Made]]) -> Made:
    try:
        made = await act()
    except Exception:  # one that is cancelled may have acted: its key stays without an answer
        await repeats.forget(context, key)
        raise
    await repeats.answered(context, key, made)
    return made


def digest_of(form: SentForm, csrf: str) -> str:
    """The digest of all that a form says, keyed with ``csrf``: 64 hexadecimal digits."""
    sent = hmac.new(csrf.encode(), digestmod=hashlib.sha256)
    for name, value in form.pairs():
        for part in (name.encode(), value.encode()):
            sent.update(len(part).to_bytes(4) + part)
    return sent.hexdigest()

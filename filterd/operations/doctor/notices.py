"""Notices to holders: receivers that are missing or take none, secrets without use, and what failed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from filterd.fetch.webhook_messages import WebhookSecretError, read_webhook_secrets
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.notices import keeping
from filterd.operations.notices.keeping import NoticeFigures
from filterd.store import subscribers
from filterd.store.errors import StoreError

LATE = 3600.0
"""seconds after which a notice that waits is one that somebody should look at"""


def check(case: Case) -> Iterator[Finding]:
    """Look at what holders were not told. What keeps the store from being read, ``store`` says."""
    for each in case.settings.notices.webhooks:
        try:
            read_webhook_secrets(each.secret_file)
        except WebhookSecretError as error:
            yield found("notices.secret", webhook=each.id, reason=str(error))
    try:
        figures, opted_in = asyncio.run(_read(case))
    except StoreError:
        return
    if not case.settings.notices.webhooks and opted_in:
        yield found("notices.untold", lines=opted_in)
    if figures.oldest_waiting and case.machine.clock() - figures.oldest_waiting > LATE:
        yield found("notices.waiting", count=figures.states["waiting"])
    if figures.states["failed"]:
        yield found("notices.failed", count=figures.states["failed"])


async def _read(case: Case) -> tuple[NoticeFigures, int]:
    """The figures of notices, and the number of lines that are opted in."""
    async with reading.opened(case) as context:
        async with context.store.read() as connection:
            lines = await subscribers.count(connection, case.machine.clock())
        return await keeping.figures(context.store), lines["opted_in"] + lines["paused"]

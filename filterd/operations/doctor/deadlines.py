"""Deadlines of orders: what is overdue, alarms that nobody takes, and orders whose ground nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from filterd.config.settings import Settings
from filterd.fetch.secrets import SecretError, Secrets
from filterd.fetch.webhook_messages import WebhookSecretError, read_webhook_secrets
from filterd.model.order_alarm import AlarmDelivery
from filterd.model.roster import Gap, gaps
from filterd.operations.context import OperationError
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.orders import due
from filterd.operations.orders.alarms import channels
from filterd.operations.orders.duties import Duty
from filterd.operations.plain_values import moment
from filterd.store import alarms as rows
from filterd.store import roster as shift_rows
from filterd.store.errors import StoreError

ROSTER_AHEAD = 7 * 86_400
"""seconds of the roster that are looked at"""
SHOWN = 5
"""orders that a finding names"""


@dataclass(frozen=True, slots=True)
class _Figures:
    duties: list[Duty]
    deliveries: list[AlarmDelivery]
    gaps: tuple[Gap, ...]
    """of the week to come"""


def check(case: Case) -> Iterator[Finding]:
    """Look at what is due. What keeps the store from being read, ``store`` says."""
    yield from _secrets(case.settings)
    try:
        figures = asyncio.run(_read(case))
    except (StoreError, OperationError):
        return
    now = case.machine.clock()
    late = [each for each in figures.duties if each.overdue(now)]
    if late:
        named = dict.fromkeys(each.order.reference for each in late)
        yield found("deadlines.overdue", count=len(late), orders=", ".join([*named][:SHOWN]))
    unknown = dict.fromkeys(each.order.reference for each in figures.duties if each.basis.ground is None)
    if unknown:
        yield found("deadlines.unknown", count=len(unknown), orders=", ".join([*unknown][:SHOWN]))
    if figures.duties and not channels(case.settings):
        yield found("deadlines.nobody", count=len(figures.duties))
    yield from _roster(figures.gaps)
    untaken = [each for each in figures.deliveries if each.trouble]
    if untaken:
        worst = untaken[-1]
        yield found("deadlines.untaken", count=len(untaken), channel=worst.channel, reason=worst.trouble)


def _secrets(settings: Settings) -> Iterator[Finding]:
    for each in settings.orders.alarms.webhooks:
        try:
            read_webhook_secrets(each.secret_file)
        except WebhookSecretError as error:
            yield found("deadlines.secret", channel=each.id, reason=str(error))
    if settings.mail is not None and settings.mail.password_file is not None:
        file = settings.mail.password_file
        try:
            Secrets(file.parent).read(file.name)
        except SecretError as error:
            yield found("deadlines.secret", channel="mail", reason=str(error))


def _roster(ahead: tuple[Gap, ...]) -> Iterator[Finding]:
    if ahead:
        yield found("deadlines.roster_gap", begins=moment(ahead[0].begins_at), count=len(ahead))


async def _read(case: Case) -> _Figures:
    async with reading.opened(case) as context:
        duties = due.open_ones(await due.duties(context))
        async with context.store.read() as connection:
            deliveries = await rows.deliveries(connection)
            shifts = await shift_rows.shifts(connection, case.machine.clock())
        now = case.machine.clock()
        return _Figures(duties, deliveries, gaps(shifts, now, now + ROSTER_AHEAD) if shifts else ())

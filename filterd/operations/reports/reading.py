"""Reads the record of a range out of the store and the trail (``docs/report-record.md``).

What happened at or after the moment of the record is not in it, so that the record of a past range stays the
same, but for what was deleted since, and for lists that were retired since, which are left out.
"""

from __future__ import annotations

from filterd.model.report_record import RecordHead, ReportRecord
from filterd.operations.context import Context, OperationError
from filterd.operations.registers import recording
from filterd.operations.reports import of_nodes, of_orders, of_people, of_registers
from filterd.operations.reports.measures import now_of
from filterd.operations.reports.take_up import day_of
from filterd.operations.reviews.figures import LEAST
from filterd.operations.service_page.mandatory import SMALL
from filterd.store import checkpoints


async def read(context: Context, begins_at: float, ends_at: float) -> ReportRecord:
    """The record from one moment on to before another, in Unix seconds. Raises OperationError for a range
    that ends before it begins, or begins in the future."""
    if not begins_at < ends_at or begins_at >= context.clock():
        message = "no report is made of a range that has no past"
        raise OperationError(message, "give a beginning that has passed, and an end after it")
    head = await head_of(context, begins_at, ends_at)
    now = now_of(head)
    orders = await of_orders.read(context, begins_at, now, await of_registers.sources(context))
    first, until = day_of(context, begins_at), day_of(context, now)
    return ReportRecord(
        head=head,
        orders=orders.orders,
        deadlines=orders.deadlines,
        effects=orders.effects,
        arrivals=orders.arrivals,
        list_periods=await of_nodes.periods(context, begins_at, now),
        node_states=await of_nodes.states(context, begins_at, now),
        lists=await of_nodes.lists(context, now),
        days=await of_nodes.days(context, first, until, head.least),
        complaints=await of_people.complaints(context, begins_at, now),
        retention=await of_people.retention(context, begins_at, now, head.least),
        answers=await of_registers.answers(context, begins_at, now),
        capacity=await recording.capacity_rows(context),
        privacy=await of_people.privacy(context, begins_at, now, head.least),
    )


async def head_of(context: Context, begins_at: float, ends_at: float) -> RecordHead:
    """The head of the record of a range."""
    settings = context.settings
    async with context.store.read() as connection:
        sequence, digest, *_ = await checkpoints.trail_head(connection)
        installation = await checkpoints.installation_id(connection)
    return RecordHead(
        installation=installation,
        provider=settings.service.name,
        country=settings.jurisdiction,
        zone=settings.zone,
        begins_at=begins_at,
        ends_at=ends_at,
        made_at=context.clock(),
        audit_sequence=sequence,
        audit_hash=digest,
        least=LEAST,
        begins_on=day_of(context, begins_at).isoformat(),
        small=SMALL,
        growth_share=settings.reports.growth.percent / 100,
        growth_names=settings.reports.growth.names,
    )

"""``filterd order due`` and ``order reported``: the deadlines of orders, on one screen."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.options import common
from filterd.cli.orders import order
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.orders.duties import Duty

_SPAN = re.compile(r"(\d{1,5})([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
COLUMNS = ("order", "duty", "due", "left", "authority", "ground")


class Span(click.ParamType[int]):
    """A stretch of time: 90m, 24h, 7d; given in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The seconds."""
        if isinstance(value, int):
            return value
        match = _SPAN.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is no stretch of time (write 90m, 24h, 7d)", param, ctx)
        return int(match[1]) * _SECONDS[match[2]]


@order.command()
@click.option("--within", type=Span(), help="Only what is due in so much time: 24h, 7d; overdue counts.")
@click.option("--done", is_flag=True, help="Also what was done, late or in time, or missed.")
@common
def due(within: int | None, done: bool, config: Path | None, as_json: bool) -> None:
    """List all that is due for orders, the soonest first: to enforce, report, unblock, confirm, review.

    An emergency_review is a look of another person at an order that one person alone ended: order review.
    """
    from filterd.operations.orders import due as deadlines
    from filterd.operations.orders.plain_duties import plain_duty

    found = perform(config, lambda context: deadlines.list_due(context, within, done=done))
    now = time.time()
    if as_json:
        output.show_json([plain_duty(each, now) for each in found])
        return
    rows = [
        (
            each.order.reference,
            each.kind.value,
            output.moment(each.due_at),
            _left(each, now),
            each.order.authority,
            each.order.ground,
        )
        for each in found
    ]
    output.show_table(COLUMNS, rows, "nothing is due" + ("" if within is None else " in that time"))


@order.command()
@click.argument("reference")
@click.option("--reference", "report", required=True, help="The report's own number, or its receipt.")
@click.option("--at", default="", help="When it was handed in, ISO 8601 with offset; default now.")
@click.option("--document-digest", "digest", default="", help="SHA-256 of the report.")
@common
def reported(reference: str, report: str, at: str, digest: str, config: Path | None, as_json: bool) -> None:
    """Note that the authority was told that an order was carried out."""
    from filterd.operations import input_values
    from filterd.operations.orders import due as deadlines
    from filterd.operations.plain_records import plain_order

    moment = input_values.when(at, "--at") if at else 0
    found = perform(
        config,
        lambda context: deadlines.reported(context, reference, report=report, at=moment, digest=digest),
    )
    if as_json:
        output.show_json(plain_order(found, time.time()))
        return
    output.done(f"recorded: {found.reference} was reported as {report}; what is left: filterd order due")


def _left(duty: Duty, now: float) -> str:
    """The time left in words."""
    if not duty.open:
        if duty.missed:
            return "missed"
        return "done late" if duty.late else "done"
    left = duty.due_at + 1 - now
    span = abs(left)
    if span < 2 * 3600:
        said = f"{int(span // 60)} min"
    else:
        said = f"{int(span // 3600)} h" if span < 2 * 86_400 else f"{int(span // 86_400)} d"
    return said if left > 0 else f"OVERDUE by {said}"

"""Runs a use case on one order, and shows the order: its reach, its life, what it waits for."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filterd.cli import output
from filterd.cli.use_case import perform
from filterd.operations.plain_records import plain_order, standing

if TYPE_CHECKING:
    from filterd.model.order import Order, OrderStep
    from filterd.operations.context import Context
    from filterd.operations.orders.reach import Hit
    from filterd.operations.orders.showing import Lifted
    from filterd.operations.orders.warnings import Notice

SHOWN_HITS = 12
"""of an order's reach; --json has all"""
NOT_SHOWN = "not shown: its rows in the store were damaged"


def plain_shown(
    found: Order, hits: tuple[Hit, ...] | None = None, lifted: Lifted | None = None
) -> dict[str, Any]:
    """The order for JSON, with names and their scopes as objects."""
    value = plain_order(found, time.time())
    if hits is not None:
        value["reach"] = output.plain(hits)
        value["protected"] = None if lifted is None else output.plain(lifted)
    return value


def perform_on(
    config: Path | None,
    as_json: bool,
    use_case: Callable[[Context], Awaitable[Order]],
    say: Callable[[Order, str, tuple[Hit, ...]], str],
    *,
    reaches: bool = True,
    warns: bool = False,
) -> None:
    """Run a use case on one order, show the order, and print warnings and the next step."""
    from filterd.operations.orders import showing, warnings

    noticed: tuple[Notice, ...] = ()

    async def run(context: Context) -> tuple[Order, str, tuple[Hit, ...], Lifted | None]:
        nonlocal noticed
        found = await use_case(context)
        noticed = await warnings.notices(context, found) if warns else ()
        hits = await showing.hits_of(context, found) if reaches else ()
        lifted = await showing.lifted(context, found) if reaches else None
        return found, await showing.held_back(context, found), hits, lifted

    found, held_back, hits, lifted = perform(config, run)
    if as_json:
        warned = {"warnings": noticed} if warns else {}
        output.show_json({**plain_shown(found, hits if reaches else None, lifted), **warned})
    else:
        _show(found, hits, lifted)
    for each in noticed:
        output.warn(each.says, each.remedy)
    if as_json:
        return
    said = say(found, held_back, hits)
    if said:
        output.done(said)


def waiting(found: Order, held_back: str, hits: tuple[Hit, ...]) -> str:
    """The action that an order waits for; empty if it waits for none."""
    from filterd.operations.integrity import DAMAGED_REMEDY
    from filterd.operations.orders.showing import PROTECTED_REMEDY

    if found.damage:
        remedy = DAMAGED_REMEDY.format(found.reference)
        return f"damaged in the store: {found.damage}; nodes stay as they were\n  what to do: {remedy}"
    if held_back:
        return f"{held_back}\n  what to do: {PROTECTED_REMEDY.format(found.reference)}"
    if found.state.value == "pending" and hits:
        return (
            "not in force: what it reaches takes two people, whatever orders.approvals says; waits for "
            f"another person: filterd order approve {found.reference}"
        )
    if found.state.value == "pending":
        return f"not in force: waits for another person: filterd order approve {found.reference}"
    return ""


def next_step(found: Order, held_back: str, hits: tuple[Hit, ...]) -> str:
    """The action that a changed order waits for, or where its effect can be seen."""
    if found.state.value not in ("pending", "quarantined") and not found.damage:
        return (
            "recorded; nodes apply it within a second (filterd node list), and devices ask again once the "
            "answer that they hold has run out (dns.block_ttl for a blocked one)"
        )
    return waiting(found, held_back, hits)


def _reach(hits: tuple[Hit, ...]) -> list[tuple[str, str]]:
    """A line for each thing that it hits; the rest as a number."""
    more = len(hits) - SHOWN_HITS
    lines = [each.says for each in hits[:SHOWN_HITS]] + ([f"and {more} more"] if more > 0 else [])
    return [("reaches" if number == 0 else "", line) for number, line in enumerate(lines)]


def _protected(lifted: Lifted | None) -> list[tuple[str, str]]:
    """A line on the part of the order that protection lifts, if there is one."""
    if lifted is None or not lifted.count:
        return []
    more = len(lifted.names) - SHOWN_HITS
    named = ", ".join(lifted.names[:SHOWN_HITS]) + (f" and {more} more" if more > 0 else "")
    said = f"{lifted.count} now protected (protected.yaml), answered in spite of the order"
    return [("protected", f"{said}: {named or 'not named, the order is confidential'}")]


def _show(found: Order, hits: tuple[Hit, ...], lifted: Lifted | None) -> None:
    demand = found.demand
    names = [f"{name} ({scope.word})" for name, scope in demand.names]
    output.show_fields(
        [
            ("order", found.reference),
            ("state", standing(found, time.time())),
            ("authority", demand.authority),
            ("official", demand.official),
            ("document", demand.document),
            ("ground", demand.ground),
            *([("law", demand.law)] if demand.law and demand.law != demand.ground else []),
            ("names", "confidential" if demand.confidential else [*names, *demand.addresses] or NOT_SHOWN),
            *_reach(hits),
            *_protected(lifted),
            ("mode", demand.mode),
            ("from", output.moment(demand.not_before or found.accepted_at)),
            ("until", output.moment(demand.not_after)),
            *([("enforce by", output.moment(demand.enforce_by))] if demand.enforce_by else []),
            *([("report by", output.moment(demand.report_by))] if demand.report_by else []),
            *([("proportionality", demand.proportionality)] if demand.proportionality else []),
            *([("overrides", "the protection of names")] if demand.protection_overridden else []),
            ("review at", output.moment(found.review_at)),
            ("reason", found.reason),
            *_life(found),
        ]
    )


def _life(found: Order) -> list[tuple[str, str]]:
    """A line for each step from the intake on: when, what, who, by which paper, and why."""
    lines = [
        ("received", output.moment(found.demand.received_at)),
        ("added", _who(found.added_at, found.added_by)),
        ("approved", f"by {', '.join(found.approvals[1:])}" if found.approvals[1:] else ""),
        ("accepted", output.moment(found.accepted_at)),
        *((step.kind.value, _told(step)) for step in found.steps),
    ]
    if found.state.value == "withdrawn":
        lines.append(
            ("withdrawn", f"{_who(found.withdrawn_at, found.withdrawn_by)}: {found.withdrawal_reason}")
        )
    return lines


def _told(step: OrderStep) -> str:
    parts = [_who(step.at, step.actor)]
    if step.until:
        parts.append(f"until {output.moment(step.until)}")
    if step.document:
        parts.append(f"by {step.document}, received {output.moment(step.received_at)}")
    parts += [f"evidence: {step.evidence}"] if step.evidence else []
    parts += [f"SHA-256 {step.digest}"] if step.digest else []
    return "; ".join(parts) + (f": {step.reason}" if step.reason else "")


def _who(at: float, actor: str) -> str:
    return f"{output.moment(at)} by {actor}" if at else ""

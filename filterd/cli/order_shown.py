"""Runs a use case on one order, and shows the order: its reach, its life, what it waits for."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filterd.cli import output
from filterd.cli.use_case import perform
from filterd.cli.waiting import (
    NO_WAITING,
    NodeWait,
    plain_times,
    say_waited,
    time_fields,
    wait_for_nodes,
)
from filterd.operations.plain_records import plain_order, standing

if TYPE_CHECKING:
    from filterd.model.order import Order, OrderStep
    from filterd.operations.context import Context
    from filterd.operations.orders.reach import Hit
    from filterd.operations.orders.showing import Lifted
    from filterd.operations.orders.times import OrderTimes
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


@dataclass(frozen=True, slots=True)
class _Shown:
    """All that is told of one order."""

    order: Order
    held_back: str
    hits: tuple[Hit, ...] | None
    """None: nobody asked for its reach"""
    lifted: Lifted | None
    times: OrderTimes
    probing: bool
    noticed: tuple[Notice, ...]


def perform_on(
    config: Path | None,
    as_json: bool,
    use_case: Callable[[Context], Awaitable[Order]],
    say: Callable[[Order, str, tuple[Hit, ...]], str],
    *,
    reaches: bool = True,
    warns: bool = False,
    awaited: NodeWait = NO_WAITING,
) -> None:
    """Run a use case on one order, wait for the nodes where that is asked for, show the order, and print
    warnings and the next step."""
    from filterd.operations.orders import showing, times, warnings

    async def run(context: Context) -> _Shown:
        found = await use_case(context)
        return _Shown(
            found,
            await showing.held_back(context, found),
            await showing.hits_of(context, found) if reaches else None,
            await showing.lifted(context, found) if reaches else None,
            await times.show(context, found.reference),
            context.settings.canary.zone is not None,
            await warnings.notices(context, found) if warns else (),
        )

    shown = perform(config, run)
    waited = wait_for_nodes(awaited, config, shown.order.reference)
    if waited is not None:
        shown = replace(shown, times=waited.times)
    said = say(shown.order, shown.held_back, shown.hits or ())
    more: dict[str, Any] = {"warnings": shown.noticed} if warns else {}
    unawaited = waited is not None and waited.effect is None
    if unawaited:
        said = more["next"] = _not_awaited(shown.order, said)
    _tell(shown, more, as_json=as_json)
    if said and not as_json and (waited is None or unawaited):
        output.done(said)
    if not as_json and (owed := _owed(shown.order)):
        output.done(owed)
    say_waited(waited, as_json=as_json)


def _not_awaited(found: Order, said: str) -> str:
    """The words where ``--wait`` had nothing to wait for: what was asked for is done all the same."""
    begins = found.demand.not_before
    comes = said
    if found.state.value == "accepted" and begins > time.time():
        comes = f"it begins {output.moment(begins)}; nodes hold it until then, and begin by themselves"
    elif found.state.value not in ("pending", "quarantined") and not found.damage:
        comes = "no node has anything to change for it now"
    return f"{found.reference} is recorded, and nothing has to be given again: {comes}"


def _tell(shown: _Shown, more: dict[str, Any], *, as_json: bool) -> None:
    """Print an order, with ``more`` in its JSON, and the warnings on it."""
    if as_json:
        value = {**plain_shown(shown.order, shown.hits, shown.lifted), **plain_times(shown.times)}
        output.show_json({**value, **more})
    else:
        times = time_fields(shown.times, probing=shown.probing)
        _show(shown.order, shown.hits or (), shown.lifted, times)
    for each in shown.noticed:
        output.warn(each.says, each.remedy)


def _owed(found: Order) -> str:
    """The look that somebody else owes an order that one person ended in an emergency; empty for none."""
    from filterd.operations.orders.reviewing import WITHIN

    ended = found.unreviewed
    if ended is None:
        return ""
    return (
        f"{ended.actor} alone ended {found.reference}: another person looks at it by"
        f" {output.moment(ended.at + WITHIN)}, under their own user, with: filterd order review"
        f" {found.reference} --reason ...; what waits: filterd order due"
    )


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


def _show(found: Order, hits: tuple[Hit, ...], lifted: Lifted | None, times: list[tuple[str, str]]) -> None:
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
            *times,
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

"""The things due beside orders: requests of authorities, complaints, held lists, roster, signatures."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from filterd.config.signing_settings import AnchorKind
from filterd.model.due_item import DueItem, DueKind
from filterd.model.register import ItemAct, RunState
from filterd.model.review import Review, ReviewKind
from filterd.model.roster import TOLD_AHEAD
from filterd.operations.context import Context
from filterd.operations.duty import handing_over
from filterd.operations.duty import requests as register
from filterd.operations.duty import roster as rosters
from filterd.operations.reviews import effects
from filterd.operations.reviews.terms import country_of
from filterd.operations.trail import figures
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import alarms, holds, preservation
from filterd.store import registers as runs
from filterd.store import reviews as review_rows

DAY = 86_400
HELD_FOR = DAY
"""seconds in which somebody looks at a list that is held back"""
ENDING_SOON = 7 * DAY
EFFECT_WITHIN = DAY
"""seconds in which something follows from an upheld review"""
LOOKED_BACK = 90 * DAY
READ_WITHIN = 12 * 3_600
"""seconds in which the next officer reads a hand-over"""


async def requests(context: Context) -> list[DueItem]:
    """Requests of authorities without an outcome."""
    return [
        DueItem(
            DueKind.REQUEST,
            each.reference,
            each.due_at,
            each.authority,
            each.document,
            f"/desk/orders/requests/{each.number}",
            f"filterd duty request step {each.reference} --step ...",
        )
        for each in await register.waiting(context)
    ]


async def complaints(context: Context) -> list[DueItem]:
    """Requests to look at a mandatory block again, of very many the most urgent ones. Those about other
    blocks are the support desk's."""
    country = country_of(context)
    async with context.store.read() as connection:
        found = await review_rows.waiting(connection, kind=ReviewKind.MANDATORY)
    return [_complaint(each, country) for each in found]


async def missing_effects(context: Context) -> list[DueItem]:
    """Reviews of the last months that were upheld, and of which nothing is in force yet."""
    found = await effects.without_effect(context, context.clock() - LOOKED_BACK)
    return [
        DueItem(
            DueKind.EFFECT,
            str(each.number),
            int(each.last.at) + EFFECT_WITHIN,
            path=f"/desk/reviews/{each.number}",
            command=f"filterd review effect {each.number} --kind ... --reference ...",
        )
        for each in found
    ]


def _complaint(review: Review, country: Jurisdiction) -> DueItem:
    number = str(review.number)
    return DueItem(
        DueKind.COMPLAINT,
        number,
        end_of_day(review.due, country),
        note="appeal" if review.appealed_at else "",
        path=f"/desk/reviews/{number}",
        command=f"filterd review decide {number} --outcome ... --reason ...",
        hours=False,
    )


def end_of_day(day: str, country: Jurisdiction) -> int:
    """The last second of a day (ISO date) there."""
    after = date.fromisoformat(day) + timedelta(days=1)
    return int(datetime.combine(after, time(), ZoneInfo(country.zone)).timestamp()) - 1


async def held_lists(context: Context) -> list[DueItem]:
    """Lists of which something is held back for a person, by when that was."""
    async with context.store.read() as connection:
        found = await holds.every(connection)
    return [
        DueItem(
            DueKind.LIST_HELD,
            each.feed,
            int(each.at) + HELD_FOR,
            note=each.reason,
            command=f"filterd feed diff {each.feed}",
        )
        for each in found.values()
    ]


async def held_registers(context: Context) -> list[DueItem]:
    """Documents of registers whose removals are held: the names stay blocked until a person confirms them.
    They are due as a held list is, or by the first unblock of theirs that is."""
    found = []
    for each in context.settings.registers:
        async with context.store.read() as connection:
            held = [run for run in await runs.open_runs(connection) if run.register == each.id]
            held = [run for run in held if run.state is RunState.HELD]
            items = [item for run in held for item in await runs.items(connection, run.number)]
        if not held:
            continue
        unblocks = [int(item.due_at) for item in items if item.act is ItemAct.UNBLOCK and not item.answer]
        found.append(
            DueItem(
                DueKind.LIST_HELD,
                each.id,
                min([int(held[0].received_at) + HELD_FOR, *filter(None, unblocks)]),
                each.authority,
                held[-1].problem,
                command=f"filterd register accept {each.id} --reason ...",
            )
        )
    return found


async def preservation_ends(context: Context) -> list[DueItem]:
    """Preservation holds that end within a week: whoever demanded one may want to renew it."""
    now = context.clock()
    async with context.store.read() as connection:
        found = await preservation.in_force(connection, now)
    return [
        DueItem(
            DueKind.HOLD_ENDS,
            each.reference,
            each.until - 1,
            each.authority,
            each.document,
            command="filterd hold list",
        )
        for each in found
        if each.until < now + ENDING_SOON
    ]


async def roster(context: Context) -> list[DueItem]:
    """Gaps of the roster, and changes of officer that no authority was told of. Where nobody was ever on the
    roster, it has no gap: the provider keeps it elsewhere."""
    now = context.clock()
    found = await rosters.look(context)
    items = [
        DueItem(
            DueKind.ROSTER_GAP,
            str(each.begins_at),
            each.begins_at - 1,
            path="/desk/orders/roster",
            command="filterd duty roster add ACCOUNT --begins ... --ends ...",
        )
        for each in found.gaps
    ]
    horizon = now + context.settings.duty.roster_ahead
    near = [each for each in found.untold if each.begins_at - TOLD_AHEAD <= horizon]
    if near:
        command = f"filterd duty roster told {near[-1].number} --reference ..."
        latest, account = near[0].begins_at - TOLD_AHEAD - 1, near[0].account
        items.append(
            DueItem(
                DueKind.ROSTER_NOTICE,
                str(near[-1].number),
                latest,
                note=account,
                path="/desk/orders/roster",
                command=command,
            )
        )
    return items


async def hand_overs(context: Context) -> list[DueItem]:
    """The newest hand-over, where nobody has read it."""
    newest = await handing_over.newest(context)
    if newest is None or newest.seen:
        return []
    due_at = int(newest.written_at) + READ_WITHIN
    return [
        DueItem(
            DueKind.HAND_OVER,
            str(newest.number),
            due_at,
            note=newest.actor,
            path="/desk/orders/handover",
            command=f"filterd duty handover read {newest.number}",
        )
    ]


async def signatures(context: Context) -> list[DueItem]:
    """Anchors that are behind, and keys that nobody has accepted."""
    found, now = await figures.look(context), context.clock()
    items = [
        DueItem(
            DueKind.ANCHOR,
            each.id,
            int(each.at or now) + DAY,
            note=each.trouble,
            command="filterd audit anchors",
        )
        for each in found.anchors
        if each.due and (each.failures or each.kind == AnchorKind.COUNTERSIGN)
    ]
    for key in found.keys.unexplained:
        command = f"filterd key accept {key.key_id} --reason ..."
        items.append(DueItem(DueKind.KEY, key.key_id, int(key.at) + DAY, note=key.purpose, command=command))
    return items


async def untaken_alarms(context: Context) -> list[DueItem]:
    """Channels that do not take alarms: nobody hears of a deadline by them."""
    async with context.store.read() as connection:
        found = [each for each in await alarms.deliveries(connection) if each.trouble]
    first: dict[str, DueItem] = {}
    for each in found:
        item = DueItem(
            DueKind.ALARM, each.channel, int(each.raised_at), note=each.trouble, command="filterd mail test"
        )
        first.setdefault(each.channel, item)
    return list(first.values())

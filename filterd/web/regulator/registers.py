"""Registers on the regulator's pages: who adopted one, what of it is held, and that something was held."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.mandatory import label_of
from filterd.model.register import RegisterRun, RunState
from filterd.operations import audit
from filterd.operations.context import Context
from filterd.operations.registers import showing
from filterd.operations.registers.finding import register_subject
from filterd.operations.registers.showing import RegisterStatus

_LOOKED_AT = 1_000
"""the newest entries of the trail on one register in which past holds are looked for"""


@dataclass(frozen=True, slots=True)
class RegisterSeen:
    """A register as this desk shows it: a confidential one by its label alone. Times are Unix seconds, 0 for
    none."""

    label: str
    feed: str
    """the mandatory list whose file it makes; empty: its documents become orders"""
    confidential: bool
    authority: str
    ground: str
    people: tuple[str, ...]
    """the two who adopted it, or the one who asked for it"""
    adopted_at: float
    adopted: bool
    """False: another person has to confirm it, or its terms have changed since"""
    newest_at: float
    """when its last document came in"""


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A document of a register of which something was held for a person. Times are Unix seconds."""

    label: str
    document: str
    """empty in a confidential register, as ``problem`` is"""
    problem: str
    """in English, without any name"""
    at: float
    due_at: float = 0.0
    """when the first of what is held has to be lifted; 0: nothing is held any more, or no time is set"""


async def seen(context: Context) -> list[RegisterSeen]:
    """Every register of the settings."""
    return [_seen(each) for each in await showing.statuses(context)]


def _seen(status: RegisterStatus) -> RegisterSeen:
    register, word = status.register, status.adoption
    secret = register.confidential
    people = () if word is None else word.people or (word.asked_by,)
    return RegisterSeen(
        label=label_of(register.id, confidential=secret),
        feed=register.list,
        confidential=secret,
        authority="" if secret else register.authority,
        ground="" if secret else register.ground,
        people=people,
        adopted_at=0.0 if word is None else word.adopted_at,
        adopted=status.adopted,
        newest_at=0.0 if status.newest is None else status.newest.received_at,
    )


async def held_now(context: Context) -> list[HeldDocument]:
    """The documents of which something is held for a person."""
    found = []
    for status in await showing.statuses(context):
        for run in status.held:
            _, items = await showing.show_run(context, run.number, limit=1_000_000)
            limits = [each.due_at for each in items if each.answer is None and each.due_at]
            found.append(_held(status, run, min(limits, default=0.0)))
    return found


def _held(status: RegisterStatus, run: RegisterRun, due_at: float) -> HeldDocument:
    register = status.register
    label = label_of(register.id, confidential=register.confidential)
    document, problem = ("", "") if register.confidential else (run.document, run.problem)
    return HeldDocument(label, document, problem, run.received_at, due_at)


async def held_before(context: Context) -> list[HeldDocument]:
    """The documents of which the trail says that something was held when they came in, the newest first;
    those of which it still is are among them."""
    found = []
    for register in context.settings.registers:
        label = label_of(register.id, confidential=register.confidential)
        for stored in await audit.tail(context, _LOOKED_AT, register_subject(register.id)):
            entry, after = stored.entry, stored.entry.after or {}
            if entry.action != "register.take" or after.get("state") != RunState.HELD.value:
                continue
            document = "" if register.confidential else str(after.get("document", ""))
            problem = "" if register.confidential else str(after.get("problem", ""))
            found.append(HeldDocument(label, document, problem, entry.at))
    return sorted(found, key=lambda each: -each.at)

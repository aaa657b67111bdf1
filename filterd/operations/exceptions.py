"""Exceptions: a name that no list blocks for a while, on every line. What is mandatory, and what a line
itself blocks, stays blocked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from filterd.config.policies import icann_suffixes
from filterd.model.lifting import MAX_LIFTINGS, Lifting, LiftingKind
from filterd.model.mandatory import label_of
from filterd.model.rule import Scope
from filterd.model.verdict import Reason
from filterd.operations import check, input_values, liftings, staying
from filterd.operations.check import CheckState
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import UnknownError
from filterd.policy.decide import decide_name
from filterd.store import liftings as rows
from filterd.wire.names import name_from_text

SHOWN = 200
"""exceptions that are listed with those that are over"""
_INSTEAD = "what is to stay belongs into the entry of its list"


@dataclass(frozen=True, slots=True)
class Added:
    """An exception that was made, and what blocks the name all the same."""

    exception: Lifting
    mandatory: str = ""
    """the order or mandatory list by which the name stays blocked; empty where there is none, or none
    that may be named"""
    closed_hours: tuple[str, ...] = ()
    """profiles whose schedule blocks everything at some hour, and the name then all the same"""


async def add(
    context: Context, name: str, seconds: int, *, reason: str, scope: Scope = Scope.SUBTREE
) -> Added:
    """Let a name through on every line, whatever lists say, for so many seconds. One that has an exception
    already gets the new time. Nodes have it in force within a second."""
    canonical = input_values.name(name)
    because = input_values.text(reason, "reason", limit=1000)
    lasting = liftings.span(seconds, LiftingKind.EXCEPTION, _INSTEAD)
    _refuse_suffix(canonical, scope)
    async with context.store.write(context.actor, context.clock()) as write:
        present = await rows.in_force(write.connection, LiftingKind.EXCEPTION, int(write.now))
        same = [each for each in present if (each.name, each.scope) == (canonical, scope)]
        if len(present) - len(same) >= MAX_LIFTINGS:
            message = f"there are {len(present)} exceptions already"
            raise OperationError(message, "end some: filterd exception list; filterd exception end NAME")
        made = await liftings.make(
            write, LiftingKind.EXCEPTION, lasting, because, name=canonical, scope=scope
        )
        for each in same:
            await liftings.end(write, each, f"replaced by {made.number}")
    return Added(made, *await _staying(context, canonical))


async def show(context: Context, number: int) -> Added:
    """The exception with this number, in force or over, and what blocks its name all the same."""
    async with context.store.read() as connection:
        found = await rows.find(connection, number)
    if found is None:
        message = f"there is no exception {number}"
        raise UnknownError(message, "see those that exist with: filterd exception list --all")
    return Added(found, *await _staying(context, found.name))


async def end(context: Context, what: str, *, reason: str = "") -> tuple[Lifting, ...]:
    """End the exceptions on a name, or the one with this number."""
    because = input_values.text(reason, "reason", limit=1000, required=False)
    async with context.store.write(context.actor, context.clock()) as write:
        present = await rows.in_force(write.connection, LiftingKind.EXCEPTION, int(write.now))
        chosen = [each for each in present if _is_meant(each, what)]
        if not chosen:
            message = f"no exception in force is {what.strip()[:253]!r}"
            raise OperationError(message, "see those that are with: filterd exception list")
        return tuple([await liftings.end(write, each, because) for each in chosen])


async def list_exceptions(context: Context, *, everything: bool = False) -> tuple[Lifting, ...]:
    """The exceptions in force; with ``everything`` the newest of all, newest first."""
    async with context.store.read() as connection:
        if everything:
            return tuple(await rows.newest(connection, LiftingKind.EXCEPTION, SHOWN))
        return tuple(await rows.in_force(connection, LiftingKind.EXCEPTION, int(context.clock())))


LONGEST_NUMBER = 20
"""digits of an exception's number; more are no number of ours"""


def _is_meant(exception: Lifting, what: str) -> bool:
    if what.strip().isdecimal() and len(what) < LONGEST_NUMBER:
        return exception.number == int(what)
    return exception.name == input_values.name(what)


def _refuse_suffix(name: str, scope: Scope) -> None:
    if scope is not Scope.EXACT and name in icann_suffixes():
        message = f"{name} is a public suffix: all names of a country or a registry would pass"
        raise OperationError(message, "give the name that is wrongly blocked, or --scope exact")


async def _staying(context: Context, name: str) -> tuple[str, tuple[str, ...]]:
    """The order or mandatory list that blocks the name for everyone, and the profiles whose schedule does at
    some hour. What is confidential counts for nothing; empty too where no snapshot can tell."""
    now = int(context.clock())
    try:
        state = await check.load_state(context, now)
    except OperationError:
        return "", ()
    return await asyncio.to_thread(_staying_in, state, context.settings.zone, name, now)


def _staying_in(state: CheckState, zone: str, name: str, now: int) -> tuple[str, tuple[str, ...]]:
    state = staying.tellable(state, now)
    verdict = decide_name(state.published, None, name_from_text(name), now).verdict
    if verdict.reason is not Reason.MANDATORY:
        return "", staying.in_closed_hours(state, zone, name, now)
    mandate = state.published.mandates.get(verdict.reference)
    return ("" if mandate is None else label_of(mandate.reference, confidential=False)), ()

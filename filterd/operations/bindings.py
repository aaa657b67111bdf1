"""Static bindings: a prefix, ports of an address, or an identity, whose queries belong to a line.

A binding is for what stays. An address that comes and goes belongs into a session: as a binding it would be
kept in the change log, and each change of it would be on record. :data:`PACE` says from when on the use of
bindings looks like that; nothing is refused for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from filterd.config.settings import DnsSettings
from filterd.model.bound import Bound, PortsBound
from filterd.model.changelog import BindingChange, BindingRemoved
from filterd.operations import input_values, limited_bounds, lines, port_ranges
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.port_rules import PortsInRule, rule_over
from filterd.operations.trusted_senders import without_sender
from filterd.store import bindings as rows
from filterd.store import subscribers
from filterd.store.store import Write

PAGE = 1_000
PACE = 3
"""changes of a line's bindings within a day; more look like addresses that come and go"""
DAY = 86_400.0
"""seconds from the first change to the last of those that are counted together"""


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding that was asked for."""

    bound: str
    """the canonical text of what is bound"""
    changes: int = 0
    """how often the line's bindings have changed within a day; 0: it was bound before"""
    rule: PortsInRule | None = None
    """the rule for shared addresses in which these ports lie"""
    unbelieved: str = ""
    """why nobody is believed for such an identity yet; empty: it is none, or somebody is"""

    @property
    def too_often(self) -> bool:
        """True if the line's bindings look like addresses that come and go."""
        return self.changes > PACE


async def add(context: Context, bound: str, subscriber: str, *, wide: bool = False) -> Binding:
    """Bind something to a subscriber's line. A repeated call changes nothing.

    ``wide``: a prefix wider than a line has is meant.
    """
    async with context.store.write(context.actor, context.clock(), shared=True) as write:
        found = await lines.require(write.connection, subscriber)
        context.expected(found)
        canonical = await bind(write, found.line, bound, wide=wide, begins=context.begins)
        made = _with_remarks(context.settings.dns, canonical)
        if canonical in found.bindings:
            return made
        paced = await rows.count_changes(write.connection, [found.line], write.now, DAY)
    return replace(made, changes=paced[found.line])


def _with_remarks(dns: DnsSettings, canonical: str) -> Binding:
    """The binding, with what the settings say to it."""
    wanted = input_values.bound(canonical)
    key = rule_over(dns, wanted)
    rule = PortsInRule(canonical, key) if key else None
    return Binding(canonical, rule=rule, unbelieved=without_sender(dns, wanted))


async def bind(write: Write, line: int, bound: str, *, wide: bool = False, begins: str = "") -> str:
    """The same inside a write that is under way; changes are not counted. ``begins``: the limit of the token
    that asks (operations.limited_bounds)."""
    wanted = input_values.bound_of_line(bound, wide=wide)
    canonical = str(wanted)
    owner = (await rows.owners(write.connection, (canonical,))).get(canonical)
    if owner == line:
        return canonical
    if owner is not None:
        name = await _name(write, owner)
        message = f"{canonical} is bound to subscriber {name!r}"
        raise ConflictError(message, f"end that with: filterd binding remove {canonical}")
    if begins:
        await limited_bounds.require_own(write.connection, wanted, begins)
    await _require_free_ports(write, wanted)
    await rows.add(write.connection, [(canonical, line)])
    write.change(BindingChange(canonical, line))
    write.audit("binding.add", lines.subject(line), after={"bindings": 1})
    return canonical


async def _require_free_ports(write: Write, wanted: Bound) -> None:
    if not isinstance(wanted, PortsBound):
        return
    ranges = await port_ranges.bound_at(write.connection, (wanted.address,))
    clash = ranges.clash(wanted)
    if clash is not None:
        raise ConflictError(*overlap(wanted, clash[0], f"subscriber {await _name(write, clash[1])!r}"))


def overlap(wanted: PortsBound, other: PortsBound, owner: str) -> tuple[str, str]:
    """The message and the remedy for a range of ports that meets another one, which ``owner`` has."""
    message = f"{wanted} overlaps {other}, which is bound to {owner}"
    return message, f"choose other ports, or end that with: filterd binding remove {other}"


async def _name(write: Write, line: int) -> str:
    return (await subscribers.names(write.connection, (line,))).get(line, "")


async def remove(context: Context, bound: str, *, subscriber: str | None = None) -> str:
    """End a binding. With a ``subscriber``, only one of that line counts as bound."""
    canonical = str(input_values.bound(bound))
    async with context.store.write(context.actor, context.clock(), shared=True) as write:
        owner = (await rows.owners(write.connection, (canonical,))).get(canonical)
        if subscriber is not None:
            found = await lines.require(write.connection, subscriber)
            context.expected(found)
            owner = owner if owner == found.line else None
        if owner is None:
            message = f"{canonical} is not bound"
            raise UnknownError(message, "see the bindings with: filterd binding list")
        await rows.remove(write.connection, (canonical,))
        write.change(BindingRemoved(canonical, owner))
        write.audit("binding.remove", lines.subject(owner), before={"bindings": 1})
    return canonical


async def list_bindings(context: Context) -> AsyncIterator[tuple[str, str]]:
    """Everything that is bound with its subscriber, in the order of the texts."""
    after = ""
    while True:
        async with context.store.read() as connection:
            some = await rows.page(connection, after=after, limit=PAGE)
        for text, _, subscriber in some:
            yield text, subscriber
        if len(some) < PAGE:
            return
        after = some[-1][0]


async def count_changing(context: Context) -> int:
    """The number of lines whose bindings have changed more than :data:`PACE` times within the last day."""
    async with context.store.read() as connection:
        return await rows.changing(connection, context.clock() - DAY, PACE)

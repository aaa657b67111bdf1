"""Static bindings: a prefix whose queries belong to a line."""

from __future__ import annotations

from collections.abc import AsyncIterator

from filterd.model.changelog import BindingChange, BindingRemoved
from filterd.operations import input_values, lines
from filterd.operations.context import Context, OperationError
from filterd.store import bindings as rows
from filterd.store import subscribers
from filterd.store.store import Write

PAGE = 1_000


async def add(context: Context, prefix: str, subscriber: str, *, wide: bool = False) -> str:
    """Bind a prefix to a subscriber's line; returns it in canonical text. A repeated call changes nothing.

    ``wide``: a prefix wider than a line has is meant.
    """
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        return await bind(write, found.line, prefix, wide=wide)


async def bind(write: Write, line: int, prefix: str, *, wide: bool = False) -> str:
    """The same inside a write that is under way."""
    canonical = input_values.prefix_of_line(prefix, wide=wide)
    owner = (await rows.owners(write.connection, (canonical,))).get(canonical)
    if owner == line:
        return canonical
    if owner is not None:
        name = (await subscribers.names(write.connection, (owner,))).get(owner, "")
        message = f"{canonical} is bound to subscriber {name!r}"
        raise OperationError(message, f"end that with: filterd binding remove {canonical}")
    await rows.add(write.connection, [(canonical, line)])
    write.change(BindingChange(canonical, line))
    write.audit("binding.add", lines.subject(line), after={"bindings": 1})
    return canonical


async def remove(context: Context, prefix: str) -> str:
    """End a binding."""
    canonical = input_values.prefix(prefix)
    async with context.store.write(context.actor, context.clock()) as write:
        owner = (await rows.owners(write.connection, (canonical,))).get(canonical)
        if owner is None:
            message = f"{canonical} is not bound"
            raise OperationError(message, "see the bindings with: filterd binding list")
        await rows.remove(write.connection, (canonical,))
        write.change(BindingRemoved(canonical))
        write.audit("binding.remove", lines.subject(owner), before={"bindings": 1})
    return canonical


async def list_bindings(context: Context) -> AsyncIterator[tuple[str, str]]:
    """Every prefix with its subscriber, in the order of the prefixes as text."""
    after = ""
    while True:
        async with context.store.read() as connection:
            some = await rows.page(connection, after=after, limit=PAGE)
        for prefix, _, subscriber in some:
            yield prefix, subscriber
        if len(some) < PAGE:
            return
        after = some[-1][0]

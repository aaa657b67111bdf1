"""Makes the resolver on this machine forget cached answers. Needs neither the store nor control."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.config.settings import Settings
from filterd.dataplane.listeners.commands import flush_line, removed_of
from filterd.operations import input_values
from filterd.operations.asking import ask
from filterd.operations.errors import OperationError
from filterd.policy.canonical import CanonicalError, text_of, wire_of


@dataclass(frozen=True, slots=True)
class Flushed:
    """The answers that were forgotten."""

    name: str | None
    """None: everything"""
    subtree: bool
    removed: int
    """answers that left the cache, stale ones among them"""


async def flush(settings: Settings, name: str | None, *, subtree: bool = False) -> Flushed:
    """Forget the answers to questions for a name, with ``subtree`` for all below it too, or all answers.

    Answers to other names that lead to it stay. Raises OperationError for what is no name, and where no
    resolver serves.
    """
    wire = None if name is None else _wire(name)
    removed = await ask(
        settings.state_dir,
        flush_line(wire, subtree),
        removed_of,
        silent="see its log; its cache is empty after a restart",
        absent="start it: filterd serve; a cache starts empty, so there is nothing to forget",
    )
    return Flushed(None if wire is None else text_of(wire), subtree or wire is None, removed)


def _wire(name: str) -> bytes:
    """A name in wire form: any octets, escaped where need be, or a name in another alphabet (IDNA)."""
    try:
        return wire_of(name if name.isascii() else input_values.name(name))
    except CanonicalError as error:
        raise OperationError(str(error), "write it like www.example.org") from error

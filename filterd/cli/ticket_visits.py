"""The parts of ``filterd register`` that speak with a platform of tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filterd.cli import output
from filterd.cli.options import settings_of
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from pathlib import Path

    from filterd.operations.context import Context
    from filterd.operations.registers.ticket_turns import TicketTurn

COLUMNS = ("entry", "here", "full list")


def is_platform(config: Path | None, id: str) -> bool:
    """True if the register is a platform of tickets."""
    from filterd.model.register import RegisterKind

    kinds = {each.id: each.as_kind for each in settings_of(config).registers}
    return kinds.get(id) is RegisterKind.TICKETS


def visit(config: Path | None, id: str, as_json: bool, *, dry_run: bool) -> None:
    """Visit the platform now, its full lists among it, or show what a visit would do."""
    found = perform(config, lambda context: _turn(context, id, dry_run=dry_run))
    if as_json:
        output.show_json(_plain(found))
        return
    did = "would take" if dry_run else "took"
    waiting = f", {found.visit.waiting} can still be cancelled" if found.visit.waiting else ""
    output.done(f"{did} {len(found.visit.taken)} tickets, lifted {len(found.visit.lifted)}{waiting}")
    if found.problem:
        output.warn(found.problem, f"see: filterd register show {id}")


def show_comparison(config: Path | None, id: str, as_json: bool) -> None:
    """Show the full lists of the platform against what is blocked here."""
    found = perform(config, lambda context: _turn(context, id, dry_run=True))
    if as_json:
        output.show_json(_plain(found))
        return
    missing = () if found.compared is None else found.compared.missing
    absent = () if found.compared is None else found.compared.absent
    left_open = () if found.compared is None else found.compared.left_open
    rows = [(each, "open", "blocked") for each in missing] + [(each, "blocked", "") for each in absent]
    rows += [(each, "open", "cancelled unblock") for each in left_open]
    output.show_table(COLUMNS, rows, "the full lists and what is blocked here are the same")


async def _turn(context: Context, id: str, *, dry_run: bool) -> TicketTurn:
    from filterd.operations.registers.finding import require_register
    from filterd.operations.registers.ticket_channel import TicketChannel
    from filterd.operations.registers.ticket_turns import look, turn_and_note

    register = require_register(context, id)
    if dry_run:
        return await look(context, register, TicketChannel())
    return await turn_and_note(context, register, TicketChannel(), compare=True)


def _plain(found: TicketTurn) -> dict[str, object]:
    compared = found.compared
    return {
        "taken": found.visit.taken,
        "waiting": found.visit.waiting,
        "lifted": found.visit.lifted,
        "cancelled": found.visit.never,
        "missing": [] if compared is None else list(compared.missing),
        "absent": [] if compared is None else list(compared.absent),
        "left_open": [] if compared is None else list(compared.left_open),
        "problem": found.problem,
    }

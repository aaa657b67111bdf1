"""``filterd register``: takes in what authorities publish, and shows what was answered."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import ReadFile, common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from filterd.disk.given_file import GivenFile
    from filterd.feed.registers.parsed import Tell
    from filterd.model.register import RegisterItem, RegisterRun
    from filterd.operations.context import Context
    from filterd.operations.registers.handed import TakenDocument

SHOWN = 50
"""items that are shown; --json shows all"""
COLUMNS = ("register", "kind", "authority", "adopted", "newest", "problem")
RUN_COLUMNS = ("run", "document", "received", "state", "items", "order", "answered", "delivered")
ITEM_COLUMNS = ("item", "line", "action", "entry", "answer", "reason", "detail")

dry_option = click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")


@click.group(cls=Group)
def register() -> None:
    """Take in the registers of authorities, each item answered."""


@register.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the registers of the configuration and what each needs."""
    from filterd.operations.registers import showing

    found = perform(config, showing.statuses)
    if as_json:
        output.show_json([showing.plain_status(each) for each in found])
        return
    rows = [
        (
            each.register.id,
            each.register.kind,
            each.register.authority,
            each.adopted,
            "" if each.newest is None else each.newest.document,
            each.problem,
        )
        for each in found
    ]
    output.show_table(COLUMNS, rows, "the configuration has no registers")


@register.command()
@click.argument("id")
@common
def show(id: str, config: Path | None, as_json: bool) -> None:
    """Show a register: its adoption, capacity, pulls, and its newest documents."""
    from filterd.operations.registers import plain, showing

    async def read(context: Context) -> tuple[showing.RegisterStatus, list[RegisterRun]]:
        return await showing.show(context, id), await showing.list_runs(context, id, limit=20)

    status, runs = perform(config, read)
    shown = showing.plain_status(status)
    if as_json:
        output.show_json({**shown, "documents": [plain.plain_delivery(each) for each in runs]})
        return
    rooms = [f"{each.kind} {each.used} of {each.declared}" for each in status.capacity]
    pairs = [(key, value) for key, value in shown.items() if key != "capacity" and not key.endswith("_at")]
    pulled = "" if status.pull is None else output.moment(status.pull.good_at)
    output.show_fields([*pairs, ("capacity", rooms), ("pulled", pulled)])
    if runs:
        click.echo()
        output.show_table(RUN_COLUMNS, [_run_row(each) for each in runs], "")


@register.command()
@click.argument("id")
@click.option("--reason", required=True, help="Why: the authority's letter, the contract.")
@common
def adopt(id: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Adopt a register; another person has to say it too. Its items then come in under its guards."""
    from filterd.operations.registers import adopting

    found = perform(config, lambda context: adopting.adopt(context, id, reason=reason))
    if as_json:
        output.show_json(found)
    elif found.adopted_at:
        output.done(f"adopted by {' and '.join(found.people)}: {id} is taken in from now on")
    else:
        output.done(f"{id} waits: another person has to say it too: filterd register adopt {id} --reason ...")


@register.command()
@click.argument("id")
@click.argument("file", type=ReadFile())
@click.option("--document", default="", help="Its number, where it does not say it itself.")
@click.option("--received-at", default="", help="When it came in, ISO 8601 with offset; default now.")
@dry_option
@common
def take(
    id: str,
    file: GivenFile,
    document: str,
    received_at: str,
    dry_run: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Take a document in. The same one again never acts twice and shows the answers that it got; what it was
    refused is taken up where there is room now, or it is protected no more."""
    from filterd.model.register import RunOrigin
    from filterd.operations import input_values
    from filterd.operations.registers import taking
    from filterd.operations.registers.handed import Handed

    at = input_values.when(received_at, "--received-at") if received_at else 0
    with file.open() as content:
        handed = Handed(content.read(), RunOrigin.FILE, document, float(at))

    def act(context: Context, tell: Tell) -> Awaitable[TakenDocument]:
        return taking.take(context, id, handed, dry_run=dry_run, tell=tell)

    _show_taken(_told(config, id, act), as_json)


@register.command()
@click.argument("id")
@dry_option
@common
def pull(id: str, dry_run: bool, config: Path | None, as_json: bool) -> None:
    """Pull a register from its source now; visit a platform of tickets."""
    from filterd.cli.ticket_visits import is_platform, visit
    from filterd.operations.registers import pulling

    if is_platform(config, id):
        visit(config, id, as_json, dry_run=dry_run)
        return

    def act(context: Context, tell: Tell) -> Awaitable[TakenDocument]:
        return pulling.pull(context, id, dry_run=dry_run, tell=tell)

    _show_taken(_told(config, id, act), as_json)


@register.command()
@click.argument("id")
@common
def compare(id: str, config: Path | None, as_json: bool) -> None:
    """Hold the full lists of a platform of tickets against what is blocked here. Nothing changes."""
    from filterd.cli.ticket_visits import show_comparison

    show_comparison(config, id, as_json)


@register.command()
@click.argument("id")
@click.option("--reason", required=True, help="Who confirmed the removals.")
@common
def accept(id: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Let the removals of a register take effect that were too many at once. One person is enough."""
    from filterd.operations.registers import lists
    from filterd.operations.registers.finding import require_register

    async def act(context: Context) -> int:
        return await lists.accept_removals(context, require_register(context, id), reason=reason)

    count = perform(config, act)
    if as_json:
        output.show_json({"answered": count})
        return
    output.done(f"{count} items were answered; see: filterd register show {id}")


@register.command()
@click.argument("run", type=click.IntRange(min=1), required=False)
@click.option("--after", type=click.IntRange(min=0), default=0, help="Go on behind this item.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=1_000, show_default=True)
@common
def answers(run: int | None, after: int, limit: int, config: Path | None, as_json: bool) -> None:
    """Show the answers to a document, by its run; without one, the documents whose answers nobody took."""
    from filterd.operations.registers import answering, plain, showing

    if run is None:
        waiting = perform(config, answering.undelivered)
        if as_json:
            output.show_json([plain.plain_delivery(each) for each in waiting])
            return
        rows = [(*_run_row(each), each.attempts, each.trouble) for each in waiting]
        output.show_table((*RUN_COLUMNS, "attempts", "trouble"), rows, "all answers were taken")
        return
    number = run
    found, items = perform(
        config, lambda context: showing.show_run(context, number, after=after, limit=limit)
    )
    if as_json:
        shown = [plain.plain_item(each) for each in items]
        output.show_json({**plain.plain_delivery(found), "answers": shown})
        return
    output.show_table(ITEM_COLUMNS, [_item_row(each) for each in items], "it has no items")


@register.command()
@click.argument("id", required=False)
@common
def retry(id: str | None, config: Path | None, as_json: bool) -> None:
    """Put in force what is open, and answer it; take up what documents were refused where the reason is gone;
    deliver the answers now that nobody took."""
    import random

    from filterd.operations.registers import answering, showing

    async def act(context: Context) -> tuple[int, int]:
        try:
            answered = await showing.retry_open(context, id or "", refused=True)
        finally:  # what is answered does not wait for what is open
            await answering.deliver_now(context, id or "")
            delivered = await answering.deliver_due(context, random.SystemRandom().random)
        return answered, delivered

    answered, delivered = perform(config, act)
    if as_json:
        output.show_json({"answered": answered, "delivered": delivered})
        return
    output.done(f"{answered} items answered, the answers to {delivered} documents delivered")


def _told(
    config: Path | None, title: str, act: Callable[[Context, Tell], Awaitable[TakenDocument]]
) -> TakenDocument:
    """Perform it with the number of items that were read, on a terminal."""
    with output.progress(title) as shown:

        def tell(count: int) -> None:
            if shown is not None:
                shown(f"{count:,} items", 0, 1)

        return perform(config, lambda context: act(context, tell))


def _show_taken(taken: TakenDocument, as_json: bool) -> None:
    from filterd.operations.registers import plain

    if as_json:
        output.show_json(plain.plain_taken(taken))
        return
    refused = [each for each in taken.items if each.reason is not None]
    output.show_table(ITEM_COLUMNS, [_item_row(each) for each in refused[:SHOWN]], "")
    if len(refused) > SHOWN:
        output.done(f"and {len(refused) - SHOWN} more: --json shows all")
    reasons = ", ".join(f"{count} {reason}" for reason, count in taken.refused.items())
    order = f", order O-{taken.run.order}" if taken.run.order else ""
    output.done(
        f"{taken.run.document}: {_said(taken)}, refused {sum(taken.refused.values()):,}"
        f"{f' ({reasons})' if reasons else ''}{order}"
    )
    if taken.repeated:
        output.done("it was taken in before: nothing changed, these are the answers of then")
    if taken.again:
        would = "would be" if taken.dry else "are"
        output.done(f"it was taken in before: {taken.again:,} items that were refused {would} taken up now")
    if taken.run.problem:
        remedy = f"filterd register accept {taken.run.register} --reason ...; or filterd register retry"
        output.warn(taken.run.problem, remedy)


def _said(taken: TakenDocument) -> str:
    """The blocks and unblocks of a document: done, still to come, or what a dry run would do."""
    from filterd.model.register import ItemAct

    if taken.dry:
        return f"would add {taken.added:,}, would remove {taken.removed:,}"
    waits = [sum(each.answer is None and each.act is act for each in taken.items) for act in ItemAct]
    counts = zip(("added", "removed"), (taken.added, taken.removed), waits, strict=True)
    return ", ".join(
        f"{word} {count - waiting:,}{f' ({waiting:,} to come)' if waiting else ''}"
        for word, count, waiting in counts
    )


def _run_row(run: RegisterRun) -> tuple[object, ...]:
    return (
        run.number,
        run.document,
        output.moment(run.received_at),
        run.state,
        run.items,
        f"O-{run.order}" if run.order else "",
        output.moment(run.answered_at) if run.answered_at else _late(run),
        output.moment(run.delivered_at),
    )


def _late(run: RegisterRun) -> str:
    return "LATE" if run.due_at < time.time() else "not yet"


def _item_row(item: RegisterItem) -> tuple[object, ...]:
    return (item.number, item.line, item.act, item.value, item.answer, item.reason, item.detail)

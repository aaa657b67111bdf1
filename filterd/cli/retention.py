"""``filterd retention``: how long each class of data is kept, and the proof that the rest is gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.failure import Failure
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.privacy.retention import ClassState

DAY = 86_400
COLUMNS = ("class", "term", "held", "past term", "oldest", "holds", "counted from")


@click.group(cls=Group)
def retention() -> None:
    """Show how long data is kept, delete what is past its term, and prove that it is gone."""


@retention.command()
@click.option(
    "--lang", type=click.Choice(("en", "es")), default="en", show_default=True, help="The language."
)
@common
def show(lang: str, config: Path | None, as_json: bool) -> None:
    """Show every class of data: what it holds, where, how long, and what there is of it now."""
    from filterd.operations.privacy import retention
    from filterd.operations.privacy.classes import classes
    from filterd.operations.privacy.plain import plain_table

    states = perform(config, retention.show)
    if as_json:
        output.show_json(plain_table(states))
        return
    texts = {each.id: (each.holds[lang], each.counted[lang]) for each in classes()}
    output.show_table(COLUMNS, [(*_row(each), *texts[each.id]) for each in states], "")


@retention.command()
@click.option(
    "--rewrite", is_flag=True, help="Write the store's file anew afterwards; writers wait meanwhile."
)
@common
def run(rewrite: bool, config: Path | None, as_json: bool) -> None:
    """Delete what is past its term now; control does it by itself each day."""
    from filterd.operations.privacy import retention

    done = perform(config, lambda context: retention.run(context, rewrite=rewrite))
    if as_json:
        output.show_json(done)
    else:
        deleted = [f"{name}: {count}" for name, count in done.deleted.items() if count]
        output.done(f"deleted: {', '.join(deleted) or 'nothing was past its term'}")
    for each in done.kept:
        output.warn(f"not deleted: {each}", "delete it as its owner, then run this again")
    if not done.log_emptied:
        output.warn(
            "the write-ahead log was not emptied", "end what reads the store for long, then repeat it"
        )


@retention.command()
@common
def prove(config: Path | None, as_json: bool) -> None:
    """Look at the store, its file and the backups anew, and fail unless nothing past its term remains."""
    from filterd.operations.privacy import retention
    from filterd.operations.privacy.plain import plain_proof

    proof = perform(config, retention.prove)
    if as_json:
        output.show_json(plain_proof(proof))
    else:
        output.show_table(COLUMNS[:5], [_row(each) for each in proof.states if each.seconds], "")
        left = proof.residue
        output.show_fields(
            [
                ("last run", output.moment(proof.last_run_at) or "never"),
                ("free pages", f"{left.free_pages}, of which not blank: {left.not_blank}"),
                ("write-ahead log", f"{left.log_bytes} bytes"),
            ]
        )
    if not proof.holds:
        message = "something remains that should be gone"
        raise Failure(message, "run: filterd retention run --rewrite")
    if not as_json:
        output.done("proved: nothing past its term remains")


def _row(found: ClassState) -> tuple[object, ...]:
    term = f"{found.seconds // DAY} d" if found.seconds else "-"
    held = "-" if found.rows is None else found.rows
    return found.id, term, held, found.due, output.moment(found.oldest_at)

"""``filterd consent prove``: what can act on a line, by the engine that nodes decide with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.failure import Failure
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.consent_proof import ConsentProof


@click.command()
@click.argument("id")
@common
def prove(id: str, config: Path | None, as_json: bool) -> None:
    """Prove that only orders, and what everyone gets, reach a line; fails where it asked for something.

    The line is decided as it stands on names of every list that lines choose of, by the code and the state
    that nodes decide with, and so is a client of whom nobody knows anything.
    """
    from filterd.operations import consent_proof

    found = perform(config, lambda context: consent_proof.prove(context, id))
    if as_json:
        answers = {"only_orders": found.only_orders, "never_asked": found.never_asked}
        output.show_json({**answers, **output.plain(found)})
    else:
        _show(found)
    if not found.only_orders:
        message = f"more than orders reaches {found.id}: it asked for something"
        raise Failure(message, f"see who asked, and the text: filterd consent show {found.id}")


def _show(found: ConsentProof) -> None:
    output.show_fields(
        [
            ("subscriber", found.id),
            ("line", found.line),
            ("opted in", found.opted_in),
            ("policy", found.profile or "none"),
            ("own names", found.own_names),
            ("requests on record", found.requests),
            ("entries in the audit trail", found.actions),
            ("stages that can act", list(found.acting_stages)),
            ("names decided", f"{found.names} of {found.lists} lists"),
            ("verdicts", [f"{reason}: {count}" for reason, count in found.verdicts.items()]),
            ("unlike an unknown client", found.unlike_unknown),
            (f"closed if it asked for {found.control_profile}", found.control_blocked),
            ("revision", found.revision),
            ("snapshot", found.snapshot[:16]),
        ]
    )
    if found.only_orders:
        asked = "never asked for anything" if found.never_asked else "asks for nothing now"
        click.echo(f"{found.id} {asked}: only orders reach it, and what everyone gets")

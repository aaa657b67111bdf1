"""``filterd canary``: the proof over DNS that each mandatory list blocks on each node."""

from __future__ import annotations

from pathlib import Path

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, settings_of
from filterd.cli.use_case import perform


@click.group(cls=Group)
def canary() -> None:
    """See whether each mandatory list blocks on each node."""


@canary.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the canary name of each mandatory list with what each node last found.

    Blocked is right: the node asked itself for the name as a client does, and got extended error 16, while
    the upstreams answer for the name. Passed: the list does not block there. Unjudged: nothing can be said,
    and why. No name of a list is ever asked for.
    """
    from filterd.operations import canaries

    found = perform(config, canaries.list_canaries)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            each.label,
            each.node or "-",
            each.state,
            output.moment(each.tested_at),
            output.moment(each.succeeded_at),
            each.name,
            each.reason,
        )
        for each in found
    ]
    columns = ("list", "node", "state", "tested at", "blocked at", "name", "why")
    output.show_table(columns, rows, _empty(config))
    if any(each.state.value == "passed" for each in found):
        output.done(
            "a list that passes does not block there: compile it anew with filterd snapshot build;"
            " where it still passes, look for the name under protected.yaml and at filterd node show NODE"
        )


def _empty(config: Path | None) -> str:
    if settings_of(config).canary.zone is None:
        return "nothing is tested: serve an address for every name of a zone, and name it in canary.zone"
    return "no mandatory list is in force; filterd feed list"

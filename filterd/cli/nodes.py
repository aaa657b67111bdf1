"""``filterd node``: what runs where."""

from __future__ import annotations

from pathlib import Path

import click

from filterd.cli import output
from filterd.cli.options import common
from filterd.cli.session import perform


@click.group()
def node() -> None:
    """Show what runs where."""


@node.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the nodes with what each has applied."""
    from filterd.operations import nodes

    found = perform(config, nodes.list_nodes)
    if as_json:
        output.show_json(found)
        return
    columns = ("node", "state", "seen at", "mandatory", "parental", "newest", "snapshot")
    rows = [
        (
            each.report.name,
            "silent" if each.silent else "ready" if each.report.ready else "not ready",
            output.moment(each.report.seen_at),
            each.report.mandatory_revision,
            each.report.parental_revision,
            each.revision,
            each.report.snapshot_digest[:16],
        )
        for each in found
    ]
    output.show_table(columns, rows, "no node has reported yet; filterd serve starts one")

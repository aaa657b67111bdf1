"""``filterd node``: the nodes and what each has applied."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.options import common, settings_of
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.nodes import NodeStatus


@click.group()
def node() -> None:
    """Show what runs where."""


@node.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the nodes with what each has applied.

    The three revisions are places in the change log: up to which the node has the orders, up to which it
    has the lines, and where the store stands. --json has each list on the node with version and digest.
    """
    from filterd.operations import nodes

    found = perform(config, nodes.list_nodes)
    if as_json:
        output.show_json([_plain(each) for each in found])
        return
    columns = ("node", "state", "seen at", "orders at", "lines at", "store at", "snapshot")
    rows = [
        (
            each.report.name,
            _state(each),
            output.moment(each.report.seen_at),
            each.report.mandatory_revision,
            each.report.parental_revision,
            each.revision,
            each.report.snapshot_digest[:12],
        )
        for each in found
    ]
    output.show_table(columns, rows, "no node has reported yet; filterd serve starts one")
    page = f"http://{settings_of(config).metrics.listen}/readyz"
    for each in found:
        if _state(each) == "not ready":
            output.done(f"{each.report.name} is not ready; the node itself says why: curl -s {page}")
        elif each.silent:
            silence = f"{each.report.name} said nothing for over {nodes.SILENT_AFTER:.0f} seconds"
            output.done(f"{silence}; do it and control run? curl -s {page}")


def _state(status: NodeStatus) -> str:
    if status.silent:
        return "silent"
    return "ready" if status.report.ready else "not ready"


def _plain(status: NodeStatus) -> dict[str, Any]:
    """A node for JSON: its lists as objects."""
    value: dict[str, Any] = output.plain(status)
    value["state"] = _state(status)
    value["report"]["lists"] = {
        name: dict(zip(("version", "digest"), said.split(" ", 1), strict=False))
        for name, said in status.report.lists.items()
    }
    return value

"""``filterd node``: the nodes and what each has applied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, settings_of
from filterd.cli.use_case import perform
from filterd.operations.plain_records import node_state, plain_node

if TYPE_CHECKING:
    from filterd.operations.nodes import NodeStatus
    from filterd.operations.resync import NodeHistory

HISTORIES = {"this": "followed", "another": "another history", "unknown": "read anew"}
"""word of the operation -> its text in the table"""

WHOLE_NODE = "(all)"
"""stands for the node as a whole in the column of lists, and in --list"""


@click.group(cls=Group)
def node() -> None:
    """Show what runs where."""


@node.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the nodes with what each has applied.

    Lag is how long ago the node last had everything, applied and on its disk; kept counts the orders that it
    alone keeps in force. The three revisions are places in the change log: up to which the node has the
    orders, up to which it has the lines, and where the store stands. --json has each list on the node with
    version and digest.
    """
    from filterd.operations import nodes

    found = perform(config, nodes.list_nodes)
    if as_json:
        output.show_json([plain_node(each) for each in found])
        return
    columns = ("node", "state", "lag", "kept", "seen at", "orders at", "lines at", "store at", "snapshot")
    rows = [
        (
            each.report.name,
            node_state(each),
            f"{each.report.lag:.1f} s",
            len(each.report.kept_orders),
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
        _explain(each, page)


def _explain(status: NodeStatus, page: str) -> None:
    """Say why a node is not ready, and what it keeps."""
    from filterd.operations.nodes import SILENT_AFTER

    name, report = status.report.name, status.report
    if status.silent:
        silence = f"{name} said nothing for over {SILENT_AFTER:.0f} seconds"
        output.done(f"{silence}; do it and control run? curl -s {page}")
    elif not report.ready:
        output.done(f"{name} is not ready: {'; '.join(report.missing) or f'curl -s {page}'}")
    elif report.missing:
        output.done(f"{name} serves with a fault: {'; '.join(report.missing)}")
    if status.drift:
        output.done(f"{name} runs other lists than it should: {'; '.join(status.drift)}")
        output.done(f"  what to do: filterd node show {name}")
    _explain_canaries(status)
    if report.kept_orders:
        orders = ", ".join(report.kept_orders)
        output.done(f"{name} keeps orders that the store does not know: {orders}; filterd node resync")


def _explain_canaries(status: NodeStatus) -> None:
    """Name the mandatory lists whose canary passes: they do not block there."""
    passed = [each.label for each in status.report.canaries if each.state.value == "passed"]
    if passed and not status.silent:
        lists = ", ".join(passed)
        output.done(f"{status.report.name} answers the canary of these lists: {lists}; filterd canary list")


@node.command()
@click.argument("name", metavar="NODE")
@common
def show(config: Path | None, as_json: bool, name: str) -> None:
    """Show one node with every feed's list that it has in force.

    The effective digest covers all lists and orders: two nodes with the same ones show the same. Since is
    when the node took the version, or when its process began. A confidential list has an opaque name.
    """
    from filterd.operations import nodes

    found = perform(config, lambda context: nodes.show(context, name))
    if as_json:
        output.show_json(plain_node(found))
        return
    report = found.report
    output.show_fields(
        (
            ("node", report.name),
            ("state", node_state(found)),
            ("seen at", output.moment(report.seen_at)),
            ("process began", output.moment(report.began_at)),
            ("orders at", report.mandatory_revision),
            ("snapshot", report.snapshot_digest),
            ("effective", report.effective_digest),
            ("effective since", output.moment(report.effective_at)),
        )
    )
    canaries = {each.label: each.state.value for each in report.canaries}
    rows = [
        (each.label, each.kind, each.version, each.digest, each.names, output.moment(each.since), canary)
        for each in report.feeds
        for canary in [canaries.get(each.label, "")]
    ]
    columns = ("list", "kind", "version", "digest", "names", "since", "canary")
    output.show_table(columns, rows, f"{report.name} has no list in force; filterd feed list")
    _explain(found, f"http://{settings_of(config).metrics.listen}/readyz")


@node.command()
@click.option("--node", "name", metavar="NODE", help="Of one node alone.")
@click.option("--list", "list_id", metavar="LIST", help="Of one list alone: its id, or its opaque name.")
@click.option("--at", default="", help="What ran at this time, ISO 8601 with offset.")
@common
def history(config: Path | None, as_json: bool, name: str | None, list_id: str | None, at: str) -> None:
    """Show which version of which list ran on which node, from when to when.

    It is written from the nodes' own reports. A line ends with the next version, or with the last report of
    a process that was not heard of again; of a line that lasts, "known until" is the last report. The list
    "(all)" is the effective digest of the node, over all lists and orders.
    """
    from filterd.operations import input_values, node_history
    from filterd.operations.context import Context

    async def look(context: Context) -> Sequence[node_history.Recorded]:
        moment = input_values.when(at, "--at") if at else None
        wanted = node_history.WHOLE if list_id == WHOLE_NODE else list_id
        return await node_history.history(context, node=name, list_id=wanted, at=moment)

    found = perform(config, look)
    if as_json:
        output.show_json([{**output.plain(each.period), "known_until": each.known_until} for each in found])
        return
    rows = [
        (
            each.period.node,
            each.period.label or WHOLE_NODE,
            each.period.version,
            each.period.digest,
            output.moment(each.period.since),
            output.moment(each.period.until),
            output.moment(each.known_until),
        )
        for each in found
    ]
    columns = ("node", "list", "version", "digest", "since", "until", "known until")
    empty = "nothing is recorded; a node that was not serving then has no line (filterd node list)"
    output.show_table(columns, rows, empty)


@node.command()
@click.option("--accept", is_flag=True, help="Follow the history that the store has now, on this machine.")
@click.option("--end", "ended", metavar="ORDER", help="Confirm that a kept order has ended, on every node.")
@click.option("--reason", default="", help="Why it has ended; with --end.")
@click.option(
    "--replaced-by",
    metavar="ORDER",
    default="",
    help="The order as which it was taken in again; refused unless that one is in force. With --end.",
)
@common
def resync(
    config: Path | None, as_json: bool, accept: bool, ended: str | None, reason: str, replaced_by: str
) -> None:
    """Show which nodes follow the store that stands there, and the orders that nodes alone keep in force.

    A node that finds another history in the store (restored, replaced or begun anew) keeps what it has. Where
    the store is the right one, --accept makes the resolver on this machine read it anew; orders that the
    store does not know stay in force on it. Take each in again with order add, have it approved, see it in
    force in order list, and only then end the old one: --end O-7 --replaced-by O-8. --end alone is for an
    order that has ended: its names are lifted at once.
    """
    if accept and ended is not None:
        message = "--accept and --end are two commands"
        raise click.UsageError(message)
    if bool(reason) != (ended is not None):
        message = "--end and --reason go together"
        raise click.UsageError(message)
    if replaced_by and ended is None:
        message = "--replaced-by goes with --end"
        raise click.UsageError(message)
    if accept:
        _accept(config, as_json)
    elif ended is not None:
        _end(config, as_json, ended, reason, replaced_by)
    else:
        _show(config, as_json)


def _accept(config: Path | None, as_json: bool) -> None:
    from filterd.operations import resync as operation

    found = perform(config, operation.accept)
    if as_json:
        output.show_json(found)
        return
    output.done(f"{found.name} follows the store now; it has the orders up to revision {found.revision}")
    _show_kept([found])


def _end(config: Path | None, as_json: bool, reference: str, reason: str, replaced_by: str) -> None:
    from filterd.operations import resync as operation
    from filterd.operations.context import Context

    async def confirm(context: Context) -> bool:
        return await operation.end(context, reference, reason=reason, replaced_by=replaced_by)

    done = perform(config, confirm)
    reference = reference.strip().upper()
    if as_json:
        output.show_json({"reference": reference, "ended": done})
        return
    output.done(f"{reference} ends on every node" if done else f"the end of {reference} was confirmed before")


def _show(config: Path | None, as_json: bool) -> None:
    from filterd.operations import resync as operation

    found = perform(config, operation.histories)
    if as_json:
        output.show_json([{**output.plain(each), "store": HISTORIES[each.history]} for each in found])
        return
    rows = [
        (
            each.name,
            HISTORIES[each.history],
            each.revision,
            len(each.kept),
            "silent since " + output.moment(each.seen_at) if each.silent else "",
        )
        for each in found
    ]
    output.show_table(
        ("node", "store", "orders at", "kept", ""), rows, "no node has reported yet; filterd serve starts one"
    )
    _show_kept(found)
    for each in found:
        if each.history == "another":
            output.done(
                f"{each.name}: put the newest store back, or: filterd restore (DIRECTORY | --in-place)"
                " --reason ...; where commands write in this store already, run there: "
                "filterd node resync --accept"
            )


def _show_kept(found: Sequence[NodeHistory]) -> None:
    """The orders that nodes alone keep in force, and what to do about them."""
    rows = [(kept.reference, each.name, output.moment(kept.since)) for each in found for kept in each.kept]
    if not rows:
        return
    output.show_table(("kept order", "node", "since"), rows, "")
    output.done(
        "take each in again (filterd order add), have it approved, see it in force in filterd order list, and"
        " only then: filterd node resync --end O-... --replaced-by O-... --reason ...;"
        " for one that has ended meanwhile: filterd node resync --end O-... --reason ..."
    )

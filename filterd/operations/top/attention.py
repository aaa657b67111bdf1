"""The conditions that an operator should act on, each with its remedy, in the order of their weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from filterd.operations.top.figures import ControlFigures, NodeFigures, ResolverFigures

LAG_SECONDS = 1.0
"""a node that is further behind the store does not follow it"""


@dataclass(frozen=True, slots=True)
class Attention:
    """One condition and its remedy."""

    message: str
    remedy: str


def of_resolver(now: ResolverFigures) -> Iterator[Attention]:
    """The conditions of the resolver and its node."""
    missing = [part for part, ready in now.node.ready.items() if not ready]
    if missing:
        yield Attention(f"not ready: {', '.join(missing)}", "filterd node list says why")
    if now.restarted:
        yield Attention("the resolver began anew: its counters too", "journalctl -u filterd-resolver")
    if now.reduced_mode:
        message = "reduced mode after several deaths: plain queries alone"
        yield Attention(message, "it ends after ten quiet minutes; journalctl -u filterd-resolver")
    if now.threads_stuck:
        yield Attention(f"threads that answer nobody: {now.threads_stuck}", "report it with the log")
    if now.absent_addresses:
        message = f"addresses of dns.listen that no interface has: {now.absent_addresses}"
        yield Attention(message, "compare dns.listen with: ip address")
    yield from _of_upstreams(now)
    yield from _of_node(now.node)


def _of_upstreams(now: ResolverFigures) -> Iterator[Attention]:
    down = [each.upstream for each in now.upstreams if not each.up]
    looping = [each.upstream for each in now.upstreams if each.looping]
    if looping:
        message = f"questions to {', '.join(looping)} come back to this resolver"
        yield Attention(message, "let it forward elsewhere, or take it out of dns.upstreams")
    if down and len(down) == len(now.upstreams):
        yield Attention("no upstream answers", "ask one with: dig @UPSTREAM example.org")


def _of_node(now: NodeFigures) -> Iterator[Attention]:
    if now.other_history:
        yield Attention("the store has another history; the node keeps what it has", "filterd node resync")
    if now.kept_orders:
        yield Attention(
            f"orders that this node alone keeps in force: {now.kept_orders}", "filterd node resync"
        )
    if now.not_durable:
        message = f"orders in force that are not on the disk: {now.not_durable}"
        yield Attention(message, "look at the node's disk: df, dmesg")
    if now.parental_suspended:
        yield Attention("parental filtering is suspended for every line", "filterd parental status")
    if now.exceptions:
        yield Attention(f"exceptions from all lists: {now.exceptions}", "filterd exception list")
    if now.unknown_profiles:
        message = f"profiles of lines that the snapshot lacks: {now.unknown_profiles}"
        yield Attention(message, "put their files back, or move the lines: filterd subscriber set-profile")
    if not now.control_connected:
        message = "control takes no reports: DNS goes on, lists stay as they are"
        yield Attention(message, "systemctl status filterd-control")
    elif now.lag > LAG_SECONDS:
        yield Attention(f"the node is {now.lag:.0f} s behind the store", "filterd node list says why")


def of_control(now: ControlFigures) -> Iterator[Attention]:
    """The conditions of control and the store."""
    if now.rows_damaged:
        message = f"rows of the store that are not what was decided: {now.rows_damaged}"
        yield Attention(message, "filterd audit verify names them")
    if now.compile_failures:
        yield Attention("a snapshot could not be built; the last one stays", "filterd config check")
    waiting = now.orders.get("pending", 0) + now.orders.get("quarantined", 0)
    if waiting:
        yield Attention(f"orders that wait for a person: {waiting}", "filterd order list")
    if now.feeds_held_back or now.feeds_orphaned:
        message = f"feeds held back: {now.feeds_held_back}, without their entry: {now.feeds_orphaned}"
        yield Attention(message, "filterd feed list")
    if now.feeds_held:
        yield Attention(f"feeds held at an older version: {now.feeds_held}", "filterd feed list")

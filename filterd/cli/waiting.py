"""``--wait`` and ``--timeout`` of the commands that change what nodes enforce."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.failure import Failure
from filterd.cli.options import duration
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.orders.times import EffectTimes, OrderTimes, Waited

Command = Callable[..., Any]
WORDS = {"enforce": "in force on", "lift": "off"}


@dataclass(frozen=True, slots=True)
class NodeWait:
    """The wait of a command for the nodes: if there is one, and of how many seconds."""

    asked: bool = False
    timeout: int = 60


NO_WAITING = NodeWait()


def wait_option(command: Command) -> Command:
    """Add ``--wait`` and ``--timeout``; the command gets a :class:`NodeWait` as ``wait``."""

    @wraps(command)  # the options that it has already among what is copied
    def called(*, wait: bool, timeout: int, **given: Any) -> Any:
        return command(wait=NodeWait(wait, timeout), **given)

    limit = click.option(
        "--timeout",
        default="60s",
        show_default=True,
        callback=duration,
        metavar="DURATION",
        help="How long --wait waits.",
    )
    flag = click.option("--wait", is_flag=True, help="Return when every node has it, and say how long.")
    return flag(limit(called))


def wait_for_nodes(waiting: NodeWait, config: Path | None, reference: str) -> Waited | None:
    """Wait, where it is asked for. None where it is not."""
    if not waiting.asked:
        return None
    from filterd.operations.orders import times

    return perform(config, lambda context: times.wait(context, reference, waiting.timeout))


def say_waited(waited: Waited | None, *, as_json: bool) -> None:
    """Say how long it took. Raises Failure where not every node has it, or one answers otherwise. Where there
    was nothing to wait for it says nothing: that the order was taken in is no failure."""
    if waited is None or waited.effect is None:
        return
    effect, reference = waited.effect, waited.times.order
    if not waited.complete:
        raise Failure(_lacking(reference, effect), _remedy(reference))
    contrary = [each for each in effect.nodes if each.probe == "contrary"]
    if contrary:
        told = "; ".join(f"{each.node}: {each.reason}" for each in contrary)
        message = f"{reference} is on every node, and is not seen over DNS: {told}"
        raise Failure(
            message, f"the order stays as it is; see: filterd order show {reference}, filterd doctor"
        )
    if not as_json:
        said = spans(effect, probing=waited.probing)
        output.done(f"{reference} is {WORDS[effect.kind]} every node: {said}")


def _lacking(reference: str, effect: EffectTimes) -> list[str]:
    """A line for each node that does not have it."""
    first = f"{reference} is not {WORDS[effect.kind]} every node yet"
    if not effect.nodes:
        return [first, "no node has ever reported to control, or none within nodes.gone_after"]
    return [first] + [
        f"{each.node} lacks it ({each.state}; last report {output.moment(each.seen_at)})"
        for each in effect.lacking
    ]


def _remedy(reference: str) -> str:
    return (
        f"the decision on {reference} stands and nothing has to be done again: nodes take it as soon as they"
        f" can; see why they do not: filterd node list, filterd doctor; then: filterd order show {reference}"
    )


def spans(effect: EffectTimes, *, probing: bool) -> str:
    """The spans in words."""
    nodes = len(effect.nodes)
    said = []
    if effect.first_node_seconds is None or effect.all_nodes_seconds is None:  # rows that were altered
        said.append("on which node and when is not on record; see: filterd audit verify")
    else:
        said.append(f"{effect.first_node_seconds:.3f} s to the first")
        only = nodes == 1
        said.append("which is the only one" if only else f"{effect.all_nodes_seconds:.3f} s to all {nodes}")
    if not all(each.exact for each in effect.nodes):
        said.append("at the latest, as a node started anew or was away")
    if effect.probed_seconds is not None:
        said.append(f"seen over DNS after {effect.probed_seconds:.3f} s")
    elif not probing:
        said.append("not probed over DNS: there is no canary.zone")
    else:
        reasons = sorted({each.reason or "no probe came" for each in effect.nodes if each.probe != "seen"})
        said.append(f"not seen over DNS: {'; '.join(reasons)}")
    return ", ".join(said)


def time_fields(times: OrderTimes, *, probing: bool) -> list[tuple[str, str]]:
    """The fields of ``order show``."""
    found = []
    for name, effect in (("on nodes", times.enforcement), ("off nodes", times.lifting)):
        if effect is None:
            continue
        if effect.all_nodes_at:
            found.append(
                (name, f"all since {output.moment(effect.all_nodes_at)}: {spans(effect, probing=probing)}")
            )
        elif effect.due_at > effect.decided_at and not effect.first_node_at:
            found.append((name, f"due {output.moment(effect.due_at)}"))
        else:
            lacking = ", ".join(f"{each.node} ({each.state})" for each in effect.lacking)
            found.append((name, f"not yet on {lacking or 'any'}"))
    return found


def plain_times(times: OrderTimes) -> dict[str, Any]:
    """The fields of JSON."""
    shown = {"enforcement": times.enforcement, "lifting": times.lifting}
    return {name: None if each is None else asdict(each) for name, each in shown.items()}

"""The canaries of the mandatory lists: what each node found when it last asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filterd.model.records import CanaryResult, CanaryState
from filterd.operations import nodes
from filterd.operations.context import Context
from filterd.operations.feeds import adoption
from filterd.operations.nodes import NodeStatus
from filterd.policy.canary import Canary, canary_of

NOT_TESTED = "not tested yet: the list has no version, or no snapshot with its canary is in force there"
SILENT = "the node is silent"


@dataclass(frozen=True, slots=True)
class CanaryStatus:
    """A mandatory list's canary on one node."""

    label: str
    """the list's id; opaque if it is confidential"""
    name: str
    """the name that is asked for"""
    node: str
    """empty: no node has reported yet"""
    state: CanaryState
    reason: str
    tested_at: float
    succeeded_at: float


async def list_canaries(context: Context) -> Sequence[CanaryStatus]:
    """Every mandatory list on every node; nothing while no ``canary.zone`` is set."""
    zone = context.settings.canary.zone
    if zone is None:
        return []
    policies = (await adoption.policies_in_force(context)).policies
    wanted = [
        canary_of(each.id, zone, confidential=each.confidential)
        for each in policies.feeds
        if each.mandatory is not None
    ]
    found = await nodes.list_nodes(context)
    if not found:
        return [_untested(each, "", NOT_TESTED) for each in wanted]
    return [_status(canary, each) for canary in wanted for each in found]


def _status(canary: Canary, node: NodeStatus) -> CanaryStatus:
    name = node.report.name
    if node.silent:
        return _untested(canary, name, SILENT)
    result = next((each for each in node.report.canaries if each.name == canary.name), None)
    return _untested(canary, name, NOT_TESTED) if result is None else _tested(result, name)


def _tested(result: CanaryResult, node: str) -> CanaryStatus:
    return CanaryStatus(
        result.label,
        result.name,
        node,
        result.state,
        result.reason,
        result.tested_at,
        result.succeeded_at,
    )


def _untested(canary: Canary, node: str, reason: str) -> CanaryStatus:
    return CanaryStatus(canary.label, canary.name, node, CanaryState.UNJUDGED, reason, 0.0, 0.0)

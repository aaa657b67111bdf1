"""Keeps help lines, emergency services and the portal out of what a line blocks by itself.

The scope of each protected entry counts: a help line is protected with all below it, a public suffix alone.
The verdict does not ask it again: an own block name that was stored before holds, and is shown.
"""

from __future__ import annotations

from filterd.config.policies import icann_suffixes
from filterd.model.rule import NameRule, Scope
from filterd.operations.errors import OperationError
from filterd.policy.documents import Protected
from filterd.policy.overlaps import overlaps

SHOWN = 3
"""protected names that one message gives"""


def denied(rule: NameRule, protected: Protected) -> tuple[str, ...]:
    """The protected names that an own block name would block."""
    found = [each.name for each in protected.names if overlaps(rule, each)]
    if protected.public_suffixes and rule.name in icann_suffixes():
        found.append(rule.name)
    return tuple(found)


def require_deniable(rule: NameRule, protected: Protected) -> None:
    """Refuse an own block name that would block something protected; the error gives the reason."""
    found = denied(rule, protected)
    if not found:
        return
    if found[-1] == rule.name and rule.name in icann_suffixes():
        message = f"{rule.name} is a public suffix, which is protected: all that is registered below would go"
        raise OperationError(message, "deny the names that are meant; those below it can be denied")
    if any(rule.name == each or rule.name.endswith("." + each) for each in found):
        message = f"{rule.name} is protected: help lines, emergency services and the portal stay reachable"
        remedy = "deny another name; protected.yaml and the public URLs configured say what no line can block"
        raise OperationError(message, remedy)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    message = f"{rule.name} would block what is protected: {', '.join(found[:SHOWN])}{more}"
    narrower = "deny the names that are meant"
    raise OperationError(
        message, narrower + (", or add --scope exact" if rule.scope is Scope.SUBTREE else "")
    )

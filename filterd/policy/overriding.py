"""The protection that is left where orders override it: two people decided that they hold for these names.

Protection is taken off exactly the names that such an order blocks. It is done when a snapshot is compiled,
so that the verdict on a name needs to know nothing of it: where an order overrides, nothing is protected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from filterd.model.rule import Action, NameRule, Scope
from filterd.policy.documents import Protected
from filterd.policy.overlaps import overlaps

OVERRIDING = "overriding"
"""the key in a snapshot's meta of the mandatory ids of the orders whose names it does not protect"""


def without_overridden(protected: Protected, demanded: Iterable[NameRule]) -> Protected:
    """The protected names without those that are ``demanded``, by exceptions where these are a part of what
    one rule protects. What nobody can override stays protected."""
    wanted = [
        rule for rule in demanded if not any(overlaps(rule, each) for each in protected.never_overridden)
    ]
    if not wanted:
        return protected
    kept: dict[NameRule, None] = {}
    spared: dict[NameRule, None] = {}
    for rule in protected.names:
        left: NameRule | None = rule
        for each in wanted:
            if left is not None and overlaps(left, each):
                left, exception = _less(left, each)
                if exception is not None:
                    spared[exception] = None
        if left is not None:
            kept[left] = None
    return replace(protected, names=(*kept, *spared))


def _less(rule: NameRule, wanted: NameRule) -> tuple[NameRule | None, NameRule | None]:
    """The rest of a rule without the names of ``wanted``, which overlaps it, and the exception that it
    takes beside it."""
    if wanted.name != rule.name and wanted.name.endswith("." + rule.name):
        return rule, replace(wanted, action=Action.ALLOW)
    if wanted.name != rule.name or wanted.scope is Scope.SUBTREE or wanted.scope is rule.scope:
        return None, None
    return replace(rule, scope=Scope.BELOW if wanted.scope is Scope.EXACT else Scope.EXACT), None

"""The documents of the policies that an order is held against: what is protected, and what many people use.

An order of an authority does not wait for the rest of the policies: each document is read by itself, and a
wrong profile, category or feed makes no difference. Where a guard cannot be read whole, what can be read of
it counts, and the order takes two people: it is not refused, and one person alone does not block what nobody
looked at. Nodes answer what is protected in the snapshot in force, whatever an order says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from filterd.config.policies import PolicyPart
from filterd.config.policy_values import Problem
from filterd.config.settings import ShortestPrefixSettings
from filterd.model.order import Demand
from filterd.operations.context import Context
from filterd.operations.orders.basis import strange
from filterd.operations.orders.intake import protected_overlap
from filterd.operations.orders.reach import Hit, HitKind, reach
from filterd.operations.policies import part
from filterd.policy.documents import Policies
from filterd.policy.jurisdictions import Jurisdiction


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards of this moment. Every order is judged by all of them."""

    policies: Policies
    shortest: ShortestPrefixSettings
    unprotected: tuple[Problem, ...]
    """why it is not known what is protected; empty where it is"""
    unread: tuple[Problem, ...]
    """why it is not known what many people use; empty where it is"""
    country: Jurisdiction | None = None
    """the jurisdiction in force; None: there is no file of it that can be read"""

    @property
    def lawless(self) -> bool:
        """True where the file of the jurisdiction is wrong: nobody knows then what is procedure alone."""
        return any(each.document.startswith("jurisdictions/") for each in self.unread)

    def overlap(self, demand: Demand) -> tuple[str, ...]:
        """The protected names and addresses that the demand would block, as far as they are known."""
        return protected_overlap(demand, self.policies.protected)

    def fixed(self, demand: Demand) -> tuple[str, ...]:
        """Those among them that no two people can override: addresses, the portal, emergency lines."""
        protected = self.policies.protected
        kept = replace(protected, names=protected.never_overridden)
        return protected_overlap(demand, kept)

    def hits(self, demand: Demand) -> tuple[Hit, ...]:
        """The reach of the demand; with a hit of its own where a guard could not be read whole."""
        found = (*reach(demand, self.policies, self.shortest), *strange(demand, self.country))
        if demand.protection_overridden:
            found += tuple(
                Hit(HitKind.PROTECTED, name, 1, f"{name}, which is protected")
                for name in self.overlap(demand)
            )
        doubts = (*self.unprotected, *self.unread)
        if not doubts:
            return found
        return (*found, Hit(HitKind.UNKNOWN, "", len(doubts), f"not wholly known: {_first(doubts)}"))

    def doubted(self, reference: str) -> str:
        """The state of a quarantined order while it is not known what is protected; empty where it is."""
        if not self.unprotected:
            return ""
        return (
            f"order {reference} is quarantined, and stays so while it is not known what is protected: "
            f"{_first(self.unprotected)}"
        )


def guards(context: Context) -> Guards:
    """The guards of the configured directories. Never raises."""
    protected, expected = part(context, PolicyPart.PROTECTED), part(context, PolicyPart.EXPECTED)
    services, searches = part(context, PolicyPart.SERVICES), part(context, PolicyPart.SAFE_SEARCH)
    ways, packs = part(context, PolicyPart.BYPASS), part(context, PolicyPart.JURISDICTIONS)
    found = replace(
        protected.policies,
        expected=expected.policies.expected,
        services=services.policies.services,
        safe_search=searches.policies.safe_search,
        bypass=ways.policies.bypass,
    )
    own = f"jurisdictions/{context.settings.jurisdiction}.yaml"
    wrong = tuple(each for each in packs.problems if each.document == own)
    unread = (*expected.problems, *wrong)
    unread += () if found.bypass else ways.problems
    unread += () if found.services else services.problems
    unread += () if found.safe_search else searches.problems
    known = () if wrong else packs.policies.jurisdictions
    country = next((each for each in known if each.id == context.settings.jurisdiction), None)
    return Guards(found, context.settings.orders.shortest_prefix, protected.problems, unread, country)


def jurisdictions(context: Context) -> tuple[Jurisdiction, ...]:
    """The countries whose authorities and grounds are known; none where one of the files is wrong."""
    read = part(context, PolicyPart.JURISDICTIONS)
    return () if read.problems else read.policies.jurisdictions


def _first(problems: tuple[Problem, ...]) -> str:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}"

"""The legal basis of an order: the substantive law, and the end or the next review that its ground sets.

A ground of the jurisdiction in force is substantive (it allows the block) or procedure (it obliges a provider
to obey what another law allows). An order on a procedural one names that law too. Text that is no ground of
the jurisdiction counts for the law where it names an article of a substantive one. Without a jurisdiction
nobody can tell, and the ground as written stands for the law.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from filterd.model.order import Demand
from filterd.operations.errors import OperationError
from filterd.operations.orders.reach import Hit, HitKind
from filterd.policy.deadlines import due, resolve
from filterd.policy.jurisdictions import DeadlineKind, Ground, Jurisdiction

DEFAULT_REVIEW = 180 * 86400
"""seconds until an order without an end must be looked at again (R8)"""
_ARTICLE = re.compile(r"\b([^\W\d_]{2,12})\s+(\d[\w-]*)((?:\s*,\s*\d[\w-]*)*)")
"""a law's short name, an article, and further ones behind commas"""


def law_of(law: str, ground: str, country: Jurisdiction | None) -> str:
    """The substantive law of an order; empty: it has to name one."""
    if law.strip() or country is None:
        return law.strip() or ground.strip()
    found = resolve(country, "", ground).ground
    if found is not None:
        return found.law if found.substantive else ""
    known = {each for one in country.grounds if one.substantive for each in _articles(one.law)}
    return ground.strip() if known.intersection(_articles(ground)) else ""


def _articles(text: str) -> Iterator[tuple[str, str]]:
    """The articles that a text names, each with its law: ``LIVA 18-H`` and ``CFF 30-B, 90-A``."""
    for found in _ARTICLE.finditer(text):
        for number in (found[2], *re.findall(r"\d[\w-]*", found[3])):
            yield found[1].casefold(), number.casefold()


def strange(demand: Demand, country: Jurisdiction | None) -> Iterator[Hit]:
    """A hit for an authority and for a ground that the jurisdiction does not have; none for one that is not
    given, which is missing."""
    if country is None:
        return
    found, file = resolve(country, demand.authority, demand.ground), f"jurisdictions/{country.id}.yaml"
    if demand.authority and found.authority is None:
        yield Hit(HitKind.AUTHORITY, demand.authority, 1, f"an authority that {file} does not have")
    if demand.ground and found.ground is None:
        yield Hit(HitKind.GROUND, demand.ground, 1, f"a ground that {file} does not have")


def times(
    ground: str, authority: str, not_after: int, review_at: int, now: float, country: Jurisdiction | None
) -> tuple[int, int]:
    """The end and the next review of an order that is taken in now: as given, else by its ground, else a
    review in :data:`DEFAULT_REVIEW` where it has no end. OperationError for an end that the ground forbids.
    """
    if country is None:
        return not_after, review_at if not_after or review_at else int(now) + DEFAULT_REVIEW
    found = resolve(country, authority, ground)
    body = "" if found.authority is None else found.authority.id
    limit = _due(country, found.ground, body, DeadlineKind.TERM, now)
    if limit and not_after > limit:
        message = "--not-after lies beyond the longest term that the ground allows"
        raise OperationError(message, "give an earlier end, or leave it out: the ground's own term is taken")
    end = not_after or limit
    if review_at:
        return end, review_at
    looked = _due(country, found.ground, body, DeadlineKind.REVIEW, now)
    return end, looked or (0 if end else int(now) + DEFAULT_REVIEW)


def is_provisional(demand: Demand, country: Jurisdiction | None) -> bool:
    """Return whether the ground asks for a confirmation of the order."""
    if country is None:
        return False
    found = resolve(country, demand.authority, demand.ground)
    body = "" if found.authority is None else found.authority.id
    return found.ground is not None and found.ground.deadline(DeadlineKind.RECONFIRM, body) is not None


def next_review(demand: Demand, now: float, country: Jurisdiction | None) -> int:
    """The review after one of now: by the ground, else in :data:`DEFAULT_REVIEW`."""
    if country is None:
        return int(now) + DEFAULT_REVIEW
    found = resolve(country, demand.authority, demand.ground)
    body = "" if found.authority is None else found.authority.id
    return _due(country, found.ground, body, DeadlineKind.REVIEW, now) or int(now) + DEFAULT_REVIEW


def _due(country: Jurisdiction, ground: Ground | None, authority: str, kind: DeadlineKind, now: float) -> int:
    """The end of a deadline of the ground that begins now; 0: it has none."""
    if ground is None or (ground.deadline(kind, authority) is None and kind is not DeadlineKind.REVIEW):
        return 0
    return due(country, ground, authority, kind, int(now)) or 0

"""The counts of the reviews of one half-year, of which none tells a small one. Pure.

Statistics and reports have them from here: two tables of the same half-year are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set

from filterd.model.review import Review, ReviewDecision, ReviewKind
from filterd.operations.reports.measures import told, told_apart, told_part
from filterd.operations.reviews.terms import day_of
from filterd.policy.jurisdictions import Jurisdiction


def of_half(
    found: Sequence[Review], effective: Set[int], country: Jurisdiction, ends_at: float, least: int
) -> dict[str, int | None]:
    """The counts of the reviews that came in a half-year, as they stood at its end. None: too small to tell,
    or it would tell one that is. ``effective``: the numbers of those with an effect on every node by then."""
    asked, kinds = sum(each.requests for each in found), Counter(each.kind.value for each in found)
    apart = told_apart({each.value: kinds[each.value] for each in ReviewKind}, least)
    return {
        "opened": told(len(found), least),
        "requests": None if told(asked - len(found), least) is None else told(asked, least),
        **_of_decided(found, effective, country, ends_at, least),
        **{f"kind.{kind}": count for kind, count in apart.items()},
    }


def _of_decided(
    found: Sequence[Review], effective: Set[int], country: Jurisdiction, ends_at: float, least: int
) -> dict[str, int | None]:
    done = decided_by(found, ends_at)
    appealed = [each for each, _ in done if 0 < each.appealed_at < ends_at]
    count = told_part(len(done), len(found), least)

    def part(some: int, whole: int | None = count, of: int = len(done)) -> int | None:
        return None if whole is None else told_part(some, of, least)

    outcomes = [as_of(each.appeal, ends_at).outcome.value or given.outcome.value for each, given in done]
    taken = part(len(appealed))
    heard = sum(as_of(each.appeal, ends_at).at > 0 for each in appealed)
    return {
        "decided": count,
        "in_time": part(sum(day_of(country, given.at).isoformat() <= each.due_on for each, given in done)),
        "upheld": part(outcomes.count("upheld")),
        "appealed": taken,
        "appeals_decided": part(heard, taken, len(appealed)),
        "effective": part(sum(each.number in effective for each, _ in done)),
    }


def decided_by(found: Sequence[Review], moment: float) -> list[tuple[Review, ReviewDecision]]:
    """Those of them that were decided before a moment (Unix seconds), with their first decisions."""
    return [(each, given) for each in found if (given := as_of(each.decision, moment)).at]


def as_of(decision: ReviewDecision, moment: float) -> ReviewDecision:
    """A decision as it stood at a moment; an empty one where there was none yet."""
    return decision if decision.at < moment else ReviewDecision()

"""Orders as an overlay: what has begun stays begun, and the overlay blocks what the orders demand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from filterd.model.changelog import OrderChange
from filterd.model.rule import Scope
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.overlay import mandates_of, order_rules, overlay_of, united

KEY = bytes(range(16))
ACCEPTED = 1_800_000_000.5
ORDER = OrderChange(
    300,
    "O-44",
    (("bad.example", Scope.SUBTREE), ("one.example", Scope.EXACT)),
    ("192.0.2.0/24", "2001:db8::/32"),
    not_after=1_900_000_000,
    accepted_at=ACCEPTED,
)


def changed(**fields: Any) -> OrderChange:
    return replace(ORDER, **fields)


@pytest.mark.parametrize(("not_before", "kept"), [(int(ACCEPTED), 0), (int(ACCEPTED) + 1, int(ACCEPTED) + 1)])
def test_an_order_that_had_begun_when_it_was_accepted_has_no_beginning(not_before: int, kept: int) -> None:
    mandate = order_rules(changed(not_before=not_before), 7, KEY).mandate
    assert (mandate.not_before, mandate.not_after) == (kept, ORDER.not_after)


@pytest.mark.parametrize(("built_at", "kept"), [(1_850_000_000, 0), (1_849_999_999, 1_850_000_000)])
def test_an_order_that_had_begun_when_the_snapshot_was_made_has_no_beginning(
    built_at: int, kept: int
) -> None:
    rules = order_rules(changed(not_before=1_850_000_000), 7, KEY)
    assert [mandate.not_before for mandate in mandates_of([rules], built_at)] == [kept]


@pytest.mark.parametrize(
    ("ends", "kept"),
    [((1_900_000_000, 1_950_000_000), 1_950_000_000), ((1_900_000_000, 0), 0), ((0, 1_950_000_000), 0)],
)
def test_two_forms_of_an_order_block_until_the_later_end(ends: tuple[int, int], kept: int) -> None:
    one, two = (order_rules(changed(not_after=end, not_before=0), 7, KEY) for end in ends)
    assert united(one, two).mandate.not_after == united(two, one).mandate.not_after == kept
    later = replace(two, mandate=replace(two.mandate, not_before=1_850_000_000))
    earlier = replace(one, mandate=replace(one.mandate, not_before=1_840_000_000))
    assert united(earlier, later).mandate.not_before == 1_840_000_000


def test_an_order_is_kept_as_fingerprints() -> None:
    rules = order_rules(ORDER, 7, KEY)
    assert rules.revision == 7
    assert rules.names == (
        (fingerprint_name(KEY, "bad.example"), Scope.SUBTREE),
        (fingerprint_name(KEY, "one.example"), Scope.EXACT),
    )
    assert [(prefix.family, prefix.length) for prefix in rules.prefixes] == [(4, 24), (6, 32)]
    assert b"example" not in repr(rules).encode()


def test_an_overlay_holds_every_name_and_prefix() -> None:
    overlay = overlay_of([order_rules(ORDER, 7, KEY), order_rules(changed(id=301, names=()), 8, KEY)])
    assert overlay is not None
    assert overlay.entries == 4
    assert overlay_of([]) is None
    assert overlay_of([order_rules(changed(names=(), addresses=()), 9, KEY)]) is None


@pytest.mark.parametrize(
    "fields", [{"names": (("a..example", Scope.EXACT),)}, {"addresses": ("192.0.2.1/24",)}]
)
def test_a_malformed_order_is_an_error(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        order_rules(changed(**fields), 7, KEY)

"""Policy keys resolved, looked at when it is time, and indexes that come back."""

from __future__ import annotations

import gc
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from filterd.model.adjustments import Adjustments, Difference, policy_key
from filterd.model.blocking_mode import BlockingMode
from filterd.model.slot import OneSlot, Slot
from filterd.model.verdict import Kind
from filterd.policy.classes import FIXED, Classes, ListClass
from filterd.policy.policy_book import NO_POLICY, PolicyBook
from filterd.policy.policy_table import PolicyTable
from filterd.policy.resolve import STRIPPING_WAYS, ProfileRules, ResolvedPolicy, resolve, to_meta

ZONE = "America/Mexico_City"
EVERY_DAY = tuple(range(7))
NAMES = (
    (Kind.CATEGORY, "adult"),
    (Kind.CATEGORY, "games"),
    (Kind.CATEGORY, "social"),
    (Kind.SERVICE, "chat"),
    (Kind.SERVICE, "video"),
    (Kind.SAFE_SEARCH, "engine"),
    (Kind.BYPASS, "proxies"),
    (Kind.BYPASS, "ech"),
)
NIGHT = Slot(EVERY_DAY, 21 * 60, 7 * 60, everything=True)
CHILD = ProfileRules(
    "children",
    ("adult", "games"),
    ("chat",),
    ("engine",),
    ("ech", "proxies"),
    BlockingMode.SINKHOLE,
    (NIGHT,),
    strip_ech=True,
)
TEEN = ProfileRules("teenagers", ("adult",), ("video",))


def classes(first: int = 8) -> Classes:
    """All lists, from this bit on."""
    placed = [
        ListClass(name, kind, first + at, category=name if kind is Kind.CATEGORY else "")
        for at, (kind, name) in enumerate(NAMES)
    ]
    return Classes((*FIXED, *placed))


def meta(*profiles: ProfileRules, stripping: tuple[str, ...] | None = ("ech",)) -> dict[str, Any]:
    """A snapshot's."""
    found: dict[str, Any] = {"profiles": {each.id: to_meta(each) for each in profiles}}
    return found if stripping is None else {**found, STRIPPING_WAYS: list(stripping)}


def at(text: str) -> int:
    """Unix seconds of a wall-clock time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


NOON, EVENING = at("2026-11-24T12:00"), at("2026-11-24T21:00")


def book_of(*profiles: ProfileRules, stripping: tuple[str, ...] | None = ("ech",)) -> PolicyBook:
    return PolicyBook.of_meta(meta(*profiles, stripping=stripping), classes())


def resolved(book: PolicyBook, key: str, now: int = NOON) -> ResolvedPolicy:
    """The policy of a key."""
    index = book.index(key, ZONE)
    return book.at(now)[index]


def words(mask: int) -> set[str]:
    """The lists of a mask."""
    return {entry.id for entry in classes().lists if mask & entry.mask}


def asks(policy: ResolvedPolicy) -> set[str]:
    """The lists that it blocks at the moment."""
    return words(policy.categories | policy.services | policy.safe_search | policy.bypass | policy.schedule)


ALL = {name for _, name in NAMES}


class TestKeys:
    def test_a_profile_alone_is_as_the_snapshot_has_it(self) -> None:
        assert resolved(book_of(CHILD), "children") == resolve(CHILD, classes(), ZONE, NOON)

    def test_differences_add_and_take(self) -> None:
        wanted = Adjustments(
            categories=Difference(("social",), ("games",)),
            services=Difference(("video",), ("chat",)),
            safe_search=Difference((), ("engine",)),
            bypass=Difference((), ("proxies",)),
        )
        found = resolved(book_of(CHILD, TEEN), policy_key("children", wanted))
        assert asks(found) == {"adult", "social", "video", "ech"}
        assert (found.profile, found.zone, found.mode) == ("children", ZONE, BlockingMode.SINKHOLE)
        assert (found.strip_ech, found.schedule_all, found.next_boundary) == (True, False, EVENING)

    def test_the_plan_takes_the_place_of_the_schedule(self) -> None:
        plan = (Slot((1,), 720, 780, services=("video",)),)
        key = policy_key("children", Adjustments(plan=plan, holidays=("2026-12-01",)))
        book = book_of(CHILD)
        assert resolved(book, key).schedule == classes().mask_of(Kind.SERVICE, ["video"])
        assert resolved(book, key).next_boundary == at("2026-11-24T13:00")
        late = resolved(book, key, EVENING)
        assert (late.schedule_all, late.schedule, late.next_boundary) == (False, 0, at("2026-12-08T12:00"))

    def test_what_comes_once(self) -> None:
        once = (OneSlot(NOON, NOON + 3600, everything=True, leaves=()),)
        book = book_of(CHILD)
        found = resolved(book, policy_key("children", Adjustments(once=once)))
        assert (found.schedule_all, found.next_boundary) == (True, NOON + 3600)
        assert book.at(NOON + 3600)[1].next_boundary == EVENING

    def test_no_profile_with_adjustments_is_a_policy_of_its_own(self) -> None:
        key = policy_key("", Adjustments(categories=Difference(("games",))))
        book = book_of(CHILD)
        assert book.index(key, ZONE) != NO_POLICY
        assert asks(resolved(book, key)) == {"games"}
        assert book.missing() == ()

    @pytest.mark.parametrize(
        ("difference", "stripping", "strips"),
        [
            (Difference((), ("ech",)), ("ech",), False),
            (Difference((), ("proxies",)), ("ech",), True),
            (Difference((), ("ech",)), None, True),
            (Difference((), ("ech",)), (), False),
            (Difference(), (), True),
        ],
    )
    def test_ech_is_taken_out_for_the_ways_of_the_line(
        self, difference: Difference, stripping: tuple[str, ...] | None, strips: bool
    ) -> None:
        """A snapshot that does not say for which ways leaves it as the profile has it."""
        key = policy_key("children", Adjustments(bypass=difference, categories=Difference(("social",))))
        assert resolved(book_of(CHILD, stripping=stripping), key).strip_ech is strips

    def test_a_way_that_a_line_adds(self) -> None:
        key = policy_key("teenagers", Adjustments(bypass=Difference(("ech",))))
        assert resolved(book_of(TEEN), key).strip_ech
        assert not resolved(book_of(TEEN, stripping=None), key).strip_ech

    def test_a_snapshot_with_hours_that_cannot_be(self) -> None:
        book_of(CHILD).check_hours()
        with pytest.raises(ValueError, match="no such slot"):
            book_of(replace(CHILD, schedule=(replace(NIGHT, end=99_999),))).check_hours()


class TestNothingWeakens:
    TAKING = Adjustments(
        categories=Difference(("social",), ("adult", "games")),
        services=Difference(("video",), ("chat",)),
        bypass=Difference((), ("ech", "proxies")),
        plan=(Slot(EVERY_DAY, 720, 780, services=("video",)),),
        holidays=("2026-11-24",),
    )

    @pytest.mark.parametrize(
        "key",
        ["{", "{}x", "[]", '{"plan":3}', '{"profile":"children","news":1}', "{" * 100_000, '{"profile":7}'],
    )
    def test_a_key_that_cannot_be_read_gets_all_restrictions(self, key: str) -> None:
        found = resolved(book_of(CHILD, TEEN), key)
        assert asks(found) == ALL - {"social"}, "no profile restricts that"
        assert found.strip_ech

    def test_a_profile_that_no_snapshot_had(self) -> None:
        book = book_of(CHILD, TEEN)
        found = resolved(book, policy_key("gone", self.TAKING))
        assert asks(found) == ALL
        assert found.strip_ech
        assert words(found.schedule) == {"video"}, "its holidays open nothing"
        assert book.missing() == ("gone",)

    def test_a_profile_that_went_keeps_its_last_rules_and_its_hours(self) -> None:
        book, key = book_of(CHILD, TEEN), policy_key("children", self.TAKING)
        assert asks(resolved(book, key)) == {"social", "video", "engine"}
        assert not resolved(book, key, EVENING).schedule_all
        book.renew(meta(TEEN), classes())
        assert book.missing() == ("children",)
        assert asks(resolved(book, key)) == ALL
        assert words(resolved(book, key).schedule) == {"video"}
        assert resolved(book, key, EVENING).schedule_all, "the line's plan took that away"
        book.renew(meta(CHILD, TEEN), classes())
        assert asks(resolved(book, key)) == {"social", "video", "engine"}

    def test_a_free_index_has_all_restrictions(self) -> None:
        book = book_of(CHILD, TEEN)
        index = book.index("teenagers", ZONE)
        book.hold(index)
        before = book.at(NOON)
        book.release(index)
        assert asks(book.at(NOON)[index]) == ALL - {"social"}
        assert asks(before[index]) == {"adult", "video"}
        book.renew(meta(CHILD), classes(first=100))
        assert book.at(NOON)[index].categories == book_of(CHILD).at(NOON)[0].categories | (0b11 << 100)


class TestWhen:
    def test_nothing_is_looked_at_twice_at_one_moment(self) -> None:
        book = book_of(CHILD, TEEN)
        for key in ("children", "teenagers"):
            book.index(key, ZONE)
        first = book.at(NOON)
        assert book.recomputed == 2
        assert all(book.at(now) is first for now in (NOON, NOON + 1, EVENING - 1))
        assert book.recomputed == 2
        assert book.at(EVENING) is not first
        assert book.recomputed == 3, "one of them has a schedule"
        assert [policy.schedule_all for policy in first] == [False] * 3

    def test_a_clock_that_goes_back(self) -> None:
        book = book_of(CHILD)
        index = book.index("children", ZONE)
        assert book.at(EVENING)[index].schedule_all
        assert book.at(NOON)[index] == resolve(CHILD, classes(), ZONE, NOON)
        assert book.at(EVENING)[index] == resolve(CHILD, classes(), ZONE, EVENING)

    def test_a_leap_over_many_boundaries(self) -> None:
        book = book_of(CHILD)
        index = book.index("children", ZONE)
        book.at(NOON)
        later = NOON + 1000 * 86_400
        assert book.at(later)[index] == resolve(CHILD, classes(), ZONE, later)

    def test_a_new_snapshot_has_other_masks_and_the_same_hours(self) -> None:
        book = book_of(CHILD, TEEN)
        key = policy_key(
            "children", Adjustments(plan=(replace(NIGHT, everything=False, services=("video",)),))
        )
        indexes = [book.index(each, ZONE) for each in ("children", "teenagers", key)]
        book.at(EVENING)
        looked = book.recomputed
        book.renew(meta(CHILD, TEEN), classes(first=200))
        table = book.at(EVENING)
        assert book.recomputed == looked
        assert table[indexes[0]] == resolve(CHILD, classes(200), ZONE, EVENING)
        assert table[indexes[2]].schedule == classes(200).mask_of(Kind.SERVICE, ["video"])
        other = replace(CHILD, schedule=(Slot(EVERY_DAY, 0, 60, everything=True),))
        book.renew(meta(other, TEEN), classes())
        assert book.at(EVENING)[indexes[0]] == resolve(other, classes(), ZONE, EVENING)
        assert book.recomputed == looked + 2, "those of the profile whose hours are others"

    def test_each_boundary_as_if_it_were_looked_at_alone(self) -> None:
        book = book_of(CHILD, TEEN)
        plans = [
            Adjustments(plan=(Slot((day % 7,), 60 * day, 60 * day + 90, categories=("social",)),))
            for day in range(20)
        ]
        keys = ["children", *(policy_key("teenagers", each) for each in plans)]
        indexes = [book.index(key, ZONE) for key in keys]
        now = NOON
        for _ in range(60):
            table = book.at(now)
            alone = [resolved(book_of(CHILD, TEEN), key, now) for key in keys]
            assert [table[index] for index in indexes] == alone
            now = min(each.next_boundary for each in table if each.next_boundary)


class TestSomeAtOnce:
    """Schedules that change at one moment are looked at a few at a time."""

    def book(self) -> tuple[PolicyBook, list[int]]:
        book = book_of(CHILD, TEEN)
        keys = [
            policy_key("teenagers", Adjustments(plan=(Slot(EVERY_DAY, 1260, end, everything=True),)))
            for end in range(60, 70)
        ]
        return book, [book.index(key, ZONE) for key in keys]

    def test_all_are_closed_after_some_states(self) -> None:
        book, indexes = self.book()
        assert not any(book.at(NOON, 3)[index].schedule_all for index in indexes), "the new ones are whole"
        closed = []
        for _ in range(4):
            table = book.at(EVENING, 3)
            closed.append(sum(table[index].schedule_all for index in indexes))
            assert book.unfinished == (closed[-1] < len(indexes))
        assert closed == [3, 6, 9, 10]
        assert book.at(EVENING, 3) is table, "nothing is left"

    def test_one_that_waits_may_rest_meanwhile(self) -> None:
        book, indexes = self.book()
        for index in indexes:
            book.hold(index)
        book.at(NOON)
        book.at(EVENING, 3)
        for index in indexes[1:]:
            book.release(index)
        table = book.at(EVENING, 20)
        assert table[indexes[0]].schedule_all
        assert not book.unfinished
        assert asks(table[indexes[5]]) == ALL - {"social"}, "all restrictions together"

    def test_a_snapshot_in_between_leaves_none_behind(self) -> None:
        book, indexes = self.book()
        book.at(NOON)
        book.at(EVENING, 3)
        book.renew(meta(CHILD, TEEN), classes(first=200))
        table = book.at(EVENING, 3)
        assert all(table[index].schedule_all for index in indexes)
        assert not book.unfinished

    def test_a_clock_that_goes_back_in_between(self) -> None:
        book, indexes = self.book()
        book.at(NOON)
        book.at(EVENING, 3)
        while book.at(NOON, 3) and book.unfinished:
            pass
        assert not any(book.at(NOON, 3)[index].schedule_all for index in indexes)


class Lines:
    """Lines that come and go, and the tables that are published for them."""

    def __init__(self) -> None:
        self.book = book_of(CHILD, TEEN)
        self.published: list[PolicyTable] = []

    def publish(self) -> None:
        self.published.append(self.book.at(NOON))

    def key(self, number: int) -> str:
        return policy_key("children", Adjustments(plan=(Slot((1,), number, 1440, everything=True),)))

    def change(self, before: int | None, number: int) -> int:
        """A line goes over to another plan; its new index."""
        index = self.book.index(self.key(number), ZONE)
        self.publish()
        self.book.hold(index)
        if before is not None:
            self.book.release(before)
        return index


class TestReclaim:
    def test_ten_thousand_edits_leave_no_index_behind(self) -> None:
        lines, index = Lines(), None
        for number in range(10_000):
            index = lines.change(index, number % 1440)
            del lines.published[:-1]
        lines.publish()
        assert len(lines.book) <= 4
        assert lines.book.combinations == 1

    def test_an_index_rests_while_a_table_has_it(self) -> None:
        lines = Lines()
        first = lines.change(None, 1)
        second = lines.change(first, 2)
        lines.publish()  # the first index is blank in this table
        assert lines.change(second, 3) not in (first, second)
        lines.published = lines.published[-1:]
        gc.collect()
        assert lines.book.index(lines.key(4), ZONE) == first

    def test_a_combination_that_comes_back_in_time_keeps_its_index(self) -> None:
        lines = Lines()
        index = lines.change(None, 1)
        lines.book.release(index)
        assert lines.book.index(lines.key(1), ZONE) == index
        table = lines.book.at(NOON)
        assert table[index].profile == "children"
        lines.book.hold(index)
        lines.book.release(index)
        lines.publish()
        assert lines.book.index(lines.key(1), ZONE) != index, "it is blank by now"

    def test_an_index_that_nobody_ever_had_stays(self) -> None:
        """It is claimed for a line that the disk did not take yet."""
        book = book_of(CHILD)
        index = book.index("children", ZONE)
        book.at(NOON)
        book.at(NOON + 1)
        assert book.index("children", ZONE) == index
        book.rest_unused()
        book.at(NOON + 2)
        assert book.combinations == 0
        assert book.index("children", ZONE) == index, "the table before is gone"

    def test_keys_give_another_book_the_same_indexes(self) -> None:
        lines = Lines()
        indexes = [lines.change(None, number) for number in range(4)]
        lines.book.release(indexes[1])
        lines.publish()
        keys = lines.book.keys()
        other = book_of(CHILD, TEEN)
        assert [other.index(*each) for each in keys] == [1, 2, 3, 4]
        for index in (1, 3, 4):
            other.hold(index)
        other.rest_unused()
        other.at(NOON)
        assert (other.combinations, other.missing()) == (3, ())
        assert other.index("teenagers", ZONE) == 2

    def test_lines_of_no_index(self) -> None:
        book = book_of(CHILD)
        book.hold(NO_POLICY)
        book.release(NO_POLICY)
        with pytest.raises(ValueError, match="the policy 1, which is none"):
            book.hold(1)

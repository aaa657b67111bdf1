"""Places of lists, and what a profile's ids become with them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import Mandate
from filterd.model.rule import NameRule, Scope
from filterd.model.slot import Slot
from filterd.model.verdict import Kind
from filterd.policy.classes import (
    FIRST_FREE_BIT,
    FIXED,
    Classes,
    ClassesError,
    ListClass,
    assign,
    from_meta,
)
from filterd.policy.documents import (
    AllowedGroup,
    Bypass,
    Feed,
    Format,
    MandatoryTerms,
    Policies,
    Profile,
    Protected,
    SafeSearch,
    Service,
    Text,
)
from filterd.policy.policy_book import NO_POLICY, PolicyBook
from filterd.policy.published import (
    active_set,
    mandate_from_meta,
    mandate_to_meta,
    next_beginning,
    next_change,
)
from filterd.policy.resolve import ProfileRules, resolve, rules_of, to_meta
from filterd.policy.resolve import from_meta as profile_from_meta
from filterd.policy.schedule import UnknownZoneError
from filterd.policy.snapshot_layout import CLASS_BITS
from filterd.policy.special_names import LOCALHOST, RESOLVER_ARPA, REVERSE_ZONES, SPECIAL_USE_NAMES, rules

TEXT = Text("texto", "text")
NAMES = (NameRule("x.example", Scope.SUBTREE),)


def feed(name: str, **use: Any) -> Feed:
    return Feed(name, f"lists/{name}", Format.DOMAINS, Scope.SUBTREE, **use)


POLICIES = Policies(
    feeds=(
        feed("z-adult", category="adult"),
        feed("a-adult", category="adult"),
        feed("games", category="games"),
        feed("order-list", mandatory=MandatoryTerms("authority", "ground")),
        feed("adopted", mandatory=MandatoryTerms("authority", "ground", confidential=True)),
        feed("malware", security=True),
    ),
    services=(Service("video", TEXT, NAMES), Service("chat", TEXT, NAMES)),
    safe_search=(SafeSearch("engine", "engine", TEXT, "safe.example", NAMES),),
    bypass=(Bypass("doh", TEXT, NAMES),),
)


def test_places_do_not_depend_on_the_order_of_the_documents() -> None:
    turned = replace(POLICIES, feeds=POLICIES.feeds[::-1], services=POLICIES.services[::-1])
    classes = assign(POLICIES)
    assert assign(turned) == classes
    placed = [(entry.kind, entry.id, entry.number) for entry in classes.lists[len(FIXED) :]]
    assert placed == [
        (Kind.CATEGORY, "a-adult", FIRST_FREE_BIT),
        (Kind.CATEGORY, "games", FIRST_FREE_BIT + 1),
        (Kind.CATEGORY, "z-adult", FIRST_FREE_BIT + 2),
        (Kind.SECURITY, "malware", FIRST_FREE_BIT + 3),
        (Kind.SERVICE, "chat", FIRST_FREE_BIT + 4),
        (Kind.SERVICE, "video", FIRST_FREE_BIT + 5),
        (Kind.SAFE_SEARCH, "engine", FIRST_FREE_BIT + 6),
        (Kind.BYPASS, "doh", FIRST_FREE_BIT + 7),
        (None, "adopted", 0),
        (None, "order-list", 1),
    ]


def test_observed_lists_stand_together_and_fill_no_category() -> None:
    feeds = tuple(replace(each, observe=each.mandatory is None) for each in POLICIES.feeds)
    classes = assign(replace(POLICIES, feeds=feeds))
    assert classes.observed() == (FIRST_FREE_BIT + 4, 4)
    assert classes.mask(Kind.CATEGORY) == classes.mask(Kind.SECURITY) == 0
    assert classes.category_mask(["adult"]) == 0
    assert from_meta(classes.to_meta()) == classes
    many = tuple(replace(feeds[0], id=f"f{n}") for n in range(65))
    with pytest.raises(ClassesError, match="observed lists: 65, with room for 64"):
        assign(Policies(feeds=many))
    apart = (ListClass("one", Kind.OBSERVED, 20), ListClass("two", Kind.OBSERVED, 22))
    with pytest.raises(ClassesError, match="follow one another"):
        Classes((*FIXED, *apart))


def test_masks_and_places() -> None:
    classes = assign(POLICIES)
    assert classes.category_mask(["adult"]) == 0b101 << FIRST_FREE_BIT
    assert classes.category_mask(["nothing"]) == 0
    assert classes.mask_of(Kind.SERVICE, ["video", "engine"]) == 1 << FIRST_FREE_BIT + 5
    assert classes.mask(Kind.LOCAL) == 0b11
    assert classes.targets() == {FIRST_FREE_BIT + 6: "safe.example"}
    found = classes.find(None, "adopted")
    assert found is not None
    assert found.mask == 0
    assert classes.find(Kind.CATEGORY, "adopted") is None
    assert classes.of_bit(0) == FIXED[0]
    assert classes.of_bit(400) is None


def test_the_meta_says_it_all() -> None:
    classes = assign(POLICIES)
    assert from_meta(json.loads(json.dumps(classes.to_meta()))) == classes


def test_there_is_only_so_much_room() -> None:
    services = tuple(Service(f"s{n}", TEXT, NAMES) for n in range(CLASS_BITS - FIRST_FREE_BIT + 1))
    with pytest.raises(ClassesError, match="505, with room for 504"):
        assign(Policies(services=services))
    assert len(assign(Policies(services=services[1:])).lists) == len(FIXED) + 504
    mandatory = tuple(feed(f"m{n}", mandatory=MandatoryTerms("a", "g")) for n in range(257))
    with pytest.raises(ClassesError, match="mandatory lists: 257"):
        assign(Policies(feeds=mandatory))
    with pytest.raises(ClassesError, match="same place"):
        Classes((*FIXED, ListClass("other", Kind.CATEGORY, 0, "adult")))


NIGHT = Slot((0, 1, 2, 3, 4, 5, 6), 21 * 60, 7 * 60, everything=True)
MORNING = Slot((0, 1, 2, 3, 4, 5, 6), 8 * 60, 13 * 60, categories=("games",))
CHILD = Profile(
    "child",
    TEXT,
    TEXT,
    TEXT,
    categories=("adult",),
    services=("chat",),
    safe_search=("engine",),
    bypass=("doh",),
    blocking_mode=BlockingMode.SINKHOLE,
    schedule=(NIGHT, MORNING),
)
NOON_UTC = 1_800_014_400 - 1_800_014_400 % 86400 + 12 * 3600


def test_a_profile_at_a_moment() -> None:
    classes, child = assign(POLICIES), rules_of(CHILD)
    assert profile_from_meta("child", json.loads(json.dumps(to_meta(child)))) == child
    noon = resolve(child, classes, "UTC", NOON_UTC)
    assert noon.categories == 0b101 << FIRST_FREE_BIT
    assert noon.schedule == 0b10 << FIRST_FREE_BIT
    assert (noon.services, noon.safe_search, noon.bypass) == tuple(1 << FIRST_FREE_BIT + n for n in (4, 6, 7))
    assert not noon.schedule_all
    assert noon.next_boundary == NOON_UTC + 3600
    assert noon.mode is BlockingMode.SINKHOLE
    tokyo = resolve(child, classes, "Asia/Tokyo", NOON_UTC)
    assert (tokyo.schedule, tokyo.schedule_all, tokyo.next_boundary) == (0, True, NOON_UTC + 10 * 3600)


GROUPED = replace(
    POLICIES,
    protected=Protected(
        public_suffixes=True,
        groups=(AllowedGroup("messaging", TEXT, NAMES), AllowedGroup("banks", TEXT, NAMES)),
    ),
)


@pytest.mark.parametrize(
    ("leaves", "open_groups"), [(None, {"messaging", "banks"}), (("banks",), {"banks"}), ((), set())]
)
def test_the_groups_that_a_night_leaves_open(leaves: tuple[str, ...] | None, open_groups: set[str]) -> None:
    classes = from_meta(json.loads(json.dumps(assign(GROUPED).to_meta())))
    night = Profile("night", TEXT, TEXT, TEXT, schedule=(replace(NIGHT, leaves=leaves),))
    rules = profile_from_meta("night", json.loads(json.dumps(to_meta(rules_of(night)))))
    bits = {entry.id: entry.mask for entry in classes.lists if entry.kind is Kind.ALWAYS_ALLOWED}
    wanted = bits["always-allowed"] | sum(bits[each] for each in open_groups)
    found = resolve(rules, classes, "UTC", NOON_UTC + 12 * 3600)
    assert (found.schedule_all, found.always) == (True, wanted)


def test_a_slot_adds_services() -> None:
    classes = assign(GROUPED)
    child = replace(CHILD, schedule=(replace(MORNING, services=("video",)),))
    rules = profile_from_meta("child", json.loads(json.dumps(to_meta(rules_of(child)))))
    video = classes.mask_of(Kind.SERVICE, ["video"])
    assert video and resolve(rules, classes, "UTC", NOON_UTC).schedule == 0b10 << FIRST_FREE_BIT | video


def test_a_snapshot_of_an_earlier_version_has_neither_groups_nor_services() -> None:
    """Its night leaves open what it always left open."""
    meta = json.loads(json.dumps(to_meta(rules_of(CHILD))))
    for slot in meta["schedule"]:
        del slot["leaves"], slot["services"]
    del meta["strip_ech"]
    rules = profile_from_meta("child", meta)
    assert rules == rules_of(CHILD)
    for classes in (assign(POLICIES), assign(GROUPED)):
        tokyo = resolve(rules, classes, "Asia/Tokyo", NOON_UTC)
        assert (tokyo.schedule_all, tokyo.always) == (True, classes.mask(Kind.ALWAYS_ALLOWED))


def test_a_policy_keeps_its_index() -> None:
    meta = {
        "profiles": {"child": to_meta(rules_of(CHILD)), "teen": to_meta(ProfileRules("teen", ("games",)))}
    }
    classes = assign(POLICIES)
    book = PolicyBook.of_meta(meta, classes)
    assert book.index("", "UTC") == NO_POLICY
    assert [book.index(*key) for key in (("child", "UTC"), ("teen", "UTC"), ("child", "Asia/Tokyo"))] == [
        1,
        2,
        3,
    ]
    assert book.index("teen", "UTC") == 2
    first = book.at(NOON_UTC)
    assert [policy.profile for policy in first] == ["", "child", "teen", "child"]
    assert first[1] == resolve(rules_of(CHILD), classes, "UTC", NOON_UTC)
    assert book.missing() == ()
    book.renew({"profiles": {"child": to_meta(rules_of(CHILD))}}, assign(replace(POLICIES, feeds=())))
    assert book.missing() == ("teen",)
    second = book.at(NOON_UTC)
    assert [policy.zone for policy in second] == ["UTC", "UTC", "UTC", "Asia/Tokyo"]
    assert second[2].categories == second[1].categories == 0
    with pytest.raises(UnknownZoneError):
        book.index("child", "Mars/Olympus")


def test_mandates_by_time() -> None:
    mandates = [
        Mandate(1, "a", mode=BlockingMode.SINKHOLE, not_before=100),
        Mandate(3, "b", mode=BlockingMode.NODATA, not_after=200, confidential=True),
        Mandate(4, "c", not_before=50, not_after=60, withdrawn=True),
    ]
    assert active_set(mandates, 99) == bytes([0b1001, 0b10110, 0b1001, 0b1011, 0b0])
    assert active_set(mandates, 200) == bytes([0b1001, 0b111, 0b1001, 0b1010, 0b0])
    assert active_set([], 0) == b""
    assert [next_beginning(mandates, now) for now in (0, 99, 100)] == [100, 100, 0]
    assert [next_change(mandates, now) for now in (0, 100, 200)] == [100, 200, 0]
    for mandate in mandates:
        assert mandate_from_meta(json.loads(json.dumps(mandate_to_meta(mandate)))) == mandate


def test_a_pending_mandate_is_coming_until_it_is_over_and_never_in_force() -> None:
    pending = Mandate(0, "a", not_before=100, not_after=200, pending=True)
    assert [active_set([pending], now) for now in (0, 150)] == [b"\x10"] * 2
    assert active_set([pending], 200) == active_set([replace(pending, withdrawn=True)], 0) == b"\0"
    assert [next_beginning([pending], now) for now in (0, 150)] == [100, 0]
    assert mandate_from_meta(mandate_to_meta(pending)) == pending
    assert "pending" not in mandate_to_meta(replace(pending, pending=False)), (
        "a version before knows no such key"
    )


def test_special_names() -> None:
    every = (*LOCALHOST, *RESOLVER_ARPA, *SPECIAL_USE_NAMES, *REVERSE_ZONES)
    assert len(set(every)) == len(every)
    assert all(name == name.lower().strip(".") for name in every)
    assert {"10.in-addr.arpa", "31.172.in-addr.arpa", "127.100.in-addr.arpa", "d.f.ip6.arpa"} <= set(every)
    assert "32.172.in-addr.arpa" not in every
    assert "ipv4only.arpa" not in every
    assert sorted(name.count(".") for name in REVERSE_ZONES if ".ip6." in name)[-2:] == [33, 33]
    assert rules(LOCALHOST) == (NameRule("localhost", Scope.SUBTREE),)

"""The native table of policies against the plain values that it is made of."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.model.blocking_mode import BlockingMode
from filterd.policy.decide import PublishedState
from filterd.policy.policy_table import PolicyTable
from filterd.policy.resolve import ResolvedPolicy
from tests.worlds.examples import examples
from tests.worlds.policy import KEY, NOW, World
from tests.worlds.policy_strategies import CLASSES

FEW = 1024
"""masks of a pool that is never made anew"""
masks = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, (1 << 512) - 1))
policies = st.builds(
    ResolvedPolicy,
    profile=st.sampled_from(["", "children", "teenagers"]),
    zone=st.sampled_from(["UTC", "America/Mexico_City"]),
    categories=masks,
    services=masks,
    safe_search=masks,
    bypass=masks,
    schedule=masks,
    schedule_all=st.booleans(),
    always=masks,
    strip_ech=st.booleans(),
    mode=st.sampled_from(BlockingMode),
    next_boundary=st.integers(0, 1 << 40),
)
moments = st.tuples(masks, st.booleans(), masks, st.integers(0, 1 << 40))
Change = tuple[dict[int, ResolvedPolicy], dict[int, tuple[int, bool, int, int]]]
changes = st.tuples(
    st.dictionaries(st.integers(0, 9), policies, max_size=4),
    st.dictionaries(st.integers(0, 9), moments, max_size=4),
)


@settings(max_examples=examples(67), deadline=None)
@given(st.lists(policies, min_size=1, max_size=6), st.lists(changes, max_size=6))
def test_each_table_is_the_one_before_with_its_changes(
    first: list[ResolvedPolicy], steps: list[Change]
) -> None:
    table = PolicyTable.of(first)
    plain = dict(enumerate(first))
    made = [(table, list(first))]
    for whole, moved in steps:
        for index, policy in whole.items():
            plain[min(index, len(plain))] = policy
        times = {index: each for index, each in moved.items() if index < len(plain)}
        replaced = {
            index: plain[index] for index in plain if plain[index] not in made[-1][1][index : index + 1]
        }
        for index, (schedule, everything, always, boundary) in times.items():
            changed = replace(plain[index], schedule=schedule, schedule_all=everything, always=always)
            plain[index] = replace(changed, next_boundary=boundary)
        given_moments = [(index, *each) for index, each in times.items()]
        table = table.with_changes(len(plain), replaced.items(), given_moments)
        made.append((table, list(plain.values())))
    for each, wanted in made:
        assert list(each) == wanted
        assert len(each) == len(wanted)
        assert each[-1] == wanted[-1]
        assert each[1:] == tuple(wanted[1:])


def test_an_index_that_is_not_there() -> None:
    table = PolicyTable.of([ResolvedPolicy()])
    for index in (1, -2):
        with pytest.raises(IndexError, match="no policy"):
            table[index]
    with pytest.raises(IndexError, match="no policy 1 among 1"):
        table.with_changes(1, [], [(1, 0, False, 0, 0)])
    with pytest.raises(IndexError, match="no policy 5 among 3"):
        table.with_changes(3, [(5, ResolvedPolicy())])
    for given_policies, given_moments in ([(2, ResolvedPolicy())], []), ([], [(1, 0, False, 0, 0)]):
        with pytest.raises(ValueError, match="a new policy is missing"):
            table.with_changes(3, given_policies, given_moments)
    with pytest.raises(OverflowError):
        PolicyTable.of([ResolvedPolicy(categories=1 << 512)])
    assert list(table) == [ResolvedPolicy()]


def test_equal_masks_are_kept_once_and_unused_ones_go() -> None:
    table = PolicyTable.of([ResolvedPolicy(categories=1 << number % 5) for number in range(1000)])
    assert table.masks < 10
    shared = PolicyTable.of([ResolvedPolicy()])
    first, most = shared, 0
    for number in range(3 * FEW):
        shared = shared.with_changes(1, [(0, ResolvedPolicy(services=number, bypass=number << 100))])
        most = max(most, shared.masks)
    assert most <= FEW + 3
    assert shared[0] == ResolvedPolicy(services=number, bypass=number << 100)
    assert first[0] == ResolvedPolicy()


def test_a_pool_that_is_used_stays() -> None:
    count = 3 * FEW
    table = PolicyTable.of([ResolvedPolicy(services=number + 1) for number in range(count)])
    before = table.masks
    for number in range(50):
        table = table.with_changes(count, [(number, ResolvedPolicy(services=number + 1, bypass=1 << 300))])
    assert before <= table.masks <= before + 60
    assert [policy.services for policy in table] == [number + 1 for number in range(count)]


class Thing:
    """A thing that a table keeps."""


def test_what_a_table_keeps_goes_with_the_last_state_that_has_it() -> None:
    table = PolicyTable.of([ResolvedPolicy()])
    thing = Thing()
    watched = weakref.ref(thing)
    table.keep_until_gone(thing)
    del thing
    world = World(CLASSES).native
    state = PublishedState(world.snapshot, KEY, now=NOW, policies=table)
    later = state.evolve(NOW + 1)
    assert later.policies is table is state.policies, "a state that evolves copies no policy"
    later = later.evolve(NOW + 2, policies=table.with_changes(1, [], [(0, 1, False, 0, 0)]))
    del table
    gc.collect()
    assert watched() is not None
    del state
    gc.collect()
    assert watched() is None
    assert later.policies[0].schedule == 1


def test_the_next_change_is_the_first_boundary_that_is_ahead() -> None:
    boundaries = (0, NOW - 1, NOW + 50, NOW + 20, NOW)
    table = PolicyTable.of([ResolvedPolicy(next_boundary=each) for each in boundaries])
    snapshot = World(CLASSES).native.snapshot

    def change(now: int) -> int:
        return PublishedState(snapshot, KEY, now=now, policies=table).next_change

    asked = [NOW, NOW + 19, NOW + 20, NOW + 49, NOW + 50, NOW - 5, NOW - 1, NOW]
    assert [change(now) - NOW for now in asked] == [20, 20, 50, 50, -NOW, -1, 0, 20]

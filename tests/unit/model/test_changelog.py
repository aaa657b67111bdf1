"""What is written to the change log is what a node reads back, and nothing else is read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.model.blocking_mode import BlockingMode
from filterd.model.changelog import (
    MANDATORY,
    BindingChange,
    BindingRemoved,
    Change,
    ChangeError,
    LiftingChange,
    LineChange,
    LineRemoved,
    OrderChange,
    decode,
    encode,
)
from filterd.model.lifting import LiftingKind
from filterd.model.line import LineChoices, OwnName
from filterd.model.rule import Action, Scope
from filterd.model.sealed_entries import Fingerprints

numbers = st.integers(min_value=0, max_value=2**53)
names = st.text(alphabet="abc.-_", min_size=1, max_size=20)
prefixes = st.sampled_from(["192.0.2.0/24", "127.0.0.2/32", "2001:db8::/56"])
fingerprints = st.builds(
    Fingerprints,
    names,
    st.lists(st.tuples(st.binary(min_size=16, max_size=16), st.sampled_from(Scope)), max_size=3).map(tuple),
    st.lists(st.just((bytes(16), 4, 24)), max_size=2).map(tuple),
)
orders = st.builds(
    OrderChange,
    id=numbers,
    reference=names,
    names=st.lists(st.tuples(names, st.sampled_from(Scope)), max_size=3).map(tuple),
    addresses=st.lists(prefixes, max_size=2).map(tuple),
    mode=st.sampled_from(BlockingMode),
    not_before=numbers,
    not_after=numbers,
    withdrawn=st.booleans(),
    confidential=st.booleans(),
    accepted_at=st.floats(min_value=0, max_value=1e10),
    pending=st.booleans(),
    fingerprints=st.none() | fingerprints,
).filter(lambda order: not (order.withdrawn and order.pending))
own_names = st.builds(OwnName, names, st.sampled_from([Action.BLOCK, Action.ALLOW]), st.sampled_from(Scope))
lines = st.builds(
    LineChoices,
    line=numbers,
    opted_in=st.booleans(),
    profile=names,
    zone=names,
    paused_until=numbers,
    security_left=st.booleans(),
    own_names=st.lists(own_names, max_size=3).map(tuple),
)
liftings = st.builds(
    LiftingChange,
    number=numbers,
    kind=st.sampled_from(LiftingKind),
    made_at=numbers,
    until=numbers,
    name=names,
    scope=st.sampled_from(Scope),
    ended=st.booleans(),
)
changes = st.one_of(
    orders,
    liftings,
    lines.map(LineChange),
    numbers.map(LineRemoved),
    st.builds(BindingChange, prefixes, numbers),
    prefixes.map(BindingRemoved),
)


@given(changes)
def test_a_change_is_read_back_as_written(change: Change) -> None:
    _, kind, payload = encode(change)
    assert decode(kind, payload) == change


@given(changes, st.data())
def test_a_change_without_one_of_its_fields_is_refused(change: Change, data: st.DataObject) -> None:
    _, kind, payload = encode(change)
    fields = json.loads(payload)
    needed = fields.keys() - {"pending"}  # which only a pending order has
    del fields[data.draw(st.sampled_from(sorted(needed)))]
    with pytest.raises(ChangeError):
        decode(kind, json.dumps(fields))


@pytest.mark.parametrize("payload", ["", "[]", "7", "null", '{"line": "x"}', '{"line": null}'])
def test_a_malformed_payload_is_refused(payload: str) -> None:
    with pytest.raises(ChangeError):
        decode("line_removed", payload)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ChangeError, match="unknown kind"):
        decode("session", "{}")


def test_the_error_does_not_repeat_what_was_chosen() -> None:
    own = OwnName("secret.example", Action.BLOCK, Scope.SUBTREE)
    _, kind, payload = encode(LineChange(LineChoices(1, own_names=(own,))))
    with pytest.raises(ChangeError) as caught:
        decode(kind, payload.replace('"secret.example",0,1', '"secret.example",9,1'))
    assert "secret" not in str(caught.value)


def test_the_end_of_an_own_name_stands_beside_it_for_versions_that_know_none() -> None:
    own = (OwnName("a.example", Action.ALLOW, until=60), OwnName("b.example", Action.BLOCK))
    change = LineChange(LineChoices(1, own_names=own))
    _, kind, payload = encode(change)
    assert json.loads(payload)["own_names"] == [["a.example", 1, 1], ["b.example", 0, 1]]
    assert json.loads(payload)["own_ends"] == {"a.example": 60}
    assert decode(kind, payload) == change
    assert "own_ends" not in encode(LineChange(LineChoices(1, own_names=own[1:])))[2]


def test_an_order_knows_its_mandate() -> None:
    order = OrderChange(257, "O-1", (("a.example", Scope.EXACT),), not_after=10)
    assert order.mandate.active(9)
    assert not order.mandate.active(10)


def test_an_order_of_which_nothing_is_said_has_no_bounds_and_holds() -> None:
    bare = OrderChange(257, "O-1")
    assert (bare.names, bare.addresses, bare.mode) == ((), (), BlockingMode.NXDOMAIN)
    assert (bare.not_before, bare.not_after, bare.accepted_at) == (0, 0, 0.0)
    assert (bare.withdrawn, bare.confidential, bare.pending) == (False, False, False)


def test_a_version_that_knows_no_pending_orders_takes_one_for_withdrawn() -> None:
    """It would put it in force otherwise, before a second person has approved it."""
    pending = OrderChange(257, "O-1", (("a.example", Scope.EXACT),), pending=True)
    stream, kind, payload = encode(pending)
    assert (stream, kind, json.loads(payload)["withdrawn"]) == (MANDATORY, "order", True)
    assert decode(kind, payload) == pending
    assert not pending.mandate.active(1)
    accepted = encode(replace(pending, pending=False))[2]
    assert "pending" not in json.loads(accepted)
    withdrawn = encode(replace(pending, withdrawn=True))[2]
    assert decode(kind, withdrawn) == replace(pending, withdrawn=True, pending=False)

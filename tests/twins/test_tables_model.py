"""The native tables against plain models, operation by operation."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses, network
from filterd.dataplane.tables.lines import Lines, LineView
from filterd.model.rule import Action, Scope
from filterd.policy.decide import LineHandle
from tests.worlds.examples import examples

SEED = bytes(range(16))
FEW = settings(max_examples=examples(13), stateful_step_count=60, deadline=None)

# Few distinct bits, so that prefixes overlap and are met again.
OCTETS4 = st.integers(0, 7).map(lambda bits: bytes([10, bits & 1, bits & 2, bits & 4 and 0x81]))
MAPPED = OCTETS4.map(lambda octets: bytes(10) + b"\xff\xff" + octets)
OCTETS6 = st.integers(0, 15).map(lambda bits: bytes([0x20, 1, bits, bits * 17]) * 4)
ADDRESSES = st.one_of(OCTETS4, MAPPED, OCTETS6)


@st.composite
def prefixes(draw: st.DrawFn) -> tuple[bytes, int]:
    octets = draw(ADDRESSES)
    width = len(octets) * 8
    length = draw(st.one_of(st.sampled_from([0, width // 2, 24, width - 1, width]), st.integers(0, width)))
    masked = int.from_bytes(octets) >> (width - length) << (width - length)
    return masked.to_bytes(len(octets)), length


class AddressMachine(RuleBasedStateMachine):
    """Set, remove, find, dump and load."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Addresses(SEED)
        self.model = ReferenceAddresses()

    @rule(prefix=prefixes(), line=st.integers(0, 2**64 - 1))
    def put(self, prefix: tuple[bytes, int], line: int) -> None:
        key = network(*prefix)
        assert self.table.set(*prefix, line) == (key not in self.model.values)
        self.model.values[key] = line

    @rule(prefix=prefixes())
    def take(self, prefix: tuple[bytes, int]) -> None:
        assert self.table.remove(*prefix) == (self.model.values.pop(network(*prefix), None) is not None)

    @rule(address=ADDRESSES)
    def find(self, address: bytes) -> None:
        assert self.table.find(address) == self.model.find(address)

    @rule(prefix=prefixes())
    def get(self, prefix: tuple[bytes, int]) -> None:
        assert self.table.get(*prefix) == self.model.values.get(network(*prefix))

    @rule()
    def reload(self) -> None:
        self.table = Addresses.load(self.table.dump())

    @invariant()
    def same_content(self) -> None:
        assert {network(a, length): line for a, length, line in self.table.items()} == self.model.values
        assert len(self.table) == len(self.model.values)


class CrowdedAddressMachine(RuleBasedStateMachine):
    """Many neighbours come and go, so that runs grow, shift and close again."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Addresses(SEED)
        self.model: dict[bytes, int] = {}

    @rule(first=st.integers(0, 500), count=st.integers(1, 200))
    def come(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            self.table.set(number.to_bytes(4), 32, number)
            self.model[number.to_bytes(4)] = number

    @rule(first=st.integers(0, 700), count=st.integers(1, 200), step=st.integers(1, 3))
    def go(self, first: int, count: int, step: int) -> None:
        for number in range(first, first + count, step):
            key = number.to_bytes(4)
            assert self.table.remove(key, 32) == (self.model.pop(key, None) is not None)

    @invariant()
    def all_found(self) -> None:
        assert {number: self.table.find(number.to_bytes(4)) for number in range(900)} == {
            number: self.model.get(number.to_bytes(4)) for number in range(900)
        }


OWN = st.lists(
    st.tuples(
        st.binary(min_size=16, max_size=16),
        st.sampled_from([Action.BLOCK, Action.ALLOW]),
        st.sampled_from((Scope.EXACT, Scope.SUBTREE)),
    ),
    max_size=5,
)


class LineMachine(RuleBasedStateMachine):
    """Upsert, remove, find, dump and load; numbers few enough to be met again and to crowd the index."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = Lines(SEED)
        self.model: dict[int, LineView] = {}

    @rule(
        number=st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1)),
        policy=st.integers(0, 2**32 - 1),
        paused=st.integers(-(2**63), 2**63 - 1),
        opted_in=st.booleans(),
        left=st.booleans(),
        own=OWN,
    )
    def put(
        self,
        number: int,
        policy: int,
        paused: int,
        opted_in: bool,
        left: bool,
        own: list[tuple[bytes, Action, Scope]],
    ) -> None:
        handle = LineHandle(
            number, policy=policy, paused_until=paused, opted_in=opted_in, security_left=left, own_names=own
        )
        assert self.lines.upsert(handle) == (number not in self.model)
        kept = self.lines.find(number)
        assert kept is not None
        assert kept[:5] == (number, policy, paused, opted_in, left)
        assert len(kept.own) == 16 * len(own)
        self.model[number] = kept

    @rule(number=st.integers(0, 40))
    def take(self, number: int) -> None:
        assert self.lines.remove(number) == (self.model.pop(number, None) is not None)

    @rule(first=st.integers(0, 60), count=st.integers(1, 60))
    def come_many(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            self.lines.upsert(LineHandle(number))
            self.model[number] = LineView(number, 0, 0, False, False, b"")

    @rule(first=st.integers(0, 120), count=st.integers(1, 60), step=st.integers(1, 3))
    def go_many(self, first: int, count: int, step: int) -> None:
        for number in range(first, first + count, step):
            assert self.lines.remove(number) == (self.model.pop(number, None) is not None)

    @rule()
    def reload(self) -> None:
        self.lines = Lines.load(self.lines.dump())

    @invariant()
    def same_content(self) -> None:
        assert {number: self.lines.find(number) for number in self.lines.numbers()} == self.model
        assert len(self.lines) == len(self.model)
        assert self.lines.find(12345) is None or 12345 in self.model


TestAddresses = AddressMachine.TestCase
TestAddresses.settings = FEW
TestCrowdedAddresses = CrowdedAddressMachine.TestCase
TestCrowdedAddresses.settings = settings(max_examples=examples(10), stateful_step_count=15, deadline=None)
TestLines = LineMachine.TestCase
TestLines.settings = FEW

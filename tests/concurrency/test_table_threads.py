"""Threads without the GIL on tables that one writer changes at full speed: each read was whole at some time.

``read_beside`` reads as the fast path does, a batch of clients between two passes. What it finds of a client
must be one of the few things that the writer ever says of it; own names, copied some time after their line,
must be that line's.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.epoch import Reader, collect, waiting
from filterd.dataplane.tables.lines import Lines, LineView, read_beside
from filterd.model.rule import Action, Scope
from filterd.policy.decide import LineHandle

pytestmark = pytest.mark.usefixtures("fast_switching", "nothing_is_kept")
SEED = bytes(range(16))
FIRST_LINES = 64
READS = 60
"""calls by each reader, and more as long as the writer has not done its part"""
CLIENTS = 25_000
"""looked for in each call, fewer where much changes"""
TURNS = 3000
CROWD = 1500
READERS = 2
VARIANTS = 6


def handle(number: int, variant: int) -> LineHandle:
    """What the writer says of a line in this variant: every field differs from the other variants'."""
    own = [
        (
            bytes([16 * variant + place, number & 255]) * 8,
            (Action.BLOCK, Action.ALLOW)[place & 1],
            Scope.SUBTREE,
        )
        for place in range(variant)
    ]
    return LineHandle(
        number,
        policy=1000 * variant,
        paused_until=variant << 33,
        opted_in=variant % 2 == 0,
        security_left=variant % 3 == 0,
        own_names=own,
    )


def view(number: int, variant: int) -> LineView:
    """The same as a reader sees it."""
    lines = Lines(SEED)
    lines.upsert(handle(number, variant))
    found = lines.find(number)
    assert found is not None
    return found


def client(number: int) -> bytes:
    """An IPv4 address."""
    return bytes(10) + b"\xff\xff\x0a\x00" + number.to_bytes(2)


@dataclass
class World:
    """Both tables, what may be found of each client, and the readers' threads."""

    lines: Lines = field(default_factory=lambda: Lines(SEED))
    addresses: Addresses = field(default_factory=lambda: Addresses(SEED))
    possible: dict[bytes, set[LineView | None]] = field(default_factory=dict)
    to_read: list[int] = field(default_factory=lambda: [READS] * READERS)
    seen: dict[bytes, set[LineView | None]] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)

    def expect(self, number: int, *more: int | None, gone: bool = False) -> None:
        """This client is found as any variant of its line or of those in ``more``; or not at all."""
        numbers = (number, *(each for each in more if each is not None))
        found: set[LineView | None] = {view(each, variant) for each in numbers for variant in range(VARIANTS)}
        self.possible[client(number)] = found | ({None} if gone else set())
        self.seen[client(number)] = set()

    def read(self, place: int, written: threading.Event) -> None:
        """Clients in a fresh order, so that what a thread reads next is not what it has just read."""
        clients = random.Random(place).sample(list(self.possible), len(self.possible))
        while self.to_read[place] > 0 or not written.is_set():
            found = read_beside(self.addresses, self.lines, b"".join(clients), CLIENTS // len(clients))
            self.to_read[place] -= 1
            for at, line in found:
                assert line in self.possible[clients[at]]
                self.seen[clients[at]].add(line)
            if self.errors:
                return

    def run(self, write: Callable[[], None], enough: Callable[[], bool] = lambda: True) -> None:
        """Repeat ``write`` beside the readers until all have had enough; raise the first error of any."""
        written = threading.Event()

        def guarded(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as error:
                self.errors.append(error)

        threads = [
            threading.Thread(target=guarded, args=(lambda place=place: self.read(place, written),))
            for place in range(READERS)
        ]
        for thread in threads:
            thread.start()
        while not self.errors and (any(left > 0 for left in self.to_read) or not enough()):
            guarded(write)
        written.set()
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]


def test_lines_that_change_are_read_whole() -> None:
    """All fields change at once, own names with them, whose old array is freed while readers are about."""
    world = World()
    for number in range(FIRST_LINES):
        world.lines.upsert(handle(number, 0))
        world.addresses.set(client(number), 128, number)
        world.expect(number)
    variants = {
        (number, variant): handle(number, variant)
        for number in range(FIRST_LINES)
        for variant in range(VARIANTS)
    }
    chance = random.Random(1)

    def write() -> None:
        for _ in range(200):
            world.lines.upsert(variants[chance.randrange(FIRST_LINES), chance.randrange(VARIANTS)])

    world.run(write, lambda: all(len(seen) == VARIANTS for seen in world.seen.values()))


def test_lines_come_and_go() -> None:
    """The index shifts and grows, places are used again; lines that stay are found all the time."""
    world = World()
    for number in range(FIRST_LINES):
        world.addresses.set(client(number), 128, number)
        if number % 2:
            world.lines.upsert(handle(number, number % VARIANTS))
        world.expect(number, gone=number % 2 == 0)
    chance = random.Random(2)
    moves = 0

    def write() -> None:
        nonlocal moves
        start = chance.randrange(100, 60_000)
        for number in [*range(0, FIRST_LINES, 2), *range(start, start + chance.randrange(CROWD))]:
            world.lines.upsert(handle(number, number % VARIANTS))
        gone = [number for number in world.lines.numbers() if number % 2 == 0 or number >= FIRST_LINES]
        for number in chance.sample(gone, len(gone) * 2 // 3):
            world.lines.remove(number)
        moves += 1

    def enough() -> bool:
        """A busy machine may let no reader see a line that is gone for only a moment: 1,000 moves at most."""
        every = all(len(world.seen[client(number)]) == 2 for number in range(0, FIRST_LINES, 2))
        return moves >= 1000 or (moves >= 10 and every)

    world.run(write, enough)
    found = [world.seen[client(number)] for number in range(FIRST_LINES)]
    assert all(len(seen) == 1 for seen in found[1::2])
    assert all(len(seen) == 2 for seen in found[::2])


def test_addresses_shift() -> None:
    """A small table, four fifths full: each that comes or goes moves some of those that stay."""
    world = World()
    for number in range(40):
        world.lines.upsert(handle(number, number % VARIANTS))
        world.addresses.set(client(number), 128, number)
        world.expect(number)
    guests = [client(number) for number in range(1000, 1030)]
    chance = random.Random(4)
    turns = 0

    def write() -> None:
        nonlocal turns
        turns += 1
        for address in guests:
            world.addresses.set(address, 128, 0)
        chance.shuffle(guests)
        for address in guests:
            world.addresses.remove(address, 128)

    world.run(write, lambda: turns >= TURNS)


def test_addresses_grow() -> None:
    """Neighbours come and go around addresses that stay; lengths come in use and go out of it."""
    world = World()
    for number in range(FIRST_LINES):
        world.lines.upsert(handle(number, number % VARIANTS))
        world.addresses.set(client(number), 128, number)
        world.expect(number)
    for number in range(FIRST_LINES, 2 * FIRST_LINES):  # covered now and then
        world.expect(number, 0, gone=True)
    chance = random.Random(3)
    turns = 0

    def write() -> None:
        nonlocal turns
        start = chance.randrange(1000, 60_000)
        length = chance.choice([97, 110, 112])
        prefix = (int.from_bytes(client(0)) >> 128 - length << 128 - length).to_bytes(16)
        world.addresses.set(prefix, length, 0)
        present = [client(number) for number in range(start, start + chance.randrange(CROWD))]
        for address in present:
            world.addresses.set(address, 128, 0)
        world.addresses.remove(prefix, length)
        chance.shuffle(present)
        for address in present[: len(present) * 2 // 3]:
            world.addresses.remove(address, 128)
        turns += 1

    world.run(write, lambda: turns >= 10)
    for number in range(FIRST_LINES):
        assert world.seen[client(number)] == {view(number, number % VARIANTS)}
    assert any(len(world.seen[client(number)]) == 2 for number in range(FIRST_LINES, 2 * FIRST_LINES))


def test_an_address_that_goes_over_to_another_line_is_never_nobodys() -> None:
    """The new line is there first, the old one is removed last: in between somebody always stands behind."""
    world = World()
    for number in range(8):
        world.lines.upsert(handle(number, 1))
        world.addresses.set(client(number), 128, number)
        world.expect(number, number + 100)
    turn = turns = 0

    def write() -> None:
        nonlocal turn, turns
        turns += 1
        turn ^= 100
        for number in range(8):
            world.lines.upsert(handle(number + turn, 1))
            world.addresses.set(client(number), 128, number + turn)
            world.lines.remove(number + 100 - turn)

    world.run(write, lambda: turns >= TURNS and all(len(seen) == 2 for seen in world.seen.values()))


def test_a_parked_reader_holds_back_own_names_and_arrays() -> None:
    world = World()
    reader = Reader()
    reader.awake()
    for number in range(3):
        world.lines.upsert(handle(number, 3))
        world.addresses.set(client(number), 128, number)
    assert waiting() == 0
    world.lines.upsert(handle(0, 2))  # replaced
    assert waiting() == 1
    world.lines.upsert(handle(0, 0))  # none any more
    world.lines.upsert(handle(0, 0))
    assert waiting() == 2
    world.lines.remove(1)
    assert waiting() == 3
    for number in range(100, 120):
        world.lines.upsert(handle(number, 0))
    assert waiting() == 4  # the index grew
    for number in range(100, 120):
        world.addresses.set(client(number), 128, number)
    assert waiting() > 4
    reader.pass_on()
    assert collect() == 0


def test_each_call_of_the_writer_leaves_the_tables_whole() -> None:
    """Whoever holds the GIL finds no change half done: nothing is ever too busy to be read."""
    world = World()
    for number in range(300):
        world.lines.upsert(handle(number, number % VARIANTS))
        world.addresses.set(client(number), 128, number)
        assert read_beside(world.addresses, world.lines, client(number))[0][1] == world.lines.find(number)
        if number % 3:
            world.lines.remove(number)
            assert read_beside(world.addresses, world.lines, client(number)) == [(0, None)]


def test_who_meets_the_writer_each_time_knows_nothing() -> None:
    world = World()
    world.lines.upsert(handle(1, 1))
    world.addresses.set(client(1), 128, 1)
    both = client(1) + client(2)
    for table in (world.lines, world.addresses):
        whole = [(0, view(1, 1)), (1, None)]
        assert read_beside(world.addresses, world.lines, both) == whole
        table.stop_midway(True)
        assert read_beside(world.addresses, world.lines, both) == (whole[1:] if table is world.lines else [])
        table.stop_midway(False)
    assert read_beside(world.addresses, world.lines, both) == whole

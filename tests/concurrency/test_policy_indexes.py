"""Indexes of policies that go from one combination to another while threads answer.

One line is asked about all the time. Whatever it asks for, its profile closes the listed name; what the other
line asks for closes nothing. An index that is given to the other one too soon would open the name.
"""

from __future__ import annotations

import threading

import pytest

from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.nodestate import choices_follower
from filterd.dataplane.nodestate.lines import KnownLines, LineStep
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.epoch import collect
from filterd.model.adjustments import Adjustments, policy_key
from filterd.model.slot import Slot
from filterd.model.verdict import Kind
from filterd.policy.classes import FIXED, Classes, ListClass
from filterd.policy.policy_book import PolicyBook
from filterd.policy.resolve import ProfileRules
from tests.unit.dataplane.conftest import SEED
from tests.worlds.fast import crew, make_packets, query, until
from tests.worlds.policy import NOW, Placed, World
from tests.worlds.rate import wide

pytestmark = pytest.mark.usefixtures("fast_switching", "nothing_is_kept")
LISTED = "listed.example"
CHILD = "127.0.0.8"
ADULT = ListClass("adult", Kind.CATEGORY, 8, category="adult")
CLASSES = Classes((*FIXED, ADULT))
PROFILES = {each.id: each for each in (ProfileRules("children", ("adult",)), ProfileRules("guests"))}
TURNS = 600
PAUSE = 25
"""turns after which all indexes that rest come back"""


def step(line: int, profile: str, turn: int) -> LineStep:
    """The line with a plan that it never had."""
    plan = (Slot((1,), turn, 1440, categories=("nothing",)),)
    return line, 1, policy_key(profile, Adjustments(plan=plan)), "UTC", 0, []


class Network:
    """Two lines whose plans change."""

    def __init__(self) -> None:
        self.book = PolicyBook(PROFILES, CLASSES)
        self.known = KnownLines(self.book)
        self.state = World(CLASSES, (Placed(LISTED, 8),)).native
        self.addresses = Addresses(SEED)
        self.addresses.set(wide(CHILD), 128, 1)
        self.packets = make_packets()
        self.turn(0)

    def turn(self, number: int) -> None:
        """Both lines get another combination, the way in which the node does it."""
        batch = [step(1, "children", number), step(2, "guests", number)]
        self.known.claim_policies(batch)
        self.state = self.state.evolve(NOW, policies=self.book.at(NOW))
        self.publish(self.packets)
        choices_follower.let_readers_pass()
        self.known.apply(batch)

    def publish(self, packets: Plane) -> None:
        packets.publish(self.state, self.known.table, BindingTables(self.addresses), True)


def busy(fast: FastThread) -> int:
    """The queries of a thread that met a row of the table while it was written, and are for the slow path to
    answer: those that it got, and those beyond the share of one client. Nothing else is given up."""
    reasons = []
    while (punted := fast.take()) is not None:
        reasons.append(punted.reason)
    assert set(reasons) <= {PuntReason.BUSY}
    counts = fast.counts()
    return len(reasons) + counts.drops["punts_full"] + counts.drops["punts_unfair"]


def test_an_index_is_given_again_when_nobody_holds_its_line() -> None:
    """A reader of the state from before, which is slow to pass, answers that the line is not ready."""
    network = Network()
    sent = [(query(LISTED), wide(CHILD))] * 4
    ended = threading.Event()
    missed = [0, 0]

    def spin(number: int, fast: FastThread) -> None:
        driver = Driver(fast)
        while not ended.is_set():
            missed[number] += 50 * len(sent) - driver.spin(sent, 50, NOW, 1_000_000)

    with crew(network.packets, 2) as made:
        threads = [threading.Thread(target=spin, args=each) for each in enumerate(made.fast)]
        for thread in threads:
            thread.start()
        for turn in range(1, TURNS):
            network.turn(turn)
            if turn % PAUSE == 0:
                until(lambda: collect() == 0)
        ended.set()
        for thread in threads:
            thread.join()
        given_up = [busy(fast) for fast in made.fast]
    assert missed == given_up, "each query was blocked, or met a row that was being written"
    assert len(network.book) <= 4 * PAUSE, "they were given again"
    assert network.book.combinations <= 4

"""One TCP connection at its limits, over a transport and a path that do what a test says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from filterd.dataplane.listeners import client_connection, connection_table
from filterd.dataplane.listeners.client_connection import MAX_WAITING, TURN, ClientConnection
from filterd.dataplane.listeners.connection_table import ConnectionEnding, ConnectionLimits, ConnectionTable
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane_types import Front
from filterd.dataplane.packet.unwrap import Unwrap, client_bytes
from filterd.dataplane.slow.slowpath import Room, Send
from filterd.dataplane.slow.turns import BUDGET, SLICE, FairTurns
from filterd.dataplane.tables.addresses import Prefixes
from tests.worlds.listener import framed, proxied
from tests.worlds.policy import KEY

CLIENT, FRONT = client_bytes("192.0.2.1"), client_bytes("127.0.0.7")
PORT = 40_000
UNSENT = 1000
MESSAGE = bytes(12)


class FakeTransport(asyncio.Transport):
    """Remembers what is done with it; ``unsent`` is what the client has not read."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.written: list[bytes] = []
        self.unsent = 0
        self.closing = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.done.append(f"limit {high} {low}")

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")


@dataclass
class FakePath:
    """Answers at once with ``reply``, or later where there is none."""

    reply: bytes | None = b"answer"
    counts: AnswerCounts = field(default_factory=AnswerCounts)
    taken: list[tuple[bytes, bytes, int, Front | None]] = field(default_factory=list)
    later: list[asyncio.Future[None]] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    rooms: list[Room] = field(default_factory=list)
    turns: FairTurns = field(default_factory=lambda: FairTurns(lambda: 0.0))

    def take(
        self,
        packet: memoryview,
        client: bytes,
        tcp: bool,
        send: Send,
        front: Front | None,
        room: Room,
        port: int,
    ) -> asyncio.Task[None] | None:
        self.taken.append((bytes(packet), client, port, front))
        if self.reply is not None:
            send(self.reply)
            return None
        self.later.append(asyncio.get_running_loop().create_future())
        self.sends.append(send)
        self.rooms.append(room)
        return cast("asyncio.Task[None]", self.later[-1])


@dataclass
class World:
    """A connection of ``peer`` and all that it touches; the clock stands where a test puts it."""

    path: FakePath = field(default_factory=FakePath)
    transport: FakeTransport = field(default_factory=FakeTransport)
    now: float = 100.0
    unwrap: Unwrap = field(default_factory=lambda: Unwrap(Prefixes(KEY, ["127.0.0.7/32"])))
    buffer: memoryview = field(default_factory=lambda: memoryview(bytearray(65536)))
    connections: ConnectionTable = field(
        default_factory=lambda: ConnectionTable(ConnectionLimits(unsent=UNSENT, idle=10.0, queries=1000))
    )

    def clock(self) -> float:
        return self.now

    def accept(self, peer: bytes = CLIENT) -> ClientConnection:
        made = ClientConnection(self, peer, PORT)
        self.connections.join(made)
        made.connection_made(self.transport)
        return made

    def arrive(self, connection: ClientConnection, data: bytes) -> None:
        """Bytes come from the client."""
        place = connection.get_buffer(-1)
        place[: len(data)] = data
        connection.buffer_updated(len(data))

    async def answer(self, number: int) -> None:
        """A query that waited is answered."""
        self.path.sends[number](b"late")
        self.path.later[number].set_result(None)
        await asyncio.sleep(0)

    def ended(self) -> dict[Any, int]:
        return dict(self.connections.ended)


@pytest.fixture
def world() -> World:
    return World()


async def test_an_answer_goes_out_with_its_length_and_the_client_is_told_of(world: World) -> None:
    connection = world.accept()
    assert world.transport.done[0] == "limit 0 None", "told as soon as the kernel's buffer is full"
    world.arrive(connection, framed(MESSAGE))
    assert world.transport.written == [b"\0\x06answer"]
    assert world.path.taken == [(MESSAGE, CLIENT, PORT, None)]


async def test_an_answer_is_made_only_when_the_one_before_is_with_the_kernel(world: World) -> None:
    """A prompt client whose answers come all at once gets every one: none piles up, and nobody is cut."""
    world.path.reply = None
    connection = world.accept()
    world.arrive(connection, framed(*[MESSAGE] * 3))
    assert world.path.rooms[0]() is None
    world.transport.unsent = UNSENT
    connection.pause_writing()
    second, third = world.path.rooms[1](), world.path.rooms[2]()
    assert second is not None
    assert third is not None
    world.transport.unsent = 0
    connection.resume_writing()
    assert second.result() is True
    assert not third.done(), "one after the other"
    world.arrive(connection, framed(MESSAGE))
    assert len(world.path.taken) == 3, "those that wait for room come before new ones"
    await world.answer(1)
    assert third.result() is True
    await world.answer(2)
    assert len(world.path.taken) == 4
    assert world.ended() == {}


async def test_nothing_is_made_for_a_client_that_is_cut(world: World) -> None:
    world.path.reply = None
    connection = world.accept()
    world.arrive(connection, framed(MESSAGE, MESSAGE))
    connection.pause_writing()
    room = world.path.rooms[0]()
    assert room is not None
    connection.cut(ConnectionEnding.UNREAD)
    assert room.result() is False
    world.transport.closing = True
    assert world.path.rooms[1]() is None, "what is sent now goes nowhere"


async def test_a_client_that_reads_slowly_is_not_one_that_does_not_read(world: World) -> None:
    connection = world.accept()
    world.transport.unsent = 5000
    connection.pause_writing()
    world.now = 109.0
    assert connection.deadline() == (110.0, ConnectionEnding.UNREAD)
    world.transport.unsent = 4000
    assert connection.deadline() == (119.0, ConnectionEnding.UNREAD)
    world.now = 118.0
    assert connection.deadline() == (119.0, ConnectionEnding.UNREAD)


async def test_of_many_that_do_not_read_the_oldest_is_cut(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_table, "MOST_UNREAD", 2)
    connections = []
    for _ in range(3):
        world.transport = FakeTransport()
        connections.append(world.accept())
        connections[-1].pause_writing()
    assert world.ended() == {ConnectionEnding.UNREAD: 1}
    assert list(world.connections) == connections[1:]
    connections[1].resume_writing()
    connections[1].pause_writing()
    world.transport = FakeTransport()
    world.accept().pause_writing()
    assert connections[1] in list(world.connections), "it has read meanwhile"


async def test_expensive_queries_give_way_after_their_slice(world: World) -> None:
    """The clock moves with each query: two of them fill a slice, and the next client comes first."""
    ticks = 0.0

    def clock() -> float:
        nonlocal ticks
        ticks += SLICE / 3
        return ticks

    world.path.turns = FairTurns(clock)
    hog, other = world.accept(), world.accept(client_bytes("192.0.2.2"))
    world.arrive(hog, framed(*[MESSAGE] * 100))
    before = len(world.path.taken)
    assert 1 <= before <= BUDGET / SLICE * 3
    world.arrive(other, framed(MESSAGE))
    for _ in range(3):
        await asyncio.sleep(0)
    asked_by = [client for _, client, _, _ in world.path.taken]
    assert client_bytes("192.0.2.2") in asked_by
    assert asked_by.count(CLIENT) < 100, "it had its answer long before the other was done"
    while len(world.path.taken) < 101:
        await asyncio.sleep(0)


async def test_answers_for_a_client_that_left_go_nowhere(world: World) -> None:
    world.path.reply = None
    connection = world.accept()
    world.arrive(connection, framed(MESSAGE))
    world.transport.closing = True
    await world.answer(0)
    assert world.transport.written == []


async def test_more_than_may_be_unsent_holds_back_until_the_client_reads_on(world: World) -> None:
    connection = world.accept()
    world.now = 105.0
    world.transport.unsent = UNSENT + 1
    connection.pause_writing()
    world.arrive(connection, framed(MESSAGE))
    assert world.path.taken == []
    assert world.transport.done[-1] == "pause"
    assert not world.connections.make_room(), "it is not idle"
    assert connection.deadline() == (110.0, ConnectionEnding.UNREAD)
    world.now = 108.0
    world.transport.unsent = 0
    connection.resume_writing()
    assert len(world.path.taken) == 1
    assert world.transport.done[-1] == "resume"
    assert connection.deadline() == (118.0, ConnectionEnding.IDLE)
    assert world.connections.make_room()


async def test_answers_have_their_time_to_be_read_while_others_are_waited_for(world: World) -> None:
    world.path.reply = None
    connection = world.accept()
    world.arrive(connection, framed(MESSAGE))
    world.now = 105.0
    connection.pause_writing()
    assert connection.deadline() == (115.0, ConnectionEnding.UNREAD)
    world.now = 120.0
    connection.resume_writing()
    assert connection.deadline() == (130.0, None)


async def test_so_many_queries_may_wait_and_no_more(world: World) -> None:
    world.path.reply = None
    connection = world.accept()
    for _ in range(MAX_WAITING + 5):
        world.arrive(connection, framed(MESSAGE))
    assert len(world.path.taken) == MAX_WAITING
    assert world.transport.done[-1] == "pause"
    await world.answer(0)
    assert len(world.path.taken) == MAX_WAITING + 1
    assert world.transport.written == [b"\0\x04late"]
    for number in range(1, 6):
        await world.answer(number)
    assert world.transport.done[-1] == "resume"


async def test_others_get_their_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = world.accept()
    world.arrive(connection, framed(*[MESSAGE] * (TURN + 1)))
    assert len(world.path.taken) == TURN
    assert world.transport.done[-1] == "pause"
    connection.resume()
    assert len(world.path.taken) == TURN, "its own call is under way"
    await asyncio.sleep(0)
    assert len(world.path.taken) == TURN + 1
    assert world.transport.done[-1] == "resume"


async def test_its_share_of_queries_is_answered_and_then_it_ends(world: World) -> None:
    world.connections.limits = ConnectionLimits(unsent=UNSENT, queries=2)
    connection = world.accept()
    world.arrive(connection, framed(MESSAGE))
    assert "eof" not in world.transport.done
    world.arrive(connection, framed(MESSAGE, MESSAGE))
    assert len(world.path.taken) == 2
    assert world.transport.done[-2:] == ["eof", "resume"], "what the client still sends is read"
    world.now = 150.0
    world.arrive(connection, framed(MESSAGE))
    assert len(world.path.taken) == 2
    assert connection.deadline() == (110.0, ConnectionEnding.IDLE)
    assert connection.eof_received() is False
    connection.connection_lost(None)
    assert world.ended() == {ConnectionEnding.SERVED: 1}


async def test_a_connection_that_ends_waits_for_its_answers(world: World) -> None:
    world.path.reply = None
    world.connections.limits = ConnectionLimits(unsent=UNSENT, queries=1)
    connection = world.accept()
    world.arrive(connection, framed(MESSAGE))
    assert world.transport.done[-1] == "pause"
    assert "eof" not in world.transport.done
    await world.answer(0)
    assert world.transport.done[-2:] == ["eof", "resume"]


async def test_a_client_that_closed_its_side_gets_its_answers_and_an_end(world: World) -> None:
    world.path.reply = None
    connection = world.accept()
    world.arrive(connection, framed(MESSAGE))
    assert connection.eof_received() is True
    assert "close" not in world.transport.done
    await world.answer(0)
    assert world.transport.done[-1] == "close"
    assert "eof" not in world.transport.done
    connection.connection_lost(None)
    assert world.ended() == {ConnectionEnding.CLIENT: 1}


@pytest.mark.parametrize(
    ("error", "ending"), [(None, ConnectionEnding.CLIENT), (ConnectionResetError(), ConnectionEnding.LOST)]
)
async def test_why_it_is_over(world: World, error: Exception | None, ending: ConnectionEnding) -> None:
    connection = world.accept()
    connection.connection_lost(error)
    assert world.ended() == {ending: 1}


async def test_a_message_on_its_way_has_its_own_clock(world: World) -> None:
    connection = world.accept()
    assert connection.deadline() == (110.0, ConnectionEnding.IDLE)
    world.now = 103.0
    world.arrive(connection, b"\0")
    assert connection.deadline() == (113.0, ConnectionEnding.INCOMPLETE)
    world.now = 105.0
    world.arrive(connection, b"\x0c")
    assert connection.deadline() == (113.0, ConnectionEnding.INCOMPLETE), "from its first byte"
    world.arrive(connection, MESSAGE + b"\0")
    assert connection.deadline() == (115.0, ConnectionEnding.INCOMPLETE), "that of the next one"
    world.arrive(connection, b"\x0c" + MESSAGE)
    assert connection.deadline() == (115.0, ConnectionEnding.IDLE)
    world.transport.unsent = 1
    assert connection.deadline() == (115.0, ConnectionEnding.UNREAD)


async def test_while_a_query_waits_there_is_only_a_time_to_look_again(world: World) -> None:
    world.path.reply = None
    connection = world.accept()
    world.arrive(connection, framed(MESSAGE))
    world.now = 120.0
    assert connection.deadline() == (130.0, None)
    assert not world.connections.make_room()
    await world.answer(0)
    assert connection.deadline() == (130.0, ConnectionEnding.IDLE)
    assert world.connections.make_room()


async def test_what_is_no_message_is_counted_and_ends_it(world: World) -> None:
    connection = world.accept()
    world.arrive(connection, b"\0\5hello")
    assert world.path.counts.drops["short"] == 1
    assert world.transport.done[-2:] == ["eof", "resume"]
    connection.connection_lost(None)
    assert world.ended() == {ConnectionEnding.NOT_A_MESSAGE: 1}


async def test_a_front_says_who_asks_before_the_first_message(world: World) -> None:
    connection = world.accept(FRONT)
    header = proxied("192.0.2.9")
    world.arrive(connection, header[:20])
    assert world.path.taken == []
    assert connection.prefix is None
    world.arrive(connection, header[20:] + framed(MESSAGE))
    assert world.path.taken == [(MESSAGE, client_bytes("192.0.2.9"), 0x1234, Front(FRONT, header))]
    assert connection.prefix is not None


async def test_a_front_without_its_header_is_cut(world: World) -> None:
    connection = world.accept(FRONT)
    world.arrive(connection, framed(MESSAGE) * 4)
    assert world.path.taken == []
    assert world.path.counts.drops["no_proxy_header"] == 1
    assert world.ended() == {ConnectionEnding.NO_PROXY_HEADER: 1}


async def test_a_front_that_only_looks_whether_we_are_there_is_no_fault(world: World) -> None:
    connection = world.accept(FRONT)
    connection.eof_received()
    assert world.path.counts.drops == {}
    assert world.ended() == {ConnectionEnding.CLIENT: 1}
    assert world.transport.done[-1] == "abort"


async def test_a_front_that_ends_within_its_header_has_sent_none(world: World) -> None:
    connection = world.accept(FRONT)
    world.arrive(connection, proxied("192.0.2.9")[:14])
    assert world.ended() == {}
    connection.eof_received()
    assert world.ended() == {ConnectionEnding.NO_PROXY_HEADER: 1}


async def test_a_prefix_that_has_all_it_may_have_gets_no_more(world: World) -> None:
    world.path.reply = None
    world.connections.limits = ConnectionLimits(unsent=UNSENT, per_prefix=1)
    first = world.accept()
    world.arrive(first, framed(MESSAGE))
    world.transport = FakeTransport()
    second = world.accept()
    assert world.transport.done[-1] == "abort"
    assert world.ended() == {ConnectionEnding.PREFIX_FULL: 1}
    world.arrive(second, framed(MESSAGE))
    assert len(world.path.taken) == 1


async def test_one_that_was_cut_before_it_began_is_aborted(world: World) -> None:
    connection = ClientConnection(world, CLIENT)
    world.connections.join(connection)
    connection.cut(ConnectionEnding.SHUTDOWN)
    connection.connection_made(world.transport)
    assert world.transport.done == ["abort"]
    connection.cut(ConnectionEnding.IDLE)
    assert world.ended() == {ConnectionEnding.SHUTDOWN: 1}


async def test_a_line_of_one_prefix_goes_on_when_a_query_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first in line, which asked what was answered, has nothing more to ask: the turn is the second's."""
    monkeypatch.setattr("filterd.dataplane.listeners.connection_table.WAITING_PER_PREFIX", 1)
    world.path.reply = None
    first = world.accept()
    world.arrive(first, framed(MESSAGE))
    world.transport = FakeTransport()
    second = world.accept()
    world.arrive(second, framed(MESSAGE))
    assert len(world.path.taken) == 1
    assert world.transport.done[-1] == "pause"
    await world.answer(0)
    assert len(world.path.taken) == 2


def test_the_limits_are_those_that_the_documents_name() -> None:
    assert (client_connection.TURN, MAX_WAITING, connection_table.MOST_UNREAD) == (32, 100, 1000)

"""Sending bytes that may get no answer, and collecting what comes."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Sequence

import dns.message

from tests.evasion.form import Gets, has_data, judge
from tests.evasion.lab import TCP, UDP, Lab, receive
from tests.evasion.names import STRANGER, WAY

LAST = 0xFFFF
"""the id of the query that is sent last"""


def framed(*messages: bytes) -> bytes:
    """Messages as a TCP stream carries them."""
    return b"".join(struct.pack("!H", len(each)) + each for each in messages)


def query(name: str, rtype: str = "A", id: int | None = None) -> bytes:
    """An ordinary query with EDNS."""
    made = dns.message.make_query(name, rtype, use_edns=0)
    if id is not None:
        made.id = id
    return made.to_wire()


def datagrams(
    lab: Lab, *sent: bytes, client: str = STRANGER, before: bytes = b"", expect: int = 0
) -> list[bytes]:
    """All that comes for these datagrams until a good query, sent last from the same socket, is answered, and
    at least so many.

    ``before`` stands in front of that query: what the client's address must send."""
    last = query(f"last.{WAY}", id=LAST)
    with lab.socket_of(client) as sock:
        for each in sent:
            sock.sendto(each, ("127.0.0.1", lab.port))
        sock.sendto(before + last, ("127.0.0.1", lab.port))
        found: list[bytes] = []
        while not any(each[:2] == last[:2] for each in found) or len(found) <= expect:
            found.append(sock.recv(65535))
        return [each for each in found if each[:2] != last[:2]]


def streamed(lab: Lab, *sent: bytes, client: str = STRANGER, expect: int = 0) -> list[bytes]:
    """All that comes on a connection of its own: so many messages, or until the resolver ends it."""
    with lab.connect(client) as stream:
        found: list[bytes] = []
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for each in sent:
                stream.sendall(each)
            if not expect:
                stream.shutdown(socket.SHUT_WR)
            while (not expect or len(found) < expect) and (answer := receive(stream)):
                found.append(answer)
        return found


def refused(lab: Lab, wire: bytes, gets: Gets | None, client: str = STRANGER) -> None:
    """Assert what comes of one message over UDP and TCP. None: nothing over UDP, and over TCP nothing with
    data."""
    answers = datagrams(lab, wire, client=client)
    over_tcp = streamed(lab, framed(wire), client=client)
    assert len(answers) == (gets is not None), answers
    for answer, transport in [*((each, UDP) for each in answers), *((each, TCP) for each in over_tcp)]:
        assert not has_data(answer[12:]), transport
        if gets is not None:
            judge(answer, gets, transport, edns=False)


def by_id(answers: Sequence[bytes]) -> dict[int, bytes]:
    """Answers by the id of their query."""
    return {struct.unpack("!H", answer[:2])[0]: answer for answer in answers}

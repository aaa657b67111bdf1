"""The scripted upstream over a real socket on loopback, for threads that forward by themselves.

The kernel hands a datagram on loopback over within the call that sends it: what was asked can be read.
"""

from __future__ import annotations

import socket
from struct import pack, unpack_from
from typing import Any

from filterd.dataplane.upstream.forward_types import Question
from filterd.dataplane.upstream.thread_route import ThreadHop
from tests.equality.script import OPT, SERVFAIL, Script, ScriptedReply

EDE = 15
TC, AD, CD, DO = 0x0200, 0x0020, 0x0010, 0x8000
HEADER = 12

Asked = tuple[bytes, Any]
"""a query, and where its answer goes"""


class Loopback:
    """Bound when made."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    @property
    def hop(self) -> ThreadHop:
        """The upstream, as a route has it."""
        host, port = self._socket.getsockname()
        name, outstanding = f"{host}:{port}", 100_000
        return ThreadHop(name, host, port, trusted=True, mixed_case=True, edns=True, outstanding=outstanding)

    def came(self) -> list[Asked]:
        """The queries that nobody has looked at yet, in their order."""
        found = []
        try:
            while True:
                found.append(self._socket.recvfrom(4096))
        except BlockingIOError:
            return found

    def answer(self, asked: Asked) -> Question:
        """Answer one; what it asked for."""
        query, to = asked
        question, size = read(query)
        self._socket.sendto(reply(query, question, self._script.answer(question), size), to)
        return question

    def close(self) -> None:
        self._socket.close()


def read(query: bytes) -> tuple[Question, int]:
    """The question, and how many bytes an answer may have."""
    end = HEADER
    while query[end]:
        end += query[end] + 1
    end += 1
    qtype, qclass = unpack_from("!HH", query, end)
    size, _, _, flags = unpack_from("!HBBH", query, end + 7)
    checking_disabled = bool(unpack_from("!H", query, 2)[0] & CD)
    return Question(query[HEADER:end].lower(), qtype, qclass, bool(flags & DO), checking_disabled), size


def reply(query: bytes, question: Question, came: ScriptedReply, size: int) -> bytes:
    """The script's answer, as an upstream sends it: with id, letter case and OPT, cut to ``size`` bytes."""
    asked = query[HEADER : HEADER + len(question.wire)]
    options = b"".join(pack("!HHH", EDE, 2 + len(text), code) + text for code, text in came.edes)
    opt = b"\0" + pack("!HHIH", OPT, 1232, 0, len(options)) + options
    if came.message is None:
        return query[:2] + pack("!HHHHH", 0x8180 | SERVFAIL, 1, 0, 0, 1) + asked + opt
    flags, *counts = unpack_from("!HHHHH", came.message, 2)
    flags |= AD if came.ad else 0
    whole = came.message[HEADER + len(asked) :] + opt
    if HEADER + len(asked) + len(whole) > size:
        return query[:2] + pack("!HHHHH", flags | TC, 1, 0, 0, 1) + asked + opt
    counts[3] += 1
    return query[:2] + pack("!HHHHH", flags, *counts) + asked + whole

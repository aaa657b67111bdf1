"""Headers that no client sends: answers as queries, other opcodes, wrong counts, too many or few bytes."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from functools import partial

import dns.message
import pytest

from tests.evasion.asking import by_id, datagrams, framed, query, refused, streamed
from tests.evasion.form import Course, Gets, Way, course, judge, word_of
from tests.evasion.lab import TCP, UDP, Lab
from tests.evasion.names import CHILD, CLIENTS, ORDERED, WAY
from tests.evasion.packets import OPT, RD, message, packed, question
from tests.evasion.scripted import Says

ASKED = question(packed(ORDERED))
RECORD = packed(ORDERED) + struct.pack("!HHIH", 1, 1, 600, 4) + bytes([192, 0, 2, 77])


def opcode(number: int) -> int:
    return RD | number << 11


def odd(id: str, gets: Gets | None, make: Callable[[], bytes]) -> Course:
    """One message, by every client."""

    def steps(lab: Lab) -> None:
        for client in CLIENTS:
            refused(lab, make(), gets, client)

    return Course(id, steps)


def blocked(id: str, make: Callable[[], bytes], *, edns: bool = True) -> Course:
    """One message that is odd and yet answered as the ordinary question that it holds."""

    def steps(lab: Lab) -> None:
        for client in CLIENTS:
            for transport in (UDP, TCP):
                judge(lab.send(make(), client, transport), Gets.CENSORED, f"{id} {transport}", edns=edns)

    return Course(id, steps)


def without_data(id: str, make: Callable[[], bytes]) -> Course:
    """One message, of which whatever comes has no data."""

    def steps(lab: Lab) -> None:
        for client in CLIENTS:
            for transport in (UDP, TCP):
                judge(lab.send(make(), client, transport), Gets.ANYTHING, f"{id} {transport}")

    return Course(id, steps)


def _one_id_twice(lab: Lab) -> None:
    """A good answer and a block for two queries with one id: each has its own question."""
    good, bad = query(f"{lab.fresh()}.{WAY}", id=7), query(ORDERED, id=7)
    for answers in (datagrams(lab, good, bad, expect=2), streamed(lab, framed(good, bad))):
        assert len(answers) == 2
        for answer in answers:
            name = dns.message.from_wire(answer).question[0].name.to_text(omit_final_dot=True)
            judge(answer, Gets.CENSORED if name == ORDERED else Gets.WITHHELD)


def _id_of_an_answer_to_come(lab: Lab) -> None:
    """A question that waits for its upstream is not answered by what the next one from its port gets."""
    lab.upstream.says[f"waiting.{WAY}"] = Says([f"@ CNAME {ORDERED}.", f"{ORDERED}. A 192.0.2.66"])
    first, second = query(f"{lab.fresh()}.waiting.{WAY}", id=9), query(f"{lab.fresh()}.{WAY}", id=10)
    answers = by_id(datagrams(lab, first, second, client=CHILD, expect=2))
    judge(answers[9], Gets.CENSORED)
    judge(answers[10], Gets.WITHHELD)
    for transport in (UDP, TCP):
        judge(lab.send(first, CHILD, transport), Gets.CENSORED)


def _port_used_again(lab: Lab) -> None:
    """A socket closes with its question on the way; who takes its port gets his own answer alone."""
    with lab.socket_of(CHILD) as sock:
        port = sock.getsockname()[1]
        sock.sendto(query(f"{lab.fresh()}.{WAY}", id=21), ("127.0.0.1", lab.port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind((CHILD, port))
        again.settimeout(5)
        again.sendto(query(ORDERED, id=22), ("127.0.0.1", lab.port))
        answer = again.recv(65535)
        while answer[:2] != b"\0\x16":
            answer = again.recv(65535)
        judge(answer, Gets.CENSORED)


FORMS: tuple[Way, ...] = (
    odd("an-answer", None, lambda: message(ASKED, flags=0x8180)),
    odd("an-answer-with-its-data", None, lambda: message(ASKED + RECORD, (1, 1, 0, 1), flags=0x8180)),
    odd("no-recursion", Gets.REFUSED, lambda: message(ASKED, flags=0)),
    odd("no-recursion-checking-disabled", Gets.REFUSED, lambda: message(ASKED, flags=0x0010)),
    *(
        odd(f"opcode-{word}", Gets.NOTIMP, partial(message, ASKED, flags=opcode(number)))
        for word, number in {
            "iquery": 1,
            "status": 2,
            "unassigned": 3,
            "notify": 4,
            "update": 5,
            "stateful": 6,
            "last": 15,
        }.items()
    ),
    odd("stateful-without-question", Gets.NOTIMP, lambda: message(b"", (0, 0, 0, 0), opcode(6), b"")),
    odd("notify-with-an-answer", Gets.NOTIMP, lambda: message(ASKED + RECORD, (1, 1, 0, 1), opcode(4))),
    odd("update-of-a-record", Gets.NOTIMP, lambda: message(ASKED + RECORD, (1, 0, 1, 1), opcode(5))),
    odd("no-question", Gets.FORMERR, lambda: message(b"", (0, 0, 0, 1))),
    odd("no-question-counted", Gets.FORMERR, lambda: message(ASKED, (0, 0, 0, 1))),
    odd(
        "two-questions", Gets.FORMERR, lambda: message(question(packed(f"fine.{WAY}")) + ASKED, (2, 0, 0, 1))
    ),
    odd(
        "two-questions-turned",
        Gets.FORMERR,
        lambda: message(ASKED + question(packed(f"fine.{WAY}")), (2, 0, 0, 1)),
    ),
    odd("most-questions", Gets.FORMERR, lambda: message(ASKED, (65535, 0, 0, 1))),
    odd("no-body", Gets.FORMERR, lambda: message(b"", opt=b"")),
    odd("half-a-name", Gets.FORMERR, lambda: message(ASKED[:9], opt=b"")),
    odd("no-class", Gets.FORMERR, lambda: message(ASKED[:-2], (1, 0, 0, 0), opt=b"")),
    odd("eleven-bytes", None, lambda: message(ASKED)[:11]),
    odd("one-byte", None, lambda: b"\0"),
    odd("additional-that-is-not-there", Gets.FORMERR, lambda: message(ASKED, (1, 0, 0, 9))),
    odd("answers-that-are-not-there", Gets.FORMERR, lambda: message(ASKED, (1, 5, 0, 1))),
    blocked("authoritative", lambda: message(ASKED, flags=RD | 0x0400)),
    blocked("truncated", lambda: message(ASKED, flags=RD | 0x0200)),
    blocked("recursion-available", lambda: message(ASKED, flags=RD | 0x0080)),
    blocked("id-of-zero", lambda: b"\0\0" + message(ASKED)[2:]),
    blocked("bytes-behind", lambda: message(ASKED) + b"rest"),
    blocked("a-second-query-behind", lambda: message(ASKED) + query(f"fine.{WAY}")),
    without_data("an-answer-in-the-query", lambda: message(ASKED + RECORD, (1, 1, 0, 1))),
    without_data("a-record-in-the-additional", lambda: message(ASKED + RECORD, (1, 0, 0, 2))),
    without_data("opt-in-the-answer", lambda: message(ASKED, (1, 1, 0, 0), opt=OPT)),
    course(_one_id_twice),
    course(_id_of_an_answer_to_come),
    course(_port_used_again),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Way) -> None:
    form.run(lab)

"""TCP: how queries are cut into segments, how many share a connection, and framing that lies."""

from __future__ import annotations

import struct

import pytest

from tests.evasion.asking import by_id, framed, query, streamed
from tests.evasion.form import Course, Gets, Way, course, has_data, judge, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ADULT, CHILD, CLIENTS, ORDERED, OWNER, STRANGER, WAY
from tests.evasion.scripted import Says

ALIAS = Says([f"@ CNAME x.{ORDERED}.", f"x.{ORDERED}. A 192.0.2.66"])


def each(found: list[bytes], wanted: dict[int, Gets]) -> None:
    """Every query is answered, and as it must be."""
    answers = by_id(found)
    assert answers.keys() == wanted.keys()
    for number, gets in wanted.items():
        judge(answers[number], gets, f"query {number}")


def cut(id: str, *places: int) -> Course:
    """One query in segments that end at these places of the stream."""

    def steps(lab: Lab) -> None:
        for client in CLIENTS:
            whole = framed(query(ORDERED, id=1))
            ends = [*places, len(whole)]
            parts = [whole[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
            each(streamed(lab, *parts, client=client), {1: Gets.CENSORED})

    return Course(id, steps)


def _byte_by_byte(lab: Lab) -> None:
    whole = framed(query(f"www.{ORDERED}", id=1))
    parts = [whole[place : place + 1] for place in range(len(whole))]
    for client in CLIENTS:
        each(streamed(lab, *parts, client=client), {1: Gets.CENSORED})


def _two_in_one_segment(lab: Lab) -> None:
    sent = framed(query(f"{lab.fresh()}.{WAY}", id=1), query(ORDERED, id=2))
    for client in CLIENTS:
        each(streamed(lab, sent, client=client), {1: Gets.WITHHELD, 2: Gets.CENSORED})


def _one_and_a_half(lab: Lab) -> None:
    sent = framed(query(ORDERED, id=1), query(f"www.{ORDERED}", id=2))
    for client in CLIENTS:
        each(streamed(lab, sent[:60], sent[60:], client=client), {1: Gets.CENSORED, 2: Gets.CENSORED})


def _a_hundred(lab: Lab) -> None:
    """Good, aliases and blocked ones in turn, answered in any order."""
    lab.upstream.says[f"hundred.{WAY}"] = ALIAS
    names = [(f"{lab.fresh()}.{WAY}", f"{lab.fresh()}.hundred.{WAY}", ORDERED)[n % 3] for n in range(99)]
    kinds = (Gets.WITHHELD, Gets.CENSORED, Gets.CENSORED)
    sent = framed(*(query(name, id=number) for number, name in enumerate(names)))
    for client in CLIENTS:
        each(streamed(lab, sent, client=client), {number: kinds[number % 3] for number in range(99)})


def _one_id_for_all(lab: Lab) -> None:
    lab.upstream.says[f"one-id.{WAY}"] = ALIAS
    sent = framed(*(query(f"{lab.fresh()}.one-id.{WAY}", id=5) for _ in range(20)))
    found = streamed(lab, sent)
    assert len(found) == 20
    for answer in found:
        judge(answer, Gets.CENSORED)


def _lines_on_connections_side_by_side(lab: Lab) -> None:
    """Each connection has its own client's policy."""
    sent = framed(query(ADULT, id=1))
    with lab.connect(CHILD), lab.connect(STRANGER):
        for client, gets in ((CHILD, Gets.FILTERED), (STRANGER, Gets.SERVED), (OWNER, Gets.FILTERED)):
            each(streamed(lab, sent, client=client), {1: gets})


def _no_length(lab: Lab) -> None:
    """A message of no bytes, then a query: whatever comes has no data."""
    assert not any(has_data(each) for each in streamed(lab, b"\0\0" + framed(query(ORDERED))))


def _longer_than_it_says(lab: Lab) -> None:
    wire = query(ORDERED, id=1)
    sent = struct.pack("!H", len(wire) - 4) + wire
    assert not any(has_data(each[12:]) for each in streamed(lab, sent))


def _shorter_than_it_says(lab: Lab) -> None:
    wire = query(ORDERED, id=1)
    sent = struct.pack("!H", len(wire) + 4) + wire
    assert not any(has_data(each) for each in streamed(lab, sent))


def _length_that_takes_in_the_next(lab: Lab) -> None:
    """Two queries framed as one message: what is behind the first is not looked at."""
    first, second = query(f"fine.{WAY}", id=1), query(ORDERED, id=2)
    each(streamed(lab, framed(first + second)), {1: Gets.WITHHELD})
    each(streamed(lab, framed(second + first)), {2: Gets.CENSORED})


def _longest_message(lab: Lab) -> None:
    wire = query(ORDERED, id=1)
    each(streamed(lab, framed(wire + bytes(65535 - len(wire)))), {1: Gets.CENSORED})


def _http(lab: Lab) -> None:
    """Another protocol on the port."""
    assert not any(has_data(each) for each in streamed(lab, b"GET /?name=ordered.example HTTP/1.1\r\n\r\n"))


def _tls(lab: Lab) -> None:
    assert not any(has_data(each) for each in streamed(lab, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"))


def _half_and_gone(lab: Lab) -> None:
    """Half a query, and the client is gone: the next connection is not touched by it."""
    with lab.connect(CHILD) as stream:
        stream.sendall(framed(query(f"fine.{WAY}", id=1))[:20])
    each(streamed(lab, framed(query(ORDERED, id=2)), client=CHILD), {2: Gets.CENSORED})


FORMS: tuple[Way, ...] = (
    cut("cut-in-the-length", 1),
    cut("cut-behind-the-length", 2),
    cut("cut-in-the-header", 2, 8),
    cut("cut-in-the-name", 20),
    cut("cut-in-three", 5, 25),
    *map(
        course,
        (
            _byte_by_byte,
            _two_in_one_segment,
            _one_and_a_half,
            _a_hundred,
            _one_id_for_all,
            _lines_on_connections_side_by_side,
            _no_length,
            _longer_than_it_says,
            _shorter_than_it_says,
            _length_that_takes_in_the_next,
            _longest_message,
            _http,
            _tls,
            _half_and_gone,
        ),
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Way) -> None:
    form.run(lab)

"""Native queries to upstreams are those of the slow path but for their random bits, and answers are judged
alike."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.dataplane.fast import miss_query
from filterd.dataplane.upstream.forward_types import Question
from filterd.dataplane.upstream.message import Check, QueryForm, Sent, check, write_query


def _question(seed: int) -> Question:
    """A lower-cased name of any bytes, up to the longest."""
    random = Random(seed)
    name = b""
    for _ in range(random.choice([0, 1, 2, 3, 8])):
        label = random.randbytes(random.choice([1, 3, 10, 63])).lower()
        if len(name) + 1 + len(label) < 255:
            name += bytes([len(label)]) + label
    qtype, qclass = random.choice([1, 28, 0x4161, 0xFFFF]), random.choice([1, 0x5A7A])
    return Question(name + b"\0", qtype, qclass, random.random() < 0.5, random.random() < 0.5)


questions = st.integers(0, 2**64 - 1).map(_question)
capabilities = st.builds(QueryForm, st.booleans(), st.booleans())
ids = st.integers(0, 65535)
coins = st.integers(0, 2**256 - 1)


class Scripted:
    """Gives the id, then the coin."""

    def __init__(self, *words: int) -> None:
        self._words = list(words)

    def getrandbits(self, k: int, /) -> int:
        return self._words.pop(0) & (1 << k) - 1


@given(question=questions, form=capabilities, number=ids, coin=coins)
def test_the_same_bytes(question: Question, form: QueryForm, number: int, coin: int) -> None:
    sent = write_query(question, Scripted(number, coin), form)
    assert miss_query.write_query(question, form, number, coin) == (sent.question, sent.packet)


def judged(reply: bytes, sent: Sent, question: Question) -> Check:
    found = check(reply, sent)
    assert miss_query.check(reply, question, sent.form, sent.id, sent.question) is found
    return found


@given(
    question=questions,
    form=capabilities,
    number=ids,
    coin=coins,
    rcode=st.sampled_from([0, 1, 2, 4, 5]),
    changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=3),
    flips=st.lists(st.integers(0, 300), max_size=3),
    cut=st.one_of(st.none(), st.integers(0, 300)),
    bare=st.booleans(),
)
def test_the_same_judgement(
    question: Question,
    form: QueryForm,
    number: int,
    coin: int,
    rcode: int,
    changes: list[tuple[int, int]],
    flips: list[int],
    cut: int | None,
    bare: bool,
) -> None:
    sent = write_query(question, Scripted(number, coin), form)
    reply = bytearray(sent.packet)
    reply[2] |= 0x80
    reply[3] = reply[3] & 0xF0 | rcode
    if bare:
        del reply[12:]
        reply[4:12] = bytes(8)
    for place, value in changes:
        reply[place % len(reply)] = value
    for place in flips:
        reply[place % len(reply)] ^= 0x20
    judged(bytes(reply[:cut]), sent, question)


@pytest.mark.parametrize("mixed", [True, False])
def test_every_judgement_is_met(mixed: bool) -> None:
    question = Question(b"\3www\7example\3org\0", 1)
    sent = write_query(question, Scripted(7, 0x5555), QueryForm(mixed_case=mixed))
    reply = bytes([*sent.packet[:2], sent.packet[2] | 0x80, *sent.packet[3:]])
    other = reply[:13] + bytes([reply[13] ^ 0x20]) + reply[14:]
    refused = reply[:3] + bytes([1]) + bytes(8)
    assert judged(reply, sent, question) is Check.OURS
    assert judged(other, sent, question) is (Check.CASE_LOST if mixed else Check.OURS)
    assert judged(refused, sent, question) is Check.EDNS_REFUSED
    assert judged(b"\0\0" + reply[2:], sent, question) is Check.WRONG_ID
    assert judged(sent.packet, sent, question) is Check.WRONG_QUESTION


def test_what_is_no_name_is_an_error() -> None:
    with pytest.raises(ValueError):
        miss_query.write_query(Question(b"\3ww", 1), QueryForm(), 0, 0)
    with pytest.raises(ValueError):
        miss_query.check(b"", Question(b"\0", 1), QueryForm(), 0, b"\0")

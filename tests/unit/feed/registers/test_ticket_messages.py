"""The answers of a platform of tickets: each wrong one is told, and none stops the others."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from filterd.feed.registers.ticket_messages import (
    _MARKS,
    MAX_ITEMS,
    MAX_TICKETS,
    Ticket,
    TicketKind,
    TicketMessageError,
    Tokens,
    differs,
    is_taken,
    read_digest,
    read_tickets,
    read_tokens,
)

MADE = {"created_at": "2026-11-27T20:00:00Z"}


def answer(data: Any) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


def ticket(**changes: Any) -> dict[str, Any]:
    return {"ticket_id": "T-1", "fqdn": ["stream.example"], "ipv4": [], "metadata": MADE, **changes}


def test_tickets_are_read_with_their_kind_and_cancellation() -> None:
    found = read_tickets(
        answer(
            [
                ticket(fqdn=["b.example", " a.example", "b.example"], ipv4=["192.0.2.1"]),
                ticket(ticket_id="T-2", status="cancelled"),
                ticket(ticket_id="T-3", genre="unblocking"),
                ticket(),
            ]
        )
    )
    first, cancelled, unblocking = found.tickets
    assert first == Ticket("T-1", 1795809600.0, names=("b.example", "a.example"), addresses=("192.0.2.1",))
    assert first.entries == ("b.example", "a.example", "192.0.2.1")
    assert (cancelled.cancelled, unblocking.kind) == (True, TicketKind.UNBLOCK)
    assert [each.because for each in found.wrong] == ["another ticket of this answer has the same id"]


def test_a_wrong_entry_keeps_no_other_one_out() -> None:
    wrong = [7, " ", "a\nb", "a" * 513, ["x.example"]]
    (found,) = read_tickets(answer([ticket(fqdn=["a.example", *wrong], ipv6=["2001:db8::1"])])).tickets
    assert (found.names, found.ipv6) == (("a.example",), ("2001:db8::1",))
    assert found.broken == ("no text: 7.0", " ", "a\nb", "a" * 512, 'no text: ["x.example"]')
    assert len(found.entries) == 7
    (cancelled,) = read_tickets(answer([ticket(fqdn=[], status="cancelled")])).tickets
    assert cancelled.cancelled


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ticket_id": 7}, "no id"),
        ({"ticket_id": "../x"}, "no id"),
        ({"fqdn": "x.example"}, "no list"),
        ({"fqdn": []}, "no entry"),
        ({"fqdn": [f"{each}.example" for each in range(MAX_ITEMS + 1)]}, "more than"),
        ({"ipv6": "2001:db8::1"}, "no list"),
        ({"metadata": []}, "when"),
        ({"metadata": {"created_at": "yesterday"}}, "when"),
        ({"metadata": {"created_at": "0001-01-01T00:00:00+23:59"}}, "when|cannot be"),
        ({"metadata": {"created_at": "1999-01-01T00:00:00Z"}}, "cannot be"),
        ({"status": 7}, "no word"),
    ],
)
def test_a_wrong_ticket_is_told_and_keeps_no_other_out(changes: dict[str, Any], says: str) -> None:
    found = read_tickets(answer([ticket(**changes), ticket(ticket_id="T-9")]))
    assert [each.id for each in found.tickets] == ["T-9"]
    (wrong,) = found.wrong
    assert wrong.place == 1
    assert re.search(says, wrong.because)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"status": "error", "data": []}',
        b'{"status": "success", "data": {}}',
        b'{"status": "success", "data": NaN}',
        b'{"status": "success", "data": ' + b"9" * 5000 + b"}",
        b'{"status": "success", "data": ' + b"[" * 100_000,
        b'{"status": "success", "data": "' + b"\\" * 100_001,
        answer([{}] * (MAX_TICKETS + 1)),
    ],
)
def test_an_answer_that_is_none_is_refused_whole(content: bytes) -> None:
    with pytest.raises(TicketMessageError):
        read_tickets(content)


def test_brackets_in_texts_are_no_depth() -> None:
    odd = ticket(fqdn=['[[[[[[[[[[[[[[[[{{{{{{"\\.example'])
    assert len(read_tickets(answer([odd])).tickets) == 1


@pytest.mark.parametrize("end", [b"", b"\\", b'"', b'" ', b"]"])
def test_a_text_is_read_once_wherever_it_ends(end: bytes) -> None:
    content = b'"' + b'\\"' * 1_000 + end
    spans = [found.span() for found in _MARKS.finditer(content)]
    assert [begins for begins, _ in spans] == [0], "one that does not end is not begun anew in its midst"
    with pytest.raises(TicketMessageError):
        read_tickets(content)


def test_what_no_text_can_hold_is_told_without_it() -> None:
    (found,) = read_tickets(answer([ticket(fqdn=["\ud800", "a\udfffb", ["\ud800"]])])).tickets
    assert found.broken == ("\x1a", "a\x1ab", 'no text: ["\\ud800"]')


def test_tokens_are_read_and_never_shown() -> None:
    found = read_tokens(answer({"access_token": "secret-a", "refresh_token": "secret-r"}))
    assert (found.access, found.refresh) == ("secret-a", "secret-r")
    assert "secret" not in repr(found)
    assert read_tokens(answer({"access_token": "a"})) == Tokens("a")
    answers: list[Any] = [{}, [], {"access_token": "a\nb"}, {"access_token": "a", "refresh_token": 7}]
    for wrong in answers:
        with pytest.raises(TicketMessageError):
            read_tokens(answer(wrong))


def test_digests_and_replies() -> None:
    assert read_digest(b"abc\n") == b"abc\n"
    assert read_digest(answer("abc")) == read_digest(answer({"checksum": "abc"})) == b"abc"
    with pytest.raises(TicketMessageError):
        read_digest(answer({"checksum": 7}))
    assert is_taken(b'{"status": "success"}')
    assert not any(map(is_taken, (b'{"status": "error"}', b"", b"[]", b"ok")))


def test_a_text_is_held_against_the_ticket() -> None:
    assert not differs(("a.example", "b.example"), ("b.example", "a.example", "a.example"))
    assert differs(("a.example",), ("a.example", "b.example"))
    assert not differs(("a.example",), ("a.example", "b"), broken=True)
    assert differs(("a.example",), ("b",), broken=True)

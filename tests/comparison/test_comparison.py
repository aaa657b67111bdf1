"""A sample of the comparison: what filterd answers beside Unbound and BIND, above the same upstream."""

from __future__ import annotations

from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.comparison import names, table
from tests.comparison.__main__ import PAGE, run
from tests.comparison.asking import Seen, query_of
from tests.comparison.fields import Difference, chained, differences
from tests.comparison.reasons import REASONS
from tests.comparison.script import SHAPES, question_of, respond

SAMPLE = 300


@pytest.mark.system("unbound", "named")
def test_a_sample_differs_in_explained_fields_alone(tmp_path: Path) -> None:
    questions = [question_of(name) for name in names.made_up(SAMPLE)]
    assert {question.shape for question in questions} >= SHAPES.keys() - {"servfail", "refused"}
    found = run(questions, tmp_path)
    assert table.problems(found) == []
    assert found.equal["BIND equal"] > found.asked // 2  # the reasons do not swallow everything


def test_the_page_has_no_difference_without_a_reason() -> None:
    page = PAGE.read_text()
    assert "Not explained." not in page
    given = {line.rstrip(" |").rpartition(" | ")[2] for line in page.splitlines() if line.startswith("| ")}
    assert given - {reason.why for reason in REASONS} <= {"why", "---"}, "stale: make comparison"


def test_shapes_are_shares_of_256() -> None:
    assert sum(SHAPES.values()) == 256


def seen(shape: str) -> tuple[dns.message.Message, Seen]:
    """The script's own answer to a name of this shape."""
    question = next(q for q in map(question_of, names.made_up(2000)) if q.shape == shape)
    reply = respond(query_of(question))
    return reply, Seen(dns.message.from_wire(reply.to_wire(max_size=65535)))


def test_an_answer_does_not_differ_from_itself() -> None:
    for shape in SHAPES:
        reply, one = seen(shape)
        assert differences(one, Seen(reply)) == set(), shape


def test_every_field_that_is_changed_is_seen() -> None:
    reply, one = seen("plain")
    reply.answer[0] += dns.rrset.from_text(reply.answer[0].name, 1, "IN", reply.answer[0].rdtype.name, _OTHER[
        reply.answer[0].rdtype.name
    ])  # fmt: skip
    reply.set_rcode(dns.rcode.NXDOMAIN)
    reply.flags ^= dns.flags.AA
    reply.answer.append(dns.rrset.from_text("x.example.", 60, "IN", "TXT", '"x"'))
    fields = {difference.field for difference in differences(Seen(reply), one)}
    assert fields >= {"rcode", "flags", "answer"}
    assert differences(Seen(None), one) == {Difference("answer", "filterd or the other has none")}


_OTHER = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "MX": "1 x.example.",
    "TXT": '"x"',
    "HTTPS": "2 x.example.",
}


def test_aliases_out_of_order_are_seen() -> None:
    reply, _ = seen("chain")
    assert chained(reply)
    reply.answer.reverse()
    assert not chained(reply)

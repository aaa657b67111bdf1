"""The page docs/truth-table.md, filled in by the native verdict itself.

``python -m tests.worlds.truth_page >docs/truth-table.md`` writes it anew; a test holds the two equal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from filterd.model.verdict import Outcome, Where
from filterd.policy.decide import decide_name
from filterd.policy.inspect import inspect_message
from filterd.policy.trace import Decision
from filterd.wire.names import name_from_text
from tests.worlds.markdown import wrapped
from tests.worlds.policy import NOW
from tests.worlds.truth import MANDATES, Standing, answer_with, line, world
from tests.worlds.truth_table import Claim, Own, Schedule, Security, Sees, Setting

_HEAD = """# The truth table of precedence

What a name gets, by what it stands in and who asks. This page is written by the native code
(`python -m tests.worlds.truth_page`); `make test` fails where it is out of date, and goes through every
combination of all of this, some half a million, against an expectation written from the design.
`filterd check` shows the same for one name and line, stage by stage.

A cell is *pass*, *rewrite* (to the safe host) or *block*.
"""

_ONE = """
## One thing at a time

*Own allow* and *protected* are for a line that is opted in. *In an answer*: the name is an alias or a service
target in the answer to another name, or, as an address, a hint or an A or AAAA record of it; *of an allowed
name*: the other name is one that the line allows; *of a protected name*: the other name is protected;
*of an excepted name*: the operator has an exception on the other name (`filterd exception add`). *Suspended
for all*: `filterd parental suspend`.
"""

_TWO = """
## Two at once

For a line that is opted in: which of the two decides.
"""

_NOTES = """
- An own allow name on the same name as an own block name loses; on a more specific name it wins.
- A schedule that blocks everything but the always-allowed names is asked about the name of a query only. What
  an always-allowed name stands in besides still counts, and so do the lists that hold a name in its answer.
- A protected name that is met in the answer to another name protects nothing, not even itself; a protected
  address is protected wherever it is met.
- An exception on a name in the answer to another lifts the lists for that name alone.
- A query for DS asks the parent zone: no list, order or own block name that stands at the very name blocks
  it, those above it do, unless the very name has an exception.
- Local names (`localhost`, `resolver.arpa`) are answered before all of this, other special-use names (RFC
  6761, RFC 6303) after the mandatory rules, both for everyone.
- A rule for the exact name answers NODATA where its mode is `nxdomain` (RFC 8020). A way around the resolver
  is answered NXDOMAIN or NODATA, never with a made-up address.
"""

_NOT_POSSIBLE = "-"


@dataclass(frozen=True)
class Row:
    """Something that a name can stand in, or that a line can want of it."""

    title: str
    claim: Claim = field(default_factory=Claim)
    mandate: str = ""
    own: Own = Own.NOTHING
    schedule: Schedule = Schedule.NONE
    security: Security = Security.OFF


ROWS = (
    Row("an order or mandatory list in force", Claim(mandated=True), "in force"),
    Row("an order not yet in force", mandate="not yet"),
    Row("an order that expired", mandate="expired"),
    Row("an order that was withdrawn", mandate="withdrawn"),
    Row("the line's own block names", own=Own.DENY),
    Row("a schedule: everything", schedule=Schedule.EVERYTHING),
    Row("a schedule: everything; in a group that it leaves", Claim(group=True), schedule=Schedule.EVERYTHING),
    Row(
        "a schedule: everything; in a group that it takes away", Claim(group=True), schedule=Schedule.OFFLINE
    ),
    Row("a schedule: added categories", Claim(added=True), schedule=Schedule.ADDED),
    Row("a service", Claim(service=True)),
    Row("a category", Claim(category=True)),
    Row("safe search", Claim(safe_search=True)),
    Row("bypass prevention", Claim(bypass=True)),
    Row("a security list, on", Claim(malware=True), security=Security.ON),
    Row("a security list that the line left", Claim(malware=True), security=Security.LEFT),
)
_NEVER = ("not yet", "expired", "withdrawn")
DECIDING = tuple(
    row
    for row in ROWS
    if row.mandate not in _NEVER and row.security is not Security.LEFT and not row.claim.group
)
"""those that block an opted-in line by themselves"""


def both(left: Row, right: Row) -> Row:
    """A row that is the two of them."""
    union = Claim(*(a or b for a, b in zip(_flags(left.claim), _flags(right.claim), strict=True)))
    return Row(
        "",
        union,
        left.mandate or right.mandate,
        left.own if left.own is not Own.NOTHING else right.own,
        left.schedule if left.schedule is not Schedule.NONE else right.schedule,
        left.security if left.security is not Security.OFF else right.security,
    )


def _flags(claim: Claim) -> list[bool]:
    return [getattr(claim, name) for name in claim.__slots__]


def decision_of(
    row: Row,
    sees: Sees,
    *,
    protected: bool = False,
    allow: bool = False,
    excepted: bool = False,
    answer: bool = False,
) -> Decision:
    """The verdict of the native code; in an answer, what lifts is of the query's name."""
    claim = replace(row.claim, protected=protected and not answer, excepted=excepted and not answer)
    mandate = MANDATES[row.mandate] if row.mandate else None
    standing = Standing(claim, mandate, False, "n.example", "192.0.2.1", "2001:db8::1")
    setting = Setting(sees, row.own, row.schedule, row.security)
    on, off = row.security is not Security.OFF, sees is Sees.SUSPENDED
    state = world(tuple(standing.placed), security=on, suspended=off).native
    if answer:
        decision = inspect_message(
            state,
            line(setting, standing.name),
            answer_with(Where.CNAME, standing, 4),
            allow,
            NOW,
            is_protected=protected,
            excepted=excepted,
        )
        assert decision is not None
        return decision
    if allow:
        setting = replace(setting, own=Own.ALLOW)
    handle = line(setting, standing.name)
    return decide_name(state, handle, name_from_text(standing.name), NOW)


def word(decision: Decision) -> str:
    """A cell."""
    return {Outcome.PASS: "pass", Outcome.REWRITE: "rewrite"}.get(decision.verdict.outcome, "**block**")


def cells(row: Row) -> Iterator[str]:
    """One row of the first table."""
    own = row.own is Own.DENY
    for sees in Sees:
        impossible = sees is Sees.UNKNOWN and (own or row.security is Security.LEFT)
        yield _NOT_POSSIBLE if impossible else word(decision_of(row, sees))
    yield _NOT_POSSIBLE if own else word(decision_of(row, Sees.OPTED_IN, allow=True))
    yield word(decision_of(row, Sees.OPTED_IN, protected=True))
    yield word(decision_of(row, Sees.OPTED_IN, excepted=True))
    yield word(decision_of(row, Sees.OPTED_IN, answer=True))
    yield word(decision_of(row, Sees.OPTED_IN, answer=True, allow=True))
    yield word(decision_of(row, Sees.OPTED_IN, answer=True, protected=True))
    yield word(decision_of(row, Sees.OPTED_IN, answer=True, excepted=True))


def table(head: list[str], rows: Iterator[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page() -> str:
    """The whole page."""
    head = ["the name stands in", *(sees.value for sees in Sees)]
    head += ["opted in, own allow", "opted in, protected", "opted in, excepted"]
    head += ["in an answer", "in an answer of an allowed name", "in an answer of a protected name"]
    head += ["in an answer of an excepted name"]
    one = table(head, ([row.title, *cells(row)] for row in ROWS))
    two = table(
        ["", *(row.title for row in DECIDING)],
        ([row.title, *(_winner(row, other) for other in DECIDING)] for row in DECIDING),
    )
    return wrapped(f"{_HEAD}{_ONE}\n{one}{_TWO}\n{two}{_NOTES}")


def _winner(row: Row, other: Row) -> str:
    if row is other:
        return _NOT_POSSIBLE
    if {row.schedule, other.schedule} == {Schedule.EVERYTHING, Schedule.ADDED}:
        return "schedule"
    return decision_of(both(row, other), Sees.OPTED_IN).verdict.reason.word.replace("_", " ")


if __name__ == "__main__":
    sys.stdout.write(page())

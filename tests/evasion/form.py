"""A form: one way in which a blocked name might come through, and what each client must get instead.

A form is asked over UDP and over TCP by each of three clients, each time with a name that nobody asked before
where the form has room for one, and then by another client over both transports, when the answer is cached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import dns.edns
import dns.message
import dns.rcode
import dns.rdatatype

from tests.e2e.deployment import ede
from tests.evasion.lab import BLOCKED, CENSORED, FILTERED, TCP, UDP, Lab
from tests.evasion.names import CHILD, CLIENTS, MARKS, OWNER, STRANGER, WAY
from tests.evasion.scripted import Reply

TRUNCATED = 0x02
OPT = 41


class Gets(Enum):
    """The answer that a client gets."""

    CENSORED = CENSORED
    FILTERED = FILTERED
    BLOCKED = BLOCKED
    WITHHELD = "an answer without the data"
    SERVED = "the data"
    SAFE = "the safe host"
    FAILED = "SERVFAIL, with an extended error, without the data"
    REFUSED = "REFUSED"
    FORMERR = "FORMERR"
    NOTIMP = "NOTIMP"
    BADVERS = "BADVERS"
    STOPPED = "a block or SERVFAIL, with its extended error, without the data"
    WITHOUT = "a block, or an answer without the data"
    ANYTHING = "any answer without the data"


Expected = Gets | Mapping[str, Gets]
FOR_THE_CHILD: Mapping[str, Gets] = {
    CHILD: Gets.FILTERED,
    OWNER: Gets.SERVED,
    STRANGER: Gets.SERVED,
}
"""where OWNER allows the name that is asked"""
FOR_BOTH_LINES: Mapping[str, Gets] = {
    CHILD: Gets.FILTERED,
    OWNER: Gets.FILTERED,
    STRANGER: Gets.SERVED,
}
FOR_THE_OWNER: Mapping[str, Gets] = {
    CHILD: Gets.SERVED,
    OWNER: Gets.FILTERED,
    STRANGER: Gets.SERVED,
}
_RCODES = {
    Gets.FAILED: dns.rcode.SERVFAIL,
    Gets.REFUSED: dns.rcode.REFUSED,
    Gets.FORMERR: dns.rcode.FORMERR,
    Gets.NOTIMP: dns.rcode.NOTIMP,
    Gets.BADVERS: dns.rcode.BADVERS,
}


def has_data(wire: bytes) -> bool:
    """True if forbidden data stands anywhere in a message behind its question."""
    return any(mark in wire for mark in MARKS)


def judge(wire: bytes, gets: Gets, said: str = "", *, edns: bool = True) -> None:
    """Assert that a message is what a client must get. ``edns``: whether the query had it, so that the answer
    tells the reason."""
    answer = dns.message.from_wire(wire)
    about = f"{said}: wants {gets.name}\n{answer}"
    if gets is Gets.SERVED:
        assert has_data(wire), about
        assert not ede(answer), about
        return
    assert not has_data(wire), about
    if isinstance(gets.value, int):
        assert gets.value in ede(answer) if edns else not ede(answer), about
        assert answer.rcode() in (dns.rcode.NXDOMAIN, dns.rcode.NOERROR), about
        return
    if gets in _RCODES:
        assert answer.rcode() == _RCODES[gets], about
        assert not answer.answer, about
        assert gets is not Gets.FAILED or ede(answer), about
    elif gets is Gets.STOPPED:
        assert ede(answer), about
        assert not answer.answer, about
    elif gets in (Gets.WITHHELD, Gets.WITHOUT):
        assert answer.rcode() == dns.rcode.NOERROR, about
        blocked = gets is Gets.WITHOUT and ede(answer) == [CENSORED]
        assert bool(answer.answer) != blocked, about
        assert blocked or not ede(answer), about
    elif gets is Gets.SAFE:
        assert dns.edns.EDECode.FORGED_ANSWER in ede(answer), about
        assert any(rrset.rdtype == dns.rdatatype.CNAME for rrset in answer.answer), about


Builder = Callable[[str, str], bytes]
"""a query's bytes from name and type"""


def plain(name: str, rtype: str) -> bytes:
    """An ordinary query with EDNS."""
    return dns.message.make_query(name, rtype, use_edns=0).to_wire()


class Way(Protocol):
    """One way in: a form, or a course of steps."""

    @property
    def id(self) -> str:
        """Its word, unique in its file."""
        ...

    def run(self, lab: Lab) -> None:
        """Try it."""
        ...


@dataclass(frozen=True)
class Form:
    """A question, what the upstream says to it, and what comes of it."""

    id: str
    gets: Expected = Gets.CENSORED
    says: Reply | None = None
    """None: the upstream serves the name as any other"""
    name: str = ""
    """what is asked, ``#`` for a label that nobody used before; empty: a name of its own below WAY"""
    rtype: str = "A"
    build: Builder = plain
    edns: bool = True
    kept: bool = True
    """whether the answer is cached: the upstream is then not asked again for the same name"""

    def expected(self, client: str) -> Gets:
        """The answer that this client must get."""
        return self.gets if isinstance(self.gets, Gets) else self.gets[client]

    def run(self, lab: Lab) -> None:
        """Ask it fresh and cached, over both transports, by every client."""
        own = f"{self.id}.{WAY}"
        if self.says is not None:
            lab.upstream.says[own if not self.name else self.name.replace("#.", "")] = self.says
        for transport in (UDP, TCP):
            for place, first in enumerate(CLIENTS):
                name = (self.name or f"#.{own}").replace("#", lab.fresh())
                self._ask(lab, name, first, transport, "fresh")
                asked = []
                for again in (UDP, TCP):
                    self._ask(lab, name, CLIENTS[place - 1], again, "cached")
                    asked.append(lab.upstream.asked[name.lower()])
                # An upstream that is late is asked once more: while the first answer is under way, not later.
                kept = asked[0] == asked[1]
                assert not self.kept or kept or "#" not in (self.name or "#"), f"{self.id}: not cached"

    def _ask(self, lab: Lab, name: str, client: str, transport: str, state: str) -> None:
        wire = self.build(name, self.rtype)
        answer = lab.send(wire, client, transport)
        if transport == UDP and answer[2] & TRUNCATED:
            assert not has_data(answer), f"{self.id} {client}: data in a cut answer"
            answer = lab.send(wire, client, TCP)
        judge(
            answer, self.expected(client), f"{self.id} {name} by {client} {transport} {state}", edns=self.edns
        )


@dataclass(frozen=True)
class Course:
    """Steps that a form cannot say: changes while it is asked, or bytes that are no query."""

    id: str
    steps: Callable[[Lab], None]

    def run(self, lab: Lab) -> None:
        """Take them."""
        self.steps(lab)


def course(steps: Callable[[Lab], None]) -> Course:
    """A course named as its function."""
    return Course(steps.__name__.strip("_").replace("_", "-"), steps)


def word_of(way: Way) -> str:
    """What pytest calls it."""
    return way.id

"""State that is put back to an earlier moment, or comes from another installation.

A round takes the later state of a :class:`.History`, puts some of its parts back, and starts both roles. A
change that one of the other parts still knows must hold from the first answer on. A change that none of them
knows may be lost, and then the product says that something is older than something else. The ledger has the
numbers of what was ended, and no node reads it: of an ending that it alone knows, control is not ready and
its /readyz says ``filterd restore``. The store, the
ledger, the node state and the snapshots have revisions; where all four go back together, nothing is left to
compare with, and the round asserts that the installation agrees with itself.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from tests.chaos import history
from tests.chaos import site as sites
from tests.chaos.case import Case, Round
from tests.chaos.history import PARTS, put_part
from tests.chaos.said import Said
from tests.chaos.site import ROLES, events
from tests.chaos.truth import NEVER, Answer, Kind, Name

AGREEMENT = 6.0
SETTLING = 30.0
"""seconds in which control has compiled anew what the parts that went back lack"""
WATCHED = 1.5
"""seconds for which the parts are heard in the end at least"""
REVISIONED = frozenset({"store", "ledger", "node", "snapshots"})
"""the parts that say how new they are"""
DECISION = frozenset({"store", "node"})
"""what knows an order, a choice, and the lists in force"""
ENDING = frozenset({"store", "node", "ledger"})
WORDS = re.compile(
    r"older|newer|ahead|another (history|installation|store|key)|rolled back|went back|not the newest"
    r"|acknowledged|not match|lacks|missing|replaced|damaged|does not belong",
    re.IGNORECASE,
)
"""in a warning that says that one part does not fit another"""


@dataclass(frozen=True)
class Fact:
    """A change between both moments, or something that holds at both: a question and the parts that know
    the answer."""

    name: Name
    blocked: bool
    known_to: frozenset[str] = frozenset()
    """empty: it holds at both moments"""
    by_session: bool = False
    """whether the line is known by a session, which is of the later moment"""

    def is_held(self, back: frozenset[str]) -> bool:
        """True if a part that did not go back knows it, and a node follows that part."""
        if self.by_session and "sessions" in back:
            return False
        return not self.known_to or bool(self.known_to - back - {"ledger"})

    def needs_restore(self, back: frozenset[str]) -> bool:
        """True if the ledger alone knows it, so that a restore is what brings it back."""
        return self.known_to - back == {"ledger"}

    @property
    def is_new(self) -> bool:
        """True if it does not hold at the earlier moment."""
        return bool(self.known_to) or self.by_session

    @property
    def wanted(self) -> Answer:
        """The right answer."""
        return Answer.BLOCKED if self.blocked else Answer.UNFILTERED


class Rollback(Case):
    """Parts of the state go back."""

    fresh = True
    roles = ()
    weight = 0.3
    agreement = AGREEMENT
    counted = frozenset({Kind.MANDATORY, Kind.CHOICE})
    sampled = False
    source = "later"
    parts: ClassVar[frozenset[str]]
    origin: ClassVar[str] = "earlier"

    def fault(self, round_: Round) -> None:
        site, past = round_.site, round_.ground.history
        assert past is not None
        source = past.other
        if self.origin == "earlier":
            source = round_.draw.choice((past.earlier, past.running))
        self._facts = _facts(round_)
        self._expect(frozenset())
        keeps_running = "node" not in self.parts and round_.draw.random() < 0.25
        if keeps_running:
            for role in ROLES:
                site.start(role)
            site.wait(lambda: site.http("resolver", "/readyz")[0] == 200, "the resolver is ready")
        self._expect(self.parts)
        if keeps_running:
            site.kill("control")
        with site.looking_in:
            for part in PARTS:
                if part in self.parts:
                    put_part(part, source / "state", site.state)
            if self.parts == frozenset(PARTS):
                history.replace(source / "state" / history.EPOCH, site.state / history.EPOCH)
        roles = [role for role in ROLES if not site.alive(role)]
        round_.draw.shuffle(roles)
        for role in roles:
            site.start(role, wait=False)

    def _expect(self, back: frozenset[str]) -> None:
        """From now on, the facts that are held where these parts went back are judged at each answer."""
        now = time.monotonic()
        for fact in self._facts:
            name, held = fact.name, fact.is_held(back)
            name.blocked_from = now if held and fact.blocked else NEVER
            name.open_from = now if held and not fact.blocked else NEVER
            name.free_from = 0.0 if fact.blocked else now
            name.stored = "store" not in back or not fact.is_new

    def recovery(self, round_: Round) -> None:
        for role in ROLES:
            round_.site.wait(
                lambda role=role: round_.site.http(role, "/readyz")[0] != 0,  # type: ignore[misc]  # mypy does not infer defaults of a lambda
                f"{role} listens",
            )

    def settle(self, round_: Round) -> tuple[int, list[str]]:
        listener, began = round_.ground.listener, time.monotonic()
        listener.recovered = True
        while True:
            lost, wrong = self._judged(round_, began)
            seconds = time.monotonic() - began
            if seconds > WATCHED and not lost and not wrong and not listener.after.pending:
                return 0, []
            if seconds > SETTLING:
                return len(lost), [*(f"{each}, and nothing says so" for each in lost), *wrong]
            time.sleep(0.1)

    def _judged(self, round_: Round, began: float) -> tuple[list[str], list[str]]:
        """The changes that are lost at this moment without being said, and all that is wrong beside that.

        Without the store, and where no key of this installation opens the newest snapshot or the lists of
        which another is made, names may get SERVFAIL as long as that is said."""
        lost: list[str] = []
        wrong: list[str] = []
        sealed = "keys" in self.parts and (self.origin == "other" or "snapshots" in self.parts)
        strict = "store" not in self.parts and not sealed
        if any(fact.needs_restore(self.parts) for fact in self._facts):
            wrong += _without_restore(round_)
        for fact in self._facts:
            found = round_.ground.asker.now(fact.name, tcp=round_.draw.random() < 0.2)
            if found is fact.wanted:
                continue
            told = f"{fact.name.name} from {fact.name.source} is {found.value}, not {fact.wanted.value}"
            if not fact.is_held(self.parts):
                lost.append(told)
            elif strict or found not in (Answer.FAILED, Answer.SILENT):
                wrong.append(told)
        unready = [] if "sessions" in self.parts else _unready(round_, began)
        if self.parts >= REVISIONED and self.origin == "earlier":
            return [], wrong + unready
        older = "store" in self.parts or bool(lost) or sealed
        if older and not round_.said:
            round_.said = _said(round_)
        if older and not round_.said:
            lost = lost or ["the store"]
            return lost, wrong
        return [], wrong + ([] if older else unready)


def _facts(round_: Round) -> list[Fact]:
    truth, past = round_.ground.truth, round_.ground.history
    assert past is not None
    of = {(each.name, each.source): each for each in truth.names}

    def name(text: str, kind: Kind, source: str = sites.STRANGER) -> Name:
        found = of.get((text, source))
        if found is None:
            found = truth.add(Name(text, kind, source, revision=past.revisions.get(text, 0)))
        return found

    first, second, third = sites.CHILDREN
    adult = sites.CATEGORY
    return [
        *(Fact(name(each, Kind.MANDATORY), True) for each in (sites.LISTED, sites.SECOND, sites.STANDING)),
        Fact(name(history.KEPT, Kind.MANDATORY), True),
        Fact(name(history.EARLY_OWN, Kind.CHOICE, third), True),
        Fact(name(adult, Kind.CHOICE, third), False),
        Fact(name(history.LATE, Kind.MANDATORY), True, DECISION),
        Fact(name(history.NEWER, Kind.MANDATORY), True, DECISION),
        Fact(name(history.ENDED, Kind.MANDATORY), False, ENDING),
        Fact(name(adult, Kind.CHOICE, first), False, ENDING),
        Fact(name(adult, Kind.CHOICE, second), True, DECISION),
        Fact(name(history.LATE_OWN, Kind.CHOICE, third), True, DECISION),
        Fact(name(adult, Kind.CHOICE, history.MOVED), False, by_session=True),
        Fact(name(adult, Kind.CHOICE, history.ARRIVED), True, DECISION, by_session=True),
    ]


def _without_restore(round_: Round) -> list[str]:
    """Control is not ready, and its /readyz says what to do."""
    status, text = round_.site.http("control", "/readyz")
    if status == HTTPStatus.SERVICE_UNAVAILABLE and "filterd restore" in text:
        return []
    return [f"control does not say that a restore is due: {status} {text}"]


def _unready(round_: Round, began: float) -> list[str]:
    said: Said | None = round_.ground.listener.last
    if said is None or said.at < began:
        return ["nothing was said yet"]
    return [] if said.ready == 200 and said.node_ready else [f"not ready: {said.line(None)} {said.note}"]


def _said(round_: Round) -> str:
    """The first part that says that something is older than something else, and its words."""
    site = round_.site
    for role in ROLES:
        status, page = site.http(role, "/readyz")
        if status == 503:
            return f"/readyz of {role}: {' '.join(page.split())[:200]}"
    for role in ROLES:
        for line in events(site, role):
            text = json.dumps(line)
            if line.get("level") in ("warning", "error", "critical") and WORDS.search(text):
                return f"log of {role}: {text[:200]}"
    done = site.run("doctor", "--json")
    for finding in json.loads(done.stdout or "{}").get("findings", []):
        if finding.get("severity") in ("warning", "error") and WORDS.search(json.dumps(finding)):
            return f"doctor: {finding.get('id')}"
    return ""


def _subsets() -> Iterator[frozenset[str]]:
    for count in range(1, len(PARTS) + 1):
        yield from map(frozenset, itertools.combinations(PARTS, count))


def _case(origin: str, parts: frozenset[str]) -> type[Rollback]:
    named = [part for part in PARTS if part in parts]
    whose = "of an earlier moment" if origin == "earlier" else "of another installation"
    body = {
        "__doc__": f"{', '.join(named)} {whose}, the rest as it was: what the rest knows holds, the loss of"
        " all else is said.",
        "name": f"{origin}-{'+'.join(named)}",
        "parts": parts,
        "origin": origin,
    }
    return type("Rollback", (Rollback,), body)


CASES: tuple[type[Rollback], ...] = (
    *(_case("earlier", parts) for parts in _subsets()),
    *(_case("other", frozenset({part})) for part in PARTS),
)
"""each subset of the parts of an earlier moment, and each part of another installation"""
SAMPLED = ("earlier-ledger", "earlier-node+snapshots", "earlier-store", "other-node")
for _each in CASES:
    _each.sampled = _each.name in SAMPLED

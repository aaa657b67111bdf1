"""The subject of a verdict, and all that the stages of ``decide_reference`` look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Network, ip_network
from typing import Protocol

from filterd.model.blocking_mode import BlockingMode
from filterd.model.lifting import is_suspended
from filterd.model.line import is_paused
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind, Outcome, Reason, Verdict, Where
from filterd.policy.classes import BIT_EXCEPTED, Classes
from filterd.policy.published import WELL_KNOWN_NAT64
from filterd.policy.resolve import ResolvedPolicy
from filterd.policy.trace import TRACED, StageOutcome, StageTrace
from filterd.wire.names import name_to_text


@dataclass(frozen=True, slots=True)
class Membership:
    """The classes and mandates of a name or address, exceptions taken away.

    ``wide``: the classes that hold for everything below it too.
    """

    bits: frozenset[int]
    wide: frozenset[int]
    mandatory: Sequence[tuple[int, int, int]]
    """active ids with the scope of the rule, and the label index or prefix length where it starts"""
    overflow: bool = False
    coming: bool = False
    """an order that is not in force yet speaks of it"""


class Matcher(Protocol):
    """The snapshot with its overlay and active set."""

    def match_name(self, wire: bytes, *, of_parent: bool = False) -> Membership:
        """The classes and mandates of a lower-cased wire name; ``of_parent``: of a DS question for it."""

    def match_address(self, address: bytes) -> Membership:
        """The classes and mandates of an address of 4 or 16 bytes."""

    def origin_of_name(self, wire: bytes, bit: int) -> tuple[int, Scope]:
        """Label index and scope of the rule that puts the name into a class that it stands in."""

    def origin_of_address(self, address: bytes, bit: int) -> int:
        """Length of the prefix that puts the address into a class that it stands in."""


@dataclass(frozen=True)
class ReferenceState:
    """The published state, as far as a verdict depends on it."""

    matcher: Matcher
    classes: Classes
    active: bytes = b""
    policies: Sequence[ResolvedPolicy] = ()
    security_enabled: bool = False
    ready: bool = True
    """the mandatory part is loaded"""
    parental_ready: bool = True
    """lines and their choices are loaded"""
    parental_fail_open: bool = False
    next_beginning: int = 0
    """when the next order that is coming begins, Unix seconds; 0: none has a beginning"""
    nat64: Sequence[IPv6Network] = (WELL_KNOWN_NAT64,)
    suspended_until: int = 0
    """till when parental filtering is off for every line, Unix seconds; 0: it is on"""
    exceptions_end: int = 0
    """the first end of an exception in force, Unix seconds; 0: there is none"""
    security_mode: BlockingMode = BlockingMode.NXDOMAIN


@dataclass(frozen=True)
class ReferenceLine:
    """A line's choices; its own names by wire form."""

    policy: int = 0
    opted_in: bool = False
    paused_until: int = 0
    security_left: bool = False
    own_names: Mapping[bytes, frozenset[tuple[Action, Scope]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnRule:
    """The line's own rule that counts for a name."""

    action: Action
    scope: Scope
    suffix: int


def suffixes(wire: bytes) -> Iterator[bytes]:
    """The name, then each of its parents, the root last."""
    while wire[0]:
        yield wire
        wire = wire[1 + wire[0] :]
    yield wire


def find_own(line: ReferenceLine, wire: bytes, *, of_parent: bool = False) -> OwnRule | None:
    """The own rule that counts: the most specific name, a block on a tie. ``of_parent``: a DS question, which
    no rule on the name itself blocks."""
    for index, suffix in enumerate(suffixes(wire)):
        here = [
            OwnRule(action, scope, index)
            for action, scope in line.own_names.get(suffix, ())
            if index == 0 or scope is not Scope.EXACT
        ]
        if here:
            found = max(here, key=lambda rule: (rule.action is Action.BLOCK, rule.scope is not Scope.EXACT))
            if index or found.action is not Action.BLOCK or not of_parent:
                return found
    return None


def policy_in_effect(state: ReferenceState, line: ReferenceLine | None, now: int) -> ResolvedPolicy | None:
    """The policy of a line that opted in and is not paused, unless all are off."""
    if line is None or not line.opted_in or line.policy >= len(state.policies):
        return None
    if is_paused(line.paused_until, now) or is_suspended(state.suspended_until, now):
        return None
    return state.policies[line.policy]


def awaits_lists(state: ReferenceState, line: ReferenceLine | None, now: int) -> bool:
    """True if the policy in effect has a category of which no list was ever read, and the operator fails
    closed."""
    policy = policy_in_effect(state, line, now)
    return policy is not None and policy.unread and not state.parental_fail_open


def strips_ech(state: ReferenceState, line: ReferenceLine | None, excepted: bool, now: int) -> bool:
    """True if the line gets its answers without ECH: its policy says so, and no exception lifts that for the
    query's name."""
    policy = policy_in_effect(state, line, now)
    return policy is not None and policy.strip_ech and not excepted


def boundary_of(state: ReferenceState, line: ReferenceLine | None, now: int) -> int:
    """The moment at which the line's pause or the suspension of all ends, the later of the two, or its
    schedule changes; 0: never."""
    if line is None or not line.opted_in:
        return 0
    paused = line.paused_until if is_paused(line.paused_until, now) else 0
    if is_suspended(state.suspended_until, now):
        return max(paused, state.suspended_until)
    if paused:
        return paused
    return state.policies[line.policy].next_boundary if line.policy < len(state.policies) else 0


@dataclass(frozen=True, slots=True)
class Carried:
    """The facts of the query's name that count for all that its answer holds."""

    own_allow: bool = False
    """the line allows it"""
    is_protected: bool = False
    rewritten: bool = False
    """the answer is a safe host's"""
    excepted: bool = False
    """an exception lifts feeds for it"""


NOTHING_CARRIED = Carried()


class Notes:
    """A trace in the making: of each stage, the furthest outcome over all that was asked about."""

    def __init__(self) -> None:
        self.stages: dict[Reason, StageTrace] = {reason: StageTrace(reason) for reason in TRACED}
        self.coming = False
        """an order that is not in force yet speaks of something that was asked about"""
        self.excepted = False
        """an exception lifts feeds for something that was asked about"""

    def add(self, entry: StageTrace) -> None:
        """Keep the entry if it goes further than what is known of its stage."""
        if entry.outcome > self.stages[entry.stage].outcome:
            self.stages[entry.stage] = entry


class Inquiry:
    """One name (``wire``) or address (``address``) and everything that the stages ask about it."""

    def __init__(
        self,
        state: ReferenceState,
        line: ReferenceLine | None,
        now: int,
        notes: Notes,
        *,
        wire: bytes = b"",
        address: bytes = b"",
        where: Where = Where.QUERY,
        carried: Carried = NOTHING_CARRIED,
        of_parent: bool = False,
    ) -> None:
        """``of_parent``: the question is for DS, which the parent zone answers (RFC 4035, 3.1.4.1)."""
        self.state = state
        self.line = line
        self.policy = policy_in_effect(state, line, now)
        self.notes = notes
        self.wire = wire
        self.address = address
        self.where = where
        matcher = state.matcher
        self.match = matcher.match_name(wire, of_parent=of_parent) if wire else matcher.match_address(address)
        self.carried = carried
        self.is_protected = False
        """whether that lifts orders and feeds: ``stage_protected`` sets it"""
        notes.coming = notes.coming or self.match.coming
        self.own = find_own(line, wire, of_parent=of_parent) if line is not None and wire else None
        self.own_allow = carried.own_allow or (self.own is not None and self.own.action is Action.ALLOW)
        self.excepted = carried.excepted or self._has_exception(of_parent=of_parent)
        notes.excepted = notes.excepted or self.excepted

    def _has_exception(self, *, of_parent: bool) -> bool:
        """True if an exception stands at the name or above it. One at the name itself counts for a DS
        question too: what stands above the name would block it otherwise."""
        if not of_parent:
            return BIT_EXCEPTED in self.match.bits
        return BIT_EXCEPTED in self.state.matcher.match_name(self.wire).bits

    def protection(self) -> bool:
        """True if the query's name is protected, or this very address is. A protected name that is met in
        another one's answer protects nothing, not even itself."""
        itself = self.where is Where.QUERY or bool(self.address)
        listed = itself and bool(self.shared(self.state.classes.mask(Kind.PROTECTED)))
        return self.carried.is_protected or listed

    def shared(self, mask: int) -> list[int]:
        """The class bits of the mask that it stands in, lowest first."""
        return sorted(self.match.bits & bits_of(mask))

    def matched_text(self, suffix: int) -> str:
        """The name or prefix of a rule that starts at ``suffix``."""
        if self.wire:
            return name_to_text(list(suffixes(self.wire))[suffix])
        return str(ip_network((self.address, suffix), strict=False))

    def note(self, reason: Reason, outcome: StageOutcome) -> None:
        """Note an outcome without a rule."""
        self.notes.add(StageTrace(reason, outcome, where=self.where))

    def note_rule(
        self, reason: Reason, outcome: StageOutcome, reference: int, scope: Scope, suffix: int
    ) -> str:
        """Note the rule that matched; its name or prefix."""
        matched = self.matched_text(suffix)
        self.notes.add(StageTrace(reason, outcome, reference, self.where, scope, matched))
        return matched

    def note_class(self, reason: Reason, outcome: StageOutcome, bit: int) -> str:
        """Note the list that matched; the name or prefix of its rule."""
        if self.wire:
            suffix, scope = self.state.matcher.origin_of_name(self.wire, bit)
        else:
            suffix, scope = self.state.matcher.origin_of_address(self.address, bit), Scope.SUBTREE
        return self.note_rule(reason, outcome, bit, scope, suffix)

    def decide_class(self, outcome: Outcome, reason: Reason, mode: BlockingMode, bit: int) -> Verdict:
        """The verdict of a stage that decides because of a list."""
        matched = self.note_class(reason, StageOutcome.DECIDED, bit)
        scope = Scope.SUBTREE if bit in self.match.wide else Scope.EXACT
        return Verdict(outcome, reason, mode, scope, self.where, bit, matched)

    def block_class(self, reason: Reason, mask: int, mode: BlockingMode, *, lifted: bool) -> Verdict | None:
        """Block what stands in one of the classes, unless that is lifted."""
        bits = self.shared(mask)
        if not bits:
            self.note(reason, StageOutcome.NO_MATCH)
            return None
        if lifted:
            self.note_class(reason, StageOutcome.LIFTED, bits[0])
            return None
        return self.decide_class(Outcome.BLOCK, reason, mode, bits[0])


def bits_of(mask: int) -> frozenset[int]:
    """The numbers of the bits that are set."""
    return frozenset(bit for bit in range(mask.bit_length()) if mask >> bit & 1)

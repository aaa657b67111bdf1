"""A small policy for tests: snapshot and overlay in memory, the published state over them, and its twin."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import Mandate
from filterd.model.rule import Action, Scope
from filterd.policy.build import MANDATORY_TARGET, Builder
from filterd.policy.classes import Classes
from filterd.policy.decide import LineHandle, PublishedState
from filterd.policy.fingerprint import fingerprint_name, prefix_fingerprint
from filterd.policy.inquiry_reference import Membership, ReferenceLine, ReferenceState
from filterd.policy.published import WELL_KNOWN_NAT64, StateSettings, active_set, next_beginning
from filterd.policy.resolve import ResolvedPolicy
from filterd.policy.snapshot import (
    Overlay,
    Snapshot,
    match_packed,
    match_wire,
    origin_of_address_class,
    origin_of_class,
)
from filterd.policy.snapshot_reference import RuleTable
from filterd.wire.names import name_from_text

KEY = bytes(range(16))
NOW = 1_800_000_000


@dataclass(frozen=True)
class Placed:
    """One rule: a name or an address prefix, in the snapshot or (``live``) in the overlay."""

    trigger: str
    bit: int = -1
    mandatory: int = -1
    """instead of ``bit``"""
    scope: Scope = Scope.SUBTREE
    action: Action = Action.BLOCK
    live: bool = False

    @property
    def prefix(self) -> IPv4Network | IPv6Network | None:
        """The address prefix, None for a name."""
        return ip_network(self.trigger) if self.trigger[-1].isdigit() else None

    def numbers(self) -> tuple[bytes, int, int, int]:
        """The rule as builder and overlay take it."""
        prefix = self.prefix
        if prefix is None:
            value = fingerprint_name(KEY, self.trigger)
        else:
            address = prefix.network_address.packed
            value = prefix_fingerprint(KEY, prefix.version, prefix.prefixlen, address)
        target = self.bit if self.mandatory < 0 else MANDATORY_TARGET + self.mandatory
        return value, target, self.scope, self.action


def _lengths(rules: Iterable[Placed]) -> tuple[list[int], list[int]]:
    prefixes = [rule.prefix for rule in rules]
    return (
        sorted({prefix.prefixlen for prefix in prefixes if isinstance(prefix, IPv4Network)}),
        sorted({prefix.prefixlen for prefix in prefixes if isinstance(prefix, IPv6Network)}),
    )


def snapshot_of(rules: Sequence[Placed], classes: Classes) -> Snapshot:
    """A snapshot with these rules."""
    four, six = _lengths(rules)
    builder = Builder(KEY)
    builder.use_prefixes(four, six)
    for rule in rules:
        builder.add_fingerprint(*rule.numbers())
    meta = {"lists": classes.to_meta(), "address_prefixes": {"4": four, "6": six}}
    data = b"".join(builder.finish(meta, 1, NOW, bytes(32)))
    return Snapshot.read(io.BytesIO(data), len(data), KEY)


def overlay_of(rules: Sequence[Placed]) -> Overlay | None:
    """An overlay with these rules; None for none."""
    return Overlay([rule.numbers() for rule in rules], *_lengths(rules)) if rules else None


def table_of(rules: Sequence[Placed]) -> RuleTable:
    """The plain table of these rules."""
    return RuleTable([rule.numbers() for rule in rules], *_lengths(rules))


@dataclass(frozen=True)
class NativeMatcher:
    """The match that both verdicts look at: its own twin is tested elsewhere."""

    snapshot: Snapshot
    overlay: Overlay | None
    active: bytes

    def match_name(self, wire: bytes, *, of_parent: bool = False) -> Membership:
        found = match_wire(self.snapshot, self.overlay, KEY, wire, self.active, of_parent=of_parent)
        return Membership(found.bits, found.wide, found.mandatory, found.overflow, found.coming)

    def match_address(self, address: bytes) -> Membership:
        found = match_packed(self.snapshot, self.overlay, KEY, address, self.active)
        return Membership(found.bits, found.wide, found.mandatory, found.overflow, found.coming)

    def origin_of_name(self, wire: bytes, bit: int) -> tuple[int, Scope]:
        found = origin_of_class(self.snapshot, self.overlay, KEY, wire, bit)
        assert found is not None
        return found[0], Scope(found[1])

    def origin_of_address(self, address: bytes, bit: int) -> int:
        found = origin_of_address_class(self.snapshot, self.overlay, KEY, address, bit)
        assert found is not None
        return found


@dataclass(frozen=True)
class Line:
    """A line's choices, for both; own names in text."""

    policy: int = 0
    opted_in: bool = False
    paused_until: int = 0
    security_left: bool = False
    own_names: tuple[tuple[str, Action, Scope], ...] = ()

    def native(self, number: int = 7) -> LineHandle:
        return LineHandle(
            number,
            policy=self.policy,
            opted_in=self.opted_in,
            paused_until=self.paused_until,
            security_left=self.security_left,
            own_names=[
                (fingerprint_name(KEY, name), action, scope) for name, action, scope in self.own_names
            ],
        )

    def reference(self) -> ReferenceLine:
        own: dict[bytes, frozenset[tuple[Action, Scope]]] = {}
        for name, action, scope in self.own_names:
            wire = name_from_text(name)
            own[wire] = own.get(wire, frozenset()) | {(action, scope)}
        return ReferenceLine(self.policy, self.opted_in, self.paused_until, self.security_left, own)


@dataclass(frozen=True)
class World:
    """The same policy for the native verdict and for its twin, at ``now``."""

    classes: Classes
    rules: tuple[Placed, ...] = ()
    mandates: tuple[Mandate, ...] = ()
    policies: tuple[ResolvedPolicy, ...] = ()
    security_enabled: bool = False
    now: int = NOW
    generation: int = 1
    nat64: tuple[IPv6Network, ...] = (WELL_KNOWN_NAT64,)
    suspended_until: int = 0
    exceptions_end: int = 0
    """not 0 where a rule is an exception"""
    security_mode: BlockingMode = BlockingMode.NXDOMAIN
    native: PublishedState = field(init=False, repr=False, compare=False)
    reference: ReferenceState = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        snapshot = snapshot_of([rule for rule in self.rules if not rule.live], self.classes)
        overlay = overlay_of([rule for rule in self.rules if rule.live])
        native = PublishedState(
            snapshot,
            KEY,
            now=self.now,
            generation=self.generation,
            overlay=overlay,
            mandates=self.mandates,
            policies=self.policies,
            settings=StateSettings(
                security_enabled=self.security_enabled,
                security_mode=self.security_mode,
                nat64=self.nat64,
                suspended_until=self.suspended_until,
                exceptions_end=self.exceptions_end,
            ),
        )
        active = active_set(self.mandates, self.now)
        matcher = NativeMatcher(snapshot, overlay, active)
        reference = ReferenceState(
            matcher,
            self.classes,
            active,
            self.policies,
            self.security_enabled,
            next_beginning=next_beginning(self.mandates, self.now),
            nat64=self.nat64,
            suspended_until=self.suspended_until,
            exceptions_end=self.exceptions_end,
            security_mode=self.security_mode,
        )
        object.__setattr__(self, "native", native)
        object.__setattr__(self, "reference", reference)

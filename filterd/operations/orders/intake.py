"""The intake of an order: completes and normalises its demand, and checks it for what DNS cannot or must not
do.

The checks of an entry, in this order: a URL or an address is *flagged* (DNS would block more than was
demanded, so a person has to accept that); a public suffix, and what can never act or would stop the resolver
(operations.orders.limits), is *refused*; an overlap with a protected name *quarantines* the order. What many
people use takes a second person (operations.orders.reach).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from filterd.config.policies import icann_suffixes
from filterd.model.blocking_mode import BlockingMode
from filterd.model.order import Demand
from filterd.model.rule import NameRule, Scope
from filterd.operations import input_values
from filterd.operations.context import OperationError
from filterd.operations.orders import basis, limits
from filterd.operations.orders.nameless import CONFIDENTIAL, require_nameless
from filterd.operations.orders.reach import Hit, HitKind
from filterd.policy.documents import Protected
from filterd.policy.jurisdictions import Jurisdiction
from filterd.policy.overlaps import above, overlaps
from filterd.policy.published import WELL_KNOWN_NAT64
from filterd.policy.suffixes import Suffixes

MAX_ENTRIES = 10_000
"""names and addresses of one order: it travels to the nodes as one change"""
PARTS = ("authority", "official", "document", "ground", "reason")
"""the parts that each order is given as they are"""
MAX_PROPORTIONALITY = 2_000
"""characters"""
SHOWN_HITS = 5
"""of its reach, in an error"""
UNKNOWN = HitKind.UNKNOWN


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as typed in or received. Times are Unix seconds, 0 for not given."""

    authority: str
    official: str
    document: str
    ground: str
    reason: str
    entries: tuple[tuple[str, Scope], ...]
    """names, and also URLs and addresses, for which see ``accept_overblocking``"""
    mode: BlockingMode = BlockingMode.NXDOMAIN
    not_before: int = 0
    not_after: int = 0
    review_at: int = 0
    received_at: int = 0
    document_digest: str = ""
    confidential: bool = False
    accept_overblocking: bool = False
    """the decision to follow a demand that DNS can only follow by blocking more (R9)"""
    law: str = ""
    """the substantive law; empty: that of the ground, where it is one"""
    proportionality: str = ""
    """why what it reaches beyond its target is bearable"""
    override_protection: bool = False
    """it shall hold for protected names too"""
    enforce_by: int = 0
    report_by: int = 0
    places: tuple[str, ...] = ()
    """for each entry where it was read, ``FILE:3``, or empty; errors name it"""

    def place(self, number: int) -> str:
        """The beginning of an error about the entry with this number, from 1."""
        found = self.places[number - 1] if number <= len(self.places) else ""
        return f"{found}: " if found else ""


class IncompleteOrderError(OperationError):
    """An order without all its parts. ``missing`` names every one, as options without their dashes."""

    def __init__(self, missing: Sequence[str], because: Sequence[str] = ()) -> None:
        shown = ", ".join("a NAME" if part == "name" else f"--{part}" for part in missing)
        why = f" ({'; '.join(because)})" if because else ""
        super().__init__(f"the order is incomplete: it lacks {', '.join(missing)}{why}", f"give {shown}")
        self.missing = tuple(missing)


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """The rules that an order is held against when it is taken in. ``now`` is in Unix seconds."""

    now: float
    kept: limits.Ours = ()
    """addresses that no order may hold"""
    nat64: limits.Nat64 = (WELL_KNOWN_NAT64,)
    country: Jurisdiction | None = None
    """the jurisdiction in force; None: nobody knows one"""
    lawless: bool = False
    """true: its file is wrong, so that each order has to name the law"""
    hits: Callable[[Demand], tuple[Hit, ...]] = lambda _: ()
    """the reach of a demand"""


def complete(request: OrderRequest, rules: IntakeRules) -> Demand:
    """The demand in the store's form. IncompleteOrderError names everything that is missing (R1)."""
    missing, because = _missing(request, rules)
    try:
        demand = _demand(request, rules)
    except OperationError:
        if missing:
            raise IncompleteOrderError(missing, because) from None
        raise
    if "proportionality" in missing:
        missing.remove("proportionality")  # it is told below, with what it reaches
    _require_no_names(demand, request.reason)
    hits = [] if request.proportionality.strip() else [e for e in rules.hits(demand) if e.kind is not UNKNOWN]
    if hits:
        told = [each.unnamed.says if request.confidential else each.says for each in hits[:SHOWN_HITS]]
        missing.append("proportionality")
        more = f" and {len(hits) - SHOWN_HITS} more" if len(hits) > SHOWN_HITS else ""
        because.append(f"it reaches {', '.join(told)}{more}")
    if missing:
        raise IncompleteOrderError(missing, because)
    return demand


def _demand(request: OrderRequest, rules: IntakeRules) -> Demand:
    """The demand, as far as its parts are there."""
    now = rules.now
    names, addresses = _sort_out(request, rules.kept, rules.nat64)
    _require_times(request, now)
    not_after, review_at = basis.times(
        request.ground, request.authority, request.not_after, request.review_at, now, rules.country
    )
    return Demand(
        authority=input_values.text(request.authority, "authority", required=False),
        official=input_values.text(request.official, "official", required=False),
        document=input_values.text(request.document, "document number", required=False),
        ground=input_values.text(request.ground, "legal ground", limit=1000, required=False),
        names=names,
        addresses=addresses,
        mode=request.mode,
        not_before=request.not_before,
        not_after=not_after,
        review_at=review_at,
        received_at=float(request.received_at or now),
        document_digest=input_values.sha256(request.document_digest, "document digest"),
        confidential=request.confidential,
        overblocking_accepted=request.accept_overblocking,
        law=input_values.text(_law(request, rules), "law", limit=1000, required=False),
        proportionality=input_values.text(
            request.proportionality, "text on proportionality", limit=MAX_PROPORTIONALITY, required=False
        ),
        protection_overridden=request.override_protection,
        enforce_by=request.enforce_by,
        report_by=request.report_by,
    )


def _require_no_names(demand: Demand, reason: str) -> None:
    """The text on proportionality is published: it must not hold what the order blocks. Of a confidential
    order that goes for each text, since the trail and its exports have them."""
    require_nameless(demand, demand.proportionality, "text on proportionality", "--proportionality")
    if not demand.confidential:
        return
    for part in (*PARTS[:-1], "law"):
        require_nameless(demand, getattr(demand, part), part, f"--{part}", CONFIDENTIAL)
    require_nameless(demand, reason, "reason", "--reason", CONFIDENTIAL)


def _law(request: OrderRequest, rules: IntakeRules) -> str:
    if rules.lawless:
        return request.law
    return basis.law_of(request.law, request.ground, rules.country)


def _missing(request: OrderRequest, rules: IntakeRules) -> tuple[list[str], list[str]]:
    """The parts that are missing, and why those are asked for that not each order has."""
    missing = [part for part in PARTS if not getattr(request, part).strip()]
    because = []
    if "ground" not in missing and not _law(request, rules):
        missing.append("law")
        because.append(f"{request.ground.strip()[:64]!r} does not name the law that allows the block")
    if request.override_protection and not request.proportionality.strip():
        missing.append("proportionality")
    if not request.entries:
        missing.insert(0, "name")
    if len(request.entries) > MAX_ENTRIES:
        message = f"the order has {len(request.entries)} entries, more than {MAX_ENTRIES}"
        raise OperationError(message, "split it into several orders with the same document number")
    return missing, because


def _require_times(request: OrderRequest, now: float) -> None:
    if request.not_after and request.not_after <= max(now, request.not_before):
        message = "the order would end before it begins: --not-after lies in the past or before --not-before"
        raise OperationError(message, "give --not-after in the future and after --not-before")
    if request.review_at and request.review_at <= now:
        message = "the review date (--review-at) lies in the past"
        raise OperationError(message, "give --review-at in the future")
    for at, option in ((request.enforce_by, "--enforce-by"), (request.report_by, "--report-by")):
        if at and at <= (request.received_at or now):
            message = f"{option} lies before the order was received"
            raise OperationError(message, f"give the time in {option} by which it must be done")
    input_values.past(request.received_at, now, "the time at which the order was received (--received-at)")


def _sort_out(
    request: OrderRequest, kept: limits.Ours, nat64: limits.Nat64
) -> tuple[tuple[tuple[str, Scope], ...], tuple[str, ...]]:
    """Names and addresses, normalised, each once and sorted."""
    suffixes = icann_suffixes()
    names: set[tuple[str, Scope]] = set()
    addresses: set[str] = set()
    flagged: list[str] = []
    for number, (value, scope) in enumerate(request.entries, start=1):
        with _unquoted(request, number):
            if input_values.is_address(value):
                addresses.add(limits.prefix(value, kept, nat64))
                flagged.append("an address blocks every site behind it")
                continue
            host, precise = host_of(value)
            names.add((_checked(host, suffixes), scope))
        if not precise:
            flagged.append("a URL blocks the whole site")
    if flagged and not request.accept_overblocking:
        kinds = "; ".join(dict.fromkeys(flagged))
        count = "one entry" if len(flagged) == 1 else f"{len(flagged)} entries"
        message = f"{count} cannot be followed by DNS without blocking more than demanded: {kinds}"
        raise OperationError(message, "decide it: repeat with --accept-overblocking, or demand names only")
    return tuple(sorted(names)), tuple(sorted(addresses))


@contextmanager
def _unquoted(request: OrderRequest, number: int) -> Iterator[None]:
    """An error in a confidential order gives the number of the entry, and does not quote it."""
    try:
        yield
    except OperationError as error:
        place = request.place(number)
        if not request.confidential:
            message = f"{place}{error}"
            raise OperationError(message, error.remedy) from error
        message = f"{place}entry {number} of the order is no name or address that can be blocked"
        remedy = "mend that entry; it is not shown, as the order is confidential"
        raise OperationError(message, remedy) from None


def host_of(value: str) -> tuple[str, bool]:
    """The host of an entry, and whether the entry means the whole host."""
    trimmed = value.strip()
    if "://" not in trimmed:
        host, slash, rest = trimmed.partition("/")
        return host, not (slash and rest)
    try:
        parts = urlsplit(trimmed)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    return host, parts.path in ("", "/") and not parts.query and not parts.fragment


def _checked(host: str, suffixes: Suffixes) -> str:
    name = input_values.name(host)
    limits.require_name(name)
    if name in suffixes:
        message = f"{name} is a public suffix: blocking it would block all that is registered below it"
        raise OperationError(message, "name the domains that are meant")
    return name


def protected_overlap(demand: Demand, protected: Protected) -> tuple[str, ...]:
    """The protected names and addresses that the demand would block, whole or in part."""
    wanted = {name for name, _ in demand.names}
    suspects = [rule for rule in protected.names if _related(rule, wanted)]
    hit = {
        rule.name
        for rule in suspects
        if any(overlaps(NameRule(name, scope), rule) for name, scope in demand.names)
    }
    networks = [ip_network(prefix) for prefix in demand.addresses]
    hit |= {
        str(kept)
        for kept in protected.addresses
        if any(kept.version == each.version and kept.overlaps(each) for each in networks)
    }
    return tuple(sorted(hit))


def _related(rule: NameRule, names: set[str]) -> bool:
    """Return whether one of the names is the rule's name, or above or below it: a quick first filter."""
    return not names.isdisjoint(above(rule.name)) or any(name.endswith("." + rule.name) for name in names)

"""Proves of one line what can act on its queries, with the engine that nodes decide with.

The line is decided as it stands on names of every category, service and way around that the policies have,
and each verdict is compared with that of a client of whom nobody knows anything. A second run, on the same
line as if it had asked for the strictest profile, shows that the names would have been closed: a proof on
names that nothing closes proves nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from filterd.model.rule import NameRule, Scope
from filterd.model.subscriber import Subscriber
from filterd.model.verdict import Outcome, Reason
from filterd.operations import lines
from filterd.operations.check import CheckState, load_state
from filterd.operations.consent import CONTRACT_KINDS
from filterd.operations.context import Context
from filterd.operations.feeds.adoption import policies_in_force
from filterd.operations.feeds.rule_files import read_pieces, rule_file
from filterd.policy.canonical import CanonicalError, parse_line
from filterd.policy.decide import LineHandle, decide_name
from filterd.policy.documents import Feed, Policies, Profile, Use
from filterd.policy.trace import StageOutcome
from filterd.store import change_log, feeds
from filterd.store import subscribers as subscriber_rows
from filterd.wire.names import name_from_text

SAMPLE = 200
"""names of each list"""
OF_THE_LINE = (
    Reason.OWN_DENY,
    Reason.SCHEDULE,
    Reason.OWN_ALLOW,
    Reason.SERVICE,
    Reason.CATEGORY,
    Reason.SAFE_SEARCH,
    Reason.BYPASS,
)
"""the stages that act by what a line asked for; all others act on every line alike"""


@dataclass(frozen=True, slots=True)
class ConsentProof:
    """The stages that can act on a line, and the trials that show it."""

    id: str
    line: int
    opted_in: bool
    profile: str
    """empty: no policy"""
    own_names: int
    requests: int
    """requests that were ever recorded; events of the contract are none"""
    actions: int
    """entries about it in the audit trail"""
    acting_stages: tuple[str, ...]
    """the stages that can act on it"""
    security: bool
    """the operator's own security blocking is on, and the line has not left it"""
    names: int
    """names that were decided"""
    lists: int
    """lists that they are of"""
    verdicts: dict[str, int]
    """the verdicts on the line, by reason"""
    unlike_unknown: int
    """names whose verdict is not that of a client of whom nothing is known"""
    control_profile: str
    control_blocked: int
    """names that the same line would lose, had it asked for that profile"""
    revision: int
    snapshot: str

    @property
    def only_orders(self) -> bool:
        """True if nothing of what lines ask for reaches it: orders, and what everyone gets, alone."""
        quiet = not self.opted_in and not self.own_names and not self.unlike_unknown
        return quiet and not any(each.word in self.acting_stages for each in OF_THE_LINE)

    @property
    def never_asked(self) -> bool:
        """True if it has no request on record either."""
        return self.only_orders and not self.requests


async def prove(context: Context, subscriber: str) -> ConsentProof:
    """Prove what can act on a line. OperationError where there is no snapshot, or no such line."""
    now = int(context.clock())
    state = await load_state(context, now, subscriber=subscriber)
    documents = (await policies_in_force(context)).policies
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
        recorded = await subscriber_rows.requests(connection, found.line)
        asked = sum(kind not in CONTRACT_KINDS for kind, _ in recorded)
        actions = len(await change_log.entries_of(connection, lines.subject(found.line)))
        versions = await feeds.current(connection)
    files = {each.id: version.version for each in documents.feeds if (version := versions.get(each.id))}
    sampled = await asyncio.to_thread(_samples, context.settings.state_dir, documents, files)
    return await asyncio.to_thread(_proof, state, found, documents, sampled, (asked, actions), now)


def _proof(
    state: CheckState,
    found: Subscriber,
    documents: Policies,
    sampled: list[list[str]],
    recorded: tuple[int, int],
    now: int,
) -> ConsentProof:
    names = sorted({name for each in sampled for name in each})
    strict = max(documents.profiles, key=_strictness, default=None)
    verdicts, unlike = Counter[str](), 0
    acting: set[Reason] = set()
    for name in names:
        wire = name_from_text(name)
        mine, nobody = (decide_name(state.published, each, wire, now) for each in (state.line, None))
        acting |= {each.stage for each in mine.stages if each.outcome >= StageOutcome.NO_MATCH}
        verdicts[mine.verdict.reason.word] += 1
        unlike += mine.verdict != nobody.verdict
    if not (choices := found.choices).own_names:
        acting -= {Reason.OWN_DENY, Reason.OWN_ALLOW}
    return ConsentProof(
        id=found.id,
        line=found.line,
        opted_in=choices.opted_in,
        profile=choices.profile,
        own_names=len(choices.own_names),
        requests=recorded[0],
        actions=recorded[1],
        acting_stages=tuple(each.word for each in sorted(acting | {Reason.MANDATORY})),
        security=Reason.SECURITY in acting,
        names=len(names),
        lists=len(sampled),
        verdicts=dict(sorted(verdicts.items())),
        unlike_unknown=unlike,
        control_profile="" if strict is None else strict.id,
        control_blocked=0 if strict is None else _closed_by(state, found, strict.id, names, now),
        revision=state.revision,
        snapshot=state.snapshot.digest,
    )


def _closed_by(state: CheckState, found: Subscriber, profile: str, names: Iterable[str], now: int) -> int:
    """The number of names that the line would lose, had it asked for a profile."""
    asking = state.line_of(replace(found.choices, opted_in=True, profile=profile, paused_until=0))
    control = state.moved(now)  # with the policy that this line adds to the book
    return sum(_closes(control, asking, name_from_text(each), now) for each in names)


def _closes(state: CheckState, line: LineHandle | None, wire: bytes, now: int) -> bool:
    verdict = decide_name(state.published, line, wire, now, traced=False).verdict
    return verdict.outcome is not Outcome.PASS and verdict.reason in OF_THE_LINE


def _strictness(profile: Profile) -> int:
    return len(profile.categories) + len(profile.services) + len(profile.safe_search) + len(profile.bypass)


def _samples(state_dir: Path, documents: Policies, versions: dict[str, int]) -> list[list[str]]:
    """Names of every list that lines choose of, at most :data:`SAMPLE` of each."""
    found = [_of_feed(state_dir, each, versions) for each in documents.feeds if _is_chosen(each)]
    for kind in (documents.services, documents.safe_search, documents.bypass):
        found += [list(islice(_names(each.names), SAMPLE)) for each in kind]
    return [each for each in found if each]


def _is_chosen(feed: Feed) -> bool:
    return feed.use in (Use.CATEGORY, Use.BYPASS) and not feed.confidential


def _of_feed(state_dir: Path, feed: Feed, versions: dict[str, int]) -> list[str]:
    if feed.id not in versions:
        return []
    try:
        piece = next(read_pieces(rule_file(state_dir, feed.id, versions[feed.id])), b"")
        whole = piece[: piece.rfind(b"\n")].split(b"\n")
        rules = (parse_line(line) for line in whole if line)
        return list(islice(_names(each for each in rules if isinstance(each, NameRule)), SAMPLE))
    except (OSError, CanonicalError):
        return []  # what is wrong with a list is the doctor's to say


def _names(rules: Iterable[NameRule]) -> Iterator[str]:
    for each in rules:
        yield f"www.{each.name}" if each.scope is Scope.BELOW else each.name

"""Asks for the names of independent lists on a line with each profile, and counts what becomes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from filterd.model.verdict import Kind, Outcome, Reason, Verdict
from filterd.operations.coverage.engine import Engine, LineOfProfile, Tell, alone, outside_hours
from filterd.operations.coverage.folder import (
    Area,
    IndependentList,
    ListSample,
    Opened,
    read_folder,
    sample_of,
)
from filterd.operations.errors import OperationError
from filterd.operations.nearest import did_you_mean
from filterd.policy.classes import Classes
from filterd.policy.resolve import ProfileRules

SAMPLE = 5000
"""names that are asked for of each list, unless told otherwise"""
MOST_NAMES = 500
"""names that a row shows"""


@dataclass(frozen=True, slots=True)
class Row:
    """One list on one line."""

    title: str
    area: Area
    id: str
    """the category, service or way around that it is about, as these policies call it; empty: none"""
    wanted: bool
    """the profile restricts it, so what passes is a gap"""
    listed: int
    """names that the list has"""
    skipped: int
    """its lines that give no name"""
    asked: int
    """names that were asked for: a sample of a long list"""
    blocked: int
    rewritten: int
    """search engines that are answered with their safe host"""
    names: tuple[str, ...] = ()
    """what passes, or of a list that stays open what is blocked and why; at most :data:`MOST_NAMES`"""
    by_hours: int = 0
    """of a list that stays open: names that a schedule blocks with everything else at this hour"""

    @property
    def passing(self) -> int:
        """Names that nothing keeps from the line."""
        return self.asked - self.blocked - self.rewritten


@dataclass(frozen=True, slots=True)
class Totals:
    """The rows of an area together."""

    lists: int = 0
    asked: int = 0
    blocked: int = 0
    rewritten: int = 0

    @property
    def passing(self) -> int:
        """Names that nothing keeps from the line."""
        return self.asked - self.blocked - self.rewritten

    @property
    def share(self) -> float | None:
        """The part that is blocked or made safe, from 0 to 1; None without names."""
        return (self.blocked + self.rewritten) / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class ProfileCoverage:
    """Every list on a line with one profile."""

    profile: str
    at: int
    """the moment of the questions, Unix seconds"""
    rows: tuple[Row, ...]

    def totals(self, area: Area) -> Totals:
        """The lists of an area that the profile restricts; of one that stays open all."""
        return total(row for row in self.rows if row.area is area and (row.wanted or area.stays_open))


@dataclass(frozen=True, slots=True)
class Coverage:
    """The whole report."""

    made_of: str
    zone: str
    sample: int
    """names asked for of each list at most; 0: all"""
    seed: int
    profiles: tuple[ProfileCoverage, ...]
    offered: tuple[Row, ...]
    """lists of services, with all services restricted, and of categories, each with its own category alone:
    what a profile could restrict"""
    left_out: tuple[str, ...] = ()
    """feeds from servers, which were not fetched"""

    @property
    def unasked(self) -> tuple[Row, ...]:
        """The lists that give less than they should: one without names, and one that must pass of which lines
        were skipped, so that nobody asked for these."""
        rows = self.profiles[0].rows if self.profiles else ()
        return tuple(row for row in rows if not row.asked or (row.area is Area.MUST_PASS and row.skipped))

    @property
    def blocked_wrongly(self) -> tuple[str, ...]:
        """The names that must pass and are blocked, each once, with the reason."""
        rows = (row for each in self.profiles for row in each.rows if row.area is Area.MUST_PASS)
        return tuple(sorted({name for row in rows for name in row.names}))


@dataclass(frozen=True, slots=True)
class Request:
    """The subject and the manner of a measurement."""

    folder: Path
    now: int
    """Unix seconds"""
    zone: str
    profiles: Sequence[str] = ()
    """ids; none: all"""
    at: int | None = None
    """None: outside of each profile's hours"""
    sample: int = SAMPLE
    seed: int = 1
    names: bool = False
    """show the names that pass"""


@dataclass(slots=True)
class _Course:
    """How far a measurement has come."""

    tell: Tell | None
    total: int
    done: int = 0

    def step(self, what: str) -> None:
        """Say what comes next."""
        if self.tell is not None:
            self.tell(what, self.done, self.total)
        self.done += 1


def measure(engine: Engine, request: Request, opened: Opened, tell: Tell | None = None) -> Coverage:
    """Measure the profiles against the lists of the folder. Raises OperationError."""
    profiles = _chosen(engine.profiles, request.profiles)
    lists = read_folder(request.folder, opened)
    course = _Course(tell, len(lists) + len(profiles) + 1)
    samples = tuple(_sampled(lists, request, opened, course))
    course.step("all services and categories")
    offered = dict(_offered(engine, samples, request))
    services = {each: row.id for each, row in offered.items() if each.area is Area.SERVICES}
    found = []
    for rules in profiles:
        course.step(rules.id)
        found.append(_of_profile(engine, rules, samples, services, request))
    return Coverage(
        made_of=engine.made_of,
        zone=request.zone,
        sample=request.sample,
        seed=request.seed,
        profiles=tuple(found),
        offered=tuple(offered.values()),
        left_out=engine.left_out,
    )


def blocking_everything(found: Coverage) -> tuple[tuple[str, ...], bool]:
    """The profiles whose schedule, at the hour of the questions, blocks names that must pass with everything
    else; and True where lists block such names, too."""
    rows = [(each.profile, row) for each in found.profiles for row in each.rows]
    open_ones = [(profile, row) for profile, row in rows if row.area is Area.MUST_PASS]
    profiles = dict.fromkeys(profile for profile, row in open_ones if row.by_hours)
    return tuple(profiles), any(row.blocked > row.by_hours for _, row in open_ones)


def total(rows: Iterable[Row]) -> Totals:
    """The sum of the rows."""
    found = list(rows)
    return Totals(
        len(found),
        sum(row.asked for row in found),
        sum(row.blocked for row in found),
        sum(row.rewritten for row in found),
    )


def _chosen(known: dict[str, ProfileRules], wanted: Sequence[str]) -> list[ProfileRules]:
    unknown = [each for each in wanted if each not in known]
    if unknown:
        message = f"unknown profile {unknown[0][:64]!r}"
        raise OperationError(message, did_you_mean(unknown, known) + f"profiles: {', '.join(known)}")
    return [known[each] for each in dict.fromkeys(wanted)] if wanted else [*known.values()]


def _sampled(
    lists: Iterable[IndependentList], request: Request, opened: Opened, course: _Course
) -> Iterator[ListSample]:
    for each in lists:
        course.step(each.title)
        yield sample_of(each, request.folder, opened, request.sample, request.seed)


def _offered(
    engine: Engine, samples: Iterable[ListSample], request: Request
) -> Iterator[tuple[IndependentList, Row]]:
    """The rows of lists of services and categories, on lines that no profile decides for."""
    classes = engine.classes
    on = partial(LineOfProfile, engine, zone=request.zone, at=request.now)
    services = on(alone(services=[each.id for each in classes.lists if each.kind is Kind.SERVICE]))
    for sample in samples:
        if sample.of.area is Area.SERVICES:
            yield sample.of, _row(sample, services, classes, request, wanted=True)
        elif sample.of.area is Area.CATEGORIES:
            line = on(alone(categories=[sample.of.id]))
            yield sample.of, _row(sample, line, classes, request, wanted=True)


def _of_profile(
    engine: Engine,
    rules: ProfileRules,
    samples: Iterable[ListSample],
    services: Mapping[IndependentList, str],
    request: Request,
) -> ProfileCoverage:
    """``services``: the service of these policies that each list of a service is about, empty for none."""
    at = outside_hours(rules, request.zone, request.now) if request.at is None else request.at
    line = LineOfProfile(engine, rules, request.zone, at)
    rows = []
    for sample in samples:
        identifier = services.get(sample.of, sample.of.id)
        wanted = _wanted(sample.of.area, identifier, rules)
        rows.append(_row(sample, line, engine.classes, request, wanted=wanted, identifier=identifier))
    return ProfileCoverage(rules.id, at, tuple(rows))


def _wanted(area: Area, identifier: str, rules: ProfileRules) -> bool:
    """True if the profile restricts such lists."""
    if area is Area.SEARCH_ENGINES:
        return bool(rules.safe_search)
    if area is Area.WAYS_AROUND:
        return identifier in rules.bypass if identifier else bool(rules.bypass)
    if area is Area.SERVICES:
        return identifier in rules.services
    return area is Area.CATEGORIES and identifier in rules.categories


@dataclass(slots=True)
class _Count:
    """The outcomes of a list's names."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    services: Counter[int] = field(default_factory=Counter)
    """the class bits of the services that blocked"""
    names: list[str] = field(default_factory=list)
    """those that are shown"""
    by_hours: int = 0


def _row(
    sample: ListSample,
    line: LineOfProfile,
    classes: Classes,
    request: Request,
    *,
    wanted: bool,
    identifier: str = "",
) -> Row:
    stays_open = sample.of.area.stays_open
    count = _Count()
    for name, wire in sample.names:
        verdict = line.verdict(wire)
        outcome = _counted(verdict.outcome, sample.of.area)
        count.outcomes[outcome] += 1
        if verdict.reason is Reason.SERVICE:
            count.services[verdict.reference] += 1
        if stays_open and outcome is Outcome.BLOCK:
            count.names.append(f"{name} ({_why(verdict, classes)})")
            count.by_hours += _by_hours(verdict)
        elif wanted and not stays_open and outcome is Outcome.PASS:
            count.names.append(name)
    shown = count.names if stays_open or request.names else []
    return Row(
        title=sample.of.title,
        area=sample.of.area,
        id=identifier or sample.of.id or _service(count, classes),
        wanted=wanted,
        listed=sample.listed,
        skipped=sample.skipped,
        asked=len(sample.names),
        blocked=count.outcomes[Outcome.BLOCK],
        rewritten=count.outcomes[Outcome.REWRITE],
        names=tuple(shown[:MOST_NAMES]),
        by_hours=count.by_hours,
    )


def _counted(outcome: Outcome, area: Area) -> Outcome:
    """The outcome as a report counts it: a safe host closes a search engine and nothing else, and a name that
    the resolver answers by itself leads nowhere."""
    if outcome is Outcome.REWRITE and area is not Area.SEARCH_ENGINES:
        return Outcome.PASS
    return Outcome.BLOCK if outcome is Outcome.LOCAL else outcome


def _service(count: _Count, classes: Classes) -> str:
    """The service that blocked most of a list's names; empty where none did."""
    if not count.services:
        return ""
    most = min(count.services.items(), key=lambda item: (-item[1], item[0]))[0]
    found = classes.of_bit(most)
    return "" if found is None else found.id


def _by_hours(verdict: Verdict) -> bool:
    """True for a block by a schedule that blocks everything: it is no list's, and names no class bit."""
    return verdict.reason is Reason.SCHEDULE and verdict.reference == 0


def _why(verdict: Verdict, classes: Classes) -> str:
    if _by_hours(verdict):
        return f"{verdict.reason.word}, everything"
    found = classes.of_bit(verdict.reference)
    return verdict.reason.word if found is None else f"{verdict.reason.word} {found.id}"

"""The snapshot that coverage is measured on, and lines on it that have a profile and nothing else.

It is the installation's snapshot in force, or one that is compiled from the policies directory for this
measurement alone. Verdicts are those of :func:`filterd.policy.decide.decide_name`. Orders and mandatory lists
take no part: they are no matter of a profile, and some of them are confidential.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from filterd.config.policies import icann_suffixes
from filterd.config.settings import Settings
from filterd.disk.files import replace_file
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.feed.parsing import ParseReport
from filterd.feed.reading import Form, read_list
from filterd.feed.rules import collect
from filterd.feed.source import SourceError
from filterd.model.mandatory import Mandate
from filterd.model.verdict import Verdict
from filterd.operations.errors import OperationError
from filterd.operations.feeds import judging, rule_files
from filterd.operations.keys import load_key
from filterd.operations.snapshot_sources import Material
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout
from filterd.policy.classes import Classes, ClassesError, assign, from_meta
from filterd.policy.compiler import compile_snapshot
from filterd.policy.decide import LineHandle, PublishedState, decide_name
from filterd.policy.documents import Feed, Policies, Use
from filterd.policy.resolve import ProfileRules, ResolvedPolicy, resolve
from filterd.policy.resolve import from_meta as rules_from_meta
from filterd.policy.schedule import Moment, next_boundary, state_at
from filterd.policy.snapshot import Snapshot
from filterd.policy.snapshot_layout import SnapshotError

Tell = Callable[[str, int, int], None]
"""takes the present step, the number of steps done, and the total"""

_KEY = bytes(16)
"""of a snapshot that is gone with the measurement: nobody could read names from it"""
_MOST_BOUNDARIES = 64


@dataclass(frozen=True, slots=True)
class Engine:
    """A snapshot with its key."""

    snapshot: Snapshot
    key: bytes = field(repr=False)
    made_of: str
    """for people: the snapshot in force, or the directory that was compiled"""
    left_out: tuple[str, ...] = ()
    """feeds of the directory that are fetched from servers, and took no part"""

    @property
    def classes(self) -> Classes:
        """The snapshot's lists."""
        return from_meta(self.snapshot.meta["lists"])

    @property
    def profiles(self) -> dict[str, ProfileRules]:
        """The profiles that lines can have, by id."""
        found = self.snapshot.meta.get("profiles", {})
        return {profile: rules_from_meta(profile, meta) for profile, meta in found.items()}


class LineOfProfile:
    """A line that is opted in to a profile, and has no choice of its own."""

    def __init__(self, engine: Engine, rules: ProfileRules, zone: str, at: int) -> None:
        classes = engine.classes
        self._state = PublishedState(
            engine.snapshot,
            engine.key,
            now=at,
            mandates=_withdrawn(classes),
            policies=[ResolvedPolicy(), resolve(rules, classes, zone, at)],
        )
        self._handle = LineHandle(1, policy=1, opted_in=True)
        self._at = at

    def verdict(self, wire: bytes) -> Verdict:
        """The verdict on a question for the address of this name."""
        return decide_name(self._state, self._handle, wire, self._at, traced=False).verdict


def _withdrawn(classes: Classes) -> list[Mandate]:
    """Every order and mandatory list, out of force."""
    return [Mandate(each.number, each.id, withdrawn=True) for each in classes.lists if each.kind is None]


def outside_hours(rules: ProfileRules, zone: str, now: int) -> int:
    """The first moment from ``now`` on at which the profile's schedule asks for nothing; ``now`` where there
    is none."""
    moment = now
    for _ in range(_MOST_BOUNDARIES):
        if state_at(rules.schedule, zone, moment) == Moment():
            return moment
        moment = next_boundary(rules.schedule, zone, moment)
        if not moment:
            break
    return now


def in_force(settings: Settings) -> Engine | None:
    """The installation's snapshot; None where none was published."""
    directory = settings.state_dir / snapshot_layout.DIRECTORY
    other = "run it as the user of filterd, or with --compile to measure the policies directory"
    try:
        (directory / snapshot_layout.CURRENT).read_bytes()
        path = current_file(directory)
        if path is None:
            return None
        key = load_key(settings, FINGERPRINT_KEY)
        return Engine(Snapshot.open(path, key), key, f"the snapshot in force, {path.name}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        message = f"the snapshot in force cannot be read: {error.strerror}"
        raise OperationError(message, other) from error
    except (SnapshotError, ValueError) as error:
        message = f"the snapshot in force cannot be used: {error}"
        raise OperationError(message, "run: filterd snapshot build; or use --compile") from error


def compiled(policies: Policies, directory: Path, tell: Tell | None = None) -> Engine:
    """A snapshot of the policies and of the lists that stand in files, as an installation takes them: what a
    feed's guard refuses or holds back is left out. Raises OperationError."""
    local = [feed for feed in policies.feeds if not feed.remote and feed.use is not Use.MANDATORY]
    try:
        with tempfile.TemporaryDirectory(prefix="filterd-coverage-") as place:
            versions = {}
            for done, feed in enumerate(local):
                if tell is not None:
                    tell(f"reading {feed.id}", done, len(local))
                _store(feed, policies, directory, Path(place))
                versions[feed.id] = 1
            snapshot = _compile(policies, versions, Path(place))
    except (SourceError, ClassesError, SnapshotError) as error:
        message = f"the policies in {directory} cannot be compiled: {error}"
        raise OperationError(
            message, "run: filterd config check; filterd feed list shows each list"
        ) from error
    except OSError as error:
        message = f"the policies cannot be compiled in {tempfile.gettempdir()}: {error.strerror}"
        raise OperationError(message, "make room there, or name another place in TMPDIR") from error
    left = tuple(feed.id for feed in policies.feeds if feed.remote)
    return Engine(snapshot, _KEY, f"the policies in {directory}, compiled for this report", left)


def _store(feed: Feed, policies: Policies, directory: Path, state: Path) -> None:
    """Read a feed's file, judge it, and write it as the feed's first version."""
    report = ParseReport(keep=0)
    form = Form(feed.format, feed.scope, feed.part)
    rules = collect(read_list(directory / feed.source, form, icann_suffixes(), report))
    taken = judging.judge(feed, policies, rules, report, judging.nothing_stands).rules
    target = rule_files.rule_file(state, feed.id, 1)
    rule_files.write_version(target, rule_files.canonical_text(taken), None)


def _compile(policies: Policies, versions: dict[str, int], state: Path) -> Snapshot:
    material = Material(
        policies=policies,
        classes=assign(policies),
        suffixes=icann_suffixes(),
        state_dir=state,
        versions=versions,
        orders=(),
        digest_key=_KEY,
    )
    made = compile_snapshot(material.sources(), _KEY, revision=0, built_at=0, meta=material.meta())
    target = state / "coverage.snapshot"
    replace_file(target, made.pieces)
    return Snapshot.open(target, _KEY)


def alone(*, categories: Iterable[str] = (), services: Iterable[str] = ()) -> ProfileRules:
    """Rules that restrict these and nothing else."""
    return ProfileRules("", categories=tuple(categories), services=tuple(services))

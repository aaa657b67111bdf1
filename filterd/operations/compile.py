"""The compiler's own process: ``python -m filterd.operations.compile``, at low priority.

It reads one job from standard input, a JSON object (see :func:`job_of`), so that names go through no file.
It writes JSON objects to standard output, a line each: ``{"list", "rules"}`` while it reads (the list's id,
and the rules taken of all lists so far), and the answer last. With exit code 1, one line on standard error
says why, without any name.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filterd.config.feed_entries import DefinitionError, combined
from filterd.config.policies import PoliciesError, icann_suffixes, load_policies
from filterd.config.settings import Settings
from filterd.disk.dumps import forbid_dumps
from filterd.disk.files import replace_file
from filterd.disk.keys import DIGEST_KEY, FINGERPRINT_KEY
from filterd.model.change_chain import Cursor
from filterd.model.changelog import OrderChange, decode, encode
from filterd.model.mandatory import label_of
from filterd.model.profile_meaning import read_key_of
from filterd.model.rule import NameRule
from filterd.model.verdict import Kind
from filterd.operations.errors import OperationError
from filterd.operations.feeds import rule_files
from filterd.operations.keys import load_key
from filterd.operations.own_hosts import with_own_hosts
from filterd.operations.snapshot_input import MEANINGS, input_digest, zones_of
from filterd.operations.snapshot_sources import Material
from filterd.policy import losses, unread_categories
from filterd.policy.build import BuildError
from filterd.policy.classes import MANDATORY, ClassesError, assign
from filterd.policy.compiler import Compiled, CompileError, ListSource, compile_snapshot
from filterd.policy.documents import Policies
from filterd.policy.overriding import OVERRIDING, without_overridden
from filterd.policy.snapshot import Snapshot
from filterd.policy.snapshot_layout import HISTORY
from filterd.telemetry.log import fault_fields

_PR_SET_PDEATHSIG = 1
LOWEST_PRIORITY = 19
_KINDS_OF_FEEDS = frozenset(
    (Kind.CATEGORY.word, Kind.SECURITY.word, Kind.BYPASS.word, Kind.OBSERVED.word, MANDATORY)
)
"""a service, say, may have a feed's id"""


Tell = Callable[[str, int], None]
"""takes the list being read, and how many rules were taken"""


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """A feed's version as the store has it."""

    feed: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class StandIn:
    """A list that is compiled with other rules than the current version's, or left out."""

    feed: str
    version: int
    """of the rules that it has; 0: it is left out"""

    def __str__(self) -> str:
        return f"{self.feed} (version {self.version})" if self.version else f"{self.feed} (left out)"


@dataclass(frozen=True, slots=True)
class StoredMaterial:
    """The part of a snapshot's material that one transaction of the store gives."""

    cursor: Cursor
    """the place in the change log that the snapshot is made at"""
    versions: Sequence[SourceVersion]
    orders: Sequence[OrderChange]
    adopted: Sequence[str]
    """the definitions of the feeds in force: the files are read once more, and may have lost their entries"""
    stand_ins: Sequence[StandIn] = ()
    """the lists of the feeds in force whose own rules cannot be had; some are among ``versions``"""
    in_force: Mapping[str, Any] = field(default_factory=dict)
    """profiles and lists of the meta of the snapshot in force; the profiles are those that may not lose much
    of it: lines have them, and no person accepted the loss"""
    overriding: Sequence[int] = ()
    """the ids of the orders that take protection off their names"""


def job_of(settings: Settings, stored: StoredMaterial, built_at: int, target: Path) -> bytes:
    """The job as standard input."""
    job = {
        "settings": settings.to_json(),
        "revision": stored.cursor.revision,
        "history": stored.cursor.hash,
        "built_at": built_at,
        "versions": [[each.feed, each.version, each.digest] for each in stored.versions],
        "orders": [encode(order)[2] for order in stored.orders],
        "adopted": list(stored.adopted),
        "read": sorted(
            {each.feed for each in stored.versions} | {each.feed for each in stored.stand_ins if each.version}
        ),
        "in_force": dict(stored.in_force),
        "overriding": list(stored.overriding),
        "target": str(target),
    }
    return json.dumps(job).encode()


def run(job: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Compile, write the file durably, and read it back as a node will.

    The answer's ``made_of`` is the digest of what was compiled: the policies may have changed since the job.
    """
    settings = Settings.from_json(job["settings"])
    loaded = load_policies(settings.policies, settings.policies_base, settings.jurisdiction)
    policies = combined(with_own_hosts(loaded, settings), job["adopted"]).policies
    versions = [SourceVersion(*each) for each in job["versions"]]
    key, zones = load_key(settings, FINGERPRINT_KEY), zones_of(settings)
    orders, overriding = [_order(payload) for payload in job["orders"]], job["overriding"]
    demanded = (NameRule(*each) for order in orders if order.id in overriding for each in order.names)
    material = Material(
        policies=replace(policies, protected=without_overridden(policies.protected, demanded)),
        classes=assign(policies),
        suffixes=icann_suffixes(),
        state_dir=settings.state_dir,
        versions={each.feed: each.version for each in versions},
        orders=orders,
        digest_key=load_key(settings, DIGEST_KEY),
        canary_zone=zones[0],
        test_zone=zones[1],
    )
    compiled = compile_snapshot(
        _told(material.sources(), tell),
        key,
        revision=job["revision"],
        built_at=job["built_at"],
        meta=_kept(material.meta(), policies, job["in_force"], frozenset(job["read"]))
        | {HISTORY: job["history"], OVERRIDING: overriding},
    )
    _require_unaltered(compiled, versions, settings.state_dir)
    target = Path(job["target"])
    replace_file(target, compiled.pieces)
    snapshot = Snapshot.open(target, key)
    return {
        "digest": snapshot.digest,
        "names": snapshot.names,
        "size": snapshot.size,
        "made_of": input_digest(
            policies, versions, zones, job["in_force"].get(MEANINGS), overriding=overriding
        ),
    }


def _kept(
    meta: dict[str, Any], policies: Policies, in_force: Mapping[str, Any], read: frozenset[str]
) -> dict[str, Any]:
    """The meta with the rules in force of each profile that lost much of them, with what was lost, and with
    the categories whose lists were never read. ``read``: the feeds that were."""
    before: Mapping[str, Any] = in_force.get("profiles", {})
    lost = losses.between(policies, in_force, before)
    profiles = {
        each: before[each] if each in lost.profiles else rules for each, rules in meta["profiles"].items()
    }
    meant = in_force.get(MEANINGS, {}).items()
    profiles |= {key: rules for key, rules in meant if read_key_of(key)[0] in meta["profiles"]}
    never = unread_categories.never_read(policies, read)
    profiles, unread = unread_categories.settled(
        profiles, never, in_force.get(unread_categories.STANDING, {})
    )
    return {**meta, "profiles": profiles, **losses.to_meta(lost), **unread_categories.to_meta(unread)}


def _told(sources: Iterable[ListSource], tell: Tell) -> Iterator[ListSource]:
    """The same lists, which tell how many of their rules were taken, each under its id."""
    rules = 0

    def counted(source: ListSource) -> Iterator[bytes]:
        nonlocal rules
        for run in source.runs:
            yield run
            rules += run.count(b"\n")
            tell(source.classes[0].id, rules)

    for source in sources:
        yield replace(source, runs=counted(source))


def _order(payload: str) -> OrderChange:
    order = decode("order", payload)
    if not isinstance(order, OrderChange):
        message = "a job holds orders only"
        raise TypeError(message)
    return order


def _require_unaltered(compiled: Compiled, versions: Sequence[SourceVersion], state_dir: Path) -> None:
    """Refuse a feed whose file is no longer the one that the store knows."""
    found = {entry["id"]: entry for entry in compiled.lists if entry["kind"] in _KINDS_OF_FEEDS}
    for each in versions:
        entry = found.get(each.feed, {})
        if entry.get("digest") == each.digest:
            continue
        confidential = bool(entry.get("confidential"))
        subject = f"the list {label_of(each.feed, confidential=confidential)}, version {each.version}"
        file = rule_files.rule_file(state_dir, each.feed, each.version)
        if confidential and rule_files.digest_of(file, None) == each.digest:
            message = f"{subject}, was read before it became confidential; read it again: filterd feed update"
            raise OperationError(message)
        message = f"{subject}: its file was altered"
        raise CompileError(message)


def give_way() -> None:
    """Let this process, from now on, run only while no other process wants the processor.

    The lowest niceness is not enough for that: such a process may still finish its turn of some milliseconds,
    in which hundreds of queries come. A process of the idle policy (sched(7)) is interrupted at once.
    """
    os.nice(LOWEST_PRIORITY)
    with contextlib.suppress(OSError):  # a container may forbid it
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def end_with_parent() -> None:
    """End this process when its parent ends: nobody would publish what it compiles, and its draft would take
    the room of a snapshot (prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _print_progress(what: str, rules: int) -> None:
    sys.stdout.write(json.dumps({"list": what, "rules": rules}) + "\n")
    sys.stdout.flush()


def reason_of(error: Exception) -> str:
    """One line on why a job failed, without any name."""
    match error:
        case CompileError():
            # What follows the list and its version may quote a line of it.
            reason = ": ".join(str(error).split(": ")[:1])
            return f"{reason}: not what was stored; update the feed again"
        case OSError(filename=str() as file) if file.endswith(".rules"):
            # The path holds the id of the list, which may be a confidential one.
            return f"the file of a list: {(error.strerror or '').lower()}; read it again: filterd feed update"
        case (
            BuildError() | ClassesError() | DefinitionError() | OperationError() | PoliciesError() | OSError()
        ):
            return str(error)
        case _:
            # Unforeseen: its text may quote a name.
            fault = fault_fields(error)
            return f"{fault['fault']} at {fault['place']}"


def main() -> int:
    """The process: 0, or 1 with a line on standard error."""
    end_with_parent()
    give_way()
    forbid_dumps()
    try:
        answer = run(json.load(sys.stdin.buffer), _print_progress)
    except Exception as error:
        sys.stderr.write(f"{reason_of(error)}\n")
        return 1
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

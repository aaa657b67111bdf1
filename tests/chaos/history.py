"""Two moments of one installation, and one of another: the states that rounds put together.

A campaign makes them once. At the earlier moment the installation has served its lines; the state is copied
while both roles run, and again after they have ended. Then everything that a state may lose is changed: an
order is given and one withdrawn, a mandatory list gets a newer name, lines opt in and out, a line blocks a
name of its own, sessions move, keys are rotated. The later moment is what stands there in the end.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filterd.operations import key_rotation, snapshots, subscribers
from filterd.operations.context import Context
from filterd.operations.errors import UnusableError
from filterd.operations.feeds import updating
from filterd.operations.orders import ending, taking
from filterd.operations.sessions import commands
from filterd.operations.sessions.protocol import ToldSession
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating
from tests.chaos import site as sites
from tests.chaos.site import Site, copy_folder, copy_of, copy_store, make_template, order_of

PARTS: dict[str, tuple[str, ...]] = {
    "store": ("filterd.db", "filterd.db-wal", "filterd.db-shm"),
    "ledger": ("ledger",),
    "node": ("node",),
    "snapshots": ("snapshots",),
    "sessions": ("sessions",),
    "keys": ("keys",),
}
"""what can go back in time by itself -> its files and directories in the state directory"""
EPOCH = "sessions-epoch"
"""stands beside the directory of the sessions: it goes back only with the whole state directory"""
ACCOUNTING = {"pools": ["127.0.0.128/25"]}
MOVED, ARRIVED = "127.0.0.141", "127.0.0.142"
"""addresses of a pool: the first had a session of child-1 and then of a line that has opted into nothing;
the second has one of child-2 at the later moment alone"""
KEPT, ENDED, LATE = "kept.example", "ended.example", "late.example"
"""ordered at both moments; ordered and withdrawn in between; ordered in between"""
NEWER = "newer-listed.example"
"""of the second mandatory list, at the later moment"""
EARLY_OWN, LATE_OWN = "early-own.example", "late-own.example"
"""blocked by child-3 itself, at both moments and at the later one"""
QUIET_SECONDS = 0.3
"""in which a node writes what it has applied to its disk"""


@dataclass(frozen=True)
class History:
    """Folders like the template's, each with a whole state directory."""

    earlier: Path
    """copied after both roles had ended"""
    running: Path
    """the same moment, copied while they ran"""
    later: Path
    other: Path
    """another installation, which has served its own lines"""
    revisions: dict[str, int]
    """the name of an order -> the revision at which it was given"""


def record(folder: Path, template: Path, upstream: int) -> History:
    """Play both moments below a new folder."""
    history = History(folder / "earlier", folder / "running", folder / "later", folder / "other", {})
    with _ended(copy_of(template, folder / "site", upstream, accounting=ACCOUNTING)) as site:
        _start(site)
        for name in (KEPT, ENDED):
            _order(site, history, name)
        site.do(lambda context: subscribers.deny(context, "child-3", EARLY_OWN))
        site.do(lambda context: commands.put(context, ToldSession((MOVED,), "child-1")))
        _wait_until_applied(site)
        _copy_running(site, history.running)
        _stop(site)
        copy_folder(site.folder, history.earlier)
        _start(site)
        _change(site, history)
        _wait_until_applied(site)
        _stop(site)
        copy_folder(site.folder, history.later)
    make_template(folder / "other-template")
    with _ended(copy_of(folder / "other-template", folder / "other-site", upstream)) as site:
        _start(site)
        site.do(lambda context: subscribers.deny(context, "child-1", "others-own.example"))
        _wait_until_applied(site)
        _stop(site)
        copy_folder(site.folder, history.other)
    return history


def _change(site: Site, history: History) -> None:
    """All that an earlier state does not know."""
    _order(site, history, LATE)
    with (site.policies / "lists" / "second.txt").open("a") as file:
        file.write(f"{NEWER}\n")
    withdrawn = f"O-{_number_of(site, ENDED)}"

    async def change(context: Context) -> None:
        await ending.withdraw(context, withdrawn, reason="lifted")
        await subscribers.opt_out(context, "child-1", reason="asked")
        await sites.opt_in(context, "child-2")
        await subscribers.deny(context, "child-3", LATE_OWN)
        await commands.put(context, ToldSession((MOVED,), "child-3"))
        await commands.put(context, ToldSession((ARRIVED,), "child-2"))
        await updating.update(context)
        await key_rotation.rotate(context, reason="yearly")

    async def sign_anew(context: Context) -> None:
        await rotating.rotate(context, Purpose.CHECKPOINT, reason="yearly")

    site.do(change)
    site.wait(lambda: _is_free(site, sign_anew), "the key that signs is rotated")
    site.do(snapshots.build)


def _is_free(site: Site, use_case: Callable[[Context], Awaitable[None]]) -> bool:
    """Perform it; False where control holds the lock that it takes, as it does for its own checkpoint."""
    try:
        site.do(use_case)
    except UnusableError:
        return False
    return True


def _order(site: Site, history: History, name: str) -> None:
    site.do(lambda context: taking.add(context, order_of(name)))
    statement = "SELECT max(revision) FROM change WHERE stream = 'mandatory'"
    history.revisions[name] = int(site.sql(statement)[0][0])


def _number_of(site: Site, name: str) -> int:
    return int(site.sql("SELECT order_number FROM order_name WHERE name = ?", name)[0][0])


def _start(site: Site) -> None:
    for role in sites.ROLES:
        site.start(role)
    site.wait(lambda: site.http("resolver", "/readyz")[0] == 200, "the resolver is ready")


def _stop(site: Site) -> None:
    for role in sites.ROLES:
        site.stop(role)


def _wait_until_applied(site: Site) -> None:
    site.wait(lambda: site.http("resolver", "/readyz")[0] == 200 and site.lag() == 0.0, "all is applied")
    time.sleep(QUIET_SECONDS)


@contextmanager
def _ended(site: Site) -> Iterator[Site]:
    """The installation, whose processes are gone afterwards."""
    try:
        yield site
    finally:
        site.close()


def _copy_running(site: Site, target: Path) -> None:
    """A consistent copy while nothing is written: the store as one file, all else as it stands."""
    copy_folder(site.folder, target, without="filterd.db*")
    copy_store(site, target / "state" / site.store.name)


def put_part(part: str, source: Path, state: Path) -> None:
    """Put a part of another state directory in the place of the one that stands in ``state``."""
    for name in PARTS[part]:
        replace(source / name, state / name)


def replace(source: Path, target: Path) -> None:
    """Put a file or directory in the place of another; nothing is there where ``source`` is not."""
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.sock"))
    elif source.exists():
        shutil.copy2(source, target)

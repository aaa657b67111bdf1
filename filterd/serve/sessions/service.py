"""Sessions in control: opens the table, lets in what tells of sessions, and serves who asks for them.

::

    RADIUS ──> AccountingListener ─┐
    leases ──> LeaseFiles ─────────┤
    commands ─> SessionCommands ───┼─> Sessions (state_dir/sessions/live) ─> StreamListener ─> resolvers
    store ───> SubscriberFollower ─┘

Nothing here may stop control. Where the file of the table cannot be used the sessions are kept in memory
alone, which is said, and are gone with the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from filterd.accounting.claimable import ClaimNetworks
from filterd.accounting.receiver import Receiver
from filterd.accounting.sessions import Sessions
from filterd.accounting.steady_clock import SteadyClock
from filterd.config.accounting_settings import RadiusSettings
from filterd.config.settings import Settings
from filterd.disk.boot import boot_time
from filterd.disk.files import make_directory
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.disk.session_place import EPOCH, LIVE, note_use, were_used
from filterd.model.session import SessionSource
from filterd.operations.context import Context
from filterd.operations.sessions import protocol
from filterd.serve.local_sockets import tell_socket
from filterd.serve.process import ANEW, end_at_once
from filterd.serve.sessions.accounting import AccountingListener
from filterd.serve.sessions.commands import SessionCommands, Terms
from filterd.serve.sessions.follower import SubscriberFollower
from filterd.serve.sessions.hearing import RadiusHearing
from filterd.serve.sessions.lease_files import LeaseFiles
from filterd.serve.sessions.narrowing import Narrowing
from filterd.serve.sessions.room import TableRoom
from filterd.serve.sessions.stream import SOCKET, StreamListener
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.telemetry.session_metrics import SessionMetrics

FOLLOW_SECONDS = 0.25
"""between two looks for new subscribers"""
SWEEP_SECONDS = 0.05
HURRY_SECONDS = 0.005
"""the same while a NAS that began anew has sessions left"""
SWEEP_RECORDS = 512
"""looked at in one slice, in parts with the lock held: a million in 100 s, 15 s in a hurry"""
LOOK_SECONDS = 1.0
EPOCH_SECONDS = 3600.0
"""after which an older copy of the file shows while control runs"""
MOST_OFF_SECONDS = 3600
"""between the machine's clock and that of the sessions"""
FOREVER = 0xFFFFFFFF
"""seconds: as long as ``accounting.settle`` says"""
FEWEST = 10_000
"""sessions for which there is memory everywhere"""


class SessionService:
    """Sessions from :meth:`start` to :meth:`close`. Owned by control's event loop."""

    def __init__(
        self, context: Context, settings: Settings, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        """Opens the table. ``ticks``: seconds of a clock that does not go back."""
        self._context = context
        self._settings = settings
        self._most = settings.accounting.sessions
        """asked for; a file that was made for more keeps its room"""
        self._ticks = ticks
        self._began = ticks()
        self._steady = SteadyClock(context.clock)
        self._trouble: dict[str, str] = {}
        """part -> what is wrong with it"""
        self._key = self._load_key()
        self._used = were_used(settings.state_dir)
        self._table = self._open_table()
        self._unsettled = self._begin_settling()
        self._boot = boot_time().id
        self._table.anchor(self._boot, self._steady.anchor)
        self._receiver = Receiver(self._table, self._key, self._steady.anchor)
        self._follower = SubscriberFollower(self._table, self._key)
        self._accounting: AccountingListener | None = None
        directory = settings.state_dir
        self._stream = StreamListener(directory / SOCKET, self._table, self.complete, tell_socket)
        self._networks = ClaimNetworks(settings.accounting.pools)
        self._narrowing = Narrowing(self._table, self._key, self._steady)
        self._narrowing.begin(self._networks)
        terms = Terms(
            self._key, self._steady, lambda: self._settings.accounting.stale_after, lambda: self._networks
        )
        self._commands = SessionCommands(
            directory / protocol.SOCKET, self._table, terms, self._said, tell_socket
        )
        self._room = TableRoom(ticks, directory / LIVE)
        self._hearing = RadiusHearing(self._table, ticks)
        if settings.accounting.radius is not None:
            self._accounting = self._listener(settings.accounting.radius)
        self._files = settings.accounting.leases
        self._leases = LeaseFiles(self._files, self._table, self._key, context.clock, self._networks)

    def complete(self) -> bool:
        """False while sessions of before are lost and those that go on have not all been told again."""
        return self._left() <= 0

    def remarks(self) -> list[str]:
        """The remarks of the readiness page: control goes on with what is wrong."""
        lacking = [*self._trouble.values(), *self._leases.remarks()]
        for name, listener in (("stream", self._stream), ("commands", self._commands)):
            if listener.failure:
                lacking.append(f"no {name} of sessions: {listener.failure}")
        if self._room.remark:
            lacking.append(self._room.remark)
        if self._accounting is not None:
            lacking += self._accounting.remarks()
        if not self.complete():
            lacking.append(f"sessions were lost; they count as loaded in {self._left():.0f} s")
        return lacking

    def metrics(self) -> SessionMetrics:
        """The values of this moment."""
        counts, clocks = self._table.counts(), self._table.clock_states()
        states = {"registered": counts.registered, "unregistered": counts.unregistered}
        return SessionMetrics(
            known={state: sum(each.values()) for state, each in states.items()},
            sources={
                source.word: {state: each[source] for state, each in states.items()}
                for source in SessionSource
            },
            oldest=max(0.0, self._steady() - counts.oldest) if counts.oldest else 0.0,
            most=self._table.most,
            changes={
                "sent": self._table.sequence,
                "moved": counts.taken,
                "ambiguous": counts.ambiguous,
                "late": counts.late,
                "lost": counts.lost,
                "unknown": counts.unknown,
                "stale": counts.stale,
            },
            refused=counts.refused_full,
            packets={} if self._accounting is None else self._accounting.counts(),
            silence=0 if self._accounting is None else self._hearing.silence,
            within=self._hearing.within,
            refused_claims=self._refused_claims(),
            lease_lines_skipped=self._leases.lines_skipped,
            by_second_secret=0 if self._accounting is None else self._accounting.second,
            complete=self.complete(),
            dropped=counts.damaged,
            followers=self._stream.followers,
            clocks={
                "right": clocks.known - clocks.off - clocks.unproven,
                "off": clocks.off,
                "unproven": clocks.unproven,
            },
            clock_steps=clocks.steps,
            stamped_ahead=counts.ahead,
            nas_without_place=clocks.without_place,
        )

    def _refused_claims(self) -> dict[str, int]:
        """Addresses that no session may have, by what told of them."""
        return {
            SessionSource.RADIUS.word: 0 if self._accounting is None else self._accounting.refused,
            SessionSource.LEASE.word: self._leases.refused,
            SessionSource.COMMAND.word: self._commands.refused,
        }

    async def start(self) -> None:
        """Begin to listen; a socket that cannot be made is told, and tried again each second."""
        for name, listener in (("stream", self._stream), ("commands", self._commands)):
            try:
                await listener.start()
            except OSError as error:
                self._say(name, f"no {name} of sessions: {error}", "mend state_dir; it is tried again")
        if self._accounting is not None:
            self._accounting.look()
        self._leases.start()

    async def run(self) -> None:
        """Follow the store, sweep, and try again what failed, until cancelled."""
        await asyncio.gather(
            self._follow(), self._sweep(), self._look(), self._change_epochs(), self._narrow()
        )

    async def close(self) -> None:
        """End all of it; the file keeps what is known."""
        if self._accounting is not None:
            await asyncio.to_thread(self._accounting.close)
        await asyncio.to_thread(self._leases.close)
        await self._commands.close()
        await self._stream.close()
        self._keep()
        with contextlib.suppress(OSError):  # then copies of this run are noticed a little later
            await asyncio.to_thread(self._table.change_epoch)
        self._table.close()

    def reload(self, settings: Settings) -> list[str]:
        """Take new settings; returns the keys that wait for a restart."""
        accounting, radius = settings.accounting, settings.accounting.radius
        self._settings = settings
        self._table.stale_after = accounting.stale_after
        self._networks = ClaimNetworks(accounting.pools)
        self._leases.limit(self._networks)
        waiting = ["accounting.sessions"] if accounting.sessions != self._most else []
        if accounting.leases != self._files:
            waiting.append("accounting.leases")
        if radius is not None and self._accounting is None:
            self._accounting = self._listener(radius)
        if self._accounting is not None:
            kept = self._accounting.settings if radius is None else radius
            self._accounting.configure(kept, accounting.stale_after, accounting.pools)
        self._narrowing.begin(self._networks)  # behind all that lets claims in
        if radius is None or self._accounting is None:
            return waiting if self._accounting is None else [*waiting, "accounting.radius"]
        if radius.listen != self._accounting.listen:
            waiting.append("accounting.radius.listen")
        return waiting

    def _listener(self, radius: RadiusSettings) -> AccountingListener:
        accounting = self._settings.accounting
        return AccountingListener(self._receiver, radius, accounting.stale_after, accounting.pools)

    def _load_key(self) -> bytes:
        """The installation's key; where that cannot be used one of this process: no file has it."""
        try:
            return FINGERPRINT_KEY.load(self._settings.state_dir)
        except (OSError, ValueError) as error:
            self._fail("key", f"sessions are kept in memory alone: {error}", "see filterd doctor")
            return secrets.token_bytes(FINGERPRINT_KEY.size)

    def _open_table(self) -> Sessions:
        accounting, path = self._settings.accounting, self._settings.state_dir / LIVE
        if "key" in self._trouble:
            return self._new_table(None)
        try:
            make_directory(path.parent)
            table = self._new_table(path)
        except MemoryError:
            reason = f"there is no memory for {self._most} sessions; {FEWEST} fit, in memory alone"
            self._fail("file", reason, "lower accounting.sessions, then restart control")
            self._most = FEWEST
            return self._new_table(None)
        except (OSError, ValueError) as error:
            self._fail(
                "file", f"sessions are kept in memory alone: {error}", f"mend {path}, then restart control"
            )
            return self._new_table(None)
        if table.begun_empty:
            event, remedy = "the sessions of before are lost", "none: they come again with their next packets"
            log.get().error(
                event, file=str(path), reason=table.damage, seconds=accounting.settle, remedy=remedy
            )
        elif damaged := table.counts().damaged:
            remedy = "none: their lines are unknown until their next packets; after a power cut see the disk"
            log.get().warning(
                "sessions in the file are damaged", file=str(path), count=damaged, remedy=remedy
            )
        return table

    def _new_table(self, path: Path | None) -> Sessions:
        accounting = self._settings.accounting
        return Sessions(
            path,
            self._key,
            self._most,
            accounting.stale_after,
            self._steady,
            expected=self._used,
            note=self._settings.state_dir / EPOCH,
        )

    def _begin_settling(self) -> int:
        """The seconds for which sessions of before may be missing, from now on."""
        kept = self._trouble.keys() & {"key", "file"} == set()
        left = min(self._table.unsettled if kept else FOREVER, self._settings.accounting.settle)
        self._table.settle(left)
        if left and kept and not self._table.begun_empty:
            event = "sessions that were lost before this start have not all been told again"
            log.get().warning(event, seconds=left, remedy="none: they come again with their next packets")
        return left

    def _left(self) -> float:
        """Seconds until all sessions that go on have been told again; none from 0 down."""
        return min(self._unsettled, self._settings.accounting.settle) - (self._ticks() - self._began)

    def _keep(self) -> None:
        """Write down how long sessions may still be missing, and that there are sessions at all."""
        if self._unsettled:
            left = max(0, math.ceil(self._left()))
            self._table.settle(left)
            self._unsettled = self._unsettled if left else 0
        if not self._used and self._table.counts().live:
            try:
                note_use(self._settings.state_dir)
                self._used = True
            except OSError as error:
                if "use" not in self._trouble:
                    self._fail("use", f"that there are sessions is not noted: {error}", "mend state_dir")
            else:
                self._trouble.pop("use", None)

    def _fail(self, part: str, reason: str, remedy: str) -> None:
        self._trouble[part] = reason
        self._say(part, reason, remedy)

    def _say(self, part: str, reason: str, remedy: str) -> None:
        log.get().error("sessions are not as they should be", part=part, reason=reason, remedy=remedy)

    def _said(self) -> dict[str, object]:
        """The counts for ``session list``."""
        return asdict(self.metrics())

    async def _follow(self) -> None:
        told = ""
        while True:
            try:
                await self._follower.follow(self._context)
                told = ""
            except StoreError as error:
                if told != str(error):
                    told = str(error)
                    event = "new subscribers are not seen, and their sessions wait"
                    log.get().warning(event, reason=told, remedy=error.remedy)
            await asyncio.sleep(FOLLOW_SECONDS)

    async def _sweep(self) -> None:
        left = 0
        while True:
            await asyncio.sleep(HURRY_SECONDS if left else SWEEP_SECONDS)
            left = self._table.sweep(SWEEP_RECORDS)

    async def _narrow(self) -> None:
        while True:
            await asyncio.sleep(HURRY_SECONDS if self._narrowing.pending else LOOK_SECONDS)
            self._narrowing.turn()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Keep the clock of the file, try again what failed, and see whether there is room: each second. Ends
        the process where the file was changed under it."""
        if self._table.disordered:
            remedy = "none: it is started again, and leaves out what is damaged; see who writes there"
            log.get().error("the file of sessions was changed by another hand", remedy=remedy)
            end_at_once(ANEW)
        self._table.anchor(self._boot, self._steady.anchor)
        self._keep()
        self._compare_clocks()
        counts = self._table.counts()
        self._room.look(counts.live, self._table.most, counts.refused_full)
        if self._accounting is not None:
            self._accounting.look()
            self._hearing.look(self._accounting.counts().get("accepted", 0))

    def _compare_clocks(self) -> None:
        """Say it where the machine's clock was set by so much that packets seem to be of another day."""
        off = round(self._context.clock() - self._steady())
        if abs(off) < MOST_OFF_SECONDS:
            self._trouble.pop("clock", None)
        elif "clock" not in self._trouble:
            reason = (
                f"the machine's clock was set by {off} s since control began, and sessions go by the old time"
            )
            self._fail("clock", reason, "restart control: systemctl restart filterd-control")

    async def _change_epochs(self) -> None:
        while True:
            await asyncio.sleep(EPOCH_SECONDS)
            with contextlib.suppress(OSError):  # the present one goes on
                await asyncio.to_thread(self._table.change_epoch)

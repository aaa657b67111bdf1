"""``filterd serve``: runs the roles as child processes, restarts them when they end, and passes on new
settings.

The configuration is read here, where pydantic may be imported. A child gets its settings as a line of JSON on
its standard input, and another line for each reload. When that input ends the child ends too, so that nothing
is left behind. SIGHUP reads the configuration again; if it is wrong, or would break the policies
(``new_policies``), it is refused, and the old one stays in force. ``crashes`` handles a resolver that dies of
a packet; one whose pulse stops or does not begin (``pulse``) is ended and started again. The service
manager's watchdog is fed while there is a pulse, and while a resolver starts: ending it would not make it
start sooner.

SIGUSR2 means: hand over. The resolver is told to stay until a successor takes its sockets over, everything
else ends, and the exit code is 0. The next ``filterd serve`` of the same state directory starts the
successor.
A resolver that cannot stay ends as with SIGTERM.

A role that ends is started again, after pauses that grow. Where it cannot start for ``GIVE_UP_SECONDS``, the
fault stays, and the supervisor ends with a remedy: the service manager and a person come in. Not so for
control and web beside a resolver: they must not stop DNS, and are tried again for good.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filterd.config.load import ConfigErrors, Configuration, load_configuration
from filterd.serve import hangup
from filterd.serve.crashes import FAULTS, CrashWatch, new_board
from filterd.serve.handover.taking import dismiss
from filterd.serve.new_policies import require_readable
from filterd.serve.process import CANNOT_START, end_at_once
from filterd.serve.pulse import CHECK_SECONDS, PulseWatch
from filterd.serve.sd_notify import READY, STOPPING, WATCHDOG, Notifier
from filterd.serve.settings_input import HAND_OVER
from filterd.telemetry import log

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
SETTLED_SECONDS = 30.0
"""a child that ran this long is started again at once"""
STOP_SECONDS = 10.0
STAY_SECONDS = 10.0
"""that a resolver has to say that it stays for its successor"""
START_SECONDS = 30.0
"""the same for one that is still starting, which says so once it serves"""
ABORT_SECONDS = 2.0
"""between SIGABRT and SIGKILL, which alone ends a stopped process"""
NOT_STARTED = 126
"""instead of a role's exit code: there was no process; a shell says so too"""
GIVE_UP_SECONDS = 60.0
"""since the first of several failed starts, after which the fault is taken as one that stays: longer than a
predecessor takes to end, and than a short lack of memory or of room on the disk lasts"""
GIVE_UP_STARTS = 5
"""failed starts in a row that it takes at least"""
LINES_DEPEND = frozenset({"dns.ecs_from", "dns.proxy_from", "dns.allow_from", "dns.upstreams"})
"""keys by which clients are served and told apart: a reload without them is seldom meant, and is a warning"""
MEND = "mend what the last lines of this role name, then start filterd again"
MEND_ALONE = "mend what the last lines of this role name; it is tried again by itself, and DNS goes on"
"""of control and web beside a resolver, which are never given up"""


@dataclass(slots=True)
class Child:
    """The process of one role. ``process`` None: not started yet."""

    role: str
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    pause: float = FIRST_PAUSE
    failures: int = 0
    """starts in a row that failed: the role ended by itself, or was ended, before it served"""
    failing_since: float = 0.0

    def note_end(self, now: float, *, served: bool) -> None:
        """Count the end of the process; one that has served begins the count anew."""
        if served:
            self.failures = 0
            return
        self.failing_since = self.failing_since if self.failures else now
        self.failures += 1

    def hopeless(self, now: float) -> bool:
        """Return whether its starts have failed for so long that another one would fail too."""
        return self.failures >= GIVE_UP_STARTS and now - self.failing_since >= GIVE_UP_SECONDS

    def pause_after(self, lived: float) -> float:
        """Seconds to wait before the next start: doubled each time that the child ended soon."""
        if lived >= SETTLED_SECONDS:
            self.pause = FIRST_PAUSE
            return 0.0
        now, self.pause = self.pause, min(self.pause * 2, LONGEST_PAUSE)
        return now


class Supervisor:
    """The children of one ``filterd serve``. Owned by one event loop."""

    def __init__(self, config: Path | None, found: Configuration, roles: Sequence[str]) -> None:
        self._config = config
        self._found = found
        self._children = [Child(role) for role in roles]
        self._stopping = asyncio.Event()
        self._failed = False
        board = new_board() if "resolver" in roles else None
        self._crash_watch = None if board is None else CrashWatch(board)
        self._pulse_watch = PulseWatch() if "resolver" in roles else None
        self._notifier = Notifier(os.environ)
        self._told_ready = False
        self._ending: asyncio.Task[None] | None = None
        self._handing_over: asyncio.Task[None] | None = None
        self._staying: Child | None = None
        """the resolver that goes on without us"""
        self._starting = asyncio.Lock()
        """held while a role's process is made"""

    async def run(self) -> int:
        """Run until a signal, or until a child cannot start; return the exit code."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(log.loop_fault)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        loop.add_signal_handler(signal.SIGUSR2, self._begin_hand_over)
        hangup.release()
        supervised = [loop.create_task(self._supervise(child)) for child in self._children]
        checking = loop.create_task(self._check_for_ever())
        await self._stopping.wait()
        checking.cancel()
        self._notifier.tell(STOPPING)
        await asyncio.gather(*(self._stop(child) for child in self._children if child is not self._staying))
        if self._staying is not None:
            log.get().info("filterd ends, and its resolver answers until its successor does")
            end_at_once(0)  # the event loop would kill the processes that it started
        await asyncio.gather(*supervised)
        return 1 if self._failed else 0

    @property
    def hands_over(self) -> bool:
        """Return whether we were told that a successor will come."""
        return self._handing_over is not None

    def _begin_hand_over(self) -> None:
        if self._handing_over is None and not self._stopping.is_set():
            self._handing_over = asyncio.get_running_loop().create_task(self._hand_over())

    async def _hand_over(self) -> None:
        """Have the resolver stay, and end everything else. Whoever ends us meanwhile gets what was asked for
        first: the service manager sends SIGTERM as soon as its command has returned."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, lambda: None)
        child = next((child for child in self._children if child.role == "resolver"), None)
        if child is not None and await self._stays(child):
            self._staying = child
        elif child is not None:
            remedy = "see why in the last lines of the resolver; clients ask again until it is started"
            log.get().error("the resolver cannot hand over, and filterd ends", remedy=remedy)
        self._stopping.set()

    async def _stays(self, child: Child) -> bool:
        """Tell the resolver to stay for its successor; return whether it does."""
        process = child.process
        if process is None or process.stdin is None or process.returncode is not None:
            return False
        process.stdin.write(HAND_OVER + b"\n")
        watch = self._pulse_watch
        return watch is not None and await watch.answered(STAY_SECONDS if watch.begun else START_SECONDS)

    def reload(self) -> None:
        """Read the configuration again and pass it on; refuse it if it is wrong."""
        try:
            found = load_configuration(self._config)
            require_readable(self._found, found)
        except ConfigErrors as errors:
            log.get().error(
                "new configuration refused, the old one stays in force",
                file=str(self._config or ""),
                count=len(errors.errors),
                errors=[str(error) for error in errors.errors],
                remedy="mend the file (filterd config check says if it is right), then send SIGHUP again",
            )
            return
        gone, self._found = self._found.written - found.written, found
        for child in self._children:
            self._send_settings(child)
        self._log_reload(gone)

    @staticmethod
    def _log_reload(gone: frozenset[str]) -> None:
        """Name the keys that the file had and has no longer."""
        if not gone:
            log.get().info("new configuration passed on")
            return
        write = log.get().warning if gone & LINES_DEPEND else log.get().info
        write(
            "new configuration passed on",
            reason=f"keys that the file had are back at their defaults: {', '.join(sorted(gone))}",
            remedy="where that was not meant, put them back and send SIGHUP again",
        )

    async def _supervise(self, child: Child) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run_once(child)
            if self._stopping.is_set():
                return
            if self._must_give_up(child, code):
                self._give_up(child, code)
                return
            pause = self._pause_after(child, code, began)
            log.get().error(
                "a role ended and is started again",
                part=child.role,
                status=code,
                seconds=pause,
                count=child.failures,
                remedy=self._remedy(child),
            )
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                continue

    def _must_give_up(self, child: Child, code: int) -> bool:
        """Return whether it is of no use to start the role again. Control and web beside a resolver are never
        given up."""
        if not self._is_needed(child):
            return False
        return (code == CANNOT_START and child.starts == 1) or child.hopeless(time.monotonic())

    def _remedy(self, child: Child) -> str:
        """The step for a person; empty while another start may still succeed."""
        if child.failures < GIVE_UP_STARTS:
            return ""
        return MEND if self._is_needed(child) else MEND_ALONE

    def _give_up(self, child: Child, code: int) -> None:
        log.get().error(
            "a role cannot start, and filterd ends",
            part=child.role,
            status=code,
            count=child.failures,
            remedy=MEND,
        )
        self._failed = True
        self._stopping.set()

    def _pause_after(self, child: Child, code: int, began: float) -> float:
        """Seconds before the next start; 0 if the resolver starts again in reduced mode."""
        now = time.monotonic()
        if child.role == "resolver" and self._crash_watch is not None and self._crash_watch.ended(code, now):
            child.pause = FIRST_PAUSE
            return 0.0
        return child.pause_after(now - began)

    async def _check_for_ever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self._check(time.monotonic())

    def _check(self, now: float) -> None:
        """End reduced mode in time, and a resolver that is stuck; feed the service manager's watchdog."""
        reason = ""
        if self._crash_watch is not None and self._crash_watch.check(now):
            reason = "at one packet"
        if self._pulse_watch is not None and self._pulse_watch.check(now):
            reason = reason or self._silence_of(self._pulse_watch)
        if reason:
            self._end_resolver(reason, now)
        self._feed()

    @staticmethod
    def _silence_of(pulse: PulseWatch) -> str:
        what = "no pulse" if pulse.begun else "its start gave no sign"
        return f"{what} for {pulse.patience:.0f} seconds"

    def _feed(self) -> None:
        """Tell the service manager that we live, unless the resolver is stuck and does not end."""
        pulse = self._pulse_watch
        up = all(child.starts for child in self._children) if pulse is None else pulse.beats
        if up and not self._told_ready:
            self._told_ready = self._notifier.tell(READY)
        if pulse is None or not pulse.stopped:
            self._notifier.tell(WATCHDOG)

    def _end_resolver(self, reason: str, now: float) -> None:
        process = next(child.process for child in self._children if child.role == "resolver")
        if process is None or process.returncode is not None:
            return
        if self._ending is not None and not self._ending.done():
            return
        if self._crash_watch is not None:
            self._crash_watch.ending(now)
        remedy = "none: it is started again; report the fault, with this log"
        log.get().error("the resolver is stuck and is ended", part="resolver", reason=reason, remedy=remedy)
        self._ending = asyncio.get_running_loop().create_task(_end(process))

    def _is_needed(self, child: Child) -> bool:
        """Return whether the others are useless without this child: neither a failing control nor a failing
        web process must stop DNS."""
        return child.role == "resolver" or len(self._children) == 1

    async def _run_once(self, child: Child) -> int:
        """Start the role and wait for its end; return its exit code."""
        child.starts += 1
        began = time.monotonic()
        links: dict[str, int] = {}
        try:
            links = self._links() if child.role == "resolver" else {}
            child.process = await self._make_process(child.role, links)
        except OSError as error:  # no memory or no process left at this moment: try again after the pause
            log.get().error("a role could not be started", part=child.role, reason=str(error))
            child.note_end(time.monotonic(), served=False)
            return NOT_STARTED
        finally:
            if "pulse" in links:
                os.close(links["pulse"])
        self._send_settings(child)
        code = await child.process.wait()
        now = time.monotonic()
        served = now - began >= SETTLED_SECONDS
        if self._pulse_watch is not None and child.role == "resolver":
            # A fault at a packet is the business of reduced mode, which would be forgotten if we ended.
            served = self._pulse_watch.begun or (-code in FAULTS and not self._pulse_watch.stopped)
            self._pulse_watch.end()
        child.note_end(now, served=served)
        return code

    async def _make_process(self, role: str, links: Mapping[str, int]) -> asyncio.subprocess.Process:
        """The process of a role, in which SIGHUP is blocked. Raises ``OSError``."""
        async with self._starting:
            with hangup.held():
                return await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",  # do not import from the current directory
                    "-m",
                    f"filterd.serve.{role}",
                    *(f"{name}={number}" for name, number in {**links, "parent": os.getpid()}.items()),
                    stdin=asyncio.subprocess.PIPE,
                    pass_fds=tuple(links.values()),
                )

    def _links(self) -> dict[str, int]:
        """The descriptors that a new resolver inherits, by name."""
        links = {} if self._crash_watch is None else {"board": self._crash_watch.board.descriptor}
        return links if self._pulse_watch is None else {**links, "pulse": self._pulse_watch.begin()}

    def _send_settings(self, child: Child) -> None:
        process = child.process
        if process is None or process.stdin is None or process.returncode is not None:
            return
        process.stdin.write(self._found.settings.to_json().encode() + b"\n")

    async def _stop(self, child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a stuck process: by SIGABRT first, so that its status shows a fault."""
    process.send_signal(signal.SIGABRT)
    try:
        await asyncio.wait_for(process.wait(), ABORT_SECONDS)
    except TimeoutError:
        process.kill()


def run(config: Path | None, roles: Sequence[str]) -> int:
    """Serve the roles until a signal; return the exit code. Raises ConfigErrors before it starts any."""
    hangup.hold()
    found = load_configuration(config)
    log.configure("supervisor")
    log.catch_faults()
    return asyncio.run(_run(config, found, roles))


async def _run(config: Path | None, found: Configuration, roles: Sequence[str]) -> int:
    supervisor = Supervisor(config, found, roles)
    code = await supervisor.run()
    if code == 0 and "resolver" in roles and not supervisor.hands_over:
        # A plain stop ends all: also a predecessor that our resolver had not yet taken over from. Control in
        # a unit of its own has none: one that waits belongs to a resolver that is restarted beside it.
        await asyncio.to_thread(dismiss, found.settings.state_dir)
    return code

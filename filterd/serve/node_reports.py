"""The node's reports to control over the Unix socket ``state_dir/resolver.sock``.

Control listens; the resolver connects, and reconnects after a pause when control was away: DNS never waits
for it. One line of JSON is one report. A report tells what is on the node's disk and in force, not what was
only read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filterd.disk.local_server import LocalServer, Tell, say_nothing, shut
from filterd.model.order_times import OrderArrival, ProbeState
from filterd.model.records import CanaryResult, CanaryState, FeedInForce, NodeReport

SOCKET = "resolver.sock"
CHECK_SECONDS = 0.05
"""between two checks of the resolver for something new to report"""
HEARTBEAT_SECONDS = 5.0
PACE_SECONDS = 0.25
"""between two reports of which the later says no more than that changes of lines were applied: each is a
write of control's, which waits for the disk"""
LONGEST_TEXT = 256
LATE_SECONDS = 1.0
"""between two heartbeats of a node that does not have everything"""
RETRY_SECONDS = 1.0
LARGEST_LINE = 1 << 20
LONGEST_REASON = 300
HELD = 64
"""reports that wait to be stored, above which no more are read"""
AWAY_SECONDS = 30.0
"""without control, after which the resolver says so: longer than control takes to start again"""


def to_line(report: NodeReport, ticks: float = 0.0, clock: float = 0.0) -> bytes:
    """The report as one line with its newline. The receiver sets ``seen_at``. ``ticks``: the moment by the
    clock that the times of its orders are of, which go as ages; ``clock``: Unix seconds."""
    orders = tuple(
        replace(
            each,
            at=round(ticks - each.at, 3),
            probed_at=round(ticks - each.probed_at, 3) if each.probe else 0.0,
        )
        for each in report.orders
    )
    fields = asdict(replace(report, orders=orders, sent_at=clock))
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes, now: float) -> NodeReport:
    """The report in a line, seen at ``now`` (Unix seconds). Raises ValueError for any other input."""
    try:
        fields = json.loads(line)
        return NodeReport(
            name=str(fields["name"]),
            seen_at=now,
            mandatory_revision=int(fields["mandatory_revision"]),
            parental_revision=int(fields["parental_revision"]),
            snapshot_digest=str(fields["snapshot_digest"]),
            ready=bool(fields["ready"]),
            lists={str(name): str(version) for name, version in fields["lists"].items()},
            mandatory_hash=str(fields["mandatory_hash"]),
            lag=float(fields["lag"]),
            not_durable=int(fields["not_durable"]),
            missing=tuple(map(str, fields["missing"])),
            kept_orders=tuple(map(str, fields["kept_orders"])),
            began_at=float(fields.get("began_at", 0.0)),
            effective_digest=str(fields.get("effective_digest", "")),
            effective_at=float(fields.get("effective_at", 0.0)),
            feeds=tuple(map(_feed, fields.get("feeds", ()))),
            canaries=tuple(map(_canary, fields.get("canaries", ()))),
            orders=tuple(_arrival(each, now) for each in fields.get("orders", ())),
            sent_at=float(fields.get("sent_at", 0.0)),
        )
    except (KeyError, TypeError, AttributeError) as error:
        msg = "not the report of a node"
        raise ValueError(msg) from error


def _feed(fields: Mapping[str, Any]) -> FeedInForce:
    return FeedInForce(
        label=_text(fields["label"]),
        kind=_text(fields["kind"]),
        version=_text(fields["version"]),
        digest=_text(fields["digest"]),
        names=int(fields["names"]),
        since=float(fields["since"]),
    )


def _text(value: object) -> str:
    """A text of a list's, which tables and reports show. Raises ValueError for one that no list has."""
    text = str(value)
    if len(text) > LONGEST_TEXT or not text.isprintable() or text.startswith(("=", "+", "-", "@")):
        msg = "not the label, kind, version or digest of a list"
        raise ValueError(msg)
    return text


def _canary(fields: Mapping[str, Any]) -> CanaryResult:
    return CanaryResult(
        label=str(fields["label"]),
        name=str(fields["name"]),
        state=CanaryState(fields["state"]),
        reason=str(fields["reason"]),
        tested_at=float(fields["tested_at"]),
        succeeded_at=float(fields["succeeded_at"]),
    )


def _arrival(fields: Mapping[str, Any], now: float) -> OrderArrival:
    """A node's word on an order, its ages as moments of our clock."""
    probe = ProbeState(fields["probe"])
    return OrderArrival(
        reference=str(fields["reference"]),
        revision=int(fields["revision"]),
        active=bool(fields["active"]),
        at=now - float(fields["at"]),
        probe=probe,
        probed_at=now - float(fields["probed_at"]) if probe else 0.0,
        reason=str(fields["reason"])[:LONGEST_REASON],
        confidential=bool(fields["confidential"]),
    )


class ControlLink:
    """The state of the link to control. Owned by the event loop; any thread may read it."""

    def __init__(self, ticks: Callable[[], float], clock: Callable[[], float] = time.time) -> None:
        """``ticks``: seconds of a clock that does not go back; ``clock``: Unix seconds."""
        self._ticks = ticks
        self.clock = clock
        self._away_since: float | None = ticks()

    @property
    def connected(self) -> bool:
        """True while control takes reports."""
        return self._away_since is None

    @property
    def lost(self) -> bool:
        """True if control has taken no reports for so long that it does not just start."""
        since = self._away_since
        return since is not None and self._ticks() - since >= AWAY_SECONDS

    def now(self) -> float:
        """The moment by the clock that does not go back, seconds."""
        return self._ticks()

    def change(self, *, connected: bool) -> None:
        """Note that control began or ceased to take reports."""
        self._away_since = None if connected else self._ticks()


async def report_for_ever(path: Path, report: Callable[[], NodeReport], link: ControlLink) -> None:
    """The resolver's side: connect, report news and heartbeats, and reconnect. Ends when cancelled."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_unix_connection(path)
            link.change(connected=True)
            try:
                await _report(reader, writer, report, link)
            finally:
                link.change(connected=False)
                await shut(writer)
        await asyncio.sleep(RETRY_SECONDS)


async def _report(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    report: Callable[[], NodeReport],
    link: ControlLink,
) -> None:
    """Report until control closes the connection."""
    reported: NodeReport | None = None
    silent = 0.0
    while not reader.at_eof():
        present = report()
        beat = silent >= (LATE_SECONDS if present.lag else HEARTBEAT_SECONDS)
        if beat or is_news(present, reported, silent):
            writer.write(to_line(present, link.now(), link.clock()))
            await writer.drain()
            reported, silent = present, 0.0
        await asyncio.sleep(CHECK_SECONDS)
        silent += CHECK_SECONDS


def is_news(present: NodeReport, reported: NodeReport | None, silent: float) -> bool:
    """Return whether a report says anything new, ``silent`` seconds after the last one. That a lag grows is
    none: heartbeats tell how long it is."""
    if reported is None:
        return True
    present, reported = (replace(each, lag=bool(each.lag)) for each in (present, reported))
    paced = replace(present, parental_revision=reported.parental_revision)
    return present != reported and (silent >= PACE_SECONDS or paced != reported)


class NodeReportListener:
    """Control's side: passes each report to ``take``."""

    def __init__(
        self,
        path: Path,
        take: Callable[[NodeReport], Awaitable[None]],
        clock: Callable[[], float],
        tell: Tell = say_nothing,
    ) -> None:
        self._take = take
        self._clock = clock
        self._server = LocalServer(path, self._serve, LARGEST_LINE, tell)

    async def start(self) -> None:
        """Begin to listen; replaces a socket that an earlier control left behind. Raises ``OSError``."""
        await self._server.start()

    async def close(self) -> None:
        """Stop listening and close all connections."""
        await self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on the reports of a resolver; one that sends anything else connects again. Each has the moment
        at which it came, however long the one before takes to be stored."""
        del writer
        came: asyncio.Queue[NodeReport | None] = asyncio.Queue()
        reading = asyncio.create_task(self._read(reader, came))
        try:
            while (report := await came.get()) is not None:
                await self._take(report)
                came.task_done()
            await reading
        finally:
            reading.cancel()

    async def _read(self, reader: asyncio.StreamReader, came: asyncio.Queue[NodeReport | None]) -> None:
        try:
            while line := await reader.readline():
                came.put_nowait(from_line(line, self._clock()))
                if came.qsize() >= HELD:
                    await came.join()
        finally:
            came.put_nowait(None)

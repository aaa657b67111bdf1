"""The families of metrics on sessions in control: numbers alone, and no address, line or subscriber."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric

from filterd.telemetry.metric_families import counter, gauge, total


@dataclass(frozen=True, slots=True)
class SessionMetrics:
    """The values of the table of sessions and of what feeds it."""

    known: Mapping[str, int] = field(default_factory=dict)
    """registered, unregistered -> sessions"""
    sources: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """the same for each source"""
    oldest: float = 0
    """seconds since the oldest confirmation of a session; 0: there is none"""
    most: int = 0
    """the room of the table"""
    changes: Mapping[str, int] = field(default_factory=dict)
    """what happened -> how often"""
    refused: int = 0
    packets: Mapping[str, int] = field(default_factory=dict)
    """outcome -> accounting packets; empty: there is no listener"""
    silence: float = 0
    """seconds since an accounting packet was accepted, or since the start; 0: there is no listener"""
    within: float = 0
    """seconds within which nine in ten RADIUS sessions were confirmed; 0: too few to tell"""
    refused_claims: Mapping[str, int] = field(default_factory=dict)
    """what told of them -> addresses that no session may have"""
    lease_lines_skipped: int = 0
    """lines of lease files that are no lease"""
    by_second_secret: int = 0
    """accounting packets that the second line of a secret file proved"""
    complete: bool = True
    dropped: int = 0
    """damaged records of the file that were left out when it was opened"""
    followers: int = 0
    clocks: Mapping[str, int] = field(default_factory=dict)
    """right, off, unproven -> NASes"""
    clock_steps: int = 0
    stamped_ahead: Mapping[str, int] = field(default_factory=dict)
    """kind of message -> those that counted as received now"""
    nas_without_place: int = 0
    """messages of NASes for which there was no room"""


def session_families(now: SessionMetrics) -> Iterator[Metric]:
    """The families on sessions."""
    known = GaugeMetricFamily(
        "filterd_sessions_known",
        "Sessions that control knows, by what told of them and whether somebody has registered their "
        "subscriber.",
        labels=("source", "state"),
    )
    for source, states in now.sources.items():
        for state, count in states.items():
            known.add_metric((source, state), count)
    yield known
    most = "The most sessions that there is room for: `accounting.sessions`, or more in a file made for more."
    yield gauge("filterd_sessions_most", most, now.most)
    yield counter(
        "filterd_session_changes",
        "Changes sent to resolvers, addresses that moved from one session to another or are claimed by two "
        "lines, sessions that nothing was heard of in time (stale), and messages that came late, lost to "
        "newer ones, or are of no known session.",
        ("change",),
        now.changes,
    )
    yield total("filterd_sessions_refused", "Sessions that the full table did not take.", now.refused)
    yield from _told_families(now)
    yield gauge(
        "filterd_sessions_complete",
        "Whether control has every session; 0 for a while after they were lost.",
        float(now.complete),
    )
    yield total(
        "filterd_session_records_dropped",
        "Damaged records of the file of sessions that control left out when it opened the file.",
        now.dropped,
    )
    yield gauge("filterd_session_followers", "Resolvers that follow the sessions.", now.followers)


def _told_families(now: SessionMetrics) -> Iterator[Metric]:
    """The families on what is told of sessions."""
    yield counter(
        "filterd_accounting_packets",
        "RADIUS packets received, by what became of them.",
        ("outcome",),
        now.packets,
    )
    yield from _hearing(now)
    yield counter(
        "filterd_session_claims_refused",
        "Addresses that no session may have (outside of accounting.pools or of a client's networks, "
        "loopback, multicast and the like), by what told of them; the rest of what it told counts.",
        ("source",),
        now.refused_claims,
    )
    yield total(
        "filterd_lease_lines_skipped",
        "Lines of the files of `accounting.leases` that are no lease and were passed over; lines of a file "
        "that is read anew count again.",
        now.lease_lines_skipped,
    )
    yield total(
        "filterd_accounting_second_secret",
        "RADIUS packets that the second line of a secret_file proved, not the first.",
        now.by_second_secret,
    )
    yield from _clock_families(now)


def _clock_families(now: SessionMetrics) -> Iterator[Metric]:
    """The families on the clocks of NASes."""
    clocks = GaugeMetricFamily(
        "filterd_nas_clocks",
        "NASes that sent Event-Timestamp since control began, by their clocks: right within 5 seconds, off, "
        "or unproven (not two messages yet that say the same).",
        labels=("clock",),
    )
    for clock, count in now.clocks.items():
        clocks.add_metric((clock,), count)
    yield clocks
    yield total(
        "filterd_nas_clock_steps", "Steps of the clocks of NASes since control began.", now.clock_steps
    )
    yield counter(
        "filterd_accounting_stamped_ahead",
        "RADIUS messages whose Event-Timestamp was more than 5 seconds ahead of the clock of their NAS as it "
        "is known, by kind: they count as sent on arrival, less Acct-Delay-Time.",
        ("kind",),
        now.stamped_ahead,
    )
    yield total(
        "filterd_nas_without_place",
        "Messages of NASes for which there was no room (16,384 of one client, 65,535 in all): they count, "
        "and their clocks are not corrected.",
        now.nas_without_place,
    )


def _hearing(now: SessionMetrics) -> Iterator[Metric]:
    """The families on how RADIUS is heard of."""
    yield gauge(
        "filterd_accounting_silence_seconds",
        "Seconds since a RADIUS packet was accepted, or since control began; 0: it does not listen.",
        now.silence,
    )
    yield gauge(
        "filterd_sessions_confirmed_within_seconds",
        "Seconds within which nine in ten RADIUS sessions were confirmed, of a sample each minute; 0: "
        "too few to tell. `accounting.stale_after` is to be three times as long.",
        now.within,
    )

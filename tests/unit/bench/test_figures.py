"""What the generators print is read right, and medians and percentiles are what the words say."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from bench.figures import (
    LOST,
    Figures,
    Latency,
    Load,
    OutputError,
    latency,
    lost_in,
    median,
    parse_dnsperf,
    parse_senders,
    parse_times,
    percentile,
    quotient,
)

DNSPERF = """
Statistics:

  Queries sent:         182129
  Queries completed:    182100 (99.98%)
  Queries lost:         29 (0.02%)

  Response codes:       NOERROR 163890 (90.00%), NXDOMAIN 18200 (9.99%), SERVFAIL 10 (0.01%)
  Average packet size:  request 41, response 57
  Run time (s):         1.250000
  Queries per second:   145680.000000
"""
FIGURES = Figures(
    rate=100.0, user=1.0, system=2.0, lost=0.0, denied=0.1, failed=0.0, generator=0.5, others=0.1
)


def test_dnsperf() -> None:
    load = parse_dnsperf(DNSPERF)
    assert (load.sent, load.answered, load.seconds) == (182129, 182100, 1.25)
    assert load.codes == {"NOERROR": 163890, "NXDOMAIN": 18200, "SERVFAIL": 10}
    assert (load.lost, load.failed, load.rate) == (29, 10, 145680.0)


def test_dnsperf_that_failed() -> None:
    with pytest.raises(OutputError, match="no sent: 'Error: unable"):
        parse_dnsperf("Error: unable to open file")


def test_no_answers_have_no_rate() -> None:
    assert Load(10, 0, 0.0, {}).rate == 0.0


def test_senders() -> None:
    text = '{"begin": 12.5, "seconds": 2.0, "sent": 10, "answered": 8, "unfiltered": 1, '
    text += '"denied": 3, "failed": 2}\n'
    load = parse_senders(text)
    assert (load.begin, load.lost, load.rate, load.unfiltered, load.failed) == (12.5, 2, 4.0, 1, 2)
    assert load.codes["NXDOMAIN"] == 3


@pytest.mark.parametrize("text", ["", "bind: Address already in use", "{}", "3"])
def test_senders_that_failed(text: str) -> None:
    with pytest.raises(OutputError):
        parse_senders(text)


def test_times_and_latency() -> None:
    content = struct.pack("=8I", 0, 1000, 1_000_000, LOST, 1_500_000, 3000, 2_000_000, 9000)
    times = parse_times(content)
    assert times == [(0.0, 0.001), (1.0, None), (1.5, 0.003), (2.0, 0.009)]
    assert latency(times) == Latency(0.003, 0.009, 0.009)
    assert latency(times, 1.0, 2.0) == Latency(0.003, 0.003, 0.003)
    assert latency(times, 0.5, 1.5) is None


def test_what_is_lost_in_spans_of_time() -> None:
    times = [(0.5, None), (1.0, None), (1.5, 0.1), (2.0, None), (3.0, None)]
    assert lost_in(times, [(1.0, 2.0), (2.5, 3.5)]) == 2
    assert lost_in(times, []) == 0


def test_percentiles() -> None:
    ranked = [float(number) for number in range(1, 101)]
    assert percentile(ranked, 0.5) == 51.0
    assert percentile(ranked, 0.99) == 100.0
    with pytest.raises(ValueError, match="no percentile"):
        percentile([], 0.5)


def test_the_median_is_taken_of_each_field() -> None:
    rounds = [
        replace(FIGURES, rate=100.0, user=3.0, p99=4.0),
        replace(FIGURES, rate=300.0, user=1.0),
        replace(FIGURES, rate=200.0, user=2.0, p99=8.0),
    ]
    found = median(rounds)
    assert (found.rate, found.user, found.p99, found.batch) == (200.0, 2.0, 6.0, None)
    assert found.cpu == 4.0
    with pytest.raises(ValueError, match="no median"):
        median([])


def test_quotients() -> None:
    assert quotient(1.0, 4.0) == 0.25
    assert quotient(None, 4.0) is None
    assert quotient(1.0, 0.0) is None
    assert quotient(1.0, -1.0) is None

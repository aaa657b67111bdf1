"""A bar is met, missed or not measured; none of them by accident."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from bench.bars import Measured, Row, Swap, rows
from bench.figures import Figures


def figures(rate: float = 1.0, user: float = 1.0, system: float = 3.0) -> Figures:
    return Figures(
        rate=rate, user=user, system=system, lost=0.0, denied=0.1, failed=0.0, generator=0.9, others=0.0
    )


def systems(**cpu: tuple[float, float]) -> dict[str, Figures]:
    return {name: figures(user=user, system=system) for name, (user, system) in cpu.items()}


def verdicts(measured: Measured) -> dict[str, str]:
    return {row.what: row.verdict for row in rows(measured)}


def found(measured: Measured, start: str) -> Row:
    (row,) = [each for each in rows(measured) if each.what.startswith(start)]
    return row


def test_nothing_measured_is_nothing_met() -> None:
    assert set(verdicts(Measured({}, {})).values()) == {"not measured", "no bar"}


@pytest.mark.parametrize(
    ("mix", "above", "user"),
    [
        (systems(bare=(0.1, 3.0), dnsdist=(2.1, 3.0), filterd=(1.0, 3.1)), "met", "met"),
        (systems(bare=(0.1, 3.0), dnsdist=(2.1, 3.0), filterd=(1.0, 3.3)), "missed", "met"),
        (systems(bare=(0.1, 3.0), dnsdist=(2.1, 3.0), filterd=(1.4, 2.1)), "met", "missed"),
        (systems(bare=(0.1, 3.0), filterd=(1.0, 3.0)), "not measured", "not measured"),
        (systems(dnsdist=(2.1, 3.0), filterd=(1.0, 3.0)), "not measured", "met"),
        (systems(bare=(3.0, 3.0), dnsdist=(2.1, 3.0), filterd=(1.0, 3.0)), "not measured", "met"),
    ],
)
def test_processor_time(mix: Mapping[str, Figures], above: str, user: str) -> None:
    measured = Measured(mix, {})
    assert found(measured, "CPU for a query").verdict == above
    assert found(measured, "user CPU").verdict == user


def test_throughput_is_said_beside_what_limits_it() -> None:
    mix = systems(bare=(0.0, 3.0), dnsdist=(2.0, 3.0), filterd=(1.0, 3.0))
    row = found(Measured(mix, {}), "throughput")
    assert "generator's CPU 90% and 90%" in row.measured
    assert "250,000 answers per CPU s (dnsdist 200,000)" in row.measured
    assert figures(user=0.0, system=0.0).per_processor is None


@pytest.mark.parametrize(("rate", "verdict"), [(99.0, "missed"), (100.0, "met")])
def test_misses(rate: float, verdict: str) -> None:
    misses = {"dnsdist": figures(rate=100.0), "filterd": figures(rate=rate)}
    assert found(Measured({}, misses), "cache misses").verdict == verdict


@pytest.mark.parametrize(("value", "verdict"), [(16e6, "met"), (16.1e6, "missed")])
def test_memory(value: float, verdict: str) -> None:
    assert found(Measured({}, {}, bytes_per_million=value), "memory").verdict == verdict


@pytest.mark.parametrize(
    ("swap", "verdict"),
    [
        (Swap(0, 0, 0.050, None, 1.0, 1.0), "met"),
        (Swap(1, 0, 0.010, None, 1.0, 1.0), "missed"),
        (Swap(0, 1, 0.010, None, 1.0, 1.0), "missed"),
        (Swap(0, 0, 0.051, None, 1.0, 1.0), "missed"),
    ],
)
def test_swap(swap: Swap, verdict: str) -> None:
    assert found(Measured({}, {}, swap=swap), "a swap").verdict == verdict


def test_where_queries_of_a_swap_were_lost_is_said() -> None:
    row = found(Measured({}, {}, swap=Swap(9, 0, 0.04, None, 1000.0, 1.0, lost_around=2)), "a swap")
    assert row.measured == "9 lost (2 around swaps), 0 unfiltered, worst 40.0 ms at 1,000/s"
    assert row.verdict == "missed"


def test_start_and_threads() -> None:
    fast = Measured({}, {}, first_answer=1.0, two_threads=1.8)
    assert found(fast, "from exec").verdict == "met"
    assert found(fast, "two threads").verdict == "met"
    slow = Measured({}, {}, first_answer=1.01, two_threads=1.79)
    assert found(slow, "from exec").verdict == "missed"
    assert found(slow, "two threads").verdict == "missed"


def test_what_the_machine_gives_two_processes_is_said_and_changes_no_verdict() -> None:
    row = found(Measured({}, {}, two_threads=1.7, two_processes=1.65), "two threads")
    assert row.verdict == "missed"
    assert row.measured == "1.70 x (two processes that share nothing: 1.65 x)"

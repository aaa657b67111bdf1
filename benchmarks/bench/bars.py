"""What filterd must reach, what was measured, and whether it does. A missed bar is a result, not an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from bench.figures import Figures, quotient

MEGABYTE = 1e6
CPU_ABOVE_BARE = 0.5
USER_CPU = 0.6
MISSES = 1.0
MEGABYTES_PER_MILLION = 16.0
FIRST_ANSWER_SECONDS = 1.0
WORST_AT_SWAP = 0.050
TWO_THREADS = 1.8
NO_BAR = "no bar"


@dataclass(frozen=True, slots=True)
class Row:
    """One bar."""

    what: str
    bar: str
    measured: str
    met: bool | None
    """None: not measured, or there is no bar"""

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.bar == NO_BAR:
            return NO_BAR
        return "not measured" if self.met is None else "met" if self.met else "missed"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rows are made of; None where it could not be measured."""

    mix: Mapping[str, Figures]
    misses: Mapping[str, Figures]
    bytes_per_million: float | None = None
    first_answer: float | None = None
    swap: Swap | None = None
    two_threads: float | None = None
    two_processes: float | None = None
    """that share nothing, for the same work"""


@dataclass(frozen=True, slots=True)
class Swap:
    """What clients saw of a new snapshot coming into force."""

    lost: int
    unfiltered: int
    worst: float
    p99_after: float | None
    """seconds, of the queries due in the second after the swap"""
    rate: float
    compile_seconds: float
    lost_around: int = 0
    """of those lost, due between a snapshot's publication and a second after it is in force: the others are
    the load's and the compile's"""

    def as_dict(self) -> dict[str, float | None]:
        """For JSON."""
        return asdict(self)


def rows(measured: Measured) -> list[Row]:
    """Every bar of the data plane."""
    return [
        _cpu_above_bare(measured.mix),
        _user_cpu(measured.mix),
        _throughput(measured.mix),
        _misses(measured.misses),
        _at_most(
            "memory per million names",
            MEGABYTES_PER_MILLION,
            None if measured.bytes_per_million is None else measured.bytes_per_million / MEGABYTE,
            "MB",
        ),
        _at_most("from exec to first answer", FIRST_ANSWER_SECONDS, measured.first_answer, "s"),
        _swap(measured.swap),
        _two_threads(measured.two_threads, measured.two_processes),
    ]


def above_bare(mix: Mapping[str, Figures], name: str) -> float | None:
    """Microseconds for a query beyond what the bare responder takes."""
    return mix[name].cpu - mix["bare"].cpu if name in mix and "bare" in mix else None


def _cpu_above_bare(mix: Mapping[str, Figures]) -> Row:
    ours, theirs = above_bare(mix, "filterd"), above_bare(mix, "dnsdist")
    share = quotient(ours, theirs)
    text = "" if share is None else f"{share:.2f} x ({ours:.2f} us and {theirs:.2f} us)"
    return _row(
        "CPU for a query of the mix above the bare responder",
        f"<= {CPU_ABOVE_BARE} x dnsdist's",
        text,
        None if share is None else share <= CPU_ABOVE_BARE,
    )


def _user_cpu(mix: Mapping[str, Figures]) -> Row:
    ours, theirs = mix.get("filterd"), mix.get("dnsdist")
    share = quotient(ours.user, theirs.user) if ours is not None and theirs is not None else None
    text = (
        ""
        if ours is None or theirs is None or share is None
        else (f"{share:.2f} x ({ours.user:.2f} us and {theirs.user:.2f} us)")
    )
    met = None if share is None else share <= USER_CPU
    return _row("user CPU for a query of the mix", f"<= {USER_CPU} x dnsdist's", text, met)


def _throughput(mix: Mapping[str, Figures]) -> Row:
    ours, bare = mix.get("filterd"), mix.get("bare")
    if ours is None or bare is None:
        return _row("throughput of the mix", NO_BAR, "", None)
    theirs = mix.get("dnsdist")
    peer = "" if theirs is None else f"dnsdist {theirs.rate:,.0f}/s, "
    text = (
        f"{ours.rate:,.0f}/s ({peer}bare {bare.rate:,.0f}/s; "
        f"generator's CPU {ours.generator:.0%} and {bare.generator:.0%}); {_per_processor(ours, theirs)}"
    )
    return _row("throughput of the mix", NO_BAR, text, None)


def _per_processor(ours: Figures, theirs: Figures | None) -> str:
    """What the processor time of an answer comes to: the generator may be the limit of both."""
    text = f"{ours.per_processor or 0.0:,.0f} answers per CPU s"
    return text if theirs is None else f"{text} (dnsdist {theirs.per_processor or 0.0:,.0f})"


def _misses(misses: Mapping[str, Figures]) -> Row:
    ours, theirs = misses.get("filterd"), misses.get("dnsdist")
    share = quotient(ours.rate, theirs.rate) if ours is not None and theirs is not None else None
    text = (
        ""
        if ours is None or theirs is None or share is None
        else (f"{share:.2f} x ({ours.rate:,.0f}/s and {theirs.rate:,.0f}/s)")
    )
    met = None if share is None else share >= MISSES
    return _row("cache misses forwarded", f">= {MISSES} x dnsdist", text, met)


def _swap(swap: Swap | None) -> Row:
    bar = f"0 lost, 0 unfiltered, worst <= {WORST_AT_SWAP * 1000:.0f} ms"
    if swap is None:
        return _row("a swap under load, compile running", bar, "", None)
    around = f" ({swap.lost_around} around swaps)" if swap.lost else ""
    text = (
        f"{swap.lost} lost{around}, {swap.unfiltered} unfiltered, "
        f"worst {swap.worst * 1000:.1f} ms at {swap.rate:,.0f}/s"
    )
    met = not swap.lost and not swap.unfiltered and swap.worst <= WORST_AT_SWAP
    return _row("a swap under load, compile running", bar, text, met)


def _two_threads(times: float | None, apart: float | None) -> Row:
    met = None if times is None else times >= TWO_THREADS
    text = "" if times is None else f"{times:.2f} x"
    if apart is not None:
        text += f" (two processes that share nothing: {apart:.2f} x)"
    return _row("two threads against one, in process", f">= {TWO_THREADS} x", text, met)


def _at_most(what: str, bar: float, value: float | None, unit: str) -> Row:
    met = None if value is None else value <= bar
    return _row(what, f"<= {bar:g} {unit}", "" if value is None else f"{value:.2f} {unit}", met)


def _row(what: str, bar: str, text: str, met: bool | None) -> Row:
    return Row(what, bar, text or "-", met)

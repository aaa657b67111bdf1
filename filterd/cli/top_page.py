"""The page of ``filterd top`` as lines of text: the same on a terminal, in a pipe, and for ``--once``.

No line is wider than 80 characters, but for an address or a remedy that is. Style only repeats a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filterd.cli import output

if TYPE_CHECKING:
    from filterd.operations.top.attention import Attention
    from filterd.operations.top.change import Quantile
    from filterd.operations.top.figures import ControlFigures, NodeFigures, ResolverFigures, UpstreamFigures
    from filterd.operations.top.observer import Look

WIDTH = 80
LABEL = 11
"""characters of the word that begins a line"""
UPSTREAM = 30
"""characters of an upstream in its line; a longer one has a line of its own"""
LEAST_ROWS = 3
"""rows of a table that are shown on the smallest terminal"""


@dataclass(frozen=True, slots=True)
class PageLine:
    """One line, and its style on a terminal: empty, ``bold``, ``reverse`` or ``dim``."""

    text: str
    style: str = ""


def page(look: Look, node: str, *, rows: int) -> list[PageLine]:
    """The whole page; each table has at most ``rows`` rows."""
    lines = [PageLine(f"filterd top  {node}  {output.moment(look.at)}", "bold")]
    unreached = [each for each in (look.resolver_unreached, look.control_unreached) if each is not None]
    lines += [line for each in (*unreached, *look.attention) for line in _attention(each)]
    if look.resolver is not None:
        lines += [PageLine(""), *_resolver(look.resolver, look.seconds, rows)]
    elif look.resolver_unreached is None:
        lines.append(PageLine("the resolver answers; rates follow with the next reading"))
    if look.control is not None:
        lines += list(_control(look.control))
    return lines


def rows_for(height: int) -> int:
    """The rows that each table may have on a terminal of this height."""
    return max(LEAST_ROWS, (height - 18) // 2)


def _attention(found: Attention) -> Iterator[PageLine]:
    yield PageLine(f"! {found.message}", "bold")
    yield PageLine(f"    {found.remedy}")


def _resolver(now: ResolverFigures, seconds: float, rows: int) -> Iterator[PageLine]:
    queries = sum(now.queries.values())
    yield _line("queries", f"{rate(queries)}/s", _rates(now.queries), f"over {seconds:.1f} s")
    yield _line("answered", "half within " + _time(now.median), "99 % within " + _time(now.slowest))
    yield _line("cache", _shares(now.cache) or "no lookups")
    punts = sum(now.punts.values())
    share = f" ({percent(punts, now.datagrams)} of the datagrams)" if punts and now.datagrams else ""
    yield _line("punts", f"{rate(punts)}/s{share}", _rates(now.punts))
    dropped, limited = sum(now.dropped.values()), sum(now.rate_limited.values())
    yield _line("turned away", f"dropped {rate(dropped)}/s", f"rate limited {rate(limited)}/s")
    yield _line("open", f"TCP connections {now.tcp_connections:,}", f"threads {now.threads}")
    yield PageLine("")
    yield from _verdicts(now, rows)
    yield PageLine("")
    yield from _upstreams(now.upstreams, rows)
    yield PageLine("")
    yield from _node(now.node)


def _verdicts(now: ResolverFigures, rows: int) -> Iterator[PageLine]:
    yield PageLine(f"{'verdict':<12}{'reason':<28}{'per second':>12}{'share':>10}", "reverse")
    total = sum(each.rate for each in now.verdicts)
    for each in now.verdicts[:rows]:
        shares = percent(each.rate, total)
        yield PageLine(f"{each.verdict:<12}{each.reason:<28}{rate(each.rate):>12}{shares:>10}")
    yield from _rest(len(now.verdicts), rows, "no answers in this time")


def _upstreams(upstreams: Sequence[UpstreamFigures], rows: int) -> Iterator[PageLine]:
    head = f"{'upstream':<{UPSTREAM}}{'state':<8}{'answers/s':>11}{'faults/s':>10}{'waiting':>9}"
    yield PageLine(f"{head}{'latency':>11}", "reverse")
    for each in upstreams[:rows]:
        name = each.upstream
        if len(name) >= UPSTREAM:
            yield PageLine(name)
            name = ""
        state = "loops" if each.looping else "up" if each.up else "rests"
        latency = f"{each.latency * 1000:.1f} ms" if each.latency else "-"
        figures = f"{rate(each.answered):>11}{rate(each.failed):>10}{each.outstanding:>9}{latency:>11}"
        yield PageLine(f"{name:<{UPSTREAM}}{state:<8}{figures}")
    yield from _rest(len(upstreams), rows, "no upstreams")


def _rest(count: int, rows: int, empty: str) -> Iterator[PageLine]:
    if not count:
        yield PageLine(empty, "dim")
    elif count > rows:
        yield PageLine(f"and {count - rows} more", "dim")


def _node(now: NodeFigures) -> Iterator[PageLine]:
    missing = [part for part, ready in now.ready.items() if not ready]
    state = f"not ready: {', '.join(missing)}" if missing else "ready"
    yield _line("node", state, f"{now.lag:.1f} s behind the store", f"lines {now.lines:,}")
    snapshot = now.snapshot[:12] or "no snapshot"
    newer = f"entries newer than it {now.overlay:,}"
    yield _line("snapshot", snapshot, f"generation {now.generation}", newer)


def _control(now: ControlFigures) -> Iterator[PageLine]:
    orders = ", ".join(f"{count} {state}" for state, count in now.orders.items() if count)
    lines = sum(now.subscribers.values())
    opted = f"lines opted in {now.subscribers.get('opted_in', 0):,} of {lines:,}"
    if not now.subscribers:
        yield _line("control", "it has not read its figures from the store yet")
        return
    yield _line("control", f"feeds {now.feeds}", opted)
    yield _line("orders", orders or "none")


def _line(label: str, *parts: str) -> PageLine:
    """A labelled line; a part that does not fit any more is left out whole."""
    text = f"{label:<{LABEL}}"
    for number, part in enumerate(each for each in parts if each):
        longer = f"{text}{'   ' if number else ' '}{part}"
        if number and len(longer) > WIDTH:
            break
        text = longer
    return PageLine(text)


def _rates(found: Mapping[str, float]) -> str:
    return "  ".join(f"{word} {rate(each)}" for word, each in found.items())


def _shares(found: Mapping[str, float]) -> str:
    total = sum(found.values())
    return "  ".join(f"{word} {percent(each, total)}" for word, each in found.items())


def rate(value: float) -> str:
    """A rate in few characters: one decimal where it is small."""
    return f"{value:,.1f}" if value < 10 else f"{value:,.0f}"


def percent(part: float, total: float) -> str:
    """A share of a total."""
    return f"{100 * part / total:.1f} %" if total else "-"


def _time(found: Quantile | None) -> str:
    if found is None:
        return "-"
    seconds = found.seconds
    said = f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"
    return f"more than {said}" if found.above else said

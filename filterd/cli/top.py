"""``filterd top``: the machine's rates and state, live."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.options import common, refused, settings_of

if TYPE_CHECKING:
    from filterd.operations.top.observer import Look, Observer

DUMB = ("dumb", "unknown")
"""terminals without a cursor: they get pages one below the other, as a pipe does"""
SOON = 1.0
"""seconds after which a first look, or one that reached nobody, is followed by another"""
_LEAVING = frozenset(b"qQ\x03\x04")
"""q, and the characters of Ctrl-C and Ctrl-D where the terminal passes them"""
_LEAVING_ALONE = (b"\x1b", b"")
"""escape, and the end of the terminal"""
WIDEST = 10
"""rows of a table in a pipe"""


@click.command()
@click.option(
    "--interval",
    type=click.FloatRange(0.2, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between two readings.",
)
@click.option("--once", is_flag=True, help="Show one interval and end.")
@common
def top(config: Path | None, as_json: bool, interval: float, once: bool) -> None:
    """Show rates, verdicts, cache, upstreams and the node's state; q leaves.

    It reads the metrics of the resolver and of control on this machine, and shows no names, lines or
    addresses of clients. In a pipe it prints one page for each interval, with --json one line.
    """
    from filterd.operations.top.observer import Observer

    settings = settings_of(config)
    observer = Observer(settings, wall=time.time, monotonic=time.monotonic)
    with contextlib.suppress(KeyboardInterrupt):
        if once:
            look = asyncio.run(_second_look(observer, interval))
            if look.resolver_unreached is not None:
                raise refused(config, look.resolver_unreached.message, look.resolver_unreached.remedy)
            _print(look, settings.node.name, as_json)
        elif as_json or not sys.stdout.isatty() or os.environ.get("TERM") in DUMB:
            asyncio.run(_stream(observer, settings.node.name, interval, as_json))
        else:
            asyncio.run(_Screen(observer, settings.node.name, interval).run())


async def _second_look(observer: Observer, interval: float) -> Look:
    """The look after one interval; the first one where the resolver does not answer."""
    first = await observer.look()
    if first.resolver_unreached is not None:
        return first
    await asyncio.sleep(interval)
    return await observer.look()


async def _stream(observer: Observer, node: str, interval: float, as_json: bool) -> None:
    """Print a look for each interval, the first one only if the resolver does not answer."""
    first = await observer.look()
    if first.resolver_unreached is not None:
        _print(first, node, as_json)
    while True:
        await asyncio.sleep(interval)
        _print(await observer.look(), node, as_json)


def _print(look: Look, node: str, as_json: bool) -> None:
    from filterd.cli.top_page import page

    if as_json:
        said = output.plain(look)
        click.echo(json.dumps({**said, "at": output.moment(look.at), "node": node}, ensure_ascii=False))
        return
    for line in page(look, node, rows=WIDEST):
        click.echo(line.text)
    click.echo()


class _Screen:
    """The live page: drawn anew with each look, and when the terminal changes its size."""

    def __init__(self, observer: Observer, node: str, interval: float) -> None:
        from rich.console import Console

        self._observer = observer
        self._node = node
        self._interval = interval
        self._console = Console()
        self._look: Look | None = None
        self._left = asyncio.Event()

    async def run(self) -> None:
        """Show looks until a key ends it."""
        from rich.live import Live

        with (
            self._keys(),
            Live(console=self._console, screen=True, auto_refresh=False) as live,
        ):
            asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, lambda: self._draw(live))
            self._draw(live)
            while not self._left.is_set():
                self._look = await self._observer.look()
                self._draw(live)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause(self._look)):
                        await self._left.wait()

    def _pause(self, look: Look) -> float:
        """Seconds until the next look; rates follow a first one soon."""
        return self._interval if look.seconds else min(self._interval, SOON)

    def _draw(self, live: object) -> None:
        from rich.live import Live
        from rich.text import Text

        from filterd.cli.top_page import PageLine, page, rows_for

        assert isinstance(live, Live)  # noqa: S101 - its type is imported with the terminal alone
        lines = [PageLine("reading the metrics")]
        if self._look is not None:
            lines = page(self._look, self._node, rows=rows_for(self._console.height))
        lines.append(PageLine(f"every {self._interval:g} s; q leaves", "dim"))
        text = Text("\n", no_wrap=True, overflow="ellipsis").join(
            Text(each.text, each.style) for each in lines
        )
        live.update(text, refresh=True)

    @contextlib.contextmanager
    def _keys(self) -> Iterator[None]:
        """Read single keys of the terminal; without one on standard input, Ctrl-C leaves."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._left.set)
        loop.add_signal_handler(signal.SIGINT, self._left.set)
        if not sys.stdin.isatty():
            yield
            return
        import termios
        import tty

        before = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin)
        loop.add_reader(sys.stdin, self._read_key)
        try:
            yield
        finally:
            loop.remove_reader(sys.stdin)
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

    def _read_key(self) -> None:
        """Leave for q and the like; the sequence of an arrow key is none of them."""
        typed = os.read(sys.stdin.fileno(), 64)
        if typed in _LEAVING_ALONE or _LEAVING & set(typed):
            self._left.set()

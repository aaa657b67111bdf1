"""The pictures that are made from the program: ``check`` on a terminal, and the bench as a chart.

``check`` is run for real, on a terminal of its own, over the installation of ``make run``: three lines, an
order, lists and an upstream on loopback. rich turns what the terminal got into SVG.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path

from bench import chart
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from filterd.cli.demonstration import installation
from filterd.cli.demonstration.upstream import DemonstrationUpstream

ROOT = Path(__file__).parents[2]
COLUMNS = 46
"""few: a telephone shows the whole width, and letters that can be read"""
COMMAND = ("check", "cloaked.example", "--subscriber", "demonstration-2", "--resolve")
SHOWN = ("query category", "answer category")
"""the stages that the picture shows; all the others stand in the output too"""
MOMENT = "2026-11-26T21:30:00-06:00"
"""given with ``--at``: a picture does not change with the hour"""
INK = TerminalTheme((13, 17, 23), (222, 228, 236), [(222, 228, 236)] * 8, [(255, 255, 255)] * 8)
TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="560" viewBox="0 0 {width} {height}" role="img">
<title>filterd check, on a terminal</title>
<style>text {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: \
{char_height}px; white-space: pre }}
.{unique_id}-title {{ font-size: 18px; font-family: system-ui, sans-serif }}
{styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" \
height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


async def _written(config: Path) -> str:
    """Run the command with a terminal as its output; return what it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "filterd.cli.entry", *COMMAND, "--at", MOMENT),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "FILTERD_CONFIG": str(config), "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)},
    )
    os.close(theirs)
    written = await asyncio.get_running_loop().run_in_executor(None, _read_all, ours)
    code = await process.wait()
    assert code == 0, written
    return written


def _read_all(terminal: int) -> str:
    """Everything until the other side is closed, which a terminal reports as an error."""
    read = b""
    with os.fdopen(terminal, "rb", buffering=0) as file:
        try:
            while part := file.read(65536):
                read += part
        except OSError:
            pass
    return read.decode()


async def _run() -> str:
    with tempfile.TemporaryDirectory() as folder:
        async with DemonstrationUpstream([]) as upstream:
            config = installation.write_files(
                Path(folder), ROOT / "policies", installation.Ports(), upstream.port
            )
            await installation.prepare(config, lambda _: None)
            return await _written(config)


def _cut(written: str) -> str:
    """The verdict down to what helps, and the stages of ``SHOWN``, a paragraph each on a narrow terminal."""
    verdict, *stages = Text.from_ansi(written).plain.split("\n\n")
    head = verdict[: verdict.index("\nprotected")]
    kept = [each for each in stages if " ".join(re.findall(r"(?m)^(?:part|stage) +(\S+)", each)) in SHOWN]
    assert len(kept) == len(SHOWN), written
    return "\n\n…\n\n".join([head, *kept])


def check() -> str:
    """docs/pictures/check.svg."""
    written = _cut(asyncio.run(_run()).replace("\r\n", "\n").rstrip("\n"))
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text(f"$ filterd {' '.join(COMMAND[:2])} \\\n    {' '.join(COMMAND[2:])}", style="bold"))
    console.print(Text(written))
    drawn = console.export_svg(title="filterd check", theme=INK, code_format=TEMPLATE, unique_id="check")
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def bench() -> str:
    """docs/pictures/bench.svg, from the last run in docs/benchmarks.md."""
    return chart.drawing(chart.of_page((ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")))

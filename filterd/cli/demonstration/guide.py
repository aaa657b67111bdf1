"""The text that ``make run`` prints when it is ready. No I/O."""

from __future__ import annotations

from pathlib import Path

from filterd.cli.demonstration.entrances import LINE, Entrances
from filterd.cli.demonstration.installation import LINES, SINKHOLES, Ports
from filterd.cli.demonstration.zone import ORDERED

TRY = (
    ("-b 127.0.0.2 adult.example", "blocked: the children's profile has the category"),
    ("-b 127.0.0.4 adult.example", "answered: that line asked for nothing"),
    ("-b 127.0.0.3 casino.example +tcp", "blocked for the teenager too, over TCP"),
    ("-b 127.0.0.2 cloaked.example", "blocked: an alias of adult.example"),
    ("-b 127.0.0.2 alias.example HTTPS", "blocked: its target is"),
    (f"-b 127.0.0.4 {ORDERED}", "blocked for everybody: an order"),
    ("-b 127.0.0.2 library.example", "answered"),
)
"""(arguments of dig, what to expect)"""


def log_of(config: Path) -> Path:
    """The log file of the demonstration's ``filterd serve``."""
    return config.with_name("serve.log")


def text(config: Path, ports: Ports, online: bool, dig: bool, ways: Entrances) -> str:
    """The whole text."""
    command = f".venv/bin/filterd check adult.example --client 127.0.0.2 --config {config}"
    ask = f"dig @127.0.0.1 -p {ports.dns}"
    lines = ["", f"filterd is ready on 127.0.0.1:{ports.dns}, UDP and TCP. Three lines are registered:", ""]
    lines += [f"  {line.address}  {line.profile or 'never opted in'}" for line in LINES]
    lines += ["", "Try (EDE says why):", ""]
    width = max(len(arguments) for arguments, _ in TRY)
    lines += [f"  {ask} {arguments.ljust(width)}  # {expected}" for arguments, expected in TRY]
    if not dig:
        lines += ["", "  (dig is in the package bind9-dnsutils)"]
    lines += ["", *_pages(ports, ways)]
    lines += [
        "",
        f"Why:      {command}",
        f"Metrics:  http://127.0.0.1:{ports.metrics}/metrics (resolver)",
        f"          http://127.0.0.1:{ports.control}/metrics (control)",
        f"Log:      {log_of(config)}",
        "",
    ]
    if not online:
        lines += [
            "No Internet: the system's resolvers find nothing. Names under .example work all the same.",
            "",
        ]
    return "\n".join([*lines, f"Ctrl-C stops it; the state stays in {config.parent}.", ""])


def _block(ports: Ports) -> str:
    """The pages of a blocked name, by their addresses."""
    first, *others = (f"http://{address}:{ports.block}/ ({kind})" for kind, address in SINKHOLES.items())
    return "\n          ".join((first, *others))


def _pages(ports: Ports, ways: Entrances) -> list[str]:
    """The part about pages."""
    token = ways.token or "one that you make: filterd token add NAME --role support"
    overseer = ways.overseer or "one that you make: filterd token add NAME --role regulator"
    return [
        "Pages, in a browser on this machine:",
        "",
        f"  Portal: {ways.link}",
        f"          signs in the holder of {LINE.subscriber}, once, until this time tomorrow",
        f"  Public: http://127.0.0.1:{ports.portal}/servicio  (does it work: /funciona; reviews: /revision)",
        f"  Desk:   http://127.0.0.1:{ports.desk}/desk  with the token {token}",
        f"  Regulator: http://localhost:{ports.regulator}/regulator  with the token {overseer}",
        f"  Block:  {_block(ports)}",
        "          browsers are led to port 80, which takes root: here each is only shown",
    ]

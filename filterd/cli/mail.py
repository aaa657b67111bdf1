"""``filterd mail``: tries the server that takes e-mail to the operator's people."""

from __future__ import annotations

from pathlib import Path

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform


@click.group(cls=Group)
def mail() -> None:
    """Try the mail that alarms on orders' deadlines go by; nothing is ever mailed to subscribers."""


@mail.command()
@common
def test(config: Path | None, as_json: bool) -> None:
    """Send a test to everybody that alarms go to, and say whether the server took it."""
    from filterd.operations.orders import alarm_delivery

    to = perform(config, alarm_delivery.try_mail)
    if as_json:
        output.show_json({"to": to})
        return
    output.done(f"the server took a test for {', '.join(to)}; see that it arrives")

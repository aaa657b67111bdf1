"""``filterd policies``: what the shipped and the operator's own policies hold, and where it comes from."""

from __future__ import annotations

import click

from filterd.cli.group import Group
from filterd.cli.policy_sources import source, sources


@click.group(cls=Group)
def policies() -> None:
    """Look into the policies: where their names come from."""


policies.add_command(source)
policies.add_command(sources)

"""``filterd policies``: what the policies hold, how much they cover, and where their names come from."""

from __future__ import annotations

import click

from filterd.cli.group import Group
from filterd.cli.policy_coverage import coverage
from filterd.cli.policy_list import list_
from filterd.cli.policy_sources import source, sources


@click.group(cls=Group)
def policies() -> None:
    """Look into the policies: how much they cover, and where their names come from."""


policies.add_command(list_)
policies.add_command(coverage)
policies.add_command(source)
policies.add_command(sources)

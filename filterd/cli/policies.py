"""``filterd policies``: what the shipped and the operator's own policies hold, and how much they cover."""

from __future__ import annotations

import click

from filterd.cli.group import Group
from filterd.cli.policy_coverage import coverage


@click.group(cls=Group)
def policies() -> None:
    """Look into the policies: how much they cover."""


policies.add_command(coverage)

"""A small installation that is not started: the policies of the unit tests, and scripted answers upstream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.deployment import FILTERD, Deployment
from tests.e2e.resolver_process import answering, upstream
from tests.worlds.installation import write_policies

FINE: Mapping[tuple[str, str], list[str]] = {("fine.example", "A"): ["192.0.2.1"]}


@contextmanager
def small(
    folder: Path,
    records: Mapping[tuple[str, str], list[str]] = FINE,
    program: Sequence[str] = FILTERD,
    ttl: int = 600,
) -> Iterator[Deployment]:
    """The installation, its store made. ``records`` are what the upstream answers, with this TTL."""
    policies = write_policies(folder / "policies")
    with upstream(answering(dict(records), ttl)) as (port, _):
        made = Deployment(folder / "filterd", port, policies, program=program)
        made.cli("store", "migrate")
        yield made

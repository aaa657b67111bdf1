"""One installation for all ways in that one process tries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.evasion.lab import Lab, laboratory


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running resolver with its scripted upstream."""
    with laboratory(tmp_path_factory.mktemp("evasion")) as made:
        yield made

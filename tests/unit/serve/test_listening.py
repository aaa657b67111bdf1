"""What of the configured TCP connections the limit of open files allows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from filterd.config.load import from_value
from filterd.dataplane.slow.slowpath import MAX_WAITING
from filterd.serve.listening import OTHER_FILES, limits_of


@pytest.mark.parametrize(
    ("files", "connections"),
    [
        (sys.maxsize, 5000),
        (5000 + MAX_WAITING + OTHER_FILES, 5000),
        (4096, 4096 - OTHER_FILES - 1024),
        (100, 1),
    ],
)
def test_files_are_shared_with_the_sockets_to_upstreams(tmp_path: Path, files: int, connections: int) -> None:
    dns = {"upstreams": ["192.0.2.53"], "tcp": {"connections": 5000}, "rate_limit": {"ipv6_prefix": 48}}
    limits = limits_of(from_value({"dns": dns}, base=tmp_path), files)
    assert (limits.connections, limits.per_prefix, limits.idle) == (connections, 150, 10.0)
    assert (limits.ipv4_prefix, limits.ipv6_prefix) == (32, 48)

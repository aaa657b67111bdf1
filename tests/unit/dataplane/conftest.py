"""Parts of the data plane's tests: packets over a small policy, and a store with a change log."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import Sinkhole
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.model.block_kind import BlockKind
from tests.worlds.miss import Client, Misses, Upstream, misses
from tests.worlds.node import ScriptedStore, make_store
from tests.worlds.node_machine import Machine

SEED = bytes(range(16))


@dataclass(frozen=True)
class Rules:
    """Settings of the answers."""

    block_ttl: int = 30
    max_ttl_opted_in: int = 300
    sinkholes: tuple[Sinkhole, ...] = tuple((bytes([192, 0, 2, 80 + kind]), None) for kind in BlockKind)
    identity: str = "resolver-1"
    keepalive: int = 100
    cookie_secrets: bytes = bytes(range(16))


@pytest.fixture
def packets() -> Plane:
    """Packets that loopback may send, with nothing published yet."""
    allowed = Prefixes(SEED, ["127.0.0.0/8", "::1/128"])
    return Plane(allowed, ResponseCache(1 << 20, SEED), Rules())


@pytest.fixture
def no_lines() -> tuple[Lines, Addresses]:
    """Empty tables."""
    return Lines(SEED), Addresses(SEED)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the store's tables and nothing in them."""
    return make_store(tmp_path_factory.mktemp("store") / "empty.db")


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> Iterator[ScriptedStore]:
    """An empty store."""
    shutil.copy(empty_store, tmp_path / "filterd.db")
    made = ScriptedStore(tmp_path / "filterd.db")
    yield made
    made.close()


@pytest.fixture
def machine(tmp_path: Path, store: ScriptedStore) -> Iterator[Machine]:
    made = Machine(tmp_path / "state", store.path)
    made.directory.mkdir()
    yield made
    made.node.close()


@pytest.fixture
def world() -> Iterator[Misses]:
    """One thread that forwards, over a small policy; nobody is asked yet."""
    with misses() as made:
        yield made


@pytest.fixture
def upstream(world: Misses) -> Upstream:
    """One that is asked."""
    made = world.upstream()
    world.routes.publish([made.hop()])
    return made


@pytest.fixture
def client(world: Misses) -> Client:
    """Of no line."""
    return world.client()

"""A day on which everything that a resolver depends on fails, while fifty subscribers ask all the time.

Real processes on loopback. What is asserted are counts of answers; latencies are printed, since they are the
machine's as much as ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from filterd.policy.classes import FIXED, Classes
from tests.e2e.day import Hour, People, Upstream, upstreams
from tests.e2e.resolver_process import ResolverProcess, resolver_of, resolver_settings
from tests.worlds.measured import noted
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot

pytestmark = pytest.mark.ring("night")

NO_ANSWER, NETWORK_ERROR, STALE = 22, 23, 3
LOSS = 0.3
LIMIT, BURST = 100, 200
"""questions a second that one address may ask, and at once"""
FLOOD = 5_000
"""questions a second that one address does ask"""


@dataclass(frozen=True)
class Node:
    """A resolver above three upstreams."""

    resolver: ResolverProcess
    above: list[Upstream]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Ready, with a rate limit that holds on loopback too."""
    store = ScriptedStore(make_store(tmp_path / "filterd.db"))
    limit = {"overrides": [{"prefix": "127.0.0.0/8", "queries_per_second": LIMIT, "burst": BURST}]}
    with upstreams(3) as above:
        settings = resolver_settings(
            tmp_path, 0, upstreams=[f"127.0.0.1:{each.port}" for each in above], rate_limit=limit
        )
        resolver = resolver_of(settings, tmp_path / "log")
        (tmp_path / "state" / "keys").mkdir()
        (tmp_path / "state" / "keys" / "fingerprint.key").write_bytes(KEY)
        put_snapshot(tmp_path / "state", 0, Classes(FIXED), {}, [])
        resolver.start()
        try:
            resolver.wait_for(lambda: resolver.get("/readyz")[0] == 200)
            yield Node(resolver, above)
        finally:
            resolver.stop()
            store.close()


def told(what: str, hour: Hour) -> Hour:
    """The hour, its figures put among those that the run prints."""
    noted(f"{what}: {hour.figures()}")
    return hour


async def aside(action: Callable[[], None]) -> None:
    """Do what blocks without holding up the people."""
    await asyncio.to_thread(action)


async def test_upstreams_die_one_by_one_and_come_back(node: Node) -> None:
    async with People(node.resolver.port) as people:
        fair = await people.live(2)
        dying = []
        for silent, upstream in zip((True, False), node.above, strict=False):
            if silent:
                upstream.loss = 1.0
            else:
                await aside(upstream.stop)
            dying.append(await people.live(3))
        node.above[0].loss = 0.0
        await aside(node.above[1].start)
        await aside(node.above[2].stop)
        last = await people.live(3)
        await people.settle()
    told("three upstreams", fair)
    for what, hour in zip(("the first falls silent", "the second is gone too"), dying, strict=True):
        told(what, hour)
    told("both are back, the third is gone", last)
    for hour in (fair, *dying, last):
        assert hour.asked > 100
        assert hour.share("right") + hour.share("stale") == 1.0, hour.figures()


async def test_all_upstreams_are_down_and_come_back(node: Node) -> None:
    async with People(node.resolver.port) as people:
        await people.live(3)
        for upstream in node.above:
            upstream.loss = 1.0
        first = await people.live(5)
        silent = await people.live(4)
        for upstream in node.above:
            await aside(upstream.stop)
        gone = await people.live(4)
        for upstream in node.above:
            upstream.loss = 0.0
            await aside(upstream.start)
        await people.live(5)
        back = await people.live(2)
        await people.settle()
    told("all upstreams silent", first)
    told("all upstreams silent, later", silent)
    told("all upstreams gone", gone)
    told("all upstreams back", back)
    for hour in (first, silent, gone):
        assert hour.outcomes["stale"] > 50, hour.figures()
        assert not hour.outcomes["lost"] and not hour.outcomes["wrong"], hour.figures()
    for hour in (silent, gone):
        assert hour.share("stale") > 0.45, "what was asked before is answered"
        assert hour.errors[STALE] == hour.outcomes["stale"]
        assert hour.errors[NO_ANSWER] + hour.errors[NETWORK_ERROR] >= hour.outcomes["failed"] > 0
    # a stale answer is given for up to half a minute before its name is asked for again (RFC 8767, 5)
    assert back.outcomes["right"] >= back.asked // 2 - 1, back.figures()
    assert back.share("right") + back.share("stale") == 1.0, back.figures()


async def test_thirty_percent_of_what_is_asked_upstream_is_lost(node: Node) -> None:
    async with People(node.resolver.port) as people:
        for upstream in node.above:
            upstream.loss = LOSS
        hour = await people.live(6)
        await people.settle()
    told("30 % of what is asked upstream is lost", hour)
    assert hour.share("right") + hour.share("stale") > 0.99, hour.figures()
    assert not hour.outcomes["wrong"]


async def test_one_address_floods_and_the_others_lose_under_one_percent(node: Node) -> None:
    async with People(node.resolver.port) as people:
        await people.live(1)
        words = ("-m", "tests.e2e.flood", str(node.resolver.port), str(FLOOD), "5")
        flooding = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdout=asyncio.subprocess.PIPE
        )
        hour = await people.live(5)
        said, _ = await flooding.communicate()
        await people.settle()
    flood = json.loads(said)
    told(f"one address asks {FLOOD} a second, the others", hour)
    noted(f"the one that floods: {flood}")
    assert flood["sent"] > 2 * flood["whole"]
    assert flood["whole"] <= LIMIT * 6 + BURST
    assert hour.share("right") + hour.share("stale") > 0.99, hour.figures()

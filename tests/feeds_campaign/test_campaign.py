"""A short campaign: each fault some times, and what is in force after each refresh."""

from __future__ import annotations

from pathlib import Path

from tests.feeds_campaign.campaign import Campaign, listed, played
from tests.worlds.fetched import fetched
from tests.worlds.list_server import Fault

REFRESHES = 200
EACH = 4


async def test_nothing_in_force_is_lost(tmp_path: Path) -> None:
    figures = await played(tmp_path, REFRESHES, EACH, 7, lambda done: None)
    assert figures.broken == []
    assert figures.refreshes == REFRESHES
    assert {fault for fault in Fault if figures.faults[fault] < EACH} == set()
    assert {fault for fault in Fault if not figures.served[fault]} == set(), "no fault is a word alone"
    assert figures.not_modified > 0


async def test_a_campaign_sees_what_is_lost(tmp_path: Path) -> None:
    """The look itself: a mandatory list with other content, and a category that shrank."""
    import random

    async with fetched(tmp_path) as world:
        campaign = Campaign(world, random.Random(1))
        campaign.prepare()
        await campaign.run(0, 0)
        assert campaign.figures.broken == []
        campaign.good["worst"] = {"other.example"}
        campaign.before["adult"] = 10 * len(listed("adult", 0).splitlines())
        async with world.open() as context:
            await campaign.look(context, "worst", Fault.NONE)
        assert len(campaign.figures.broken) == 2

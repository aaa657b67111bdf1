"""Control counts the evidence of all lines every hour, not at every scrape."""

from __future__ import annotations

from pathlib import Path

from filterd.model.subscriber import RequestEvidence
from filterd.operations import subscribers
from filterd.serve.consent_count import SECONDS, ConsentCount
from tests.worlds.installation import install


async def test_it_counts_again_after_a_while_and_when_the_clock_went_back(tmp_path: Path) -> None:
    installation = await install(tmp_path)
    counter = ConsentCount()
    async with installation.open() as context:
        assert (await counter.look(context))["own"] == 0
        await subscribers.add(context, "S-1")
        evidence = RequestEvidence("the holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
        await subscribers.opt_in(context, "S-1", "child", evidence)
        assert (await counter.look(context))["own"] == 0, "at most so old"
        installation.now += SECONDS
        assert await counter.look(context) == {"own": 1, "shared": 0, "repeated": 0, "none": 0}
        await subscribers.opt_out(context, "S-1")
        installation.now -= 3 * SECONDS
        assert (await counter.look(context))["own"] == 0

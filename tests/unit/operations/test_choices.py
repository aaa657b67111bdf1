"""A line's own choices are differences from its profile, and are kept only while they are ones."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest

from filterd.model.adjustments import MOST_IDS, UNADJUSTED, Adjustments, Difference
from filterd.model.changelog import CHANGES_SQL, PARENTAL, LineChange, decode
from filterd.model.full_state import lines_page
from filterd.model.subscriber import RequestEvidence
from filterd.operations import audit, choices, erasure, importing, subscribers
from filterd.operations.choices import ADD, AS_PROFILE, TAKE, Wish
from filterd.operations.context import Context, OperationError
from filterd.operations.policies import policies
from filterd.store.errors import StoreDamagedError
from tests.worlds.installation import Installation

EVIDENCE = RequestEvidence("the holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
SAFE_SEARCH = """
- id: youtube-strict
  engine: youtube
  title: {es: Estricto, en: Strict}
  target: strict.search.example
  names: {exact: [video.example]}
- id: youtube-moderate
  engine: youtube
  title: {es: Moderado, en: Moderate}
  target: moderate.search.example
  names: {exact: [video.example]}
- id: search-strict
  engine: search
  title: {es: Busca, en: Search}
  target: safe.search.example
  names: {exact: [search.example]}
"""
FAMILY = """
title: {es: Familia, en: Family}
description: {es: Familia, en: Family}
audience: {es: Casas, en: Homes}
categories: [adult]
safe_search: [youtube-moderate, search-strict]
"""


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """A line S-1 that has the profile teen, which closes the category adult alone."""
    installation.write_policy("safesearch.yaml", SAFE_SEARCH)
    installation.write_policy("profiles/family.yaml", FAMILY)
    async with installation.open() as context:
        await subscribers.add(context, "S-1")
        await subscribers.opt_in(context, "S-1", "teen", EVIDENCE)
        yield context


async def _choose(context: Context, *texts: str, youtube: str = "", reset: bool = False) -> Adjustments:
    """``+category:games`` adds, ``-`` takes, ``=`` is as the profile has it."""
    acts = {"+": ADD, "-": TAKE, "=": AS_PROFILE}
    wishes = [Wish(acts[text[0]], text[1:]) for text in texts]
    found, _ = await choices.choose(context, "S-1", wishes, youtube=youtube, reset=reset)
    return found.choices.adjustments


async def test_a_change_is_one_row_of_the_log_with_all_of_it(
    context: Context, installation: Installation
) -> None:
    adjusted = await _choose(context, "+category:gambling", "-category:adult", "+service:chat", "+way:doh")
    assert adjusted == Adjustments(
        categories=Difference(("gambling",), ("adult",)),
        services=Difference(("chat",)),
        bypass=Difference(("doh",)),
    )
    found = await subscribers.show(context, "S-1")
    assert found.choices.adjustments == adjusted
    with closing(sqlite3.connect(installation.database)) as raw:
        changes = [decode(row[2], row[4]) for row in raw.execute(CHANGES_SQL, (PARENTAL, 0, 999, 999))]
        assert changes[2:] == lines_page(raw.execute, -1, 9) == [LineChange(found.choices)]


async def test_the_trail_has_no_word_of_it(context: Context) -> None:
    await _choose(context, "+category:gambling")
    last = (await audit.tail(context))[-1].entry
    assert last.action == "subscriber.choose"
    assert "gambling" not in json.dumps([last.before, last.after])
    assert last.after is not None
    assert "hmac-sha256" in json.dumps(last.after)


async def test_what_the_profile_has_anyway_is_no_difference(context: Context) -> None:
    assert await _choose(context, "+category:adult", "-category:gambling", "-service:chat") == UNADJUSTED


async def test_a_choice_can_be_taken_back(context: Context) -> None:
    await _choose(context, "+category:gambling", "-category:adult", "+service:chat")
    assert (await _choose(context, "=category:gambling")).categories == Difference((), ("adult",))
    assert (await _choose(context, "+category:adult")).categories == Difference()
    assert await _choose(context, reset=True) == UNADJUSTED


async def test_a_reset_comes_before_the_wishes_of_the_same_call(context: Context) -> None:
    await _choose(context, "+service:chat")
    assert await _choose(context, "+category:gambling", reset=True) == Adjustments(
        categories=Difference(("gambling",))
    )


async def test_titles_come_with_the_reply(context: Context) -> None:
    wishes = [Wish(ADD, "category:gambling"), Wish(TAKE, "category:adult")]
    _, own = await choices.choose(context, "S-1", wishes)
    assert [str(each) for each in own.beyond] == ["category:gambling (Apuestas)"]
    assert [str(each) for each in own.without] == ["category:adult (Adultos)"]


async def test_a_level_of_youtube_takes_the_other_one(context: Context) -> None:
    await subscribers.set_profile(context, "S-1", "family")
    strict = Difference(("youtube-strict",), ("youtube-moderate",))
    assert (await _choose(context, youtube="strict")).safe_search == strict
    assert (await _choose(context, youtube="moderate")).safe_search == Difference()
    assert (await _choose(context, youtube="off")).safe_search == Difference((), ("youtube-moderate",))
    assert (await _choose(context, "+safe-search:youtube-strict")).safe_search == strict
    assert (await _choose(context, "=safe-search:youtube-strict")).safe_search == Difference()


async def test_a_level_that_the_policies_lack_is_refused(
    context: Context, installation: Installation
) -> None:
    installation.write_policy("safesearch.yaml", "[]")
    for profile in ("family", "child"):
        installation.write_policy(
            f"profiles/{profile}.yaml", FAMILY.replace("safe_search", "services: []\n#")
        )
    with pytest.raises(OperationError, match="unknown safe-search 'youtube-strict'"):
        await _choose(context, youtube="strict")
    assert await _choose(context, youtube="off") == UNADJUSTED


async def test_a_profile_that_comes_later_keeps_the_level_of_the_line(context: Context) -> None:
    assert (await _choose(context, youtube="strict")).safe_search == Difference(("youtube-strict",))
    found = await subscribers.set_profile(context, "S-1", "family")
    assert found.choices.adjustments.safe_search == Difference(("youtube-strict",), ("youtube-moderate",))


async def test_a_change_of_profile_keeps_what_still_is_a_difference(context: Context) -> None:
    await _choose(context, "+category:gambling", "-category:adult", "+service:chat")
    found = await subscribers.set_profile(context, "S-1", "child")
    assert found.choices.adjustments == Adjustments(categories=Difference((), ("adult",)))


async def test_opting_out_ends_them_for_good(context: Context) -> None:
    await _choose(context, "+category:gambling")
    assert (await subscribers.opt_out(context, "S-1")).choices.adjustments == UNADJUSTED
    fresh = replace(EVIDENCE, at=context.clock(), reference="T-2")
    assert (await subscribers.opt_in(context, "S-1", "teen", fresh)).choices.adjustments == UNADJUSTED


async def test_opting_in_anew_while_opted_in_keeps_them(context: Context) -> None:
    adjusted = await _choose(context, "+category:gambling")
    assert (await subscribers.opt_in(context, "S-1", "teen", EVIDENCE)).choices.adjustments == adjusted


async def test_all_that_is_wrong_is_said_at_once_and_nothing_is_written(context: Context) -> None:
    before = await audit.verify(context)
    with pytest.raises(OperationError) as caught:
        await _choose(
            context, "+category:gamblin", "+tema:x", "+service:chat", "-service:chat", "+way:nothing",
            "+safe-search:youtube-strict", "+safe-search:youtube-moderate",
        )  # fmt: skip
    said = str(caught.value)
    for part in (
        "unknown category 'gamblin' (did you mean gambling?)",
        "no choice: 'tema:x'",
        "service:chat is asked for twice",
        "unknown way 'nothing'",
        "both for youtube",
    ):
        assert part in said
    assert "filterd policies list" in caught.value.remedy
    assert await audit.verify(context) == before


async def test_a_line_that_asked_for_nothing_has_no_choices(context: Context) -> None:
    await subscribers.add(context, "S-2")
    with pytest.raises(OperationError, match="has not opted in"):
        await choices.choose(context, "S-2", [Wish(ADD, "category:gambling")])


async def test_an_id_that_left_the_policies_can_be_given_back_to_the_profile(
    context: Context, installation: Installation
) -> None:
    await _choose(context, "+service:chat")
    installation.write_policy("services.yaml", "[]")
    installation.write_policy("profiles/child.yaml", FAMILY)
    found, own = await choices.show(context, "S-1")
    assert found.choices.adjustments.services.added == ("chat",)
    assert [str(each) for each in own.beyond] == ["service:chat"]
    assert await _choose(context, "=service:chat") == UNADJUSTED


def test_a_line_has_a_bounded_number_of_choices() -> None:
    ids = tuple(f"c{number}" for number in range(MOST_IDS + 1))
    with pytest.raises(OperationError, match="more than 200"):
        choices.bounded(Adjustments(categories=Difference(ids)))


async def test_closing_ways_around_warns_of_private_dns(context: Context) -> None:
    documents = policies(context)
    assert choices.warning_of([Wish(ADD, "way:doh")], documents) == choices.PRIVATE_DNS
    assert choices.warning_of([Wish(TAKE, "way:doh"), Wish(ADD, "service:chat")], documents) is None


async def test_an_export_has_them_and_an_erasure_forgets_them(
    context: Context, installation: Installation
) -> None:
    await _choose(context, "+category:gambling")
    assert (await erasure.export(context, "S-1"))["adjustments"]["categories"]["added"] == ["gambling"]
    await erasure.erase(context, "S-1", reason="asked")
    with closing(sqlite3.connect(installation.database)) as raw:
        assert "gambling" not in "\n".join(raw.iterdump()).replace("gambling-starter", "")


async def test_a_row_that_cannot_be_read_is_told_without_its_content(
    context: Context, installation: Installation
) -> None:
    with closing(sqlite3.connect(installation.database)) as raw, raw:
        raw.execute("UPDATE line_state SET adjustments = '{\"secret\": 1'")
    with pytest.raises(StoreDamagedError, match="adjustments of line 1") as caught:
        await subscribers.show(context, "S-1")
    assert "secret" not in str(caught.value)
    assert caught.value.remedy


async def test_a_file_of_lines_carries_none_and_says_so(context: Context, installation: Installation) -> None:
    file = installation.base / "lines.csv"
    file.write_text("subscriber,adjustments\nS-7,{}\n")
    with pytest.raises(OperationError, match="unknown columns: adjustments") as caught:
        await importing.import_file(context, file)
    assert "filterd subscriber choose" in caught.value.remedy

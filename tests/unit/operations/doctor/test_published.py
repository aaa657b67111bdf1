"""Findings on the public pages: facts that nobody wrote, and an export that no longer holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from filterd.config.service_settings import ServiceSettings
from filterd.operations.doctor import published
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding
from filterd.operations.feeds import updating
from filterd.operations.publishing import publish, withdrawing
from filterd.operations.service_page import records
from filterd.store import publications as rows
from filterd.store.publications import PublishedEdition
from filterd.web.published.site import render
from tests.worlds.findings import ids, values
from tests.worlds.installation import POLICIES, Installation
from tests.worlds.service import PROVIDER


def look(case: Case, service: ServiceSettings) -> list[Finding]:
    """The findings with these facts of the provider, on a thread beside the loop of the test."""
    with_facts = replace(case, settings=replace(case.settings, service=service))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: list(published.check(with_facts))).result()


@pytest.mark.ring("merge")
def test_an_installation_that_publishes_nothing_is_asked_for_nothing(built: Case) -> None:
    assert look(built, ServiceSettings()) == []


@pytest.mark.ring("merge")
def test_facts_that_the_law_asks_for_are_named(built: Case) -> None:
    found = look(built, replace(PROVIDER, price=None, public_url=""))
    assert ids(found) == ["published.missing"]
    assert values(found, "published.missing") == {"keys": "service.price, service.public_url"}


async def test_an_export_that_no_longer_holds_is_found(built: Case, installation: Installation) -> None:
    async with installation.open() as context:
        facts = replace(context, settings=replace(built.settings, service=PROVIDER))
        await records.publish(facts, render, exported=True)
    assert look(built, PROVIDER) == []
    found = look(built, replace(PROVIDER, name="Otra"))
    assert ids(found) == ["published.differs"]
    assert values(found, "published.differs") == {"record": 1}


async def test_a_published_list_that_is_no_more_in_force_is_found(
    built: Case, installation: Installation
) -> None:
    async with installation.open() as context:
        await publish.publish(context, ("adult-starter",), out=installation.base / "out")
        assert look(built, ServiceSettings()) == []
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
        await updating.update(context, ("adult-starter",))
    found = look(built, ServiceSettings())
    assert ids(found) == ["published.lists_behind"]
    assert values(found, "published.lists_behind")["lists"] == "adult-starter"


async def test_a_published_list_that_became_confidential_is_found_until_it_is_withdrawn(
    built: Case, installation: Installation
) -> None:
    entries = POLICIES["feeds.yaml"]
    installation.write_policy("feeds.yaml", entries.replace(", confidential: true", ""))
    async with installation.open() as context:
        # The store of the case has it confidential: what is open by another store cannot be published here.
        async with context.store.write("ana", 0.0) as write:
            await rows.add(write.connection, PublishedEdition("worst-of", 7, 1.0, "d" * 64, "m" * 64, "{}"))
            write.audit(rows.PUBLISHED, "feed:worst-of", after={})
        found = look(built, ServiceSettings())
        assert ids(found) == ["published.barred"]
        label = values(found, "published.barred")["first"]
        assert str(label).startswith("confidential-")
        assert "worst-of" not in repr(found)
        await withdrawing.unpublish(
            context, str(label), reason="as it must be", out=installation.base / "out"
        )
    assert look(built, ServiceSettings()) == []


def test_a_store_that_cannot_be_read_is_left_to_its_own_check(built: Case) -> None:
    built.store.write_bytes(b"no database" * 500)
    assert look(built, PROVIDER) == []

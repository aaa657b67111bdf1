"""The facts of the public pages are those of the running installation, and hold no name (R16, R11)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from filterd.config.service_settings import ServiceSettings
from filterd.config.settings import ParentalFail
from filterd.config.value_types import Seconds
from filterd.model.profile_meaning import Meaning
from filterd.model.rule import Scope
from filterd.operations import snapshots, subscribers
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.orders import ending, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.service_page.gathering import service_facts
from filterd.operations.service_page.mandatory import SMALL
from filterd.policy.documents import Text
from filterd.store import meanings as meaning_rows
from tests.worlds.installation import NOW, Installation
from tests.worlds.service import PROVIDER, provided

HIDDEN = ("adult.example", "casino.example", "worst.example", "secret.example", "ordered", "500-2026")


def order(number: int, *, confidential: bool = False, authority: str = "SAT") -> OrderRequest:
    name = "secret.example" if confidential else f"ordered-{number}.example"
    return OrderRequest(
        authority, "A. Official", f"500-2026-{number}", "LIVA", "notified", ((name, Scope.EXACT),),
        confidential=confidential,
    )  # fmt: skip


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """An installation whose lists were read, and where one person stands behind orders."""
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        yield provided(context)


async def test_a_category_has_its_lists_with_version_day_and_number_of_names(context: Context) -> None:
    adult, gambling = (await service_facts(context)).categories
    assert (adult.id, adult.title, adult.names) == ("adult", Text("Adultos", "Adult"), 3)
    (found,) = gambling.lists
    assert (found.id, found.source, found.version, found.day, found.names) == (
        "gambling-starter", "own", 1, "2027-01-15", 2,
    )  # fmt: skip


async def test_no_name_and_no_document_is_a_fact(context: Context) -> None:
    for number in range(SMALL):
        await taking.add(context, order(number))
    await taking.add(context, order(9, confidential=True))
    text = (await service_facts(context)).canonical.decode()
    assert [each for each in HIDDEN if each in text] == []
    assert "worst-of" not in text, "the id of a confidential list"


async def test_small_groups_of_orders_and_confidential_ones_are_in_the_total_alone(context: Context) -> None:
    for number in range(SMALL):
        await taking.add(context, order(number))
    for number in range(SMALL - 1):
        await taking.add(context, order(20 + number, authority="IMPI"))
    await taking.add(context, order(9, confidential=True))
    found = (await service_facts(context)).mandatory
    assert found.orders == 2 * SMALL
    assert [(each.authority.es, each.ground.es, each.count) for each in found.by_ground] == [
        ("SAT", "LIVA", SMALL)
    ]


async def test_an_order_that_is_not_in_force_is_not_counted(
    context: Context, installation: Installation
) -> None:
    await taking.add(context, replace(order(1), not_after=int(NOW) + 60))
    await taking.add(context, order(2))
    reference = (await taking.add(context, order(3))).reference
    await ending.withdraw(context, reference, reason="lifted")
    assert (await service_facts(context)).mandatory.orders == 2
    installation.now += 60
    assert (await service_facts(context)).mandatory.orders == 1


async def test_a_confidential_list_is_an_opaque_id_and_a_number(context: Context) -> None:
    (found,) = (await service_facts(context)).mandatory.lists
    assert found.confidential and found.id.startswith("confidential-")
    assert (found.authority, found.ground, found.names) == (None, None, 1)


async def test_what_nobody_wrote_is_missing_by_its_key(context: Context) -> None:
    assert PROVIDER.missing == ()
    assert ServiceSettings().missing == (
        "service.name", "service.price", "service.contact", "service.complaints", "service.public_url",
    )  # fmt: skip
    bare = await service_facts(provided(context, ServiceSettings()))
    assert (bare.provider.name, bare.provider.price) == ("", None)


async def test_times_and_the_failure_mode_are_those_of_the_configuration(context: Context) -> None:
    dns = replace(context.settings.dns, max_ttl_opted_in=Seconds(600), parental_fail=ParentalFail.OPEN)
    found = await service_facts(replace(context, settings=replace(context.settings, dns=dns)))
    assert (found.answers.device_seconds, found.answers.parental_fail) == (600, "open")


async def test_an_announced_change_of_a_profile_is_told_with_its_dates(
    context: Context, installation: Installation
) -> None:
    await subscribers.add(context, "home")
    await snapshots.build(context)
    async with context.store.report() as connection:
        known = (await meaning_rows.known(connection))["teen"].known[-1]
        rules = {**known.rules, "categories": ["adult", "gambling"]}
        later = Meaning("teen", 2, rules, NOW, NOW + 30 * 86_400)
        await meaning_rows.add(connection, later)
    (found,) = (await service_facts(context)).changes
    assert (found.profile, found.announced, found.takes_effect) == ("teen", "2027-01-15", "2027-02-14")
    assert found.words == Text("Se agrega: Apuestas", "Closed from then on: Gambling")


async def test_the_same_state_has_the_same_facts_at_another_time(
    context: Context, installation: Installation
) -> None:
    before = await service_facts(context)
    await subscribers.add(context, "home")
    installation.now += 86_400
    after = await service_facts(context)
    assert (before.canonical, before.digest) == (after.canonical, after.digest)


async def test_terms_of_data_are_those_of_the_configuration(context: Context) -> None:
    kept = {each.id: each.seconds for each in (await service_facts(context)).data}
    assert kept["consent"] == context.settings.retention.consent

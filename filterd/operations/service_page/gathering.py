"""Gathers the facts of the service from the running configuration, the policies and the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from filterd.config.settings import Settings
from filterd.operations import meanings
from filterd.operations.context import Context
from filterd.operations.feeds import listing
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.plain_values import moment
from filterd.operations.policies import policies
from filterd.operations.privacy.classes import DataClass, classes
from filterd.operations.reports import growth
from filterd.operations.service_page import facts as told
from filterd.operations.service_page.mandatory import mandatory
from filterd.policy.documents import Category, ConsentText, Feed, Policies, Profile, Text
from filterd.policy.help_lines import HelpLine
from filterd.store import publications


async def service_facts(context: Context) -> told.ServiceFacts:
    """The facts as they are now. Raises OperationError where the policies cannot be read, StoreError where
    the store cannot."""
    documents = await asyncio.to_thread(policies, context)
    feeds = [each for each in await listing.list_feeds(context) if not (each.off or each.feed.observe)]
    settings = context.settings
    return told.ServiceFacts(
        form=told.FORM,
        provider=settings.service,
        links=await _links(context),
        country=settings.jurisdiction,
        categories=tuple(_category(each, feeds) for each in documents.categories),
        profiles=tuple(_profile(each) for each in documents.profiles),
        applications=tuple(_applications(documents)),
        ways=tuple(told.WayFact(each.id, each.title, each.level.value) for each in documents.bypass),
        searches=tuple(
            told.SearchFact(each.id, each.engine, each.title, each.source) for each in documents.safe_search
        ),
        security=told.SecurityFact(settings.security.enabled, _lists(feeds, lambda each: each.security)),
        answers=told.AnswerFact(
            settings.dns.max_ttl_opted_in, settings.dns.block_ttl, settings.dns.parental_fail.value
        ),
        mandatory=replace(await mandatory(context, documents, feeds), growth=await _growth(context)),
        changes=await _changes(context, documents),
        data=tuple(_data(each, settings) for each in classes()),
        consent=_consent(documents.consent_texts, _day(context.clock())),
        help_lines=_help(documents.help_lines, settings.jurisdiction),
    )


async def _growth(context: Context) -> tuple[told.GrowthFact, ...]:
    return tuple(
        told.GrowthFact(each.month, each.names, each.change) for each in await growth.sudden(context)
    )


async def _links(context: Context) -> told.LinkFact:
    """The other pages of the service, where this installation serves them under a URL."""
    settings = context.settings
    places = {} if settings.web is None else settings.web.pages
    portal, public = (places[name].public_url if name in places else "" for name in ("portal", "public"))
    async with context.store.read() as connection:
        newest = await publications.newest_ones(connection)
    published = any(not each.withdrawn for each in newest.values())
    return told.LinkFact(
        portal=f"{portal}/portal" if portal else "",
        test=f"{public}/funciona" if public else "",
        review=f"{public}/revision" if public else "",
        lists=bool(public and settings.publish.directory and published),
    )


def _day(at: float) -> str:
    return moment(at)[: len("2026-11-27")]


def _category(category: Category, feeds: Iterable[FeedStatus]) -> told.CategoryFact:
    lists = _lists(feeds, lambda feed: feed.category == category.id)
    names = sum(each.names for each in lists)
    return told.CategoryFact(category.id, category.title, category.description, names, lists)


def _lists(feeds: Iterable[FeedStatus], wanted: Callable[[Feed], bool]) -> tuple[told.ListFact, ...]:
    return tuple(_list(each) for each in feeds if each.version is not None and wanted(each.feed))


def _list(status: FeedStatus) -> told.ListFact:
    version = status.version
    assert version is not None  # noqa: S101 - those without are left out
    publication = status.publication
    return told.ListFact(
        id=status.feed.id,
        source=publication.publisher if publication is not None else _source(status.feed, status.shipped),
        licence=publication.licence if publication is not None else "",
        version=version.version,
        day=_day(version.at),
        names=version.names,
    )


def _source(feed: Feed, shipped: bool) -> str:
    """The host of a list's server; an address may hold a key, and a path is nobody's business."""
    if feed.remote:
        return urlsplit(feed.source).hostname or "own"
    return "shipped" if shipped else "own"


def _profile(profile: Profile) -> told.ProfileFact:
    return told.ProfileFact(
        id=profile.id,
        title=profile.title,
        audience=profile.audience,
        description=profile.description,
        limits=profile.limits,
        warning=profile.warning,
        categories=profile.categories,
        services=profile.services,
        safe_search=profile.safe_search,
        ways=profile.bypass,
        hours=tuple(
            told.HoursFact(each.days, each.start, each.end, each.everything, each.categories, each.services)
            for each in profile.schedule
        ),
    )


def _applications(documents: Policies) -> Iterable[told.GroupFact]:
    groups = [*documents.service_groups]
    known = {each.id for each in groups}
    for group in groups:
        found = [each for each in documents.services if each.group == group.id]
        yield told.GroupFact(
            group.id, group.title, tuple(told.TitledFact(each.id, each.title) for each in found)
        )
    rest = tuple(
        told.TitledFact(each.id, each.title) for each in documents.services if each.group not in known
    )
    if rest:
        yield told.GroupFact("other", Text(es="Otras", en="Others"), rest)


async def _changes(context: Context, documents: Policies) -> tuple[told.ChangeFact, ...]:
    titles = {each.id: each.title for each in documents.profiles}
    return tuple(
        told.ChangeFact(
            profile=each.change.meaning.profile,
            title=titles.get(each.change.meaning.profile, Text(*[each.change.meaning.profile] * 2)),
            announced=_day(each.change.meaning.noted_at),
            takes_effect=_day(each.change.meaning.takes_effect_at),
            words=each.words,
        )
        for each in await meanings.changes_in_words(context)
    )


def _data(found: DataClass, settings: Settings) -> told.DataFact:
    return told.DataFact(
        found.id,
        Text(found.holds["es"], found.holds["en"]),
        Text(found.counted["es"], found.counted["en"]),
        found.seconds_in(settings),
        found.personal,
    )


def _consent(texts: Iterable[ConsentText], today: str) -> told.ConsentFact | None:
    """The text of the day: the newest that is used already."""
    used = [each for each in texts if each.since <= today]
    newest = max(used, key=lambda each: (each.since, each.id), default=None)
    return None if newest is None else told.ConsentFact(newest.id, newest.since, newest.text)


def _help(lines: Iterable[HelpLine], country: str) -> tuple[HelpLine, ...]:
    return tuple(each for each in lines if each.country == country)

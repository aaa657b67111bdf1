"""The lists that a snapshot is compiled from, made of policies, feed versions and orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filterd.model.changelog import OrderChange
from filterd.model.mandatory import Mandate
from filterd.model.rule import NameRule, Scope
from filterd.model.verdict import Kind
from filterd.operations.feeds.rule_files import read_pieces, rule_file
from filterd.policy import canary, special_names, test_names
from filterd.policy.canary import Canary
from filterd.policy.canonical import AddressRule, Rule, write
from filterd.policy.classes import FIXED, Classes, ListClass, kind_of
from filterd.policy.compiler import ListSource
from filterd.policy.digests import list_digest
from filterd.policy.documents import Feed, Policies, Use
from filterd.policy.published import mandate_to_meta
from filterd.policy.resolve import STRIPPING_WAYS, rules_of, to_meta
from filterd.policy.suffixes import Suffixes


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that a snapshot is made of, as one store transaction and the policies had it."""

    policies: Policies
    classes: Classes
    suffixes: Suffixes
    state_dir: Path
    versions: Mapping[str, int]
    """the version in use by feed; a feed that was never read is not there"""
    orders: Sequence[OrderChange]
    """those accepted; whether one is in force depends on the time. A pending one is never part of a snapshot:
    where its number is that of an order kept in force, its names would be in force with that one's"""
    digest_key: bytes = field(repr=False)
    """keys the digests of confidential lists"""
    canary_zone: str = ""
    """the zone of the canary names; empty: there are none"""
    test_zone: str = ""
    """the zone of the test page's names; empty: there are none"""

    def sources(self) -> Iterator[ListSource]:
        """Every list, each with its text in runs, and with the names of the test page that go with it."""
        for each in (*self._feeds(), *self._documents(), *self._fixed(), *self._orders()):
            yield replace(each, test_names=test_names.names_beside(each.classes, self.test_zone))

    def meta(self) -> dict[str, Any]:
        """The snapshot's meta beside the lists: profiles, the ways around that strip ECH, and mandates."""
        mandates = [*self._list_mandates(), *(order.mandate for order in self.orders)]
        return {
            "profiles": {
                each.id: to_meta(rules_of(each, self.policies.bypass)) for each in self.policies.profiles
            },
            STRIPPING_WAYS: [each.id for each in self.policies.bypass if each.strip_ech],
            "mandates": [mandate_to_meta(mandate) for mandate in mandates],
            **canary.to_meta(filter(None, map(self._canary, self.policies.feeds))),
            **test_names.to_meta(self.test_zone),
        }

    def _feeds(self) -> Iterator[ListSource]:
        categories = {each.id: each.title.es for each in self.policies.categories}
        ways = {each.id: each.title.es for each in self.policies.bypass}
        for feed in self.policies.feeds:
            version = self.versions.get(feed.id)
            if version is None:
                continue
            yield ListSource(
                classes=(self._class_of(_kind(feed), feed.id),),
                version=str(version),
                runs=read_pieces(rule_file(self.state_dir, feed.id, version)),
                title="" if feed.confidential else _title(feed, categories, ways),
                secret=self.digest_key if feed.confidential else None,
                canary=found.name if (found := self._canary(feed)) else "",
            )

    def _canary(self, feed: Feed) -> Canary | None:
        """The canary of a mandatory list that was read; None for any other feed, or without a zone."""
        if not self.canary_zone or feed.mandatory is None or feed.id not in self.versions:
            return None
        return canary.canary_of(feed.id, self.canary_zone, confidential=feed.confidential)

    def _documents(self) -> Iterator[ListSource]:
        for service in self.policies.services:
            yield self._small(self._class_of(Kind.SERVICE, service.id), service.names, service.title.es)
        for engine in self.policies.safe_search:
            yield self._small(self._class_of(Kind.SAFE_SEARCH, engine.id), engine.names, engine.title.es)
        for way in self.policies.bypass:
            rules: list[Rule] = [*way.names, *_addresses(way.addresses)]
            yield self._small(self._class_of(Kind.BYPASS, way.id), rules, way.title.es)

    def _fixed(self) -> Iterator[ListSource]:
        protected = self.policies.protected
        suffixes = _suffix_rules(self.suffixes) if protected.public_suffixes else ()
        contents: dict[str, Iterable[Rule]] = {
            "localhost": special_names.rules(special_names.LOCALHOST),
            "resolver.arpa": special_names.rules(special_names.RESOLVER_ARPA),
            "special-use": special_names.rules(special_names.SPECIAL_USE_NAMES + special_names.REVERSE_ZONES),
            "protected": [*suffixes, *protected.names, *_addresses(protected.addresses)],
            "always-allowed": protected.always_allowed,
        }
        for fixed in FIXED:
            yield self._small(fixed, contents[fixed.id], fixed.id)
        for group in protected.groups:
            yield self._small(self._class_of(Kind.ALWAYS_ALLOWED, group.id), group.names, group.title.es)

    def _orders(self) -> Iterator[ListSource]:
        for order in self.orders:
            rules: list[Rule] = [NameRule(name, scope) for name, scope in order.names]
            rules += [AddressRule(prefix) for prefix in order.addresses]
            secret = self.digest_key if order.confidential else None
            yield self._small(ListClass(order.reference, None, order.id), rules, "", secret)

    def _small(
        self, list_class: ListClass, rules: Iterable[Rule], title: str, secret: bytes | None = None
    ) -> ListSource:
        """A list small enough to be kept in memory; its version is the start of its digest."""
        text = write(rules)
        return ListSource((list_class,), list_digest(text, secret)[:12], (text,), title, secret)

    def _list_mandates(self) -> Iterator[Mandate]:
        for feed in self.policies.feeds:
            if feed.mandatory is not None:
                yield Mandate(
                    id=self._class_of(None, feed.id).number,
                    reference=feed.id,
                    mode=feed.mandatory.blocking_mode,
                    confidential=feed.mandatory.confidential,
                )

    def _class_of(self, kind: Kind | None, identifier: str) -> ListClass:
        found = self.classes.find(kind, identifier)
        if found is None:
            message = f"the list {identifier!r} has no place among the classes"
            raise LookupError(message)
        return found


def _title(feed: Feed, categories: Mapping[str, str], ways: Mapping[str, str]) -> str:
    """The title of what the list fills or closes, where subscribers read it; else the feed's id."""
    if feed.bypass is not None:
        return ways.get(feed.bypass, feed.id)
    return categories.get(feed.category or "", feed.id)


def _kind(feed: Feed) -> Kind | None:
    return None if feed.use is Use.MANDATORY else kind_of(feed)


def _addresses(networks: Iterable[object]) -> list[AddressRule]:
    return [AddressRule(str(network)) for network in networks]


def _suffix_rules(suffixes: Suffixes) -> Iterator[NameRule]:
    """Every suffix that has a name of its own, exactly; of ``*.ck`` the parent stands for what has none."""
    for name in suffixes.exact | suffixes.parents:
        yield NameRule(name, Scope.EXACT)

"""Safe search and ways around: the shipped documents are those of their generator, complete against
independent lists where these are at hand, and leave alone what everybody uses.

The lists lie in ``../shared/data``; tests that need them are skipped without. ``-s`` prints the figures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest

from content import ways
from content.sources import Community, SourceError, read_names, read_provenance, read_text
from filterd.config.policies import load_policies
from filterd.model.rule import Scope
from filterd.policy.documents import Level, Policies

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
DATA = ROOT.parent / "shared" / "data"
V2FLY = DATA / "services" / "v2fly_domain_list_community.json.xz"
measured = pytest.mark.skipif(not V2FLY.exists(), reason="needs the lists of ../shared/data")
LISTS = ("vpn", "dns-bypass", "anonymizers", "unsafe-search")

WAYS_OF_V2FLY = ("category-doh", "category-vpnservices", "category-anticensorship", "category-proxy-tunnels")
NEWEST = (
    "reference/dibdot-doh-domains_overall",
    "domains/doh/ut1",
    "domains/vpn/ut1",
    "domains/tunnels/shadowwhisperer",
)
RESOLVERS_AND_PROXIES = (
    "reference/dibdot-doh-domains",
    "reference/dibdot-doh-domains_overall",
    "domains/doh/ut1",
    "domains/vpn/ut1",
    "domains/proxy_redirector/ut1",
)
EVERY_READY = (
    *RESOLVERS_AND_PROXIES,
    "reference/hagezi-doh-vpn-proxy-bypass",
    "domains/bypass/hagezi",
    "domains/nosafesearch/hagezi",
)
"""stand-ins for ready feeds that an operator may enable"""
FORWARDING = {"ecosia.org": "forwards to www.ecosia.org"}
"""hosts of a rewritten engine that show no results themselves"""
NO_NAME_OF_DNS = re.compile(r".*\.i2p")
USED = """
github.io cloudflare.com www.cloudflare.com pages.dev workers.dev google.com www.google.com dl.google.com
apple.com icloud.com gateway.icloud.com opera.com www.opera.com firefox.com www.mozilla.org yahoo.com
addons.mozilla.org mail.yahoo.com finance.yahoo.com mail.ru bing.com duckduckgo.com microsoft.com
amazonaws.com cloudfront.net proton.me mail.proton.me adguard.com qwantjunior.com brave.com ecosia.org
digitale-gesellschaft.ch restena.lu dnsz.corp.nortonlifelock.com
fortinet.com checkpoint.com zscalertwo.net twingate.com ts.net eff.org ooni.org citizenlab.ca
haveibeenpwned.com wikileaks.org wikipedia.org archive.org
"""
"""ordinary sites, tools of remote work, and rights organisations that stand among lists of ways around"""


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(POLICIES)


@cache
def names_of(file: str) -> frozenset[str]:
    """The names of a file of the data folder."""
    return frozenset(read_names([DATA / f"{file}.txt.xz"]))


def covered(name: str, names: Iterable[str] | frozenset[str]) -> bool:
    """True if the names hold the name or one above it."""
    labels = name.split(".")
    return any(".".join(labels[start:]) in names for start in range(len(labels)))


def listed(name: str) -> frozenset[str]:
    """The names of a starter list."""
    return frozenset(read_names([POLICIES / "lists" / f"{name}.txt"]))


def closed(policies: Policies) -> frozenset[str]:
    """The names that the children's profile blocks by categories of this part and by ways around."""
    (children,) = [each for each in policies.profiles if each.id == "children"]
    chosen = [each for each in LISTS if each in children.categories]
    ways_around = [each for each in policies.bypass if each.id in children.bypass]
    names = {rule.name for each in ways_around for rule in each.names}
    return frozenset(names.union(*(listed(each) for each in chosen)))


def rewritten(policies: Policies) -> frozenset[str]:
    """The names that the children's profile answers with a safe host."""
    (children,) = [each for each in policies.profiles if each.id == "children"]
    return frozenset(
        rule.name for each in policies.safe_search if each.id in children.safe_search for rule in each.names
    )


def by_labels(names: Iterable[str]) -> list[str]:
    """In the order of a list file."""
    return sorted(names, key=lambda name: name.split(".")[::-1])


def sources() -> ways.Sources:
    """Those at hand; lists that are not in the data folder are read from the provenance that they have."""
    searches, dns = (
        frozenset(name for name, ids in read_provenance("lists-ways").items() if source in ids)
        for source in ("nextdns-no-safesearch", "shadowwhisperer-dns")
    )
    hosts = names_of("domains/adult/4skinskywalker")
    tunnels, junk = (names_of(f"domains/{each}/shadowwhisperer") for each in ("tunnels", "junk"))
    return ways.Sources(Community.read(V2FLY), tunnels, junk, dns, hosts, searches)


@pytest.mark.ring("night")
@measured
def test_the_documents_are_those_of_their_generator() -> None:
    made = ways.documents(ways.read_reviewed(), sources())
    for file, (text, _) in made.items():
        assert (POLICIES / file).read_text(encoding="utf-8") == text, f"{file}: run python -m content.ways"


def test_every_name_has_a_source(policies: Policies) -> None:
    known = ways.known_sources()
    of_search, of_ways, of_lists = map(read_provenance, ("safesearch", "bypass", "lists-ways"))
    wanted = {rule.name for each in policies.safe_search for rule in each.names}
    assert of_search.keys() == wanted | {each.target for each in policies.safe_search}
    wanted = {rule.name for each in policies.bypass for rule in each.names}
    wanted |= {str(network) for each in policies.bypass for network in each.addresses}
    assert of_ways.keys() == wanted
    assert of_lists.keys() == frozenset().union(*(listed(each) for each in LISTS))
    for document in (of_search, of_ways, of_lists):
        for name, ids in document.items():
            assert ids, name
            assert all(known[each]["licence"] in ("MIT", "Unlicense", "facts") for each in ids), name


def test_every_engine_says_where_it_publishes_its_safe_host(policies: Policies) -> None:
    pages = {each["page"] for each in ways.known_sources().values() if "page" in each}
    for each in policies.safe_search:
        assert each.source in pages, each.id


def test_a_name_without_a_source_is_refused() -> None:
    empty = frozenset[str]()
    made_up = ways.Sources(Community({"engine": "full:known.example"}), empty, empty, empty, empty, empty)
    assert ways.choose({"id": "a", "names": "known.example"}, made_up) == {"known.example": {"v2fly"}}
    with pytest.raises(SourceError, match=r"a: no source has other\.example"):
        ways.choose({"id": "a", "names": "other.example"}, made_up)


def test_words_count_in_the_label_that_is_registered() -> None:
    empty = frozenset[str]()
    tunnels = frozenset({"a.proxies.example", "proxy.university.example", "myproxy.github.io"})
    made_up = ways.Sources(Community({}), tunnels, empty, empty, empty, empty)
    assert made_up.saying("prox(y|ies)") == {"a.proxies.example", "myproxy.github.io"}


def test_what_lies_below_a_listed_name_or_is_left_out_does_not_stand() -> None:
    found = {name: {"v2fly"} for name in ("b.example", "a.b.example", "c.example")}
    assert ways.without_parts(found).keys() == {"b.example", "c.example"}
    empty = frozenset[str]()
    made_up = ways.Sources(Community({}), frozenset(found), empty, empty, empty, empty)
    assert ways.choose({"list": "a", "words": "[bc]", "without": "b.example"}, made_up).keys() == {
        "c.example"
    }


def test_ways_around_spare_what_everybody_uses(policies: Policies) -> None:
    by_ways = {rule.name for each in policies.bypass for rule in each.names}
    every = by_ways.union(*(listed(each) for each in LISTS))
    assert [name for name in USED.split() if covered(name, every)] == []
    expected = {each.name: set(each.categories) for each in policies.expected}
    blocked = [name for name in policies.popular | expected.keys() if covered(name, by_ways)]
    assert [name for name in blocked if not expected.get(name, set()) & set(LISTS)] == []


def test_named_ways_around_are_closed(policies: Policies) -> None:
    """Names that a parent tried and found open are closed."""
    shipped = closed(policies)
    for name in (
        "engage.cloudflareclient.com",
        "api.turbovpn.com",
        "api2.sec-tunnel.com",
        "controlplane.tailscale.com",
        "abc123.dns.controld.com",
        "sky.rethinkdns.com",
        "basic.rethinkdns.com",
        "team.cloudflare-gateway.com",
        "www-site-example.translate.goog",
        "yewtu.be",
        "piped.video",
        "inv.nadeko.net",
        "piped.kavin.rocks",
        "my.zerotier.com",
        "api.netbird.io",
        "totallyacdn.com",
        "guardianapp.com",
        "snowflake.torproject.net",
        "croxyproxy.rocks",
        "8888.google",
        "doh.umbrella.com",
        "dot.pub",
    ):
        assert covered(name, shipped), name


def test_any_site_through_the_translator_is_closed_by_a_way_and_no_list(policies: Policies) -> None:
    """A feed's guard refuses a public suffix: the way has it, which no list can have."""
    (vpn,) = [each for each in policies.bypass if each.id == "vpn"]
    assert "translate.goog" in {rule.name for rule in vpn.names if rule.scope is Scope.SUBTREE}
    assert not covered("translate.goog", frozenset().union(*(listed(each) for each in LISTS)))
    assert not covered("translate.google.com", closed(policies)), "words are translated as before"


@pytest.mark.parametrize(
    "address",
    [
        *("149.112.112.9", "9.9.9.12", "149.112.112.12", "2620:fe::fe:9", "2620:fe::12"),
        *("2606:4700:4700::64", "2606:4700:4700::6400", "2001:4860:4860::64", "2001:4860:4860::6464"),
        *("2a10:50c0::1:ff", "2a10:50c0::2:ff", "2a10:50c0::bad1:ff", "2a10:50c0::bad2:ff"),
        *("45.90.28.0", "45.90.30.0", "2a07:a8c0::", "194.242.2.2", "194.242.2.9", "2a07:e340::6"),
        *("86.54.11.1", "86.54.11.212", "2a13:1001::86:54:11:100", "2a0d:2a00:1::", "2a0d:2a00:2::2"),
    ],
)
def test_resolvers_are_closed_at_all_their_addresses(policies: Policies, address: str) -> None:
    """The siblings of a listed address: DNS64, without filtering, for families."""
    (resolvers,) = [each for each in policies.bypass if each.id == "public-dns"]
    assert any(ip_address(address) in network for network in resolvers.addresses)


def test_no_address_that_anything_but_a_resolver_uses_is_closed(policies: Policies) -> None:
    """Neighbours of resolvers: other hosts of the same operators."""
    (resolvers,) = [each for each in policies.bypass if each.id == "public-dns"]
    for address in ("8.8.8.9", "1.1.1.4", "149.112.112.113", "45.90.28.1", "194.242.2.7", "86.54.11.2"):
        assert not any(ip_address(address) in network for network in resolvers.addresses), address


def test_each_way_says_how_far_closing_it_reaches(policies: Policies) -> None:
    levels = {each.id: each.level for each in policies.bypass}
    assert levels == {
        "relay": Level.SIGNAL,
        "canary": Level.SIGNAL,
        "ech": Level.SIGNAL,
        "public-dns": Level.RESOLVER,
        "vpn": Level.TUNNEL,
    }


@measured
def test_ways_around_against_an_independent_list(policies: Policies) -> None:
    """Of the names that an independent list has and a list of this year confirms, those that are blocked."""
    whole = json.loads(read_text(DATA / "services" / "nextdns_parentalcontrol.json.xz"))["bypass-methods"]
    theirs = {name.lower() for name in whole if not name.startswith("#")}
    v2fly = Community.read(V2FLY)
    newest = frozenset(entry.name for each in WAYS_OF_V2FLY for entry in v2fly.entries(each))
    newest = newest.union(*(names_of(file) for file in NEWEST))
    still = {name for name in theirs if covered(name, newest)}
    shipped = closed(policies)
    print(f"\nways around: {len(theirs)} listed, {len(still)} still exist")
    open_ = {}
    for words, feeds in (("as shipped", ()), ("two feeds", RESOLVERS_AND_PROXIES), ("all", EVERY_READY)):
        names = shipped.union(*(names_of(file) for file in feeds))
        open_[words] = by_labels(name for name in still if not covered(name, names))
        print(f"{words}: {share(still, open_[words])}; not blocked: {' '.join(open_[words])}")
    assert len(still) > 400
    assert len(open_["as shipped"]) <= 0.3 * len(still)
    assert len(open_["two feeds"]) <= 0.1 * len(still), "without the list that has nearly all of theirs"
    assert open_["all"] == []


def share(whole: set[str], without: list[str]) -> str:
    """A part of a whole in words."""
    part = len(whole) - len(without)
    return f"{part} of {len(whole)} ({part / len(whole):.1%})"


@measured
def test_no_known_search_engine_is_open_without_safe_mode(policies: Policies) -> None:
    lists = json.loads(read_text(DATA / "services" / "nextdns_parentalcontrol.json.xz"))
    rules = json.loads(read_text(DATA / "safesearch" / "adguard_safesearch.json.xz"))
    engines = {name.lower() for name in lists["safesearch-not-supported"] if not name.startswith("#")}
    engines |= {rule[1 : rule.index("^")] for each in rules.values() for rule in each}
    hagezi = names_of("domains/nosafesearch/hagezi")
    shipped, safe = closed(policies), rewritten(policies)
    ready = shipped | hagezi
    known = engines | hagezi
    open_ = {
        name
        for name in known
        if not (name in safe or f"www.{name}" in safe or NO_NAME_OF_DNS.fullmatch(name))
        and name.removeprefix("www.") not in FORWARDING
    }
    passing, ready_passing = (
        by_labels(n for n in open_ if not covered(n, names)) for names in (shipped, ready)
    )
    print(f"\nsearch engines: {len(known)} hosts known")
    print(f"as shipped: {share(known, passing)}; open without safe mode: {' '.join(passing)}")
    print(f"with the ready feed: {share(known, ready_passing)}")
    assert passing == []
    assert ready_passing == []


def test_every_door_to_google_search_is_rewritten(policies: Policies) -> None:
    safe = rewritten(policies)
    for name in ("www.google.gp", "www.google.tk", "www.google.com.nf", "ipv6.google.com"):
        assert name in safe, name


def test_plain_hosts_of_a_rewritten_engine_are_blocked(policies: Policies) -> None:
    for name in ("html.duckduckgo.com", "lite.duckduckgo.com", "noai.duckduckgo.com", "cn.bing.com"):
        assert covered(name, closed(policies)), name


def test_engines_are_rewritten_or_blocked_never_both(policies: Policies) -> None:
    unsafe = listed("unsafe-search")
    for each in policies.safe_search:
        assert not covered(each.target, unsafe), each.id
        for rule in each.names:
            assert rule.scope is Scope.EXACT
            assert not covered(rule.name, unsafe), rule.name

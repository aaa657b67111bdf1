"""The shipped services: complete, in groups, with a source for every name, and shared with nobody who did not
ask to be closed."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from content import services as made
from content.services import REVIEWED, Sources, parents
from content.sources import POLICIES, read_provenance, read_text
from filterd.config.policies import icann_suffixes, load_policies, private_suffixes
from filterd.model.rule import NameRule, Scope
from filterd.policy.documents import Policies, Service

COMPARISON = Path(__file__).with_name("services_elsewhere.yaml")
EARLIER = {
    *("youtube", "tiktok", "instagram", "facebook", "messenger", "threads", "whatsapp", "snapchat", "x"),
    *("discord", "telegram", "signal", "reddit", "pinterest", "tumblr", "bereal", "twitch", "netflix"),
    *("disney-plus", "prime-video", "max", "spotify", "roblox", "minecraft", "fortnite", "league-of-legends"),
    *("steam", "playstation", "xbox", "nintendo", "chatgpt", "tinder", "9gag", "vk"),
}
"""ids that lines have had since the first release: they never go away"""
SHARED = {
    *("akadns.net", "akamaihd.net", "akamaized.net", "amazonaws.com", "appspot.com", "azureedge.net"),
    *("azurefd.net", "bamgrid.com", "cdn-apple.com", "cloudflare.net", "cloudfront.net", "edgekey.net"),
    *(
        "edgesuite.net",
        "fast.com",
        "fastly.net",
        "fbcdn.net",
        "firebaseio.com",
        "ggpht.com",
        "googleapis.com",
    ),
    *("googleusercontent.com", "gstatic.com", "live-video.net", "media-amazon.com", "t.co", "windows.net"),
    *(
        "apple.com",
        "google.com",
        "icloud.com",
        "live.com",
        "microsoft.com",
        "mzstatic.com",
        "qq.com",
        "mail.ru",
    ),
}
"""names that carry many services: whole, none of them is one service's"""
OWN = {
    *("chatgpt.site", "claudeusercontent.com", "discordsays.com", "hf.space", "notion.site"),
    "withyoutube.com",
}
"""suffixes of the public suffix list under which the service alone puts what its own users make"""


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(POLICIES)


@pytest.fixture(scope="module")
def reviewed() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(REVIEWED.read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="module")
def data() -> Path:
    """The folder of public lists beside the tree; the test is skipped where there is none."""
    for parent in Path(__file__).parents:
        if (parent / "shared" / "data" / "services").is_dir():
            return parent / "shared" / "data"
    pytest.skip("the folder of public lists is not here")


def reaches(rule: NameRule, name: str) -> bool:
    """True if the rule speaks of the name."""
    return name == rule.name or (rule.scope is Scope.SUBTREE and name.endswith("." + rule.name))


def blocks(service: Service, name: str) -> bool:
    """True if closing the service closes the name."""
    return any(reaches(rule, name) for rule in service.names)


@pytest.mark.ring("night")
def test_there_are_enough_in_groups_with_titles(policies: Policies) -> None:
    groups = {each.id: each for each in policies.service_groups}
    assert len(policies.services) >= 140
    assert {each.group for each in policies.services} == groups.keys()
    titles = [each.title.es for each in policies.services]
    assert all([*titles, *(each.title.en for each in policies.services)])
    assert all(each.title.es and each.title.en for each in policies.service_groups)
    assert len(set(titles)) == len(titles), "two services with one title"


@pytest.mark.ring("night")
def test_ids_of_before_are_still_there(policies: Policies) -> None:
    assert {each.id for each in policies.services} >= EARLIER


def test_names_are_hosts_that_one_body_holds(policies: Policies) -> None:
    icann, private = icann_suffixes(), private_suffixes()
    for service in policies.services:
        assert service.names
        for rule in service.names:
            assert rule.name not in icann, f"{service.id}: {rule.name}"
            assert rule.name not in SHARED, f"{service.id}: {rule.name} carries others as well"
            assert rule.name in OWN or not private.lists(rule.name), (
                f"{service.id}: {rule.name} is a platform"
            )


def test_no_two_services_have_a_name_in_common(policies: Policies, reviewed: dict[str, Any]) -> None:
    """But for one that is a part of the other, as the review says."""
    whole = {each["id"]: each.get("part_of") for each in reviewed["services"]}
    owners = defaultdict[str, set[tuple[str, Scope]]](set)
    for service in policies.services:
        for rule in service.names:
            owners[rule.name].add((service.id, rule.scope))
    shared = set()
    for name, of in owners.items():
        above = {(i, s) for each in parents(name) for i, s in owners.get(each, ()) if s is Scope.SUBTREE}
        for first, _ in of:
            others = {i for i, _ in of | above} - {first}
            shared |= {(first, i, name) for i in others if i not in (whole[first],) and whole[i] != first}
    assert shared == set()


def test_a_part_is_of_a_service_that_exists(policies: Policies, reviewed: dict[str, Any]) -> None:
    ids = {each.id for each in policies.services}
    assert {each["part_of"] for each in reviewed["services"] if "part_of" in each} <= ids


@pytest.mark.ring("night")
def test_no_service_closes_a_search_engine_help_or_what_always_passes(policies: Policies) -> None:
    spared = {rule.name for rule in (*policies.protected.names, *policies.protected.always_allowed)}
    spared |= {each.target for each in policies.safe_search if not each.engine.startswith("youtube")}
    spared |= {
        rule.name
        for each in policies.safe_search
        if not each.engine.startswith("youtube")
        for rule in each.names
    }
    closed = [(s.id, name) for s in policies.services for name in sorted(spared) if blocks(s, name)]
    assert closed == []


def test_hosts_that_were_missing_are_there(policies: Policies) -> None:
    services = {each.id: each for each in policies.services}
    for service, hosts in {
        "tiktok": ("api.byteoversea.com", "p16.ibyteimg.com", "sf16.ibytedtos.com", "www.tiktokcdn.com"),
        "telegram": ("core.tg.dev", "cdn4.cdn-telegram.org", "web.telegram.org"),
        "discord": ("1.discordsays.com", "cdn.discordapp.com", "discord.gg"),
        "whatsapp": ("mmg.whatsapp.net", "web.whatsapp.com"),
        "roblox": ("setup.rbxcdn.com", "www.roblox.com"),
        "snapchat": ("app.snapchat.com", "cf-st.sc-cdn.net", "x.sc-static.net"),
        "instagram": ("i.instagram.com", "scontent.cdninstagram.com"),
    }.items():
        assert [host for host in hosts if not blocks(services[service], host)] == [], service
    assert not blocks(services["fortnite"], "www.epicgames.com")
    assert blocks(services["epic-games"], "www.epicgames.com")


def test_every_name_has_a_source_that_may_be_used(policies: Policies) -> None:
    sources = yaml.safe_load((POLICIES / "sources.yaml").read_text(encoding="utf-8"))
    licences = {each["id"]: each["licence"] for each in sources}
    names = {rule.name for each in policies.services for rule in each.names}
    provenance = read_provenance("services")
    assert provenance.keys() == names
    assert {each for ids in provenance.values() for each in ids} <= licences.keys()
    assert set(licences.values()) <= {"MIT", "Unlicense", "facts"}
    popular = read_provenance("popular")
    assert popular.keys() <= names
    assert all(popular[name] == provenance[name] for name in popular)


def test_a_page_stands_for_names_that_are_its_own(policies: Policies, reviewed: dict[str, Any]) -> None:
    """A page proves the names of the body that wrote it, and stands on one of them."""
    pages = {
        each["id"]: each["page"]
        for each in yaml.safe_load((POLICIES / "sources.yaml").read_text(encoding="utf-8"))
        if "page" in each
    }
    for service in reviewed["services"]:
        for source in {each for each in service.get("add", {}).values() if "/" not in each}:
            host = pages[source].split("/")[2]
            own = {name for name, each in service["add"].items() if each == source}
            assert own & {host, *parents(host)}, f"{service['id']}: {pages[source]}"


@pytest.mark.ring("night")
def test_the_generator_makes_the_shipped_files(data: Path, reviewed: dict[str, Any]) -> None:
    sources = Sources.read(
        data / "services" / "v2fly_domain_list_community.json.xz",
        data / "services" / "nextdns_services.json.xz",
        data / "domains",
    )
    for path, text in made.files(reviewed, sources).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python -m content.services"
    origins = made.origins(made.make(reviewed, sources))
    assert {name: tuple(sorted(ids)) for name, ids in origins.items()} == read_provenance("services")


def hosts(rules: list[str]) -> list[str]:
    """The names of an adblock list that stand whole in a rule."""
    names = [each.removeprefix("||").removesuffix("^") for each in rules if each.startswith("||")]
    return [name for name in dict.fromkeys(names) if "." in name and not set(name) & set("/*$^")]


def test_beside_the_services_of_adguard_home(data: Path, policies: Policies) -> None:
    """Each service leaves open as many of the hosts that AdGuard Home lists as a person looked at. Their list
    is under the GPL: it is read here and no name of it is kept."""
    theirs = json.loads(read_text(data / "services" / "adguard_services.json.xz"))
    ours = {each.id: each for each in policies.services}
    expected = yaml.safe_load(COMPARISON.read_text(encoding="utf-8"))
    found: dict[str, int] = {}
    assert {each["id"] for each in theirs} == expected.keys()
    for each in theirs:
        mine = [ours[name] for name in expected[each["id"]].get("ours", ())]
        if mine:
            left = [host for host in hosts(each["rules"]) if not any(blocks(one, host) for one in mine)]
            found[each["id"]] = len(left)
            told = expected[each["id"]].get("open", 0)
            assert len(left) == told, f"{each['id']}: {told} open before, now {left}"
    assert len(found) >= 105
    for name, entry in expected.items():
        assert entry.get("why") or (entry.get("ours") and not entry.get("open")), f"{name}: no reason"

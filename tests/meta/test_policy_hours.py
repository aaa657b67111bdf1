"""The groups that a night leaves open: names with sources, as the generator writes them, and no more."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from content import hours, sources
from content.sources import POLICIES, read_provenance
from filterd.config.policies import load_policies
from filterd.model.rule import NameRule, Scope
from filterd.model.verdict import Kind, Reason
from filterd.policy.classes import BIT_ALWAYS_ALLOWED, BIT_PROTECTED, Classes, assign
from filterd.policy.decide import decide_name
from filterd.policy.documents import Policies
from filterd.policy.resolve import ResolvedPolicy, resolve, rules_of
from filterd.wire.names import name_from_text
from tests.worlds.policy import Line, Placed, World

DATA = Path(__file__).parents[3] / "shared" / "data" / "services"
V2FLY, NEXTDNS = DATA / "v2fly_domain_list_community.json.xz", DATA / "nextdns_services.json.xz"
needs_lists = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(POLICIES)


def _names(policies: Policies) -> set[str]:
    protected = policies.protected
    rules = (*protected.names, *protected.always_allowed)
    return {rule.name for rule in rules} | {rule.name for group in protected.groups for rule in group.names}


def _open(policies: Policies, group: str, name: str) -> bool:
    (found,) = (each for each in policies.protected.groups if each.id == group)
    return any(_holds(rule, name) for rule in found.names)


def _holds(rule: NameRule, name: str) -> bool:
    return rule.name == name or (rule.scope is Scope.SUBTREE and name.endswith("." + rule.name))


@pytest.mark.ring("night")
def test_each_name_of_the_document_has_sources_that_are_stated(policies: Policies) -> None:
    known = {each["id"] for each in yaml.safe_load((POLICIES / "sources.yaml").read_text(encoding="utf-8"))}
    found = read_provenance("protected")
    assert found.keys() == _names(policies)
    assert {source for each in found.values() for source in each} <= known


def test_the_groups_have_titles_in_both_languages(policies: Policies) -> None:
    groups = policies.protected.groups
    assert [group.id for group in groups] == ["messaging", "banks", "medical", "school"]
    assert all(group.title.es and group.title.en and group.title.es != group.title.en for group in groups)


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("messaging", "mmg.whatsapp.net"),
        ("messaging", "chat.signal.org"),
        ("messaging", "mtalk.google.com"),
        ("messaging", "1-courier.push.apple.com"),
        ("banks", "www.bbva.mx"),
        ("banks", "bancanet.banamex.com"),
        ("medical", "share2.dexcom.com"),
        ("medical", "api-la.libreview.io"),
        ("medical", "carelink.minimed.com"),
        ("medical", "mtalk.google.com"),
        ("school", "www.conaliteg.sep.gob.mx"),
        ("school", "tuaulavirtual.educatic.unam.mx"),
        ("school", "classroom.google.com"),
        ("school", "www.gstatic.com"),
        ("school", "ssl.gstatic.com"),
        ("school", "apis.google.com"),
        ("school", "fonts.googleapis.com"),
        ("school", "lh3.googleusercontent.com"),
        ("school", "docs.google.com"),
        ("school", "es.wikipedia.org"),
        ("school", "mitec.tec.mx"),
        ("messaging", "accounts.google.com"),
        ("messaging", "mail.google.com"),
        ("messaging", "chat.google.com"),
        ("messaging", "meet.google.com"),
        ("medical", "www.tandemdiabetes.com"),
        ("medical", "www.omnipod.com"),
        ("school", "login.microsoftonline.com"),
    ],
)
def test_what_a_house_needs_at_night_is_open(policies: Policies, group: str, name: str) -> None:
    assert _open(policies, group, name)


@pytest.mark.parametrize(
    "name",
    ["www.google.com", "www.youtube.com", "www.facebook.com", "apps.apple.com", "play.google.com",
     "youtubei.googleapis.com", "www.bing.com", "discord.com", "telegra.ph", "www.mercadolibre.com.mx"],
)  # fmt: skip
def test_no_group_opens_search_videos_social_networks_or_shops(policies: Policies, name: str) -> None:
    assert not [group.id for group in policies.protected.groups if _open(policies, group.id, name)]


@pytest.mark.parametrize("name", ["report.cybertip.org", "988lifeline.org", "www.crisistextline.org"])
def test_help_and_reports_of_abuse_are_protected(policies: Policies, name: str) -> None:
    assert any(_holds(rule, name) for rule in policies.protected.names)


DOCS = POLICIES.parent / "docs"


@pytest.mark.parametrize("page", ["faq.md", "README.md", "categorias.md"])
def test_who_promises_help_in_spanish_leads_to_the_list(page: str) -> None:
    """Help, health and news are closed at night but for the list: no page promises more."""
    text = " ".join((DOCS / "es" / page).read_text(encoding="utf-8").split())
    assert "(abierto-de-noche.md" in text
    for promise in ("ningún filtro las cierra", "No bloquea la ayuda", "disponibles en todos los horarios"):
        assert promise not in text


def test_the_table_of_profiles_says_what_hours_close() -> None:
    """An optional category that a shipped profile closes at hours is not said to be in none."""
    (row,) = re.findall(r"^\| `video` \|.*\|$", (DOCS / "policies.md").read_text(encoding="utf-8"), re.M)[:1]
    assert row.count("at hours") == 2, "school-nights and school-nights-offline"


CLOSED_BY_FACEBOOK = {"chat-e2ee-mini.facebook.com", "edge-chat.facebook.com"}
"""names of Messenger below one that closes with social networks: the texts say that it does not work"""


def test_what_a_night_leaves_open_is_not_closed_by_its_own_profile(policies: Policies) -> None:
    """A group opens nothing that a category, an application or a way around of the profile has."""
    for profile in policies.profiles:
        if not any(slot.everything for slot in profile.schedule):
            continue
        closed = [rule for each in policies.services if each.id in profile.services for rule in each.names]
        closed += [rule for each in policies.bypass if each.id in profile.bypass for rule in each.names]
        below = {rule.name for rule in closed if rule.scope is Scope.SUBTREE}
        alone = {rule.name for rule in closed if rule.scope is Scope.EXACT}
        for feed in policies.feeds:
            if feed.category in profile.categories and not feed.remote:
                lines = (POLICIES / feed.source).read_text(encoding="utf-8").splitlines()
                below |= {line for line in lines if line and not line.startswith("#")}
        names = {rule.name for group in policies.protected.groups for rule in group.names}
        found = {name for name in names if name in alone or _is_below(name, below)}
        assert found == CLOSED_BY_FACEBOOK, profile.id


def _is_below(name: str, above: set[str]) -> bool:
    labels = name.split(".")
    return any(".".join(labels[at:]) in above for at in range(len(labels)))


NIGHT = 1_795_753_800
"""Thursday, 26 November 2026, 22:30 in Mexico City"""
TRIED = {
    "messaging": "mmg.whatsapp.net",
    "banks": "www.bbva.mx",
    "medical": "share2.dexcom.com",
    "school": "www.sep.gob.mx",
    "": "takeitdown.ncmec.org",
}
"""names that a night that closes everything closed for the whole house, by group; the last is protected"""


def _placed(policies: Policies, classes: Classes) -> tuple[Placed, ...]:
    protected = policies.protected
    lists = {
        BIT_PROTECTED: protected.names,
        BIT_ALWAYS_ALLOWED: protected.always_allowed,
        **{
            entry.number: group.names
            for group in protected.groups
            for entry in classes.lists
            if (entry.kind, entry.id) == (Kind.ALWAYS_ALLOWED, group.id)
        },
    }
    return tuple(Placed(rule.name, bit, scope=rule.scope) for bit, rules in lists.items() for rule in rules)


def test_the_night_of_a_shipped_profile_leaves_a_house_what_it_needs(policies: Policies) -> None:
    """As tried at 22:30, and once more with every group taken away."""
    classes = assign(policies)
    shipped = [each for each in policies.profiles if any(slot.everything for slot in each.schedule)]
    assert shipped
    for profile in shipped:
        plain = [replace(slot, leaves=None) for slot in profile.schedule]
        bare = [replace(slot, leaves=() if slot.everything else None) for slot in profile.schedule]
        chosen = [
            resolve(rules_of(replace(profile, schedule=tuple(each))), classes, "America/Mexico_City", NIGHT)
            for each in (plain, bare)
        ]
        assert all(each.schedule_all for each in chosen), profile.id
        world = World(classes, _placed(policies, classes), policies=(ResolvedPolicy(), *chosen), now=NIGHT)
        lines = [Line(policy=number, opted_in=True).native() for number in (1, 2)]
        for group, name in TRIED.items():
            found = [decide_name(world.native, line, name_from_text(name), NIGHT).verdict for line in lines]
            closed = Reason.SCHEDULE if group else Reason.NONE
            assert [each.reason for each in found] == [Reason.NONE, closed], (profile.id, name)
        video = decide_name(world.native, lines[0], name_from_text("www.video.example"), NIGHT)
        assert video.verdict.reason is Reason.SCHEDULE


@needs_lists
def test_the_generator_writes_what_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the document as it is, and over what people write of it alone."""
    shipped = hours.PROTECTED.read_text(encoding="utf-8")
    by_people = shipped.partition(hours.HEAD)[0]
    assert "groups:" not in by_people
    copy = tmp_path / "protected.yaml"
    monkeypatch.setattr(hours, "PROTECTED", copy)
    monkeypatch.setattr(sources, "PROVENANCE", tmp_path)
    for start in (shipped, by_people):
        copy.write_text(start, encoding="utf-8")
        hours.main(["--v2fly", str(V2FLY), "--nextdns", str(NEXTDNS)])
        assert copy.read_text(encoding="utf-8") == shipped
        written = (tmp_path / "protected.tsv").read_bytes()
        assert written == (POLICIES / "provenance" / "protected.tsv").read_bytes()


@needs_lists
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("leave_out:\n", 'leave_out:\n      gone.example: "gone"\n'), "gone.example, which no list has"),
        (("wise.com: v2fly/wise", "other.example: v2fly/wise"), "v2fly/wise does not have other.example"),
        (("bbva-privacy", "no-such-page"), "no-such-page does not have bbva.mx"),
        (("lists: [googlefcm]", "lists: [no-such-list]"), "no list 'no-such-list'"),
    ],
)
def test_a_review_that_does_not_fit_its_sources_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    said: str,
) -> None:
    reviewed, copy = tmp_path / "hours.yaml", tmp_path / "protected.yaml"
    text = hours.REVIEWED.read_text(encoding="utf-8")
    assert change[0] in text
    reviewed.write_text(text.replace(*change, 1), encoding="utf-8")
    shutil.copy(hours.PROTECTED, copy)
    monkeypatch.setattr(hours, "REVIEWED", reviewed)
    monkeypatch.setattr(hours, "PROTECTED", copy)
    with pytest.raises(SystemExit, match="1"):
        hours.main(["--v2fly", str(V2FLY), "--nextdns", str(NEXTDNS)])
    assert re.search(re.escape(said), capsys.readouterr().err)
    assert copy.read_bytes() == (POLICIES / "protected.yaml").read_bytes(), "nothing is written"

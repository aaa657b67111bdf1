"""The shipped profiles: each says what it does not do, warns where it must, and closes no more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from filterd.config.policies import load_policies
from filterd.policy.documents import Level, Policies, Profile, Text

POLICIES = Path(__file__).parents[2] / "policies"
OPTIONS = {"news", "shopping", "music", "advertising", "tracking", "newly-registered"}
"""for an operator's own profiles and for schedules"""
MESSAGING = {"whatsapp", "messenger", "telegram", "signal"}
IDS = {
    "children",
    "teenagers",
    "older-teenagers",
    "families",
    "families-closed",
    "libraries",
    "schools",
    "schools-primary",
    "schools-secondary",
    "schools-upper",
    "school-nights",
    "school-nights-offline",
}
LONGEST = {"title": 40, "audience": 50, "description": 300, "limits": 400, "warning": 670}
"""characters, as the pages have room for"""
REMEDY = re.compile("buscar? «DNS privado» en Ajustes .*Samsung: .*otros: .*Automático.* iPhone.*computadora")
"""the way to the setting is another one on each make of telephone"""
FORMAL = re.compile(r"\b(usted|elija|pida|revise|quite)\b", re.IGNORECASE)
"""parents are addressed as tú"""
NOT_SAID = ("DNS público", "resolvedor", "perfil", "evasión", "línea")
"""words that subscribers do not use"""


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(POLICIES)


@pytest.fixture(scope="module")
def profiles(policies: Policies) -> dict[str, Profile]:
    return {each.id: each for each in policies.profiles}


def texts(profile: Profile) -> dict[str, Text]:
    """The texts of a profile that people read, by kind."""
    found = {each: getattr(profile, each) for each in LONGEST}
    return {kind: text for kind, text in found.items() if text is not None}


@pytest.mark.ring("night")
def test_no_profile_goes_away(profiles: dict[str, Profile]) -> None:
    assert profiles.keys() >= IDS


def test_each_says_in_plain_words_what_it_does_not_do(profiles: dict[str, Profile]) -> None:
    for profile in profiles.values():
        assert profile.limits is not None, profile.id
        assert "datos móviles" in profile.limits.es, profile.id
        assert "mobile data" in profile.limits.en, profile.id
        for kind, text in texts(profile).items():
            assert len(text.es) <= LONGEST[kind], (profile.id, kind)
            assert len(text.en) <= LONGEST[kind], (profile.id, kind)
            assert not [word for word in NOT_SAID if word in text.es], (profile.id, kind)
            assert not FORMAL.search(text.es), (profile.id, kind)


def test_who_closes_other_resolvers_warns_of_private_dns(
    policies: Policies, profiles: dict[str, Profile]
) -> None:
    closing = {each.id for each in policies.bypass if each.level is not Level.SIGNAL} - {"relay", "canary"}
    for profile in profiles.values():
        warns = profile.warning is not None and "DNS privado" in profile.warning.es
        assert warns == bool(closing & set(profile.bypass)), profile.id
        if warns:
            assert profile.warning is not None
            assert REMEDY.search(profile.warning.es)


def test_families_closes_ways_around_only_where_it_is_chosen(profiles: dict[str, Profile]) -> None:
    families, closed = profiles["families"], profiles["families-closed"]
    assert set(families.bypass) == {"relay", "canary"}
    assert set(families.categories).isdisjoint({"vpn", "dns-bypass", "anonymizers"})
    assert set(closed.categories) - set(families.categories) == {"vpn", "dns-bypass", "anonymizers"}
    assert closed.services == families.services
    assert closed.safe_search == families.safe_search


def test_who_leaves_other_resolvers_open_says_so(profiles: dict[str, Profile]) -> None:
    open_to_them = [each for each in profiles.values() if "public-dns" not in each.bypass]
    assert [each.id for each in open_to_them] == ["families"]
    for profile in open_to_them:
        assert profile.limits is not None
        assert "con su propio DNS (privado) queda sin filtro" in profile.limits.es
        assert "its own (private) DNS is not filtered" in profile.limits.en


def test_what_goes_with_social_networks_is_said(profiles: dict[str, Profile]) -> None:
    """Messenger needs names of Facebook: who closes social networks closes it, whatever else stays open."""
    for profile in profiles.values():
        if "social" not in profile.categories or "chat" in profile.categories:
            continue
        assert profile.limits is not None
        assert all(each in profile.limits.es for each in ("Messenger", "Discord", "WhatsApp")), profile.id
        assert "No cierra la mensajería" not in profile.limits.es, profile.id


SAID = {
    "cryptocurrency": ("criptomonedas", "cryptocurrency"),
    "social": ("redes sociales", "social networks"),
    "games": ("juegos", "games"),
    "streaming": ("series", "series"),
    "file-sharing": ("torrents", "torrents"),
    "piracy": ("piratería", "piracy"),
    "ai-chat": ("chat con", "chat"),
    "dating": ("para conocer gente (citas)", "dating"),
}
"""words for what a profile closes"""
LIKE = {"Como Escuelas": "schools", "Como Niñas y niños": "children", "Como Familias": "families"}


def _said(profile: Profile, profiles: dict[str, Profile]) -> tuple[str, str]:
    """The description, after that of the profile to which it refers."""
    for start, other in LIKE.items():
        if profile.description.es.startswith(start):
            first = profiles[other].description
            return first.es + profile.description.es, first.en + profile.description.en
    return profile.description.es, profile.description.en


def test_what_is_closed_is_said(profiles: dict[str, Profile]) -> None:
    for profile in profiles.values():
        text = _said(profile, profiles)
        for category in SAID.keys() & set(profile.categories):
            assert all(map(str.__contains__, text, SAID[category])), (profile.id, category)


def test_a_night_that_closes_everything_promises_its_list_alone(profiles: dict[str, Profile]) -> None:
    profile = profiles["school-nights-offline"]
    assert profile.warning is not None
    assert "de la lista" in profile.description.es
    assert "solo lo de la lista" in profile.warning.es
    assert "only what is on the list stays open" in profile.warning.en


def test_libraries_keep_what_people_come_for(profiles: dict[str, Profile]) -> None:
    libraries = profiles["libraries"]
    assert set(libraries.categories).isdisjoint({"social", "chat", "ai-chat", "video", "games", *OPTIONS})
    assert libraries.services == ()


def test_bedtime_closes_childrens_things_alone(profiles: dict[str, Profile]) -> None:
    afternoon, night = profiles["school-nights"].schedule
    assert afternoon.categories == ("games",)
    assert set(night.categories) == {"games", "video", "streaming", "social"}
    assert not afternoon.everything
    assert not night.everything
    assert MESSAGING.isdisjoint(night.services)
    assert MESSAGING.isdisjoint(profiles["school-nights"].services)


def test_everything_is_a_choice_of_its_own(profiles: dict[str, Profile]) -> None:
    for profile in profiles.values():
        whole = [slot for slot in profile.schedule if slot.everything]
        assert bool(whole) == (profile.id == "school-nights-offline")
        assert all(slot.leaves is None for slot in whole), "every group stays open"
    warning = profiles["school-nights-offline"].warning
    assert warning is not None
    assert "personas adultas" in warning.es


def test_options_are_in_no_profile(profiles: dict[str, Profile]) -> None:
    for profile in profiles.values():
        assert OPTIONS.isdisjoint(profile.categories), profile.id
        assert all(OPTIONS.isdisjoint(slot.categories) for slot in profile.schedule), profile.id


def test_no_text_promises_a_category_without_a_list(policies: Policies, profiles: dict[str, Profile]) -> None:
    """A category for which nothing is shipped is only a word until an operator adds lists."""
    words = {"weapons": "armas", "harmful-health": "alcohol"}
    empty = {each.id for each in policies.categories if each.empty}
    for category, word in words.items():
        if category in empty:
            assert not [each.id for each in profiles.values() if word in each.description.es]

"""docs/policies.md: the policies directory, its formats, and what is shipped in it."""

# ruff: noqa: E501 - the long lines are the page's own text

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from filterd.policy.documents import Policies, Profile
from tests.meta.feed_texts import FEEDS
from tests.worlds.markdown import wrapped

POLICIES = Path(__file__).parents[2] / "policies"


def page(note: str) -> str:
    """The page; ``note`` says how it is made."""
    from filterd.config.policies import load_policies

    shipped = load_policies(POLICIES)
    profiles = sorted(shipped.profiles, key=lambda each: -len(each.categories))
    return wrapped(
        FORMATS.replace("{note}", note.strip())
        + FEEDS
        + PROFILES
        + "# What is shipped\n\n"
        + by_profile(shipped, profiles)
        + by_category(shipped)
        + equivalents(shipped)
        + answers(shipped)
        + exceptions(shipped)
        + jurisdictions(shipped)
    )


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


FORMATS = """\
# Policies

{note}

The directory that `policies` names in the configuration holds what is blocked and for whom, as YAML
and lists. The shipped files lie below it, where `policies_base` names them ([Laid over the shipped
ones](#laid-over-the-shipped-ones)); without it the directory must have every file. All problems of
all files are
reported at once, with file and path, by `filterd config check`. Every file that is there must
hold a value, and none may be missing from the lowest directory: one that went missing or was emptied must
not read as "nothing is blocked". Where
nothing is meant, a list says `[]` and `expected.yaml` says `{}`. A key without a
value (`key:`, `~`, `null`) is an error; `blocking_mode: null` is the mode of that name. Names are lower
case, in ASCII
(A-labels), without the final dot.

| File | What stands in it |
| --- | --- |
| `categories.yaml` | the classes of names: `id`, `title`, `description`, each text in `es` and `en`; `empty`, `optional`, `equivalents` |
| `feeds.yaml` | where lists come from and what each is for |
| `profiles/<id>.yaml` | a named set of restrictions that a subscriber chooses |
| `services.yaml` | well-known applications and the names that each needs |
| `safesearch.yaml` | names that are answered with a search engine's safe host |
| `bypass.yaml` | ways around the resolver: names and addresses |
| `protected.yaml` | what no list, order or line may block, and what passes a schedule that blocks everything |
| `expected.yaml` | popular names and the categories that may rightly hold them; an order on one takes two people |
| `popular/*.txt`, `popular.txt` | popular names beside those of `expected.yaml`, one a line; yours go into `popular.txt` |
| `jurisdictions/<id>.yaml` | authorities, grounds, deadlines, calendar, and the categories that only this country's rules name |
| `lists/` | the starter lists |

## Laid over the shipped ones

```yaml
# filterd.yaml
policies: /etc/filterd/policies             # your own files; may be empty at first
policies_base: /usr/share/filterd/policies  # comes with the package; never edit it
```

An upgrade replaces the shipped files and never touches yours, so there is nothing to merge. Your
files hold only what differs:

| File | What yours does |
| --- | --- |
| `categories.yaml`, `feeds.yaml`, `services.yaml`, `safesearch.yaml`, `bypass.yaml` | an entry is added; one with the id of a shipped entry replaces that whole; `{id: games, disabled: true}` takes the shipped one out |
| `profiles/<id>.yaml`, `jurisdictions/<id>.yaml` | a file of the same name replaces the shipped one whole; one that says `disabled: true` and nothing else takes it out |
| `protected.yaml` | adds names and addresses; `without:` takes out shipped ones, by the same keys; `public_suffixes` stays as shipped unless yours says `false` |
| `expected.yaml` | adds names; a shipped name gets your categories; `name: disabled` takes it out |
| `popular.txt` | adds names; `name: disabled` in `expected.yaml` takes a shipped one out |

```yaml
# protected.yaml in /etc/filterd/policies
names: {subtree: [portal.provider.example]}
without:
  names: {subtree: [filtro.operador.example]}
```

Nothing goes because it is not written. Whatever these files say, a feed that is in force stays so
until it is retired: after `disabled: true`, and after an upgrade that ships a feed no more. A
profile that lines have cannot be taken out: no snapshot is built without it. A `source` is a path
below the directory of the file that names it. A file that has no place here (`feed.yaml`,
`protected.yml`) is an error; taking out what is not shipped (any more) is a remark of
`filterd config check`. `feed list`, `feed show`, `profile list` and `profile show` say which entry
is `shipped` and which your `own`.

A directory with a copy of every file works as it did: leave `policies_base` out. To change over,
keep only the entries that you wrote or changed, name each shipped entry that you had deleted as
`disabled`, set `policies_base`, and compare `filterd profile list` and `filterd feed list` before
and after.

## Scopes

| Scope | Speaks of |
| --- | --- |
| `exact` | the name itself, nothing below it |
| `subtree` | the name and all below it |
| `below` | only what is below the name |

Where a document lists names it does so by scope:
`names: {exact: [...], subtree: [...], below: [...]}`.

"""

PROFILES = """\
## Profiles

```yaml
# profiles/nights.yaml
title: {es: "Noches", en: "Nights"}
audience: {es: "Hogares", en: "Households"}
description:
  es: "Sin juegos por la tarde, sin Internet de noche."
  en: "No games after school, no Internet at night."
categories: [adult, gambling]
services: [tiktok]
safe_search: [google, bing, youtube-strict]  # at most one entry for each engine
bypass: [relay, canary]
blocking_mode: nxdomain                      # nxdomain (default), nodata, null or sinkhole
schedule:
  - {days: [mon, tue, wed, thu, fri], from: "15:00", until: "18:00", block: [games]}
  - {days: daily, from: "21:00", until: "06:00", block: everything}
```

Times are those of the line's zone. A slot belongs to the day on which it begins, and ends on the
next day where `until` is not after `from`. `everything` leaves the protected and the always-allowed
names.

"""


def by_profile(shipped: Policies, profiles: list[Profile]) -> str:
    """The profiles: audience, categories, and the rest of their restrictions."""
    marks = [
        (f"`{category.id}`", *("yes" if category.id in each.categories else "" for each in profiles))
        for category in shipped.categories
    ]
    more = [
        (each.id, *map(", ".join, (each.safe_search, each.services, each.bypass)), hours(each))
        for each in profiles
    ]
    return (
        "## Profiles and categories\n\n"
        + table(("Profile", "For", "What it does"), [audience(each) for each in profiles])
        + "\n"
        + table(("Category", *(each.id for each in profiles)), marks)
        + "\n"
        + table(("Profile", "Safe search", "Services", "Ways around closed", "Hours"), more)
        + "\n"
    )


def by_category(shipped: Policies) -> str:
    """The categories: their contents, their names and their feeds."""
    rows = [
        (
            f"`{each.id}`",
            each.description.en + (" *Optional.*" if each.optional else ""),
            f"{names_of(shipped, each.id):,}" if not each.empty else "empty",
            ", ".join(f.id for f in shipped.feeds if f.category == each.id),
        )
        for each in shipped.categories
    ]
    return (
        "## Categories\n\n"
        + table(("Category", "What it holds", "Names", "Feeds"), rows)
        + "\nAn empty category blocks nothing until a feed is enabled or added. An optional one is in no shipped\n"
        + "profile: it is for your own profiles and for hours. A name is on a list because two public lists have\n"
        + "it, because it says by itself what the site is, or because a list kept by hand names the service;\n"
        + "malware and phishing age within days, and need a\n"
        + "feed. `filterd policies source NAME` says where a name is from; all sources stand in\n"
        + "[SOURCES.md](../policies/lists/SOURCES.md). The lists are no replacement for full feeds.\n\n"
    )


def names_of(shipped: Policies, category: str) -> int:
    """The number of names that are shipped for a category."""
    files = {each.source for each in shipped.feeds if each.category == category and not each.remote}
    lines = [line for file in files for line in (POLICIES / file).read_text(encoding="utf-8").splitlines()]
    return len({line for line in lines if not line.startswith("#")})


def equivalents(shipped: Policies) -> str:
    """The categories of regulators and providers elsewhere, and those here that answer to them."""
    countries = [(each.title.en, each.categories) for each in shipped.jurisdictions if each.categories]
    text = (
        "## Categories elsewhere\n\n"
        "In Spanish, with all titles: [categorias.md](es/categorias.md). "
        "Italy's AGCOM names eight classes (delibera 9/23/CONS); the United Kingdom's large providers have\n"
        "these since Ofcom's report of July 2014. In their words, and the categories that answer to them:\n\n"
    )
    for scheme, name in (("agcom", "AGCOM"), ("uk", "United Kingdom")):
        text += table((name, "Here"), answering(shipped, scheme)) + "\n"
    for country, categories in countries:
        ids = ", ".join(f"`{each.id}`" for each in categories)
        text += f"{ids}: only where `jurisdiction` names {country}.\n\n"
    return text + "*Nudity and sex education*, which one provider blocks, has no equivalent: it is help.\n\n"


def answering(shipped: Policies, scheme: str) -> list[tuple[str, str]]:
    """Each class of a scheme, with the categories here."""
    packs = (each for pack in shipped.jurisdictions for each in pack.categories)
    found: dict[str, list[str]] = {}
    for category in (*shipped.categories, *packs):
        for of, term in category.equivalents:
            if of == scheme:
                found.setdefault(term, []).append(f"`{category.id}`")
    return [(term, ", ".join(ids)) for term, ids in sorted(found.items())]


def answers(shipped: Policies) -> str:
    """Safe search and ways around."""
    searches = [(f"`{each.id}`", each.title.en, each.target, len(each.names)) for each in shipped.safe_search]
    ways = [(f"`{each.id}`", each.title.en, len(each.names), len(each.addresses)) for each in shipped.bypass]
    return (
        "## Safe search\n\n"
        + table(("Entry", "Title", "Answered with", "Names"), searches)
        + "\n## Ways around the resolver\n\n"
        + table(("Entry", "Title", "Names", "Addresses"), ways)
        + "\n"
    )


def exceptions(shipped: Policies) -> str:
    """Services, and what is spared."""
    suffixes = "Every public suffix alone, and " if shipped.protected.public_suffixes else ""
    return (
        "## Services\n\n"
        + ", ".join(f"`{each.id}`" for each in shipped.services)
        + f".\n\n## Protected\n\n{suffixes}"
        + ", ".join(f"`{rule.name}`" for rule in shipped.protected.names)
        + ".\n\nAlways allowed in a schedule: "
        + ", ".join(f"`{rule.name}`" for rule in shipped.protected.always_allowed)
        + ".\n\n"
    )


def audience(profile: Profile) -> tuple[str, str, str]:
    """A profile's row."""
    return f"`{profile.id}`", profile.audience.en, profile.description.en


def hours(profile: Profile) -> str:
    """True if a profile has hours."""
    return f"{len(profile.schedule)} slots" if profile.schedule else ""


def jurisdictions(shipped: Policies) -> str:
    """The grounds of each jurisdiction with their deadlines."""
    text = ""
    for each in shipped.jurisdictions:
        if not each.grounds:
            continue
        rows = [
            (f"`{ground.id}`", ground.title.en, ground.law, ", ".join(ground.authorities))
            for ground in each.grounds
        ]
        text += f"## Grounds: {each.title.en}\n\n" + table(("Ground", "What", "Law", "Authorities"), rows)
    return text

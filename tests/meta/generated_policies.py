"""docs/policies.md: the policies directory, its formats, and what is shipped in it."""

# ruff: noqa: E501 - the long lines are the page's own text

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from filterd.model.slot import Slot
from filterd.policy.documents import Policies, Profile, ReadyFeed
from filterd.policy.jurisdictions import DeadlineClock, DeadlineKind, Ground
from tests.meta.feed_texts import FEEDS
from tests.worlds.markdown import wrapped

POLICIES = Path(__file__).parents[2] / "policies"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def page(note: str) -> str:
    """The page; ``note`` says how it is made."""
    from filterd.config.policies import load_policies

    shipped = load_policies(POLICIES)
    profiles = sorted(shipped.profiles, key=lambda each: -len(each.categories))
    return wrapped(
        FORMATS.replace("{note}", note.strip())
        + FEEDS
        + PROFILES
        + HOURS
        + "# What is shipped\n\n"
        + by_profile(shipped, profiles)
        + by_category(shipped)
        + ready_feeds(shipped)
        + equivalents(shipped)
        + answers(shipped)
        + services(shipped)
        + exceptions(shipped)
        + open_at_night(shipped)
        + COVERAGE
        + jurisdictions(shipped)
    )


COVERAGE = """\
## How much they cover

[Coverage](coverage.md) says how much of public lists each shipped profile closes, and that none of more than 500
sites of health, contraception, LGBT+ people, help against violence, human rights, news and government is blocked
outside of hours that close everything.
`filterd policies coverage --against FOLDER` measures yours. The folder holds lists, and a `coverage.yaml` that
says what each is about:

```text
- {area: search-engines, title: "engines without safe search", file: engines.txt}
- {area: ways-around, id: vpn, title: "VPN services", file: [vpn.txt.xz, more.txt]}
- {area: services, title: "a chat", file: chat.txt, format: adblock}
- {area: categories, id: adult, file: adult.txt.xz}
- {area: must-pass, title: "our schools", file: schools.txt}
- {area: popular, title: "most visited here", file: visited.txt}
```

`file` is one path or several, below the folder (a file elsewhere is not read, also not by a link); `format` and `scope` are those of feeds. `id` is the category or
the way around that a list is about; a list of a service is compared with the service that closes most of it. Of a
list that is to be closed 5,000 names are asked for (`--sample`), always the same ones; of `must-pass` and
`popular` all. `--list` names what passes, `--profile` shows list by list, and `--strict` fails if a site is
blocked that must pass, for a check after each change. The snapshot in force is measured, or, where there is none
and with `--compile`, the policies directory without lists from servers. Orders, mandatory lists, exceptions and
the security policy take no part, and addresses in answers are not looked at.

"""


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
| `feeds.d/*.yaml` | [ready feeds](#ready-feeds): public lists that are off until a person enables one |
| `profiles/<id>.yaml` | a named set of restrictions that a subscriber chooses |
| `services.yaml` | well-known applications and the names that each needs; `group`: an id of `service-groups.yaml` |
| `service-groups.yaml` | headings under which services are shown: `id`, `title`; may be missing |
| `safesearch.yaml` | names that are answered with a search engine's safe host; `source`: the page where the engine publishes it |
| `bypass.yaml` | ways around the resolver: names and addresses, `level: signal`, `resolver` or `tunnel`, or `strip_ech: true` |
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
| `categories.yaml`, `feeds.yaml`, `services.yaml`, `service-groups.yaml`, `safesearch.yaml`, `bypass.yaml` | an entry is added; one with the id of a shipped entry replaces that whole; `{id: games, disabled: true}` takes the shipped one out |
| `feeds.d/*.yaml` | as above, whatever the file is called; a shipped ready feed gives way to a feed of its id in your `feeds.yaml` |
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
  es: "Sin juegos por la tarde; de noche solo mensajes y aparatos médicos."
  en: "No games after school; at night messages and medical devices alone."
warning:                                     # shown to whoever chooses it
  es: "De noche cierra Internet para toda la casa, también para los adultos."
  en: "At night it closes the Internet for the whole house, for adults too."
categories: [adult, gambling]
services: [tiktok]
safe_search: [google, bing, youtube-strict]  # at most one entry for each engine
bypass: [relay, canary]
blocking_mode: nxdomain                      # nxdomain (default), nodata, null or sinkhole
schedule:
  - {days: daily, from: "15:00", until: "18:00", block: {categories: [games], services: [twitch]}}
  - {days: daily, from: "21:00", until: "06:00", block: everything, leaves: [messaging, medical]}
```

Times are those of the line's zone. A slot belongs to the day on which it begins, and ends on the
next day where `until` is not after `from`.

"""

HOURS = """\
## Hours

A bedtime closes children's things: a slot with the categories and services that it adds (`block: [games]`
is short for `block: {categories: [games]}`). *Everything* is a choice of its own, as it meets everybody in the
house. Such a slot leaves open, for the name that is asked about:

- the protected names, and the `always_allowed` ones: calls over Wi-Fi, the clock, the checks for a connection;
- the names of the groups of `protected.yaml` that its `leaves` names. Without `leaves` that is every group, yours
  too; `leaves: []` takes all of them away.

Where slots meet, everything that one of them blocks is blocked, and a group is open that all of them leave. A
group opens nothing else: a category, service, order or own block name that has the name blocks it as before, and
so do lists that have a name in its answer. A pause opens the line at any hour; an own allow name does not.

A profile that blocks everything has a `warning`; without one, `filterd config check` remarks on it. `filterd
subscriber opt-in` and `set-profile` print it, for whoever is on the telephone with the line's holder. `filterd
check NAME --subscriber ID` says which group leaves a name open at this hour.

Your bank or school is missing? Add a group to your `protected.yaml`, under `groups`, with an id of its own (a
shipped id replaces that group whole): `{id: schools-here, title: {es: "Escuelas de aquí", en: "Schools here"},
names: {subtree: [school.example]}}`. `without: {groups: [banks]}` takes a shipped group out.

No answer to a line that has opted in lives longer than `dns.max_ttl_opted_in`, and none is kept past the next
change of its schedule or the end of its pause: a telephone with a cache of its own sees bedtime in the second in
which it begins. Connections that are open then stay open.

"""


SERVICES = """\
## Services

{count} applications, in the groups of `service-groups.yaml`. A service closes the application's own names;
what it shares with others stays open. Which list each name comes from stands in
`provenance/services.tsv`.

"""


def by_profile(shipped: Policies, profiles: list[Profile]) -> str:
    """The profiles: audience, categories, and the rest of their restrictions."""
    marks = [
        (f"`{category.id}`", *(closing(each, category.id) for each in profiles))
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
        + what_profiles_do_not_do(profiles)
    )


def what_profiles_do_not_do(profiles: list[Profile]) -> str:
    """The limits of each profile, and what to know before it is chosen."""
    rows = [
        (f"`{each.id}`", each.limits.en if each.limits else "", each.warning.en if each.warning else "")
        for each in profiles
    ]
    return (
        "### What a profile does not do\n\n"
        "`limits` says it in plain words, and `warning` what a person must know before the profile is chosen;\n"
        "both in `es` and `en`.\n\n" + table(("Profile", "Limits", "Warning"), rows) + "\n"
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
        + "\nAn empty category blocks nothing until a feed is enabled or added. No shipped profile closes\n"
        + "an optional one all day: it is for your own profiles and for hours. A name is on a list because two public lists have\n"
        + "it, because it says by itself what the site is, or because a list kept by hand names the service;\n"
        + "malware and phishing age within days, and need a\n"
        + "feed. `filterd profile show` names the categories of a profile that are empty, and `filterd config check`\n"
        + "remarks on them where the profile is yours.\n"
        + "`filterd policies source NAME` says where a name is from; all sources stand in\n"
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
    searches = [
        (f"`{each.id}`", each.title.en, each.target, len(each.names), f"[page]({each.source})")
        for each in shipped.safe_search
    ]
    ways = [
        (f"`{each.id}`", each.title.en, each.level.value, len(each.names), len(each.addresses))
        for each in shipped.bypass
    ]
    return (
        "## Safe search\n\n"
        + table(("Entry", "Title", "Answered with", "Names", "Published at"), searches)
        + SEARCHES
        + "\n## Ways around the resolver\n\n"
        + table(("Entry", "Title", "Level", "Names", "Addresses"), ways)
        + LEVELS
    )


def services(shipped: Policies) -> str:
    """The services by group, by the titles that subscribers read."""
    rows = []
    for group in shipped.service_groups:
        members = [each for each in shipped.services if each.group == group.id]
        listed = ", ".join(f"`{each.id}`" for each in members)
        rows.append(
            (f"{group.title.en} (`{group.id}`)", len(members), sum(len(e.names) for e in members), listed)
        )
    return (
        SERVICES.replace("{count}", str(len(shipped.services)))
        + table(("Group", "Services", "Names", "Ids"), rows)
        + "\n"
    )


SEARCHES = """
The target is asked for as any name is, so it must be one that the upstream knows. An engine that offers
no safe host stands in the category `unsafe-search`; only its search host, where the rest of the site is mail or
news. DuckDuckGo's `html.`, `lite.` and `noai.` have none and stand there too; so does Qwant, which publishes no host for
networks.
"""

LEVELS = """
| Level | What closing it does | Who notices |
| --- | --- | --- |
| `signal` | devices are told that the network filters, and comply by themselves | pages load as before; an iPhone with Private Relay may show a notice |
| `resolver` | other resolvers are closed, by name and by address | a telephone whose Private DNS is set to a host name loses *all* Internet until it is set to Automatic |
| `tunnel` | services that carry all traffic elsewhere are closed | who uses one for work: Tailscale, ZeroTier, NetBird and Cloudflare WARP are among them, company VPN software is not; who reads whole sites through Google's translator (`translate.goog`; words are still translated) |

A name that a line allows lifts a category, never a way around. So `bypass.yaml` has the well-known services; the long
lists `vpn`, `dns-bypass` and `anonymizers` are categories. A person can open their names one by one, but for those that
`bypass.yaml` has, too: where a profile closes both, only a pause or another profile opens them, and an exception opens
them for every line. `filterd check` advises what opens a name, and `subscriber allow` warns where it stays blocked.
`ech` takes the keys of Encrypted Client Hello out of answers and has no names; no shipped profile takes it. A device that has a
resolver's or a VPN's *address* built in asks no name: close those at the router. Discovery of encrypted resolvers
(`resolver.arpa`) is answered by the resolver itself.

"""


def exceptions(shipped: Policies) -> str:
    """The names and groups that are spared."""
    suffixes = "Every public suffix alone, and " if shipped.protected.public_suffixes else ""
    return (
        f"## Protected\n\n{suffixes}"
        + ", ".join(f"`{rule.name}`" for rule in shipped.protected.names)
        + ".\n\nAlways allowed in a schedule: "
        + ", ".join(f"`{rule.name}`" for rule in shipped.protected.always_allowed)
        + ".\n\n"
    )


def open_at_night(shipped: Policies) -> str:
    """The groups of always-allowed names."""
    rows = [
        (
            f"`{group.id}`",
            f"{group.title.en} ({group.title.es})",
            ", ".join(f"`{rule.name}`" for rule in group.names),
        )
        for group in shipped.protected.groups
    ]
    head = ("Group", "Title", "Names, mostly with all below them")
    return (
        "Left open by a slot that blocks everything, and nothing else ([in Spanish](es/abierto-de-noche.md)):\n\n"
        + table(head, rows)
        + "\n"
    )


def audience(profile: Profile) -> tuple[str, str, str]:
    """A profile's row."""
    return f"`{profile.id}`", profile.audience.en, profile.description.en


def closing(profile: Profile, category: str) -> str:
    """The hours at which a profile closes a category: all (``yes``), some, or none."""
    if category in profile.categories:
        return "yes"
    slots = profile.schedule
    return "at hours" if any(slot.everything or category in slot.categories for slot in slots) else ""


def hours(profile: Profile) -> str:
    """The categories and services that a profile closes at hours."""
    return "; ".join(map(_slot, profile.schedule))


def _slot(slot: Slot) -> str:
    start, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (slot.start, slot.end))
    days = " ".join(DAYS[day] for day in slot.days)
    what = "everything" if slot.everything else ", ".join((*slot.categories, *slot.services))
    return f"{days} {start}-{end}: {what}"


def jurisdictions(shipped: Policies) -> str:
    """The grounds of each jurisdiction with their deadlines."""
    text = ""
    for each in shipped.jurisdictions:
        if not each.grounds:
            continue
        rows = [
            (
                f"`{ground.id}`",
                ground.title.en,
                ground.law,
                ", ".join(ground.authorities),
                _deadlines(ground),
                "yes" if ground.checked else "no",
            )
            for ground in each.grounds
        ]
        head = ("Ground", "What", "Law", "Authorities", "Deadlines", "Read at its source")
        text += f"## Grounds: {each.title.en}\n\n" + table(head, rows)
    return text


def _deadlines(ground: Ground) -> str:
    """The deadlines of a ground in words."""
    found = []
    for kind in DeadlineKind:
        deadline = ground.deadline(kind)
        if deadline is None:
            continue
        units = (("minutes", deadline.minutes), ("hours", deadline.hours), ("days", deadline.days))
        amount, unit = next((amount, unit) for unit, amount in units if amount)
        business = "business " if deadline.count is DeadlineClock.BUSINESS else ""
        found.append(f"{kind.value}: {amount} {business}{unit} from {deadline.start or kind.start}")
    return "; ".join(found)


READY = """\
## Ready feeds

Public lists whose address is shipped, and none of whose names is. Each is off, and never asked for,
until a person enables it:

```text
filterd feed list --ready        # what there is, for what, under which licence
filterd feed enable hagezi-nsfw  # the licence is between you and the publisher
filterd feed show hagezi-nsfw    # whether it arrived
filterd feed retire hagezi-nsfw --reason "too wide for us"
```

An entry of `feeds.d/*.yaml` has the keys of one in `feeds.yaml`, with `about` beside them: `title`,
`publisher`, `licence`, `address_from` and `address_on` (where and when the address was found) and,
if there is anything to know before, `note`. It cannot be `mandatory`. Each file is a list; a feed
stands in one file alone. Enabling one is [adopting](#feeds) it: it stays in force until it is
retired, and an upgrade that ships a new address of it changes it.

**No address below was ever asked.** Each was read where `address_from` says, on that day. Where the first
reading fails, `filterd feed show` says why and nothing is in force; the address is corrected by an
entry of the same id in your own `feeds.d`. For {without} no public list was found.

"""


def ready_feeds(shipped: Policies) -> str:
    """The section on feeds that are off until they are enabled."""
    filled = {each.feed.category for each in shipped.ready}
    without = [f"`{each.id}`" for each in shipped.categories if each.id not in filled]
    head = ("Feed", "For", "Title", "Publisher", "Licence", "Address from")
    rows = [
        (
            f"[`{each.feed.id}`]({each.feed.source})",
            _ready_use(each),
            each.publication.title.en,
            each.publication.publisher,
            each.publication.licence,
            f"{each.publication.address_from}, {each.publication.address_on}",
        )
        for each in sorted(shipped.ready, key=lambda each: (_ready_use(each), each.feed.id))
    ]
    return READY.replace("{without}", ", ".join(without)) + table(head, rows) + "\n"


def _ready_use(ready: ReadyFeed) -> str:
    feed = ready.feed
    if feed.bypass is not None:
        return f"way around `{feed.bypass}`"
    return f"`{feed.category}`" if feed.category is not None else "security"

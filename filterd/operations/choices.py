"""The choices of a line beside its profile: categories, services, safe search and ways around, one by one.

A choice is kept as a difference from the profile, and only while it is one: what the profile has anyway is
not added, and what it lacks is not taken. A profile that changes later does not take a line's choice along;
until an announced change takes effect, a difference is one from the profile as the line has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from filterd.model.adjustments import MOST_IDS, SAME, Adjustments, Difference
from filterd.model.line import LineChoices
from filterd.model.subscriber import Subscriber
from filterd.operations import lines
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.held_profiles import as_held, meanings_known
from filterd.operations.nearest import did_you_mean, nearest
from filterd.operations.policies import policies, profile
from filterd.policy.documents import Bypass, Category, Level, Policies, Profile, SafeSearch, Service, Text

FIELDS = {
    "category": "categories",
    "service": "services",
    "safe-search": "safe_search",
    "way": "bypass",
}
"""the word for each kind -> its field in profiles, adjustments and policies"""
ADD, TAKE, AS_PROFILE = "add", "take", "as-profile"
YOUTUBE = "youtube"
"""the engine that has levels"""
LEVELS = ("off", "moderate", "strict")
LIST = "filterd policies list"
PRIVATE_DNS = Text(
    es="Un celular con «DNS privado» de otro servicio se queda sin Internet en casa. Antes de activarlo,"
    " busca «DNS privado» en Ajustes y elige Automático. En iPhone, quita el DNS instalado aparte; en la"
    " computadora, el «DNS seguro» del navegador. Las VPN que se cierran son a veces las del trabajo.",
    en="A telephone with the “Private DNS” of another service loses all Internet at home. Before switching"
    " on, search for “Private DNS” in Settings and choose Automatic. On an iPhone, remove the DNS profile; on"
    " a computer, the “secure DNS” of the browser. VPNs that are closed are at times those of an employer.",
)
"""what the line's holder must hear before ways around are closed"""

Choosable = Category | Service | SafeSearch | Bypass


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that a line asks for, as typed: ``category:games``, to be added, taken, or as the profile
    has it."""

    act: str
    """:data:`ADD`, :data:`TAKE` or :data:`AS_PROFILE`"""
    text: str


@dataclass(frozen=True, slots=True)
class TitledChoice:
    """One choice, with its title where the policies have one."""

    kind: str
    id: str
    title: Text | None

    def __str__(self) -> str:
        """``category:games (Juegos)``."""
        return f"{self.kind}:{self.id}" + (f" ({self.title.es})" if self.title else "")


@dataclass(frozen=True, slots=True)
class OwnChoices:
    """A line's differences from its profile."""

    profile: str
    beyond: tuple[TitledChoice, ...]
    """closed for the line, and not by its profile"""
    without: tuple[TitledChoice, ...]
    """closed by its profile, and not for the line"""


def choosable(documents: Policies, kind: str) -> tuple[Choosable, ...]:
    """All that the policies offer of a kind."""
    found: tuple[Choosable, ...] = getattr(documents, FIELDS[kind])
    return found


def own_choices(choices: LineChoices, documents: Policies) -> OwnChoices:
    """The line's differences from its profile, with titles."""

    def titled(word: str) -> Iterator[TitledChoice]:
        for kind, field in FIELDS.items():
            ids = getattr(getattr(choices.adjustments, field), word)
            titles = {each.id: each.title for each in choosable(documents, kind)} if ids else {}
            for each in ids:
                yield TitledChoice(kind, each, titles.get(each))

    return OwnChoices(choices.profile, tuple(titled("added")), tuple(titled("taken")))


def differences(adjustments: Adjustments) -> list[str]:
    """The line's own choices in short: ``+category:games``, ``-service:tiktok``."""
    return [
        f"{sign}{kind}:{each}"
        for kind, field in FIELDS.items()
        for sign, ids in (("+", "added"), ("-", "taken"))
        for each in getattr(getattr(adjustments, field), ids)
    ]


def warning_of(wishes: Iterable[Wish], documents: Policies) -> Text | None:
    """The warning that the line's holder must hear of these wishes; None: there is none."""
    harsh = {f"way:{each.id}" for each in documents.bypass if each.level is not Level.SIGNAL}
    added = {wish.text.strip() for wish in wishes if wish.act == ADD}
    return PRIVATE_DNS if added & harsh else None


async def show(context: Context, subscriber: str) -> tuple[Subscriber, OwnChoices]:
    """A line with its differences from its profile."""
    documents = policies(context)
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
    return found, own_choices(found.choices, documents)


async def choose(
    context: Context, subscriber: str, wishes: Sequence[Wish], *, youtube: str = "", reset: bool = False
) -> tuple[Subscriber, OwnChoices]:
    """Change what a line has beside its profile. ``youtube``: a level of :data:`LEVELS`; ``reset``: as the
    profile has it, before the wishes count. Every wish that cannot be is in one error."""
    documents = policies(context)
    meanings = await meanings_known(context)

    def step(old: LineChoices, now: float) -> LineChoices:
        lines.require_opted_in(old, subscriber)
        known = _Known(documents, old.adjustments)
        wanted = known.read([*wishes, *_youtube(youtube, documents)])
        chosen = profile(as_held(documents, old, meanings, now), old.profile)
        adjustments = _without_differences(old.adjustments) if reset else old.adjustments
        for act, kind, identifier in wanted:
            adjustments = _applied(adjustments, act, kind, identifier, documents)
        return replace(old, adjustments=bounded(settled(adjustments, chosen, documents)))

    found = await lines.update(context, subscriber, "choose", step)
    return found, own_choices(found.choices, documents)


def settled(adjustments: Adjustments, chosen: Profile, documents: Policies) -> Adjustments:
    """The same adjustments as far as they say something against the profile. The line's own entry for a
    search engine takes those that the profile has for it."""
    engine = {each.id: each.engine for each in documents.safe_search}
    own = {engine[each] for each in adjustments.safe_search.added if each in engine}
    rivals = tuple(each for each in chosen.safe_search if engine.get(each) in own)
    safe = adjustments.safe_search
    for each in rivals:
        safe = safe if each in safe.added else safe.taking(each)
    adjustments = replace(adjustments, safe_search=safe)
    left: dict[str, Any] = {
        field: _against(getattr(adjustments, field), getattr(chosen, field)) for field in FIELDS.values()
    }
    return replace(adjustments, **left)


def _against(difference: Difference, profiles: Iterable[str]) -> Difference:
    has = set(profiles)
    added = tuple(each for each in difference.added if each not in has)
    return Difference(added, tuple(each for each in difference.taken if each in has))


def bounded(adjustments: Adjustments) -> Adjustments:
    """The same adjustments. OperationError for more than a line may have."""
    for kind, field in FIELDS.items():
        difference: Difference = getattr(adjustments, field)
        if max(len(difference.added), len(difference.taken)) > MOST_IDS:
            message = f"more than {MOST_IDS} choices of the kind {kind} beside the profile"
            raise OperationError(message, "choose another profile, which is nearer to what is wanted")
    return adjustments


def _without_differences(adjustments: Adjustments) -> Adjustments:
    none: dict[str, Any] = dict.fromkeys(FIELDS.values(), SAME)
    return replace(adjustments, **none)


def _applied(
    adjustments: Adjustments, act: str, kind: str, identifier: str, documents: Policies
) -> Adjustments:
    field = FIELDS[kind]
    difference: Difference = getattr(adjustments, field)
    if kind == "safe-search" and act != TAKE:
        for each in _engine_of(identifier, documents):
            difference = difference.taking(each) if act == ADD else difference.forgetting(each)
    if act == ADD:
        difference = difference.adding(identifier)
    elif act == TAKE:
        difference = difference.taking(identifier)
    else:
        difference = difference.forgetting(identifier)
    changed: dict[str, Any] = {field: difference}
    return replace(adjustments, **changed)


def _engine_of(identifier: str, documents: Policies) -> list[str]:
    """All entries for the search engine of one: a line has one entry for each engine."""
    engines = {each.id: each.engine for each in documents.safe_search}
    return [each for each in engines if engines[each] == engines.get(identifier)]


def _youtube(level: str, documents: Policies) -> list[Wish]:
    """The wishes that a level of YouTube stands for."""
    if level == "off":
        entries = (each.id for each in documents.safe_search if each.engine == YOUTUBE)
        return [Wish(TAKE, f"safe-search:{each}") for each in entries]
    return [Wish(ADD, f"safe-search:{YOUTUBE}-{level}")] if level else []


class _Known:
    """Reads wishes against the ids that exist, and those that the line has chosen before."""

    def __init__(self, documents: Policies, present: Adjustments) -> None:
        self._ids = {kind: {each.id for each in choosable(documents, kind)} for kind in FIELDS}
        self._engines = {each.id: each.engine for each in documents.safe_search}
        self._present = {
            kind: {*getattr(present, field).added, *getattr(present, field).taken}
            for kind, field in FIELDS.items()
        }
        self._errors: dict[str, None] = {}
        self._lists: dict[str, None] = {}

    def read(self, wishes: Iterable[Wish]) -> list[tuple[str, str, str]]:
        """Act, kind and id of each wish. OperationError with all that is wrong with them."""
        found: dict[tuple[str, str], str] = {}
        for wish in wishes:
            kind, _, identifier = (part.strip() for part in wish.text.partition(":"))
            if not self._exists(wish, kind, identifier):
                continue
            if found.setdefault((kind, identifier), wish.act) != wish.act:
                self._wrong(
                    f"{kind}:{identifier} is asked for twice, as {found[kind, identifier]}, {wish.act}"
                )
        self._require_one_entry_each(found)
        if self._errors:
            raise OperationError("\n".join(self._errors), self._remedy())
        return [(act, kind, identifier) for (kind, identifier), act in found.items()]

    def _exists(self, wish: Wish, kind: str, identifier: str) -> bool:
        if kind not in FIELDS:
            guess = did_you_mean((kind,), FIELDS)
            self._wrong(
                f"no choice: {wish.text[:64]!r}; {guess}write KIND:ID with one of {', '.join(FIELDS)}"
            )
            self._lists |= dict.fromkeys(FIELDS)
            return False
        known = self._ids[kind] | (self._present[kind] if wish.act == AS_PROFILE else set())
        if identifier in known:
            return True
        guess = nearest(identifier, self._ids[kind])
        meant = f" (did you mean {guess}?)" if guess else ""
        self._wrong(f"unknown {kind} {identifier[:64]!r}{meant}")
        self._lists[kind] = None
        return False

    def _require_one_entry_each(self, found: dict[tuple[str, str], str]) -> None:
        by_engine: dict[str, list[str]] = {}
        for (kind, identifier), act in found.items():
            if kind == "safe-search" and act == ADD:
                by_engine.setdefault(self._engines[identifier], []).append(identifier)
        for engine, ids in by_engine.items():
            if len(ids) > 1:
                self._wrong(f"{' and '.join(ids)} are both for {engine}: a line has one of them")

    def _remedy(self) -> str:
        if not self._lists:
            return "say each once"
        alone = f"{LIST} --kind {next(iter(self._lists))}"
        return f"see those that exist with: {alone if len(self._lists) == 1 else LIST}"

    def _wrong(self, message: str) -> None:
        self._errors[message] = None

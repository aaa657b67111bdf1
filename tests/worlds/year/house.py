"""Acts of the provider's house itself: lists, keys, requests of holders, a hold, everyday complaints."""

from __future__ import annotations

from datetime import date, timedelta

from filterd.model.arco import ArcoKind, ArcoOutcome
from filterd.model.review import ReviewKind, ReviewOutcome
from filterd.operations.feeds import acceptance
from filterd.operations.privacy import arco, preservation
from filterd.operations.privacy.preservation import HoldDemand
from filterd.operations.reviews.deciding import DecisionGiven
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating
from filterd.store import holds as hold_rows
from tests.worlds.year import shelf
from tests.worlds.year.clock import moment_of
from tests.worlds.year.diary import Act, Diary, Entry, at, require
from tests.worlds.year.incidents import appeals, complains, decided


def new_list(names: list[str]) -> Act:
    """The authority gives a new version of the adopted list."""

    async def act(diary: Diary) -> None:
        provider = diary.provider
        shelf.put_list(provider.base / "policies", shelf.WORST, names, provider.clock.now)
        await provider.read_lists()
        diary.count("versions of the adopted list")
        diary.tell(f"a new version of the adopted list: {len(names)} names")

    return act


async def grows(diary: Diary) -> None:
    """The list has twenty times its names at once: held until two people have looked."""
    provider = diary.provider
    shelf.put_list(provider.base / "policies", shelf.WORST, shelf.GROWN, provider.clock.now)
    await provider.read_lists()
    async with provider.context.store.read() as connection:
        held = await hold_rows.find(connection, "worst-of")
    require(held is not None, "the list that grew so much was not held back")
    diary.count("lists held back")
    diary.tell(
        f"the adopted list comes with {len(shelf.GROWN)} names at once, and is held back for two people"
    )


async def grown(diary: Diary) -> None:
    """Two people accept it after a call to the authority."""
    for person in ("ana", "beto"):
        await acceptance.accept(diary.by(person), "worst-of", reason="the authority confirms the new version")
    await diary.provider.read_lists()
    diary.count("versions of the adopted list")
    seen = await diary.answers("lista-nueva-1140.example", blocked=True)
    diary.tell(f"ana and beto accept the grown list; {seen}")


def rotates(purpose: Purpose) -> Act:
    """A key has served for long enough."""

    async def act(diary: Diary) -> None:
        made = await rotating.rotate(diary.by("ana"), purpose, reason="a year has passed")
        require(made.in_use, f"the new key for {purpose.value} is not in use")
        diary.count("keys rotated")
        diary.tell(f"a new key for {purpose.value} signs from now on")

    return act


async def asks_for_data(diary: Diary) -> None:
    """A holder asks what is kept."""
    shown = await arco.add(diary.by("carla"), "line-0007", ArcoKind.ACCESS, channel="counter", ticket="T-311")
    diary.folios["data"] = arco.reference(shown.request), ""
    diary.tell(f"a holder asks for their data, due on {shown.request.due}")


async def gets_data(diary: Diary) -> None:
    """The answer, in time."""
    shown = await arco.answer(diary.by("carla"), diary.folios["data"][0], ArcoOutcome.GRANTED)
    diary.tell(f"carla answers with {shown.request.outcome.value}")


async def has_data(diary: Diary) -> None:
    """Carried out."""
    shown = await arco.close(diary.by("carla"), diary.folios["data"][0], reason="the copy was handed over")
    diary.tell(
        f"the copy was handed over, and the request is {'closed' if shown.request.closed_at else 'open'}"
    )


async def is_held(diary: Diary) -> None:
    """A prosecutor demands that what is there stays."""
    demand = HoldDemand(
        authority="fgr",
        official="Agente del Ministerio Público de la Federación",
        document="FED-301/2027",
        ground="CNPP 303",
        reason="delivered by hand",
        days=60,
        classes=("consent", "changes"),
    )
    shown = await preservation.add(diary.by("ana"), demand)
    diary.tell(f"a preservation hold of 60 days, of {' and '.join(shown.hold.classes)}")


async def is_held_no_more(diary: Diary) -> None:
    """It ends by itself."""
    standing = await preservation.standing(diary.provider.context)
    require(standing.count == 0, "the hold is in force after its end")
    diary.tell(
        "the preservation hold has ended by itself; what was past its term is deleted with the next run"
    )


KINDS = (ReviewKind.PARENTAL, ReviewKind.PARENTAL, ReviewKind.UNKNOWN, ReviewKind.SECURITY)
REFUSED = DecisionGiven(ReviewOutcome.REFUSED, "el sitio es de apuestas, y la lista lo dice bien")
MENDED = DecisionGiven(
    ReviewOutcome.UPHELD, "la lista estaba mal: el sitio ya abre", exception_seconds=86_400
)
EVERYDAY = 21
"""complaints of each day's kind"""


def everyday() -> list[Entry]:
    """A complaint each 17 days, so that each half-year has ten; decided some days later, one of them late,
    and one appealed."""
    found = []
    for number in range(EVERYDAY):
        came = date(2027, 1, 5) + timedelta(days=17 * number)
        key, site = f"everyday {number}", f"apuestas-{number + 1:04}.example"
        given, after = (MENDED if number % 3 == 0 else REFUSED), (14 if number == 5 else 2)
        done = came + timedelta(days=after)
        found.append(Entry(moment_of(came, 19, 10), complains(key, site, KINDS[number % 4]), quiet=True))
        found.append(
            Entry(moment_of(done, 11), decided(key, "ana" if number % 2 else "beto", given), quiet=True)
        )
        if number == 7:
            found.append(Entry(moment_of(done, 20), appeals(key), quiet=True))
            later = done + timedelta(days=4)
            found.append(Entry(moment_of(later, 11), decided(key, "carla", MENDED), quiet=True))
    return found


ENTRIES = (
    at(3, 1, 12, 0, asks_for_data, quiet=True),
    at(3, 15, 6, 0, new_list(shelf.numbered("lista-interna", 1, 64))),
    at(3, 19, 12, 0, gets_data, quiet=True),
    at(4, 5, 12, 0, has_data, quiet=True),
    at(6, 14, 6, 0, new_list(shelf.numbered("lista-interna", 5, 62))),
    at(7, 1, 9, 0, rotates(Purpose.CHECKPOINT)),
    at(7, 1, 9, 5, rotates(Purpose.RECEIPT)),
    at(8, 10, 12, 0, is_held, quiet=True),
    at(9, 6, 6, 0, grows),
    at(9, 7, 10, 0, grown),
    at(10, 10, 12, 0, is_held_no_more),
    *everyday(),
)

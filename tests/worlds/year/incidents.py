"""The troubles of the year: a block too wide, control away over an end, a resolver that is down."""

from __future__ import annotations

from datetime import date

from filterd.model.order import OrderState, StepKind
from filterd.model.review import ReviewClaim, ReviewKind, ReviewOutcome
from filterd.model.review_effect import EffectOfReview
from filterd.operations.orders import ending, finding, reviewing, times
from filterd.operations.reviews import asking, deciding, effects
from filterd.operations.reviews.asking import ReviewAsked
from filterd.operations.reviews.deciding import DecisionGiven
from tests.worlds.year import letters
from tests.worlds.year.clock import moment_of, written
from tests.worlds.year.diary import Act, Diary, Entry, at, require

WRONG = letters.Letter("too wide", "MP-0290/2027", letters.IMPI, ("mercado-clon.example", "farmacia.example"))
SEASON_ENDS = moment_of(date(2027, 6, 12), 12)
DOWN = "resolver-3"


def complains(key: str, site: str, kind: ReviewKind) -> Act:
    """Somebody asks on the public page to look at a block again."""

    async def act(diary: Diary) -> None:
        asked = ReviewAsked(site, ReviewClaim.CLOSED, kind)
        folio = await asking.ask(diary.by("web"), asked, diary.random.choice)
        diary.folios[key] = folio.folio, folio.code
        diary.count("complaints")
        diary.tell(f"a complaint on {folio.name} comes in, due on {folio.due_on}")

    return act


def decided(key: str, by: str, given: DecisionGiven) -> Act:
    """A person decides a complaint, or its appeal."""

    async def act(diary: Diary) -> None:
        shown = await deciding.decide(diary.by(by), diary.folios[key][0], given)
        what = "the appeal" if shown.review.appealed_at else "the complaint"
        diary.count("decisions")
        diary.tell(f"{by} decides {what} on {shown.review.name}: {given.outcome.value}")

    return act


def appeals(key: str) -> Act:
    """Who complained asks for another look."""

    async def act(diary: Diary) -> None:
        seen = await asking.appeal(diary.by("web"), *diary.folios[key])
        diary.count("appeals")
        diary.tell(f"the decision on {seen.name} is appealed, due on {seen.due_on}")

    return act


async def lifts_alone(diary: Diary) -> None:
    """Carla, on call at three in the morning, ends the order by herself."""
    reference = diary.orders["too wide"]
    await ending.withdraw(
        diary.by("carla"), reference, reason="a pharmacy is blocked with it", emergency=True
    )
    await diary.provider.move_to(diary.provider.clock.now + 2)
    diary.count("emergency ends")
    diary.count("orders withdrawn")
    seen = await diary.answers("farmacia.example", blocked=False)
    diary.tell(f"carla ends {reference} alone, as an emergency; {seen}")


async def looks_again(diary: Diary) -> None:
    """Another person looks at it the next day."""
    order = await reviewing.review(
        diary.by("beto"), diary.orders["too wide"], reason="right: the letter names the clone alone"
    )
    diary.tell(f"beto has looked at the emergency end of {order.reference}")


async def control_goes(diary: Diary) -> None:
    """Control is away from now on."""
    await diary.provider.control_goes()
    diary.tell("control is away (the machine's disk is replaced)")


async def ends_alone(diary: Diary) -> None:
    """The term of an order is over while control is away: the resolvers end it by themselves."""
    provider, reference = diary.provider, diary.orders["season"]
    require(provider.control is None, "control is not away")
    seen = await diary.answers("liga-gratis.example", blocked=False)
    async with provider.context.store.read() as connection:
        order = await finding.require(connection, reference)
    require(order.last(StepKind.EXPIRED) is None, "somebody noted the end while control was away")
    diary.tell(f"the term of {reference} is over, and control away: {seen}; the store has no word of it yet")


async def control_comes(diary: Diary) -> None:
    """Control is back, and learns what happened."""
    await diary.provider.control_comes()
    reference = diary.orders["season"]
    async with diary.provider.context.store.read() as connection:
        order = await finding.require(connection, reference)
    step = order.last(StepKind.EXPIRED)
    require(order.state is OrderState.EXPIRED and step is not None, f"{reference} is {order.state.value}")
    shown = await times.show(diary.provider.context, reference)
    lifting = shown.lifting
    require(lifting is not None and lifting.all_nodes_at > 0, f"nobody knows when {reference} ended")
    assert step is not None and lifting is not None
    require(step.at == SEASON_ENDS, "the end was noted for another moment")
    diary.count("orders expired")
    diary.tell(
        f"control is back, and notes that {reference} ended at {written(step.at)}, everywhere at"
        f" {written(lifting.all_nodes_at)}"
    )


async def goes_down(diary: Diary) -> None:
    """A resolver's machine fails."""
    await diary.provider.resolvers[DOWN].stop()
    await diary.provider.move_to(diary.provider.clock.now + 90)
    diary.tell(f"{DOWN} is down (its power supply)")


async def enforced_elsewhere(diary: Diary) -> None:
    """The order of these days is on the other resolvers alone."""
    reference = diary.orders["during the outage"]
    shown = await times.show(diary.provider.context, reference)
    assert shown.enforcement is not None
    lacking = [each.node for each in shown.enforcement.lacking]
    require(lacking == [DOWN], f"{reference} waits for {lacking}")
    diary.tell(f"{reference} is in force on two of three resolvers, and waits for {DOWN}")


async def comes_up(diary: Diary) -> None:
    """It is back, and has the order before it answers."""
    await diary.provider.resolvers[DOWN].start()
    await diary.provider.settle()
    reference = diary.orders["during the outage"]
    shown = await times.show(diary.provider.context, reference)
    require(
        shown.enforcement is not None and shown.enforcement.all_nodes_at > 0, f"{reference} is not everywhere"
    )
    seen = await diary.answers("vpn-sin-impuestos.example", blocked=True)
    diary.tell(f"{DOWN} is up again after two days; {seen}")


async def noted(diary: Diary) -> None:
    """What followed from the complaint is noted, and control measures when every resolver had it."""
    folio, reference = diary.folios["pharmacy"][0], diary.orders["too wide"]
    noted = await effects.record(diary.by("beto"), folio, EffectOfReview.ORDER, reference=reference)
    control = diary.provider.control
    require(control is not None, "control is away")
    assert control is not None
    await control.measure()
    (effect,) = await effects.of_review(diary.provider.context, noted.review)
    require(effect.effective_at > 0, f"nobody knows when the end of {reference} was everywhere")
    when = written(effect.effective_at)
    diary.tell(f"what followed is noted: {reference} was lifted on every resolver at {when}")


FORWARDED = DecisionGiven(
    ReviewOutcome.FORWARDED, "el IMPI ordenó el bloqueo; le pedimos que lo precise", authority="impi"
)
UPHELD = DecisionGiven(ReviewOutcome.UPHELD, "el IMPI precisó su orden: el sitio está abierto para todos")
OVERBLOCKING: tuple[Entry, ...] = (
    at(4, 20, 10, 0, letters.comes(WRONG)),
    at(4, 20, 10, 30, letters.approved("too wide", name="farmacia.example")),
    at(4, 24, 2, 31, complains("pharmacy", "https://farmacia.example/recetas", ReviewKind.MANDATORY)),
    at(4, 24, 3, 0, lifts_alone),
    at(4, 25, 10, 0, looks_again),
    at(4, 26, 12, 0, decided("pharmacy", "ana", FORWARDED)),
    at(4, 27, 9, 0, letters.comes(letters.TRADEMARK)),
    at(4, 27, 9, 30, letters.approved("trademark", name="clon-de-marca.example")),
    at(4, 28, 18, 0, appeals("pharmacy")),
    at(4, 30, 12, 0, decided("pharmacy", "beto", UPHELD)),
    at(4, 30, 12, 10, noted, quiet=True),
    at(10, 20, 12, 0, letters.confirmed("trademark")),
)
OUTAGE: tuple[Entry, ...] = (
    at(5, 10, 10, 0, letters.comes(letters.SEASON, not_after=SEASON_ENDS)),
    at(5, 10, 10, 30, letters.approved("season", name="liga-gratis.example")),
    at(6, 12, 8, 0, control_goes),
    at(6, 12, 12, 0, ends_alone),
    at(6, 12, 16, 0, control_comes),
)
NODE_DOWN: tuple[Entry, ...] = (
    at(10, 18, 9, 0, goes_down),
    at(10, 19, 10, 0, letters.comes(letters.DURING)),
    at(10, 19, 10, 30, letters.approved("during the outage")),
    at(10, 19, 11, 0, enforced_elsewhere),
    at(10, 20, 9, 0, comes_up),
    at(10, 22, 12, 0, letters.reported("during the outage", "SAT-AC-5")),
)
ENTRIES = (*OVERBLOCKING, *OUTAGE, *NODE_DOWN)

"""An installation with something to report: orders, a node, lists, complaints, subscribers. Planted words
that no report may have stand in :data:`PLANTED`."""

from __future__ import annotations

from dataclasses import replace

from filterd.model.order_times import OrderArrival
from filterd.model.records import FeedInForce, NodeReport
from filterd.model.review import Review, ReviewClaim, ReviewDecision, ReviewKind, ReviewOutcome
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import nodes, subscribers
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.orders import ending, reviewing, taking
from filterd.operations.orders.arriving import ArrivalBook
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.privacy import retention
from filterd.operations.reports import take_up
from filterd.operations.trail import statements
from filterd.operations.trail.node_evidence import NodeEvidence
from filterd.store import change_log
from filterd.store import reviews as review_rows
from tests.worlds.installation import NOW, Installation, as_person

DAY = 86_400.0
BEGINS, ENDS = NOW - 40 * DAY, NOW + 40 * DAY
PLANTED = ("SUSCRIPTOR-77", "Nombre Plantado", "plantado", "198.51.100.77", "T-PLANTADO")
LINES = 12


def request(number: int, **values: object) -> OrderRequest:
    """An order of a court on a name of its own."""
    made = OrderRequest(
        authority="court",
        official="Nombre Plantado",
        document=f"JD/{number}",
        ground="penal",
        law="Código Penal",
        entries=((f"plantado{number}.example", Scope.EXACT),),
        received_at=int(NOW) - 1_000,
        reason="notified",
    )
    return replace(made, **values)  # type: ignore[arg-type]  # fields by name


WORST = FeedInForce("worst", "mandatory", "1", "f" * 64, 1, NOW - 50 * DAY)


class ReportedNode:
    """The node ``resolver-1``, which tells what it has."""

    def __init__(self, context: Context, now: float) -> None:
        self.context, self.book, self.evidence = context, ArrivalBook(), NodeEvidence(now)

    async def tell(
        self,
        at: float,
        *orders: OrderArrival,
        ready: bool = True,
        feeds: tuple[FeedInForce, ...] = (WORST,),
        began_at: float = NOW - 50 * DAY,
    ) -> None:
        """Report at a moment."""
        async with self.context.store.read() as connection:
            revision = await change_log.revision(connection)
            here = await change_log.hash_at(connection, revision) or ""
        told = NodeReport(
            *("resolver-1", at, revision, 0, "d" * 64),
            ready=ready,
            lists={},
            mandatory_hash=here,
            effective_digest="e" * 64,
            began_at=began_at,
            feeds=feeds,
            orders=orders,
            sent_at=at,
        )
        await nodes.record(self.context, told)
        await self.book.take(self.context, told)
        await self.evidence.take(self.context, told)


async def fill(context: Context, installation: Installation) -> None:
    """Six orders of a court, one of them ended at once by one person; one confidential; one of the tax
    office; a node that has them after two seconds, and was unready for a day."""
    node = ReportedNode(context, installation.now)
    await node.tell(NOW - 45 * DAY)
    await updating.update(context)
    await _subscribers(context)
    await statements.make(context)
    for number in range(1, 7):
        await taking.add(context, request(number))
    await taking.add(context, request(7, confidential=True))
    await taking.add(context, request(8, authority="sat", ground="liva-18h"))
    arrived = [OrderArrival(f"O-{each}", 10_000, True, NOW + 2) for each in range(1, 8)]
    await node.tell(NOW + 3, *arrived)
    installation.now = NOW + DAY
    await ending.withdraw(context, "O-1", reason="over-blocking", emergency=True)
    await reviewing.review(as_person(context, "beto"), "O-1", reason="rightly so")
    lifted = OrderArrival("O-1", 20_000, False, NOW + DAY + 5)
    installation.now = NOW + DAY + 6
    await node.tell(NOW + DAY + 6, *arrived[1:], lifted, ready=False)
    installation.now = NOW + 2 * DAY + 6
    await node.tell(NOW + 2 * DAY + 6, *arrived[1:], lifted)
    await _complaints(context)
    await take_up.fill(context)
    await statements.make(context)
    await retention.run(context)
    installation.now = NOW + 3 * DAY


async def _subscribers(context: Context) -> None:
    for number in range(LINES):
        name = f"{PLANTED[0]}-{number}"
        await subscribers.add(context, name)
        evidence = RequestEvidence(PLANTED[1], "phone", NOW - 10, "1", f"{PLANTED[4]}-{number}")
        await subscribers.opt_in(context, name, "child" if number < LINES - 2 else "teen", evidence)


async def _complaints(context: Context) -> None:
    decided = ReviewDecision(ReviewOutcome.UPHELD, "plantado", at=NOW + DAY, by="ana")
    async with context.store.report() as connection:
        for number in range(12):
            review = Review(
                *(0, f"plantado{number}.example", ReviewClaim.CLOSED, ReviewKind.PARENTAL, NOW, "2027-01-22"),
                decision=decided,
                closed_at=NOW + DAY,
            )
            await review_rows.add(connection, review)

"""The authorities' letters of the year, and what the provider's people do about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from filterd.model.rule import Scope
from filterd.operations.orders import confirming, due, ending, lifting, outside, suspending, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.receipts import issuing
from tests.worlds.year.clock import moment_of
from tests.worlds.year.diary import Act, Diary, Entry, at

SAT = OrderRequest(
    "sat",
    "Administración General de Recaudación",
    "",
    "liva-18h",
    "notified by the mailbox of the tax office",
    (),
)
IMPI = OrderRequest(
    "impi",
    "Dirección Divisional de Protección a la Propiedad Intelectual",
    "",
    "lfppi-344",
    "notified by hand",
    (),
)
JUDGE = OrderRequest(
    "judge", "Juzgado Primero de Distrito", "", "lmtr-182", "notified by hand", (), law="LFPPI 344-VII, 345"
)
PROVISIONAL = replace(JUDGE, official="Juzgado de Control", ground="lgamvlv-20", law="")
CONFIDENTIAL = OrderRequest(
    "fgr",
    "Agente del Ministerio Público de la Federación",
    "",
    "lmtr-182",
    "delivered in a closed envelope",
    (),
    law="CPF 202",
    confidential=True,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that demands a block. ``key``: the script's name for it."""

    key: str
    document: str
    like: OrderRequest
    names: tuple[str, ...]

    @property
    def request(self) -> OrderRequest:
        """The order as it is typed in."""
        entries = tuple((name, Scope.SUBTREE) for name in self.names)
        return replace(self.like, document=self.document, entries=entries)


def comes(letter: Letter, *, not_after: float = 0.0, enforce_by: float = 0.0) -> Act:
    """The letter comes in, and ana types it in."""

    async def act(diary: Diary) -> None:
        now = int(diary.provider.clock.now)
        request = replace(
            letter.request, received_at=now, not_after=int(not_after), enforce_by=int(enforce_by)
        )
        order = await taking.add(diary.by("ana"), request)
        diary.orders[letter.key] = order.reference
        diary.count("orders received")
        shown = "confidential" if letter.like.confidential else ", ".join(letter.names)
        diary.tell(f"{letter.like.authority} {letter.document} comes in as {order.reference} ({shown})")

    return act


def approved(key: str, by: str = "beto", name: str = "") -> Act:
    """A second person approves. ``name``: is asked for over DNS afterwards."""

    async def act(diary: Diary) -> None:
        order = await taking.approve(diary.by(by), diary.orders[key])
        await diary.provider.move_to(diary.provider.clock.now + 2)
        diary.count("orders enforced")
        seen = f"; {await diary.answers(name, blocked=True)}" if name else ""
        diary.tell(f"{by} approves {order.reference}, which is in force{seen}")

    return act


def reported(key: str, report: str) -> Act:
    """The authority is told that it was carried out, with a receipt."""

    async def act(diary: Diary) -> None:
        receipt = await issuing.issue(diary.by("ana"), diary.orders[key])
        order = await due.reported(diary.by("ana"), diary.orders[key], report=report, digest=receipt.digest)
        diary.count("orders reported")
        diary.tell(f"ana reports {order.reference} to {order.demand.authority} with a signed receipt")

    return act


def lifted(key: str, document: str, name: str) -> Act:
    """The authority demands the unblock."""

    async def act(diary: Diary) -> None:
        reference = diary.orders[key]
        received = diary.provider.clock.now - 3_600
        await lifting.lift(
            diary.by("beto"), reference, document=document, received_at=received, reason="the authority asks"
        )
        await diary.provider.move_to(diary.provider.clock.now + 2)
        diary.count("orders lifted")
        diary.tell(f"beto lifts {reference} by {document}; {await diary.answers(name, blocked=False)}")

    return act


def withdrawn(key: str, why: str) -> Act:
    """The provider ends it by itself."""

    async def act(diary: Diary) -> None:
        order = await ending.withdraw(diary.by("ana"), diary.orders[key], reason=why)
        diary.count("orders withdrawn")
        diary.tell(f"ana withdraws {order.reference}: {why}")

    return act


def suspended(key: str, document: str, until: date, name: str) -> Act:
    """The authority asks for a suspension; nodes resume by themselves."""

    async def act(diary: Diary) -> None:
        reference = diary.orders[key]
        await suspending.suspend(
            diary.by("ana"),
            reference,
            until=int(moment_of(until)),
            document=document,
            reason="the court grants a suspension",
        )
        await diary.provider.move_to(diary.provider.clock.now + 2)
        diary.count("orders suspended")
        seen = await diary.answers(name, blocked=False)
        diary.tell(f"ana suspends {reference} by {document} until {until}; {seen}")

    return act


def resumed(key: str, name: str) -> Act:
    """The suspension has ended by itself."""

    async def act(diary: Diary) -> None:
        diary.tell(
            f"{diary.orders[key]} is in force again by itself; {await diary.answers(name, blocked=True)}"
        )

    return act


def confirmed(key: str, document: str = "") -> Act:
    """The authority confirms a provisional order, or somebody looked and it is needed."""

    async def act(diary: Diary) -> None:
        why = "the hearing confirmed it" if document else "looked at again: the measure stands"
        order = await confirming.confirm(diary.by("beto"), diary.orders[key], document=document, reason=why)
        diary.count("orders confirmed")
        diary.tell(f"beto notes on {order.reference}: {why}")

    return act


def executed(key: str) -> Act:
    """Our own customer's site: taken down at the source."""

    async def act(diary: Diary) -> None:
        order = await outside.execute(
            diary.by("beto"),
            diary.orders[key],
            evidence="the site was taken down on our own server, ticket 8841",
        )
        diary.count("orders outside DNS")
        diary.tell(f"{order.reference} is carried out at the source: its names leave the resolvers")

    return act


FIRST_TAX = Letter("first tax", "500-05-2027-0117", SAT, ("servicio-digital.example",))
LATE_REPORT = Letter("late report", "500-05-2027-0631", SAT, ("suscripcion-extranjera.example",))
LATE_ORDER = Letter("late order", "500-05-2027-1204", SAT, ("tienda-sin-registro.example",))
FOURTH_TAX = Letter("fourth tax", "500-05-2027-2950", SAT, ("juegos-en-linea.example", "cargos.example"))
MUSIC = Letter("music", "MP-0042/2027", IMPI, ("musica-pirata.example", "discos.example", "mp3.example"))
TRADEMARK = Letter("trademark", "MP-0311/2027", IMPI, ("clon-de-marca.example",))
SEASON = Letter("season", "MP-0388/2027", IMPI, ("liga-gratis.example",))
COURT = Letter("court", "JD1-155/2027", JUDGE, ("libros-copiados.example",))
IMAGES = Letter("images", "JC-77/2027", PROVISIONAL, ("imagenes-robadas.example",))
HIDDEN = Letter("hidden", "FED-SDHPDSC-12/2027", CONFIDENTIAL, ("oculto-uno.example", "oculto-dos.example"))
MISTYPED = Letter("mistyped", "MP-0043/2027", IMPI, ("musica-pirota.example",))
OWN_SITE = Letter("own site", "MP-0702/2027", IMPI, ("cliente-nuestro.example",))
DURING = Letter("during the outage", "500-05-2027-4410", SAT, ("vpn-sin-impuestos.example",))

TAX: tuple[Entry, ...] = (
    at(1, 11, 10, 15, comes(FIRST_TAX)),
    at(1, 11, 11, 10, approved("first tax", name="servicio-digital.example")),
    at(1, 14, 12, 0, reported("first tax", "SAT-AC-1")),
    at(2, 8, 9, 40, comes(LATE_REPORT)),
    at(2, 8, 10, 5, approved("late report")),
    at(2, 17, 13, 0, reported("late report", "SAT-AC-2")),
    at(3, 8, 16, 30, comes(LATE_ORDER)),
    at(3, 18, 9, 0, approved("late order", name="tienda-sin-registro.example")),
    at(3, 22, 12, 0, reported("late order", "SAT-AC-3")),
    at(4, 13, 10, 0, lifted("first tax", "500-05-2027-1900", "servicio-digital.example")),
    at(7, 5, 10, 0, comes(FOURTH_TAX)),
    at(7, 5, 10, 30, approved("fourth tax")),
    at(7, 9, 12, 0, reported("fourth tax", "SAT-AC-4")),
    at(9, 14, 11, 30, confirmed("late order")),
    at(8, 6, 11, 30, confirmed("late report")),
    at(12, 29, 11, 30, confirmed("fourth tax")),
)
PROPERTY: tuple[Entry, ...] = (
    at(1, 19, 12, 0, comes(MUSIC, enforce_by=moment_of(date(2027, 1, 26), 23, 59))),
    at(1, 20, 9, 0, approved("music", name="discos.example")),
    at(2, 2, 10, 0, comes(MISTYPED)),
    at(2, 2, 10, 20, withdrawn("mistyped", "typed in with a wrong name; MP-0042/2027 has the right one")),
    at(7, 15, 10, 0, confirmed("music")),
    at(10, 4, 10, 0, lifted("music", "MP-0042/2027-L", "discos.example")),
    at(10, 11, 10, 0, comes(OWN_SITE)),
    at(10, 11, 10, 30, approved("own site")),
    at(10, 11, 15, 0, executed("own site")),
)
COURTS: tuple[Entry, ...] = (
    at(8, 3, 13, 0, comes(IMAGES)),
    at(8, 3, 13, 20, approved("images", name="imagenes-robadas.example")),
    at(8, 6, 12, 0, confirmed("images", "JC-77/2027-C")),
    at(8, 24, 10, 0, comes(COURT)),
    at(8, 24, 11, 0, approved("court")),
    at(9, 9, 12, 0, suspended("court", "JA-88/2027", date(2027, 9, 20), "libros-copiados.example")),
    at(9, 20, 0, 0, resumed("court", "libros-copiados.example")),
    at(11, 8, 18, 0, comes(HIDDEN)),
    at(11, 8, 18, 40, approved("hidden", name="oculto-dos.example")),
)
ENTRIES = (*TAX, *PROPERTY, *COURTS)

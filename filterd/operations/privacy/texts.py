"""The notice of a breach, in Spanish for holders."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

from filterd.operations.consent_report import LEAST
from filterd.operations.plain_values import moment
from filterd.operations.privacy.breach import BreachReport, ExposedLine

TO_FILL = "[POR COMPLETAR]"
"""stands where only the provider knows what to say"""
FEW = f"menos de {LEAST}"
_PLACES = {
    "store": "acceso a la base de datos del servicio",
    "backup": "acceso a un respaldo de la base de datos del servicio",
    "node": "acceso a un servidor de nombres, que no guarda nombres ni claves de clientes",
    "token": "uso indebido de una clave de acceso de nuestros sistemas",
}
_DATA: tuple[tuple[str, Callable[[ExposedLine], object]], ...] = (
    ("la clave de su línea", lambda each: each.id_exposed),
    ("el perfil de filtrado elegido", lambda each: each.opted_in),
    ("sus diferencias con el perfil y su horario", lambda each: each.differences),
    (
        "los nombres de sitios que usted bloqueó o permitió",
        lambda each: each.own_names or each.own_names_seen,
    ),
    ("la constancia de sus solicitudes, con el nombre de quien las hizo", lambda each: each.requests),
    ("las direcciones asignadas a su línea", lambda each: each.bindings or each.sessions_seen),
    ("los nombres de las personas que usted autorizó", lambda each: each.authorised),
    ("los avisos que le enviamos sobre los cambios de su línea", lambda each: each.notices),
)


def breach_notice(found: BreachReport, line: ExposedLine | None = None, *, told: bool = True) -> str:
    """The notice to holders; for one of them where a line is given, else with the data of any line. ``told``:
    the number of lines may be told."""
    concerned = found.lines if line is None else (line,)
    data = [words for words, has in _DATA if any(has(each) for each in concerned)]
    return (
        resources.files(__package__)
        .joinpath("breach.es.txt")
        .read_text(encoding="utf-8")
        .format(
            nature=_PLACES[found.what.partition(":")[0]],
            since=moment(found.since) or TO_FILL,
            lines=len(found.lines) if told else FEW,
            data="; ".join(data) or "ninguno",
            measures=TO_FILL,
            contact=TO_FILL,
        )
    )

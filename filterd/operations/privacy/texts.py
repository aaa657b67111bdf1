"""Texts in Spanish for holders: all that is held of a line, and the notice of a breach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

from filterd.operations.plain_values import moment
from filterd.operations.privacy.breach import BreachReport, ExposedLine

TO_FILL = "[POR COMPLETAR]"
"""stands where only the provider knows what to say"""
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
    ("las direcciones asignadas a su línea", lambda each: each.bindings),
    ("los nombres de las personas que usted autorizó", lambda each: each.authorised),
    ("los avisos que le enviamos sobre los cambios de su línea", lambda each: each.notices),
)


def breach_notice(found: BreachReport, line: ExposedLine | None = None) -> str:
    """The notice to holders; for one of them where a line is given, else with the data of any line."""
    concerned = found.lines if line is None else (line,)
    data = [words for words, has in _DATA if any(has(each) for each in concerned)]
    return (
        resources.files(__package__)
        .joinpath("breach.es.txt")
        .read_text(encoding="utf-8")
        .format(
            nature=_PLACES[found.what.partition(":")[0]],
            since=moment(found.since) or TO_FILL,
            lines=len(found.lines),
            data="; ".join(data) or "ninguno",
            measures=TO_FILL,
            contact=TO_FILL,
        )
    )


def export_text(held: dict[str, Any]) -> str:
    """The export of a line (:func:`filterd.operations.erasure.export`) as a text that a holder can read."""
    return "\n".join(_export_lines(held)) + "\n"


def _export_lines(held: dict[str, Any]) -> Iterator[str]:
    yield f"Datos que se guardan de la línea {held['id']}"
    yield ""
    yield f"Registrada: {moment(held['added_at'])}. Zona horaria: {held['zone']}."
    yield f"Servicio de filtrado: {'activado' if held['opted_in'] else 'no activado'}."
    yield f"Perfil: {held['profile'] or 'ninguno'}. Pausa hasta: {moment(held['paused_until']) or 'no'}."
    yield f"Bloqueo de seguridad del proveedor: {'rechazado' if held['security_left'] else 'aceptado'}."
    yield f"Direcciones e identidades asignadas: {', '.join(held['bindings']) or 'ninguna'}."
    yield f"Diferencias con el perfil y horario: {held['adjustments'] or 'ninguno'}."
    yield from _list(
        "Nombres propios",
        (
            f"{own['name']} ({'permitido' if own['action'] == 'allow' else 'bloqueado'})"
            for own in held["own_names"]
        ),
    )
    yield from _list(
        "Solicitudes y consentimiento",
        (
            f"{moment(each['at'])}: {each['kind']}, pidió {each['who']} por {each['channel']},"
            f" texto {each['text_version'] or '-'}, referencia {each['reference']}"
            for each in held["requests"]
        ),
    )
    yield from _list(
        "Solicitudes ARCO",
        (f"R-{each['number']}: {each['kind']}, recibida {each['received_on']}" for each in held["arco"]),
    )
    yield from _list(
        "Actos registrados", (f"{moment(each['at'])}: {each['action']}" for each in held["history"])
    )
    yield ""
    yield "No se guarda ninguna consulta de navegación."


def _list(title: str, items: Iterator[str]) -> Iterator[str]:
    yield ""
    found = list(items)
    yield f"{title}: {len(found)}"
    yield from (f"  {each}" for each in found)

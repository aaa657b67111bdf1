"""All that is held of a line as a text in Spanish for its holder (LFPDPPP 21), from its export.

Times are on the line's clock. The words of kinds and actions stand in ``copy.es.toml``; one that is not there
is named as it is stored, never left out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any

from filterd.model.adjustments import KINDS
from filterd.operations import erasure
from filterd.operations.context import Context
from filterd.operations.notices.texts import MONTHS, Wording, clock_of

_ASKED = ("opt_in", "opt_out", "set_profile", "pause", "resume", "allow", "deny")
"""kinds of requests that somebody asked for; the others are events of the contract"""
_PARTS = {
    "text_digest": "huella del texto ",
    "authorisation": "con la autorización A-",
    "shared": "parte de la constancia común E-",
    "source": "del archivo ",
}
_EVERYTHING = "todo Internet, menos lo protegido y"


async def copy_of(context: Context, subscriber: str) -> tuple[dict[str, Any], str]:
    """The export of a line (:func:`filterd.operations.erasure.export`), and the same as a text."""
    held = await erasure.export(context, subscriber)
    return held, "\n".join(_Copy(held, Wording(context)).lines()) + "\n"


@cache
def words() -> dict[str, dict[str, str]]:
    """The words by table, and by what the store has."""
    text = resources.files(__package__).joinpath("copy.es.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _word(table: str, stored: str) -> str:
    return words()[table].get(stored, stored)


class _Copy:
    """One line's copy."""

    def __init__(self, held: dict[str, Any], wording: Wording) -> None:
        self._held = held
        self._wording = wording
        self._clock = clock_of(held["zone"])

    def lines(self) -> Iterator[str]:
        held = self._held
        yield f"Datos que se guardan de la línea {held['id']}"
        yield ""
        yield f"Las horas de este texto son las de su línea ({held['zone']})."
        yield f"La línea se registró el {self._moment(held['added_at'])}, con el número {held['line']}."
        yield from self._choices()
        yield from _list("Direcciones e identidades asignadas a la línea", held["bindings"])
        yield from _list("Nombres propios", map(self._own_name, held["own_names"]))
        yield from _list("Solicitudes y consentimiento", map(self._request, held["requests"]))
        yield from _list("Personas que usted autorizó", map(self._authorised, held["authorisations"]))
        yield from _list("Solicitudes ARCO", map(self._right, held["arco"]))
        yield from _list("Avisos que se le enviaron", map(self._notice, held["notices"]))
        yield from _list("Actos registrados", map(self._act, held["history"]))
        yield ""
        yield "No se guarda ninguna consulta de navegación."

    def _choices(self) -> Iterator[str]:
        held = self._held
        profile = f", con el perfil «{self._title('profiles', held['profile'])}»" if held["profile"] else ""
        yield f"El filtro está {'encendido' if held['opted_in'] else 'apagado'}{profile}."
        if held["paused_until"]:
            yield f"Se puso en pausa hasta el {self._moment(held['paused_until'])}."
        security = "está quitada" if held["security_left"] else "está puesta"
        yield f"La protección del proveedor contra virus y fraudes {security}."
        if not held["adjustments"]:
            yield "La línea no cambia nada de su perfil y no tiene horario propio."
            return
        yield from _list("Lo que la línea cambia de su perfil", self._differences(held["adjustments"]))
        yield from self._hours(held["adjustments"])

    def _differences(self, adjustments: dict[str, Any]) -> Iterator[str]:
        for kind in KINDS:
            for way, begin in (("added", "se cierra además"), ("taken", "se deja abierto")):
                if ids := adjustments[kind][way]:
                    yield f"{_word('kinds', kind)}: {begin}: {self._titles(kind, ids)}."

    def _hours(self, adjustments: dict[str, Any]) -> Iterator[str]:
        plan = adjustments["plan"]
        if plan is None:
            yield "La línea tiene el horario de su perfil."
        else:
            yield from _list("Horario propio", map(self._slot, plan))
        if days := adjustments["holidays"]:
            yield f"Días sin horario: {', '.join(map(_day, days))}."
        if once := adjustments["once"]:
            yield from _list("Cierres por una vez", map(self._once, once))

    def _slot(self, slot: dict[str, Any]) -> str:
        days = ", ".join(_word("days", day) for day in slot["days"])
        return f"{days}, de {slot['from']} a {slot['until']}: se cierra {self._closed(slot)}."

    def _once(self, slot: dict[str, Any]) -> str:
        begin, end = self._moment(slot["begins_at"]), self._moment(slot["ends_at"])
        return f"del {begin} al {end}: se cierra {self._closed(slot)}."

    def _closed(self, slot: dict[str, Any]) -> str:
        block = slot["block"]
        if isinstance(block, dict):
            return ", ".join(self._title(kind, each) for kind, ids in block.items() for each in ids) or "nada"
        if "leaves" not in slot:
            return f"{_EVERYTHING} lo que siempre queda abierto"
        return f"{_EVERYTHING}: {self._titles('groups', slot['leaves']) or 'nada más'}"

    def _own_name(self, own: dict[str, Any]) -> str:
        action = "permitido" if own["action"] == "allow" else "bloqueado"
        scope = "solo ese nombre" if own["scope"] == "exact" else "con todo lo que está debajo"
        until = f", hasta el {self._moment(own['until'])}" if own["until"] else ""
        return f"{own['name']}: {action}, {scope}{until}."

    def _request(self, each: dict[str, Any]) -> str:
        parts = [f"{self._moment(each['at'])}: {_word('requests', each['kind'])}"]
        if each["kind"] in _ASKED:
            role, channel = _word("roles", each["role"]), _word("channels", each["channel"] or "-")
            parts.append(f"lo pidió {each['who']} ({role}) por {channel}")
            parts.append(f"texto que se mostró: {each['text_version'] or 'ninguno'}")
        else:
            parts.append(f"lo anotó {each['who']}, por {_word('channels', each['channel'])}")
        parts.append(f"referencia {each['reference'] or '-'}")
        for key, begin in _PARTS.items():
            if each[key]:
                parts.append(f"{begin}{each[key]}")
        if each["recorded_by"]:
            parts.append(f"lo registró {each['recorded_by']} el {self._moment(each['recorded_at'])}")
        return "; ".join(parts) + "."

    def _authorised(self, each: dict[str, Any]) -> str:
        channel = _word("channels", each["channel"])
        text = (
            f"A-{each['number']}: {each['person']}, a quien usted autorizó por {channel}"
            f" (referencia {each['reference']}); lo registró {each['made_by']}"
            f" el {self._moment(each['made_at'])}; vale hasta el {self._moment(each['expires_at'])}"
        )
        if each["failures"]:
            text += f"; claves equivocadas seguidas: {each['failures']}"
        if each["revoked_at"]:
            text += f"; la retiró {each['revoked_by']} el {self._moment(each['revoked_at'])}"
        return text + "."

    def _right(self, each: dict[str, Any]) -> str:
        parts = [
            f"R-{each['number']}: {_word('rights', each['kind'])}, recibida el {_day(each['received_on'])}"
            f" por {_word('channels', each['channel'])}, folio {each['reference']}",
            f"se responde a más tardar el {_day(each['answer_by'])}",
        ]
        if each["answered_at"]:
            outcome = _word("outcomes", each["outcome"])
            parts.append(f"se respondió el {self._moment(each['answered_at'])}: {outcome}")
        if each["carry_out_by"]:
            parts.append(f"se cumple a más tardar el {_day(each['carry_out_by'])}")
        if each["extended"]:
            parts.append("el plazo que corre se amplió")
        if each["closed_at"]:
            parts.append(f"se cerró el {self._moment(each['closed_at'])}")
        return "; ".join(parts) + "."

    def _notice(self, each: dict[str, Any]) -> str:
        what, state = _word("notices", each["kind"]), _word("notice_states", each["state"])
        return f"{self._moment(each['at'])}: {what} ({state}; número del aviso: {each['id']})."

    def _act(self, each: dict[str, Any]) -> str:
        return f"{self._moment(each['at'])}: {_word('acts', each['action'])}. Lo registró {each['actor']}."

    def _title(self, kind: str, identifier: str) -> str:
        return self._wording.title(kind, identifier).es

    def _titles(self, kind: str, ids: Iterable[str]) -> str:
        return ", ".join(self._title(kind, each) for each in ids)

    def _moment(self, seconds: float) -> str:
        at = datetime.fromtimestamp(seconds, self._clock)
        return f"{_spanish(at)}, {at:%H:%M}"


def _day(iso: str) -> str:
    return _spanish(date.fromisoformat(iso))


def _spanish(day: date) -> str:
    return f"{day.day} de {MONTHS[day.month - 1]} de {day.year}"


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    found = list(items)
    yield ""
    yield f"{title}: {len(found) or 'no hay'}"
    yield from (f"  {each}" for each in found)

"""docs/es/abierto-de-noche.md: what stays open while a night closes everything, as subscribers read it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from filterd.model.rule import NameRule, Scope
from filterd.policy.documents import Policies
from tests.meta.generated_policies import table
from tests.worlds.markdown import wrapped

POLICIES = Path(__file__).parents[2] / "policies"

HEAD = """\
# Qué sigue abierto de noche

{note}

{profiles} cierra todo Internet en su horario, para toda la casa. Sigue abierto lo de esta página y
nada más: otros bancos, hospitales, aparatos médicos, escuelas, noticias y sitios de salud se
cierran. Antes de activarlo, busca aquí los tuyos. Si falta uno, dilo a tu proveedor: puede agregarlo.
Que un sitio esté en la lista no basta siempre para su aplicación; prueba una noche que abre y que
sus alarmas llegan.

Una dirección abre también lo que está debajo de ella (`bbva.mx` abre `www.bbva.mx`). Las marcadas con
\\* se abren solas.

"""

PROTECTED = """
## Protegidos

A estos, y a la página de tu proveedor, no los cierra ningún filtro ni horario, ni una persona de la casa:

"""

DEVICES = """
Además siguen las llamadas por Wi-Fi, la hora y la comprobación de que hay Internet: \
"""

GROUPS = """\
## Por tema

Messenger no funciona con este filtro a ninguna hora, aunque esté en la lista: su aplicación necesita
direcciones de Facebook, que se cierran con las redes sociales.

"""


def page(note: str) -> str:
    """The page; ``note`` says how it is made."""
    from filterd.config.policies import load_policies

    shipped = load_policies(POLICIES)
    rows = [(group.title.es, names(group.names)) for group in shipped.protected.groups]
    text = HEAD.replace("{note}", note.strip()).replace("{profiles}", _profiles(shipped))
    text += GROUPS + table(("Tema", "Direcciones"), rows)
    # The operator's own page is a name for examples until it is replaced.
    protected = [rule for rule in shipped.protected.names if not rule.name.endswith(".example")]
    text += PROTECTED + names(protected) + ".\n"
    return wrapped(text + DEVICES + names(shipped.protected.always_allowed) + ".\n")


def names(rules: Iterable[NameRule]) -> str:
    """Names in a line, those first with which all below them is open."""
    ordered = sorted(rules, key=lambda rule: rule.scope is Scope.EXACT)
    return ", ".join(f"`{rule.name}`" + ("\\*" if rule.scope is Scope.EXACT else "") for rule in ordered)


def _profiles(shipped: Policies) -> str:
    closing = [each for each in shipped.profiles if any(slot.everything for slot in each.schedule)]
    return " y ".join(f"«{each.title.es}»" for each in closing)

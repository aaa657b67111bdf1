"""docs/es/categorias.md: the topics that can be filtered, as subscribers and regulators read them."""

from __future__ import annotations

from pathlib import Path

from filterd.policy.documents import Category, Policies
from tests.meta.generated_policies import answering, names_of, table
from tests.worlds.markdown import wrapped

POLICIES = Path(__file__).parents[2] / "policies"

HEAD = """\
# Los temas que se pueden filtrar

{note}

Cada tema dice qué es un sitio, nunca qué piensa. La ayuda, la orientación, la salud y la
información sobre un tema no pertenecen al tema, y por su tema no las cierra ningún filtro. El que de
noche cierra todo las cierra también, salvo lo que [sigue abierto de noche](abierto-de-noche.md).
Un sitio entra en una lista incluida porque dos listas públicas lo tienen, porque su propio nombre dice
qué es, o porque una lista cuidada a mano nombra el servicio. La instrucción
`filterd policies source NOMBRE` dice de qué lista pública viene y con qué licencia.

"""

AFTER = """
*Vacío*: no se incluye ninguna lista; el tema no cierra nada hasta que tu proveedor active una.
*Opcional*: ningún filtro incluido lo cierra todo el día; sirve para horarios (de noche, «Niñas y niños,
con horario» cierra los videos, y «sin Internet de noche» lo cierra todo) o para los filtros que tu
proveedor prepare.

"""

ELSEWHERE = """\
## Correspondencia con otros países

Italia: las clases de la AGCOM (delibera 9/23/CONS, del 25 de enero de 2023). Reino Unido: las de
los proveedores BT, Sky, TalkTalk y Virgin Media, según el informe de Ofcom de julio de 2014. Con
sus propias palabras:

"""

PACKS = """\
Estos temas solo existen donde la configuración nombra al país (`jurisdiction`):

"""

NOT_HERE = """
*Nudity and sex education*, que cierra un proveedor británico, no tiene correspondencia: la
educación sexual es ayuda, y no se filtra.
"""


def page(note: str) -> str:
    """The page; ``note`` says how it is made."""
    from filterd.config.policies import load_policies

    shipped = load_policies(POLICIES)
    rows = [_row(shipped, each) for each in shipped.categories]
    text = HEAD.replace("{note}", note.strip()) + table(("Tema", "Qué es", "Sitios incluidos"), rows) + AFTER
    text += ELSEWHERE
    for scheme, title in (("agcom", "AGCOM"), ("uk", "Reino Unido")):
        text += table((title, "Aquí"), _titled(shipped, scheme)) + "\n"
    packs = [(pack.title.es, each) for pack in shipped.jurisdictions for each in pack.categories]
    text += PACKS + table(
        ("País", "Tema", "Qué es"), [(of, each.title.es, each.description.es) for of, each in packs]
    )
    return wrapped(text + NOT_HERE)


def _row(shipped: Policies, category: Category) -> tuple[str, str, str]:
    count = "vacío" if category.empty else f"{names_of(shipped, category.id):,}"
    return category.title.es, category.description.es, count + (", opcional" if category.optional else "")


def _titled(shipped: Policies, scheme: str) -> list[tuple[str, str]]:
    packs = (each for pack in shipped.jurisdictions for each in pack.categories)
    titles = {f"`{each.id}`": each.title.es for each in (*shipped.categories, *packs)}
    return [
        (term, ", ".join(titles[each] for each in ids.split(", ")))
        for term, ids in answering(shipped, scheme)
    ]

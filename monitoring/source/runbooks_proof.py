"""Runbooks of the alerts on what the nodes have in force."""

from __future__ import annotations

from monitoring.source.runbook_form import LEGAL, LISTS, NODES, RESOLVER_LOG, SYSTEM, Runbook, count

PROOF = {
    "FilterdCanaryPasses": Runbook(
        "clients of this node may get answers for the names of that list. Other lists may block.",
        "`filterd canary list` says at which address. Look whether `protected.yaml` covers the zone of "
        "`canary.zone`; take it off there. Else compile the lists anew, `filterd snapshot build`, and look "
        "again after a minute. Note from when to when with `filterd node history`. Never ask for a name of "
        "the list itself to try it out.",
        "los clientes de este nodo quizá reciban respuestas para los nombres de esa lista. Las demás listas "
        "pueden bloquear.",
        "`filterd canary list` dice en qué dirección. Vea si `protected.yaml` cubre la zona de "
        "`canary.zone`; quítela de ahí. Si no, compile las listas de nuevo, `filterd snapshot build`, y "
        "revise tras un minuto. Anote desde cuándo y hasta cuándo con `filterd node history`. Nunca "
        "consulte un nombre de la lista para probarla.",
        LEGAL,
        ("filterd canary list", NODES, count("filterd_canary")),
    ),
    "FilterdCanaryUnjudged": Runbook(
        "nothing is known to be wrong: what was in force is in force. A list that does not block would not "
        "be noticed.",
        "`filterd canary list` says why. The zone of `canary.zone` must answer every name in it with an IPv4 "
        "address, through the upstreams of this node; `dns.allow_from` must hold loopback. A list that was "
        "never read has no canary: `filterd feed list`.",
        "no se sabe de ninguna falla: lo que regía rige. Una lista que no bloquea no se notaría.",
        "`filterd canary list` dice por qué. La zona de `canary.zone` debe responder cada nombre con una "
        "dirección IPv4, por los servidores superiores de este nodo; `dns.allow_from` debe incluir la "
        "interfaz local. Una lista que nunca se leyó no tiene nombre testigo: `filterd feed list`.",
        LISTS,
        ("filterd canary list", "filterd feed list", RESOLVER_LOG),
    ),
    "FilterdNodesDrifted": Runbook(
        "on these nodes an older or another list is in force: names may be answered there that others block.",
        "`filterd node list` says why. A node behind the newest snapshot: its log says what it refuses; "
        "`filterd snapshot build` makes another. A list that was never read here: keep the files as "
        "evidence, since somebody changed them or the store, then `filterd audit verify` and "
        "`filterd snapshot build`.",
        "en estos nodos rige una lista más vieja u otra: ahí quizá se respondan nombres que los demás "
        "bloquean.",
        "`filterd node list` dice por qué. Un nodo sin la instantánea más nueva: su registro dice qué "
        "rechaza; `filterd snapshot build` hace otra. Una lista que aquí nunca se leyó: guarde los archivos "
        "como evidencia, pues alguien los cambió, o cambió el almacén; luego `filterd audit verify` y "
        "`filterd snapshot build`.",
        SYSTEM,
        (NODES, "filterd node history", "filterd audit verify"),
    ),
    "FilterdOrderNotEverywhere": Runbook(
        "clients of the nodes that lack it get answers for the names of the order; its deadline runs.",
        "`filterd order show ORDER` names the nodes. One that is away: `filterd node list` says since when; "
        "start it, or take it out of service: after `nodes.gone_after` no order waits for it. One that is "
        "behind: its log says why it does not follow the store. Where control takes no reports, the order "
        "may be in force all the same: ask a node for its canary name. Nothing has to be decided again.",
        "los clientes de los nodos a los que les falta reciben respuestas para los nombres de la orden; su "
        "plazo corre.",
        "`filterd order show ORDEN` nombra los nodos. Uno ausente: `filterd node list` dice desde cuándo; "
        "arránquelo o retírelo del servicio: pasado `nodes.gone_after` ninguna orden lo espera. Uno "
        "atrasado: su registro dice por qué no sigue el almacén. Si el control no recibe informes, la "
        "orden quizá rija de todos modos: consulte al nodo su nombre testigo. No hay que decidir "
        "nada otra vez.",
        LEGAL,
        ("filterd order list", NODES, count("filterd_orders_unapplied")),
    ),
    "FilterdUnblockNotEverywhere": Runbook(
        "a node blocks names that nobody may block any more. An unblock has a deadline as a block has.",
        "`filterd order show ORDER` names the nodes, `filterd node list` their state; `filterd node resync` "
        "shows orders that a node keeps by itself, and ends them. A node that cannot be reached: take its "
        "address out of service, so that clients ask another one.",
        "un nodo bloquea nombres que ya nadie debe bloquear. Un desbloqueo tiene plazo igual que un bloqueo.",
        "`filterd order show ORDEN` nombra los nodos, `filterd node list` su estado; `filterd node resync` "
        "muestra las órdenes que un nodo conserva por sí mismo, y las termina. Un nodo que no se alcanza: "
        "retire su dirección del servicio, para que los clientes consulten otro.",
        LEGAL,
        ("filterd order list", NODES, "filterd node resync"),
    ),
    "FilterdOrderContrary": Runbook(
        "an order that is recorded as in force may not block there, or one that ended may still block.",
        "`filterd order show ORDER` says at which address the node answered otherwise. Look whether "
        "`protected.yaml` covers the zone of `canary.zone`; take it off there. Else restart that resolver "
        "and look again. Never ask for a name of the order itself to try it out.",
        "una orden registrada como vigente quizá no bloquee ahí, o una que terminó quizá siga bloqueando.",
        "`filterd order show ORDEN` dice en qué dirección el nodo respondió de otro modo. Vea si "
        "`protected.yaml` cubre la zona de `canary.zone`; quítela de ahí. Si no, reinicie ese resolver y "
        "revise otra vez. Nunca consulte un nombre de la orden para probarla.",
        LEGAL,
        ("filterd order list", NODES, RESOLVER_LOG),
    ),
}

"""Runbooks of the alerts on what clients get."""

from __future__ import annotations

from monitoring.source.runbook_form import (
    FAULT,
    LISTS,
    NETWORK,
    NOBODY,
    NODES,
    PROMETHEUS,
    READY,
    RESOLVER_LOG,
    STATUS,
    SYSTEM,
    Runbook,
    count,
)

ANSWERS = {
    "FilterdTargetDown": Runbook(
        "the resolver down: its clients have no DNS unless they know another resolver. Control down: DNS and "
        "orders in force go on. No name is unblocked.",
        "start the service; where it ends again, the last lines of its log say why. Where it runs, look at "
        "the path from Prometheus and at `metrics.listen`.",
        "con el resolvedor caído sus clientes no tienen DNS, salvo que conozcan otro. Con el control caído "
        "siguen el DNS y las órdenes vigentes. Ningún nombre queda desbloqueado.",
        "inicie el servicio; si vuelve a terminar, las últimas líneas del registro dicen por qué. Si está en "
        "marcha, revise la ruta desde Prometheus y `metrics.listen`.",
        NETWORK,
        (STATUS, RESOLVER_LOG, READY),
    ),
    "FilterdNotWatched": Runbook(
        "nothing is known to be wrong, and nothing would be noticed.",
        "add the scrape job of `monitoring/prometheus.yaml`, with its job name.",
        "no se sabe de ningún daño, y ninguno se notaría.",
        "agregue el trabajo de lectura de `monitoring/prometheus.yaml`, con su nombre de job.",
        NETWORK,
        (STATUS, READY, PROMETHEUS),
    ),
    "FilterdResolverNotReady": Runbook(
        "by the reason: a missing part means SERVFAIL; a lag means that new orders do not take effect. What "
        "the node knows stays blocked.",
        "take the node out of service where clients get SERVFAIL, then do what the reason asks for.",
        "según la razón: si falta una parte, SERVFAIL; si hay atraso, las órdenes nuevas no surten "
        "efecto. Lo "
        "que el nodo conoce sigue bloqueado.",
        "saque el nodo de servicio si los clientes reciben SERVFAIL, y haga lo que pide la razón.",
        SYSTEM,
        (READY, NODES, RESOLVER_LOG),
    ),
    "FilterdPartMissing": Runbook(
        "`mandatory`: every client of the node gets SERVFAIL. Others: registered lines get SERVFAIL. Nothing "
        "is unblocked.",
        "start control, or mend the store: the node reads the part anew by itself. For lines alone, "
        "`dns.parental_fail: open` and a reload let them through unrestricted meanwhile.",
        "`mandatory`: todos los clientes del nodo reciben SERVFAIL. Otras: las líneas registradas. Nada "
        "queda desbloqueado.",
        "inicie el control o repare el almacén: el nodo lee la parte de nuevo por sí mismo. Solo para las "
        "líneas, `dns.parental_fail: open` y una recarga las dejan pasar sin restricción entre tanto.",
        SYSTEM,
        (READY, STATUS, RESOLVER_LOG),
    ),
    "FilterdAnswersNotReady": Runbook(
        "the clients counted here have no answers.",
        "as [FilterdPartMissing](#filterdpartmissing). Send clients to another node.",
        "los clientes contados aquí no tienen respuestas.",
        "como [FilterdPartMissing](#filterdpartmissing). Envíe los clientes a otro nodo.",
        SYSTEM,
        (READY, NODES, RESOLVER_LOG),
    ),
    "FilterdQueriesFell": Runbook(
        "clients are without DNS, or use a resolver that filters nothing.",
        "ask the resolver from a client's network. If it answers, look at what DHCP and RADIUS hand out, at "
        "routes and at firewalls.",
        "los clientes no tienen DNS, o usan un resolvedor que no filtra.",
        "pregunte al resolvedor desde la red de un cliente. Si responde, revise lo que entregan DHCP y "
        "RADIUS, las rutas y los cortafuegos.",
        NETWORK,
        (
            "dig @192.0.2.53 www.example.org",
            count("filterd_queries_total"),
            count("filterd_listen_addresses"),
        ),
    ),
    "FilterdBlocksRose": Runbook(
        "many people may miss a name that they need. Nothing is unblocked.",
        "find the reason in the panel Blocks by reason: `mandatory` is the newest order or list, `security` "
        "a list of your own policy. Ask about a name that people miss, `filterd check NAME --resolve`. "
        'Withdraw the order, `filterd order withdraw O-NUMBER --reason "..."`, or protect the name in '
        "`protected.yaml`.",
        "a muchas personas les puede faltar un nombre que necesitan. Nada queda desbloqueado.",
        "busque el motivo en el panel Bloqueos por motivo: `mandatory` es la orden o lista más nueva, "
        "`security` una lista de su propia política. Pregunte por un nombre que falte, `filterd check NAME "
        '--resolve`. Retire la orden, `filterd order withdraw O-NUMBER --reason "..."`, o proteja el nombre '
        "en `protected.yaml`.",
        LISTS,
        ("filterd audit tail", "filterd order list", count("filterd_verdicts_total")),
    ),
    "FilterdCategoryDoubled": Runbook(
        "families miss names that do not belong to the category.",
        "compare the list with its version before; protect wrong names, or mend the list.",
        "a las familias les faltan nombres que no son de la categoría.",
        "compare la lista con su versión anterior; proteja los nombres equivocados o corrija la lista.",
        LISTS,
        ("filterd feed list", "filterd audit tail", count("filterd_category_blocks_total")),
    ),
    "FilterdSlow": Runbook(
        "clients wait, and some give up.",
        "slow upstreams: as [FilterdUpstreamErrors](upstreams.md#filterdupstreamerrors). Else look for what "
        "takes the processor.",
        "los clientes esperan, y algunos desisten.",
        "con servidores superiores lentos: como [FilterdUpstreamErrors](upstreams.md#filterdupstreamerrors). "
        "Si no, busque qué ocupa el procesador.",
        SYSTEM,
        (count("filterd_upstream_latency_seconds"), count("filterd_punts_total"), "top -b -n 1"),
    ),
    "FilterdReducedMode": Runbook(
        "plain queries are answered, and all that must be blocked is. Clients with client subnets, unusual "
        "types or classes are refused.",
        "keep the log, and look whether the packets still come (`crashed_before`). Ten minutes without a "
        "death end the mode. Block the sender at the border where you can tell it.",
        "las consultas simples se responden, y se bloquea todo lo debido. Se rechaza a clientes con subred, "
        "tipos o clases inusuales.",
        "guarde el registro y vea si los paquetes siguen llegando (`crashed_before`). Diez minutos sin una "
        "muerte terminan el modo. Bloquee al emisor en la frontera si puede identificarlo.",
        FAULT,
        (RESOLVER_LOG, count("filterd_crash_packets_total"), count("crashed_before")),
    ),
    "FilterdThreadStuck": Runbook(
        "a part of the clients gets no answers for some seconds, until the resolver is started again.",
        "nothing by hand. Keep the log. Where it comes again at once, take the node out of service.",
        "una parte de los clientes queda sin respuestas unos segundos, hasta el nuevo arranque.",
        "nada a mano. Guarde el registro. Si se repite enseguida, saque el nodo de servicio.",
        FAULT,
        (RESOLVER_LOG, READY, STATUS),
    ),
    "FilterdResolverCrashed": Runbook(
        "a moment without answers. Nothing is unblocked. Three deaths in a minute begin reduced mode.",
        "keep the log; compare the hashes in `packets` among the nodes.",
        "un momento sin respuestas. Nada queda desbloqueado. Tres muertes en un minuto inician el modo "
        "reducido.",
        "guarde el registro; compare las huellas de `packets` entre los nodos.",
        FAULT,
        (RESOLVER_LOG, count("filterd_resolver_crashes_total"), count("filterd_reduced_mode")),
    ),
    "FilterdSelfQueriesFail": Runbook(
        "`crowded_out`: clients wait, too. `unanswered`: mostly the watch itself is blind.",
        "add threads or nodes; let UDP and TCP from the machine to its own listen addresses pass.",
        "`crowded_out`: también los clientes esperan. `unanswered`: casi siempre solo la vigilancia no ve.",
        "agregue hilos o nodos; deje pasar UDP y TCP de la máquina a sus propias direcciones de escucha.",
        SYSTEM,
        (count("filterd_self_queries_total"), "nft list ruleset", RESOLVER_LOG),
    ),
    "FilterdListenAddressAbsent": Runbook(
        "clients of that address have no answers.",
        "bring the interface or the address back. The resolver serves it by itself.",
        "los clientes de esa dirección no tienen respuestas.",
        "recupere la interfaz o la dirección. El resolvedor la atiende por sí mismo.",
        NETWORK,
        ("ip address", RESOLVER_LOG, count("filterd_listen_addresses")),
    ),
    "FilterdCanaryFails": Runbook(
        "names of that list may be answered on this node: treat it as unblocked until you know better.",
        "see what the node says of the name. A pass: is the list in force, with the canary on it? A timeout: "
        "the resolver does not answer.",
        "los nombres de esa lista quizá se responden en este nodo: considérelos desbloqueados mientras no "
        "sepa más.",
        "vea qué dice el nodo del nombre. Si pasa: ¿rige la lista, con el testigo en ella? Si no hay "
        "respuesta: el resolvedor no responde.",
        LISTS,
        ("filterd check canary.example --resolve", NODES, "filterd feed list"),
    ),
    "FilterdCanaryNotProbed": Runbook(
        "nothing is known to be wrong, and [FilterdCanaryFails](#filterdcanaryfails) cannot fire.",
        "start the blackbox exporter, and give it the module of `monitoring/blackbox.yaml`. Where the job "
        "was taken out on purpose, the alert ends after a day.",
        "no se sabe de ningún daño, y [FilterdCanaryFails](#filterdcanaryfails) no puede activarse.",
        "inicie el exportador blackbox, con el módulo de `monitoring/blackbox.yaml`. Si el trabajo se quitó "
        "a propósito, la alerta termina después de un día.",
        NETWORK,
        (
            "systemctl status prometheus-blackbox-exporter",
            'curl -s "http://127.0.0.1:9115/probe?module=filterd_canary&target=192.0.2.53:53"',
            PROMETHEUS,
        ),
    ),
    "FilterdHandoverFailed": Runbook(
        "queries may have been lost for a moment. Nothing is unblocked.",
        "`refused`: the resolver before was of another version, or stays; it answers for 30 seconds more and "
        "ends by itself, and its `/readyz` says so. `broken` and `stuck`: it ended or hung in the middle. "
        "See that one resolver runs, and that it is ready.",
        "quizá se perdieron consultas por un momento. Nada queda desbloqueado.",
        "`refused`: el resolvedor anterior era de otra versión, o sigue; responde 30 segundos más y termina "
        "por sí mismo, y su `/readyz` lo dice. `broken` y `stuck`: terminó o se trabó a la mitad. Vea que "
        "haya un solo resolvedor en marcha, y que esté listo.",
        NOBODY,
        (RESOLVER_LOG, READY, STATUS),
    ),
}

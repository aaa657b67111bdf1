"""Runbooks of the alerts on load, floods and connections."""

from __future__ import annotations

from monitoring.source.runbook_form import NETWORK, NOBODY, RESOLVER_LOG, SYSTEM, UPSTREAM, Runbook, count

OUTCOMES = count("filterd_upstream_queries_total")
DROPS = count("filterd_drops_total")
CONFIGURATION = "filterd config show"

CLIENTS = {
    "FilterdPunts": Runbook(
        "none yet; the event loop does work that the threads should do.",
        "the label reason tells: `forward` is upstreams over TLS or TCP, `unanswered` and `truncated` are "
        "silent or cut ones. Upstreams over plain UDP are asked by the threads.",
        "ninguna aún; el bucle de eventos hace trabajo de los hilos.",
        "la etiqueta reason lo dice: `forward` son servidores por TLS o TCP, `unanswered` y `truncated` los "
        "que callan o cortan. A los de UDP simple les preguntan los hilos.",
        UPSTREAM,
        (count("filterd_punts_total"), OUTCOMES, RESOLVER_LOG),
    ),
    "FilterdPuntsFull": Runbook(
        "some clients get silence and ask again.",
        "mend the upstreams; with upstreams over TLS alone, add nodes.",
        "algunos clientes no reciben respuesta y preguntan otra vez.",
        "repare los servidores superiores; si todos van por TLS, agregue nodos.",
        UPSTREAM,
        (DROPS, OUTCOMES, count("filterd_punts_total")),
    ),
    "FilterdFlood": Runbook(
        "the flooding prefix loses queries; others are served.",
        "find the prefix at the border (flow records), and stop it there. filterd keeps no addresses.",
        "pierde consultas el prefijo que inunda; los demás reciben servicio.",
        "busque el prefijo en la frontera (registros de flujo) y deténgalo ahí. filterd no guarda "
        "direcciones.",
        NETWORK,
        (DROPS, count("filterd_fast_misses_total"), count("filterd_rate_limited_total")),
    ),
    "FilterdDrops": Runbook(
        "none for sound clients.",
        "the label reason tells; `not_sent` is an address that is gone or a full queue of the kernel, "
        "`no_proxy_header` a front without its header.",
        "ninguna para clientes correctos.",
        "la etiqueta reason lo dice; `not_sent` es una dirección que ya no está o una cola llena del núcleo, "
        "`no_proxy_header` un frente sin su encabezado.",
        NETWORK,
        (DROPS, "nstat -az UdpRcvbufErrors", CONFIGURATION),
    ),
    "FilterdKillerPackets": Runbook(
        "none: they get silence.",
        "keep the log; find the sender at the border.",
        "ninguna: no reciben respuesta.",
        "guarde el registro; busque al emisor en la frontera.",
        NETWORK,
        (DROPS, RESOLVER_LOG, count("filterd_crash_packets_total")),
    ),
    "FilterdRateLimited": Runbook(
        "clients over the limit get truncated answers and ask over TCP, or get silence.",
        "where many lines share an address (CGNAT, a school), write an override into "
        "`dns.rate_limit.overrides` and reload; else leave it.",
        "los clientes sobre el límite reciben respuestas truncadas y preguntan por TCP, o nada.",
        "si muchas líneas comparten una dirección (CGNAT, una escuela), escriba una excepción en "
        "`dns.rate_limit.overrides` y recargue; si no, déjelo.",
        NETWORK,
        (count("filterd_rate_limited_total"), CONFIGURATION, count("filterd_tcp_connections")),
    ),
    "FilterdThreadsBusy": Runbook(
        "bursts are lost in the kernel, and clients ask again.",
        "give the service more processors, raise `net.core.rmem_max`, or add nodes.",
        "se pierden ráfagas en el núcleo, y los clientes preguntan otra vez.",
        "dé más procesadores al servicio, suba `net.core.rmem_max`, o agregue nodos.",
        SYSTEM,
        ("nstat -az UdpRcvbufErrors", count("filterd_fast"), "top -b -n 1 -H"),
    ),
    "FilterdMissesFull": Runbook(
        "questions take the slower way; some clients wait.",
        "slow upstreams: mend them. A flood of names: as [FilterdFlood](#filterdflood).",
        "hay preguntas por la vía lenta; algunos clientes esperan.",
        "servidores superiores lentos: repárelos. Inundación de nombres: como [FilterdFlood](#filterdflood).",
        UPSTREAM,
        (count("filterd_fast_misses_total"), count("filterd_upstream_outstanding"), OUTCOMES),
    ),
    "FilterdCacheSmall": Runbook(
        "answers take longer than they need to.",
        "raise `cache.size` and restart. After a start it ends by itself.",
        "las respuestas tardan más de lo necesario.",
        "suba `cache.size` y reinicie. Después de un arranque se resuelve por sí mismo.",
        NOBODY,
        (count("filterd_fast_misses_total"), count("filterd_cache_lookups_total"), CONFIGURATION),
    ),
    "FilterdTcpFull": Runbook(
        "clients that need TCP are refused; UDP goes on.",
        "raise `dns.tcp.connections`; with `prefix_full` one prefix takes its whole share.",
        "se rechaza a clientes que necesitan TCP; UDP sigue.",
        "suba `dns.tcp.connections`; con `prefix_full` un prefijo ocupa toda su parte.",
        NETWORK,
        (count("filterd_tcp"), "ss -tn state established sport = :53", CONFIGURATION),
    ),
    "FilterdTcpHeld": Runbook(
        "none, until the limit is reached.",
        "find the prefix with `ss`, and stop it at the border.",
        "ninguna, hasta que se alcance el límite.",
        "busque el prefijo con `ss` y deténgalo en la frontera.",
        NETWORK,
        (count("filterd_tcp"), "ss -tn state established sport = :53", DROPS),
    ),
    "FilterdTcpShortage": Runbook(
        "clients over TCP wait, and questions to upstreams may fail.",
        "raise `LimitNOFILE=` of the unit, or free memory, and restart.",
        "los clientes por TCP esperan, y pueden fallar preguntas a servidores superiores.",
        "suba `LimitNOFILE=` de la unidad, o libere memoria, y reinicie.",
        SYSTEM,
        (
            count("filterd_tcp_shortages_total"),
            "systemctl show filterd-resolver -p LimitNOFILE",
            RESOLVER_LOG,
        ),
    ),
    "FilterdUnrecognisedIpv6": Runbook(
        "orders hold for all. Lines without their IPv6 prefixes get nothing of what they chose over IPv6.",
        "compare your provisioning: each line has an IPv4 address, a WAN IPv6 address and a delegated "
        "prefix; bind all three.",
        "las órdenes rigen para todos. Las líneas sin sus prefijos IPv6 no reciben por IPv6 lo que "
        "eligieron.",
        "compare su aprovisionamiento: cada línea tiene una dirección IPv4, una IPv6 WAN y un prefijo "
        "delegado; registre los tres.",
        NETWORK,
        (count("filterd_unrecognised_queries_total"), "filterd binding list", "filterd subscriber list"),
    ),
}

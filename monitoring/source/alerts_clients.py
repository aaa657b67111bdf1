"""Alerts on what clients and the network send: floods, drops, connections."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup, grown
from monitoring.source.alerts_answers import R

DATAGRAMS = "rate(filterd_fast_datagrams_total[10m])"
QUERIES = "sum by (instance) (rate(filterd_queries_total[10m]))"
ENDED = "sum by (instance) (rate(filterd_tcp_connections_ended_total[10m]))"


def _ended(*reasons: str) -> str:
    return f'filterd_tcp_connections_ended_total{{reason=~"{"|".join(reasons)}"}}'


CLIENTS = AlertGroup(
    "clients",
    "Load, floods and connections",
    "Carga, inundaciones y conexiones",
    (
        Alert(
            name="FilterdPunts",
            severity="ticket",
            expression=f"sum by (instance) (rate(filterd_punts_total[10m])) > on (instance) 0.01 * "
            f"{DATAGRAMS}"
            f" and on (instance) {DATAGRAMS} > 10",
            wait="10m",
            summary="More than 1 % of the queries of {{ $labels.instance }} leave the fast path",
            description="Upstreams are cut, silent, or asked over TLS or TCP.",
            summary_es="Más del 1 % de las consultas de {{ $labels.instance }} sale de la vía rápida",
            description_es="Los servidores superiores están cortados, callan, o se consultan por TLS o TCP.",
            fires={
                f'filterd_punts_total{{{R},reason="forward"}}': "0+60x60",
                f"filterd_fast_datagrams_total{{{R}}}": "0+3000x60",
            },
            quiet={
                f'filterd_punts_total{{{R},reason="forward"}}': "0+10x60",
                f"filterd_fast_datagrams_total{{{R}}}": "0+3000x60",
            },
        ),
        Alert(
            name="FilterdPuntsFull",
            severity="page",
            expression='sum by (instance) (rate(filterd_drops_total{reason=~"punts_full|too_many_waiting"}'
            "[5m])) > 0",
            wait="5m",
            summary="{{ $labels.instance }} drops queries: the event loop does not keep up",
            description='{{ $value | printf "%.1f" }} queries a second get silence. Look at the upstreams '
            "first.",
            summary_es="{{ $labels.instance }} descarta consultas: el bucle de eventos no da abasto",
            description_es='{{ $value | printf "%.1f" }} consultas por segundo quedan sin respuesta. Revise '
            "primero los servidores superiores.",
            fires={f'filterd_drops_total{{{R},reason="punts_full"}}': "0x30 0+60x30"},
            quiet={f'filterd_drops_total{{{R},reason="punts_full"}}': "12x60"},
        ),
        Alert(
            name="FilterdFlood",
            severity="ticket",
            expression='sum by (instance) (rate(filterd_drops_total{reason=~"punts_unfair|client_waiting"}'
            "[10m])) > 0",
            wait="10m",
            summary="One prefix floods {{ $labels.instance }} with names that nobody knows",
            description='{{ $value | printf "%.1f" }} of its queries a second are dropped; others keep their '
            "share.",
            summary_es="Un prefijo inunda {{ $labels.instance }} con nombres que nadie conoce",
            description_es='Se descartan {{ $value | printf "%.1f" }} de sus consultas por segundo; '
            "los demás "
            "conservan su parte.",
            fires={f'filterd_drops_total{{{R},reason="punts_unfair"}}': "0x20 0+60x40"},
            quiet={f'filterd_drops_total{{{R},reason="punts_unfair"}}': "12x60"},
        ),
        Alert(
            name="FilterdDrops",
            severity="ticket",
            expression=f"sum by (instance) (rate(filterd_drops_total[10m])) > 0.01 * {QUERIES}"
            f" and {QUERIES} > 1",
            wait="10m",
            summary="{{ $labels.instance }} drops more than 1 % of what it gets",
            description="Senders are broken or hostile; the label reason of filterd_drops_total says how.",
            summary_es="{{ $labels.instance }} descarta más del 1 % de lo que recibe",
            description_es="Hay emisores averiados u hostiles; la etiqueta reason de "
            "filterd_drops_total dice "
            "cómo.",
            fires={
                f'filterd_drops_total{{{R},reason="short"}}': "0+60x60",
                f'filterd_queries_total{{{R},transport="udp"}}': "0+3000x60",
            },
            quiet={
                f'filterd_drops_total{{{R},reason="short"}}': "0+20x60",
                f'filterd_queries_total{{{R},transport="udp"}}': "0+3000x60",
            },
        ),
        Alert(
            name="FilterdKillerPackets",
            severity="ticket",
            expression=grown('filterd_drops_total{reason="crashed_before"}'),
            wait="0s",
            summary="Packets that killed the resolver are still sent to {{ $labels.instance }}",
            description="They get silence. The same packets may kill other nodes.",
            summary_es="Aún llegan a {{ $labels.instance }} paquetes que mataron al resolvedor",
            description_es="No reciben respuesta. Los mismos paquetes pueden matar otros nodos.",
            fires={f'filterd_drops_total{{{R},reason="crashed_before"}}': "0x40 0+1x20"},
            quiet={f'filterd_drops_total{{{R},reason="crashed_before"}}': "4x60"},
        ),
        Alert(
            name="FilterdRateLimited",
            severity="ticket",
            expression="sum by (instance) (rate(filterd_rate_limited_total[10m]))"
            f" > 0.01 * {QUERIES} and {QUERIES} > 1",
            wait="1h",
            summary="More than 1 % of the queries of {{ $labels.instance }} are over the rate limit",
            description="One client floods, or many share an address that needs an override.",
            summary_es="Más del 1 % de las consultas de {{ $labels.instance }} excede el límite de tasa",
            description_es="Un cliente inunda, o muchos comparten una dirección que necesita una excepción.",
            fires={
                f'filterd_rate_limited_total{{{R},action="truncated",prefix_length="32"}}': "0+100x90",
                f'filterd_queries_total{{{R},transport="udp"}}': "0+3000x90",
            },
            quiet={
                f'filterd_rate_limited_total{{{R},action="truncated",prefix_length="32"}}': "0+10x90",
                f'filterd_queries_total{{{R},transport="udp"}}': "0+3000x90",
            },
            at="80m",
        ),
        Alert(
            name="FilterdThreadsBusy",
            severity="ticket",
            expression=f"{DATAGRAMS} / rate(filterd_fast_batches_total[10m]) > 48"
            f" or rate(filterd_fast_sent_early_total[10m]) > 0.1 * ({DATAGRAMS} > 10)",
            wait="5m",
            summary="The threads of {{ $labels.instance }} are near their limit",
            description="Queries wait in the kernel's queue, and bursts are lost there.",
            summary_es="Los hilos de {{ $labels.instance }} están cerca de su límite",
            description_es="Las consultas esperan en la cola del núcleo, donde se pierden las ráfagas.",
            fires={
                f"filterd_fast_datagrams_total{{{R}}}": "0+60000x60",
                f"filterd_fast_batches_total{{{R}}}": "0+1000x60",
            },
            quiet={
                f"filterd_fast_datagrams_total{{{R}}}": "0+60000x60",
                f"filterd_fast_batches_total{{{R}}}": "0+30000x60",
                f"filterd_fast_sent_early_total{{{R}}}": "0+10x60",
            },
        ),
        Alert(
            name="FilterdMissesFull",
            severity="ticket",
            expression='rate(filterd_fast_misses_total{result="full"}[10m]) > 0',
            wait="5m",
            summary="{{ $labels.instance }} has too many questions on their way to upstreams",
            description="Upstreams are slow, or somebody floods with names that nobody knows.",
            summary_es="{{ $labels.instance }} tiene demasiadas preguntas en camino a los servidores "
            "superiores",
            description_es="Los servidores superiores son lentos, o alguien inunda con nombres que nadie "
            "conoce.",
            fires={f'filterd_fast_misses_total{{{R},result="full"}}': "0x20 0+60x40"},
            quiet={f'filterd_fast_misses_total{{{R},result="full"}}': "9x60"},
        ),
        Alert(
            name="FilterdCacheSmall",
            severity="ticket",
            expression='rate(filterd_fast_misses_total{result="asked"}[10m]) > ignoring (result) 0.5 * '
            f"{DATAGRAMS} and on (instance) {DATAGRAMS} > 10",
            wait="30m",
            summary="More than half of the queries of {{ $labels.instance }} go to an upstream",
            description="The cache is too small (cache.size), or was emptied a moment ago.",
            summary_es="Más de la mitad de las consultas de {{ $labels.instance }} va a un servidor superior",
            description_es="La caché es demasiado pequeña (cache.size), o se vació hace un momento.",
            fires={
                f'filterd_fast_misses_total{{{R},result="asked"}}': "0+1800x60",
                f"filterd_fast_datagrams_total{{{R}}}": "0+3000x60",
            },
            quiet={
                f'filterd_fast_misses_total{{{R},result="asked"}}': "0+300x60",
                f"filterd_fast_datagrams_total{{{R}}}": "0+3000x60",
            },
        ),
        Alert(
            name="FilterdTcpFull",
            severity="ticket",
            expression=grown(_ended("full", "prefix_full")),
            wait="0s",
            summary="{{ $labels.instance }} refuses TCP connections ({{ $labels.reason }})",
            description="dns.tcp is reached by all clients together (full) or by one prefix (prefix_full).",
            summary_es="{{ $labels.instance }} rechaza conexiones TCP ({{ $labels.reason }})",
            description_es="Se alcanzó dns.tcp entre todos los clientes (full) o por un prefijo "
            "(prefix_full).",
            fires={f'filterd_tcp_connections_ended_total{{{R},reason="full"}}': "0x40 3x20"},
            quiet={f'filterd_tcp_connections_ended_total{{{R},reason="idle"}}': "0+5x60"},
        ),
        Alert(
            name="FilterdTcpHeld",
            severity="ticket",
            expression="sum by (instance) (rate("
            f"{_ended('made_room', 'incomplete', 'unread')}[10m])) > 0.01 * {ENDED} and {ENDED} > 0.1",
            wait="10m",
            summary="Somebody holds TCP connections of {{ $labels.instance }} without using them",
            description="More than 1 % of the connections end for that reason.",
            summary_es="Alguien retiene conexiones TCP de {{ $labels.instance }} sin usarlas",
            description_es="Más del 1 % de las conexiones termina por esa razón.",
            fires={
                f'filterd_tcp_connections_ended_total{{{R},reason="unread"}}': "0+6x60",
                f'filterd_tcp_connections_ended_total{{{R},reason="idle"}}': "0+60x60",
            },
            quiet={f'filterd_tcp_connections_ended_total{{{R},reason="idle"}}': "0+60x60"},
        ),
        Alert(
            name="FilterdTcpShortage",
            severity="page",
            expression=grown("filterd_tcp_shortages_total"),
            wait="0s",
            summary="{{ $labels.instance }} could not accept TCP connections: the system lacks "
            "{{ $labels.reason }}",
            description="Clients that ask over TCP wait, and so may questions to upstreams.",
            summary_es="{{ $labels.instance }} no pudo aceptar conexiones TCP: al sistema le falta "
            "{{ $labels.reason }}",
            description_es="Los clientes por TCP esperan, y quizá también las preguntas a servidores "
            "superiores.",
            fires={f'filterd_tcp_shortages_total{{{R},reason="files"}}': "_x40 1x20"},
            quiet={f'filterd_tcp_shortages_total{{{R},reason="files"}}': "1x60"},
        ),
        Alert(
            name="FilterdUnrecognisedIpv6",
            severity="ticket",
            expression='rate(filterd_unrecognised_queries_total{family="ipv6"}[1h])'
            " > ignoring (family) 2 * "
            'rate(filterd_unrecognised_queries_total{family="ipv4"}[1h])'
            ' and ignoring (family) rate(filterd_unrecognised_queries_total{family="ipv6"}[1h]) > 1',
            wait="6h",
            summary="Many IPv6 queries on {{ $labels.instance }} come from addresses of no line",
            description="Lines are registered without their IPv6 prefixes: what they chose does not hold "
            "there.",
            summary_es="Muchas consultas IPv6 en {{ $labels.instance }} vienen de direcciones sin línea",
            description_es="Hay líneas registradas sin sus prefijos IPv6: lo que eligieron no vale ahí.",
            fires={
                f'filterd_unrecognised_queries_total{{{R},family="ipv6"}}': "0+600x480",
                f'filterd_unrecognised_queries_total{{{R},family="ipv4"}}': "0+60x480",
            },
            quiet={
                f'filterd_unrecognised_queries_total{{{R},family="ipv6"}}': "0+60x480",
                f'filterd_unrecognised_queries_total{{{R},family="ipv4"}}': "0+600x480",
            },
            at="470m",
        ),
    ),
)

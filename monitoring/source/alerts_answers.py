"""Alerts on what clients get: answers at all, in time, and not too many blocked ones."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup, grown

R = 'instance="r1",job="filterd-resolver"'
QUERIES = "sum by (instance) (rate(filterd_queries_total[10m]))"
BLOCKED = (
    'sum by (instance) (rate(filterd_verdicts_total{verdict="block",reason=~"mandatory|security"}[30m]))'
)
"""blocks that nobody on the line chose: a schedule or a category that begins is no surprise"""
ANSWERED = "sum by (instance) (rate(filterd_verdicts_total[30m]))"
SHARE = f"{BLOCKED} / {ANSWERED}"
_DAY_BEFORE = SHARE.replace("[30m]", "[30m] offset 1d")
_ANSWERED_BEFORE = ANSWERED.replace("[30m]", "[30m] offset 1d")
SHARE_BEFORE = f"({_DAY_BEFORE} or 0 * {_ANSWERED_BEFORE})"
"""none where the node answered nobody at this hour of yesterday"""
CANARY = 'up{instance="192.0.2.53:53",job="filterd-canary",canary="a.example"}'
CATEGORY = "sum by (instance, category) (rate(filterd_category_blocks_total[1h]))"


def _block(reason: str) -> str:
    return f'filterd_verdicts_total{{{R},verdict="block",reason="{reason}"}}'


def _passed() -> str:
    return f'filterd_verdicts_total{{{R},verdict="pass",reason="none"}}'


ANSWERS = AlertGroup(
    "answers",
    "Answers to clients",
    "Respuestas a los clientes",
    (
        Alert(
            name="FilterdTargetDown",
            severity="page",
            expression='up{job=~"filterd-(resolver|control)"} == 0',
            wait="2m",
            summary="{{ $labels.job }} on {{ $labels.instance }} does not answer Prometheus",
            description="The process is down, or Prometheus cannot reach its metrics. Where the resolver is "
            "down, its clients get no answers.",
            summary_es="{{ $labels.job }} en {{ $labels.instance }} no responde a Prometheus",
            description_es="El proceso está caído o Prometheus no llega a sus métricas. Si es el resolvedor, "
            "sus clientes no reciben respuestas.",
            fires={f"up{{{R}}}": "1x10 0x50"},
            quiet={f"up{{{R}}}": "1x60", 'up{instance="other",job="node"}': "0x60"},
        ),
        Alert(
            name="FilterdNotWatched",
            severity="ticket",
            expression='absent(up{job="filterd-resolver"}) or absent(up{job="filterd-control"})',
            wait="10m",
            summary="Prometheus watches no {{ $labels.job }}",
            description="No target has this job, so no other alert about it can fire.",
            summary_es="Prometheus no vigila ningún {{ $labels.job }}",
            description_es="Ningún objetivo tiene este job; ninguna otra alerta sobre él puede activarse.",
            fires={f"up{{{R}}}": "1x60"},
            quiet={f"up{{{R}}}": "1x60", 'up{instance="c1",job="filterd-control"}': "0x60"},
        ),
        Alert(
            name="FilterdResolverNotReady",
            severity="page",
            expression='filterd_ready{job="filterd-resolver"} == 0',
            wait="1m",
            summary="The resolver on {{ $labels.instance }} is not ready",
            description="/readyz says why. Until then it serves what it knows, or SERVFAIL.",
            summary_es="El resolvedor en {{ $labels.instance }} no está listo",
            description_es="/readyz dice por qué. Mientras tanto sirve lo que conoce, o SERVFAIL.",
            fires={f"filterd_ready{{{R}}}": "1x40 0x20"},
            quiet={f"filterd_ready{{{R}}}": "1x60"},
        ),
        Alert(
            name="FilterdPartMissing",
            severity="page",
            expression="filterd_node_part_ready == 0",
            wait="1m",
            summary="{{ $labels.instance }} lacks the {{ $labels.part }} part of its state",
            description="Clients get SERVFAIL with EDE 14: all of them where the mandatory part is missing, "
            "registered lines where another one is.",
            summary_es="A {{ $labels.instance }} le falta la parte {{ $labels.part }} de su estado",
            description_es="Los clientes reciben SERVFAIL con EDE 14: todos si falta la parte obligatoria, "
            "las líneas registradas si falta otra.",
            fires={f'filterd_node_part_ready{{{R},part="mandatory"}}': "1x40 0x20"},
            quiet={f'filterd_node_part_ready{{{R},part="mandatory"}}': "1x60"},
        ),
        Alert(
            name="FilterdAnswersNotReady",
            severity="page",
            expression='rate(filterd_verdicts_total{verdict="error",reason="not_ready"}[5m]) > 0',
            wait="2m",
            summary="{{ $labels.instance }} answers SERVFAIL because its state is missing",
            description='{{ $value | printf "%.1f" }} queries a second get SERVFAIL with EDE 14.',
            summary_es="{{ $labels.instance }} responde SERVFAIL porque le falta su estado",
            description_es='{{ $value | printf "%.1f" }} consultas por segundo reciben SERVFAIL con EDE 14.',
            fires={f'filterd_verdicts_total{{{R},verdict="error",reason="not_ready"}}': "0x30 0+60x30"},
            quiet={f'filterd_verdicts_total{{{R},verdict="error",reason="not_ready"}}': "7x60"},
        ),
        Alert(
            name="FilterdQueriesFell",
            severity="page",
            expression=f"{QUERIES} < 0.1 * {QUERIES.replace('[10m]', '[10m] offset 1d')}"
            f" and {QUERIES.replace('[10m]', '[10m] offset 1d')} > 1",
            wait="5m",
            summary="{{ $labels.instance }} gets less than a tenth of yesterday's queries",
            description="Clients do not reach the resolver, or were sent to another one.",
            summary_es="{{ $labels.instance }} recibe menos de la décima parte de las consultas de ayer",
            description_es="Los clientes no llegan al resolvedor, o se les envía a otro.",
            fires={f'filterd_queries_total{{{R},transport="udp"}}': "0+600x1440 864000x90"},
            quiet={f'filterd_queries_total{{{R},transport="udp"}}': "0+600x1440 864600+300x90"},
            at="1490m",
        ),
        Alert(
            name="FilterdBlocksRose",
            severity="ticket",
            expression=f"{SHARE} > 0.05 and {SHARE} > 3 * {SHARE_BEFORE} and {BLOCKED} > 1",
            wait="15m",
            summary="Orders and lists block three times as much on {{ $labels.instance }} as yesterday",
            description="{{ $value | humanizePercentage }} of the answers are mandatory or security blocks, "
            "more than three times the share at this hour yesterday: an order or a list may go too far.",
            summary_es="En {{ $labels.instance }} las órdenes y listas bloquean el triple que ayer",
            description_es="El {{ $value | humanizePercentage }} de las respuestas son bloqueos obligatorios "
            "o de seguridad, más del triple que ayer a esta hora: una orden o una lista puede ir demasiado "
            "lejos.",
            fires={
                _block("mandatory"): "0+120x1450 174000+1200x90",
                _passed(): "0+6000x1540",
            },
            quiet={  # twice the queries of yesterday, and twice the blocks
                _block("mandatory"): "0+600x1450 870000+1200x90",
                _passed(): "0+6000x1450 8700000+12000x90",
            },
            quiet_too={
                "while a schedule begins": {
                    _block("schedule"): "0x1450 0+3000x90",
                    _block("mandatory"): "0+120x1540",
                    _passed(): "0+6000x1540",
                },
                "at the first order of an installation": {
                    _block("mandatory"): "_x1450 0+120x90",
                    _passed(): "0+6000x1540",
                },
                "on the first day of an installation": {
                    _block("mandatory"): "_x1450 0+1200x90",
                    _passed(): "_x1450 0+6000x90",
                },
            },
            at="1530m",
        ),
        Alert(
            name="FilterdCategoryDoubled",
            severity="ticket",
            expression=f"{CATEGORY} > 2 * {CATEGORY.replace('[1h]', '[1h] offset 1d')} and {CATEGORY} > 0.1",
            wait="1h",
            summary="Blocks of the category {{ $labels.category }} on {{ $labels.instance }} doubled "
            "in a day",
            description="A new list of the category may block too much.",
            summary_es="Los bloqueos de la categoría {{ $labels.category }} en {{ $labels.instance }} se "
            "duplicaron en un día",
            description_es="Una lista nueva de la categoría puede bloquear demasiado.",
            fires={f'filterd_category_blocks_total{{{R},category="adult"}}': "0+60x1450 87060+180x150"},
            quiet={f'filterd_category_blocks_total{{{R},category="adult"}}': "0+60x1450 87060+90x150"},
            at="1595m",
        ),
        Alert(
            name="FilterdSlow",
            severity="page",
            expression="histogram_quantile(0.99, sum by (instance, le) "
            "(rate(filterd_response_seconds_bucket[5m]))) > 1",
            wait="5m",
            summary="One answer of {{ $labels.instance }} in a hundred takes more than a second",
            description="The 99th percentile is {{ $value | humanizeDuration }}. Upstreams are slow "
            "or silent, "
            "or the machine is out of processor.",
            summary_es="Una de cada cien respuestas de {{ $labels.instance }} tarda más de un segundo",
            description_es="El percentil 99 es {{ $value | humanizeDuration }}. Los servidores "
            "superiores son "
            "lentos o callan, o a la máquina le falta procesador.",
            fires={
                f'filterd_response_seconds_bucket{{{R},path="slow",le="1.0"}}': "0+90x60",
                f'filterd_response_seconds_bucket{{{R},path="slow",le="5.0"}}': "0+100x60",
                f'filterd_response_seconds_bucket{{{R},path="slow",le="+Inf"}}': "0+100x60",
            },
            quiet={
                f'filterd_response_seconds_bucket{{{R},path="slow",le="1.0"}}': "0+100x60",
                f'filterd_response_seconds_bucket{{{R},path="slow",le="+Inf"}}': "0+100x60",
            },
        ),
        Alert(
            name="FilterdReducedMode",
            severity="page",
            expression="filterd_reduced_mode == 1",
            wait="0s",
            summary="{{ $labels.instance }} is in reduced mode: packets keep killing the resolver",
            description="Plain queries are answered under the whole policy; everything unusual is refused.",
            summary_es="{{ $labels.instance }} está en modo reducido: hay paquetes que matan al resolvedor",
            description_es="Las consultas simples se responden con toda la política; lo inusual se rechaza.",
            fires={f"filterd_reduced_mode{{{R}}}": "0x40 1x20"},
            quiet={f"filterd_reduced_mode{{{R}}}": "0x60"},
        ),
        Alert(
            name="FilterdThreadStuck",
            severity="page",
            expression="max_over_time(filterd_threads_stuck[2m]) > 0",
            wait="0s",
            summary="A thread of {{ $labels.instance }} answers nobody",
            description="The supervisor ends the resolver within seconds and starts another.",
            summary_es="Un hilo de {{ $labels.instance }} no responde a nadie",
            description_es="El supervisor termina el resolvedor en segundos e inicia otro.",
            fires={f"filterd_threads_stuck{{{R}}}": "0x43 1 0x20"},
            quiet={f"filterd_threads_stuck{{{R}}}": "0x60"},
        ),
        Alert(
            name="FilterdResolverCrashed",
            severity="ticket",
            expression=grown("filterd_resolver_crashes_total", "15m"),
            wait="0s",
            summary="The resolver on {{ $labels.instance }} died of a fault and was started again",
            description="Answers were missing for a moment. The log holds keyed hashes of the packets that "
            "were being handled.",
            summary_es="El resolvedor en {{ $labels.instance }} murió por un fallo y se inició de nuevo",
            description_es="Faltaron respuestas por un momento. El registro tiene huellas con clave de los "
            "paquetes que se atendían.",
            fires={f"filterd_resolver_crashes_total{{{R}}}": "0x40 1x20"},
            quiet={f"filterd_resolver_crashes_total{{{R}}}": "3x60"},
        ),
        Alert(
            name="FilterdSelfQueriesFail",
            severity="ticket",
            expression='sum by (instance) (rate(filterd_self_queries_total{outcome=~"unanswered|crowded_out"}'
            "[5m])) > 0.01 * sum by (instance) (rate(filterd_self_queries_total[5m]))",
            wait="5m",
            summary="More than 1 % of the self-queries of {{ $labels.instance }} fail",
            description="Threads are too busy, or a firewall drops loopback traffic to the listen addresses.",
            summary_es="Falla más del 1 % de las autoconsultas de {{ $labels.instance }}",
            description_es="Los hilos están saturados, o un cortafuegos descarta el tráfico local hacia las "
            "direcciones de escucha.",
            fires={
                f'filterd_self_queries_total{{{R},path="fast",outcome="answered"}}': "0+50x60",
                f'filterd_self_queries_total{{{R},path="fast",outcome="crowded_out"}}': "0+10x60",
            },
            quiet={
                f'filterd_self_queries_total{{{R},path="fast",outcome="answered"}}': "0+60x60",
                f'filterd_self_queries_total{{{R},path="fast",outcome="unanswered"}}': "5x60",
            },
        ),
        Alert(
            name="FilterdListenAddressAbsent",
            severity="page",
            expression='filterd_listen_addresses{state="absent"} > 0',
            wait="1m",
            summary="Listen addresses of {{ $labels.instance }} that are on no interface: {{ $value }}",
            description="Clients that ask there get no answer. It is served again once an interface has it.",
            summary_es="Direcciones de escucha de {{ $labels.instance }} que no están en ninguna "
            "interfaz: {{ $value }}",
            description_es="Quien pregunta ahí no recibe respuesta. Se atiende de nuevo cuando una interfaz "
            "la tenga.",
            fires={f'filterd_listen_addresses{{{R},state="absent"}}': "0x40 1x20"},
            quiet={f'filterd_listen_addresses{{{R},state="absent"}}': "0x60"},
        ),
        Alert(
            name="FilterdCanaryFails",
            severity="page",
            expression='probe_success{job="filterd-canary"} == 0',
            wait="2m",
            summary="The canary name {{ $labels.canary }} is not blocked on {{ $labels.instance }}",
            description="A name that stands on a list for this purpose alone is answered, or nothing is.",
            summary_es="El nombre testigo {{ $labels.canary }} no está bloqueado en {{ $labels.instance }}",
            description_es="Un nombre puesto en una lista solo para este fin se responde, o no hay "
            "respuesta.",
            fires={'probe_success{instance="r1",job="filterd-canary",canary="a.example"}': "1x40 0x20"},
            quiet={'probe_success{instance="r1",job="filterd-canary",canary="a.example"}': "1x60"},
        ),
        Alert(
            name="FilterdCanaryNotProbed",
            severity="ticket",
            expression='up{job="filterd-canary"} == 0 or '
            '(last_over_time(up{job="filterd-canary"}[1d]) unless up{job="filterd-canary"})',
            wait="10m",
            summary="Nobody asks {{ $labels.instance }} for the canary name",
            description="The blackbox exporter does not answer Prometheus, or the job of the canary is gone. "
            "Whether the name is blocked is not known.",
            summary_es="Nadie le pregunta a {{ $labels.instance }} por el nombre testigo",
            description_es="El exportador blackbox no responde a Prometheus, o ya no está el trabajo del "
            "testigo. No se sabe si el nombre está bloqueado.",
            fires={CANARY: "1x20 0x40"},
            fires_too={"where its job is gone": {CANARY: "1x20 stale _x40"}},
            quiet={CANARY: "1x60"},
            quiet_too={"where there never was a canary": {f"up{{{R}}}": "1x60"}},
        ),
        Alert(
            name="FilterdHandoverFailed",
            severity="ticket",
            expression=grown('filterd_handovers_total{outcome!="taken"}', "15m"),
            wait="0s",
            summary="A restart of {{ $labels.instance }} did not take the sockets over "
            "({{ $labels.outcome }})",
            description="The restart may have cost queries.",
            summary_es="Un reinicio de {{ $labels.instance }} no recibió los sockets ({{ $labels.outcome }})",
            description_es="El reinicio pudo costar consultas.",
            fires={f'filterd_handovers_total{{{R},outcome="refused"}}': "_x40 1x20"},
            quiet={f'filterd_handovers_total{{{R},outcome="taken"}}': "1x40 2x20"},
        ),
    ),
)

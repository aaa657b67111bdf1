"""Alerts on the upstreams."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup, grown
from monitoring.source.alerts_answers import R

UP = f'{R},upstream="192.0.2.10:53"'
FAILURES = "servfail|refused|malformed|timeout|unreachable|untrusted"
"""outcomes of an exchange that brought no answer"""
EXCHANGES = f"{FAILURES}|answered"


def _share(labels: str, outcomes: str) -> str:
    return f'sum by ({labels}) (rate(filterd_upstream_queries_total{{outcome=~"{outcomes}"}}[5m]))'


UPSTREAMS = AlertGroup(
    "upstreams",
    "Upstreams",
    "Servidores superiores",
    (
        Alert(
            name="FilterdNoUpstream",
            severity="page",
            expression="max by (instance) (filterd_upstream_up) == 0",
            wait="1m",
            summary="{{ $labels.instance }} has no upstream that answers",
            description="Only what is blocked, local or cached is answered; everything else is SERVFAIL.",
            summary_es="{{ $labels.instance }} no tiene ningún servidor superior que responda",
            description_es="Solo se responde lo bloqueado, lo local y lo que está en caché; lo demás es "
            "SERVFAIL.",
            fires={f"filterd_upstream_up{{{UP}}}": "1x40 0x20"},
            quiet={
                f"filterd_upstream_up{{{UP}}}": "0x60",
                f'filterd_upstream_up{{{R},upstream="192.0.2.11:53"}}': "1x60",
            },
        ),
        Alert(
            name="FilterdUpstreamErrors",
            severity="page",
            expression=f"{_share('instance', FAILURES)} > 0.05 * {_share('instance', EXCHANGES)}"
            f" and {_share('instance', EXCHANGES)} > 1",
            wait="5m",
            summary="More than 5 % of the questions of {{ $labels.instance }} to its upstreams fail",
            description="Clients wait longer, get old answers, or SERVFAIL with EDE 22 or 23.",
            summary_es="Falla más del 5 % de las preguntas de {{ $labels.instance }} a sus servidores "
            "superiores",
            description_es="Los clientes esperan más, reciben respuestas viejas, o SERVFAIL con EDE 22 o 23.",
            fires={
                f'filterd_upstream_queries_total{{{UP},outcome="timeout"}}': "0+60x60",
                f'filterd_upstream_queries_total{{{UP},outcome="answered"}}': "0+600x60",
            },
            quiet={  # truncated answers asked for again over TCP are no failure
                f'filterd_upstream_queries_total{{{UP},outcome="tcp"}}': "0+100x60",
                f'filterd_upstream_queries_total{{{UP},outcome="timeout"}}': "0+6x60",
                f'filterd_upstream_queries_total{{{UP},outcome="answered"}}': "0+600x60",
            },
        ),
        Alert(
            name="FilterdUpstreamDown",
            severity="ticket",
            expression="filterd_upstream_up == 0",
            wait="5m",
            summary="{{ $labels.instance }} does not use the upstream {{ $labels.upstream }}",
            description="It showed trouble and rests: it is asked last, and probed.",
            summary_es="{{ $labels.instance }} no usa el servidor superior {{ $labels.upstream }}",
            description_es="Tuvo problemas y descansa: se le pregunta al final, y se le prueba.",
            fires={f"filterd_upstream_up{{{UP}}}": "1x35 0x25"},
            quiet={f"filterd_upstream_up{{{UP}}}": "1x42 0 0 1x20"},
        ),
        Alert(
            name="FilterdUpstreamSlow",
            severity="ticket",
            expression="filterd_upstream_latency_seconds > 0.2",
            wait="5m",
            summary="{{ $labels.upstream }} answers {{ $labels.instance }} slowly",
            description="An answer takes {{ $value | humanizeDuration }}.",
            summary_es="{{ $labels.upstream }} responde despacio a {{ $labels.instance }}",
            description_es="Una respuesta tarda {{ $value | humanizeDuration }}.",
            fires={f"filterd_upstream_latency_seconds{{{UP}}}": "0.3x60"},
            quiet={f"filterd_upstream_latency_seconds{{{UP}}}": "0.02x60"},
        ),
        Alert(
            name="FilterdUpstreamLoop",
            severity="ticket",
            expression="filterd_upstream_loops == 1",
            wait="0s",
            summary="{{ $labels.upstream }} forwards to {{ $labels.instance }} itself",
            description="It is not used. Were it the only one, nothing new could be answered.",
            summary_es="{{ $labels.upstream }} reenvía al propio {{ $labels.instance }}",
            description_es="No se usa. Si fuera el único, no se podría responder nada nuevo.",
            fires={f"filterd_upstream_loops{{{UP}}}": "0x40 1x20"},
            quiet={f"filterd_upstream_loops{{{UP}}}": "0x60"},
        ),
        Alert(
            name="FilterdUpstreamUntrusted",
            severity="ticket",
            expression=grown('filterd_upstream_queries_total{outcome="untrusted"}'),
            wait="0s",
            summary="The certificate of {{ $labels.upstream }} is not valid for its name",
            description="It is not asked at all meanwhile: over TLS or not at all.",
            summary_es="El certificado de {{ $labels.upstream }} no es válido para su nombre",
            description_es="Mientras tanto no se le pregunta: solo por TLS o nada.",
            fires={f'filterd_upstream_queries_total{{{UP},outcome="untrusted"}}': "_x40 1x20"},
            quiet={f'filterd_upstream_queries_total{{{UP},outcome="untrusted"}}': "5x60"},
        ),
        Alert(
            name="FilterdForgedAnswers",
            severity="page",
            expression=grown('filterd_upstream_queries_total{outcome=~"doubted|given_up"}', "5m"),
            wait="0s",
            summary="Somebody forges answers of {{ $labels.upstream }} ({{ $labels.outcome }})",
            description="Replies nearly matched questions of {{ $labels.instance }}. Doubted questions are "
            "asked over TCP; given up ones are not.",
            summary_es="Alguien falsifica respuestas de {{ $labels.upstream }} ({{ $labels.outcome }})",
            description_es="Hubo respuestas casi iguales a las esperadas por {{ $labels.instance }}. Las "
            "preguntas dudosas van por TCP; las abandonadas, no.",
            fires={f'filterd_upstream_queries_total{{{UP},outcome="doubted"}}': "_x43 1x20"},
            quiet={f'filterd_upstream_queries_total{{{UP},outcome="wrong_id"}}': "0+1x60"},
        ),
        Alert(
            name="FilterdStrayReplies",
            severity="ticket",
            expression="sum by (instance, upstream) (increase(filterd_upstream_queries_total"
            '{outcome=~"wrong_source|wrong_id|wrong_question"}[10m])) > 1000',
            wait="0s",
            summary="Replies to {{ $labels.instance }} in the name of {{ $labels.upstream }} do not fit",
            description='{{ $value | printf "%.0f" }} in ten minutes: somebody tries to forge answers, or '
            "something on the path is broken.",
            summary_es="Hay respuestas a {{ $labels.instance }} en nombre de {{ $labels.upstream }} que no "
            "corresponden",
            description_es='{{ $value | printf "%.0f" }} en diez minutos: alguien intenta falsificar, o algo '
            "en el camino está averiado.",
            fires={f'filterd_upstream_queries_total{{{UP},outcome="wrong_id"}}': "0+500x60"},
            quiet={f'filterd_upstream_queries_total{{{UP},outcome="wrong_id"}}': "0+5x60"},
        ),
        Alert(
            name="FilterdStaleAnswers",
            severity="ticket",
            expression='rate(filterd_cache_lookups_total{result="stale"}[5m]) > ignoring (result) '
            "0.05 * sum without (result) (rate(filterd_cache_lookups_total[5m]))",
            wait="5m",
            summary="More than 5 % of the lookups of {{ $labels.instance }} give old answers",
            description="Upstreams do not answer in time.",
            summary_es="Más del 5 % de las búsquedas de {{ $labels.instance }} da respuestas viejas",
            description_es="Los servidores superiores no responden a tiempo.",
            fires={
                f'filterd_cache_lookups_total{{{R},result="stale"}}': "0+100x60",
                f'filterd_cache_lookups_total{{{R},result="hit"}}': "0+900x60",
            },
            quiet={
                f'filterd_cache_lookups_total{{{R},result="stale"}}': "0+10x60",
                f'filterd_cache_lookups_total{{{R},result="hit"}}': "0+900x60",
            },
        ),
        Alert(
            name="FilterdAnswersTooLarge",
            severity="ticket",
            expression="increase(filterd_answers_too_large_total[15m]) > 10",
            wait="0s",
            summary="{{ $labels.instance }} refuses answers that are too large to be judged",
            description="Clients get SERVFAIL with EDE 0 for those names. Anybody can cause this with names "
            "of their own.",
            summary_es="{{ $labels.instance }} rechaza respuestas demasiado grandes para juzgarlas",
            description_es="Los clientes reciben SERVFAIL con EDE 0 para esos nombres. Cualquiera puede "
            "causarlo con nombres propios.",
            fires={f"filterd_answers_too_large_total{{{R}}}": "0x35 0+2x25"},
            quiet={f"filterd_answers_too_large_total{{{R}}}": "40x60"},
        ),
    ),
)

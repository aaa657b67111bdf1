"""Runbooks of the alerts on upstreams."""

from __future__ import annotations

from monitoring.source.runbook_form import (
    NETWORK,
    NOBODY,
    RESOLVER_LOG,
    UPSTREAM,
    Runbook,
    count,
)

ASK = "dig @192.0.2.10 www.example.org"
OUTCOMES = count("filterd_upstream_queries_total")

UPSTREAMS = {
    "FilterdNoUpstream": Runbook(
        "clients get answers from the cache alone, old ones too, and else SERVFAIL. Nothing is unblocked.",
        "mend the upstream or the path to it, or write another into `dns.upstreams` and reload.",
        "los clientes reciben solo respuestas de la caché, también viejas, y si no SERVFAIL. Nada queda "
        "desbloqueado.",
        "repare el servidor superior o la ruta, o escriba otro en `dns.upstreams` y recargue.",
        UPSTREAM,
        (ASK, RESOLVER_LOG, count("filterd_upstream_up")),
    ),
    "FilterdUpstreamErrors": Runbook(
        "clients wait longer; some get SERVFAIL or old answers.",
        "the outcome tells: `timeout` and `unreachable` are the path or a dead server; `servfail` and "
        "`refused` the server itself; `untrusted` its certificate. Take a bad one out and reload.",
        "los clientes esperan más; algunos reciben SERVFAIL o respuestas viejas.",
        "el resultado lo dice: `timeout` y `unreachable` son la ruta o un servidor muerto; `servfail` y "
        "`refused` el servidor mismo; `untrusted` su certificado. Quite el malo y recargue.",
        UPSTREAM,
        (OUTCOMES, ASK, RESOLVER_LOG),
    ),
    "FilterdUpstreamDown": Runbook(
        "none, while another upstream answers.",
        "ask it by hand from the node; mend it or the path.",
        "ninguna, mientras otro servidor superior responda.",
        "pregúntele a mano desde el nodo; repárelo, o la ruta.",
        UPSTREAM,
        (ASK, RESOLVER_LOG, OUTCOMES),
    ),
    "FilterdUpstreamSlow": Runbook(
        "answers that are not in the cache take longer.",
        "look at the path and at the server's load.",
        "las respuestas que no están en la caché tardan más.",
        "revise la ruta y la carga del servidor.",
        UPSTREAM,
        (ASK, count("filterd_upstream_latency_seconds"), "mtr -rn 192.0.2.10"),
    ),
    "FilterdUpstreamLoop": Runbook(
        "none, while another upstream answers.",
        "find out whom the upstream forwards to; it must not be this resolver.",
        "ninguna, mientras otro servidor superior responda.",
        "averigüe a quién reenvía el servidor superior; no debe ser este resolvedor.",
        UPSTREAM,
        (count("filterd_upstream_loops"), RESOLVER_LOG, "filterd config show"),
    ),
    "FilterdUpstreamUntrusted": Runbook(
        "none, while another upstream answers. Nobody reads the questions.",
        "renew the certificate, or correct `tls.name` and `tls.ca`. Somebody else may be in the path.",
        "ninguna, mientras otro servidor superior responda. Nadie lee las preguntas.",
        "renueve el certificado, o corrija `tls.name` y `tls.ca`. Quizá haya alguien en la ruta.",
        UPSTREAM,
        ("kdig +tls-ca @192.0.2.10 www.example.org", RESOLVER_LOG, OUTCOMES),
    ),
    "FilterdForgedAnswers": Runbook(
        "no forged answer was taken. `given_up`: questions went to another upstream or got SERVFAIL.",
        "keep packets with forged sources out at the border, or ask the upstream over TLS. With wrong ids "
        "from the upstream itself, look at what stands before it.",
        "no se aceptó ninguna respuesta falsa. `given_up`: las preguntas fueron a otro servidor superior o "
        "recibieron SERVFAIL.",
        "detenga en la frontera los paquetes con origen falso, o pregunte por TLS. Si los identificadores "
        "malos vienen del propio servidor, revise qué hay delante de él.",
        NETWORK,
        (OUTCOMES, RESOLVER_LOG, "filterd config show"),
    ),
    "FilterdStrayReplies": Runbook(
        "none was taken.",
        "as [FilterdForgedAnswers](#filterdforgedanswers).",
        "ninguna se aceptó.",
        "como [FilterdForgedAnswers](#filterdforgedanswers).",
        NETWORK,
        (OUTCOMES, RESOLVER_LOG, "filterd config show"),
    ),
    "FilterdStaleAnswers": Runbook(
        "clients get answers that are over, for a day at most (`cache.serve_stale`).",
        "as [FilterdUpstreamErrors](#filterdupstreamerrors).",
        "los clientes reciben respuestas vencidas, un día como máximo (`cache.serve_stale`).",
        "como [FilterdUpstreamErrors](#filterdupstreamerrors).",
        UPSTREAM,
        (count("filterd_cache_lookups_total"), OUTCOMES, ASK),
    ),
    "FilterdAnswersTooLarge": Runbook(
        "SERVFAIL for a few names. Most often they are made for an attack, and nobody misses them.",
        "where a customer asks for such a name, `filterd check` says so; ask the name's owner for fewer "
        "records. No setting lets it through.",
        "SERVFAIL para unos pocos nombres. Casi siempre se hicieron para un ataque, y nadie los extraña.",
        "si un cliente pide tal nombre, `filterd check` lo dice; pida al dueño menos registros. Ningún "
        "ajuste lo deja pasar.",
        NOBODY,
        (
            count("filterd_answers_too_large_total"),
            "filterd check www.example.org --resolve",
            count("filterd_rate_limited_total"),
        ),
    ),
}

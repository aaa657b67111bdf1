"""Rows on the state of the roles and on answers."""

from __future__ import annotations

from monitoring.source.panels import I, panel, row

STATE = row(
    "State",
    "Estado",
    panel("stat", ("Targets up", "Objetivos activos"), 'sum by (job) (up{job=~"filterd-.*"})', "{{job}}"),
    panel(
        "stat",
        ("Ready: 1 where /readyz says ready", "Listos: 1 donde /readyz dice ready"),
        f"filterd_ready{{{I}}}",
        "{{job}} {{instance}}",
    ),
    panel(
        "stat",
        ("Lag: seconds since a node last had everything", "Atraso: segundos desde que un nodo tuvo todo"),
        f"filterd_node_revision_lag_seconds{{{I}}}",
        "{{instance}}",
        "s",
    ),
    panel("stat", ("Version", "Versión"), f"filterd_build_info{{{I}}}", "{{role}} {{version}}"),
    panel("stat", ("Reduced mode", "Modo reducido"), f"filterd_reduced_mode{{{I}}}", "{{instance}}"),
    panel("stat", ("Threads stuck", "Hilos trabados"), f"filterd_threads_stuck{{{I}}}", "{{instance}}"),
)

TRAFFIC = row(
    "Queries and answers",
    "Consultas y respuestas",
    panel(
        "graph",
        ("Queries a second", "Consultas por segundo"),
        f"sum by (instance, transport) (rate(filterd_queries_total{{{I}}}[$__rate_interval]))",
        "{{instance}} {{transport}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Verdicts a second", "Veredictos por segundo"),
        f"sum by (verdict, reason) (rate(filterd_verdicts_total{{{I}}}[$__rate_interval]))",
        "{{verdict}} {{reason}}",
        "reqps",
    ),
    panel(
        "graph",
        ("99th percentile of the answers", "Percentil 99 de las respuestas"),
        "histogram_quantile(0.99, sum by (path, le) "
        f"(rate(filterd_response_seconds_bucket{{{I}}}[$__rate_interval])))",
        "{{path}}",
        "s",
    ),
    panel(
        "graph",
        (
            "Unrecognised clients: queries a second from addresses of no line",
            "Clientes no reconocidos: consultas por segundo desde direcciones sin línea",
        ),
        f"sum by (family) (rate(filterd_unrecognised_queries_total{{{I}}}[$__rate_interval]))",
        "{{family}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Packets that get silence", "Paquetes sin respuesta"),
        f"sum by (reason) (rate(filterd_drops_total{{{I}}}[$__rate_interval]))",
        "{{reason}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Over the rate limit", "Sobre el límite de tasa"),
        f"sum by (action) (rate(filterd_rate_limited_total{{{I}}}[$__rate_interval]))",
        "{{action}}",
        "reqps",
    ),
)

PATHS = row(
    "Fast path, cache and upstreams",
    "Vía rápida, caché y servidores superiores",
    panel(
        "graph",
        ("Cache lookups", "Búsquedas en la caché"),
        f"sum by (result) (rate(filterd_cache_lookups_total{{{I}}}[$__rate_interval]))",
        "{{result}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Punts", "Consultas fuera de la vía rápida"),
        f"sum by (reason) (rate(filterd_punts_total{{{I}}}[$__rate_interval]))",
        "{{reason}}",
        "reqps",
    ),
    panel(
        "graph",
        (
            "Datagrams a batch: near 64 the threads are at their limit",
            "Datagramas por lote: cerca de 64 los hilos están en su límite",
        ),
        f"rate(filterd_fast_datagrams_total{{{I}}}[$__rate_interval])"
        f" / rate(filterd_fast_batches_total{{{I}}}[$__rate_interval])",
        "{{instance}}",
    ),
    panel(
        "graph",
        ("Misses of the threads", "Fallos de caché de los hilos"),
        f"sum by (result) (rate(filterd_fast_misses_total{{{I}}}[$__rate_interval]))",
        "{{result}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Questions to upstreams by outcome", "Preguntas a servidores superiores por resultado"),
        f"sum by (upstream, outcome) (rate(filterd_upstream_queries_total{{{I}}}[$__rate_interval]))",
        "{{upstream}} {{outcome}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Latency of upstreams", "Latencia de los servidores superiores"),
        f"filterd_upstream_latency_seconds{{{I}}}",
        "{{instance}} {{upstream}}",
        "s",
    ),
    panel(
        "stat",
        ("Upstreams up", "Servidores superiores activos"),
        f"filterd_upstream_up{{{I}}}",
        "{{upstream}}",
    ),
    panel(
        "graph",
        ("Outstanding questions", "Preguntas pendientes"),
        f"filterd_upstream_outstanding{{{I}}}",
        "{{instance}} {{upstream}}",
    ),
    panel("graph", ("TCP connections", "Conexiones TCP"), f"filterd_tcp_connections{{{I}}}", "{{instance}}"),
    panel(
        "graph",
        ("TCP connections that ended", "Conexiones TCP terminadas"),
        f"sum by (reason) (rate(filterd_tcp_connections_ended_total{{{I}}}[$__rate_interval]))",
        "{{reason}}",
        "cps",
    ),
    panel(
        "graph",
        ("Self-queries", "Autoconsultas"),
        f"sum by (path, outcome) (rate(filterd_self_queries_total{{{I}}}[$__rate_interval]))",
        "{{path}} {{outcome}}",
        "reqps",
    ),
    panel(
        "stat",
        ("Listen addresses", "Direcciones de escucha"),
        f"sum by (state) (filterd_listen_addresses{{{I}}})",
        "{{state}}",
    ),
)

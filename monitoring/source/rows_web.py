"""Rows on the API, the pages and the block page."""

from __future__ import annotations

from monitoring.source.panels import I, panel, row

API = row(
    "The API",
    "La API",
    panel(
        "graph",
        ("Requests by status", "Peticiones por estado"),
        f"sum by (status) (rate(filterd_api_requests_total{{{I}}}[5m]))",
        "{{status}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Slowest 1 % of replies by group of calls", "El 1 % más lento por grupo de llamadas"),
        "histogram_quantile(0.99, sum by (group, le) "
        f"(rate(filterd_api_response_seconds_bucket{{{I}}}[5m])))",
        "{{group}}",
        "s",
    ),
    panel(
        "graph",
        ("Requests at work", "Peticiones en curso"),
        f"filterd_api_in_flight{{{I}}}",
        "{{instance}}",
    ),
    panel(
        "graph",
        ("Connections of clients", "Conexiones de clientes"),
        f"filterd_api_connections{{{I}}}",
        "{{instance}}",
    ),
    panel(
        "graph",
        ("Imports at work", "Importaciones en curso"),
        f"filterd_api_imports{{{I}}}",
        "{{instance}}",
    ),
)

PAGES = row(
    "Pages",
    "Páginas",
    panel(
        "graph",
        ("Requests by listener and status", "Peticiones por dirección y estado"),
        f"sum by (pages, status) (rate(filterd_page_requests_total{{{I}}}[5m]))",
        "{{pages}} {{status}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Connections of browsers", "Conexiones de navegadores"),
        f"filterd_page_connections{{{I}}}",
        "{{pages}}",
    ),
    panel(
        "graph",
        ("Sign-ins refused by way", "Entradas rechazadas por forma de entrar"),
        f"sum by (way) (rate(filterd_sign_ins_refused_total{{{I}}}[5m]))",
        "{{way}}",
        "ops",
    ),
)

BLOCK = row(
    "The block page",
    "La página de bloqueo",
    panel(
        "graph",
        ("Requests by kind of page", "Peticiones por tipo de página"),
        f"sum by (kind) (rate(filterd_block_page_requests_total{{{I}}}[5m]))",
        "{{kind}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Connections of clients", "Conexiones de clientes"),
        f"filterd_block_page_connections{{{I}}}",
        "{{instance}}",
    ),
)

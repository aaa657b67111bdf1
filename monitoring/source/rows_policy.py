"""Rows on policy, proof and orders."""

from __future__ import annotations

from monitoring.source.panels import I, panel, row

POLICY = row(
    "Policy in force",
    "Política vigente",
    panel(
        "stat",
        (
            "Different policies: more than 1 while a change spreads, or where nodes drift apart",
            "Políticas distintas: más de 1 mientras se difunde un cambio, o si los nodos difieren",
        ),
        "count(count by (digest) (filterd_snapshot_info))",
        "",
    ),
    panel(
        "stat",
        ("Policy of each node", "Política de cada nodo"),
        f"filterd_snapshot_info{{{I}}}",
        "{{instance}} {{digest}}",
    ),
    panel(
        "stat",
        ("Parts loaded", "Partes cargadas"),
        f"filterd_node_part_ready{{{I}}}",
        "{{instance}} {{part}}",
    ),
    panel("graph", ("Names of each list", "Nombres de cada lista"), "filterd_feed_names", "{{feed}}"),
    panel(
        "graph",
        ("Age of each list", "Antigüedad de cada lista"),
        "time() - filterd_feed_last_success_timestamp_seconds",
        "{{feed}}",
        "s",
    ),
    panel(
        "stat",
        ("Lists held back", "Listas retenidas"),
        "sum(filterd_feed_quarantined)",
        "",
    ),
    panel(
        "stat",
        ("Lists without an entry", "Listas sin entrada"),
        "sum(filterd_feed_orphaned)",
        "",
    ),
    panel(
        "stat",
        ("Failed compiles", "Compilaciones fallidas"),
        "filterd_compile_failures_total",
        "{{instance}}",
    ),
)

PROOF = row(
    "Proof",
    "Comprobación",
    panel(
        "stat",
        (
            "Version of each list: as each node has it in force",
            "Versión de cada lista: la que rige en cada nodo",
        ),
        f"filterd_list_info{{{I}}}",
        "{{instance}} {{list}} {{version}} {{digest}}",
    ),
    panel(
        "stat",
        (
            "Digest over all: equal where lists and orders are",
            "Digest de todo: igual donde listas y órdenes lo son",
        ),
        f"filterd_effective_info{{{I}}}",
        "{{instance}} {{digest}}",
    ),
    panel(
        "stat",
        ("Canaries: 1 where the list blocks", "Nombres testigo: 1 donde la lista bloquea"),
        f"filterd_canary{{{I}}}",
        "{{instance}} {{list}}",
    ),
    panel("stat", ("Nodes drifted", "Nodos desviados"), "filterd_nodes_drifted", ""),
    panel(
        "stat",
        ("Orders not yet so on every node", "Órdenes que aún no rigen igual en todos los nodos"),
        "filterd_orders_unapplied",
        "{{effect}}",
    ),
    panel(
        "graph",
        (
            "Time until a node has an order, or has lifted it: 99 of 100",
            "Tiempo hasta que un nodo tiene una orden, o la levantó: 99 de 100",
        ),
        "histogram_quantile(0.99, sum by (le, effect) (rate(filterd_order_arrival_seconds_bucket[1h])))",
        "{{effect}}",
        "s",
    ),
    panel(
        "stat",
        ("Orders seen otherwise over DNS", "Órdenes vistas de otro modo por DNS"),
        "filterd_orders_contrary",
        "",
    ),
    panel("stat", ("Notices that wait", "Avisos que esperan"), "filterd_notices_waiting", ""),
    panel(
        "graph",
        ("Names in force of each list", "Nombres vigentes de cada lista"),
        f"filterd_list_names{{{I}}}",
        "{{instance}} {{list}}",
    ),
    panel(
        "graph",
        ("Age of each list in force", "Antigüedad de cada lista vigente"),
        f"time() - filterd_list_loaded_timestamp_seconds{{{I}}}",
        "{{instance}} {{list}}",
        "s",
    ),
)

ORDERS = row(
    "Orders",
    "Órdenes",
    panel("stat", ("Orders by state", "Órdenes por estado"), "filterd_orders", "{{state}}"),
    panel(
        "stat",
        ("Emergency ends to review", "Fines de emergencia por revisar"),
        "filterd_order_emergency_reviews",
        "{{state}}",
    ),
    panel("stat", ("Due at the duty desk", "Pendientes de la guardia"), "filterd_duty_due > 0", "{{kind}}"),
    panel(
        "stat", ("Late at the duty desk", "Vencidos de la guardia"), "filterd_duty_overdue", "{{instance}}"
    ),
    panel(
        "stat",
        ("Oldest request of an authority", "Petición más antigua de una autoridad"),
        "filterd_duty_oldest_request_seconds",
        "{{instance}}",
        unit="s",
    ),
    panel(
        "stat",
        ("Alarms on deadlines", "Avisos de plazos"),
        "sum by (outcome) (filterd_order_alarms_total)",
        "{{outcome}}",
    ),
    panel(
        "stat",
        ("Orders put in force", "Órdenes puestas en vigor"),
        f"filterd_order_enforcement_seconds_count{{{I}}}",
        "{{instance}}",
    ),
    panel(
        "stat",
        (
            "In force within a second: of the orders since the node started",
            "En vigor en un segundo: de las órdenes desde el arranque del nodo",
        ),
        f'filterd_order_enforcement_seconds_bucket{{{I},le="1.0"}}',
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Kept by a node alone", "Solo en un nodo"),
        f"filterd_node_kept_orders{{{I}}}",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Not on the disk of the node", "Fuera del disco del nodo"),
        f"filterd_node_changes_not_durable{{{I}}}",
        "{{instance}}",
    ),
    panel(
        "graph",
        ("Blocks by reason", "Bloqueos por motivo"),
        f'sum by (reason) (rate(filterd_verdicts_total{{{I},verdict="block"}}[$__rate_interval]))',
        "{{reason}}",
        "reqps",
    ),
)

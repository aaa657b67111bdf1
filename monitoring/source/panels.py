"""The panels of the dashboards: titles in both languages, and what they ask Prometheus for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["stat", "graph"]
I = 'instance=~"$instance"'  # noqa: E741 - stands in every expression


@dataclass(frozen=True, slots=True)
class PanelText:
    """The words of a panel or row in one language."""

    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class ChartPanel:
    """One panel: a number, or a graph."""

    kind: Kind
    english: PanelText
    spanish: PanelText
    expression: str
    legend: str
    unit: str = "short"


@dataclass(frozen=True, slots=True)
class PanelRow:
    """Panels below one heading."""

    english: PanelText
    spanish: PanelText
    panels: tuple[ChartPanel, ...]


def _panel(
    kind: Kind, texts: tuple[str, str], expression: str, legend: str, unit: str = "short"
) -> ChartPanel:
    (title, _, description), (titulo, _, descripcion) = (text.partition(": ") for text in texts)
    return ChartPanel(
        kind, PanelText(title, description), PanelText(titulo, descripcion), expression, legend, unit
    )


def _row(title: str, titulo: str, *panels: ChartPanel) -> PanelRow:
    return PanelRow(PanelText(title), PanelText(titulo), panels)


STATE = _row(
    "State",
    "Estado",
    _panel("stat", ("Targets up", "Objetivos activos"), 'sum by (job) (up{job=~"filterd-.*"})', "{{job}}"),
    _panel(
        "stat",
        ("Ready: 1 where /readyz says ready", "Listos: 1 donde /readyz dice ready"),
        f"filterd_ready{{{I}}}",
        "{{job}} {{instance}}",
    ),
    _panel(
        "stat",
        ("Lag: seconds since a node last had everything", "Atraso: segundos desde que un nodo tuvo todo"),
        f"filterd_node_revision_lag_seconds{{{I}}}",
        "{{instance}}",
        "s",
    ),
    _panel("stat", ("Version", "Versión"), f"filterd_build_info{{{I}}}", "{{role}} {{version}}"),
    _panel("stat", ("Reduced mode", "Modo reducido"), f"filterd_reduced_mode{{{I}}}", "{{instance}}"),
    _panel("stat", ("Threads stuck", "Hilos trabados"), f"filterd_threads_stuck{{{I}}}", "{{instance}}"),
)

TRAFFIC = _row(
    "Queries and answers",
    "Consultas y respuestas",
    _panel(
        "graph",
        ("Queries a second", "Consultas por segundo"),
        f"sum by (instance, transport) (rate(filterd_queries_total{{{I}}}[$__rate_interval]))",
        "{{instance}} {{transport}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Verdicts a second", "Veredictos por segundo"),
        f"sum by (verdict, reason) (rate(filterd_verdicts_total{{{I}}}[$__rate_interval]))",
        "{{verdict}} {{reason}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("99th percentile of the answers", "Percentil 99 de las respuestas"),
        "histogram_quantile(0.99, sum by (path, le) "
        f"(rate(filterd_response_seconds_bucket{{{I}}}[$__rate_interval])))",
        "{{path}}",
        "s",
    ),
    _panel(
        "graph",
        (
            "Unrecognised clients: queries a second from addresses of no line",
            "Clientes no reconocidos: consultas por segundo desde direcciones sin línea",
        ),
        f"sum by (family) (rate(filterd_unrecognised_queries_total{{{I}}}[$__rate_interval]))",
        "{{family}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Packets that get silence", "Paquetes sin respuesta"),
        f"sum by (reason) (rate(filterd_drops_total{{{I}}}[$__rate_interval]))",
        "{{reason}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Over the rate limit", "Sobre el límite de tasa"),
        f"sum by (action) (rate(filterd_rate_limited_total{{{I}}}[$__rate_interval]))",
        "{{action}}",
        "reqps",
    ),
)

PATHS = _row(
    "Fast path, cache and upstreams",
    "Vía rápida, caché y servidores superiores",
    _panel(
        "graph",
        ("Cache lookups", "Búsquedas en la caché"),
        f"sum by (result) (rate(filterd_cache_lookups_total{{{I}}}[$__rate_interval]))",
        "{{result}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Punts", "Consultas fuera de la vía rápida"),
        f"sum by (reason) (rate(filterd_punts_total{{{I}}}[$__rate_interval]))",
        "{{reason}}",
        "reqps",
    ),
    _panel(
        "graph",
        (
            "Datagrams a batch: near 64 the threads are at their limit",
            "Datagramas por lote: cerca de 64 los hilos están en su límite",
        ),
        f"rate(filterd_fast_datagrams_total{{{I}}}[$__rate_interval])"
        f" / rate(filterd_fast_batches_total{{{I}}}[$__rate_interval])",
        "{{instance}}",
    ),
    _panel(
        "graph",
        ("Misses of the threads", "Fallos de caché de los hilos"),
        f"sum by (result) (rate(filterd_fast_misses_total{{{I}}}[$__rate_interval]))",
        "{{result}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Questions to upstreams by outcome", "Preguntas a servidores superiores por resultado"),
        f"sum by (upstream, outcome) (rate(filterd_upstream_queries_total{{{I}}}[$__rate_interval]))",
        "{{upstream}} {{outcome}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Latency of upstreams", "Latencia de los servidores superiores"),
        f"filterd_upstream_latency_seconds{{{I}}}",
        "{{instance}} {{upstream}}",
        "s",
    ),
    _panel(
        "stat",
        ("Upstreams up", "Servidores superiores activos"),
        f"filterd_upstream_up{{{I}}}",
        "{{upstream}}",
    ),
    _panel(
        "graph",
        ("Outstanding questions", "Preguntas pendientes"),
        f"filterd_upstream_outstanding{{{I}}}",
        "{{instance}} {{upstream}}",
    ),
    _panel("graph", ("TCP connections", "Conexiones TCP"), f"filterd_tcp_connections{{{I}}}", "{{instance}}"),
    _panel(
        "graph",
        ("TCP connections that ended", "Conexiones TCP terminadas"),
        f"sum by (reason) (rate(filterd_tcp_connections_ended_total{{{I}}}[$__rate_interval]))",
        "{{reason}}",
        "cps",
    ),
    _panel(
        "graph",
        ("Self-queries", "Autoconsultas"),
        f"sum by (path, outcome) (rate(filterd_self_queries_total{{{I}}}[$__rate_interval]))",
        "{{path}} {{outcome}}",
        "reqps",
    ),
    _panel(
        "stat",
        ("Listen addresses", "Direcciones de escucha"),
        f"sum by (state) (filterd_listen_addresses{{{I}}})",
        "{{state}}",
    ),
)

POLICY = _row(
    "Policy in force",
    "Política vigente",
    _panel(
        "stat",
        (
            "Different policies: more than 1 while a change spreads, or where nodes drift apart",
            "Políticas distintas: más de 1 mientras se difunde un cambio, o si los nodos difieren",
        ),
        "count(count by (digest) (filterd_snapshot_info))",
        "",
    ),
    _panel(
        "stat",
        ("Policy of each node", "Política de cada nodo"),
        f"filterd_snapshot_info{{{I}}}",
        "{{instance}} {{digest}}",
    ),
    _panel(
        "stat",
        ("Parts loaded", "Partes cargadas"),
        f"filterd_node_part_ready{{{I}}}",
        "{{instance}} {{part}}",
    ),
    _panel("graph", ("Names of each list", "Nombres de cada lista"), "filterd_feed_names", "{{feed}}"),
    _panel(
        "graph",
        ("Age of each list", "Antigüedad de cada lista"),
        "time() - filterd_feed_last_success_timestamp_seconds",
        "{{feed}}",
        "s",
    ),
    _panel(
        "stat",
        ("Lists held back", "Listas retenidas"),
        "sum(filterd_feed_quarantined)",
        "",
    ),
    _panel(
        "stat",
        ("Lists without an entry", "Listas sin entrada"),
        "sum(filterd_feed_orphaned)",
        "",
    ),
    _panel(
        "stat",
        ("Failed compiles", "Compilaciones fallidas"),
        "filterd_compile_failures_total",
        "{{instance}}",
    ),
)

PROOF = _row(
    "Proof",
    "Comprobación",
    _panel(
        "stat",
        (
            "Version of each list: as each node has it in force",
            "Versión de cada lista: la que rige en cada nodo",
        ),
        f"filterd_list_info{{{I}}}",
        "{{instance}} {{list}} {{version}} {{digest}}",
    ),
    _panel(
        "stat",
        (
            "Digest over all: equal where lists and orders are",
            "Digest de todo: igual donde listas y órdenes lo son",
        ),
        f"filterd_effective_info{{{I}}}",
        "{{instance}} {{digest}}",
    ),
    _panel(
        "stat",
        ("Canaries: 1 where the list blocks", "Nombres testigo: 1 donde la lista bloquea"),
        f"filterd_canary{{{I}}}",
        "{{instance}} {{list}}",
    ),
    _panel("stat", ("Nodes drifted", "Nodos desviados"), "filterd_nodes_drifted", ""),
    _panel("stat", ("Notices that wait", "Avisos que esperan"), "filterd_notices_waiting", ""),
    _panel(
        "graph",
        ("Names in force of each list", "Nombres vigentes de cada lista"),
        f"filterd_list_names{{{I}}}",
        "{{instance}} {{list}}",
    ),
    _panel(
        "graph",
        ("Age of each list in force", "Antigüedad de cada lista vigente"),
        f"time() - filterd_list_loaded_timestamp_seconds{{{I}}}",
        "{{instance}} {{list}}",
        "s",
    ),
)

SESSIONS = _row(
    "Sessions",
    "Sesiones",
    _panel(
        "stat",
        ("Sessions: registered or not", "Sesiones: con abonado registrado o no"),
        f"filterd_sessions_known{{{I}}}",
        "{{source}} {{state}}",
    ),
    _panel(
        "stat",
        (
            "Complete: 0 for a while after sessions were lost",
            "Completas: 0 un rato después de perderse sesiones",
        ),
        f"filterd_sessions_complete{{{I}}}",
        "{{instance}}",
    ),
    _panel(
        "stat",
        ("Sessions in force on each resolver", "Sesiones vigentes en cada resolutor"),
        f"filterd_sessions{{{I}}}",
        "{{instance}}",
    ),
    _panel(
        "stat",
        (
            "Loaded: 0 while dns.parental_fail decides for unknown clients",
            "Cargadas: 0 mientras dns.parental_fail decide por los clientes desconocidos",
        ),
        f"filterd_sessions_ready{{{I}}}",
        "{{instance}}",
    ),
    _panel(
        "graph",
        ("Queries by how their line was recognised", "Consultas según cómo se reconoció su línea"),
        f"rate(filterd_identified_total{{{I}}}[1m])",
        "{{instance}} {{method}}",
    ),
    _panel(
        "graph",
        ("Seconds since control was heard on sessions", "Segundos sin noticia del control sobre sesiones"),
        f"filterd_sessions_lag_seconds{{{I}}}",
        "{{instance}}",
        "s",
    ),
    _panel(
        "graph",
        ("Sessions read anew from control, by why", "Sesiones leídas de nuevo del control, por motivo"),
        f"rate(filterd_sessions_resyncs_total{{{I}}}[5m])",
        "{{instance}} {{reason}}",
    ),
    _panel(
        "stat",
        ("Resolvers that follow the sessions", "Resolutores que siguen las sesiones"),
        f"filterd_session_followers{{{I}}}",
        "{{instance}}",
    ),
    _panel(
        "graph",
        ("Sessions refused by a full table", "Sesiones que la tabla llena rechazó"),
        f"rate(filterd_sessions_refused_total{{{I}}}[5m])",
        "{{instance}}",
        "ops",
    ),
    _panel(
        "graph",
        ("Accounting packets by what became of them", "Paquetes de contabilidad según su destino"),
        f"rate(filterd_accounting_packets_total{{{I}}}[1m])",
        "{{outcome}}",
        "pps",
    ),
    _panel(
        "stat",
        ("NASes by their clocks", "NAS según su reloj"),
        f"filterd_nas_clocks{{{I}}}",
        "{{clock}}",
    ),
    _panel(
        "graph",
        ("Steps of the clocks of NASes", "Saltos de los relojes de los NAS"),
        f"increase(filterd_nas_clock_steps_total{{{I}}}[1h])",
        "{{instance}}",
    ),
    _panel(
        "graph",
        ("Messages of NASes without room", "Mensajes de NAS sin lugar"),
        f"increase(filterd_nas_without_place_total{{{I}}}[1h])",
        "{{instance}}",
    ),
    _panel(
        "graph",
        ("Seconds without an accepted packet", "Segundos sin un paquete aceptado"),
        f"filterd_accounting_silence_seconds{{{I}}}",
        "{{instance}}",
        "s",
    ),
    _panel(
        "graph",
        ("Nine in ten sessions were confirmed within", "Nueve de cada diez sesiones, confirmadas dentro de"),
        f"filterd_sessions_confirmed_within_seconds{{{I}}}",
        "{{instance}}",
        "s",
    ),
    _panel(
        "graph",
        ("Addresses that no session may have", "Direcciones que ninguna sesión puede tener"),
        f"rate(filterd_session_claims_refused_total{{{I}}}[5m])",
        "{{source}}",
        "ops",
    ),
    _panel(
        "graph",
        ("Lines of lease files that are no lease", "Renglones de archivos que no son una concesión"),
        f"rate(filterd_lease_lines_skipped_total{{{I}}}[5m])",
        "{{instance}}",
        "ops",
    ),
    _panel(
        "graph",
        ("RADIUS packets with the old secret", "Paquetes RADIUS con el secreto antiguo"),
        f"rate(filterd_accounting_second_secret_total{{{I}}}[5m])",
        "{{instance}}",
        "pps",
    ),
    _panel(
        "graph",
        ("Changes of sessions", "Cambios de sesiones"),
        f"rate(filterd_session_changes_total{{{I}}}[1m])",
        "{{change}}",
        "ops",
    ),
)

ORDERS = _row(
    "Orders",
    "Órdenes",
    _panel("stat", ("Orders by state", "Órdenes por estado"), "filterd_orders", "{{state}}"),
    _panel(
        "stat",
        ("Orders put in force", "Órdenes puestas en vigor"),
        f"filterd_order_enforcement_seconds_count{{{I}}}",
        "{{instance}}",
    ),
    _panel(
        "stat",
        (
            "In force within a second: of the orders since the node started",
            "En vigor en un segundo: de las órdenes desde el arranque del nodo",
        ),
        f'filterd_order_enforcement_seconds_bucket{{{I},le="1.0"}}',
        "{{instance}}",
    ),
    _panel(
        "stat",
        ("Kept by a node alone", "Solo en un nodo"),
        f"filterd_node_kept_orders{{{I}}}",
        "{{instance}}",
    ),
    _panel(
        "stat",
        ("Not on the disk of the node", "Fuera del disco del nodo"),
        f"filterd_node_changes_not_durable{{{I}}}",
        "{{instance}}",
    ),
    _panel(
        "graph",
        ("Blocks by reason", "Bloqueos por motivo"),
        f'sum by (reason) (rate(filterd_verdicts_total{{{I},verdict="block"}}[$__rate_interval]))',
        "{{reason}}",
        "reqps",
    ),
)

RECORDS = _row(
    "Lines and records",
    "Líneas y registros",
    _panel("stat", ("Lines by state", "Líneas por estado"), "filterd_subscribers", "{{state}}"),
    _panel(
        "stat",
        ("Notices to holders, by outcome", "Avisos a titulares, por resultado"),
        "sum by (outcome) (filterd_notices_total)",
        "{{outcome}}",
    ),
    _panel(
        "stat",
        ("Last deletion of data past its term", "Último borrado de datos vencidos"),
        "filterd_retention_last_success_timestamp_seconds",
        "{{instance}}",
    ),
    _panel(
        "stat",
        ("Last export of the public pages", "Última exportación de las páginas públicas"),
        "filterd_page_published_timestamp_seconds",
        "{{instance}}",
    ),
    _panel(
        "stat",
        ("Public pages that differ from what runs", "Páginas públicas que difieren de lo que corre"),
        "filterd_page_differs",
        "{{instance}}",
    ),
    _panel(
        "stat",
        ("Requests of holders for their data", "Solicitudes ARCO"),
        "filterd_arco_requests",
        "{{state}}",
    ),
    _panel(
        "stat",
        ("Data beyond its term", "Datos más allá de su plazo"),
        "sum by (class) (filterd_retention_overdue)",
        "{{class}}",
    ),
    _panel(
        "stat",
        ("Lines with a filter, by evidence", "Líneas con filtro, por constancia"),
        "filterd_consent_lines",
        "{{evidence}}",
    ),
    _panel(
        "stat", ("Lines of each node", "Líneas de cada nodo"), f"filterd_node_lines{{{I}}}", "{{instance}}"
    ),
    _panel(
        "graph",
        ("Audit entries: never falls", "Entradas de auditoría: nunca disminuyen"),
        "filterd_audit_entries_total",
        "{{instance}}",
    ),
    _panel(
        "stat",
        (
            "Damaged rows: orders and lists that are not what was decided",
            "Filas dañadas: órdenes y listas que no son lo que se decidió",
        ),
        "filterd_store_rows_damaged",
        "{{instance}}",
    ),
    _panel(
        "graph",
        ("Blocks by category", "Bloqueos por categoría"),
        f"sum by (category) (rate(filterd_category_blocks_total{{{I}}}[$__rate_interval]))",
        "{{category}}",
        "reqps",
    ),
    _panel(
        "graph",
        (
            "Queries for observed lists, which block nothing",
            "Consultas de listas observadas, que no bloquean",
        ),
        f"sum by (feed) (rate(filterd_feed_observed_total{{{I}}}[$__rate_interval]))",
        "{{feed}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Answers that ECH was taken out of", "Respuestas a las que se quitó ECH"),
        f"sum by (instance) (rate(filterd_ech_stripped_total{{{I}}}[$__rate_interval]))",
        "{{instance}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Clocks: seconds from the time of the scrape", "Relojes: segundos respecto a la hora de la lectura"),
        f"filterd_clock_timestamp_seconds{{{I}}} - timestamp(filterd_clock_timestamp_seconds{{{I}}})",
        "{{job}} {{instance}}",
        "s",
    ),
)

API = _row(
    "The API",
    "La API",
    _panel(
        "graph",
        ("Requests by status", "Peticiones por estado"),
        f"sum by (status) (rate(filterd_api_requests_total{{{I}}}[5m]))",
        "{{status}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Slowest 1 % of replies by group of calls", "El 1 % más lento por grupo de llamadas"),
        "histogram_quantile(0.99, sum by (group, le) "
        f"(rate(filterd_api_response_seconds_bucket{{{I}}}[5m])))",
        "{{group}}",
        "s",
    ),
    _panel(
        "graph",
        ("Requests at work", "Peticiones en curso"),
        f"filterd_api_in_flight{{{I}}}",
        "{{instance}}",
    ),
    _panel(
        "graph",
        ("Connections of clients", "Conexiones de clientes"),
        f"filterd_api_connections{{{I}}}",
        "{{instance}}",
    ),
    _panel(
        "graph",
        ("Imports at work", "Importaciones en curso"),
        f"filterd_api_imports{{{I}}}",
        "{{instance}}",
    ),
)

BLOCK = _row(
    "The block page",
    "La página de bloqueo",
    _panel(
        "graph",
        ("Requests by kind of page", "Peticiones por tipo de página"),
        f"sum by (kind) (rate(filterd_block_page_requests_total{{{I}}}[5m]))",
        "{{kind}}",
        "reqps",
    ),
    _panel(
        "graph",
        ("Connections of clients", "Conexiones de clientes"),
        f"filterd_block_page_connections{{{I}}}",
        "{{instance}}",
    ),
)

OPERATORS = (STATE, TRAFFIC, PATHS, POLICY, PROOF, ORDERS, SESSIONS, RECORDS, API, BLOCK)
AUDITORS = (ORDERS, POLICY, PROOF, RECORDS)

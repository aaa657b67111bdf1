"""Rows on sessions, lines and records."""

from __future__ import annotations

from monitoring.source.panels import I, panel, row

SESSIONS = row(
    "Sessions",
    "Sesiones",
    panel(
        "stat",
        ("Sessions: registered or not", "Sesiones: con abonado registrado o no"),
        f"filterd_sessions_known{{{I}}}",
        "{{source}} {{state}}",
    ),
    panel(
        "stat",
        (
            "Complete: 0 for a while after sessions were lost",
            "Completas: 0 un rato después de perderse sesiones",
        ),
        f"filterd_sessions_complete{{{I}}}",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Sessions in force on each resolver", "Sesiones vigentes en cada resolutor"),
        f"filterd_sessions{{{I}}}",
        "{{instance}}",
    ),
    panel(
        "stat",
        (
            "Loaded: 0 while dns.parental_fail decides for unknown clients",
            "Cargadas: 0 mientras dns.parental_fail decide por los clientes desconocidos",
        ),
        f"filterd_sessions_ready{{{I}}}",
        "{{instance}}",
    ),
    panel(
        "graph",
        ("Queries by how their line was recognised", "Consultas según cómo se reconoció su línea"),
        f"rate(filterd_identified_total{{{I}}}[1m])",
        "{{instance}} {{method}}",
    ),
    panel(
        "graph",
        ("Seconds since control was heard on sessions", "Segundos sin noticia del control sobre sesiones"),
        f"filterd_sessions_lag_seconds{{{I}}}",
        "{{instance}}",
        "s",
    ),
    panel(
        "graph",
        ("Sessions read anew from control, by why", "Sesiones leídas de nuevo del control, por motivo"),
        f"rate(filterd_sessions_resyncs_total{{{I}}}[5m])",
        "{{instance}} {{reason}}",
    ),
    panel(
        "stat",
        ("Resolvers that follow the sessions", "Resolutores que siguen las sesiones"),
        f"filterd_session_followers{{{I}}}",
        "{{instance}}",
    ),
    panel(
        "graph",
        ("Sessions refused by a full table", "Sesiones que la tabla llena rechazó"),
        f"rate(filterd_sessions_refused_total{{{I}}}[5m])",
        "{{instance}}",
        "ops",
    ),
    panel(
        "graph",
        ("Accounting packets by what became of them", "Paquetes de contabilidad según su destino"),
        f"rate(filterd_accounting_packets_total{{{I}}}[1m])",
        "{{outcome}}",
        "pps",
    ),
    panel(
        "stat",
        ("NASes by their clocks", "NAS según su reloj"),
        f"filterd_nas_clocks{{{I}}}",
        "{{clock}}",
    ),
    panel(
        "graph",
        ("Steps of the clocks of NASes", "Saltos de los relojes de los NAS"),
        f"increase(filterd_nas_clock_steps_total{{{I}}}[1h])",
        "{{instance}}",
    ),
    panel(
        "graph",
        ("Messages that were stamped ahead", "Mensajes con la hora adelantada"),
        f"increase(filterd_accounting_stamped_ahead_total{{{I}}}[1h])",
        "{{kind}}",
    ),
    panel(
        "graph",
        ("Messages of NASes without room", "Mensajes de NAS sin lugar"),
        f"increase(filterd_nas_without_place_total{{{I}}}[1h])",
        "{{instance}}",
    ),
    panel(
        "graph",
        ("Seconds without an accepted packet", "Segundos sin un paquete aceptado"),
        f"filterd_accounting_silence_seconds{{{I}}}",
        "{{instance}}",
        "s",
    ),
    panel(
        "graph",
        ("Nine in ten sessions were confirmed within", "Nueve de cada diez sesiones, confirmadas dentro de"),
        f"filterd_sessions_confirmed_within_seconds{{{I}}}",
        "{{instance}}",
        "s",
    ),
    panel(
        "graph",
        ("Addresses that no session may have", "Direcciones que ninguna sesión puede tener"),
        f"rate(filterd_session_claims_refused_total{{{I}}}[5m])",
        "{{source}}",
        "ops",
    ),
    panel(
        "graph",
        ("Lines of lease files that are no lease", "Renglones de archivos que no son una concesión"),
        f"rate(filterd_lease_lines_skipped_total{{{I}}}[5m])",
        "{{instance}}",
        "ops",
    ),
    panel(
        "graph",
        ("RADIUS packets with the old secret", "Paquetes RADIUS con el secreto antiguo"),
        f"rate(filterd_accounting_second_secret_total{{{I}}}[5m])",
        "{{instance}}",
        "pps",
    ),
    panel(
        "graph",
        ("Changes of sessions", "Cambios de sesiones"),
        f"rate(filterd_session_changes_total{{{I}}}[1m])",
        "{{change}}",
        "ops",
    ),
)

RECORDS = row(
    "Lines and records",
    "Líneas y registros",
    panel("stat", ("Lines by state", "Líneas por estado"), "filterd_subscribers", "{{state}}"),
    panel(
        "stat",
        ("Notices to holders, by outcome", "Avisos a titulares, por resultado"),
        "sum by (outcome) (filterd_notices_total)",
        "{{outcome}}",
    ),
    panel(
        "stat",
        ("Last deletion of data past its term", "Último borrado de datos vencidos"),
        "filterd_retention_last_success_timestamp_seconds",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Last export of the public pages", "Última exportación de las páginas públicas"),
        "filterd_page_published_timestamp_seconds",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Public pages that differ from what runs", "Páginas públicas que difieren de lo que corre"),
        "filterd_page_differs",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Published lists that are behind", "Listas publicadas atrasadas"),
        "filterd_lists_published_behind",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Newest edition of a published list", "Edición más nueva de una lista publicada"),
        "filterd_lists_published_timestamp_seconds",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Published lists that must be withdrawn", "Listas publicadas que deben retirarse"),
        "filterd_lists_published_barred",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Lists compared with other providers", "Listas comparadas con otros proveedores"),
        "filterd_list_comparisons",
        "{{result}}",
    ),
    panel(
        "stat",
        ("Requests of holders for their data", "Solicitudes ARCO"),
        "filterd_arco_requests",
        "{{state}}",
    ),
    panel(
        "stat",
        ("Requests to look at a site again", "Solicitudes de revisar un sitio"),
        "filterd_reviews",
        "{{state}}",
    ),
    panel(
        "stat",
        ("Data beyond its term", "Datos más allá de su plazo"),
        "sum by (class) (filterd_retention_overdue)",
        "{{class}}",
    ),
    panel(
        "stat",
        ("Growth of mandatory names this month", "Crecimiento de nombres obligatorios en el mes"),
        "filterd_mandatory_names_growth",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Take-up last counted", "Último recuento de uso"),
        "filterd_take_up_last_success_timestamp_seconds",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Preservation holds in force", "Medidas de conservación vigentes"),
        "filterd_preservation_holds",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Lines with a filter, by evidence", "Líneas con filtro, por constancia"),
        "filterd_consent_lines",
        "{{evidence}}",
    ),
    panel(
        "stat", ("Lines of each node", "Líneas de cada nodo"), f"filterd_node_lines{{{I}}}", "{{instance}}"
    ),
    panel(
        "graph",
        ("Audit entries: never falls", "Entradas de auditoría: nunca disminuyen"),
        "filterd_audit_entries_total",
        "{{instance}}",
    ),
    panel(
        "stat",
        (
            "Damaged rows: orders and lists that are not what was decided",
            "Filas dañadas: órdenes y listas que no son lo que se decidió",
        ),
        "filterd_store_rows_damaged",
        "{{instance}}",
    ),
    panel(
        "graph",
        ("Blocks by category", "Bloqueos por categoría"),
        f"sum by (category) (rate(filterd_category_blocks_total{{{I}}}[$__rate_interval]))",
        "{{category}}",
        "reqps",
    ),
    panel(
        "graph",
        (
            "Queries for observed lists, which block nothing",
            "Consultas de listas observadas, que no bloquean",
        ),
        f"sum by (feed) (rate(filterd_feed_observed_total{{{I}}}[$__rate_interval]))",
        "{{feed}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Answers that ECH was taken out of", "Respuestas a las que se quitó ECH"),
        f"sum by (instance) (rate(filterd_ech_stripped_total{{{I}}}[$__rate_interval]))",
        "{{instance}}",
        "reqps",
    ),
    panel(
        "graph",
        ("Clocks: seconds from the time of the scrape", "Relojes: segundos respecto a la hora de la lectura"),
        f"filterd_clock_timestamp_seconds{{{I}}} - timestamp(filterd_clock_timestamp_seconds{{{I}}})",
        "{{job}} {{instance}}",
        "s",
    ),
)

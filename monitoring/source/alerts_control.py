"""Alerts on control: orders, lists, the store and its audit trail."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup, grown
from monitoring.source.alerts_node import C

CONTROL = AlertGroup(
    "control",
    "Orders, lists and the store",
    "Órdenes, listas y el almacén",
    (
        Alert(
            name="FilterdControlNotReady",
            severity="page",
            expression='filterd_ready{job="filterd-control"} == 0',
            wait="5m",
            summary="Control on {{ $labels.instance }} is not ready",
            description="/readyz says why: no snapshot, a store that is not the newest, or damaged rows. No "
            "order may be taken in until then; DNS goes on.",
            summary_es="El control en {{ $labels.instance }} no está listo",
            description_es="/readyz dice por qué: falta la instantánea, el almacén no es el más "
            "nuevo o tiene "
            "filas dañadas. Quizá no se puedan tomar órdenes; el DNS sigue.",
            fires={f"filterd_ready{{{C}}}": "1x35 0x25"},
            quiet={f"filterd_ready{{{C}}}": "1x60"},
        ),
        Alert(
            name="FilterdStoreDamaged",
            severity="page",
            expression="filterd_store_rows_damaged > 0",
            wait="0s",
            summary="Orders or lists in the store that are not what was decided: {{ $value }}",
            description="A bit has flipped, or somebody changed the store by hand. Nodes and snapshots stay "
            "as they last were.",
            summary_es="Órdenes o listas del almacén que no son lo que se decidió: {{ $value }}",
            description_es="Cambió un bit, o alguien modificó el almacén a mano. Los nodos y las "
            "instantáneas "
            "quedan como estaban.",
            fires={f"filterd_store_rows_damaged{{{C}}}": "0x40 1x20"},
            quiet={f"filterd_store_rows_damaged{{{C}}}": "0x60"},
        ),
        Alert(
            name="FilterdAuditFell",
            severity="page",
            expression="filterd_audit_entries_total < filterd_audit_entries_total offset 10m",
            wait="0s",
            summary="The audit trail has fewer entries than ten minutes ago",
            description="The store was restored or replaced. If nobody did that, it was tampered with.",
            summary_es="El registro de auditoría tiene menos entradas que hace diez minutos",
            description_es="El almacén se restauró o se reemplazó. Si nadie lo hizo, fue manipulado.",
            fires={f"filterd_audit_entries_total{{{C}}}": "900x40 700x20"},
            quiet={f"filterd_audit_entries_total{{{C}}}": "900x40 901x20"},
        ),
        Alert(
            name="FilterdOrderPending",
            severity="ticket",
            expression='filterd_orders{state="pending"} > 0',
            wait="1h",
            summary="Orders that wait for another person's approval: {{ $value }}",
            description="They are not in force before. The authority's time runs.",
            summary_es="Órdenes que esperan la aprobación de otra persona: {{ $value }}",
            description_es="Antes no rigen. El plazo de la autoridad corre.",
            fires={f'filterd_orders{{{C},state="pending"}}': "0x10 1x90"},
            quiet={f'filterd_orders{{{C},state="pending"}}': "0x60 1x40"},
            at="90m",
        ),
        Alert(
            name="FilterdOrderQuarantined",
            severity="ticket",
            expression='filterd_orders{state="quarantined"} > 0',
            wait="1h",
            summary="Orders that demand a protected name: {{ $value }}",
            description="They are not in force until somebody decides.",
            summary_es="Órdenes que exigen un nombre protegido: {{ $value }}",
            description_es="No rigen hasta que alguien decida.",
            fires={f'filterd_orders{{{C},state="quarantined"}}': "0x10 1x90"},
            quiet={f'filterd_orders{{{C},state="accepted"}}': "5x100"},
            at="90m",
        ),
        Alert(
            name="FilterdFeedQuarantined",
            severity="ticket",
            expression="filterd_feed_quarantined == 1",
            wait="5m",
            summary="A new version of the list {{ $labels.feed }} is held back",
            description="It has far fewer or far more names than before. The one before stays in force.",
            summary_es="Se retiene una versión nueva de la lista {{ $labels.feed }}",
            description_es="Tiene muchos menos o muchos más nombres que antes. Rige la anterior.",
            fires={f'filterd_feed_quarantined{{{C},feed="adult"}}': "0x30 1x30"},
            quiet={f'filterd_feed_quarantined{{{C},feed="adult"}}': "0x60"},
        ),
        Alert(
            name="FilterdFeedOrphaned",
            severity="ticket",
            expression="filterd_feed_orphaned == 1",
            wait="5m",
            summary="The list {{ $labels.feed }} is in force without its entry in feeds.yaml",
            description="Put the entry back, or retire the feed.",
            summary_es="La lista {{ $labels.feed }} rige sin su entrada en feeds.yaml",
            description_es="Devuelva la entrada, o retire la lista.",
            fires={f'filterd_feed_orphaned{{{C},feed="adult"}}': "0x30 1x30"},
            quiet={f'filterd_feed_orphaned{{{C},feed="adult"}}': "0x60"},
        ),
        Alert(
            name="FilterdFeedHeld",
            severity="ticket",
            expression="filterd_feed_held == 1",
            wait="1d",
            summary="The list {{ $labels.feed }} has been held at an older version for a day",
            description="A person took it back. What its source says is not taken until it is let go on.",
            summary_es="La lista {{ $labels.feed }} lleva un día detenida en una versión anterior",
            description_es="Una persona la devolvió. Lo que dice su fuente no se toma hasta que siga.",
            fires={f'filterd_feed_held{{{C},feed="adult"}}': "0x30 1x1530"},
            quiet={f'filterd_feed_held{{{C},feed="adult"}}': "1x1400 0x160"},
            at="1530m",
        ),
        Alert(
            name="FilterdFeedStale",
            severity="ticket",
            expression="time() - filterd_feed_last_success_timestamp_seconds > 2 * 86400",
            wait="10m",
            summary="The list {{ $labels.feed }} has not been read well for {{ $value | humanizeDuration }}",
            description="Its last good version stays in force. The rule takes two days, twice the refresh of "
            "the shipped feeds.",
            summary_es="La lista {{ $labels.feed }} no se lee bien desde hace {{ $value | "
            "humanizeDuration }}",
            description_es="Rige su última versión buena. La regla toma dos días, el doble del "
            "refresh de las "
            "listas incluidas.",
            fires={f'filterd_feed_last_success_timestamp_seconds{{{C},feed="adult"}}': "0x3100"},
            quiet={f'filterd_feed_last_success_timestamp_seconds{{{C},feed="adult"}}': "0x1440 86400x1660"},
            at="3000m",
        ),
        Alert(
            name="FilterdFeedShrank",
            severity="ticket",
            expression="filterd_feed_names < 0.5 * (filterd_feed_names offset 1d) or filterd_feed_names == 0",
            wait="5m",
            summary="The list {{ $labels.feed }} has less than half of yesterday's names: {{ $value }}",
            description="What was on it is answered. Its guard let the new version through.",
            summary_es="La lista {{ $labels.feed }} tiene menos de la mitad de los nombres de ayer: "
            "{{ $value }}",
            description_es="Lo que estaba en ella se responde. Su guarda dejó pasar la versión nueva.",
            fires={f'filterd_feed_names{{{C},feed="adult"}}': "1000x1450 400x60"},
            quiet={f'filterd_feed_names{{{C},feed="adult"}}': "1000x1450 900x60"},
            at="1490m",
        ),
        Alert(
            name="FilterdCompileFailed",
            severity="ticket",
            expression=grown("filterd_compile_failures_total", "15m"),
            wait="0s",
            summary="Control could not compile the policies",
            description="The snapshot before stays in force; orders reach the nodes all the same.",
            summary_es="El control no pudo compilar las políticas",
            description_es="Rige la instantánea anterior; las órdenes llegan a los nodos de todos modos.",
            fires={f"filterd_compile_failures_total{{{C}}}": "0x40 1x20"},
            quiet={f"filterd_compile_failures_total{{{C}}}": "2x60"},
        ),
        Alert(
            name="FilterdOptInsFell",
            severity="ticket",
            expression='filterd_subscribers{state="opted_in"} '
            '< 0.9 * (filterd_subscribers{state="opted_in"} offset 1d)',
            wait="10m",
            summary="A tenth of the opted-in lines are so no longer",
            description="Opted-in lines now: {{ $value }}. An import or a restore may have ended the others.",
            summary_es="Una décima parte de las líneas con filtro ya no lo tiene",
            description_es="Líneas con filtro ahora: {{ $value }}. Una importación o una restauración pudo "
            "terminar las demás.",
            fires={f'filterd_subscribers{{{C},state="opted_in"}}': "1000x1450 800x60"},
            quiet={f'filterd_subscribers{{{C},state="opted_in"}}': "1000x1450 950x60"},
            at="1490m",
        ),
    ),
)

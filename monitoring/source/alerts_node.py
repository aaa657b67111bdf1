"""Alerts on a node's state: what it follows, what is in force on it, and its clock."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup, grown
from monitoring.source.alerts_answers import R

C = 'instance="c1",job="filterd-control"'
OTHER = 'instance="r2",job="filterd-resolver"'


def _late(bound: str, window: str) -> str:
    """Orders that took longer than ``bound`` seconds, a value of the histogram's label ``le``."""
    count = f"increase(filterd_order_enforcement_seconds_count[{window}])"
    within = f'increase(filterd_order_enforcement_seconds_bucket{{le="{bound}"}}[{window}])'
    return f"{count} - ignoring (le) {within} > 0"


NODE = AlertGroup(
    "node",
    "The state of a node",
    "El estado de un nodo",
    (
        Alert(
            name="FilterdNodeLag",
            severity="page",
            expression="filterd_node_revision_lag_seconds > 1",
            wait="1m",
            summary="{{ $labels.instance }} does not follow the store",
            description="It last had everything {{ $value | humanizeDuration }} ago. New orders, withdrawals "
            "and choices of lines do not take effect on it.",
            summary_es="{{ $labels.instance }} no sigue el almacén",
            description_es="Tuvo todo por última vez hace {{ $value | humanizeDuration }}. Las "
            "órdenes nuevas, "
            "los retiros y lo que eligen las líneas no surten efecto en él.",
            fires={f"filterd_node_revision_lag_seconds{{{R}}}": "0x40 60+60x20"},
            quiet={f"filterd_node_revision_lag_seconds{{{R}}}": "0x44 3 0x20"},
        ),
        Alert(
            name="FilterdOrderLate",
            severity="ticket",
            expression=_late("1.0", "15m"),
            wait="0s",
            summary="An order took more than a second to be in force on {{ $labels.instance }}",
            description="The node was behind, or not running, when the order was accepted.",
            summary_es="Una orden tardó más de un segundo en regir en {{ $labels.instance }}",
            description_es="El nodo iba atrasado, o no estaba en marcha, cuando se aceptó la orden.",
            fires={
                f"filterd_order_enforcement_seconds_count{{{R}}}": "4x40 5x20",
                f'filterd_order_enforcement_seconds_bucket{{{R},le="1.0"}}': "4x60",
            },
            quiet={
                f"filterd_order_enforcement_seconds_count{{{R}}}": "4x40 5x20",
                f'filterd_order_enforcement_seconds_bucket{{{R},le="1.0"}}': "4x40 5x20",
            },
        ),
        Alert(
            name="FilterdOrderVeryLate",
            severity="page",
            expression=_late("60.0", "15m"),
            wait="0s",
            summary="An order took more than a minute to be in force on {{ $labels.instance }}",
            description="Its names were answered there meanwhile. Write down from when to when.",
            summary_es="Una orden tardó más de un minuto en regir en {{ $labels.instance }}",
            description_es="Entre tanto sus nombres se respondieron ahí. Anote desde cuándo y hasta cuándo.",
            fires={
                f"filterd_order_enforcement_seconds_count{{{R}}}": "4x40 5x20",
                f'filterd_order_enforcement_seconds_bucket{{{R},le="60.0"}}': "4x60",
            },
            quiet={
                f"filterd_order_enforcement_seconds_count{{{R}}}": "4x40 5x20",
                f'filterd_order_enforcement_seconds_bucket{{{R},le="60.0"}}': "4x40 5x20",
            },
        ),
        Alert(
            name="FilterdOtherHistory",
            severity="page",
            expression="filterd_node_other_history == 1",
            wait="0s",
            summary="{{ $labels.instance }} follows another history than the store has",
            description="Another store stands in its place. The node keeps what it has and takes "
            "nothing new.",
            summary_es="{{ $labels.instance }} sigue otra historia que la del almacén",
            description_es="Hay otro almacén en su lugar. El nodo conserva lo que tiene y no toma "
            "nada nuevo.",
            fires={f"filterd_node_other_history{{{R}}}": "0x40 1x20"},
            quiet={f"filterd_node_other_history{{{R}}}": "0x60"},
        ),
        Alert(
            name="FilterdKeptOrders",
            severity="ticket",
            expression="filterd_node_kept_orders > 0",
            wait="5m",
            summary="Orders on {{ $labels.instance }} that the store does not know: {{ $value }}",
            description="They stay in force there until somebody settles them.",
            summary_es="Órdenes en {{ $labels.instance }} que el almacén no conoce: {{ $value }}",
            description_es="Siguen vigentes ahí hasta que alguien las resuelva.",
            fires={f"filterd_node_kept_orders{{{R}}}": "0x30 2x30"},
            quiet={f"filterd_node_kept_orders{{{R}}}": "0x60"},
        ),
        Alert(
            name="FilterdNotDurable",
            severity="page",
            expression="filterd_node_changes_not_durable > 0",
            wait="1m",
            summary="{{ $labels.instance }} cannot write orders to its disk",
            description="Orders in force in memory alone: {{ $value }}. A restart forgets them where the "
            "store cannot be read.",
            summary_es="{{ $labels.instance }} no puede escribir órdenes en su disco",
            description_es="Órdenes que rigen solo en memoria: {{ $value }}. Un reinicio las olvida si no "
            "se puede "
            "leer el almacén.",
            fires={f"filterd_node_changes_not_durable{{{R}}}": "0x40 1x20"},
            quiet={f"filterd_node_changes_not_durable{{{R}}}": "0x60"},
        ),
        Alert(
            name="FilterdNodeStateDamaged",
            severity="ticket",
            expression=grown("filterd_node_state_damage_total", "15m"),
            wait="0s",
            summary="The {{ $labels.part }} part of the state of {{ $labels.instance }} was damaged",
            description="It is read anew from the store. Look at the disk of the node.",
            summary_es="La parte {{ $labels.part }} del estado de {{ $labels.instance }} estaba dañada",
            description_es="Se lee de nuevo del almacén. Revise el disco del nodo.",
            fires={f'filterd_node_state_damage_total{{{R},part="lines"}}': "0x40 1x20"},
            quiet={f'filterd_node_state_damage_total{{{R},part="lines"}}': "1x60"},
        ),
        Alert(
            name="FilterdSnapshotRefused",
            severity="ticket",
            expression=grown("filterd_snapshots_refused_total", "15m"),
            wait="0s",
            summary="{{ $labels.instance }} refused a policy snapshot ({{ $labels.reason }})",
            description="The one in memory stays in force: changes of lists do not take effect.",
            summary_es="{{ $labels.instance }} rechazó una instantánea de políticas ({{ $labels.reason }})",
            description_es="Sigue vigente la que está en memoria: los cambios de listas no surten efecto.",
            fires={f'filterd_snapshots_refused_total{{{R},reason="damaged"}}': "_x40 1x20"},
            quiet={f'filterd_snapshots_refused_total{{{R},reason="damaged"}}': "1x60"},
        ),
        Alert(
            name="FilterdSnapshotsDiffer",
            severity="ticket",
            expression="count(count by (digest) (filterd_snapshot_info)) > 1",
            wait="10m",
            summary="Nodes run {{ $value }} different policy snapshots",
            description="Lists of different versions are in force. Nodes of separate stores need separate "
            "rules.",
            summary_es="Los nodos usan {{ $value }} instantáneas de políticas distintas",
            description_es="Rigen listas de versiones distintas. Nodos de almacenes distintos "
            "necesitan reglas "
            "aparte.",
            fires={
                f'filterd_snapshot_info{{{R},digest="aa"}}': "1x60",
                f'filterd_snapshot_info{{{OTHER},digest="bb"}}': "1x60",
            },
            quiet={
                f'filterd_snapshot_info{{{R},digest="aa"}}': "1x60",
                f'filterd_snapshot_info{{{OTHER},digest="aa"}}': "1x60",
            },
        ),
        Alert(
            name="FilterdOverlayLarge",
            severity="ticket",
            expression="filterd_overlay_entries > 50000",
            wait="10m",
            summary="{{ $labels.instance }} holds {{ $value }} names that no snapshot takes in",
            description="Control does not build snapshots; its log says why. Orders hold meanwhile.",
            summary_es="{{ $labels.instance }} tiene {{ $value }} nombres que ninguna instantánea recoge",
            description_es="El control no construye instantáneas; su registro dice por qué. Las "
            "órdenes rigen.",
            fires={f"filterd_overlay_entries{{{R}}}": "60000x60"},
            quiet={f"filterd_overlay_entries{{{R}}}": "4000x60"},
        ),
        Alert(
            name="FilterdParentalSuspended",
            severity="ticket",
            expression="filterd_parental_suspended == 1",
            wait="1m",
            summary="Parental filtering is suspended for every line on {{ $labels.instance }}",
            description="Somebody suspended it. It comes back by itself, after 24 hours at most. Orders and "
            "security lists hold.",
            summary_es="El filtrado parental está suspendido para todas las líneas en {{ $labels.instance }}",
            description_es="Alguien lo suspendió. Vuelve solo, a más tardar en 24 horas. Las órdenes y las "
            "listas de seguridad rigen.",
            fires={f"filterd_parental_suspended{{{R}}}": "0x30 1x30"},
            quiet={f"filterd_parental_suspended{{{R}}}": "0x60"},
        ),
        Alert(
            name="FilterdExceptionsForLong",
            severity="ticket",
            expression="filterd_exceptions > 0",
            wait="2d",
            summary="{{ $labels.instance }} has had exceptions for two days: {{ $value }}",
            description="An exception is for the hours until a list is mended. The names pass on every line.",
            summary_es="{{ $labels.instance }} tiene excepciones desde hace dos días: {{ $value }}",
            description_es="Una excepción es para las horas hasta que se corrige una lista. Los nombres "
            "pasan en todas las líneas.",
            fires={f"filterd_exceptions{{{R}}}": "0x60 2x2940"},
            quiet={f"filterd_exceptions{{{R}}}": "2x1500 0x1500"},
            at="2990m",
        ),
        Alert(
            name="FilterdUnknownProfiles",
            severity="ticket",
            expression="filterd_node_unknown_profiles > 0",
            wait="5m",
            summary="Profiles of lines that the snapshot of {{ $labels.instance }} lacks: {{ $value }}",
            description="A profile's file has gone.",
            summary_es="Perfiles de líneas que faltan en la instantánea de {{ $labels.instance }}: "
            "{{ $value }}",
            description_es="Desapareció el archivo de un perfil.",
            fires={f"filterd_node_unknown_profiles{{{R}}}": "0x30 1x30"},
            quiet={f"filterd_node_unknown_profiles{{{R}}}": "0x60"},
        ),
        Alert(
            name="FilterdCategoryUnread",
            severity="ticket",
            expression="filterd_category_unread > 0",
            wait="5m",
            summary="No list of {{ $labels.category }} was ever read, and profiles of lines restrict it",
            description="On {{ $labels.instance }} their lines get what dns.parental_fail says. "
            "Profiles: {{ $value }}.",
            summary_es="Nunca se leyó una lista de {{ $labels.category }}, que perfiles de líneas restringen",
            description_es="En {{ $labels.instance }} sus líneas reciben lo que dice dns.parental_fail. "
            "Perfiles: {{ $value }}.",
            fires={f'filterd_category_unread{{{R},category="adult"}}': "0x30 1x30"},
            quiet={f'filterd_category_unread{{{R},category="adult"}}': "0x60"},
        ),
        Alert(
            name="FilterdLinesDiffer",
            severity="ticket",
            expression="filterd_node_lines != on () group_left () sum(max by (state) (filterd_subscribers))",
            wait="5m",
            summary="{{ $labels.instance }} knows another number of lines than the store",
            description="The node knows {{ $value }}. Choices of the others do not hold on it.",
            summary_es="{{ $labels.instance }} conoce otro número de líneas que el almacén",
            description_es="El nodo conoce {{ $value }}. Lo que eligieron las demás no vale en él.",
            fires={
                f"filterd_node_lines{{{R}}}": "9x60",
                f'filterd_subscribers{{{C},state="opted_in"}}': "4x60",
                f'filterd_subscribers{{{C},state="registered"}}': "6x60",
            },
            quiet={
                f"filterd_node_lines{{{R}}}": "10x60",
                f'filterd_subscribers{{{C},state="opted_in"}}': "4x60",
                f'filterd_subscribers{{{C},state="registered"}}': "6x60",
            },
        ),
        Alert(
            name="FilterdControlUnreachable",
            severity="ticket",
            expression="filterd_control_connected == 0",
            wait="2m",
            summary="{{ $labels.instance }} does not reach control",
            description="DNS, orders, expiry and schedules go on; lists stay as they are.",
            summary_es="{{ $labels.instance }} no alcanza al control",
            description_es="El DNS, las órdenes, los vencimientos y los horarios siguen; las listas quedan "
            "como están.",
            fires={f"filterd_control_connected{{{R}}}": "1x40 0x20"},
            quiet={f"filterd_control_connected{{{R}}}": "1x60"},
        ),
        Alert(
            name="FilterdSessionsNotLoaded",
            severity="page",
            expression="filterd_sessions_ready == 0",
            wait="2m",
            summary="{{ $labels.instance }} does not know which lines have which addresses",
            description="Clients that nothing else recognises get SERVFAIL, or are answered as if they had "
            "chosen nothing: `dns.parental_fail` decides.",
            summary_es="{{ $labels.instance }} no sabe qué línea tiene cada dirección",
            description_es="Los clientes que nada más reconoce reciben SERVFAIL, o se les responde como si "
            "no hubieran elegido nada: lo decide `dns.parental_fail`.",
            fires={f"filterd_sessions_ready{{{R}}}": "1x40 0x20"},
            quiet={f"filterd_sessions_ready{{{R}}}": "1x40 0 1x20"},
        ),
        Alert(
            name="FilterdSessionsSilent",
            severity="page",
            expression="filterd_sessions_lag_seconds > 60 and filterd_sessions > 0",
            wait="1m",
            summary="{{ $labels.instance }} hears of no new sessions",
            description="Control has sent nothing for {{ $value | humanizeDuration }}. Lines that get a new "
            "address are unknown there, and their own choices do not hold.",
            summary_es="{{ $labels.instance }} no recibe sesiones nuevas",
            description_es="El control no ha enviado nada desde hace {{ $value | humanizeDuration }}. Las "
            "líneas que reciben otra dirección son desconocidas, y no rige lo que eligieron.",
            fires={
                f"filterd_sessions_lag_seconds{{{R}}}": "1x40 60+60x20",
                f"filterd_sessions{{{R}}}": "9x60",
            },
            quiet={
                f"filterd_sessions_lag_seconds{{{R}}}": "1x40 60+60x20",
                f"filterd_sessions{{{R}}}": "0x60",
            },
        ),
        Alert(
            name="FilterdClockOff",
            severity="page",
            expression="abs(filterd_clock_timestamp_seconds - "
            "timestamp(filterd_clock_timestamp_seconds)) > 30",
            wait="2m",
            summary="The clock of {{ $labels.instance }} is {{ $value | humanizeDuration }} off",
            description="Schedules, pauses and the ends of orders go by it. Or the clock of Prometheus is "
            "wrong.",
            summary_es="El reloj de {{ $labels.instance }} difiere en {{ $value | humanizeDuration }}",
            description_es="Los horarios, las pausas y el fin de las órdenes se rigen por él. O está mal el "
            "reloj de Prometheus.",
            fires={f"filterd_clock_timestamp_seconds{{{R}}}": "0+60x40 9000+60x20"},
            quiet={f"filterd_clock_timestamp_seconds{{{R}}}": "0+60x60"},
        ),
        Alert(
            name="FilterdVersionsDiffer",
            severity="ticket",
            expression="count(count by (version) (filterd_build_info)) > 1",
            wait="1d",
            summary="{{ $value }} versions of filterd have been running for a day",
            description="An upgrade was not finished.",
            summary_es="Hay {{ $value }} versiones de filterd en marcha desde hace un día",
            description_es="Una actualización quedó sin terminar.",
            fires={
                f'filterd_build_info{{{R},version="0.1.0"}}': "1x1600",
                f'filterd_build_info{{{OTHER},version="0.2.0"}}': "1x1600",
            },
            quiet={
                f'filterd_build_info{{{R},version="0.2.0"}}': "1x1600",
                f'filterd_build_info{{{OTHER},version="0.2.0"}}': "1x1600",
            },
            at="1500m",
        ),
    ),
)

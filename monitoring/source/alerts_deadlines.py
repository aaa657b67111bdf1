"""Alerts on what is due for orders of authorities."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup
from monitoring.source.alerts_node import C

DEADLINES = AlertGroup(
    "deadlines",
    "Deadlines of orders",
    "Plazos de las órdenes",
    (
        Alert(
            name="FilterdOrderOverdue",
            severity="page",
            expression='filterd_orders_overdue{kind!="review"} > 0',
            wait="1m",
            summary="Orders whose time to {{ $labels.kind }} has passed: {{ $value }}",
            description="The law fines a block, a report or an unblock that comes late, or a provisional "
            "order that nobody confirmed. Nothing is lifted by itself.",
            summary_es="Órdenes con el plazo vencido ({{ $labels.kind }}): {{ $value }}",
            description_es="La ley multa el bloqueo, el informe o el desbloqueo tardíos, o hay una orden "
            "provisional sin confirmar. Nada se levanta por sí mismo.",
            fires={f'filterd_orders_overdue{{{C},kind="unblock"}}': "0x10 1x50"},
            quiet={f'filterd_orders_overdue{{{C},kind="review"}}': "4x60"},
        ),
        Alert(
            name="FilterdOrderDueSoon",
            severity="page",
            expression='filterd_order_deadline_seconds{kind!="review"} > 0 < 3600',
            wait="1m",
            summary="An order's time to {{ $labels.kind }} ends in {{ $value | humanizeDuration }}",
            description="The soonest of its kind. filterd order due lists all, and filterd register list "
            "what a register's list waits for.",
            summary_es="El plazo de una orden ({{ $labels.kind }}) vence en {{ $value | humanizeDuration }}",
            description_es="Es el más próximo de su clase. filterd order due los muestra todos, y filterd "
            "register list lo que espera la lista de un registro.",
            fires={f'filterd_order_deadline_seconds{{{C},kind="enforce"}}': "5000-60x60"},
            quiet={f'filterd_order_deadline_seconds{{{C},kind="enforce"}}': "90000-60x60"},
        ),
        Alert(
            name="FilterdOrderReviewsOverdue",
            severity="ticket",
            expression='filterd_orders_overdue{kind="review"} > 0',
            wait="1h",
            summary="Orders that nobody has looked at again in time: {{ $value }}",
            description="An order that is no longer needed blocks too much. It stays in force until a person "
            "decides.",
            summary_es="Órdenes que nadie revisó a tiempo: {{ $value }}",
            description_es="Una orden que ya no hace falta bloquea de más. Sigue en vigor hasta que una "
            "persona decida.",
            fires={f'filterd_orders_overdue{{{C},kind="review"}}': "0x10 1x90"},
            quiet={f'filterd_orders_overdue{{{C},kind="review"}}': "0x60 1x40"},
            at="90m",
        ),
        Alert(
            name="FilterdRosterGap",
            severity="ticket",
            expression="filterd_duty_roster_gap_seconds < 172800",
            wait="15m",
            summary="Nobody is on duty in {{ $value | humanizeDuration }}",
            description="The roster of duty has a gap within two days. The law asks for somebody at "
            "every hour (LMTR 183-IV).",
            summary_es="Nadie está de guardia en {{ $value | humanizeDuration }}",
            description_es="El rol de guardia tiene un hueco en menos de dos días. La ley pide alguien a "
            "toda hora (LMTR 183-IV).",
            fires={f"filterd_duty_roster_gap_seconds{{{C}}}": "90000-60x60"},
            quiet={f"filterd_duty_roster_gap_seconds{{{C}}}": "500000-60x60"},
        ),
        Alert(
            name="FilterdOrderAlarmsWait",
            severity="page",
            expression="filterd_order_alarms_waiting > 0",
            wait="15m",
            summary="Alarms on deadlines of orders that nobody takes: {{ $value }}",
            description="The server for mail, or a receiver of orders.alarms.webhooks, does not take them.",
            summary_es="Avisos de plazos de órdenes que nadie toma: {{ $value }}",
            description_es="El servidor de correo, o un receptor de orders.alarms.webhooks, no los toma.",
            fires={f"filterd_order_alarms_waiting{{{C}}}": "0x10 2x50"},
            quiet={f"filterd_order_alarms_waiting{{{C}}}": "0x50 2x10"},
        ),
    ),
)

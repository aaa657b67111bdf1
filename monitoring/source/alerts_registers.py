"""Alerts on registers of authorities."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup
from monitoring.source.alerts_node import C

REGISTERS = AlertGroup(
    "registers",
    "Registers of authorities",
    "Registros de las autoridades",
    (
        Alert(
            name="FilterdRegisterHeld",
            severity="page",
            expression="filterd_register_held > 0",
            wait="5m",
            summary="Documents of the register {{ $labels.register }} that wait for a person: {{ $value }}",
            description="It removes more at once than guard.max_removals. All blocks stay; if the authority "
            "did remove them, the time to unblock runs.",
            summary_es="Documentos de {{ $labels.register }} que esperan a una persona: {{ $value }}",
            description_es="Quita de una vez más que guard.max_removals. Los bloqueos siguen; si la "
            "autoridad sí los quitó, corre el plazo para desbloquear.",
            fires={f'filterd_register_held{{{C},register="pl"}}': "0x10 1x50"},
            quiet={f'filterd_register_held{{{C},register="pl"}}': "0x60"},
        ),
        Alert(
            name="FilterdRegisterAnswersLate",
            severity="page",
            expression="filterd_register_answers_late > 0",
            wait="1m",
            summary="Documents of {{ $labels.register }} whose answers are late: {{ $value }}",
            description="The authority waits for an answer to each item.",
            summary_es="Documentos de {{ $labels.register }} con respuestas atrasadas: {{ $value }}",
            description_es="La autoridad espera una respuesta a cada elemento.",
            fires={f'filterd_register_answers_late{{{C},register="pl"}}': "0x10 1x50"},
            quiet={f'filterd_register_answers_late{{{C},register="pl"}}': "0x60"},
        ),
        Alert(
            name="FilterdRegisterNotPulled",
            severity="page",
            expression="filterd_register_pull_failing > 0",
            wait="1h",
            summary="The register {{ $labels.register }} has not been pulled or applied for an hour",
            description="Its blocks stay. What the authority entered or took out since then is missing.",
            summary_es="El registro {{ $labels.register }} lleva una hora sin poder traerse o aplicarse",
            description_es="Sus bloqueos siguen. Falta lo que la autoridad inscribió o quitó desde entonces.",
            fires={f'filterd_register_pull_failing{{{C},register="pl"}}': "0x10 1x90"},
            quiet={f'filterd_register_pull_failing{{{C},register="pl"}}': "0x60 1x40"},
            at="90m",
        ),
        Alert(
            name="FilterdRegisterAnswersUndelivered",
            severity="ticket",
            expression="filterd_register_answers_undelivered > 0",
            wait="15m",
            summary="Documents of {{ $labels.register }} whose answers nobody takes: {{ $value }}",
            description="They are sent again at growing intervals until they are taken.",
            summary_es="Documentos de {{ $labels.register }} cuyas respuestas nadie toma: {{ $value }}",
            description_es="Se reenvían a intervalos crecientes hasta que se tomen.",
            fires={f'filterd_register_answers_undelivered{{{C},register="pl"}}': "0x10 2x50"},
            quiet={f'filterd_register_answers_undelivered{{{C},register="pl"}}': "0x50 2x10"},
        ),
        Alert(
            name="FilterdCapacityFills",
            severity="ticket",
            expression="filterd_capacity_used >= 0.8 * filterd_capacity_declared > 0",
            wait="15m",
            summary="The room of {{ $labels.authority }} fills: {{ $value }} {{ $labels.kind }}",
            description="From 80 % of what is declared. Once it is full, items are answered over_capacity.",
            summary_es="Se llena el espacio de {{ $labels.authority }}: {{ $value }} ({{ $labels.kind }})",
            description_es="Desde el 80 % de lo declarado. Cuando se llene, se responde over_capacity.",
            fires={
                f'filterd_capacity_used{{{C},authority="mf",kind="names"}}': "0x10 85x50",
                f'filterd_capacity_declared{{{C},authority="mf",kind="names"}}': "100x60",
            },
            quiet={
                f'filterd_capacity_used{{{C},authority="mf",kind="names"}}': "79x60",
                f'filterd_capacity_declared{{{C},authority="mf",kind="names"}}': "100x60",
            },
        ),
    ),
)

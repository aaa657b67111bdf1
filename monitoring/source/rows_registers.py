"""The row on registers of authorities and the room that they may take."""

from __future__ import annotations

from monitoring.source.panels import panel, row

REGISTERS = row(
    "Registers of authorities",
    "Registros de autoridades",
    panel(
        "stat",
        ("Last pull of each register", "Última lectura de cada registro"),
        "filterd_register_pulled_timestamp_seconds * 1000",
        "{{register}}",
        "dateTimeFromNow",
    ),
    panel(
        "stat",
        ("Documents that wait for a person", "Documentos que esperan a una persona"),
        "filterd_register_held",
        "{{register}}",
    ),
    panel(
        "stat",
        ("Answers that nobody has taken yet", "Respuestas que nadie ha recibido aún"),
        "filterd_register_answers_undelivered",
        "{{register}}",
    ),
    panel(
        "stat",
        ("Room taken of each authority", "Espacio ocupado de cada autoridad"),
        "filterd_capacity_used / filterd_capacity_declared",
        "{{authority}} {{kind}}",
        "percentunit",
    ),
)

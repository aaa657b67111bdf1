"""The row on checkpoints, anchors and statements."""

from __future__ import annotations

from monitoring.source.panels import panel, row

TRAIL = row(
    "The trail beyond the machine",
    "El registro de auditoría fuera de la máquina",
    panel(
        "stat",
        ("Newest checkpoint", "Punto de control más nuevo"),
        "filterd_checkpoint_timestamp_seconds",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Entries that no checkpoint covers", "Entradas sin punto de control"),
        "filterd_checkpoint_uncovered_entries",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Nothing is signed: 1", "No se firma nada: 1"),
        "filterd_checkpoint_refused",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Keys that nobody has accepted", "Claves que nadie ha aceptado"),
        "filterd_signing_keys_unexplained",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Newest public statement", "Declaración pública más nueva"),
        "filterd_statement_timestamp_seconds",
        "{{instance}}",
    ),
    panel(
        "stat",
        ("Last success of each anchor", "Último éxito de cada ancla"),
        "filterd_anchor_last_success_timestamp_seconds",
        "{{anchor}}",
    ),
    panel(
        "stat",
        ("Failures of each anchor in a row", "Fallos seguidos de cada ancla"),
        "filterd_anchor_failures",
        "{{anchor}}",
    ),
    panel(
        "stat",
        ("Checkpoints that an anchor lacks", "Puntos de control que le faltan a cada ancla"),
        "filterd_anchor_waiting",
        "{{anchor}}",
    ),
)

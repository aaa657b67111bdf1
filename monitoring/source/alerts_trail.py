"""Alerts on the trail beyond the machine: checkpoints, keys that sign, anchors, and statements."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup
from monitoring.source.alerts_node import C

TRAIL = AlertGroup(
    "trail",
    "The trail and its signatures",
    "El registro de auditoría y sus firmas",
    (
        Alert(
            name="FilterdCheckpointRefused",
            severity="page",
            expression="filterd_checkpoint_refused > 0",
            wait="1m",
            summary="No checkpoint of the audit trail is signed",
            description="The newest one does not agree with the trail, so the store was set back or altered; "
            "or the key cannot be used.",
            summary_es="No se firma ningún punto de control del registro de auditoría",
            description_es="El más nuevo no concuerda con el registro de auditoría: el almacén se regresó o "
            "se alteró; o la clave no se puede usar.",
            fires={f"filterd_checkpoint_refused{{{C}}}": "0x10 1x50"},
            quiet={f"filterd_checkpoint_refused{{{C}}}": "0x60"},
        ),
        Alert(
            name="FilterdSigningKeyReplaced",
            severity="page",
            expression="filterd_signing_keys_unexplained > 0",
            wait="1m",
            summary="A key that signs took the place of another one: {{ $value }}",
            description="Its file was lost, damaged or swapped. Those who verify cannot follow the new key "
            "by themselves.",
            summary_es="Una clave de firma ocupó el lugar de otra: {{ $value }}",
            description_es="Su archivo se perdió, se dañó o se cambió. Quien verifica no puede seguir la "
            "nueva sin aviso.",
            fires={f"filterd_signing_keys_unexplained{{{C}}}": "0x10 1x50"},
            quiet={f"filterd_signing_keys_unexplained{{{C}}}": "0x60"},
        ),
        Alert(
            name="FilterdCheckpointLate",
            severity="ticket",
            expression="(time() - filterd_checkpoint_timestamp_seconds > 90000) "
            "and filterd_checkpoint_uncovered_entries > 0",
            wait="10m",
            summary="The audit trail was not signed for more than a day",
            description="signing.every is a day at most. Nothing outside fixes the entries since.",
            summary_es="El registro de auditoría lleva más de un día sin firma",
            description_es="signing.every es a lo más un día. Nada afuera fija las entradas posteriores.",
            fires={
                f"filterd_checkpoint_timestamp_seconds{{{C}}}": "0x1700",
                f"filterd_checkpoint_uncovered_entries{{{C}}}": "3x1700",
            },
            quiet={
                f"filterd_checkpoint_timestamp_seconds{{{C}}}": "0x1700",
                f"filterd_checkpoint_uncovered_entries{{{C}}}": "0x1700",
            },
            at="1600m",
        ),
        Alert(
            name="FilterdAnchorFails",
            severity="ticket",
            expression="filterd_anchor_failures >= 3",
            wait="10m",
            summary="The anchor {{ $labels.anchor }} takes no checkpoints",
            description="It is tried again by itself; each checkpoint covers all before it.",
            summary_es="El ancla {{ $labels.anchor }} no toma puntos de control",
            description_es="Se intenta de nuevo sin ayuda; cada punto de control cubre los anteriores.",
            fires={f'filterd_anchor_failures{{{C},anchor="tsa"}}': "0x10 4x50"},
            quiet={f'filterd_anchor_failures{{{C},anchor="tsa"}}': "2x60"},
        ),
        Alert(
            name="FilterdStatementLate",
            severity="ticket",
            expression="filterd_statement_timestamp_seconds > 0 "
            "and abs(time() - filterd_statement_timestamp_seconds) > 172800",
            wait="10m",
            summary="No public statement was signed for two days",
            description="Control signs one each day. Archives keep the last one meanwhile.",
            summary_es="Hace dos días que no se firma la declaración pública",
            description_es="Control firma una cada día. Mientras tanto, los archivos conservan la última.",
            fires={f"filterd_statement_timestamp_seconds{{{C}}}": "60x3000"},
            quiet={f"filterd_statement_timestamp_seconds{{{C}}}": "0x3000"},
            at="2950m",
        ),
    ),
)

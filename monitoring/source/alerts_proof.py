"""Alerts on the proof of what the nodes have in force: drift, and the canaries of mandatory lists."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup
from monitoring.source.alerts_answers import R
from monitoring.source.alerts_node import C

PROOF = AlertGroup(
    "proof",
    "What the nodes have in force",
    "Lo que rige en los nodos",
    (
        Alert(
            name="FilterdCanaryPasses",
            severity="page",
            expression="filterd_canary == 0",
            wait="2m",
            summary="The mandatory list {{ $labels.list }} does not block on {{ $labels.instance }}",
            description="The node answers the list's canary name without extended error 16.",
            summary_es="La lista obligatoria {{ $labels.list }} no bloquea en {{ $labels.instance }}",
            description_es="El nodo responde el nombre testigo de la lista sin el error extendido 16.",
            fires={f'filterd_canary{{{R},list="police"}}': "1x40 0x20"},
            quiet={f'filterd_canary{{{R},list="police"}}': "1x60"},
            quiet_too={
                "while it cannot be judged": {f'filterd_canary{{{R},list="police"}}': "1x30 _x30"},
            },
        ),
        Alert(
            name="FilterdCanaryUnjudged",
            severity="ticket",
            expression="time() - filterd_canary_last_success_timestamp_seconds > 3600 "
            "unless filterd_canary == 0",
            wait="10m",
            summary="Nobody knows whether the list {{ $labels.list }} blocks on {{ $labels.instance }}",
            description="Its canary was not found blocked for an hour. That changes nothing of what is in "
            "force.",
            summary_es="No se sabe si la lista {{ $labels.list }} bloquea en {{ $labels.instance }}",
            description_es="Su nombre testigo no se vio bloqueado desde hace una hora. Eso no cambia lo que "
            "rige.",
            fires={f'filterd_canary_last_success_timestamp_seconds{{{R},list="police"}}': "0x100"},
            quiet={f'filterd_canary_last_success_timestamp_seconds{{{R},list="police"}}': "0+60x100"},
            at="90m",
            quiet_too={
                "where the list does not block, which another alert says": {
                    f'filterd_canary_last_success_timestamp_seconds{{{R},list="police"}}': "0x100",
                    f'filterd_canary{{{R},list="police"}}': "0x100",
                },
            },
        ),
        Alert(
            name="FilterdNodesDrifted",
            severity="page",
            expression="filterd_nodes_drifted > 0",
            wait="1m",
            summary="Nodes that run other lists than they should: {{ $value }}",
            description="They lack the newest snapshot for longer than nodes.drift_after, differ from the "
            "other nodes, or have a list that was never read here.",
            summary_es="Nodos con listas distintas de las debidas: {{ $value }}",
            description_es="No tienen la instantánea más nueva desde hace más de nodes.drift_after, difieren "
            "de los demás, o tienen una lista que aquí nunca se leyó.",
            fires={f"filterd_nodes_drifted{{{C}}}": "0x40 1x20"},
            quiet={f"filterd_nodes_drifted{{{C}}}": "0x60"},
        ),
    ),
)

"""Alerts on the proof of what the nodes have in force: drift, canaries, and orders on their way."""

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
        Alert(
            name="FilterdOrderNotEverywhere",
            severity="page",
            expression='filterd_orders_unapplied_oldest_seconds{effect="enforce"} > 60',
            wait="1m",
            summary="An order is not in force on every node, for {{ $value | humanizeDuration }}",
            description="It is accepted, and a node lacks it: clients there get answers for its names.",
            summary_es="Una orden no rige en todos los nodos, desde hace {{ $value | humanizeDuration }}",
            description_es="Está aceptada y a un nodo le falta: ahí los clientes reciben respuestas para sus "
            "nombres.",
            fires={f'filterd_orders_unapplied_oldest_seconds{{{C},effect="enforce"}}': "0x40 90+60x20"},
            quiet={f'filterd_orders_unapplied_oldest_seconds{{{C},effect="enforce"}}': "0x40 5x20"},
        ),
        Alert(
            name="FilterdUnblockNotEverywhere",
            severity="page",
            expression='filterd_orders_unapplied_oldest_seconds{effect="lift"} > 60',
            wait="1m",
            summary="An order that ended still blocks on a node, for {{ $value | humanizeDuration }}",
            description="It was lifted, withdrawn, suspended or ran out, and a node did not lift it.",
            summary_es="Una orden que terminó sigue bloqueando en un nodo, desde hace "
            "{{ $value | humanizeDuration }}",
            description_es="Se levantó, se retiró, se suspendió o venció, y un nodo no la levantó.",
            fires={f'filterd_orders_unapplied_oldest_seconds{{{C},effect="lift"}}': "0x40 90+60x20"},
            quiet={f'filterd_orders_unapplied_oldest_seconds{{{C},effect="lift"}}': "0x40 5x20"},
        ),
        Alert(
            name="FilterdOrderContrary",
            severity="page",
            expression="filterd_orders_contrary > 0",
            wait="1m",
            summary="Orders that a node answers otherwise than they demand: {{ $value }}",
            description="The node says that it has them, and its answer to their canary name says otherwise.",
            summary_es="Órdenes que un nodo responde de otro modo que el debido: {{ $value }}",
            description_es="El nodo dice que las tiene, y su respuesta al nombre testigo dice otra cosa.",
            fires={f"filterd_orders_contrary{{{C}}}": "0x40 1x20"},
            quiet={f"filterd_orders_contrary{{{C}}}": "0x60"},
        ),
    ),
)

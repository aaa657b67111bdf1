"""Alerts on sessions in control: what tells of them, and the room of their table."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup
from monitoring.source.alerts_node import C

_PACKETS = f"filterd_accounting_packets_total{{{C}"
_ACCEPTED = 'filterd_accounting_packets_total{outcome="accepted"}'

SESSIONS = AlertGroup(
    "sessions",
    "Sessions",
    "Sesiones",
    (
        Alert(
            name="FilterdAccountingSilent",
            severity="page",
            expression=f"increase({_ACCEPTED}[10m]) == 0 and increase({_ACCEPTED}[1h] offset 10m) > 0",
            wait="5m",
            summary="No RADIUS accounting packet was accepted for 15 minutes, and there were some before",
            description="Sessions that begin now are not known; those of before go stale one after the "
            "other, and their lines become unknown.",
            summary_es="Hace 15 minutos que no se acepta ningún paquete de contabilidad RADIUS, y antes los "
            "había",
            description_es="Las sesiones que comienzan ahora no se conocen; las de antes caducan una tras "
            "otra y sus líneas quedan sin reconocer.",
            fires={_PACKETS + ',outcome="accepted"}': "0+600x30 18000x30"},
            quiet={_PACKETS + ',outcome="accepted"}': "0+600x60"},
            at="50m",
            quiet_too={"where RADIUS was never used": {_PACKETS + ',outcome="accepted"}': "0x60"}},
        ),
        Alert(
            name="FilterdAccountingRefused",
            severity="ticket",
            expression="sum by (instance, outcome) (increase(filterd_accounting_packets_total"
            '{outcome=~"bad_authenticator|no_message_authenticator|unknown_client"}[15m])) > 10',
            wait="0s",
            summary="RADIUS packets are dropped as {{ $labels.outcome }}",
            description="A secret differs, a sender is not in accounting.radius.clients, or somebody tries "
            "to forge sessions.",
            summary_es="Se descartan paquetes RADIUS por {{ $labels.outcome }}",
            description_es="Un secreto no coincide, un emisor no está en accounting.radius.clients, o "
            "alguien intenta falsificar sesiones.",
            fires={_PACKETS + ',outcome="bad_authenticator"}': "0x30 0+5x30"},
            quiet={
                _PACKETS + ',outcome="accepted"}': "0+600x60",
                _PACKETS + ',outcome="bad_authenticator"}': "3x60",
            },
        ),
        Alert(
            name="FilterdSessionsNearlyFull",
            severity="ticket",
            expression="sum by (instance) (filterd_sessions_known) "
            "> on (instance) 0.9 * filterd_sessions_most",
            wait="5m",
            summary="The table of sessions is nearly full: {{ $value }}",
            description="Sessions beyond accounting.sessions are refused, and their lines are unknown.",
            summary_es="La tabla de sesiones está casi llena: {{ $value }}",
            description_es="Las sesiones que exceden accounting.sessions se rechazan y sus líneas quedan sin "
            "reconocer.",
            fires={
                f'filterd_sessions_known{{{C},state="registered"}}': "900x60",
                f'filterd_sessions_known{{{C},state="unregistered"}}': "50x60",
                f"filterd_sessions_most{{{C}}}": "1000x60",
            },
            quiet={
                f'filterd_sessions_known{{{C},state="registered"}}': "800x60",
                f'filterd_sessions_known{{{C},state="unregistered"}}': "50x60",
                f"filterd_sessions_most{{{C}}}": "1000x60",
            },
        ),
        Alert(
            name="FilterdSessionsRefused",
            severity="page",
            expression="increase(filterd_sessions_refused_total[15m]) > 0",
            wait="5m",
            summary="The table of sessions refuses new ones on {{ $labels.instance }}",
            description="It is full (`accounting.sessions`), or its disk is. The lines of these sessions are "
            "unknown, and their own choices do not hold.",
            summary_es="La tabla de sesiones rechaza las nuevas en {{ $labels.instance }}",
            description_es="Está llena (`accounting.sessions`), o su disco. Las líneas de esas sesiones "
            "quedan sin reconocer, y no rige lo que eligieron.",
            fires={f"filterd_sessions_refused_total{{{C}}}": "0x30 5+5x30"},
            quiet={f"filterd_sessions_refused_total{{{C}}}": "7x60"},
        ),
        Alert(
            name="FilterdSessionsIncomplete",
            severity="ticket",
            expression="filterd_sessions_complete == 0",
            wait="0s",
            summary="The sessions of before are lost on {{ $labels.instance }}",
            description="They come again with their next packets. Until accounting.settle has passed, "
            "dns.parental_fail decides for clients that nothing else recognises.",
            summary_es="Se perdieron las sesiones anteriores en {{ $labels.instance }}",
            description_es="Vuelven con sus próximos paquetes. Hasta que pase accounting.settle, "
            "dns.parental_fail decide para los clientes que nada más reconoce.",
            fires={f"filterd_sessions_complete{{{C}}}": "1x40 0x20"},
            quiet={f"filterd_sessions_complete{{{C}}}": "1x60"},
        ),
        Alert(
            name="FilterdNasClockWrong",
            severity="ticket",
            expression='filterd_nas_clocks{clock="off"} > 0',
            wait="30m",
            summary="The clocks of {{ $value }} NASes are more than 5 seconds wrong",
            description="Their packets are put in order by the measured difference. Where the clock steps, "
            "or a line moves between two NASes, an address may be nobody's for a while: its line is unknown.",
            summary_es="Los relojes de {{ $value }} NAS se desvían más de 5 segundos",
            description_es="Sus paquetes se ordenan según la diferencia medida. Si el reloj salta, o si una "
            "línea pasa de un NAS a otro, una dirección puede quedar un rato sin dueño: su línea queda sin "
            "reconocer.",
            fires={f'filterd_nas_clocks{{{C},clock="off"}}': "0x10 1x50"},
            quiet={f'filterd_nas_clocks{{{C},clock="off"}}': "0x60"},
            at="50m",
        ),
    ),
)

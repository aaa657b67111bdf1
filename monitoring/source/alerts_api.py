"""Alerts on the API."""

from __future__ import annotations

from monitoring.source.alerting import Alert, AlertGroup

A = 'instance="w1",job="filterd-web"'
API = AlertGroup(
    "api",
    "The API",
    "La API",
    (
        Alert(
            name="FilterdApiFails",
            severity="ticket",
            expression='sum by (instance) (rate(filterd_api_requests_total{status=~"5.."}[10m]))'
            " > 0.05 * sum by (instance) (rate(filterd_api_requests_total[10m]))",
            wait="10m",
            summary="The API on {{ $labels.instance }} fails; requests a second: {{ $value }}",
            description="Systems of the provider cannot register lines or make choices. DNS goes on, and "
            "commands work if the store does.",
            summary_es="La API en {{ $labels.instance }} falla; solicitudes por segundo: {{ $value }}",
            description_es="Los sistemas del proveedor no pueden registrar líneas ni elegir. El DNS sigue, y "
            "los comandos funcionan si el almacén funciona.",
            fires={
                f'filterd_api_requests_total{{{A},group="choices",status="503"}}': "0+60x60",
                f'filterd_api_requests_total{{{A},group="choices",status="200"}}': "0+60x60",
            },
            quiet={
                f'filterd_api_requests_total{{{A},group="choices",status="503"}}': "0+1x60",
                f'filterd_api_requests_total{{{A},group="choices",status="200"}}': "0+60x60",
            },
            at="40m",
        ),
    ),
)

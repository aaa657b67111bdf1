"""Runbooks for the alerts on the API."""

from __future__ import annotations

from monitoring.source.runbook_form import CONTROL_LOG, SYSTEM, Runbook

WEB_LOG = "journalctl -u filterd-web -o cat -n 50"

API = {
    "FilterdApiFails": Runbook(
        "the provider's systems cannot register lines, opt them in or out, or make choices. Nothing is "
        "unblocked, and clients have answers.",
        "a 503 names its cause in `detail`, and the log has it too: a store that is busy, full or restored. "
        "`filterd doctor` looks at the store. Callers repeat what failed with the same Idempotency-Key; an "
        "opt-out that cannot wait works by command: `filterd subscriber opt-out ID`.",
        "los sistemas del proveedor no pueden registrar líneas, darlas de alta o de baja, ni elegir. Nada se "
        "desbloquea, y los clientes tienen respuestas.",
        "un 503 dice su causa en `detail`, y el registro también: un almacén ocupado, lleno o restaurado. "
        "`filterd doctor` revisa el almacén. Quien llama repite lo que falló con la misma Idempotency-Key; "
        "una baja que no puede esperar funciona por comando: `filterd subscriber opt-out ID`.",
        SYSTEM,
        (WEB_LOG, "filterd doctor", CONTROL_LOG),
    ),
}

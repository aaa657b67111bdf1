"""Runbooks of the alerts on sessions in control."""

from __future__ import annotations

from monitoring.source.runbook_form import CONTROL_LOG, CONTROL_READY, NETWORK, SYSTEM, Runbook

COUNTS = "filterd session list"
LISTENS = "ss -lnup 'sport = :1813'"
PACKETS = "curl -s http://127.0.0.1:8080/metrics | grep filterd_accounting"

SESSIONS = {
    "FilterdAccountingSilent": Runbook(
        "lines whose addresses come by session become unknown after accounting.stale_after: they are "
        "answered without their own restrictions. Mandatory rules hold.",
        "`ss` shows whether control listens. Look at the RADIUS server that forwards accounting, and at the "
        "path to it. Where packets arrive and are dropped, the counts say why. Capture one and ask: "
        "`filterd session explain FILE`.",
        "las líneas cuyas direcciones vienen por sesión quedan sin reconocer tras accounting.stale_after: se "
        "les responde sin sus propias restricciones. Las reglas obligatorias rigen.",
        "`ss` muestra si el control escucha. Revise el servidor RADIUS que reenvía la contabilidad y el "
        "camino hasta él. Si los paquetes llegan y se descartan, los contadores dicen por qué. Capture uno "
        "y pregunte: `filterd session explain FILE`.",
        NETWORK,
        (LISTENS, PACKETS, CONTROL_READY),
    ),
    "FilterdAccountingRefused": Runbook(
        "sessions that these senders tell of are not known. The others are.",
        "`bad_authenticator`: the secret in `secret_file` and the sender's differ. `unknown_client`: the "
        "sender is missing in `accounting.radius.clients`. `no_message_authenticator`: let the sender add "
        "it, or turn the key off for it. Nobody you know? Close the port to them in the firewall.",
        "no se conocen las sesiones que anuncian estos emisores. Las demás sí.",
        "`bad_authenticator`: el secreto de `secret_file` y el del emisor difieren. `unknown_client`: el "
        "emisor falta en `accounting.radius.clients`. `no_message_authenticator`: haga que el emisor lo "
        "agregue, o apague la clave para él. ¿Nadie conocido? Ciérreles el puerto en el cortafuegos.",
        NETWORK,
        (PACKETS, "filterd config show", CONTROL_LOG),
    ),
    "FilterdSessionsNearlyFull": Runbook(
        "nothing yet. Beyond the limit new sessions are refused, and their lines are unknown.",
        "raise `accounting.sessions` (some 200 bytes a session) and restart control: resolvers keep what "
        "they know meanwhile. Far more sessions than lines? A NAS tells of no ends: shorten "
        "`accounting.stale_after`.",
        "todavía nada. Más allá del límite las sesiones nuevas se rechazan y sus líneas quedan sin "
        "reconocer.",
        "suba `accounting.sessions` (unos 200 bytes por sesión) y reinicie el control: los resolutores "
        "conservan lo que saben. ¿Muchas más sesiones que líneas? Algún NAS no anuncia finales: acorte "
        "`accounting.stale_after`.",
        SYSTEM,
        (COUNTS, "filterd config show", CONTROL_LOG),
    ),
    "FilterdSessionsRefused": Runbook(
        "the lines whose sessions are refused are unknown: they are answered without their own restrictions. "
        "Mandatory rules hold, and sessions that are known go on.",
        "`/readyz` says what is full. The table: raise `accounting.sessions` (some 200 bytes a session) and "
        "restart control. The disk: make room; nothing is to be restarted. Refused sessions come again with "
        "their next interim packets. Far more sessions than lines? A NAS tells of no ends: shorten "
        "`accounting.stale_after`.",
        "las líneas cuyas sesiones se rechazan quedan sin reconocer: se les responde sin sus propias "
        "restricciones. Las reglas obligatorias rigen y las sesiones conocidas siguen.",
        "`/readyz` dice qué está lleno. La tabla: suba `accounting.sessions` (unos 200 bytes por sesión) y "
        "reinicie el control. El disco: haga lugar; no hay que reiniciar nada. Las sesiones rechazadas "
        "vuelven con sus próximos paquetes interinos. ¿Muchas más sesiones que líneas? Algún NAS no anuncia "
        "finales: acorte `accounting.stale_after`.",
        SYSTEM,
        (CONTROL_READY, COUNTS, "df -h /var/lib/filterd"),
    ),
    "FilterdSessionsIncomplete": Runbook(
        "clients that nothing else recognises get SERVFAIL where dns.parental_fail is closed, and are "
        "answered without restrictions where it is open, until accounting.settle has passed.",
        "the log says what was wrong with the file. Nothing else is to be done: each session comes again "
        "with its next interim packet. A disk that damages files damages others too: look at it.",
        "los clientes que nada más reconoce reciben SERVFAIL si dns.parental_fail es closed, y respuestas "
        "sin restricciones si es open, hasta que pase accounting.settle.",
        "el registro dice qué falló en el archivo. No hay más que hacer: cada sesión vuelve con su próximo "
        "paquete interino. Un disco que daña archivos dañará otros: revíselo.",
        SYSTEM,
        (CONTROL_LOG, COUNTS, CONTROL_READY),
    ),
}

"""Runbooks of the alerts on sessions in control."""

from __future__ import annotations

from monitoring.source.runbook_form import CONTROL_LOG, CONTROL_READY, NETWORK, SYSTEM, Runbook

COUNTS = "filterd session list"
LISTENS = "ss -lnup 'sport = :1813'"
CLOCKS = "curl -s http://127.0.0.1:8080/metrics | grep filterd_nas_clock"
PACKETS = "curl -s http://127.0.0.1:8080/metrics | grep filterd_accounting"

SESSIONS = {
    "FilterdAccountingSilent": Runbook(
        "lines whose addresses come by session become unknown after accounting.stale_after: they are "
        "answered without their own restrictions. Mandatory rules hold.",
        "one line of `ss` means that control listens; where there is none, `/readyz` says why behind "
        "`ready`. Ask for the counts twice, ten seconds apart. `accepted` grows: it is over. Another outcome "
        "grows: packets come and are dropped, see FilterdAccountingRefused. Nothing grows: nothing comes. "
        "`tcpdump -n -c 5 udp port 1813` shows nothing then either: look at the RADIUS server that forwards "
        "accounting, at its queue, and at the firewalls between. You have until `accounting.stale_after` (2 "
        "hours by default, in parts less) before lines that are online become unknown.",
        "las líneas cuyas direcciones vienen por sesión quedan sin reconocer tras accounting.stale_after: se "
        "les responde sin sus propias restricciones. Las reglas obligatorias rigen.",
        "un renglón de `ss` significa que el control escucha; si no hay ninguno, `/readyz` dice por qué tras "
        "`ready`. Pida los contadores dos veces, con diez segundos de diferencia. Crece `accepted`: ya pasó. "
        "Crece otro resultado: los paquetes llegan y se descartan, vea FilterdAccountingRefused. No crece "
        "nada: no llega nada. Entonces `tcpdump -n -c 5 udp port 1813` tampoco muestra nada: revise el "
        "servidor RADIUS que reenvía la contabilidad, su cola y los cortafuegos del camino. Tiene hasta "
        "`accounting.stale_after` (2 horas si no se dijo otra cosa, en parte menos) antes de que las líneas "
        "conectadas queden sin reconocer.",
        NETWORK,
        (LISTENS, PACKETS, CONTROL_READY),
    ),
    "FilterdAccountingRefused": Runbook(
        "sessions that these senders tell of are not known. The others are.",
        "`bad_authenticator`: the secret in `secret_file` and the sender's differ. `unknown_client`: the "
        "sender is missing in `accounting.radius.clients`, or the secret of its client was never read "
        "(`filterd doctor` says so). `no_message_authenticator`: let the sender add "
        "it, or turn the key off for it. Who it is, one packet says: `tcpdump -n -c 1 -w packet.pcap udp "
        "port 1813`, then `filterd session explain packet.pcap` with the problem and its remedy, then `rm "
        "packet.pcap`: it holds an address and a name. Nobody you know? Close the port to them in the "
        "firewall.",
        "no se conocen las sesiones que anuncian estos emisores. Las demás sí.",
        "`bad_authenticator`: el secreto de `secret_file` y el del emisor difieren. `unknown_client`: el "
        "emisor falta en `accounting.radius.clients`, o el secreto de su cliente nunca se pudo leer "
        "(`filterd doctor` lo dice). `no_message_authenticator`: haga que el emisor lo "
        "agregue, o apague la clave para él. Quién es, lo dice un paquete: `tcpdump -n -c 1 -w packet.pcap "
        "udp port 1813`, luego `filterd session explain packet.pcap` con el problema y su remedio, y luego "
        "`rm packet.pcap`: contiene una dirección y un nombre. ¿Nadie conocido? Ciérreles el puerto en el "
        "cortafuegos.",
        NETWORK,
        (PACKETS, "filterd config show", CONTROL_LOG),
    ),
    "FilterdSessionsNearlyFull": Runbook(
        "nothing yet. Beyond the limit new sessions are refused, and their lines are unknown.",
        "`in all` of the list says how many there are, and how many may be. As many as lines are online: "
        "raise `accounting.sessions` in filterd.yaml (some 200 bytes a session), then `systemctl restart "
        "filterd-control`: resolvers keep what they know meanwhile, and the list shows the new limit. Far "
        "more than lines: a NAS tells of no ends. `gone stale` grows by them; shorten "
        "`accounting.stale_after`, and let that NAS send Stop packets.",
        "todavía nada. Más allá del límite las sesiones nuevas se rechazan y sus líneas quedan sin "
        "reconocer.",
        "`in all` de la lista dice cuántas hay y cuántas caben. Tantas como líneas conectadas: suba "
        "`accounting.sessions` en filterd.yaml (unos 200 bytes por sesión) y luego `systemctl restart "
        "filterd-control`: los resolutores conservan lo que saben, y la lista muestra el nuevo límite. "
        "Muchas más que líneas: algún NAS no anuncia finales. Por ellas crece `gone stale`; acorte "
        "`accounting.stale_after` y haga que ese NAS envíe paquetes Stop.",
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
        "the log says what was wrong with the file (`the sessions of before are lost`). `/readyz` says in "
        "how many seconds they count as loaded, and `registered` of the list grows meanwhile: each session "
        "comes again with its next interim packet. It does not grow: see FilterdAccountingSilent. A disk "
        "that damages files damages others too: `dmesg --level err,warn` shows its errors.",
        "los clientes que nada más reconoce reciben SERVFAIL si dns.parental_fail es closed, y respuestas "
        "sin restricciones si es open, hasta que pase accounting.settle.",
        "el registro dice qué falló en el archivo (`the sessions of before are lost`). `/readyz` dice en "
        "cuántos segundos cuentan como cargadas, y mientras tanto crece `registered` de la lista: cada "
        "sesión vuelve con su próximo paquete interino. Si no crece, vea FilterdAccountingSilent. Un disco "
        "que daña archivos dañará otros: `dmesg --level err,warn` muestra sus errores.",
        SYSTEM,
        (CONTROL_LOG, COUNTS, CONTROL_READY),
    ),
    "FilterdNasClockWrong": Runbook(
        "little: packets of one NAS are put in order by its own clock, and against others by the measured "
        "difference. A clock that steps may make an address nobody's until the next packets.",
        "`off` counts the clocks that are wrong, and `filterd_nas_clock_steps_total` says whether they step. "
        "`timedatectl` must say `System clock synchronized: yes`: where all NASes are off, it is this "
        "machine's clock. Which NAS it is, a packet says: `tcpdump -n -c 1 -w packet.pcap udp port 1813 and "
        "src NAS`, then `filterd session explain packet.pcap` shows `clock of the NAS`, then `rm "
        "packet.pcap`: it holds an address and a name. Set up NTP on that NAS. Where it writes the time of "
        "sending into Event-Timestamp, give its client `timestamps: sent`.",
        "poco: los paquetes de un NAS se ordenan por su propio reloj, y frente a otros según la diferencia "
        "medida. Un reloj que salta puede dejar una dirección sin dueño hasta los próximos paquetes.",
        "`off` cuenta los relojes desviados, y `filterd_nas_clock_steps_total` dice si saltan. `timedatectl` "
        "tiene que decir `System clock synchronized: yes`: si se desvían todos los NAS, es el reloj de esta "
        "máquina. Qué NAS es, lo dice un paquete: `tcpdump -n -c 1 -w packet.pcap udp port 1813 and src "
        "NAS`, luego `filterd session explain packet.pcap` muestra `clock of the NAS`, y luego `rm "
        "packet.pcap`: contiene una dirección y un nombre. Configure NTP en ese NAS. Si escribe la hora de "
        "envío en Event-Timestamp, dé a su cliente `timestamps: sent`.",
        NETWORK,
        (CLOCKS, "timedatectl", COUNTS),
    ),
}
